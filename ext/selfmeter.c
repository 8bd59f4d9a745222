/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/selfmeter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach/proc/procfacts.h"
#include "base/arena.h"
#include "base/err.h"
#include "ext/background.h"
#include "ext/inside.h"
#include "ext/registry.h"
#include "meter/turns.h"
#include "picture/metered.h"

enum {
    FIRST_SLICES = 1024, /* of the first scan, 4 GiB, are read as quickly as PAUSES say, the rest within the budget */
    PAUSES = 3,          /* between two slices, in times what one costs: a quarter of a CPU */
    CHILD_PAUSES = 49,   /* in a child made by fork, of which there may be many: a fiftieth */
};
static const uint64_t later_ns = 100 * 1000 * 1000, longest_pause_ns = 10ull * 1000 * 1000 * 1000;
static const uint64_t patience_ns = 1000 * 1000 * 1000; /* of who asks before the first look was made */
static const uint64_t scrape_ns = 5 * 1000 * 1000;      /* and of who asks during a long one, who then gets what was given last */

struct strobe_selfmeter {
    struct strobe_background background; /* first */
    /* Under its work: */
    struct strobe_selfmeter_opts opts;   /* texts owned */
    struct strobe_inside *inside;
    struct strobe_meter *meter;
    struct strobe_metered metered;
    bool is_open;                        /* inside, meter, metered */
    bool begun;                          /* the first look was tried */
    int open_err;                        /* why they could not be opened, which is tried again */
    uint64_t open_pause_ns;              /* until it is */
    bool hurried;                        /* somebody asks, and it has not begun */
    uint64_t begin_ns;
    struct strobe_arena hints;
    struct strobe_turns turns;
    uint32_t slices;                     /* of the first scan */
    double thread_s, asked_s;            /* CPU time of our threads, all of it; of who asked, what it spent here */
    uint64_t publish_cost_ns;            /* CPU time, the last one */
    /* Under `lock`, which is held for no longer than a copy takes: */
    pthread_mutex_t lock;
    pthread_cond_t seen;                 /* tried is set */
    bool tried;
    struct strobe_metrics families;      /* as they were given last, or as of the last look */
    struct strobe_metrics next;          /* becomes families when it is whole */
};

static uint64_t now_of(struct strobe_selfmeter *self)
{
    return self->background.clock.now(&self->background.clock);
}

static void read_process(int32_t pid, struct strobe_meter_process *ret)
{
    struct strobe_procfacts facts;

    strobe_procfacts_read(pid, &facts);
    *ret = (struct strobe_meter_process){.cpu_s = facts.cpu_s, .resident_bytes = facts.resident_bytes, .open_fds = facts.open_fds};
}

/* CPU time of the thread that runs, be it ours or one that asked for a reading; seconds. */
static double thread_cpu(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* ---- what others see ---- */

/* Under work. */
static int families_of_now(struct strobe_selfmeter *self, struct strobe_metrics *ret)
{
    struct strobe_meter_cost cost = {.cpu_s = self->thread_s + self->asked_s, .looks = self->metered.looks, .errors = self->metered.errors};

    strobe_meter_set_cost(self->meter, &cost);
    return strobe_meter_metrics(self->meter, now_of(self), ret);
}

/* After a look, and for who asks: what is given later is never older.  What finds no memory stays as it was. */
static void publish(struct strobe_selfmeter *self)
{
    double before = thread_cpu();

    pthread_mutex_lock(&self->lock);
    if (!families_of_now(self, &self->next)) {
        struct strobe_metrics before_it = self->families;

        self->families = self->next;
        self->next = before_it;
    }
    pthread_mutex_unlock(&self->lock);
    self->publish_cost_ns = (uint64_t)((thread_cpu() - before) * 1e9);
}

static int copy_families(const struct strobe_metrics *from, struct strobe_metrics *to)
{
    strobe_metrics_clear(to);
    for (size_t i = 0; i < from->n_families; i++) {
        const struct strobe_metric_family *f = &from->families[i];

        strobe_metrics_family(to, "", f->name, f->type, f->unit, f->help);
        for (uint32_t k = 0; k < f->n_samples; k++) {
            const struct strobe_metric_sample *sample = &from->samples[f->first + k];

            strobe_metrics_sample(to, sample->value, sample->n_labels, sample->labels);
        }
    }
    return to->failed ? STROBE_ERR_NOMEM : 0;
}

/* Until the first look was tried, or patience is at its end.  A thread that bides its time has let go of work: it is told to begin. */
static void await_first(struct strobe_selfmeter *self)
{
    uint64_t end = now_of(self) + patience_ns;
    struct timespec until = {(time_t)(end / 1000000000u), (long)(end % 1000000000u)};

    if (self->opts.later && !pthread_mutex_trylock(&self->background.work)) {
        self->hurried = true;
        pthread_cond_signal(&self->background.wake);
        pthread_mutex_unlock(&self->background.work);
    }
    pthread_mutex_lock(&self->lock);
    while (!self->tried && !pthread_cond_timedwait(&self->seen, &self->lock, &until))
        continue;
    pthread_mutex_unlock(&self->lock);
}

/* For so long at most. */
static bool lock_within(pthread_mutex_t *mutex, uint64_t ns)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    ns += (uint64_t)until.tv_nsec;
    until.tv_sec += (time_t)(ns / 1000000000u);
    until.tv_nsec = (long)(ns % 1000000000u);
    return !pthread_mutex_timedlock(mutex, &until);
}

int strobe_selfmeter_metrics(struct strobe_selfmeter *self, struct strobe_metrics *ret)
{
    double before = thread_cpu();
    int err = 0;
    bool now;

    await_first(self);
    now = lock_within(&self->background.work, scrape_ns);
    if (now && self->is_open)
        publish(self);
    pthread_mutex_lock(&self->lock);
    if (now && !self->is_open)
        err = self->background.was_forked ? STROBE_ERR_GONE : self->open_err;
    else
        err = copy_families(&self->families, ret);
    pthread_mutex_unlock(&self->lock);
    if (now) {
        self->asked_s += thread_cpu() - before;
        pthread_mutex_unlock(&self->background.work);
    }
    return err;
}

int strobe_selfmeter_events(struct strobe_selfmeter *self, struct strobe_buf *out)
{
    struct strobe_meter_event event;
    int err = 0;

    strobe_background_lock(&self->background);
    while (!err && self->is_open && strobe_meter_next_event(self->meter, &event))
        err = strobe_meter_event_json(&event, out);
    strobe_background_unlock(&self->background);
    return err;
}

int strobe_selfmeter_families(struct strobe_metrics *ret)
{
    struct strobe_meter_opts opts = {.process = true};
    struct strobe_meter *meter;
    int err = strobe_meter_new(&opts, &meter);

    if (err)
        return err;
    err = strobe_meter_metrics(meter, 0, ret);
    strobe_meter_free(meter);
    return err;
}

/* ---- turns ---- */

static int look(struct strobe_selfmeter *self)
{
    int err;

    strobe_arena_reset(&self->hints);
    err = strobe_registry_copy(&self->hints, &self->metered.pooled.hints);
    if (!err)
        err = strobe_metered_look(&self->metered);
    self->metered.pooled.hints = (struct strobe_hints){NULL, 0};
    return err;
}

/* A reading: a look when one is due, else a glance. */
static int take(struct strobe_selfmeter *self, bool *ret_looked)
{
    uint64_t least = strobe_turns_look_spacing(&self->turns, self->metered.look_cost_ns + self->publish_cost_ns);

    *ret_looked = strobe_metered_is_look(&self->metered, least, now_of(self));
    return *ret_looked ? look(self) : strobe_metered_glance(&self->metered);
}

static void scan(struct strobe_selfmeter *self)
{
    const struct strobe_metered *metered = &self->metered;
    uint64_t now = now_of(self), cost;
    bool done, wanted = metered->pooled.scanning || strobe_turns_is_scan(now - metered->scan_ns, now - metered->since_ns);

    if (wanted)
        strobe_metered_scan(&self->metered, &done); /* its errors are counted */
    cost = wanted ? metered->slice_cost_ns : 0;
    now = now_of(self);
    strobe_turns_sliced(&self->turns, cost, now);
    if (wanted && !metered->scan_ns && self->slices++ < FIRST_SLICES)
        self->turns.slice_due = now + cost * (self->opts.later ? CHILD_PAUSES : PAUSES);
}

static int open_parts(struct strobe_selfmeter *self, struct strobe_buf *why)
{
    const struct strobe_selfmeter_opts *opts = &self->opts;
    struct strobe_meter_opts meter = {.prefix = opts->prefix, .wait_threshold_s = opts->wait_threshold_s,
                                      .saturated_threshold_s = opts->saturated_threshold_s, .event_every_s = opts->event_every_s,
                                      .process = true};
    struct strobe_metered_opts how = {.nonblocking = true, .own_thread = true, .read_process = read_process};
    int err = strobe_inside_open(opts->runtime, opts->version, opts->version_text, &self->inside, why);

    if (err)
        return err;
    err = strobe_meter_new(&meter, &self->meter);
    if (err == STROBE_ERR_ARG)
        strobe_buf_printf(why, "no metric's name can begin with '%s'", opts->prefix);
    how.meter = self->meter;
    if (!err)
        err = strobe_metered_open(strobe_inside_place(self->inside), NULL, &how, &self->metered);
    self->is_open = !err;
    if (!err)
        strobe_turns_init(&self->turns, opts->max_cpu, now_of(self));
    return err;
}

static void release(struct strobe_selfmeter *self)
{
    if (self->is_open)
        strobe_metered_release(&self->metered);
    self->is_open = false;
    strobe_meter_free(self->meter);
    self->meter = NULL;
    strobe_inside_close(self->inside);
    self->inside = NULL;
    strobe_arena_release(&self->hints);
}

static void announce(struct strobe_selfmeter *self)
{
    pthread_mutex_lock(&self->lock);
    self->tried = true;
    pthread_cond_broadcast(&self->seen);
    pthread_mutex_unlock(&self->lock);
}

/* The first look, without what lies idle.  A child that cannot be read yet (it changes too fast, there is no memory) is tried again. */
static void make_first(struct strobe_selfmeter *self)
{
    struct strobe_buf why = STROBE_BUF_INIT;
    bool looked;

    if (!self->is_open && (self->open_err = open_parts(self, &why))) {
        release(self);
        self->hurried = false;
        self->open_pause_ns = self->open_pause_ns ? 2 * self->open_pause_ns : later_ns;
        if (self->open_pause_ns > longest_pause_ns)
            self->open_pause_ns = longest_pause_ns;
        self->begin_ns = now_of(self) + self->open_pause_ns;
    } else {
        take(self, &looked); /* its errors are counted, and it is tried again */
        publish(self);
        self->begun = true;
    }
    strobe_buf_release(&why);
    announce(self);
}

/* When there is something to do next; it is done if that is now. */
static uint64_t turn(struct strobe_selfmeter *self)
{
    uint64_t at = now_of(self);
    bool looked;

    if (!self->begun) {
        if (at < self->begin_ns && !self->hurried)
            return self->begin_ns;
        make_first(self);
        if (!self->begun)
            return self->begin_ns;
    } else if (at >= self->turns.glance_due) {
        take(self, &looked);
        if (looked)
            publish(self);
        strobe_turns_glanced(&self->turns, self->metered.glance_cost_ns, now_of(self));
    } else if (at >= self->turns.slice_due) {
        scan(self);
    }
    return self->turns.glance_due < self->turns.slice_due ? self->turns.glance_due : self->turns.slice_due;
}

static void run(struct strobe_background *background)
{
    struct strobe_selfmeter *self = (struct strobe_selfmeter *)background;
    double before = self->thread_s; /* of a thread that has ended */
    uint64_t next;

    while (!atomic_load(&background->ending)) {
        next = turn(self);
        self->thread_s = before + thread_cpu();
        background->clock.sleep_until(&background->clock, next);
    }
}

/* ---- beginning and end ---- */

/* seen and the clock it waits by. */
static void init_locks(struct strobe_selfmeter *self)
{
    strobe_background_cond_init(&self->seen);
    pthread_mutex_init(&self->lock, NULL);
}

static void forked(struct strobe_background *background)
{
    struct strobe_selfmeter *self = (struct strobe_selfmeter *)background;

    release(self);
    init_locks(self);
    self->tried = true; /* nobody waits here */
    strobe_metrics_clear(&self->families);
}

static int copy_opts(struct strobe_selfmeter *self, const struct strobe_selfmeter_opts *opts)
{
    self->opts = *opts;
    self->opts.prefix = strdup(opts->prefix);
    self->opts.version_text = strdup(opts->version_text);
    return self->opts.prefix && self->opts.version_text ? 0 : STROBE_ERR_NOMEM;
}

int strobe_selfmeter_start(const struct strobe_selfmeter_opts *opts, struct strobe_selfmeter **ret, struct strobe_buf *why)
{
    struct strobe_selfmeter *self = calloc(1, sizeof *self);
    int err;

    if (!self)
        return STROBE_ERR_NOMEM;
    strobe_background_init(&self->background, run, forked);
    init_locks(self);
    self->families = self->next = (struct strobe_metrics)STROBE_METRICS_INIT;
    self->begin_ns = now_of(self) + (opts->later ? later_ns : 0);
    strobe_background_lock(&self->background);
    err = copy_opts(self, opts);
    if (!err && !opts->later)
        err = open_parts(self, why);
    strobe_background_unlock(&self->background);
    if (!err)
        err = strobe_background_start(&self->background, "strobe-meter");
    if (err) {
        if (!why->len)
            strobe_buf_puts(why, strobe_err_text(err));
        strobe_selfmeter_free(self);
        return err;
    }
    *ret = self;
    return 0;
}

void strobe_selfmeter_free(struct strobe_selfmeter *self)
{
    if (!self)
        return;
    strobe_background_end(&self->background);
    strobe_background_release(&self->background);
    release(self);
    strobe_metrics_release(&self->families);
    strobe_metrics_release(&self->next);
    pthread_cond_destroy(&self->seen);
    pthread_mutex_destroy(&self->lock);
    free((char *)self->opts.prefix);
    free((char *)self->opts.version_text);
    free(self);
}

bool strobe_selfmeter_forked(const struct strobe_selfmeter *self)
{
    return self->background.was_forked;
}

int strobe_selfmeter_pools(struct strobe_selfmeter *self, struct strobe_buf *out)
{
    double before = thread_cpu();
    bool looked;
    int err;

    await_first(self);
    strobe_background_lock(&self->background);
    err = self->is_open ? take(self, &looked) : self->background.was_forked ? STROBE_ERR_GONE : STROBE_ERR_NOTREADY;
    if (!err && looked)
        publish(self);
    if (!err)
        err = strobe_report_resources_json(&self->metered.report, out);
    self->asked_s += thread_cpu() - before;
    strobe_background_unlock(&self->background);
    return err;
}
