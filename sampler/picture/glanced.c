/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/glanced.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/grow.h"
#include "runtime/pyobj.h"
#include "walk/instances.h"

enum {
    TURN = 3,                 /* of strobe_mem_again: tasklook.c has those before it */
    TAKES = 3,                /* readings of the threads until none of them is torn */
    MAX_STEP_S = 24 * 3600,   /* a step that is said to be longer was misread, or its loop has a clock of its own */
};
static const uint64_t listing_ns = 1000 * 1000 * 1000; /* threads are listed so often, whether those that are known have run or not */

/* The snapshot's visitor: which step of its loop a thread is in is read with its stack. */
static void visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    struct strobe_glanced *glanced = ctx;

    strobe_loopsteps_visit(&glanced->steps, mem, thread);
}

int strobe_glanced_open(struct strobe_pooled *pooled, struct strobe_glanced *ret)
{
    struct strobe_snapshot_opts opts = {.mode = STROBE_MODE_NONBLOCKING, .listing_ns = listing_ns};
    struct strobe_place *place = pooled->tasked.place;
    struct strobe_taskreader *reader = strobe_tasklook_reader(pooled->tasked.look);
    int err;

    *ret = (struct strobe_glanced){.pooled = pooled, .workers = STROBE_GLANCED_WORKERS_INIT, .places = STROBE_HTAB_INIT};
    err = strobe_snapshot_new(place->mem, place->host, place->layout, strobe_clock_system(), &opts, &ret->snap);
    if (err)
        return err;
    strobe_snapshot_set_visitor(ret->snap, visit, ret);
    strobe_pools_init(&ret->pools, place->mem, place->layout, &reader->roles, &reader->codes);
    ret->pools.count_only = true;
    strobe_loopsteps_init(&ret->steps, place->layout, &reader->codes);
    strobe_glanced_renew(ret);
    return 0;
}

void strobe_glanced_release(struct strobe_glanced *glanced)
{
    if (!glanced->pooled)
        return;
    strobe_pools_release(&glanced->pools);
    strobe_glanced_workers_release(&glanced->workers);
    strobe_htab_release(&glanced->places);
    strobe_loopsteps_release(&glanced->steps);
    strobe_snapshot_free(glanced->snap);
    free(glanced->rows);
    *glanced = (struct strobe_glanced){.pooled = NULL};
}

void strobe_glanced_renew(struct strobe_glanced *glanced)
{
    const struct strobe_tasked *tasked = &glanced->pooled->tasked;

    glanced->known = glanced->placed = false;
    glanced->n_running = 0;
    for (uint32_t i = 0; tasked->loops && i < tasked->threads->n_threads && glanced->n_running < STROBE_GLANCED_LOOPS; i++)
        if (tasked->loops[i]) {
            const struct strobe_thread *thread = &tasked->threads->threads[i];

            glanced->running[glanced->n_running++] =
                (struct strobe_glanced_loop){.tstate = thread->tstate, .tstate_id = thread->tstate_id};
        }
}

/* ---- loops ---- */

/* Is a raw frame this function of this file?  Names are resolved once a code object. */
static bool is_function(struct strobe_glanced *glanced, const struct strobe_raw_frame *raw, const char *name, const char *file)
{
    struct strobe_tasked *tasked = &glanced->pooled->tasked;
    const struct strobe_frame *frame;
    uint32_t id;

    if (raw->code <= STROBE_CODE_UNREADABLE || strobe_codes_resolve(tasked->codes, raw->code, (int64_t)raw->instr, &id))
        return false;
    frame = strobe_names_get(tasked->names, id);
    return frame && strobe_code_frame_is(tasked->names, frame, name, file);
}

/* The frame of asyncio's own loop, if it is one; NULL: another loop (uvloop), which has no frames. */
static const struct strobe_raw_frame *run_once(struct strobe_glanced *glanced, const struct strobe_thread *thread)
{
    struct strobe_taskreader *reader = strobe_tasklook_reader(glanced->pooled->tasked.look);

    for (uint32_t i = 0; i < thread->n_frames; i++) {
        const struct strobe_code_entry *entry =
            thread->frames[i].code > STROBE_CODE_UNREADABLE ? strobe_coderoles_get(&reader->codes, thread->frames[i].code) : NULL;

        if (entry && entry->role == STROBE_CODE_STEPS)
            return &thread->frames[i];
    }
    return NULL;
}

/* Of a loop made in C: what its thread is in innermost is another function than the one that runs the loop. */
static int in_another_step(struct strobe_glanced *glanced, const struct strobe_thread *thread, bool *ret)
{
    const char *call, *method;
    int err = strobe_callnames_of(&glanced->pooled->tasked.calls, thread->frames, &call);

    if (err)
        return err;
    method = strobe_py_last_name(call);
    *ret = *call && strcmp(method, "run_until_complete") != 0 && strcmp(method, "run_forever") != 0;
    return 0;
}

/* One loop by its thread's stack. */
static int read_loop(struct strobe_glanced *glanced, const struct strobe_sample *sample, const struct strobe_thread *thread,
                     struct strobe_glanced_loop *loop)
{
    const struct strobe_raw_frame *turn = run_once(glanced, thread);
    struct strobe_loopstep step;
    double passed;

    loop->busy = false;
    loop->step_s = -1;
    if (!turn) {
        int err = thread->n_frames ? in_another_step(glanced, thread, &loop->busy) : 0;

        if (!err && !loop->busy)
            loop->step_s = 0;
        return err;
    }
    loop->busy = turn != thread->frames && !is_function(glanced, thread->frames, "select", "selectors.py");
    if (!loop->busy) {
        loop->step_s = 0;
    } else if (strobe_loopsteps_get(&glanced->steps, thread, turn, &step)) {
        passed = (double)sample->time_ns / 1e9 - step.end_time; /* asyncio's clock is the monotonic one */
        if (passed >= -1 && passed < MAX_STEP_S) /* it counts a clock's tick ahead */
            loop->step_s = passed > 0 ? passed : 0;
    }
    return strobe_loopsteps_add(&glanced->steps, thread);
}

/* A loop that waits sleeps in the kernel: of a thread that runs nothing else need be known, if its stack moves too fast to be read. */
static bool is_busy_by_its_thread(const struct strobe_thread *thread)
{
    return thread->error == STROBE_ERR_TORN && thread->flags & (STROBE_THREAD_ACTIVE | STROBE_THREAD_GIL);
}

/* Those of the last look whose threads are still there. */
static int read_loops(struct strobe_glanced *glanced, const struct strobe_sample *sample)
{
    int err = 0;

    glanced->n_loops = 0;
    for (uint32_t i = 0; i < glanced->n_running; i++)
        for (uint32_t t = 0; !err && t < sample->n_threads; t++) {
            const struct strobe_thread *thread = &sample->threads[t];

            if (thread->tstate != glanced->running[i].tstate || thread->tstate_id != glanced->running[i].tstate_id ||
                (thread->error && !is_busy_by_its_thread(thread)))
                continue;
            glanced->loops[glanced->n_loops] = glanced->running[i];
            glanced->loops[glanced->n_loops].busy = thread->error != 0;
            glanced->loops[glanced->n_loops].step_s = -1;
            if (!thread->error)
                err = read_loop(glanced, sample, thread, &glanced->loops[glanced->n_loops]);
            glanced->n_loops += !err;
            break;
        }
    return err;
}

/* ---- resources ---- */

static enum strobe_pool_kind pool_kind(enum strobe_resource_kind kind)
{
    switch (kind) {
    case STROBE_RESOURCE_PROCESS_POOL: return STROBE_POOL_PROCESSES;
    case STROBE_RESOURCE_ANYIO_POOL: return STROBE_POOL_ANYIO;
    default: return STROBE_POOL_THREADS;
    }
}

/* The executor of a row among those that threads work for; NULL = none does.  By its queue: the executor itself may have been collected
 * while its threads still work. */
static const struct strobe_pool *pool_of(const struct strobe_glanced *glanced, const struct strobe_report_resource *row)
{
    return row->queue || row->kind == STROBE_RESOURCE_ANYIO_POOL
               ? strobe_pools_of_queue(&glanced->pools, pool_kind(row->kind), row->queue) : NULL;
}

/* False: it is gone. */
static bool read_executor(const struct strobe_glanced *glanced, bool lives, struct strobe_report_resource *row)
{
    const struct strobe_pool *pool = pool_of(glanced, row);
    struct strobe_glanced_torn torn = strobe_glanced_workers_torn(&glanced->workers, pool_kind(row->kind), row->queue);
    int64_t busy = torn.n_busy + (pool ? pool->n_busy : 0), workers = torn.n + (pool ? pool->n_workers : 0);

    if (row->kind == STROBE_RESOURCE_PROCESS_POOL && !pool && glanced->workers.n_strangers + glanced->n_torn) {
        row->busy = row->queued = -1; /* the thread that manages it may be the one that was not read */
        return true;
    }
    if (!pool && !torn.n && !lives && !glanced->workers.n_strangers)
        return false;
    if (pool) {
        row->max = pool->max >= 0 ? pool->max : row->max;
        row->queued = pool->n_queued;
        row->shutdown = pool->shutdown;
    } else {
        row->queued = torn.n || glanced->workers.n_strangers ? -1 : 0;
    }
    row->workers = workers;
    row->busy = torn.n_unknown || (glanced->workers.n_strangers && (row->max < 0 || workers < row->max)) ? -1 : busy;
    return true;
}

/* A capacity that the object does not keep is the look's, or as much as is free. */
static void read_facts(struct strobe_glanced *glanced, struct strobe_report_resource *row)
{
    const struct strobe_report_resource before = *row;

    strobe_pooled_read_facts(glanced->pooled, row);
    if (row->capacity_source != STROBE_CAPACITY_STORED) {
        row->capacity = before.capacity;
        row->capacity_source = before.capacity_source;
        strobe_pooled_note_free(glanced->pooled, row);
    }
}

/* The rows of the look with the numbers of now; objects that are gone are left out. */
static int read_rows(struct strobe_glanced *glanced)
{
    const struct strobe_pooled *pooled = glanced->pooled;
    struct strobe_place *place = pooled->tasked.place;
    uint32_t n = 0;

    if (strobe_grow(&glanced->rows, &glanced->cap_rows, pooled->report.n + 1, sizeof *glanced->rows))
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < pooled->report.n; i++) {
        struct strobe_report_resource *row = &glanced->rows[n];
        struct strobe_instance instance = {.addr = pooled->report.at[i].address, .type = pooled->report.at[i].class_address};
        bool lives = !instance.addr || !instance.type || strobe_instance_lives(place->mem, place->layout, &instance);

        *row = pooled->report.at[i];
        if (row->kind < STROBE_RESOURCE_SEMAPHORE) {
            n += read_executor(glanced, lives && row->address, row);
        } else if (lives) {
            read_facts(glanced, row);
            n++;
        }
    }
    glanced->report = pooled->report;
    glanced->report.at = glanced->rows;
    glanced->report.n = n;
    return 0;
}

enum { ANY_KIND = STROBE_POOL_ANYIO + 1 };

/* Where the look's rows of executors are. */
static int place_rows(struct strobe_glanced *glanced)
{
    const struct strobe_report_resources *report = &glanced->pooled->report;
    int err = 0;

    strobe_htab_clear(&glanced->places);
    for (uint32_t i = 0; i < report->n && !err; i++) {
        const struct strobe_report_resource *row = &report->at[i];

        if (row->kind >= STROBE_RESOURCE_SEMAPHORE)
            continue;
        err = strobe_htab_put(&glanced->places, row->queue, pool_kind(row->kind), i);
        if (!err && row->address)
            err = strobe_htab_put(&glanced->places, row->address, ANY_KIND, i);
    }
    glanced->placed = !err;
    return err;
}

/* Does a thread work for an executor that no row is about? */
static bool has_news(const struct strobe_glanced *glanced)
{
    for (size_t i = 0; i < glanced->pools.n; i++) {
        const struct strobe_pool *pool = &glanced->pools.at[i];
        enum strobe_pool_kind kind = pool->kind == STROBE_POOL_INTERPRETERS ? STROBE_POOL_THREADS : pool->kind;

        if (!strobe_htab_get(&glanced->places, pool->queue, kind) &&
            (!pool->object || !strobe_htab_get(&glanced->places, pool->object, ANY_KIND)))
            return true;
    }
    return false;
}

/* All is as it was, but that steps which go on are longer. */
static void stand_still(struct strobe_glanced *glanced, uint64_t now)
{
    double passed = (double)(now - glanced->time_ns) / 1e9;

    for (uint32_t i = 0; i < glanced->n_loops; i++)
        if (glanced->loops[i].busy && glanced->loops[i].step_s >= 0)
            glanced->loops[i].step_s += passed;
    glanced->time_ns = now;
    glanced->still = true;
}

/* No thread has run since the last glance, as far as that can be told by asking the kernel: reading their list costs ten times as much,
 * and is left for now and then. */
static bool rests(struct strobe_glanced *glanced, uint64_t now)
{
    return glanced->known && now - glanced->taken_ns < listing_ns && strobe_snapshot_rests(glanced->snap);
}

int strobe_glanced_take(struct strobe_glanced *glanced)
{
    struct strobe_taskreader *reader = strobe_tasklook_reader(glanced->pooled->tasked.look);
    const struct strobe_sample *sample;
    uint64_t now = strobe_clock_system()->now(strobe_clock_system());
    bool torn = true;
    int err = 0;

    glanced->still = false;
    if (rests(glanced, now)) {
        stand_still(glanced, now);
        return 0;
    }
    for (int i = 0; i < TAKES && torn && !err; i++) {
        err = strobe_snapshot_take(glanced->snap, &sample);
        torn = !err && (sample->n_dropped || strobe_snapshot_missed(glanced->snap));
    }
    if (err)
        return err;
    glanced->taken_ns = now;
    if (glanced->known && glanced->changes == strobe_snapshot_changes(glanced->snap)) {
        stand_still(glanced, sample->time_ns);
        return 0;
    }
    glanced->pools.main_tid = glanced->pooled->tasked.pools.main_tid;
    strobe_mem_again(glanced->pooled->tasked.place->mem, TURN);
    strobe_roles_begin(&reader->roles);
    strobe_coderoles_begin(&reader->codes);
    err = strobe_pools_read(&glanced->pools, sample);
    if (!err)
        err = strobe_glanced_workers_note(&glanced->workers, sample, &glanced->pools);
    if (!err && !glanced->placed)
        err = place_rows(glanced);
    glanced->n_torn = sample->n_dropped;
    if (!err)
        err = read_rows(glanced);
    if (!err)
        err = read_loops(glanced, sample);
    glanced->news = !err && has_news(glanced);
    glanced->known = !err && !sample->n_dropped;
    glanced->changes = strobe_snapshot_changes(glanced->snap);
    glanced->time_ns = sample->time_ns;
    return err;
}
