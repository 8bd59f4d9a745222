/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/queued.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/grow.h"
#include "runtime/pyobj.h"

enum {
    MAX_ITEMS = 16384, /* of a queue that are read: the first; who stands behind them is waited for by those that are */
    TAKES = 3,         /* readings of a queue that changes */
};

void strobe_queued_release(struct strobe_queued *queued)
{
    free(queued->at);
    free(queued->items);
    free(queued->waits);
    strobe_htab_release(&queued->by_object);
    *queued = (struct strobe_queued){0};
}

/* ---- which there are ---- */

static struct strobe_queued_one *one_of(struct strobe_queued *queued, uint64_t object)
{
    uint64_t *at = strobe_htab_get(&queued->by_object, object, 0);

    if (at)
        return &queued->at[*at];
    if (strobe_grow(&queued->at, &queued->cap, queued->n + 1, sizeof *queued->at) ||
        strobe_htab_put(&queued->by_object, object, 0, queued->n))
        return NULL;
    queued->at[queued->n] = (struct strobe_queued_one){.object = object};
    return &queued->at[queued->n++];
}

/* A row that has waiters gets a watch, if it has a queue to be watched. */
static int list(struct strobe_queued *queued, struct strobe_pooled *pooled, const struct strobe_report_resource *row)
{
    struct strobe_taskreader *reader = strobe_tasklook_reader(pooled->tasked.look);
    const struct strobe_place *place = pooled->tasked.place;
    struct strobe_queued_one *one;
    uint32_t leave;
    uint64_t queue = strobe_wait_queue(place->mem, place->layout, &reader->roles, row->address, &leave);

    if (!queue)
        return 0;
    if (!(one = one_of(queued, row->address)))
        return STROBE_ERR_NOMEM;
    if (one->queue != queue)
        one->watch = (struct strobe_queuewatch){0};
    one->queue = queue;
    one->leave = leave;
    one->listed = true;
    return 0;
}

static int list_all(struct strobe_queued *queued, struct strobe_pooled *pooled, const struct strobe_report_resource *rows, uint32_t n)
{
    int err = 0;

    for (size_t i = 0; i < queued->n; i++)
        queued->at[i].listed = queued->at[i].settled = false;
    for (uint32_t i = 0; i < n && !err; i++)
        if (rows[i].kind == STROBE_RESOURCE_SEMAPHORE && rows[i].waiters > 0 && rows[i].address)
            err = list(queued, pooled, &rows[i]);
    return err;
}

/* Those that are not waited for any more, or gone, are forgotten. */
static int forget(struct strobe_queued *queued)
{
    size_t n = 0;
    int err = 0;

    for (size_t i = 0; i < queued->n; i++)
        if (queued->at[i].listed)
            queued->at[n++] = queued->at[i];
    if (n == queued->n)
        return 0;
    queued->n = n;
    strobe_htab_clear(&queued->by_object);
    for (size_t i = 0; i < n && !err; i++)
        err = strobe_htab_put(&queued->by_object, queued->at[i].object, 0, i);
    return err;
}

/* ---- reading ---- */

struct items {
    struct strobe_queued *queued;
    size_t n;
};

/* Stops at the first that is one too many. */
static int keep_item(void *ctx, uint64_t item)
{
    struct items *items = ctx;
    struct strobe_queued *queued = items->queued;

    if (items->n == MAX_ITEMS)
        return 1;
    if (strobe_grow(&queued->items, &queued->cap_items, queued->n_items + 1, sizeof *queued->items))
        return STROBE_ERR_NOMEM;
    queued->items[queued->n_items++] = item;
    items->n++;
    return 0;
}

/* The queue as it is now, or as it may be while it changes.  A queue that cannot be read is not read: STROBE_ERR_NOMEM alone. */
static int read_queue(struct strobe_queued *queued, struct strobe_queued_one *one, const struct strobe_place *place, uint64_t now)
{
    struct items items = {queued, 0};
    struct strobe_py_deque head;
    int err = strobe_py_deque_head(place->mem, place->layout, one->queue, &head);

    one->readable = false;
    one->from = queued->n_items;
    if (!err && strobe_queuewatch_wants(&one->watch, head.len, head.state, now))
        err = strobe_py_deque_each(place->mem, place->layout, one->queue, keep_item, &items);
    if (err < 0)
        return err == STROBE_ERR_NOMEM ? err : 0;
    one->reading = (struct strobe_queuewatch_reading){.len = head.len, .state = head.state, .leave = one->leave, .n_items = items.n};
    one->readable = true;
    return 0;
}

/* What was read was so, if the queue is now what it was before: each change moves its state on. */
static void settle(struct strobe_queued *queued, struct strobe_queued_one *one, const struct strobe_place *place, uint64_t before_ns)
{
    struct strobe_clock *clock = strobe_clock_system();
    struct strobe_py_deque head;

    if (!one->readable || strobe_py_deque_head(place->mem, place->layout, one->queue, &head) || head.len != one->reading.len ||
        head.state != one->reading.state)
        return;
    one->reading.items = queued->items + one->from;
    one->reading.before_ns = before_ns;
    one->reading.after_ns = clock->now(clock);
    strobe_queuewatch_step(&one->watch, &one->reading);
    one->seen_ns = before_ns;
    one->settled = true;
}

static int read_all(struct strobe_queued *queued, const struct strobe_place *place, uint64_t before_ns)
{
    struct strobe_clock *clock = strobe_clock_system();
    bool all = false;
    int err = 0;

    for (int take = 0; take < TAKES && !all && !err; take++) {
        uint64_t began = take ? clock->now(clock) : before_ns; /* what a glance has read is not read again */

        if (take)
            strobe_mem_epoch(place->mem);
        queued->n_items = 0;
        for (size_t i = 0; i < queued->n && !err; i++)
            if (!queued->at[i].settled)
                err = read_queue(queued, &queued->at[i], place, began);
        strobe_mem_epoch(place->mem);
        all = true;
        for (size_t i = 0; i < queued->n && !err; i++) {
            if (!queued->at[i].settled)
                settle(queued, &queued->at[i], place, began);
            all = all && queued->at[i].settled;
        }
    }
    return err;
}

/* ---- what is told ---- */

/* Does somebody wait for what stands in a queue?  A future that was cancelled is nobody's any more. */
static bool is_waited_for(struct strobe_pooled *pooled, uint64_t item)
{
    struct strobe_taskreader *reader = strobe_tasklook_reader(pooled->tasked.look);
    const struct strobe_place *place = pooled->tasked.place;
    enum strobe_role role = strobe_roles_of(&reader->roles, item);
    struct strobe_buf word = STROBE_BUF_INIT;
    uint32_t state;
    uint64_t value;
    bool waited = true;

    if (role == STROBE_ROLE_FUTURE && reader->has_aio) {
        waited = !strobe_mem_u32(place->mem, item + reader->aio.fut_state, &state) && state != STROBE_AIO_CANCELLED;
    } else if (role == STROBE_ROLE_PY_FUTURE) {
        waited = !strobe_py_attr(place->mem, place->layout, item, "_state", &value) &&
                 !strobe_py_str(place->mem, place->layout, value, &word) && strcmp(strobe_buf_str(&word), "CANCELLED") != 0;
    }
    strobe_buf_release(&word);
    return waited;
}

/* A queue that could not be read is where it was: who waited then has done so for that long at least. */
static int tell(struct strobe_queued *queued, struct strobe_pooled *pooled)
{
    if (strobe_grow(&queued->waits, &queued->cap_waits, queued->n, sizeof *queued->waits))
        return STROBE_ERR_NOMEM;
    queued->n_waits = 0;
    for (size_t i = 0; i < queued->n; i++) {
        struct strobe_queued_one *one = &queued->at[i];

        while (one->settled && one->watch.n_marks && !is_waited_for(pooled, one->watch.marks[0].item))
            strobe_queuewatch_drop_first(&one->watch);
        queued->waits[queued->n_waits++] =
            (struct strobe_meter_wait){one->object, one->settled ? strobe_queuewatch_longest(&one->watch, one->seen_ns) : 0};
    }
    return 0;
}

int strobe_queued_read(struct strobe_queued *queued, struct strobe_pooled *pooled, const struct strobe_report_resource *rows, uint32_t n,
                       bool still, uint64_t before_ns)
{
    int err;

    for (size_t i = 0; i < queued->n && still; i++)
        still = queued->at[i].settled;
    for (size_t i = 0; i < queued->n && still; i++)
        queued->at[i].seen_ns = before_ns;
    if (still)
        return tell(queued, pooled);
    err = list_all(queued, pooled, rows, n);
    if (!err)
        err = forget(queued);
    if (!err && queued->n)
        err = read_all(queued, pooled->tasked.place, before_ns);
    return err ? err : tell(queued, pooled);
}
