/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/replay_tasks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#include "report/tasks.h"
#include "runtime/pycontext.h"
#include "naming/waitnames.h"
#include "walk/frames.h"
#include "walk/loops.h"

static void copy(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

static int find_table(void *ctx, struct strobe_mem *mem, uint64_t *ret_table)
{
    const char *text = image_get(ctx, "asyncio");

    if (!text)
        return STROBE_ERR_MISSING;
    *ret_table = strtoull(text, NULL, 16);
    return 0;
}

int replay_tasks_open(struct replay_task_session *session, struct image *image, struct strobe_mem *mem,
                      const struct strobe_layout_hint *hint, enum strobe_snapshot_mode mode, bool careful)
{
    const struct strobe_tasklook_opts opts = {.careful = careful};
    struct strobe_taskreader *reader;
    int err;

    *session = (struct replay_task_session){.image = image};
    if ((err = replay_open(&session->base, mem, hint, mode)))
        return err;
    if ((err = strobe_tasklook_new(mem, &session->base.lay, session->base.snap, strobe_clock_system(), &opts, &session->look))) {
        replay_close(&session->base);
        return err;
    }
    strobe_tasklook_set_finder(session->look, find_table, image);
    reader = strobe_tasklook_reader(session->look);
    strobe_pools_init(&session->pools, mem, &session->base.lay, &reader->roles, &reader->codes);
    return 0;
}

void replay_tasks_close(struct replay_task_session *session)
{
    strobe_pools_release(&session->pools);
    strobe_tasklook_free(session->look);
    replay_close(&session->base);
}

/* ---- one look ---- */

/* A str, or the number N of "Task-N"; "" when there is none. */
static void copy_name(struct replay_task_session *session, uint64_t obj, char *to, size_t size)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    int64_t n;

    *to = '\0';
    if (obj && !strobe_py_int(session->base.mem, &session->base.lay, obj, &n))
        snprintf(to, size, "Task-%" PRId64, n);
    else if (obj && !strobe_py_str(session->base.mem, &session->base.lay, obj, &text))
        copy(to, size, strobe_buf_str(&text));
    strobe_buf_release(&text);
}

static void copy_frames(struct replay_task_session *session, const struct strobe_task *task, struct replay_task *to)
{
    to->n_frames = task->n_frames;
    to->n_sync = task->n_sync;
    for (uint32_t i = 0; i < task->n_frames && i < REPLAY_CHAIN; i++) {
        const struct strobe_raw_frame *raw = &task->frames[i];
        struct replay_frame *frame = &to->frames[i];
        const struct strobe_frame *known;
        uint32_t id;

        *frame = (struct replay_frame){.error = strobe_codes_resolve(session->base.codes, raw->code, (int64_t)raw->instr, &id)};
        if (frame->error)
            continue;
        known = strobe_names_get(session->base.names, id);
        copy(frame->name, sizeof frame->name, strobe_names_text(session->base.names, known->name));
        copy(frame->file, sizeof frame->file, strobe_names_text(session->base.names, known->file));
        frame->line = known->line;
        frame->first_line = known->first_line;
    }
}

static void copy_wait(struct replay_task_session *session, const struct strobe_task_sample *sample, uint32_t index, struct replay_wait *to)
{
    struct strobe_mem *mem = session->base.mem;
    const struct strobe_layout *lay = &session->base.lay;
    const struct strobe_wait *wait = &sample->waits[index];
    struct strobe_buf text = STROBE_BUF_INIT;
    const char *source;

    *to = (struct replay_wait){.object = wait->object, .waiters = wait->n_waiters, .holders = wait->n_holders};
    copy(to->kind, sizeof to->kind, strobe_report_wait_word(wait->kind));
    copy(to->how, sizeof to->how, wait->how ? wait->how : "");
    strobe_wait_name(mem, lay, sample, index, &text, &source, NULL);
    copy(to->source, sizeof to->source, source);
    strobe_buf_clear(&text);
    strobe_wait_label(mem, lay, sample, index, &text);
    copy(to->label, sizeof to->label, text.failed ? "" : strobe_buf_str(&text));
    strobe_wait_facts_read(mem, lay, &strobe_tasklook_reader(session->look)->roles, wait, &to->facts);
    strobe_wait_facts_count(wait, &to->facts);
    strobe_buf_release(&text);
}

static void copy_place(struct replay_task_session *session, const struct strobe_sample *threads, const struct strobe_task *task,
                       struct replay_task *to)
{
    uint32_t pool, worker;

    if (!strobe_pools_find(&session->pools, task->source, &pool, &worker, &to->place))
        return;
    copy_name(session, session->pools.at[pool].name, to->pool, sizeof to->pool);
    if (worker != STROBE_NO_INDEX && session->pools.workers[worker].thread != STROBE_NO_INDEX)
        copy(to->worker, sizeof to->worker,
             strobe_snapshot_thread_name(session->base.snap, &threads->threads[session->pools.workers[worker].thread]));
}

static void copy_task(struct replay_task_session *session, const struct strobe_sample *threads, const struct strobe_task_sample *sample,
                      uint32_t index, struct replay_task *to)
{
    const struct strobe_task *task = &sample->tasks[index];
    uint64_t value;

    *to = (struct replay_task){.addr = task->addr, .loop = task->loop, .waits = task->wait != STROBE_NO_INDEX};
    copy_name(session, task->name, to->name, sizeof to->name);
    copy(to->state, sizeof to->state, strobe_report_state_word(task->state));
    snprintf(to->flags, sizeof to->flags, "%s%s%s", task->flags & STROBE_TASK_CANCELLING ? "cancelling," : "",
             task->flags & STROBE_TASK_PYTHON ? "python," : "", task->flags & STROBE_TASK_NEW ? "new," : "");
    if (to->flags[0])
        to->flags[strlen(to->flags) - 1] = '\0';
    copy_frames(session, task, to);
    if (to->waits)
        copy_wait(session, sample, task->wait, &to->wait);
    for (uint32_t i = 0; i < task->n_holds; i++, to->n_holds++)
        if (i < REPLAY_OTHERS)
            copy_wait(session, sample, sample->holds[task->first_hold + i].wait, &to->holds[i]);
    for (uint32_t i = 0; i < task->n_awaiters; i++, to->n_parents++)
        if (i < REPLAY_OTHERS)
            to->parents[i] = sample->tasks[sample->awaiters[task->first_awaiter + i]].addr;
    if (task->context && !strobe_py_context_get(session->base.mem, &session->base.lay, task->context, "request", &value))
        copy_name(session, value, to->context, sizeof to->context);
    if (task->source)
        copy_place(session, threads, task, to);
    if (task->timer && strobe_timer_due(session->base.mem, &session->base.lay, task->timer, &to->due))
        to->due = 0;
}

static void copy_threads(struct replay_task_session *session, const struct strobe_sample *threads, struct replay_tasks *ret)
{
    const struct strobe_taskreader *reader = strobe_tasklook_reader(session->look);

    ret->n_threads = threads->n_threads;
    for (uint32_t i = 0; i < threads->n_threads && i < REPLAY_THREADS; i++) {
        ret->threads[i].ident = threads->threads[i].pthread;
        if (strobe_loop_of_thread(session->base.mem, &session->base.lay, reader->has_aio ? &reader->aio : NULL, &threads->threads[i], 0,
                                  &ret->threads[i].loop))
            ret->threads[i].loop = 0;
    }
}

static void copy_pools(struct replay_task_session *session, struct replay_tasks *ret)
{
    ret->n_pools = session->pools.n;
    for (size_t i = 0; i < session->pools.n && i < REPLAY_POOLS; i++) {
        const struct strobe_pool *pool = &session->pools.at[i];

        copy_name(session, pool->name, ret->pools[i].name, sizeof ret->pools[i].name);
        ret->pools[i].max = pool->max;
        ret->pools[i].busy = pool->n_busy;
        ret->pools[i].queued = pool->n_queued;
    }
}

int replay_tasks_tick(struct replay_task_session *session, struct replay_tasks *ret)
{
    const struct strobe_sample *threads;
    const struct strobe_task_sample *sample;
    int err;

    ret->n_tasks = ret->n_threads = ret->n_pools = ret->n_dropped = 0;
    session->base.now += 2000000000;
    if ((err = strobe_tasklook_take(session->look, &threads, &sample)) || (err = strobe_pools_read(&session->pools, threads)))
        return err;
    session->threads = threads;
    session->sample = sample;
    ret->n_dropped = sample->n_dropped;
    copy_threads(session, threads, ret);
    copy_pools(session, ret);
    ret->n_tasks = sample->n_tasks;
    for (uint32_t i = 0; i < sample->n_tasks && i < REPLAY_TASKS; i++)
        copy_task(session, threads, sample, i, &ret->tasks[i]);
    return 0;
}

int replay_tasks_walk(struct image *image, struct strobe_mem *mem, const struct strobe_layout_hint *hint, enum strobe_snapshot_mode mode,
                      struct replay_tasks *ret)
{
    struct replay_task_session session;
    int err;

    ret->n_tasks = ret->n_threads = ret->n_pools = ret->n_dropped = 0;
    err = replay_tasks_open(&session, image, mem, hint, mode, false);
    if (err)
        return err;
    err = replay_tasks_tick(&session, ret);
    replay_tasks_close(&session);
    return err;
}

/* ---- the truth ---- */

static const struct {
    const char *name;
    size_t at, size;
} facts[] = {
#define FACT(member) {#member, offsetof(struct strobe_wait_facts, member), sizeof((struct strobe_wait_facts *)0)->member}
    FACT(free), FACT(capacity), FACT(size), FACT(maxsize), FACT(unfinished), FACT(queued), FACT(borrowed), FACT(fd), FACT(pid),
#undef FACT
};

static void set_unsaid(struct replay_wait *wait)
{
    struct strobe_wait_facts *f = &wait->facts;

    f->free = f->capacity = f->size = f->maxsize = f->unfinished = f->queued = f->borrowed = INT64_MIN;
    f->fd = f->pid = INT32_MIN;
    f->capacity_source = STROBE_CAPACITY_UNKNOWN;
    wait->waiters = wait->holders = INT64_MIN;
}

static int parse_wait(char **field, struct replay_wait *ret)
{
    *ret = (struct replay_wait){.object = strtoull(field[4], NULL, 10)};
    copy(ret->kind, sizeof ret->kind, field[0]);
    copy(ret->how, sizeof ret->how, field[1]);
    copy(ret->label, sizeof ret->label, field[2]);
    copy(ret->source, sizeof ret->source, field[3]);
    set_unsaid(ret);
    return 0;
}

static int parse_fact(char **field, struct replay_wait *wait)
{
    long long number = atoll(field[1]);

    if (!wait)
        return STROBE_ERR_FORMAT;
    if (!strcmp(field[0], "waiters") || !strcmp(field[0], "holders")) {
        *(field[0][0] == 'w' ? &wait->waiters : &wait->holders) = number;
        return 0;
    }
    if (!strcmp(field[0], "counted")) {
        wait->facts.capacity_source = STROBE_CAPACITY_COUNTED;
        return 0;
    }
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (strcmp(field[0], facts[i].name))
            continue;
        if (facts[i].size == sizeof(int64_t))
            *(int64_t *)((char *)&wait->facts + facts[i].at) = number;
        else
            *(int32_t *)((char *)&wait->facts + facts[i].at) = (int32_t)number;
        return 0;
    }
    return STROBE_ERR_FORMAT;
}

/* A line that belongs to the task before.  said: the wait that facts are of. */
static int parse_of_task(char kind, char **field, int n, struct replay_task *task, struct replay_wait **said)
{
    switch (kind) {
    case 'F':
        if (n < 4 || task->n_frames == REPLAY_CHAIN)
            return STROBE_ERR_FORMAT;
        copy(task->frames[task->n_frames].name, REPLAY_TEXT, field[0]);
        copy(task->frames[task->n_frames].file, REPLAY_TEXT, field[3]);
        task->frames[task->n_frames].line = atoi(field[1]);
        task->frames[task->n_frames++].first_line = atoi(field[2]);
        return 0;
    case 'W':
        task->waits = true;
        *said = &task->wait;
        return n < 5 ? STROBE_ERR_FORMAT : parse_wait(field, *said);
    case 'H':
        if (task->n_holds == REPLAY_OTHERS || n < 5)
            return STROBE_ERR_FORMAT;
        *said = &task->holds[task->n_holds++];
        return parse_wait(field, *said);
    case 'N': return n < 2 ? STROBE_ERR_FORMAT : parse_fact(field, *said);
    case 'P':
        if (task->n_parents == REPLAY_OTHERS || n < 1)
            return STROBE_ERR_FORMAT;
        task->parents[task->n_parents++] = strtoull(field[0], NULL, 10);
        return 0;
    case 'C': copy(task->context, sizeof task->context, n ? field[0] : ""); return 0;
    case 'D': task->due = n ? strtod(field[0], NULL) : 0; return 0;
    case 'X':
        if (n < 3)
            return STROBE_ERR_FORMAT;
        copy(task->pool, sizeof task->pool, field[0]);
        copy(task->worker, sizeof task->worker, field[1]);
        task->place = (uint32_t)atoi(field[2]);
        return 0;
    default: return STROBE_ERR_FORMAT;
    }
}

static int parse_line(char *line, struct replay_tasks *ret, struct replay_wait **said)
{
    char kind = strsep(&line, "\t")[0], *field[6];
    struct replay_task *task = ret->n_tasks ? &ret->tasks[ret->n_tasks - 1] : NULL;
    int n = 0;

    while (n < 6 && line)
        field[n++] = strsep(&line, "\t");
    if (kind == 'T' && n == 4 && ret->n_threads < REPLAY_THREADS) {
        ret->threads[ret->n_threads].ident = strtoull(field[0], NULL, 10);
        ret->threads[ret->n_threads++].loop = strtoull(field[3], NULL, 10);
        return 0;
    }
    if (kind == 'E' && n == 4 && ret->n_pools < REPLAY_POOLS) {
        copy(ret->pools[ret->n_pools].name, REPLAY_WORD, field[0]);
        ret->pools[ret->n_pools].max = atoi(field[1]);
        ret->pools[ret->n_pools].busy = atoi(field[2]);
        ret->pools[ret->n_pools++].queued = atoi(field[3]);
        return 0;
    }
    if (kind == 'K' && n == 6 && ret->n_tasks < REPLAY_TASKS) {
        task = &ret->tasks[ret->n_tasks++];
        *task = (struct replay_task){.addr = strtoull(field[0], NULL, 10), .loop = strtoull(field[4], NULL, 10),
                                     .n_sync = (uint32_t)atoi(field[5])};
        copy(task->name, sizeof task->name, field[1]);
        copy(task->state, sizeof task->state, field[2]);
        copy(task->flags, sizeof task->flags, field[3]);
        *said = NULL;
        return 0;
    }
    return task ? parse_of_task(kind, field, n, task, said) : STROBE_ERR_FORMAT;
}

int replay_tasks_truth(const struct image *image, struct replay_tasks *ret)
{
    const char *truth = image_get(image, "tasks");
    char *text = truth ? strdup(truth) : NULL, *rest = text, *line;
    struct replay_wait *said = NULL;
    int err = text ? 0 : STROBE_ERR_FORMAT;

    ret->n_tasks = ret->n_threads = ret->n_pools = ret->n_dropped = 0;
    while (!err && (line = strsep(&rest, "\n")))
        if (*line)
            err = parse_line(line, ret, &said);
    free(text);
    return err;
}
