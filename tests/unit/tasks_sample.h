/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_sample: tasks for the tests of report, put together call by call: tasks, what they wait for, who waits for them; then
 * tasks_finish() makes the lists that a reader would.  Stacks are written outermost first: "main svc.py:45, work svc.py:7". */
#ifndef STROBE_TESTS_TASKS_SAMPLE_H
#define STROBE_TESTS_TASKS_SAMPLE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/htab.h"
#include "report/tasks.h"

enum { TASKS_FIRST_ADDR = 0x1000, TASKS_MAX_WAITS = 512, TASKS_MAX_POOLS = 4, TASKS_MAX_WORKERS = 64, TASKS_MAX_LINKS = 16 };

struct tasks_stack {
    char *text;
    uint32_t *ids, n;
    struct strobe_report_frame *frames;
    uint64_t hash[2];
};

struct tasks_sample {
    struct strobe_names *names;
    struct tasks_stack *stacks;
    uint32_t n_stacks;
    uint32_t max;
    struct strobe_task *raw;
    struct strobe_report_task *tasks;
    uint32_t *task_stack;
    char **task_names;
    uint32_t (*edges)[2], n_edges; /* parent, child */
    uint32_t (*held)[2], n_held;   /* task, wait */
    uint32_t *awaiters;
    struct strobe_hold *holds;
    struct strobe_wait raw_waits[TASKS_MAX_WAITS];
    struct strobe_report_wait waits[TASKS_MAX_WAITS];
    struct strobe_pool raw_pools[TASKS_MAX_POOLS];
    struct strobe_report_pool pools[TASKS_MAX_POOLS];
    struct strobe_pool_worker raw_workers[TASKS_MAX_WORKERS];
    struct strobe_report_worker workers[TASKS_MAX_WORKERS];
    uint32_t worker_stack[TASKS_MAX_WORKERS], n_workers;
    struct strobe_thread raw_threads[2];
    struct strobe_report_thread threads[2];
    struct strobe_report_link links[TASKS_MAX_LINKS];
    struct strobe_task_sample sample;
    struct strobe_report_process process;
    struct strobe_report_tasks report;
};

static inline void tasks_init(struct tasks_sample *s, uint32_t max)
{
    memset(s, 0, sizeof *s);
    assert_int_equal(strobe_names_new(&s->names), 0);
    s->max = max;
    s->raw = calloc(max, sizeof *s->raw);
    s->tasks = calloc(max, sizeof *s->tasks);
    s->task_stack = calloc(max, sizeof *s->task_stack);
    s->task_names = calloc(max, sizeof *s->task_names);
    s->edges = calloc(2 * max, sizeof *s->edges);
    s->held = calloc(2 * max, sizeof *s->held);
    s->stacks = calloc(max + TASKS_MAX_WORKERS, sizeof *s->stacks);
    s->process = (struct strobe_report_process){
        .pid = 4242, .version = "3.14.2", .cmdline = "python svc.py", .exe = "/usr/bin/python3", .names = s->names, .show_lines = true,
        .threads = s->threads, .n_threads = 2};
    s->raw_threads[0] = (struct strobe_thread){.tid = 4242, .flags = STROBE_THREAD_MAIN};
    s->raw_threads[1] = (struct strobe_thread){.tid = 4250};
    s->threads[0] = (struct strobe_report_thread){.thread = &s->raw_threads[0], .name = "MainThread"};
    s->threads[1] = (struct strobe_report_thread){.thread = &s->raw_threads[1], .name = "blocked\x1b"};
    s->report = (struct strobe_report_tasks){.process = &s->process, .sample = &s->sample, .tasks = s->tasks, .waits = s->waits,
                                             .pools = s->pools, .links = s->links};
}

static inline void tasks_release(struct tasks_sample *s)
{
    for (uint32_t i = 0; i < s->n_stacks; i++) {
        free(s->stacks[i].text);
        free(s->stacks[i].ids);
        free(s->stacks[i].frames);
    }
    for (uint32_t i = 0; i < s->sample.n_tasks; i++)
        free(s->task_names[i]);
    free(s->raw);
    free(s->tasks);
    free(s->task_stack);
    free(s->task_names);
    free(s->edges);
    free(s->held);
    free(s->stacks);
    free(s->awaiters);
    free(s->holds);
    strobe_names_free(s->names);
}

static inline uint32_t tasks_frame(struct tasks_sample *s, const char *text, size_t len)
{
    struct strobe_frame f = {.first_line = 1};
    const char *space = memchr(text, ' ', len), *end = text + len, *colon;
    char path[128];
    uint32_t id;

    if (!space || *text == '.') { /* a mark */
        assert_int_equal(strobe_names_string(s->names, text, len, &f.name), 0);
    } else {
        colon = memchr(space, ':', (size_t)(end - space));
        snprintf(path, sizeof path, "/app/%.*s", (int)((colon ? colon : end) - space - 1), space + 1);
        assert_int_equal(strobe_names_string(s->names, text, (size_t)(space - text), &f.name), 0);
        assert_int_equal(strobe_names_string(s->names, path, strlen(path), &f.file), 0);
        assert_int_equal(strobe_names_string(s->names, path + 5, strlen(path + 5), &f.short_file), 0);
        f.line = colon ? atoi(colon + 1) : 0;
    }
    assert_int_equal(strobe_names_frame(s->names, &f, &id), 0);
    return id;
}

/* Equal texts are one stack. */
static inline uint32_t tasks_stack(struct tasks_sample *s, const char *text)
{
    struct tasks_stack *stack;
    size_t n = 0, len;

    for (uint32_t i = s->n_stacks; i-- > 0 && i + 64 > s->n_stacks;)
        if (strcmp(s->stacks[i].text, text) == 0)
            return i;
    stack = &s->stacks[s->n_stacks];
    stack->text = strdup(text);
    for (const char *at = text; *at; at += len + (at[len] ? 2 : 0), n++)
        len = strcspn(at, ",");
    stack->n = (uint32_t)n;
    stack->ids = calloc(n + 1, sizeof *stack->ids);
    for (const char *at = text; *at; at += len + (at[len] ? 2 : 0)) {
        len = strcspn(at, ",");
        stack->ids[--n] = tasks_frame(s, at, len);
    }
    stack->hash[0] = strobe_hash_bytes(text, strlen(text), 11);
    stack->hash[1] = strobe_hash_bytes(text, strlen(text), 12);
    return s->n_stacks++;
}

static inline uint32_t tasks_task(struct tasks_sample *s, const char *name, const char *stack)
{
    uint32_t t = s->sample.n_tasks++;

    assert_true(t < s->max);
    s->task_names[t] = strdup(name);
    s->task_stack[t] = tasks_stack(s, stack);
    s->raw[t] = (struct strobe_task){.addr = TASKS_FIRST_ADDR + 0x100 * (uint64_t)t, .loop = 0x99, .thread = STROBE_NO_INDEX};
    s->tasks[t] = (struct strobe_report_task){.wait = STROBE_NO_INDEX, .due_in = NAN, .waiting = NAN, .pool = STROBE_NO_INDEX,
                                              .worker = STROBE_NO_INDEX, .loop_tid = 4242};
    s->tasks[t].loop_thread = 0;
    return t;
}

static inline uint32_t tasks_wait(struct tasks_sample *s, enum strobe_wait_kind kind, const char *type, const char *name)
{
    uint32_t w = s->report.n_waits++;

    assert_true(w < TASKS_MAX_WAITS);
    s->raw_waits[w] = (struct strobe_wait){.kind = kind, .object = 0x500000 + w * 0x100, .task = STROBE_NO_INDEX, .frame = STROBE_NO_INDEX};
    s->waits[w] = (struct strobe_report_wait){
        .wait = &s->raw_waits[w], .type = type, .module = "", .name = name, .name_source = *name ? "code" : "", .peer = "",
        .pool = STROBE_NO_INDEX, .facts = {-1, -1, STROBE_CAPACITY_UNKNOWN, -1, -1, -1, -1, -1, -1}};
    s->sample.n_waits = w + 1;
    return w;
}

static inline uint32_t tasks_wait_for_tasks(struct tasks_sample *s, const char *how)
{
    uint32_t w = tasks_wait(s, STROBE_WAIT_TASKS, "", "");

    s->raw_waits[w].how = how;
    s->raw_waits[w].object = 0;
    return w;
}

static inline void tasks_awaits(struct tasks_sample *s, uint32_t parent, uint32_t child)
{
    s->edges[s->n_edges][0] = parent;
    s->edges[s->n_edges++][1] = child;
}

static inline void tasks_hold(struct tasks_sample *s, uint32_t task, uint32_t wait)
{
    s->held[s->n_held][0] = task;
    s->held[s->n_held++][1] = wait;
}

static inline uint32_t tasks_pool(struct tasks_sample *s, const char *name, int64_t max, uint32_t busy, uint32_t queued)
{
    uint32_t p = s->report.n_pools++;

    s->raw_pools[p] = (struct strobe_pool){.kind = STROBE_POOL_THREADS, .object = 0x700000, .max = max, .n_busy = busy, .n_queued = queued};
    s->pools[p] = (struct strobe_report_pool){.pool = &s->raw_pools[p], .type = "ThreadPoolExecutor", .name = name,
                                              .workers = &s->workers[s->n_workers]};
    return p;
}

/* Of the pool that was made last. */
static inline uint32_t tasks_worker(struct tasks_sample *s, const char *name, uint32_t task, const char *stack, const char *leaf)
{
    struct strobe_report_pool *pool = &s->pools[s->report.n_pools - 1];
    uint32_t at = s->n_workers++;

    s->raw_workers[at] = (struct strobe_pool_worker){.busy = task != STROBE_NO_INDEX};
    s->workers[at] = (struct strobe_report_worker){
        .worker = &s->raw_workers[at], .tid = (int32_t)(5000 + at), .name = name, .task = task, .leaf = leaf};
    s->worker_stack[at] = tasks_stack(s, stack);
    if (task != STROBE_NO_INDEX) {
        s->tasks[task].pool = s->report.n_pools - 1;
        s->tasks[task].worker = pool->n_workers;
    }
    return pool->n_workers++;
}

static inline void tasks_link(struct tasks_sample *s, uint32_t thread, uint32_t task)
{
    s->links[s->report.n_links++] = (struct strobe_report_link){
        .thread = thread, .task = task, .pool = STROBE_NO_INDEX, .worker = STROBE_NO_INDEX, .loop_thread = STROBE_NO_INDEX};
}

static inline void tasks_lists(struct tasks_sample *s)
{
    uint32_t at = 0;

    s->awaiters = calloc(s->n_edges + 1, sizeof *s->awaiters);
    s->holds = calloc(s->n_held + 1, sizeof *s->holds);
    for (uint32_t i = 0; i < s->n_edges; i++)
        s->raw[s->edges[i][1]].n_awaiters++;
    for (uint32_t t = 0; t < s->sample.n_tasks; at += s->raw[t++].n_awaiters)
        s->raw[t].first_awaiter = at;
    for (uint32_t t = 0; t < s->sample.n_tasks; t++)
        s->raw[t].n_awaiters = 0;
    for (uint32_t i = 0; i < s->n_edges; i++) {
        struct strobe_task *child = &s->raw[s->edges[i][1]];

        s->awaiters[child->first_awaiter + child->n_awaiters++] = s->edges[i][0];
    }
    at = 0;
    for (uint32_t i = 0; i < s->n_held; i++)
        s->raw[s->held[i][0]].n_holds++;
    for (uint32_t t = 0; t < s->sample.n_tasks; at += s->raw[t++].n_holds)
        s->raw[t].first_hold = at;
    for (uint32_t t = 0; t < s->sample.n_tasks; t++)
        s->raw[t].n_holds = 0;
    for (uint32_t i = 0; i < s->n_held; i++) {
        struct strobe_task *task = &s->raw[s->held[i][0]];

        s->holds[task->first_hold + task->n_holds++] = (struct strobe_hold){s->held[i][0], s->held[i][1], 0};
    }
}

static inline void tasks_finish(struct tasks_sample *s)
{
    for (uint32_t i = 0; i < s->n_stacks; i++) {
        struct tasks_stack *stack = &s->stacks[i];

        stack->frames = calloc(stack->n + 1, sizeof *stack->frames);
        for (uint32_t k = 0; k < stack->n; k++) {
            stack->frames[k].frame = strobe_names_get(s->names, stack->ids[k]);
            if (!stack->frames[k].frame->file) { /* a mark */
                stack->frames[k].mark = strobe_names_text(s->names, stack->frames[k].frame->name);
                stack->frames[k].frame = NULL;
            }
        }
    }
    for (uint32_t t = 0; t < s->sample.n_tasks; t++) {
        const struct tasks_stack *stack = &s->stacks[s->task_stack[t]];

        memcpy(s->raw[t].hash, stack->hash, sizeof stack->hash);
        s->tasks[t].task = &s->raw[t];
        s->tasks[t].name = s->task_names[t];
        s->tasks[t].frames = stack->frames;
        s->tasks[t].n_frames = stack->n;
    }
    for (uint32_t i = 0; i < s->n_workers; i++) {
        s->workers[i].frames = s->stacks[s->worker_stack[i]].frames;
        s->workers[i].n_frames = s->stacks[s->worker_stack[i]].n;
    }
    assert_int_equal(strobe_report_alike(s->waits, s->report.n_waits), 0);
    tasks_lists(s);
    s->sample.tasks = s->raw;
    s->sample.waits = s->raw_waits;
    s->sample.holds = s->holds;
    s->sample.awaiters = s->awaiters;
    s->sample.n_holds = s->n_held;
    s->sample.n_awaiters = s->n_edges;
}

/* 200 requests, 10 permits, 4 threads. */
static inline void tasks_incident(struct tasks_sample *s)
{
    uint32_t root, consumer, group, semaphore, executor, queue, pool;
    char name[32];

    tasks_init(s, 202);
    root = tasks_task(s, "Task-1", "main svc.py:45, supervisor svc.py:27");
    group = tasks_wait_for_tasks(s, "TaskGroup");
    semaphore = tasks_wait(s, STROBE_WAIT_SEMAPHORE, "Semaphore", "PriceClient._price_semaphore");
    s->waits[semaphore].facts.free = 0;
    s->waits[semaphore].facts.capacity = 10;
    s->waits[semaphore].facts.capacity_source = STROBE_CAPACITY_COUNTED;
    executor = tasks_wait(s, STROBE_WAIT_EXECUTOR, "ThreadPoolExecutor", "PriceClient._pool");
    s->raw_waits[executor].object = 0;
    queue = tasks_wait(s, STROBE_WAIT_QUEUE_GET, "Queue", "");
    s->waits[queue].facts.size = s->waits[queue].facts.maxsize = 0;
    pool = tasks_pool(s, "pricing", 4, 4, 6);
    s->waits[executor].pool = pool;
    s->tasks[root].wait = group;
    consumer = tasks_task(s, "consumer", "consumer svc.py:33, Queue.get asyncio/queues.py:186");
    s->tasks[consumer].wait = queue;
    for (uint32_t i = 0; i < 200; i++) {
        uint32_t t;

        snprintf(name, sizeof name, "request-%u", (unsigned)i);
        t = tasks_task(s, name, i < 10 ? "handle_request svc.py:23, PriceClient.fetch_price svc.py:20"
                                       : "handle_request svc.py:23, PriceClient.fetch_price svc.py:19, Semaphore.__aenter__ "
                                         "asyncio/locks.py:15, "
                                         "Semaphore.acquire asyncio/locks.py:400");
        tasks_awaits(s, root, t);
        s->tasks[t].wait = i < 10 ? executor : semaphore;
        if (i >= 10)
            s->tasks[t].waiting = i == 10 ? 2.1 : 1.8;
        if (i < 10)
            tasks_hold(s, t, semaphore);
        if (i >= 4 && i < 10) {
            s->tasks[t].queue_place = i - 3;
            s->tasks[t].pool = pool;
        }
    }
    for (uint32_t i = 0; i < 4; i++) {
        static const char *const names[] = {"pricing_0", "pricing_1", "pricing_2", "pricing_3"};

        tasks_worker(s, names[i], 2 + i, "PriceClient._blocking_lookup svc.py:16", "time.sleep");
    }
    tasks_finish(s);
}

#endif
