/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/queuewatch.h"

#include <string.h>

static const uint64_t least_spacing_ns = 20 * 1000 * 1000; /* the time between two readings, where they are many */

/* ---- who has gone ---- */

/* What one that leaves a queue of so many adds to state - length, at least: moving items about counts only where there are two, before it
 * goes and after. */
static uint64_t cost(uint64_t len, uint64_t leave)
{
    return len >= 3 ? leave : len == 2 && leave >= 4 ? 3 : 2;
}

/* How many of len may have gone, at most, while state - length grew by so much.  Those who came meanwhile make it no more. */
static uint64_t most_gone(uint64_t len, uint64_t grown, uint64_t leave)
{
    uint64_t gone = 0;

    if (len > 2) {
        gone = grown / leave < len - 2 ? grown / leave : len - 2;
        grown -= gone * leave;
    }
    for (; gone < len && grown >= cost(len - gone, leave); gone++)
        grown -= cost(len - gone, leave);
    return gone;
}

/* Where a mark's waiter stands now, among those who were there before: from place `from` on, no further back than it was.
 * SIZE_MAX = it is not to be seen. */
static size_t find(const struct strobe_queuewatch_reading *reading, const struct strobe_queuewatch_mark *mark, uint64_t from,
                   uint64_t stayed)
{
    for (uint64_t i = from; i <= mark->at && i < stayed && i < reading->n_items; i++)
        if (reading->items[i] == mark->item)
            return (size_t)i;
    return SIZE_MAX;
}

/* Finds the marks again; those that may stand for somebody else go. */
static void follow(struct strobe_queuewatch *watch, const struct strobe_queuewatch_reading *reading, uint64_t gone)
{
    uint32_t n = 0;
    uint64_t behind = 0; /* the last one that was found */

    for (uint32_t i = 0; i < watch->n_marks; i++) {
        struct strobe_queuewatch_mark mark = watch->marks[i];
        uint64_t least = mark.at > gone ? mark.at - gone : 0; /* it cannot have come further */
        size_t at = find(reading, &mark, least > behind ? least : behind, watch->len - gone);

        if (at == SIZE_MAX)
            continue;
        mark.at = at;
        watch->marks[n++] = mark;
        behind = at + 1;
    }
    watch->n_marks = n;
    watch->slack = gone > watch->slack ? gone : watch->slack - watch->slack / 8;
}

/* ---- marks ---- */

static void put_mark(struct strobe_queuewatch *watch, const struct strobe_queuewatch_reading *reading, uint64_t at)
{
    if (watch->n_marks == STROBE_QUEUEWATCH_MARKS) { /* every other stays, and new ones come half as often */
        for (uint32_t i = 1; 2 * i < STROBE_QUEUEWATCH_MARKS; i++)
            watch->marks[i] = watch->marks[2 * i];
        watch->n_marks = STROBE_QUEUEWATCH_MARKS / 2;
        watch->spacing_ns *= 2;
    }
    watch->marks[watch->n_marks++] = (struct strobe_queuewatch_mark){reading->items[at], at, reading->after_ns};
}

/* The place for the next mark in a long queue: the last one, or as far before it as will be told from new ones at the next reading. */
static uint64_t place(const struct strobe_queuewatch *watch, uint64_t len)
{
    return len - 1 - (watch->slack < len / 2 ? watch->slack : len / 2);
}

/* The first place that a mark would be of use at: who stands before one has waited for longer, and goes first. */
static uint64_t unmarked(const struct strobe_queuewatch *watch)
{
    return watch->n_marks ? watch->marks[watch->n_marks - 1].at + 1 : 0;
}

static bool is_due(const struct strobe_queuewatch *watch, uint64_t now_ns)
{
    return !watch->n_marks || now_ns - watch->marks[watch->n_marks - 1].since_ns >= watch->spacing_ns;
}

static void mark(struct strobe_queuewatch *watch, const struct strobe_queuewatch_reading *reading)
{
    uint64_t at;

    if (!watch->n_marks)
        watch->spacing_ns = least_spacing_ns;
    if (reading->len <= STROBE_QUEUEWATCH_EACH) {
        for (at = unmarked(watch); at < reading->len && at < reading->n_items; at++)
            put_mark(watch, reading, at);
    } else if (reading->n_items && is_due(watch, reading->after_ns)) {
        at = place(watch, reading->len);
        at = at < reading->n_items ? at : reading->n_items - 1;
        if (at >= unmarked(watch))
            put_mark(watch, reading, at);
    }
}

/* ---- all ---- */

bool strobe_queuewatch_wants(const struct strobe_queuewatch *watch, uint64_t len, uint64_t state, uint64_t now_ns)
{
    if (!watch->known || len != watch->len || state != watch->state)
        return len > 0;
    return len && (len <= STROBE_QUEUEWATCH_EACH ? unmarked(watch) < len : is_due(watch, now_ns) && unmarked(watch) <= place(watch, len));
}

void strobe_queuewatch_step(struct strobe_queuewatch *watch, const struct strobe_queuewatch_reading *reading)
{
    uint64_t changes = reading->state - watch->state, grown = changes - (reading->len - watch->len);
    uint64_t leave = reading->leave > 2 ? reading->leave : 2;

    if (!watch->known || changes > INT64_MAX || grown > INT64_MAX) { /* it went back: another queue */
        watch->n_marks = 0;
        watch->slack = 0;
    } else if (grown) {
        follow(watch, reading, most_gone(watch->len, grown, leave));
    }
    watch->known = true;
    watch->len = reading->len;
    watch->state = reading->state;
    mark(watch, reading);
}

void strobe_queuewatch_drop_first(struct strobe_queuewatch *watch)
{
    if (watch->n_marks)
        memmove(watch->marks, watch->marks + 1, --watch->n_marks * sizeof *watch->marks);
}

double strobe_queuewatch_longest(const struct strobe_queuewatch *watch, uint64_t now_ns)
{
    return watch->n_marks && now_ns > watch->marks[0].since_ns ? (double)(now_ns - watch->marks[0].since_ns) / 1e9 : 0;
}
