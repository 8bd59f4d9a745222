/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/selfsampler.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "billing/labels.h"
#include "billing/loopblocks.h"
#include "ext/background.h"
#include "ext/inside.h"
#include "ext/onthread.h"

static const uint64_t budget_ns = 500 * 1000 * 1000; /* own CPU time is looked at this often */
#define TASK_SHARE 0.5 /* of max_cpu, at most, is for looks at tasks */
#define LOWEST_RATE (1.0 / 60) /* where not even a look a minute fits into the budget, it is exceeded */

struct strobe_selfsampler {
    struct strobe_background background; /* first */
    struct strobe_selfsampler_opts opts;
    char *labels[STROBE_LABELS_MAX], *version_text;
    /* Under its work: */
    struct strobe_inside *inside;
    struct strobe_names *names;
    struct strobe_agg *threads, *tasks;
    struct strobe_loopblocks blocks;
    struct strobe_session *session;
    int err;              /* of the recording */
    struct strobe_buf why; /* why there is none: the one that was to follow has not begun */
    double rate;
    uint64_t checked_ns;  /* when the budget was looked at, and what had been used then */
    double checked_cpu;
    uint64_t checked_ticks; /* looks at tasks until then */
    bool running, exceeded;
    struct strobe_session_stats stats; /* as of the last poll */
};

static void release_recording(struct strobe_selfsampler *s)
{
    strobe_session_free(s->session);
    strobe_inside_close(s->inside);
    strobe_agg_free(s->threads);
    strobe_agg_free(s->tasks);
    strobe_loopblocks_release(&s->blocks);
    strobe_names_free(s->names);
    s->session = NULL;
    s->inside = NULL;
    s->threads = s->tasks = NULL;
    s->names = NULL;
}

/* What it read is the parent's. */
static void forked(struct strobe_background *background)
{
    struct strobe_selfsampler *s = (struct strobe_selfsampler *)background;

    release_recording(s);
    s->running = false;
}

/* ---- the thread ---- */

static uint64_t now_of(struct strobe_selfsampler *s)
{
    return s->background.clock.now(&s->background.clock);
}

/* Lowers the rate of threads where it costs more than it may, and raises it again where there is room; never above what was asked for.
 * Looks at tasks keep to their share by themselves (make_session): what of it they need is theirs, the rest is the threads'. */
static void keep_to_budget(struct strobe_selfsampler *s, const struct strobe_session_stats *stats)
{
    uint64_t now = now_of(s);
    double used, tasks, seconds = (double)(now - s->checked_ns) / 1e9, may = s->opts.max_cpu, rate = s->rate;

    if (s->opts.max_cpu <= 0 || now - s->checked_ns < budget_ns)
        return;
    used = (stats->own_cpu - s->checked_cpu) / seconds;
    tasks = (double)(stats->tasks.ticks - s->checked_ticks) * (double)stats->tasks.cost_ns / 1e9 / seconds;
    s->checked_ns = now;
    s->checked_cpu = stats->own_cpu;
    s->checked_ticks = stats->tasks.ticks;
    s->exceeded = rate <= LOWEST_RATE && used > may;
    used -= tasks < used ? tasks : used;
    may -= tasks < TASK_SHARE * may ? tasks : TASK_SHARE * may;
    if (used > may)
        rate *= 0.9 * may / used; /* nearly all of what a look costs, it costs again at the next */
    else if (used < 0.7 * may)
        rate *= 1.2;
    rate = rate < LOWEST_RATE ? LOWEST_RATE : rate;
    s->rate = rate > s->opts.rate ? s->opts.rate : rate;
    strobe_session_set_rate(s->session, s->rate);
}

static void poll(void *ctx, const struct strobe_session_stats *stats)
{
    struct strobe_selfsampler *s = ctx;

    s->stats = *stats;
    keep_to_budget(s, stats);
}

static void run(struct strobe_background *background)
{
    struct strobe_selfsampler *s = (struct strobe_selfsampler *)background;
    const struct strobe_session_hooks hooks = {.poll = poll, .ctx = s};

    s->checked_ns = now_of(s);
    s->checked_cpu = s->stats.own_cpu;
    s->checked_ticks = s->stats.tasks.ticks;
    s->err = strobe_session_run(s->session, &hooks);
    strobe_session_stats(s->session, &s->stats);
    s->running = atomic_load(&background->ending) && background->rests;
}

static void order(struct strobe_background *background, bool go)
{
    struct strobe_selfsampler *s = (struct strobe_selfsampler *)background;

    if (s->session)
        (go ? strobe_session_go : strobe_session_stop)(s->session);
}

/* ---- a recording ---- */

static int make_session(struct strobe_selfsampler *s)
{
    struct strobe_session_opts opts = {
        .rate = s->rate,
        .mode = STROBE_MODE_INSIDE,
        .idle = s->opts.idle,
        .thread_roots = s->opts.threads,
        .lines = STROBE_LINE_CURRENT,
        .task_rate = s->opts.task_rate,
        .task_share = TASK_SHARE * s->opts.max_cpu,
        .labels = (const char *const *)s->labels,
        .n_labels = s->opts.n_labels,
        .blocks = &s->blocks,
    };
    unsigned log = s->opts.order ? STROBE_AGG_LOG | STROBE_AGG_LOG_LOSABLE : 0;
    uint64_t period_ns = (uint64_t)(1e9 / s->opts.rate);
    int err = strobe_names_new(&s->names);

    if (!err)
        err = strobe_agg_new(period_ns, log, &s->threads);
    if (!err && s->opts.task_rate > 0)
        err = strobe_agg_new(period_ns, log | STROBE_AGG_EVEN, &s->tasks);
    if (err)
        return err;
    opts.task_agg = s->tasks;
    strobe_loopblocks_init(&s->blocks, s->names);
    return strobe_session_new(&opts, s->names, s->threads, &s->background.clock, &s->session);
}

/* All but the thread.  before: when the recording before this one billed last. */
static int begin(struct strobe_selfsampler *s, const struct strobe_session_billed *before, struct strobe_buf *why)
{
    struct strobe_session_target target;
    struct strobe_place *place;
    int err = strobe_inside_open(s->opts.runtime, s->opts.version, s->version_text, &s->inside, why);

    if (err)
        return err;
    s->rate = s->opts.rate;
    if ((err = make_session(s)))
        goto done;
    place = strobe_inside_place(s->inside);
    strobe_names_set_shortener(s->names, strobe_place_shorten, place);
    target = (struct strobe_session_target){.layout = place->layout, .pid = place->pid, .label = place->cmdline,
                                            .find_asyncio = strobe_place_find_asyncio, .find_ctx = place};
    strobe_inside_detach_parts(s->inside, &target.mem, &target.host);
    err = strobe_session_add(s->session, &target);
    if (err) {
        strobe_mem_close(target.mem);
        target.host->ops->close(target.host);
    } else {
        strobe_session_follow(s->session, place->pid, before);
        s->running = true;
    }
done:
    if (err) {
        strobe_buf_puts(why, strobe_err_text(err));
        release_recording(s);
    }
    return err;
}

static int copy_texts(struct strobe_selfsampler *s, const struct strobe_selfsampler_opts *opts)
{
    int err = (s->version_text = strdup(opts->version_text)) ? 0 : STROBE_ERR_NOMEM;

    s->opts.n_labels = opts->n_labels < STROBE_LABELS_MAX ? opts->n_labels : STROBE_LABELS_MAX;
    for (uint32_t i = 0; i < s->opts.n_labels; i++)
        if (!(s->labels[i] = strdup(opts->labels[i])))
            err = STROBE_ERR_NOMEM;
    return err;
}

/* What begin() has made, runs; not under work. */
static int start(struct strobe_selfsampler *s)
{
    int err = strobe_background_start(&s->background, "strobe");

    if (err) {
        strobe_background_lock(&s->background);
        release_recording(s);
        s->running = false;
        strobe_background_unlock(&s->background);
    }
    return err;
}

int strobe_selfsampler_start(const struct strobe_selfsampler_opts *opts, struct strobe_selfsampler **ret, struct strobe_buf *why)
{
    struct strobe_selfsampler *s = calloc(1, sizeof *s);
    struct strobe_session_billed begun; /* the first sample stands for all since then */
    int err;

    if (!s)
        return STROBE_ERR_NOMEM;
    strobe_background_init(&s->background, run, forked);
    s->background.order = order;
    begun.threads_ns = begun.tasks_ns = now_of(s);
    s->opts = *opts;
    err = copy_texts(s, opts);
    strobe_background_lock(&s->background);
    if (!err)
        err = begin(s, &begun, why);
    strobe_background_unlock(&s->background);
    if (!err && (err = start(s)))
        strobe_buf_puts(why, strobe_err_text(err));
    if (err)
        strobe_selfsampler_free(s);
    else
        *ret = s;
    return err;
}

/* What was gathered, into a profile; under work, the thread has ended. */
static int hand_over(struct strobe_selfsampler *s, struct strobe_selfprofile **ret)
{
    int err = strobe_selfprofile_new(s->names, s->threads, s->tasks, strobe_inside_place(s->inside)->cmdline, ret);

    if (err)
        return err;
    strobe_names_set_shortener(s->names, NULL, NULL);
    (*ret)->stats = s->stats;
    strobe_session_times(s->session, &(*ret)->start_ns, &(*ret)->end_ns, &(*ret)->start_unix_ns);
    s->names = NULL;
    s->threads = s->tasks = NULL;
    return 0;
}

int strobe_selfsampler_take(struct strobe_selfsampler *s, bool again, struct strobe_selfprofile **ret, struct strobe_buf *why)
{
    struct strobe_selfprofile *profile = NULL;
    struct strobe_session_billed before;
    int err = 0, begun = 0;

    if (s->background.was_forked || !s->session) {
        strobe_buf_puts(why, strobe_buf_str(&s->why));
        return STROBE_ERR_GONE;
    }
    strobe_background_end(&s->background);
    strobe_background_lock(&s->background); /* no fork sees it half taken apart */
    before = strobe_session_billed(s->session, getpid());
    if (s->err) {
        strobe_buf_puts(why, strobe_err_text(s->err));
        err = STROBE_ERR_GONE;
    }
    if (!err)
        err = hand_over(s, &profile);
    release_recording(s);
    if (!err && again)
        begun = begin(s, &before, &s->why);
    strobe_background_unlock(&s->background);
    if (!err && again && !begun && (begun = start(s)))
        strobe_buf_puts(&s->why, strobe_err_text(begun));
    if (begun)
        s->running = false;
    if (ret && !err)
        *ret = profile;
    else
        strobe_selfprofile_free(profile);
    return err;
}

void strobe_selfsampler_free(struct strobe_selfsampler *s)
{
    if (!s)
        return;
    strobe_background_end(&s->background);
    strobe_background_release(&s->background);
    release_recording(s);
    for (uint32_t i = 0; i < s->opts.n_labels; i++)
        free(s->labels[i]);
    free(s->version_text);
    strobe_buf_release(&s->why);
    free(s);
}

void strobe_selfsampler_state(struct strobe_selfsampler *s, struct strobe_selfsampler_state *ret)
{
    strobe_background_lock(&s->background);
    *ret = (struct strobe_selfsampler_state){.running = s->running, .forked = s->background.was_forked, .rate = s->rate,
                                             .lowered = s->rate < s->opts.rate, .exceeded = s->exceeded,
                                             .signal = strobe_onthread_signal(), .stats = s->stats};
    strobe_background_unlock(&s->background);
}
