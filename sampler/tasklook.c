/* SPDX-License-Identifier: Apache-2.0 */
#include "tasklook.h"

#include <stdlib.h>

#include "base/grow.h"
#include "walk/loops.h"
#include "walk/walk.h"

enum {
    TURN_TASKS = 0, TURN_REST = 1, TURN_STILL = 2, /* of strobe_mem_again */
    LIST_TRIES = 8,  /* readings of a list of tasks that changes */
    AGAIN_TRIES = 4, /* readings of a task that changes */
    KEEP_EVERY = 16,
    KNOWN_TRIES = 2, /* readings until the threads that run a loop are those that were known to */
    MAX_PASSED = 6,  /* looks in a row that come to nothing because a few tasks could not be read in time while they stood still */
    WHOLE_TRIES = 4, /* looks at a loop that runs meanwhile, until it does not */
};

/* A thread that runs a loop. */
struct loop_thread {
    uint64_t tstate;
    bool slept;         /* it slept when it was asked last */
    uint64_t run_count; /* then */
};

/* What the tasks that the reader has may be trusted for. */
struct trust {
    bool there;     /* they are of this look; else they are not looked at */
    bool still;     /* they were read while all that could have changed them stood still */
    bool slept;     /* nothing that could have changed them has run since, until the threads were read */
    bool missing;   /* there is no asyncio */
    bool list_torn; /* their lists were not read whole */
};

struct strobe_tasklook {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_snapshot *snap;
    struct strobe_clock *clock;
    struct strobe_tasklook_opts opts;
    struct strobe_taskreader *reader;
    struct loop_thread *loops; /* as the last look found them */
    size_t n_loops, cap_loops;
    int32_t own_pid;        /* of a target made by fork; else 0 */
    uint64_t *running;      /* the loops that they run, for the reader */
    size_t cap_running;
    uint64_t cost_ns;       /* of a reading of all tasks: what the fastest ones take */
    bool joining;           /* the threads are being read to be joined with tasks */
    struct trust trust;
    bool changed;           /* others run a loop than before */
    uint64_t still_since;   /* readings of threads that had been thrown away when all stood still (struct strobe_snapshot_stats, retries) */
    uint64_t began;         /* changes of the threads when the tasks were last read as the loops went on */
    uint64_t changes;       /* at the end of the last look */
    bool spoilt;            /* they were being read while all stood still, and not in time, or it was not still */
    unsigned n_passed;      /* looks since the last one that came to something */
    unsigned in_vain;       /* looks since keeping the last one's tasks was in vain; 0 = it was not */
    int visit_err;
    struct strobe_task_source *sources;
    uint64_t *tstates;
    size_t n_sources, cap_sources, cap_tstates;
    struct strobe_task_sample sample;
    bool listed; /* threads were read before */
    int (*find)(void *ctx, struct strobe_mem *mem, uint64_t *ret_table);
    void *find_ctx;
};

/* ---- loops and their threads ---- */

/* The thread with that thread state, if it runs a loop; NULL. */
static const struct loop_thread *find_loop(const struct strobe_tasklook *look, uint64_t tstate)
{
    for (size_t i = 0; i < look->n_loops; i++)
        if (look->loops[i].tstate == tstate)
            return &look->loops[i];
    return NULL;
}

/* Asks how the loops' threads fare.  True: all sleep, and none has run since it was asked last; or there is none. */
static bool ask_loops(struct strobe_tasklook *look)
{
    bool same = true;

    for (size_t i = 0; i < look->n_loops; i++) {
        struct loop_thread *loop = &look->loops[i], then = *loop;

        loop->slept = !strobe_snapshot_run_count(look->snap, loop->tstate, &loop->run_count);
        same = same && loop->slept && then.slept && loop->run_count == then.run_count;
    }
    return same;
}

/* Which threads run a loop, by the sample that was taken last.  Those that did are known as they were asked. */
static int list_loops(struct strobe_tasklook *look, const struct strobe_sample *threads)
{
    const struct strobe_aio_layout *aio = look->reader->has_aio ? &look->reader->aio : NULL;
    size_t n = 0, before = look->n_loops;
    bool changed = false;
    uint64_t loop;

    if (strobe_grow(&look->loops, &look->cap_loops, before + threads->n_threads, sizeof *look->loops) ||
        strobe_grow(&look->running, &look->cap_running, threads->n_threads + 1, sizeof *look->running))
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < threads->n_threads; i++) {
        const struct loop_thread *known = find_loop(look, threads->threads[i].tstate);

        if (strobe_loop_of_thread(look->mem, look->lay, aio, &threads->threads[i], look->own_pid, &loop))
            continue;
        look->running[n] = loop;
        look->loops[before + n++] = known ? *known : (struct loop_thread){threads->threads[i].tstate, false, 0};
        changed = changed || !known;
    }
    for (size_t i = 0; i < n; i++)
        look->loops[i] = look->loops[before + i];
    look->changed = n != before || changed;
    look->n_loops = n;
    strobe_taskreader_set_forked(look->reader, look->own_pid, look->running, n);
    return 0;
}

/* Do all loops stand still when the thread of one does? */
static bool one_at_a_time(const struct strobe_tasklook *look)
{
    return look->n_loops == 1 || (!look->lay->free_threaded && look->n_sources == 1);
}

/* ---- the tasks ---- */

/* The interpreters and their thread states, as the snapshot listed them last. */
static int list_sources(struct strobe_tasklook *look)
{
    const struct strobe_walk *walk = strobe_snapshot_walk(look->snap);
    size_t n = 0;

    if (strobe_grow(&look->sources, &look->cap_sources, walk->n_interps, sizeof *look->sources) ||
        strobe_grow(&look->tstates, &look->cap_tstates, walk->n_order, sizeof *look->tstates))
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < walk->n_interps; i++) {
        struct strobe_task_source *source = &look->sources[i];

        *source = (struct strobe_task_source){walk->interps[i].addr, walk->interps[i].id, look->tstates + n, 0};
        for (uint32_t k = 0; k < walk->n_order; k++)
            if (walk->slots[walk->order[k]].interp == i) {
                look->tstates[n++] = walk->slots[walk->order[k]].tstate;
                source->n_tstates++;
            }
    }
    look->n_sources = walk->n_interps;
    return 0;
}

static void want_table(struct strobe_tasklook *look)
{
    uint64_t table;

    if (strobe_taskreader_wants_table(look->reader) && look->find && !look->find(look->find_ctx, look->mem, &table))
        strobe_taskreader_set_table(look->reader, table, NULL);
}

static int read_all(struct strobe_tasklook *look, unsigned turn, enum strobe_reading_trust trust)
{
    uint64_t start = look->clock->now(look->clock), ns, drift = look->cost_ns / 8 + 1;
    int err = list_sources(look);

    if (err)
        return err;
    strobe_mem_again(look->mem, turn);
    err = strobe_taskreader_read(look->reader, look->sources, look->n_sources, trust);
    ns = look->clock->now(look->clock) - start;
    look->cost_ns = !look->cost_ns || ns < look->cost_ns + drift ? ns : look->cost_ns + drift;
    look->trust = (struct trust){.there = strobe_err_class(err) != STROBE_CLASS_FATAL, .missing = err == STROBE_ERR_MISSING};
    look->trust.list_torn = err && !look->trust.missing;
    return look->trust.there ? 0 : err;
}

/* As the loops go on.  A look that is for itself believes what fits together: it is taken again if a loop has run. */
static int read_tasks(struct strobe_tasklook *look)
{
    enum strobe_reading_trust trust = look->opts.careful && !look->reader->n_memo ? STROBE_TRUST_ALL : STROBE_TRUST_KNOWN;
    int err;

    /* The first reading fills the caches: how long it takes says nothing of the next one, and what it found may be of long ago. */
    if (!look->cost_ns && !look->opts.careful) {
        if ((err = read_all(look, TURN_TASKS, trust)))
            return err;
        look->cost_ns = 0;
    }
    ask_loops(look);
    look->began = strobe_snapshot_changes(look->snap);
    for (int i = 0; i < LIST_TRIES; i++)
        if ((err = read_all(look, TURN_TASKS, trust)) || !look->trust.list_torn)
            break;
    for (int i = 0; !err && i < AGAIN_TRIES && look->reader->n_unsettled > look->reader->n_executing; i++) {
        strobe_mem_epoch(look->mem);
        err = strobe_taskreader_again(look->reader, STROBE_TRUST_TWICE);
    }
    return err;
}

/* Are they expected to be read so fast that a loop may stand still for it? */
static bool are_few(const struct strobe_tasklook *look)
{
    return look->opts.max_pause_ns && look->cost_ns && one_at_a_time(look) && look->cost_ns <= look->opts.still_ns;
}

/* All tasks, while no loop can go on. */
static int read_all_still(struct strobe_tasklook *look, struct strobe_mem *mem)
{
    int err = read_all(look, TURN_STILL, STROBE_TRUST_ALL);
    bool late = strobe_mem_is_late(mem);

    if (late && look->cost_ns <= look->opts.max_pause_ns)
        look->cost_ns = look->opts.max_pause_ns + 1; /* not to the end */
    if (err)
        look->trust.there = false;
    else if (look->trust.list_torn || late)
        look->trust = (struct trust){.list_torn = true};
    else
        look->trust.still = true;
    look->spoilt = !look->trust.still;
    if (look->trust.still && look->opts.careful)
        err = strobe_taskreader_note_facts(look->reader);
    return err;
}

/* The tasks on a thread's stack, while that stands still, and what changes all the time: of one loop it is true then, of several what
 * two readings say. */
static int read_some_still(struct strobe_tasklook *look, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    int err;

    strobe_mem_epoch(mem);
    err = strobe_taskreader_on_stack(look->reader, thread);
    if (!err && look->reader->n_unsettled)
        err = strobe_taskreader_again(look->reader, one_at_a_time(look) ? STROBE_TRUST_ALL : STROBE_TRUST_TWICE);
    return err;
}

/* A loop's thread that has run since its stack was read last stands still, and with it, in a build with a GIL, all others of its
 * interpreter. */
static void visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    struct strobe_tasklook *look = ctx;
    bool unread = !look->trust.there || (look->trust.list_torn && look->cost_ns <= look->opts.max_pause_ns), same;
    struct strobe_snapshot_stats stats;
    int err = 0;

    if (!look->joining || !look->opts.max_pause_ns || !find_loop(look, thread->tstate))
        return;
    strobe_snapshot_stats(look->snap, &stats);
    same = look->trust.still && look->still_since == stats.retries; /* the thread of another loop, in the moment in which all were read */
    look->still_since = stats.retries;
    strobe_mem_set_deadline(mem, look->clock, look->clock->now(look->clock) + look->opts.max_pause_ns);
    if (!same && one_at_a_time(look) && (unread || are_few(look)))
        err = read_all_still(look, mem);
    else if (!same && look->trust.there)
        err = read_some_still(look, mem, thread);
    if (!err && look->trust.there)
        err = strobe_taskreader_running(look->reader, thread);
    strobe_mem_set_deadline(mem, NULL, 0);
    if (strobe_err_class(err) == STROBE_CLASS_FATAL)
        look->visit_err = err;
}

/* The threads' stacks for the tasks, which may be read anew while a loop's thread stands still. */
static int join_threads(struct strobe_tasklook *look, const struct strobe_sample **ret_threads)
{
    int err;

    look->joining = true;
    look->spoilt = false;
    look->visit_err = 0;
    err = strobe_snapshot_take(look->snap, ret_threads);
    look->joining = false;
    if (err || (err = look->visit_err))
        return err;
    for (uint32_t i = 0; i < (*ret_threads)->n_threads; i++) /* what was read with it is as little true as its stack */
        if ((*ret_threads)->threads[i].error && find_loop(look, (*ret_threads)->threads[i].tstate)) {
            look->trust.still = look->trust.there = false;
            look->spoilt = true;
        }
    return 0;
}

/* ---- */

int strobe_tasklook_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_snapshot *snap, struct strobe_clock *clock,
                        const struct strobe_tasklook_opts *opts, struct strobe_tasklook **ret)
{
    struct strobe_tasklook *look = calloc(1, sizeof *look);
    int err;

    if (!look)
        return STROBE_ERR_NOMEM;
    look->mem = mem;
    look->lay = lay;
    look->snap = snap;
    look->clock = clock;
    look->opts = *opts;
    strobe_snapshot_set_second_visitor(snap, visit, look);
    err = strobe_taskreader_new(mem, lay, &look->reader);
    if (err) {
        strobe_tasklook_free(look);
        return err;
    }
    if (opts->careful)
        strobe_taskreader_want_timers(look->reader, clock);
    *ret = look;
    return 0;
}

void strobe_tasklook_set_forked(struct strobe_tasklook *look, int32_t own_pid)
{
    look->own_pid = own_pid;
}

void strobe_tasklook_set_careful(struct strobe_tasklook *look, bool careful, uint64_t max_pause_ns)
{
    look->opts.careful = careful;
    look->opts.max_pause_ns = look->opts.still_ns = max_pause_ns;
}

void strobe_tasklook_free(struct strobe_tasklook *look)
{
    if (!look)
        return;
    strobe_snapshot_set_second_visitor(look->snap, NULL, NULL);
    strobe_taskreader_free(look->reader);
    free(look->loops);
    free(look->running);
    free(look->sources);
    free(look->tstates);
    free(look);
}

void strobe_tasklook_set_finder(struct strobe_tasklook *look, int (*find)(void *ctx, struct strobe_mem *mem, uint64_t *ret_table),
                                void *ctx)
{
    look->find = find;
    look->find_ctx = ctx;
}

struct strobe_taskreader *strobe_tasklook_reader(struct strobe_tasklook *look)
{
    return look->reader;
}

static int list_once(struct strobe_tasklook *look)
{
    const struct strobe_sample *threads;
    int err = strobe_snapshot_take(look->snap, &threads);

    want_table(look);
    if (!err)
        err = list_loops(look, threads);
    look->listed = !err;
    return err;
}

/* Has nothing changed since the last look, as far as the loops' own threads tell?  Where other threads run all the time it is rarely
 * asked: that they have is known only when all have been looked at. */
static bool may_keep(struct strobe_tasklook *look)
{
    if (look->in_vain && look->in_vain++ % KEEP_EVERY)
        return false;
    return look->trust.there && look->trust.slept && !look->trust.missing && !look->trust.list_torn && !look->sample.n_dropped &&
           ask_loops(look);
}

/* What was kept is still true if nobody has run: others than the loop's thread can cancel tasks, or make them. */
static bool was_right_to_keep(struct strobe_tasklook *look)
{
    uint64_t changes = strobe_snapshot_changes(look->snap);

    look->in_vain = changes == look->changes ? 0 : look->in_vain + !look->in_vain;
    return changes == look->changes;
}

/* Has nothing run that could have changed the tasks?  Where no loop is known to run, nothing at all may have. */
static bool nobody_ran(struct strobe_tasklook *look)
{
    return look->n_loops ? ask_loops(look) : strobe_snapshot_changes(look->snap) == look->began;
}

/* A few tasks could not be read in time while they stood still: of looks that follow each other the next one will do, and have this one's
 * time too.  As the loop goes on they would be read less well. */
static bool may_pass(struct strobe_tasklook *look)
{
    bool pass = look->spoilt && !look->trust.there && !look->opts.careful && are_few(look) && look->n_passed < MAX_PASSED;

    look->n_passed = pass ? look->n_passed + 1 : 0;
    return pass;
}

/* Tasks and threads, by the way that costs least. */
static int read_both(struct strobe_tasklook *look, const struct strobe_sample **ret_threads)
{
    bool kept = may_keep(look);
    int err = 0;

    want_table(look);
    look->trust.there = kept;
    look->trust.still = false;
    if (!kept && !are_few(look))
        err = read_tasks(look);
    if (!err)
        err = join_threads(look, ret_threads);
    if (kept && !look->trust.still)
        look->trust.there = was_right_to_keep(look);
    if (err || may_pass(look))
        return err;
    if (!look->trust.there && !(err = read_tasks(look)))
        err = join_threads(look, ret_threads);
    if (!err && look->opts.careful && !look->trust.still && !look->trust.missing)
        err = strobe_taskreader_note_facts(look->reader);
    look->trust.slept = nobody_ran(look);
    look->changes = err ? 0 : strobe_snapshot_changes(look->snap);
    return err;
}

/* Until the threads that run a loop are those that were asked; loops that come and go all the time are not known well enough. */
static int read_known(struct strobe_tasklook *look, const struct strobe_sample **ret_threads)
{
    int err = 0;

    for (int i = 0; !err && i < KNOWN_TRIES; i++) {
        if ((err = read_both(look, ret_threads)))
            break;
        strobe_mem_again(look->mem, TURN_REST);
        if ((err = list_loops(look, *ret_threads)) || !look->changed)
            break;
        look->trust.still = look->trust.slept = false;
    }
    return err;
}

static int look_once(struct strobe_tasklook *look, const struct strobe_sample **ret_threads)
{
    int err = look->listed ? 0 : list_once(look);
    bool whole;

    if (!err)
        err = read_known(look, ret_threads);
    whole = look->trust.still || look->trust.slept;
    look->sample = (struct strobe_task_sample){.n_tasks = 0};
    if (!err && !look->trust.missing && !look->n_passed)
        err = strobe_taskreader_finish(look->reader, *ret_threads, whole, &look->sample);
    if (err) {
        look->listed = look->trust.there = false;
        return err;
    }
    look->sample.time_ns = (*ret_threads)->time_ns;
    look->sample.absent = look->trust.missing;
    look->sample.blind = !look->trust.missing && !look->reader->has_aio;
    look->sample.passed = look->n_passed != 0;
    look->sample.list_torn = look->trust.list_torn;
    look->sample.whole = whole && !look->trust.list_torn && !look->n_passed;
    return 0;
}

int strobe_tasklook_take(struct strobe_tasklook *look, const struct strobe_sample **ret_threads,
                         const struct strobe_task_sample **ret_tasks)
{
    int err = 0;

    for (int i = 0; i < WHOLE_TRIES; i++) {
        err = look_once(look, ret_threads);
        if (err || !look->opts.careful || (look->sample.whole && !look->sample.n_dropped))
            break;
    }
    if (!err)
        *ret_tasks = &look->sample;
    return err;
}
