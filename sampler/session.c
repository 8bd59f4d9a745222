/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/err.h"
#include "base/random.h"
#include "base/grow.h"
#include "session_parts.h"
#include "session_tasks.h"

enum {
    POLL_NS = 20000000,          /* how often the caller's poll is called */
    GAP_PERIODS = 10,            /* a longer silence is not the target's time: we were stopped, or the machine was */
    STOPPED_NS = 100000000,      /* ... if it is longer than this when we know that we were stopped, */
    SILENT_NS = 1000000000,      /* or than this when we do not: a busy machine's hiccup is no gap, however short the period */
    STOP_NS = 1000000,           /* who was stopped took longer than this */
    SETTLE_NS = 1000000,         /* how often threads that stopped too late are looked after */
    SETTLE_TRIES = 2000,         /* at the end: two seconds; closing the target goes on with it */
    UNREADABLE_NS = 2000000000,  /* a target that could not be read for so long is given up */
};

/* Of the thread that samples: inside a program there are others. */
static double own_cpu(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int strobe_session_new(const struct strobe_session_opts *opts, struct strobe_names *names, struct strobe_agg *agg,
                       struct strobe_clock *clock, struct strobe_session **ret_session)
{
    struct strobe_session *session = calloc(1, sizeof *session);
    int err;

    if (!session)
        return STROBE_ERR_NOMEM;
    session->opts = *opts;
    session->names = names;
    session->agg = agg;
    session->clock = clock;
    session->period_ns = opts->rate > 0 ? (uint64_t)(1e9 / opts->rate) : STROBE_FLAT_OUT_PERIOD_NS;
    session->random = clock->now(clock) | 1;
    err = strobe_names_marker(names, "<GC>", &session->gc_marker);
    if (err) {
        free(session);
        return err;
    }
    *ret_session = session;
    return 0;
}

void strobe_session_free(struct strobe_session *session)
{
    if (!session)
        return;
    for (size_t i = 0; i < session->n_targets; i++)
        strobe_sampled_free(session->targets[i]);
    free(session->targets);
    free(session);
}

static void add_up(struct strobe_snapshot_stats *sum, const struct strobe_sampled *target)
{
    struct strobe_snapshot_stats stats;

    strobe_snapshot_stats(target->snap, &stats);
    sum->sweeps += stats.sweeps;
    sum->dropped += stats.dropped;
    sum->retries += stats.retries;
    sum->fallbacks += stats.fallbacks;
    sum->visits += stats.visits;
}

static void drop_target(struct strobe_session *session, size_t i)
{
    struct strobe_sampled *target = session->targets[i];

    strobe_pause_log_add(&session->pauses, strobe_snapshot_pauses(target->snap));
    add_up(&session->snapshots, target);
    if (target->tasks)
        strobe_task_side_stats(target->tasks, &session->gone_tasks);
    strobe_sampled_free(target);
    session->targets[i] = session->targets[--session->n_targets];
}

/* ---- adding a target ---- */

int strobe_session_add(struct strobe_session *session, const struct strobe_session_target *target)
{
    struct strobe_sampled *mine;
    int err;

    if (strobe_grow(&session->targets, &session->cap_targets, session->n_targets + 1, sizeof *session->targets))
        return STROBE_ERR_NOMEM;
    err = strobe_sampled_new(session, target, &mine);
    if (err)
        return err;
    session->targets[session->n_targets++] = mine;
    return 0;
}

void strobe_session_remove(struct strobe_session *session, int32_t pid)
{
    for (size_t i = session->n_targets; i-- > 0;)
        if (session->targets[i]->pid == pid)
            drop_target(session, i);
}

size_t strobe_session_targets(const struct strobe_session *session)
{
    return session->n_targets;
}

/* A silence, [begin, end), in which no sample could be taken, is nobody's time. */
static void leave_out(struct strobe_session *session, uint64_t begin, uint64_t end)
{
    session->stats.gaps++;
    session->stats.gap_ns += end - begin;
    for (size_t i = 0; i < session->n_targets; i++) {
        if (session->targets[i]->last_ns)
            session->targets[i]->last_ns += end - begin;
        if (session->targets[i]->tasks)
            strobe_task_side_leave_out(session->targets[i]->tasks, end - begin);
    }
}

static bool is_gap(const struct strobe_session *session, uint64_t begin, uint64_t end, uint64_t least)
{
    uint64_t gap = GAP_PERIODS * session->period_ns;

    return end > begin && end - begin > (gap > least ? gap : least);
}

/* Were we stopped in this time?  Asked whenever we may have been, so that no answer is left for a later time. */
static bool was_stopped(const struct strobe_session *session, uint64_t begin, uint64_t end)
{
    return end > begin && end - begin > STOP_NS && session->hooks && session->hooks->was_stopped &&
           session->hooks->was_stopped(session->hooks->ctx);
}

/* A slow look (many targets, a busy machine) is no gap: the targets ran meanwhile. */
void strobe_session_passed(struct strobe_session *session, uint64_t now)
{
    uint64_t begin = session->passed_ns;

    if (now > begin)
        session->passed_ns = now;
    if (was_stopped(session, begin, now) && is_gap(session, begin, now, STOPPED_NS))
        leave_out(session, begin, now);
}

/* The clock after a sleep.  Who wakes up later than planned by far was stopped, or the machine was. */
static uint64_t sleep_until(struct strobe_session *session, uint64_t wake)
{
    uint64_t now;

    session->clock->sleep_until(session->clock, wake);
    now = session->passed_ns = session->clock->now(session->clock);
    if (is_gap(session, wake, now, was_stopped(session, wake, now) ? STOPPED_NS : SILENT_NS))
        leave_out(session, wake, now);
    return now;
}

/* The clock after work. */
static uint64_t worked(struct strobe_session *session)
{
    uint64_t now = session->clock->now(session->clock);

    strobe_session_passed(session, now);
    return now;
}

/* ---- the loop ---- */

/* Of targets whose tasks are looked at less often, the latest look counts. */
static void count_tasks(struct strobe_session *session)
{
    uint64_t n = 0;

    for (size_t i = 0; i < session->n_targets; i++)
        if (session->targets[i]->tasks)
            n += strobe_task_side_alive(session->targets[i]->tasks);
    if (n > session->most_tasks)
        session->most_tasks = n;
}

static bool any_due(const struct strobe_session *session, uint64_t now)
{
    for (size_t i = 0; i < session->n_targets; i++)
        if (strobe_sampled_due(session->targets[i], session, now))
            return true;
    return !session->n_targets;
}

static int tick(struct strobe_session *session, uint64_t now)
{
    session->stats.ticks += any_due(session, now);
    for (size_t i = session->n_targets; i-- > 0;) {
        struct strobe_sampled *target = session->targets[i];
        int err = strobe_sampled_take(session, target, now);

        if (!err)
            continue;
        if (err == STROBE_ERR_NOMEM || err == STROBE_ERR_IO)
            return err;
        if (err == STROBE_ERR_GONE || now - target->readable_ns > UNREADABLE_NS)
            drop_target(session, i);
        if (err != STROBE_ERR_GONE)
            session->stats.errors++;
    }
    count_tasks(session);
    return 0;
}

/* The next tick: at random between half a period and one and a half, so that no rhythm of the target can hide from it. */
static uint64_t next_tick(struct strobe_session *session, uint64_t planned, uint64_t now)
{
    if (session->opts.rate <= 0)
        return now;
    planned += session->period_ns / 2 + strobe_random_below(&session->random, session->period_ns + 1);
    if (planned + session->period_ns < now) {
        session->stats.late++;
        return now;
    }
    return planned;
}

/* Threads that stopped too late to be held stand still until they are let go.  True: there are none. */
bool strobe_session_settle(struct strobe_session *session)
{
    bool settled = true;

    for (size_t i = 0; i < session->n_targets; i++)
        settled = strobe_snapshot_settle(session->targets[i]->snap) && settled;
    return settled;
}

/* now: a moment ago.  Returns the time at which the wait was over. */
static uint64_t wait_and_poll(struct strobe_session *session, uint64_t until, uint64_t now, uint64_t *polled)
{
    const struct strobe_session_hooks *hooks = session->hooks;

    if (until <= now) /* late: the clock is asked all the same, it may have others wait for a moment between two looks */
        session->clock->sleep_until(session->clock, now);
    while (!session->stop) {
        uint64_t wake = until;

        if (hooks && hooks->poll) {
            if (now - *polled >= POLL_NS) {
                struct strobe_session_stats stats;

                session->end_ns = now;
                session->stats.own_cpu = own_cpu() - session->cpu_start;
                strobe_session_stats(session, &stats);
                hooks->poll(hooks->ctx, &stats);
                *polled = now;
                now = worked(session);
            }
            if (wake > *polled + POLL_NS)
                wake = *polled + POLL_NS;
        }
        if (now >= until)
            break;
        if (!strobe_session_settle(session) && wake > now + SETTLE_NS)
            wake = now + SETTLE_NS;
        if (wake <= now)
            continue;
        now = sleep_until(session, wake);
    }
    return now;
}

/* At the end: a target is not to stand still while its profile is written. */
static void settle(struct strobe_session *session)
{
    for (int i = 0; i < SETTLE_TRIES && !strobe_session_settle(session); i++)
        session->clock->sleep_until(session->clock, session->clock->now(session->clock) + SETTLE_NS);
}

/* What was read without a pause is judged as a whole. */
static int leave_out_mixed(struct strobe_session *session)
{
    uint64_t left_out;
    int err;

    if (session->opts.mode != STROBE_MODE_NONBLOCKING)
        return 0;
    err = strobe_agg_leave_out_mixed(session->agg, session->names, &left_out);
    if (err)
        return err;
    session->stats.samples += session->stats.left_out; /* of a run before this one: judged anew */
    session->stats.samples -= left_out;
    session->stats.left_out = left_out;
    return 0;
}

int strobe_session_run(struct strobe_session *session, const struct strobe_session_hooks *hooks)
{
    uint64_t polled = 0, planned, now;
    bool goes_on = session->start_ns;
    struct timespec wall;
    int err = 0, judge_err;

    clock_gettime(CLOCK_REALTIME, &wall);
    session->hooks = hooks;
    session->passed_ns = planned = now = session->clock->now(session->clock);
    if (!goes_on) {
        session->start_ns = now;
        session->start_unix_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec;
    }
    session->cpu_start = own_cpu() - session->stats.own_cpu;
    if (goes_on) { /* when it would have looked; not at what made it rest */
        planned = session->planned_ns;
        now = wait_and_poll(session, planned, now, &polled);
    }
    while (!session->stop) {
        bool waiting = hooks && hooks->keep_empty && hooks->keep_empty(hooks->ctx);

        if (!session->n_targets && !waiting)
            break;
        if (session->opts.duration_ns && now - session->start_ns >= session->opts.duration_ns)
            break;
        if (session->opts.max_samples && session->stats.ticks >= session->opts.max_samples)
            break;
        if ((err = tick(session, now)))
            break;
        now = worked(session);
        planned = next_tick(session, planned, now);
        if (session->opts.duration_ns && planned > session->start_ns + session->opts.duration_ns)
            planned = session->start_ns + session->opts.duration_ns;
        session->planned_ns = planned;
        now = wait_and_poll(session, planned, now, &polled);
    }
    settle(session);
    session->hooks = NULL;
    session->end_ns = session->clock->now(session->clock);
    session->stats.own_cpu = own_cpu() - session->cpu_start;
    judge_err = leave_out_mixed(session);
    return err ? err : judge_err;
}

static struct strobe_sampled *target_of(const struct strobe_session *session, int32_t pid)
{
    for (size_t i = 0; i < session->n_targets; i++)
        if (session->targets[i]->pid == pid)
            return session->targets[i];
    return NULL;
}

struct strobe_session_billed strobe_session_billed(const struct strobe_session *session, int32_t pid)
{
    const struct strobe_sampled *target = target_of(session, pid);
    struct strobe_session_billed ret = {0, 0};

    if (target)
        ret.threads_ns = target->last_ns;
    if (target && target->tasks)
        ret.tasks_ns = strobe_task_side_billed(target->tasks);
    return ret;
}

void strobe_session_follow(struct strobe_session *session, int32_t pid, const struct strobe_session_billed *before)
{
    struct strobe_sampled *target = target_of(session, pid);

    if (target)
        target->last_ns = before->threads_ns;
    if (target && target->tasks)
        strobe_task_side_follow(target->tasks, before->tasks_ns);
}

void strobe_session_set_rate(struct strobe_session *session, double rate)
{
    session->opts.rate = rate;
    session->period_ns = (uint64_t)(1e9 / rate);
}

void strobe_session_stop(struct strobe_session *session)
{
    session->stop = 1;
}

void strobe_session_go(struct strobe_session *session)
{
    session->stop = 0;
}

void strobe_session_stats(const struct strobe_session *session, struct strobe_session_stats *ret)
{
    struct strobe_pause_log log = session->pauses;

    *ret = session->stats;
    ret->snapshots = session->snapshots;
    ret->tasks = session->gone_tasks;
    ret->tasks.most = session->most_tasks;
    for (size_t i = 0; i < session->n_targets; i++) {
        strobe_pause_log_add(&log, strobe_snapshot_pauses(session->targets[i]->snap));
        add_up(&ret->snapshots, session->targets[i]);
        if (session->targets[i]->tasks)
            strobe_task_side_stats(session->targets[i]->tasks, &ret->tasks);
    }
    ret->pauses = log.n;
    ret->pause_typical_ns = strobe_pause_log_quantile(&log, 0.5);
    ret->pause_p99_ns = strobe_pause_log_quantile(&log, 0.99);
    ret->pause_max_ns = log.max_ns;
    ret->elapsed_ns = session->end_ns - session->start_ns;
    ret->rate_reached = ret->elapsed_ns ? (double)ret->ticks * 1e9 / (double)ret->elapsed_ns : 0;
}

void strobe_session_times(const struct strobe_session *session, uint64_t *ret_start_ns, uint64_t *ret_end_ns, uint64_t *ret_start_unix_ns)
{
    *ret_start_ns = session->start_ns;
    *ret_end_ns = session->end_ns;
    *ret_start_unix_ns = session->start_unix_ns;
}
