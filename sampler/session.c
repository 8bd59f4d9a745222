/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "stackids.h"

enum {
    POLL_NS = 20000000,          /* how often the caller's poll is called */
    FLAT_OUT_PERIOD_NS = 10000,  /* the unit of weights when there is no rate */
    GAP_PERIODS = 10,            /* a longer silence is not the target's time: the machine slept */
    MIN_GAP_NS = 100000000,      /* ... but a busy machine's hiccup is no sleep, however short the period */
    UNREADABLE_NS = 2000000000,  /* a target that could not be read for so long is given up */
    NAME_NS = 1000000000,        /* thread names are asked for again this often */
};

/* What is remembered of a thread from tick to tick, by its slot in the walker. */
struct thread_memo {
    uint64_t tstate, id;  /* whose memo this is */
    uint64_t named_ns;
    uint64_t epoch;       /* of the code cache, when leaf was found */
    uint32_t agg_thread, root;
    uint32_t leaf;
    bool known, has_leaf;
};

struct target {
    struct strobe_mem *mem;
    struct strobe_host *host;
    struct strobe_layout layout;
    struct strobe_snapshot *snap;
    struct strobe_codes *codes;
    struct strobe_stackids ids;
    struct thread_memo *memos;
    uint32_t n_memos;
    uint32_t process_root; /* marker id; 0 = none */
    int32_t pid;
    uint64_t last_ns;      /* of the last sample; 0 = none yet */
    uint64_t asked_ns;     /* when the sample that is being made was asked for */
    uint64_t readable_ns;  /* when it last could be read */
};

struct strobe_session {
    struct strobe_session_opts opts;
    struct strobe_names *names;
    struct strobe_agg *agg;
    struct strobe_clock *clock;
    struct target **targets;
    size_t n_targets, cap_targets;
    struct strobe_session_stats stats;
    struct strobe_pause_log pauses;           /* of targets that are gone */
    struct strobe_snapshot_stats snapshots;   /* likewise */
    uint64_t period_ns, start_ns, end_ns, start_unix_ns, random;
    double cpu_start;
    uint32_t gc_marker;
    volatile sig_atomic_t stop;
};

static double own_cpu(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
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
    session->period_ns = opts->rate > 0 ? (uint64_t)(1e9 / opts->rate) : FLAT_OUT_PERIOD_NS;
    session->random = clock->now(clock) | 1;
    session->cpu_start = own_cpu();
    err = strobe_names_marker(names, "<GC>", &session->gc_marker);
    if (err) {
        free(session);
        return err;
    }
    *ret_session = session;
    return 0;
}

static void free_target(struct target *target)
{
    strobe_stackids_release(&target->ids);
    strobe_codes_free(target->codes);
    strobe_snapshot_free(target->snap);
    free(target->memos);
    if (target->host)
        target->host->ops->close(target->host);
    strobe_mem_close(target->mem);
    free(target);
}

void strobe_session_free(struct strobe_session *session)
{
    if (!session)
        return;
    for (size_t i = 0; i < session->n_targets; i++)
        free_target(session->targets[i]);
    free(session->targets);
    free(session);
}

static void add_up(struct strobe_snapshot_stats *sum, const struct target *target)
{
    struct strobe_snapshot_stats stats;

    strobe_snapshot_stats(target->snap, &stats);
    sum->sweeps += stats.sweeps;
    sum->dropped += stats.dropped;
    sum->retries += stats.retries;
    sum->fallbacks += stats.fallbacks;
}

static void drop_target(struct strobe_session *session, size_t i)
{
    struct target *target = session->targets[i];

    strobe_pause_log_add(&session->pauses, strobe_snapshot_pauses(target->snap));
    add_up(&session->snapshots, target);
    free_target(target);
    session->targets[i] = session->targets[--session->n_targets];
}

/* ---- adding a target ---- */

/* When may a stack that was verified before be believed?  While no code object was freed, or, where the interpreter does not count
 * that, within the same millisecond. */
static uint64_t stamp_of(const struct target *target, uint64_t now_ns)
{
    return target->layout.in_code_generation != STROBE_NONE ? strobe_snapshot_code_generation(target->snap) + 1 : now_ns >> 20;
}

static void visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    struct target *target = ctx;

    (void)mem;
    strobe_stackids_visit(&target->ids, thread, stamp_of(target, target->asked_ns));
}

static int init_target(struct strobe_session *session, struct target *target, const char *label)
{
    struct strobe_snapshot_opts opts = {.mode = session->opts.mode};
    struct strobe_buf root = STROBE_BUF_INIT;
    int err;

    if ((err = strobe_snapshot_new(target->mem, target->host, &target->layout, session->clock, &opts, &target->snap)) ||
        (err = strobe_codes_new(target->mem, &target->layout, session->names, &target->codes)) ||
        (err = strobe_stackids_init(&target->ids, target->codes, session->names, session->agg)))
        return err;
    strobe_codes_set_line_mode(target->codes, session->opts.lines);
    strobe_snapshot_set_visitor(target->snap, visit, target);
    if (session->opts.process_roots) {
        strobe_buf_printf(&root, "process %d:\"%s\"", (int)target->pid, label ? label : "");
        err = root.failed ? STROBE_ERR_NOMEM : strobe_names_marker(session->names, root.data, &target->process_root);
        strobe_buf_release(&root);
    }
    return err;
}

int strobe_session_add(struct strobe_session *session, const struct strobe_session_target *target)
{
    struct target *mine;
    int err;

    if (session->n_targets == session->cap_targets) {
        size_t cap = session->cap_targets ? session->cap_targets * 2 : 8;
        struct target **targets = realloc(session->targets, cap * sizeof *targets);

        if (!targets)
            return STROBE_ERR_NOMEM;
        session->targets = targets;
        session->cap_targets = cap;
    }
    mine = calloc(1, sizeof *mine);
    if (!mine)
        return STROBE_ERR_NOMEM;
    mine->mem = target->mem;
    mine->host = target->host;
    mine->layout = *target->layout;
    mine->pid = target->pid;
    mine->readable_ns = session->clock->now(session->clock);
    err = init_target(session, mine, target->label);
    if (err) {
        mine->mem = NULL; /* still the caller's */
        mine->host = NULL;
        free_target(mine);
        return err;
    }
    session->targets[session->n_targets++] = mine;
    return 0;
}

size_t strobe_session_targets(const struct strobe_session *session)
{
    return session->n_targets;
}

/* ---- one sample of one target ---- */

static int memo_of(struct target *target, uint32_t slot, struct thread_memo **ret_memo)
{
    if (slot >= target->n_memos) {
        uint32_t n = (slot + 1) * 2;
        struct thread_memo *memos = realloc(target->memos, n * sizeof *memos);

        if (!memos)
            return STROBE_ERR_NOMEM;
        memset(memos + target->n_memos, 0, (n - target->n_memos) * sizeof *memos);
        target->memos = memos;
        target->n_memos = n;
    }
    *ret_memo = &target->memos[slot];
    return 0;
}

/* Registers a thread with the aggregate and makes its root frame; again now and then, because names come and change. */
static int know_thread(struct strobe_session *session, struct target *target, const struct strobe_thread *thread, struct thread_memo *memo)
{
    struct strobe_buf root = STROBE_BUF_INIT;
    const char *name = strobe_snapshot_thread_name(target->snap, thread);
    int err = strobe_agg_thread(session->agg, target->pid, thread->tid ? thread->tid : (int32_t)thread->slot, thread->tstate_id, name,
                                &memo->agg_thread);

    memo->named_ns = target->last_ns;
    if (err || !session->opts.thread_roots || (memo->known && !*name))
        return err;
    if (thread->tid)
        strobe_buf_printf(&root, "thread (%d)", (int)thread->tid);
    else
        strobe_buf_printf(&root, "thread (0x%llx)", (unsigned long long)thread->pthread);
    if (*name)
        strobe_buf_printf(&root, ": %s", name);
    err = root.failed ? STROBE_ERR_NOMEM : strobe_names_marker(session->names, root.data, &memo->root);
    strobe_buf_release(&root);
    return err;
}

static bool wanted(const struct strobe_session *session, uint32_t flags)
{
    if (session->opts.gil_only)
        return flags & STROBE_THREAD_GIL;
    return session->opts.idle || flags & (STROBE_THREAD_ACTIVE | STROBE_THREAD_GIL_WAIT);
}

/* One OS thread may have a thread state in several interpreters: of those with frames, the later ones in the sample run inside the
 * first.  The second stack of this thread, or NULL; *ret_inner: this one is not the first, and is counted with that. */
static const struct strobe_thread *second_stack(const struct strobe_sample *sample, uint32_t at, bool *ret_inner)
{
    const struct strobe_thread *thread = &sample->threads[at], *second = NULL;

    *ret_inner = false;
    if (!thread->tid || sample->threads[sample->n_threads - 1].interp == sample->threads[0].interp)
        return NULL;
    for (uint32_t i = 0; i < sample->n_threads; i++) {
        const struct strobe_thread *other = &sample->threads[i];

        if (i == at || other->tid != thread->tid || !other->n_frames)
            continue;
        if (i < at)
            *ret_inner = true;
        else if (!second)
            second = other;
    }
    return second;
}

static int count_thread(struct strobe_session *session, struct target *target, const struct strobe_sample *sample, uint32_t at,
                        uint64_t weight_ns)
{
    const struct strobe_thread *thread = &sample->threads[at], *second;
    struct thread_memo *memo;
    uint32_t roots[2], n_roots = 0, flags, inner;
    uint64_t epoch = strobe_codes_epoch(target->codes);
    bool is_inner;
    int err = 0;

    second = second_stack(sample, at, &is_inner);
    flags = thread->flags | (second ? second->flags : 0);
    if (is_inner || !thread->n_frames || (err = memo_of(target, thread->slot, &memo)))
        return err;
    if (!wanted(session, flags)) {
        memo->has_leaf = memo->has_leaf && thread->flags & STROBE_THREAD_SAME; /* else: its stack is another by now */
        return 0;
    }
    inner = flags & STROBE_THREAD_GC ? session->gc_marker : 0;
    if (memo->tstate != thread->tstate || memo->id != thread->tstate_id)
        *memo = (struct thread_memo){.tstate = thread->tstate, .id = thread->tstate_id};
    if (!memo->known || sample->time_ns - memo->named_ns > NAME_NS) {
        if ((err = know_thread(session, target, thread, memo)))
            return err;
        memo->has_leaf = memo->has_leaf && !session->opts.thread_roots;
        memo->known = true;
    }
    if (!(memo->has_leaf && thread->flags & STROBE_THREAD_SAME && memo->epoch == epoch && !inner && !second)) {
        if (target->process_root)
            roots[n_roots++] = target->process_root;
        if (session->opts.thread_roots)
            roots[n_roots++] = memo->root;
        memo->has_leaf = false;
        err = strobe_stackids_leaf(&target->ids, roots, n_roots, thread, second, inner, stamp_of(target, target->asked_ns), &memo->leaf);
        if (err)
            return err;
        memo->has_leaf = !inner && !second;
        memo->epoch = strobe_codes_epoch(target->codes);
    }
    err = strobe_agg_add(session->agg, memo->agg_thread, memo->leaf, sample->time_ns, weight_ns);
    if (!err)
        session->stats.samples++;
    return err;
}

/* What this sample weighs: the real time since the one before. */
static uint64_t weight_of(struct strobe_session *session, struct target *target, uint64_t now)
{
    uint64_t weight = target->last_ns && now > target->last_ns ? now - target->last_ns : session->period_ns;

    target->last_ns = now;
    return weight;
}

/* We woke up later than planned by far: the machine slept, or we were stopped.  That time is nobody's.  A slow look (many targets, a
 * busy machine) is no gap: the targets ran meanwhile. */
static void leave_out_gap(struct strobe_session *session, uint64_t planned, uint64_t now)
{
    uint64_t gap = GAP_PERIODS * session->period_ns;

    if (gap < MIN_GAP_NS)
        gap = MIN_GAP_NS;
    if (now <= planned || now - planned <= gap)
        return;
    session->stats.gaps++;
    session->stats.gap_ns += now - planned;
    for (size_t i = 0; i < session->n_targets; i++)
        if (session->targets[i]->last_ns)
            session->targets[i]->last_ns += now - planned;
}

static int sample_target(struct strobe_session *session, struct target *target)
{
    const struct strobe_sample *sample;
    uint64_t weight;
    int err;

    strobe_stackids_clear(&target->ids);
    target->asked_ns = session->clock->now(session->clock);
    err = strobe_snapshot_take(target->snap, &sample);
    if (err)
        return err;
    target->readable_ns = sample->time_ns;
    strobe_stackids_begin(&target->ids);
    weight = weight_of(session, target, sample->time_ns);
    for (uint32_t i = 0; i < sample->n_threads; i++) {
        const struct strobe_thread *thread = &sample->threads[i];

        if (thread->error) {
            session->stats.errors++;
            continue;
        }
        err = count_thread(session, target, sample, i, weight);
        if (err == STROBE_ERR_TORN || err == STROBE_ERR_FAULT) {
            session->stats.errors++;
            continue;
        }
        if (err)
            return err;
    }
    return 0;
}

/* ---- the loop ---- */

static int tick(struct strobe_session *session)
{
    uint64_t now = session->clock->now(session->clock);

    session->stats.ticks++;
    for (size_t i = session->n_targets; i-- > 0;) {
        struct target *target = session->targets[i];
        int err = sample_target(session, target);

        if (!err)
            continue;
        if (err == STROBE_ERR_NOMEM || err == STROBE_ERR_IO)
            return err;
        if (err == STROBE_ERR_GONE || now - target->readable_ns > UNREADABLE_NS)
            drop_target(session, i);
        if (err != STROBE_ERR_GONE)
            session->stats.errors++;
    }
    return 0;
}

/* The next tick: at random between half a period and one and a half, so that no rhythm of the target can hide from it. */
static uint64_t next_tick(struct strobe_session *session, uint64_t planned, uint64_t now)
{
    uint64_t x = session->random;

    if (session->opts.rate <= 0)
        return now;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    session->random = x;
    planned += session->period_ns / 2 + x % (session->period_ns + 1);
    if (planned + session->period_ns < now) {
        session->stats.late++;
        return now;
    }
    return planned;
}

static void wait_and_poll(struct strobe_session *session, uint64_t until, const struct strobe_session_hooks *hooks, uint64_t *polled)
{
    uint64_t now = session->clock->now(session->clock);

    if (now >= until && now - *polled < POLL_NS)
        return;
    do {
        uint64_t wake = until;

        if (hooks && hooks->poll) {
            if (now - *polled >= POLL_NS) {
                struct strobe_session_stats stats;

                session->end_ns = now;
                strobe_session_stats(session, &stats);
                hooks->poll(hooks->ctx, &stats);
                *polled = now;
            }
            if (wake > *polled + POLL_NS)
                wake = *polled + POLL_NS;
        }
        if (wake > now)
            session->clock->sleep_until(session->clock, wake);
        now = session->clock->now(session->clock);
    } while (now < until && !session->stop);
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
    struct timespec wall;
    int err = 0, judge_err;

    clock_gettime(CLOCK_REALTIME, &wall);
    session->start_unix_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec;
    session->start_ns = planned = now = session->clock->now(session->clock);
    session->cpu_start = own_cpu();
    while (!session->stop) {
        bool waiting = hooks && hooks->keep_empty && hooks->keep_empty(hooks->ctx);

        if (!session->n_targets && !waiting)
            break;
        if (session->opts.duration_ns && now - session->start_ns >= session->opts.duration_ns)
            break;
        if (session->opts.max_samples && session->stats.ticks >= session->opts.max_samples)
            break;
        if ((err = tick(session)))
            break;
        now = session->clock->now(session->clock);
        planned = next_tick(session, planned, now);
        if (session->opts.duration_ns && planned > session->start_ns + session->opts.duration_ns)
            planned = session->start_ns + session->opts.duration_ns;
        wait_and_poll(session, planned, hooks, &polled);
        now = session->clock->now(session->clock);
        leave_out_gap(session, planned, now);
    }
    session->end_ns = session->clock->now(session->clock);
    judge_err = leave_out_mixed(session);
    return err ? err : judge_err;
}

void strobe_session_stop(struct strobe_session *session)
{
    session->stop = 1;
}

void strobe_session_stats(const struct strobe_session *session, struct strobe_session_stats *ret)
{
    struct strobe_pause_log log = session->pauses;

    *ret = session->stats;
    ret->snapshots = session->snapshots;
    for (size_t i = 0; i < session->n_targets; i++) {
        strobe_pause_log_add(&log, strobe_snapshot_pauses(session->targets[i]->snap));
        add_up(&ret->snapshots, session->targets[i]);
    }
    ret->pauses = log.n;
    ret->pause_typical_ns = strobe_pause_log_quantile(&log, 0.5);
    ret->pause_p99_ns = strobe_pause_log_quantile(&log, 0.99);
    ret->pause_max_ns = log.max_ns;
    ret->elapsed_ns = session->end_ns - session->start_ns;
    ret->rate_reached = ret->elapsed_ns ? (double)ret->ticks * 1e9 / (double)ret->elapsed_ns : 0;
    ret->own_cpu = own_cpu() - session->cpu_start;
}

void strobe_session_times(const struct strobe_session *session, uint64_t *ret_start_ns, uint64_t *ret_end_ns, uint64_t *ret_start_unix_ns)
{
    *ret_start_ns = session->start_ns;
    *ret_end_ns = session->end_ns;
    *ret_start_unix_ns = session->start_unix_ns;
}
