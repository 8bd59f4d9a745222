/* SPDX-License-Identifier: Apache-2.0 */
#include "agg/await.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"

enum state { NEW, OPEN, PLACED };

struct strobe_await_place {
    uint8_t state;        /* enum state */
    uint32_t first, n;    /* in shares */
    uint64_t total;       /* sum of its parts */
    uint32_t next;        /* while OPEN: the awaiter to be looked at next */
};

/* The parts of one task are small whole numbers: a share of a share of 16 equal ones. */
enum { MAX_PARTS = 1 << 20 };

void strobe_await_init(struct strobe_await *await, struct strobe_agg *agg, uint32_t cycle_marker, uint32_t deep_marker)
{
    *await = (struct strobe_await){.agg = agg, .cycle_marker = cycle_marker, .deep_marker = deep_marker};
}

void strobe_await_release(struct strobe_await *await)
{
    free(await->places);
    free(await->shares);
    free(await->stack);
    *await = (struct strobe_await){.agg = NULL};
}

static int add_share(struct strobe_await *await, struct strobe_await_place *place, struct strobe_await_share path, uint64_t parts)
{
    for (uint32_t i = place->first; i < place->first + place->n; i++)
        if (await->shares[i].node == path.node) { /* two awaiters with one stack are one path */
            await->shares[i].parts += (uint32_t)parts;
            place->total += parts;
            return 0;
        }
    if (place->n == STROBE_AWAIT_PATHS)
        return 0;
    if (strobe_grow(&await->shares, &await->cap_shares, await->n_shares + 1, sizeof *await->shares))
        return STROBE_ERR_NOMEM;
    path.parts = (uint32_t)parts;
    await->shares[await->n_shares++] = path;
    place->n++;
    place->total += parts;
    return 0;
}

static int child(struct strobe_await *await, struct strobe_await_share *path, uint32_t frame)
{
    path->depth++;
    return strobe_agg_child(await->agg, path->node, frame, &path->node);
}

/* Appends a task's frames to a path. */
static int extend(struct strobe_await *await, struct strobe_await_share *path, const struct strobe_await_task *task)
{
    int err = 0;

    if (path->depth >= STROBE_AWAIT_DEPTH)
        return strobe_agg_frame(await->agg, path->node) == await->deep_marker ? 0 : child(await, path, await->deep_marker);
    if (task->root && task->root != path->root) {
        for (uint32_t i = 0; !err && i < task->n_root_frames; i++)
            err = child(await, path, task->root_frames[i]);
        if (!task->n_root_frames)
            err = child(await, path, task->root);
        path->root = task->root;
    }
    for (uint32_t i = 0; !err && i < task->n_frames; i++)
        err = child(await, path, task->frames[i]);
    return err;
}

/* All awaiters are placed (or open: a circle): puts the task below them. */
static int place_task(struct strobe_await *await, const struct strobe_await_task *tasks, uint32_t index)
{
    const struct strobe_await_task *task = &tasks[index];
    struct strobe_await_place *place = &await->places[index];
    struct strobe_await_share path = {0, 0, 0, 0};
    int err = 0;

    place->first = (uint32_t)await->n_shares;
    if (!task->n_awaiters) {
        err = extend(await, &path, task);
        return err ? err : add_share(await, place, path, 1);
    }
    for (uint32_t k = 0; !err && k < task->n_awaiters; k++) {
        const struct strobe_await_place *by = &await->places[task->awaiters[k]];

        if (by->state != PLACED) {
            path = (struct strobe_await_share){0, 0, 0, 0};
            if (!(err = child(await, &path, await->cycle_marker)) && !(err = extend(await, &path, task)))
                err = add_share(await, place, path, MAX_PARTS / task->n_awaiters + 1);
            continue;
        }
        for (uint32_t i = 0; !err && i < by->n; i++) {
            uint64_t parts;

            path = await->shares[by->first + i];
            parts = (uint64_t)path.parts * (MAX_PARTS / task->n_awaiters) / (by->total ? by->total : 1);
            if (!(err = extend(await, &path, task)))
                err = add_share(await, place, path, parts ? parts : 1);
        }
    }
    return err;
}

/* Depth first over awaiters, without recursion: a chain of waiting tasks may be as long as there are tasks. */
static int place_from(struct strobe_await *await, const struct strobe_await_task *tasks, uint32_t start)
{
    size_t depth = 0;
    int err = 0;

    await->stack[depth++] = start;
    await->places[start].state = OPEN;
    while (!err && depth) {
        uint32_t index = await->stack[depth - 1];
        struct strobe_await_place *place = &await->places[index];

        if (place->next < tasks[index].n_awaiters) {
            uint32_t by = tasks[index].awaiters[place->next++];

            if (await->places[by].state == NEW) {
                await->places[by].state = OPEN;
                await->stack[depth++] = by;
            }
            continue;
        }
        err = place_task(await, tasks, index);
        place->state = PLACED;
        depth--;
    }
    return err;
}

/* parts/total of ns; all of it for the last. */
static uint64_t part_of(uint64_t ns, uint64_t parts, uint64_t total)
{
    return parts < total ? (uint64_t)((double)ns * (double)parts / (double)total) : ns;
}

/* What is left to be billed of a task; of its time since the look before, each piece comes after those before it. */
struct bill {
    const struct strobe_await_task *task;
    uint64_t time_ns, left_ns;
};

static int bill_node(struct strobe_await *await, struct bill *bill, uint32_t node, uint64_t ns)
{
    bill->left_ns -= ns;
    return strobe_agg_add(await->agg, bill->task->row, node, bill->time_ns > bill->left_ns ? bill->time_ns - bill->left_ns : 0, ns);
}

static int bill_tail(struct strobe_await *await, struct bill *bill, uint32_t node, const struct strobe_await_tail *tail, uint64_t ns)
{
    int err = 0;

    for (uint32_t i = 0; !err && i < tail->n; i++)
        err = strobe_agg_child(await->agg, node, tail->frames[i], &node);
    return err ? err : bill_node(await, bill, node, ns);
}

/* Gives a path's time to the tails. */
static int bill_path(struct strobe_await *await, struct bill *bill, uint32_t node, uint64_t ns)
{
    const struct strobe_await_task *task = bill->task;
    uint64_t parts_left = 0;
    int err = 0;

    if (!task->n_tails)
        return bill_node(await, bill, node, ns);
    for (uint32_t i = 0; i < task->n_tails; i++)
        parts_left += task->tails[i].parts;
    for (uint32_t i = 0; !err && i < task->n_tails && ns; i++) {
        uint64_t part = part_of(ns, task->tails[i].parts, parts_left);

        err = bill_tail(await, bill, node, &task->tails[i], part);
        ns -= part;
        parts_left -= task->tails[i].parts;
    }
    return err;
}

static int bill_task(struct strobe_await *await, const struct strobe_await_task *task, const struct strobe_await_place *place,
                     uint64_t time_ns)
{
    struct bill bill = {task, time_ns, task->ns};
    uint64_t left = task->ns, parts_left = place->total;
    int err = 0;

    for (uint32_t i = 0; !err && i < place->n && left; i++) {
        struct strobe_await_share share = await->shares[place->first + i];
        uint64_t ns = part_of(left, share.parts, parts_left);

        err = bill_path(await, &bill, share.node, ns);
        left -= ns;
        parts_left -= share.parts;
    }
    return err;
}

int strobe_await_bill(struct strobe_await *await, const struct strobe_await_task *tasks, uint32_t n, uint64_t time_ns)
{
    int err = 0;

    if (strobe_grow(&await->places, &await->cap_places, n, sizeof *await->places) ||
        strobe_grow(&await->stack, &await->cap_stack, n, sizeof *await->stack))
        return STROBE_ERR_NOMEM;
    await->n_shares = 0;
    for (uint32_t i = 0; i < n; i++)
        await->places[i] = (struct strobe_await_place){.state = NEW};
    for (uint32_t i = 0; !err && i < n; i++)
        if (await->places[i].state == NEW)
            err = place_from(await, tasks, i);
    for (uint32_t i = 0; !err && i < n; i++)
        err = bill_task(await, &tasks[i], &await->places[i], time_ns);
    return err;
}

const struct strobe_await_share *strobe_await_shares(const struct strobe_await *await, uint32_t task, uint32_t *ret_n, uint64_t *ret_total)
{
    *ret_n = await->places[task].n;
    *ret_total = await->places[task].total;
    return await->shares + await->places[task].first;
}
