/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes a row of the report by what threads and tasks do: executors with workers, what tasks wait for or hold. */
#include "picture/pooled_parts.h"

#include <string.h>

#include "base/grow.h"
#include "picture/tasked_parts.h"
#include "runtime/pyobj.h"

enum { MAX_INSIDE = 6 }; /* frames of a library between its __aenter__() and what is waited for: anyio's acquire() waits for an event */

#define NOWHERE UINT64_MAX /* in `seen`: its row was taken back */

static const struct strobe_report_resource unknown = {
    .type = "", .module = "", .name = "", .name_source = "", .prefix = "", .max = -1, .workers = -1, .busy = -1, .queued = -1, .free = -1,
    .capacity = -1, .made = -1, .holders = -1, .waiters = -1, .size = -1, .maxsize = -1};

bool strobe_pooled_has(const struct strobe_pooled *pooled, uint64_t address)
{
    const uint64_t *known = strobe_htab_get(&pooled->seen, address, 0);

    return known && *known != NOWHERE;
}

struct strobe_report_resource *strobe_pooled_row(struct strobe_pooled *pooled, uint64_t address, bool *ret_new)
{
    const uint64_t *known = address ? strobe_htab_get(&pooled->seen, address, 0) : NULL;

    *ret_new = !known || *known == NOWHERE;
    if (!*ret_new)
        return &pooled->found[*known];
    if (strobe_grow(&pooled->found, &pooled->cap, pooled->n + 1, sizeof *pooled->found) ||
        (address && strobe_htab_put(&pooled->seen, address, 0, pooled->n)))
        return NULL;
    pooled->found[pooled->n] = unknown;
    pooled->found[pooled->n].address = address;
    return &pooled->found[pooled->n++];
}

void strobe_pooled_unrow(struct strobe_pooled *pooled)
{
    uint64_t *known = strobe_htab_get(&pooled->seen, pooled->found[--pooled->n].address, 0);

    if (known)
        *known = NOWHERE;
}

/* ---- executors with workers ---- */

int strobe_pooled_add_pools(struct strobe_pooled *pooled)
{
    static const enum strobe_resource_kind kinds[] = {
        [STROBE_POOL_THREADS] = STROBE_RESOURCE_THREAD_POOL, [STROBE_POOL_PROCESSES] = STROBE_RESOURCE_PROCESS_POOL,
        [STROBE_POOL_INTERPRETERS] = STROBE_RESOURCE_INTERPRETER_POOL, [STROBE_POOL_ANYIO] = STROBE_RESOURCE_ANYIO_POOL};
    const struct strobe_report_tasks *report = &pooled->tasked.report;

    for (uint32_t i = 0; i < report->n_pools; i++) {
        const struct strobe_pool *pool = report->pools[i].pool;
        const struct strobe_report_wait *own = &report->waits[report->sample->n_waits + i];
        bool is_new;
        struct strobe_report_resource *to = strobe_pooled_row(pooled, pool->object, &is_new);

        if (!to)
            return STROBE_ERR_NOMEM;
        to->kind = kinds[pool->kind];
        to->of_threads = true;
        to->class_address = pool->type;
        to->queue = pool->queue;
        if (pool->type)
            strobe_tasked_type_name(&pooled->tasked, pool->type, &to->type, &to->module);
        to->prefix = report->pools[i].name;
        to->name = own->name;
        to->name_source = own->name_source;
        to->max = pool->max;
        to->workers = report->pools[i].n_workers;
        to->busy = pool->n_busy;
        to->queued = pool->n_queued;
        to->shutdown = pool->shutdown;
    }
    return 0;
}

/* ---- what tasks wait for or hold ---- */

static bool is_resource(const struct strobe_wait *wait)
{
    switch (wait->kind) {
    case STROBE_WAIT_SEMAPHORE:
    case STROBE_WAIT_LIMITER:
    case STROBE_WAIT_QUEUE_GET:
    case STROBE_WAIT_QUEUE_PUT:
    case STROBE_WAIT_QUEUE_JOIN: return wait->object != 0;
    default: return false;
    }
}

static bool is_called(struct strobe_pooled *pooled, uint64_t code, const char *name)
{
    struct strobe_mem *mem = pooled->tasked.place->mem;
    const struct strobe_layout *lay = pooled->tasked.place->layout;
    struct strobe_buf text = STROBE_BUF_INIT;
    uint64_t str;
    bool same = code > STROBE_CODE_UNREADABLE && !strobe_mem_u64(mem, code + lay->co_name, &str) &&
                !strobe_py_str(mem, lay, str, &text) && strcmp(strobe_buf_str(&text), name) == 0;

    strobe_buf_release(&text);
    return same;
}

/* Code that was met last: thousands of tasks wait in the same two functions. */
struct met {
    uint64_t enter, other; /* of an __aenter__(); of another function */
};

/* Do those who wait for it come by `async with`?  Who calls acquire() itself may have done so before, and who holds a permit that way is
 * not seen. */
static bool waits_inside_with(struct strobe_pooled *pooled, const struct strobe_task *task, struct met *met)
{
    for (uint32_t i = 0; i < task->n_frames && i < MAX_INSIDE; i++) {
        uint64_t code = task->frames[i].code;

        if (code == met->other)
            continue;
        if (code == met->enter || is_called(pooled, code, "__aenter__")) {
            met->enter = code;
            return true;
        }
        met->other = code;
    }
    return false;
}

/* By wait: is a count of who holds it all there is to say?  NULL: out of memory. */
static const bool *find_countable(struct strobe_pooled *pooled)
{
    const struct strobe_task_sample *sample = pooled->tasked.report.sample;
    bool *countable = strobe_arena_alloc(&pooled->tasked.arena, sample->n_waits + 1);
    struct met met = {0, 0};

    for (uint32_t i = 0; countable && i < sample->n_waits; i++)
        countable[i] = sample->waits[i].n_holders > 0;
    for (uint32_t i = 0; countable && i < sample->n_tasks; i++) {
        uint32_t wait = sample->tasks[i].wait;

        if (wait != STROBE_NO_INDEX && sample->waits[wait].kind == STROBE_WAIT_SEMAPHORE && countable[wait])
            countable[wait] = waits_inside_with(pooled, &sample->tasks[i], &met);
    }
    return countable;
}

static enum strobe_resource_kind kind_of_wait(const struct strobe_wait *wait)
{
    switch (wait->kind) {
    case STROBE_WAIT_LIMITER: return STROBE_RESOURCE_LIMITER;
    case STROBE_WAIT_SEMAPHORE: return STROBE_RESOURCE_SEMAPHORE;
    default: return STROBE_RESOURCE_QUEUE;
    }
}

/* Numbers as they were with the tasks, where one look has them all: then who holds it and what is free fit together. */
static void fill_wait(struct strobe_pooled *pooled, const struct strobe_report_wait *w, bool countable, struct strobe_report_resource *to)
{
    to->kind = kind_of_wait(w->wait);
    to->class_address = w->wait->type;
    to->type = w->type;
    to->module = w->module;
    to->name = w->name;
    to->name_source = w->name_source;
    if (to->kind == STROBE_RESOURCE_QUEUE) {
        strobe_pooled_read_facts(pooled, to);
        return;
    }
    strobe_pooled_put_facts(&w->facts, to);
    if (to->kind == STROBE_RESOURCE_SEMAPHORE)
        to->holders = w->wait->n_holders;
    if (to->capacity_source == STROBE_CAPACITY_COUNTED && !countable) {
        to->capacity = -1;
        to->capacity_source = STROBE_CAPACITY_UNKNOWN;
    }
}

/* Those that tasks wait for or hold. */
int strobe_pooled_add_waits(struct strobe_pooled *pooled)
{
    const struct strobe_report_tasks *report = &pooled->tasked.report;
    const bool *countable = find_countable(pooled);

    for (uint32_t i = 0; countable && i < report->sample->n_waits; i++) {
        const struct strobe_report_wait *w = &report->waits[i];
        struct strobe_report_resource *to;
        uint64_t object;
        bool is_new;

        if (!is_resource(w->wait))
            continue;
        object = strobe_pooled_outer(pooled, w->wait->object);
        if (!object) /* a part of something that is listed itself */
            continue;
        if (!(to = strobe_pooled_row(pooled, object, &is_new)))
            return STROBE_ERR_NOMEM;
        if (is_new)
            fill_wait(pooled, w, countable[i], to);
        else if (!*to->name) {
            to->name = w->name;
            to->name_source = w->name_source;
        }
    }
    return countable ? 0 : STROBE_ERR_NOMEM;
}
