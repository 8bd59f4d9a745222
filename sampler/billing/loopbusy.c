/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/loopbusy.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/libfile.h"
#include "runtime/pyobj.h"
#include "walk/loops.h"
#include "walk/waitfacts.h"

enum {
    LIST_TICKS = 16,    /* threads are asked for their loops this often, and when a task's loop is not known */
    MAX_LOOPS = 256,    /* at once */
    MAX_OVERDUE_S = 3600, /* a timer that is longer overdue is of a clock of its own */
};

void strobe_loopbusy_init(struct strobe_loopbusy *busy, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_names *names,
                          struct strobe_codes *codes, struct strobe_taskreader *reader, struct strobe_callnames *calls)
{
    *busy = (struct strobe_loopbusy){.mem = mem, .lay = lay, .names = names, .codes = codes, .reader = reader, .calls = calls};
    strobe_loopsteps_init(&busy->steps, lay, &reader->codes);
}

void strobe_loopbusy_release(struct strobe_loopbusy *busy)
{
    strobe_htab_release(&busy->running);
    strobe_loopsteps_release(&busy->steps);
    free(busy->loops);
    *busy = (struct strobe_loopbusy){.mem = NULL};
}

/* ---- frames of the machinery ---- */

/* Is a raw frame this function of this file? */
static bool is_function(struct strobe_loopbusy *busy, const struct strobe_raw_frame *raw, const char *name, const char *file)
{
    const struct strobe_frame *frame;
    uint32_t id;

    if (raw->code <= STROBE_CODE_UNREADABLE || strobe_codes_resolve(busy->codes, raw->code, (int64_t)raw->instr, &id))
        return false;
    frame = strobe_names_get(busy->names, id);
    return frame && strobe_code_frame_is(busy->names, frame, name, file);
}

/* ---- loops ---- */

static bool runs_a_task(const struct strobe_loopbusy *busy, uint32_t thread)
{
    for (uint32_t i = 0; i < busy->sample->n_tasks; i++)
        if (busy->sample->tasks[i].state == STROBE_TASK_RUNNING && busy->sample->tasks[i].thread == thread)
            return true;
    return false;
}

/* The call in which a loop made in C runs, as code names it: "self._loop.run_until_complete", "loop.run_forever". */
static bool runs_the_loop(const char *call)
{
    const char *method = strobe_py_last_name(call);

    return strcmp(method, "run_until_complete") == 0 || strcmp(method, "run_forever") == 0;
}

/* Another loop than asyncio's own (uvloop) has no frames: it is in a step when a task is on the thread's stack, or when what the thread
 * is in innermost is another function than the loop's.  A callback that executes Python is not told from the loop. */
static int in_another_step(struct strobe_loopbusy *busy, uint32_t thread, bool *ret)
{
    const char *call;
    int err;

    *ret = runs_a_task(busy, thread);
    if (*ret)
        return 0;
    err = strobe_callnames_of(busy->calls, busy->threads->threads[thread].frames, &call);
    *ret = !err && *call && !runs_the_loop(call);
    return err;
}

static int in_a_step(struct strobe_loopbusy *busy, uint32_t index, bool *ret)
{
    const struct strobe_thread *thread = &busy->threads->threads[index];

    *ret = false;
    if (!thread->n_frames || is_function(busy, &thread->frames[0], "select", "selectors.py") ||
        is_function(busy, &thread->frames[0], "_run_once", "asyncio/base_events.py"))
        return 0;
    for (uint32_t i = 0; i < thread->n_frames && !*ret; i++)
        *ret = is_function(busy, &thread->frames[i], "_run_once", "asyncio/base_events.py");
    return *ret ? 0 : in_another_step(busy, index, ret);
}

static int add_loop(struct strobe_loopbusy *busy, uint64_t loop, uint32_t thread)
{
    bool stepping;
    int err;

    if (busy->n == MAX_LOOPS)
        return 0;
    if (strobe_grow(&busy->loops, &busy->cap, busy->n + 1, sizeof *busy->loops))
        return STROBE_ERR_NOMEM;
    if ((err = in_a_step(busy, thread, &stepping)))
        return err;
    busy->loops[busy->n++] = (struct strobe_loopbusy_loop){loop, thread, stepping, false};
    return strobe_loopsteps_add(&busy->steps, &busy->threads->threads[thread]);
}

static struct strobe_loopbusy_loop *loop_of(struct strobe_loopbusy *busy, uint64_t loop)
{
    for (size_t i = 0; i < busy->n; i++)
        if (busy->loops[i].loop == loop)
            return &busy->loops[i];
    return NULL;
}

/* all: asks each thread, not only those that ran a loop when they were last asked. */
static int list_loops(struct strobe_loopbusy *busy, bool all)
{
    int err = 0;

    busy->n = 0;
    if (all)
        strobe_htab_clear(&busy->running);
    for (uint32_t i = 0; !err && i < busy->threads->n_threads; i++) {
        const struct strobe_thread *thread = &busy->threads->threads[i];
        uint64_t loop;

        if (!all && !strobe_htab_get(&busy->running, thread->tstate, thread->tstate_id))
            continue;
        if (strobe_loop_of_thread(busy->mem, busy->lay, &busy->reader->aio, thread, busy->reader->own_pid, &loop))
            continue;
        if (!(err = strobe_htab_put(&busy->running, thread->tstate, thread->tstate_id, loop)))
            err = add_loop(busy, loop, i);
    }
    return err;
}

void strobe_loopbusy_visit(struct strobe_loopbusy *busy, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    strobe_loopsteps_visit(&busy->steps, mem, thread);
}

int strobe_loopbusy_begin(struct strobe_loopbusy *busy, const struct strobe_sample *threads, const struct strobe_task_sample *sample)
{
    uint64_t last = 0;
    bool known = true;
    int err;

    busy->threads = threads;
    busy->sample = sample;
    busy->tick++;
    busy->timers = (struct strobe_timers){.type = 0};
    busy->n = 0;
    if (!sample->n_tasks || !busy->reader->has_aio)
        return 0;
    if ((err = list_loops(busy, busy->tick % LIST_TICKS == 1)))
        return err;
    for (uint32_t i = 0; i < sample->n_tasks && known; i++) {
        if (sample->tasks[i].loop != last)
            known = loop_of(busy, sample->tasks[i].loop) != NULL;
        last = sample->tasks[i].loop;
    }
    return known || busy->tick % LIST_TICKS == 1 ? 0 : list_loops(busy, true);
}

/* Its time has come: asyncio's loops have the monotonic clock. */
static bool is_due(struct strobe_loopbusy *busy, const struct strobe_task *task)
{
    double when, now = (double)busy->threads->time_ns / 1e9;

    return !strobe_timers_due(&busy->timers, busy->mem, busy->lay, task->timer, &when) && when <= now && now - when < MAX_OVERDUE_S;
}

bool strobe_loopbusy_is_ready(struct strobe_loopbusy *busy, uint32_t index)
{
    const struct strobe_task *task = &busy->sample->tasks[index];
    struct strobe_loopbusy_loop *loop;

    if (task->state != STROBE_TASK_READY && !(task->state == STROBE_TASK_WAITING && task->timer))
        return false;
    loop = loop_of(busy, task->loop);
    if (task->state != STROBE_TASK_READY && !(loop && loop->busy && is_due(busy, task)))
        return false;
    if (loop)
        loop->ready = true;
    return true;
}

/* ---- steps ---- */

struct step_search {
    struct strobe_loopbusy *busy;
    struct strobe_loopstep step;
    int found;
};

static int match_step(void *ctx, const struct strobe_local *local)
{
    struct step_search *search = ctx;

    if (strcmp(local->name, "end_time") == 0)
        search->found += !strobe_py_float(search->busy->mem, search->busy->lay, local->value, &search->step.end_time);
    else if (strcmp(local->name, "i") == 0)
        search->found += !strobe_py_int(search->busy->mem, search->busy->lay, local->value, &search->step.handles);
    return search->found == 2;
}

/* As the variables are by now: of a loop that was not known when its thread's stack was read.  False when the loop has gone on since. */
static bool read_late(struct strobe_loopbusy *busy, const struct strobe_raw_frame *run_once, struct strobe_loopstep *ret)
{
    struct step_search search = {.busy = busy};

    if (strobe_py_locals(busy->mem, busy->lay, run_once->frame, run_once->code, match_step, &search) != 1 ||
        search.step.end_time > (double)busy->threads->time_ns / 1e9)
        return false;
    *ret = search.step;
    return true;
}

static void tell_step(struct strobe_loopbusy *busy, const struct strobe_thread *thread, const struct strobe_raw_frame *run_once,
                      struct strobe_loopblock_look *look)
{
    struct strobe_loopstep step;
    double ago;

    if (!strobe_loopsteps_get(&busy->steps, thread, run_once, &step) && !read_late(busy, run_once, &step))
        return;
    ago = (double)busy->threads->time_ns / 1e9 - step.end_time;
    if (ago > MAX_OVERDUE_S || ago < -MAX_OVERDUE_S)
        return; /* of a clock of its own */
    look->step = strobe_hash_bytes(&step.end_time, sizeof step.end_time, (uint64_t)step.handles) | 1;
    look->most_ns = ago > 0 ? (uint64_t)(ago * 1e9) : 0;
}

/* Which step it is; returns how many of the thread's frames are its own: those inside of _run_once(), without the handle's; of other
 * loops the running task's, or all. */
static uint32_t frames_of_step(struct strobe_loopbusy *busy, const struct strobe_loopbusy_loop *loop, struct strobe_loopblock_look *look)
{
    const struct strobe_thread *thread = &busy->threads->threads[loop->thread];
    uint32_t n = thread->n_frames;

    for (uint32_t i = 0; i < thread->n_frames; i++) {
        if (!is_function(busy, &thread->frames[i], "_run_once", "asyncio/base_events.py"))
            continue;
        tell_step(busy, thread, &thread->frames[i], look);
        return i && is_function(busy, &thread->frames[i - 1], "_run", "asyncio/events.py") ? i - 1 : i;
    }
    for (uint32_t i = 0; i < busy->sample->n_tasks; i++) {
        const struct strobe_task *task = &busy->sample->tasks[i];

        if (task->state == STROBE_TASK_RUNNING && task->thread == loop->thread && task->n_frames < n)
            n = task->n_frames; /* the innermost of tasks that run inside of one another */
    }
    return n;
}

/* Appends the C function that the thread waits in, if any. */
static int c_function(struct strobe_loopbusy *busy, const struct strobe_loopbusy_loop *loop, uint32_t *ids, uint32_t *n)
{
    const struct strobe_thread *thread = &busy->threads->threads[loop->thread];
    const char *text;
    int err;

    if (thread->flags & STROBE_THREAD_ACTIVE)
        return 0;
    err = strobe_callnames_of(busy->calls, thread->frames, &text);
    if (err || !*text)
        return err;
    err = strobe_names_marker(busy->names, text, &ids[*n]);
    *n += !err;
    return err;
}

int strobe_loopbusy_note(struct strobe_loopbusy *busy, struct strobe_loopblocks *blocks, int32_t pid, uint64_t ns)
{
    uint32_t ids[STROBE_LOOPBLOCKS_FRAMES], n;
    int err = 0;

    for (size_t k = 0; !err && k < busy->n; k++) {
        const struct strobe_loopbusy_loop *loop = &busy->loops[k];
        const struct strobe_raw_frame *raw = busy->threads->threads[loop->thread].frames;
        struct strobe_loopblock_look look = {.loop = loop->loop, .pid = pid, .tick = busy->tick, .ns = ns, .most_ns = UINT64_MAX};

        if (!loop->busy || !loop->ready)
            continue;
        look.frames = ids;
        n = frames_of_step(busy, loop, &look);
        if (n && (err = c_function(busy, loop, ids, &look.n_frames)))
            break;
        for (uint32_t i = 0; i < n && look.n_frames < STROBE_LOOPBLOCKS_FRAMES; i++)
            if (raw[i].code > STROBE_CODE_UNREADABLE &&
                !strobe_codes_resolve(busy->codes, raw[i].code, (int64_t)raw[i].instr, &ids[look.n_frames]))
                look.n_frames++;
        if (look.n_frames)
            err = strobe_loopblocks_note(blocks, &look);
    }
    return err;
}
