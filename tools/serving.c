/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/serving.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "attach/target.h"
#include "base/clock.h"
#include "tools/say.h"

/* Of the first scan of a process, one after the other without a pause but for all else that is due, so that what lies idle is known soon:
 * 4 GiB; what was never touched costs a quarter of a millisecond a MiB where /proc/PID/pagemap may not be read, and nothing where it
 * may. */
enum { FIRST_SLICES = 1024 };
static const uint64_t ms = 1000 * 1000;
static const uint64_t census_ns = 250 * 1000 * 1000, eager_ns = 20 * 1000 * 1000;

static uint64_t now(void)
{
    struct strobe_clock *clock = strobe_clock_system();

    return clock->now(clock);
}

/* ---- who comes and goes ---- */

/* The census' calls. */
static int arrive(void *ctx, pid_t pid, void *parent, void **ret_target)
{
    struct strobe_serving *serving = ctx;
    const struct strobe_served *of = parent;
    struct strobe_served *served;
    const char *label = NULL;
    char own[sizeof of->label];
    int err;

    if (serving->opts->serve.all_python) {
        bool named = strobe_served_name_of(pid, own, sizeof own); /* not so what multiprocessing starts */

        label = of && !named ? of->label : own;
    }
    strobe_buf_clear(&serving->why);
    err = strobe_served_open(pid, false, label, &serving->how, &served, &serving->why);
    if (err)
        return err;
    served->child = parent != NULL;
    strobe_outside_set_parent(&served->outside, of ? of->pid : serving->opts->serve.all_python ? strobe_target_parent(pid) : 0);
    err = strobe_served_look(served);
    if (err) {
        strobe_buf_printf(&serving->why, "process %d could not be read: %s", (int)pid, strobe_err_text(err));
        strobe_served_close(served);
        return err;
    }
    if (strobe_attach_warning(served->attach))
        strobe_say("Warning: %s", strobe_attach_warning(served->attach));
    served->next = serving->targets;
    serving->targets = served;
    serving->n_targets++;
    *ret_target = served;
    serving->turns.slice_due = 0;
    return 0;
}

static int check(void *ctx, void *target)
{
    return strobe_served_check(target);
}

/* Its counters stay in the meter, its costs here. */
static void leave(void *ctx, void *target)
{
    struct strobe_serving *serving = ctx;
    struct strobe_served *served = target, **at = &serving->targets;

    while (*at && *at != served)
        at = &(*at)->next;
    if (*at) {
        *at = served->next;
        serving->n_targets--;
    }
    serving->gone_paused_s += strobe_metered_paused(&served->metered);
    serving->gone_looks += served->metered.looks;
    serving->gone_errors += served->metered.errors;
    strobe_served_close(served);
}

/* ---- beginning and end ---- */

int strobe_serving_init(struct strobe_serving *serving, const struct strobe_opts *opts, const int32_t *pids, size_t n,
                        struct strobe_buf *why)
{
    static const struct strobe_census_ops ops = {arrive, check, leave};
    struct strobe_meter_opts meter = {.prefix = opts->serve.prefix, .wait_threshold_s = (double)opts->serve.wait_ns / 1e9,
                                      .saturated_threshold_s = (double)opts->serve.wait_ns / 1e9, .process = true,
                                      .max_processes = STROBE_SERVING_LABELS};
    int err;

    *serving = (struct strobe_serving){.opts = opts, .why = STROBE_BUF_INIT};
    err = strobe_meter_new(&meter, &serving->meter);
    if (err == STROBE_ERR_ARG)
        strobe_buf_printf(why, "'%s' is no value for --prefix: no metric's name can begin with it", opts->serve.prefix);
    else if (err)
        strobe_buf_puts(why, strobe_err_text(err));
    if (err)
        return err;
    serving->how = (struct strobe_served_opts){.nonblocking = opts->nonblocking, .full_filenames = opts->full_filenames,
                                               .max_pause_ns = opts->max_pause_ns, .meter = serving->meter};
    err = strobe_census_new(pids, n, &ops, serving, &serving->census);
    if (err)
        strobe_buf_puts(why, strobe_err_text(err));
    strobe_turns_init(&serving->turns, opts->serve.max_cpu, now());
    return err;
}

void strobe_serving_release(struct strobe_serving *serving)
{
    strobe_census_free(serving->census);
    strobe_meter_free(serving->meter);
    strobe_buf_release(&serving->why);
    serving->census = NULL;
    serving->meter = NULL;
}

int strobe_serving_start(struct strobe_serving *serving, int32_t pid, struct strobe_buf *why)
{
    int err = strobe_census_start(serving->census, pid);

    if (err)
        strobe_buf_puts(why, serving->why.len ? strobe_buf_str(&serving->why) : strobe_err_text(err));
    return err;
}

/* ---- the budget ---- */

static uint64_t sum_of(const struct strobe_serving *serving, size_t offset)
{
    uint64_t sum = 0;

    for (const struct strobe_served *served = serving->targets; served; served = served->next) {
        uint64_t one;

        memcpy(&one, (const char *)served + offset, sizeof one);
        sum += one;
    }
    return sum;
}

static uint64_t look_cost(const struct strobe_serving *serving)
{
    return sum_of(serving, offsetof(struct strobe_served, metered.look_cost_ns));
}

/* ---- turns ---- */

/* All processes at one moment of the rhythm: those whose look is due get that. */
static void glance_at_all(struct strobe_serving *serving)
{
    uint64_t least = strobe_turns_look_spacing(&serving->turns, look_cost(serving));

    for (struct strobe_served *served = serving->targets; served; served = served->next) {
        bool look = strobe_metered_is_look(&served->metered, least, now());

        if (look ? strobe_served_look(served) : strobe_served_glance(served))
            serving->census_due = 0; /* it may be gone */
    }
    strobe_turns_glanced(&serving->turns, sum_of(serving, offsetof(struct strobe_served, metered.glance_cost_ns)), now());
}

/* Is its first scan still to be made, or under way? */
static bool is_new(const struct strobe_served *served)
{
    return !served->metered.scan_ns && served->first_slices < FIRST_SLICES;
}

/* Of whom: of who is new, else of the scan that goes on, else of who was scanned longest ago; NULL = of nobody. */
static struct strobe_served *who_is_scanned(const struct strobe_serving *serving)
{
    struct strobe_served *next = NULL;

    for (struct strobe_served *served = serving->targets; served; served = served->next)
        if (is_new(served) && (!next || served->metered.pooled.scanning))
            next = served;
    if (next)
        return next;
    for (struct strobe_served *served = serving->targets; served; served = served->next) {
        const struct strobe_metered *metered = &served->metered;

        if (metered->pooled.scanning) {
            next = served;
            break;
        }
        if (strobe_turns_is_scan(now() - metered->scan_ns, now() - metered->since_ns) &&
            (!next || metered->scan_ns < next->metered.scan_ns))
            next = served;
    }
    return next;
}

/* One slice.  A first scan goes on as soon as nothing else is due, which it costs once; all others within the budget. */
static void scan_slice(struct strobe_serving *serving)
{
    struct strobe_served *next = who_is_scanned(serving);
    bool first = next && is_new(next), done;

    if (first)
        next->first_slices++;
    if (next && strobe_served_scan(next, &done))
        serving->census_due = 0;
    strobe_turns_sliced(&serving->turns, next ? next->metered.slice_cost_ns : 0, now());
    if (first)
        serving->turns.slice_due = 0;
}

int strobe_serving_turn(struct strobe_serving *serving)
{
    uint64_t at = now(), next;
    bool settled = true;

    if (at >= serving->census_due) {
        strobe_census_poll(serving->census, at);
        at = now();
        serving->census_due = at + (strobe_census_eager(serving->census, at) ? eager_ns : census_ns);
    }
    if (at >= serving->turns.glance_due) {
        glance_at_all(serving);
        at = now();
    } else if (at >= serving->turns.slice_due) {
        scan_slice(serving);
        at = now();
    }
    for (struct strobe_served *served = serving->targets; served; served = served->next)
        settled = strobe_snapshot_settle(served->metered.pooled.tasked.snap) && settled;
    next = serving->census_due < serving->turns.glance_due ? serving->census_due : serving->turns.glance_due;
    next = serving->turns.slice_due < next ? serving->turns.slice_due : next;
    if (!settled)
        return 1;
    return next <= at ? 0 : (int)((next - at + ms - 1) / ms);
}

void strobe_serving_refresh(struct strobe_serving *serving)
{
    uint64_t least = strobe_turns_spacing(&serving->turns, look_cost(serving), 1);

    for (struct strobe_served *served = serving->targets; served; served = served->next) {
        if (now() - served->metered.look_ns >= least ? strobe_served_look(served) : strobe_served_glance(served))
            serving->census_due = 0;
    }
}

bool strobe_serving_heavy(const struct strobe_serving *serving)
{
    return now() >= serving->heavy_due;
}

void strobe_serving_heavy_done(struct strobe_serving *serving, uint64_t began_ns)
{
    uint64_t at = now();

    serving->heavy_due = at + 9 * (at - began_ns);
}

struct strobe_served *strobe_serving_find(const struct strobe_serving *serving, int32_t pid)
{
    struct strobe_served *served = serving->targets;

    while (served && served->pid != pid)
        served = served->next;
    return served;
}

/* ---- metrics ---- */

/* User and system time. */
static double cpu_seconds(int who)
{
    struct rusage usage;

    if (getrusage(who, &usage))
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Of strobe: its own CPU time, not that of profiles, which are asked for. */
static void set_cost(struct strobe_serving *serving)
{
    struct strobe_meter_cost cost = {.cpu_s = cpu_seconds(RUSAGE_SELF), .paused_s = serving->gone_paused_s, .looks = serving->gone_looks,
                                     .errors = serving->gone_errors};

    for (const struct strobe_served *served = serving->targets; served; served = served->next) {
        cost.paused_s += strobe_metered_paused(&served->metered);
        cost.looks += served->metered.looks;
        cost.errors += served->metered.errors;
    }
    strobe_meter_set_cost(serving->meter, &cost);
}

static void put_own(struct strobe_metrics *metrics, const char *name, const char *unit, double value, const char *help)
{
    strobe_metrics_family(metrics, "", name, STROBE_METRIC_GAUGE, unit, help);
    strobe_metrics_sample(metrics, value, 0, NULL);
}

int strobe_serving_metrics(struct strobe_serving *serving, struct strobe_metrics *metrics)
{
    int err;

    set_cost(serving);
    err = strobe_meter_metrics(serving->meter, now(), metrics);
    if (err)
        return err;
    put_own(metrics, "strobe_glance_interval_seconds", "seconds", (double)serving->turns.period_ns / 1e9,
            "Time between two readings that counters are integrated over; longer than 0.02 where --max-cpu asks for it.");
    put_own(metrics, "strobe_missing_targets", "", (double)strobe_census_missing(serving->census),
            "Processes that were named and are not there now.");
    return metrics->failed ? STROBE_ERR_NOMEM : 0;
}
