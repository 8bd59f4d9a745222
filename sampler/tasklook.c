/* SPDX-License-Identifier: Apache-2.0 */
#include "tasklook.h"

#include <stdlib.h>

#include "base/grow.h"
#include "walk/loops.h"
#include "walk/walk.h"

enum {
    TURN_TASKS = 0, TURN_REST = 1, /* of strobe_mem_again */
    LIST_TRIES = 8,  /* readings of a list of tasks that changes */
    AGAIN_TRIES = 4, /* readings of a task that changes */
    WHOLE_TRIES = 4, /* looks at a loop that runs meanwhile, until it does not */
};

struct strobe_tasklook {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_snapshot *snap;
    struct strobe_clock *clock;
    struct strobe_tasklook_opts opts;
    struct strobe_taskreader *reader;
    uint64_t *loop_tstates; /* thread states that run a loop */
    size_t n_loops, cap_loops;
    uint64_t late_ns;       /* while a thread is held: until when its tasks are read */
    bool joining;           /* the threads are being read to be joined with tasks */
    struct strobe_task_source *sources;
    uint64_t *tstates;
    size_t n_sources, cap_sources, cap_tstates;
    struct strobe_task_sample sample;
    bool listed; /* threads were read before: their list is at most a look old */
    int (*find)(void *ctx, struct strobe_mem *mem, uint64_t *ret_table);
    void *find_ctx;
};

static bool is_late(void *ctx)
{
    const struct strobe_tasklook *look = ctx;

    return look->clock->now(look->clock) >= look->late_ns;
}

/* A loop's thread stands still, held or asleep: those of its tasks that changed whenever they were read do not now. */
static void visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    struct strobe_tasklook *look = ctx;

    if (!look->joining || !look->opts.max_pause_ns || !look->reader->n_unsettled)
        return;
    for (size_t i = 0; i < look->n_loops; i++)
        if (look->loop_tstates[i] == thread->tstate) {
            look->late_ns = look->clock->now(look->clock) + look->opts.max_pause_ns;
            strobe_mem_epoch(mem);
            strobe_taskreader_again(look->reader, is_late, look);
            return;
        }
}

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
    if (err)
        strobe_tasklook_free(look);
    else
        *ret = look;
    return err;
}

void strobe_tasklook_free(struct strobe_tasklook *look)
{
    if (!look)
        return;
    strobe_snapshot_set_second_visitor(look->snap, NULL, NULL);
    strobe_taskreader_free(look->reader);
    free(look->loop_tstates);
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

static int read_tasks(struct strobe_tasklook *look)
{
    int err = STROBE_ERR_TORN;

    want_table(look);
    for (int i = 0; i < LIST_TRIES && (err == STROBE_ERR_TORN || err == STROBE_ERR_FAULT); i++) {
        strobe_mem_again(look->mem, TURN_TASKS);
        err = strobe_taskreader_read(look->reader, look->sources, look->n_sources);
    }
    for (int i = 0; !err && i < AGAIN_TRIES && look->reader->n_unsettled; i++) {
        strobe_mem_epoch(look->mem);
        err = strobe_taskreader_again(look->reader, NULL, NULL);
    }
    return err;
}

/* Which threads run a loop, by the sample that was taken last. */
static int list_loops(struct strobe_tasklook *look, const struct strobe_sample *threads)
{
    const struct strobe_aio_layout *aio = look->reader->has_aio ? &look->reader->aio : NULL;
    uint64_t loop;

    look->n_loops = 0;
    if (strobe_grow(&look->loop_tstates, &look->cap_loops, threads->n_threads, sizeof *look->loop_tstates))
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < threads->n_threads; i++)
        if (!strobe_loop_of_thread(look->mem, look->lay, aio, &threads->threads[i], &loop))
            look->loop_tstates[look->n_loops++] = threads->threads[i].tstate;
    return 0;
}

/* Has no thread with a loop run since the reading before this one? */
static bool stood_still(const struct strobe_tasklook *look, const struct strobe_sample *threads)
{
    for (size_t i = 0; i < look->n_loops; i++) {
        bool same = false;

        for (uint32_t t = 0; t < threads->n_threads; t++)
            if (threads->threads[t].tstate == look->loop_tstates[i])
                same = threads->threads[t].flags & STROBE_THREAD_SAME;
        if (!same)
            return false;
    }
    return true;
}

static int look_once(struct strobe_tasklook *look, const struct strobe_sample **ret_threads)
{
    const struct strobe_sample *threads;
    bool missing;
    int err = look->listed && !look->opts.careful ? 0 : strobe_snapshot_take(look->snap, &threads);

    if (!err && (!look->listed || look->opts.careful))
        err = list_loops(look, threads);
    if (!err)
        err = list_sources(look);
    look->listed = !err;
    if (err)
        return err;
    err = read_tasks(look);
    if (strobe_err_class(err) == STROBE_CLASS_FATAL)
        return err;
    missing = err == STROBE_ERR_MISSING;
    look->joining = !missing;
    err = strobe_snapshot_take(look->snap, &threads);
    look->joining = false;
    if (err) {
        look->listed = false;
        return err;
    }
    strobe_mem_again(look->mem, TURN_REST);
    look->sample = (struct strobe_task_sample){.n_tasks = 0};
    if (!missing && (err = strobe_taskreader_finish(look->reader, threads, &look->sample)))
        return err;
    look->sample.time_ns = threads->time_ns;
    look->sample.absent = missing;
    look->sample.blind = !missing && !look->reader->has_aio;
    look->sample.whole = look->opts.careful && stood_still(look, threads);
    *ret_threads = threads;
    return missing || look->opts.careful ? 0 : list_loops(look, threads);
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
