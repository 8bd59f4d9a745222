/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/metered.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "meter/turns.h"

enum {
    SLICE = 4 << 20,     /* bytes of memory that one slice of a scan reads: about a millisecond */
    AVERAGE = 8,         /* a new cost weighs 1/8 */
    CAREFUL_SHARE = 1000, /* whole looks take at most a thousandth of a processor */
    FIRST_LOOKS = 8,     /* a second apart, whatever they cost: a process that begins makes most of its things then */
};
static const uint64_t first_spacing_ns = 1000 * 1000 * 1000;
static const uint64_t careful_ns = 60ull * 1000 * 1000 * 1000;

static uint64_t cpu_ns(const struct strobe_metered *metered)
{
    struct timespec t;

    clock_gettime(metered->opts.own_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void note_cost(const struct strobe_metered *metered, uint64_t *average, uint64_t since)
{
    uint64_t cost = cpu_ns(metered) - since;

    *average = *average ? (*average * (AVERAGE - 1) + cost) / AVERAGE : cost;
}

int strobe_metered_open(struct strobe_place *place, const char *label, const struct strobe_metered_opts *opts, struct strobe_metered *ret)
{
    struct strobe_tasked_opts how = {.nonblocking = opts->nonblocking, .full_filenames = opts->full_filenames,
                                     .max_pause_ns = opts->max_pause_ns};
    int err;

    *ret = (struct strobe_metered){.place = place, .opts = *opts, .since_ns = strobe_clock_system()->now(strobe_clock_system())};
    err = strobe_pooled_open(place, &how, &ret->pooled);
    if (err)
        return err;
    strobe_pooled_set_steady(&ret->pooled);
    err = strobe_meter_target_add(opts->meter, label, &ret->target);
    if (err)
        strobe_pooled_release(&ret->pooled);
    return err;
}

void strobe_metered_release(struct strobe_metered *metered)
{
    strobe_meter_target_remove(metered->opts.meter, metered->target);
    if (metered->has_glanced)
        strobe_glanced_release(&metered->glanced);
    strobe_queued_release(&metered->queued);
    strobe_pooled_release(&metered->pooled);
    metered->target = NULL;
}

/* ---- readings ---- */

static void count_tasks(const struct strobe_task_sample *sample, uint64_t counts[STROBE_METER_STATES])
{
    memset(counts, 0, STROBE_METER_STATES * sizeof *counts);
    for (uint32_t i = 0; i < sample->n_tasks; i++)
        if ((unsigned)sample->tasks[i].state < STROBE_METER_STATES)
            counts[sample->tasks[i].state]++;
}

/* A glance, and what a look before it has found, as one reading. */
static int read_all(struct strobe_metered *metered, const uint64_t *tasks)
{
    struct strobe_clock *clock = strobe_clock_system();
    struct strobe_meter_loop loops[STROBE_GLANCED_LOOPS];
    struct strobe_meter_reading reading = {.tasks = tasks, .loops = loops};
    struct strobe_meter_process process;
    struct timespec wall;
    uint64_t before = clock->now(clock);
    int err = strobe_glanced_take(&metered->glanced);

    if (!err)
        err = strobe_queued_read(&metered->queued, &metered->pooled, metered->glanced.rows, metered->glanced.report.n,
                                 metered->glanced.still, before);
    if (err)
        return err;
    metered->report = metered->glanced.report;
    for (uint32_t i = 0; i < metered->glanced.n_loops; i++)
        loops[i] = (struct strobe_meter_loop){metered->glanced.loops[i].busy, metered->glanced.loops[i].step_s};
    reading.n_loops = metered->glanced.n_loops;
    reading.waits = metered->queued.waits;
    reading.n_waits = metered->queued.n_waits;
    metered->wants_look |= metered->glanced.news;
    clock_gettime(CLOCK_REALTIME, &wall);
    reading.unix_s = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9;
    reading.ns = before + (clock->now(clock) - before) / 2;
    reading.resources = &metered->report;
    if (tasks && metered->opts.read_process) { /* of a look: seldom enough for files */
        metered->opts.read_process(metered->place->pid, &process);
        reading.process = &process;
    }
    return strobe_meter_add(metered->opts.meter, metered->target, &reading);
}

/* Is a semaphore's capacity not known yet? */
static bool is_unsure(const struct strobe_pooled *pooled)
{
    for (uint32_t i = 0; i < pooled->report.n; i++) {
        const struct strobe_report_resource *row = &pooled->report.at[i];

        if (row->kind == STROBE_RESOURCE_SEMAPHORE && !row->of_threads && row->capacity < 0)
            return true;
    }
    return false;
}

/* Quick, but for the first look and, where permits are still to be counted, one a minute: those are whole, for which a loop may be held. */
static int take(struct strobe_metered *metered)
{
    struct strobe_clock *clock = strobe_clock_system();
    bool careful = !metered->careful_ns || (metered->unsure && metered->look_ns - metered->careful_ns > careful_ns &&
                                           metered->look_ns - metered->careful_ns > metered->careful_cost_ns * CAREFUL_SHARE);
    uint64_t cpu = cpu_ns(metered);
    int err;

    if (careful)
        strobe_tasked_set_quick(&metered->pooled.tasked, false);
    err = strobe_pooled_take(&metered->pooled);
    if (careful) {
        strobe_tasked_set_quick(&metered->pooled.tasked, true);
        metered->careful_ns = clock->now(clock);
        metered->careful_cost_ns = cpu_ns(metered) - cpu;
    } else {
        metered->look_cost_ns = cpu_ns(metered) - cpu;
    }
    metered->unsure = is_unsure(&metered->pooled); /* of the last one that went well */
    return err;
}

bool strobe_metered_is_look(const struct strobe_metered *metered, uint64_t spacing_ns, uint64_t now_ns)
{
    if (metered->n_looks < FIRST_LOOKS && spacing_ns > first_spacing_ns)
        spacing_ns = first_spacing_ns;
    return !metered->looked || metered->scan_unseen ||
           strobe_turns_is_look(spacing_ns, now_ns - metered->look_ns, metered->wants_look);
}

int strobe_metered_look(struct strobe_metered *metered)
{
    struct strobe_clock *clock = strobe_clock_system();
    uint64_t tasks[STROBE_METER_STATES];
    bool counted;
    int err = take(metered);

    metered->scan_unseen = false; /* one that fails is made again when looks are due */
    metered->looks++;
    metered->n_looks++;
    metered->look_ns = clock->now(clock);
    if (!err && !metered->has_glanced) {
        err = strobe_glanced_open(&metered->pooled, &metered->glanced);
        metered->has_glanced = !err;
    } else if (!err) {
        strobe_glanced_renew(&metered->glanced);
    }
    if (!err) {
        counted = !metered->pooled.tasked.sample->passed && !metered->pooled.tasked.sample->blind;
        count_tasks(metered->pooled.tasked.sample, tasks);
        metered->looked = true;
        metered->wants_look = false;
        err = read_all(metered, counted ? tasks : NULL);
    }
    metered->errors += err != 0;
    return err;
}

int strobe_metered_glance(struct strobe_metered *metered)
{
    uint64_t cpu = cpu_ns(metered);
    int err;

    if (!metered->looked)
        return strobe_metered_look(metered);
    metered->looks++;
    err = read_all(metered, NULL);
    note_cost(metered, &metered->glance_cost_ns, cpu);
    metered->errors += err != 0;
    return err;
}

int strobe_metered_scan(struct strobe_metered *metered, bool *ret_done)
{
    struct strobe_clock *clock = strobe_clock_system();
    uint64_t cpu = cpu_ns(metered);
    int err = strobe_pooled_scan(&metered->pooled, SLICE, ret_done);

    note_cost(metered, &metered->slice_cost_ns, cpu);
    if (err)
        *ret_done = true;
    if (*ret_done) {
        metered->scan_unseen |= !metered->scan_ns;
        metered->scan_ns = clock->now(clock);
        metered->wants_look = true; /* what was found is named and counted there */
    }
    metered->errors += err != 0;
    return err;
}

double strobe_metered_paused(const struct strobe_metered *metered)
{
    const struct strobe_pause_log *pauses = strobe_snapshot_pauses(metered->pooled.tasked.snap);

    return (double)pauses->sum_ns / 1e9;
}
