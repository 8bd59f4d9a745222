/* SPDX-License-Identifier: Apache-2.0 */
/* objects: the executors, semaphores and queues of a target from reading to reading, and the counters that are integrated over them.
 *
 *   reading ── take_objects ──> spare list, each with its place in the list before      may fail, and has changed nothing then
 *                    └── begin_areas, integrate_object, end_object ── lists swapped     cannot fail
 *
 * Two lists and two tables take turns, so that a reading of as many things as the one before allocates nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "meter/meter_parts.h"

/* ---- integration ---- */

double meter_span(const struct strobe_meter *meter, uint64_t from_ns, uint64_t to_ns)
{
    double seconds;

    if (from_ns == METER_NEVER || to_ns <= from_ns)
        return -1;
    seconds = (double)(to_ns - from_ns) / 1e9;
    return seconds <= meter->opts.max_gap_s ? seconds : -1;
}

void meter_integrate(const struct strobe_meter *meter, struct meter_value *at, bool known, double value, uint64_t ns, double *counter)
{
    double seconds = meter_span(meter, at->ns, ns);

    if (known) {
        if (seconds > 0)
            *counter += (at->value + value) / 2 * seconds;
        *at = (struct meter_value){value, ns};
    } else if (seconds < 0) {
        *at = (struct meter_value){0, METER_NEVER};
    }
}

/* What one of an object's counters is the area of; false: it is not known. */
static bool counted_value(const struct meter_object *o, int counter, double *ret)
{
    switch (meter_domain(o->kind)) {
    case METER_EXECUTORS:
        *ret = counter == METER_BUSY ? (double)o->active : meter_is_saturated(o);
        return o->active >= 0 && (counter == METER_BUSY || (o->max >= 0 && o->pending >= 0));
    case METER_SEMAPHORES:
        *ret = counter == METER_EXHAUSTED ? o->free == 0 : (double)o->waiters;
        return counter == METER_EXHAUSTED ? o->free >= 0 : o->waiters >= 0;
    default:
        return false;
    }
}

static void integrate_object(struct strobe_meter *meter, struct meter_object *o, uint64_t ns)
{
    struct meter_series *series = &meter->series[o->series];

    for (int i = 0; i < METER_COUNTERS; i++) {
        double value = 0;
        bool known = counted_value(o, i, &value);

        series->known[i] |= known;
        meter_integrate(meter, &o->integrated[i], known, value, ns, &series->seconds[i]);
    }
}

/* ---- objects ---- */

static enum meter_source source_of(enum strobe_capacity_source source)
{
    switch (source) {
    case STROBE_CAPACITY_STORED:
        return METER_BOUNDED;
    case STROBE_CAPACITY_CONSTRUCTION:
        return METER_CONSTRUCTION;
    case STROBE_CAPACITY_COUNTED:
        return METER_VALUE_PLUS_HOLDERS;
    default:
        return METER_SOURCE_UNKNOWN;
    }
}

/* The capacity of a semaphore: what the object or the reading says.  Where it is found from the permits and their holders it is at least
 * what it ever was seen to be, as holders may stay unseen; else it is the most that was ever free.  A permit that changed hands during a
 * reading may have been counted twice: such a sum does for as long as there is no better one, and raises none. */
static void set_capacity(struct meter_object *o, const struct meter_object *before, const struct strobe_report_resource *r, bool moving)
{
    o->source = r->capacity >= 0 ? source_of(r->capacity_source) : METER_SOURCE_UNKNOWN;
    o->capacity = r->capacity;
    if (o->source >= METER_CONSTRUCTION)
        return;
    if (o->source == METER_VALUE_PLUS_HOLDERS && moving && before && before->source >= METER_VALUE_PLUS_HOLDERS)
        o->source = METER_SOURCE_UNKNOWN;
    o->moving = o->source == METER_VALUE_PLUS_HOLDERS && moving;
    if (o->source == METER_SOURCE_UNKNOWN) {
        o->capacity = o->free;
        o->source = METER_HIGH_WATER;
    }
    if (o->capacity <= 0 && o->source == METER_HIGH_WATER) { /* nothing was free yet: that says nothing */
        o->capacity = -1;
        o->source = METER_SOURCE_UNKNOWN;
    }
    if (!before || (before->moving && o->source == METER_VALUE_PLUS_HOLDERS))
        return;
    if (before->source > o->source) {
        o->source = before->source;
        o->moving = before->moving;
    }
    if (before->capacity > o->capacity)
        o->capacity = before->capacity;
}

static void set_numbers(struct meter_object *o, const struct meter_object *before, const struct strobe_report_resource *r, bool moving)
{
    o->max = r->max;
    o->active = r->busy;
    o->pending = r->queued;
    o->free = r->free;
    o->waiters = r->waiters;
    o->size = r->size;
    o->maxsize = r->maxsize;
    set_capacity(o, before, r, moving);
    o->listed = !r->shutdown || r->busy > 0 || r->queued > 0;
}

/* Stands for both texts; 64 bits, as what would come of two that are equal is a series that has another's name, no more. */
static uint64_t hash_texts(const char *a, const char *b, uint64_t seed)
{
    return strobe_hash_bytes(b, strlen(b), strobe_hash_bytes(a, strlen(a), seed));
}

/* What was at the same place at the reading before, if it was the same thing: of a class that has not changed, and of a name that has not,
 * unless it had none yet. */
static struct meter_object *find_before(struct strobe_meter_target *target, const struct meter_object *o)
{
    uint64_t *at = strobe_htab_get(&target->by_key, o->address, (uint64_t)o->kind);
    struct meter_object *before = at ? &target->objects[*at] : NULL;

    if (!before || before->taken || before->class != o->class || (before->text != o->text && before->named))
        return NULL;
    return before;
}

/* One thing of a reading as an object.  Nothing is counted yet: the reading may still fail. */
static int take_object(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_report_resource *r, uint64_t ns,
                       bool moving, const bool *room, struct meter_object *o)
{
    struct meter_object *before;
    char label[STROBE_METER_LABEL];

    *o = (struct meter_object){.address = r->queue ? r->queue : r->address, .kind = r->kind, .named = *r->name, .before = UINT32_MAX};
    o->class = hash_texts(r->type, r->module, (uint64_t)r->kind);
    o->text = hash_texts(r->name, r->prefix, o->class);
    before = find_before(target, o);
    if (before && before->text == o->text && !(before->dropped && room[meter_domain(r->kind)])) {
        o->series = before->series;
        o->dropped = before->dropped;
    } else {
        if (meter_object_label(r, label) ||
            meter_series_find(meter, meter_domain(r->kind), target->group, meter_pool_type(r->kind), label, ns, &o->series))
            return STROBE_ERR_NOMEM;
        o->dropped = meter->series[o->series].folded && strcmp(label, "other") != 0;
    }
    set_numbers(o, before, r, moving);
    if (before) {
        before->taken = true;
        o->before = (uint32_t)(before - target->objects);
    }
    return 0;
}

/* After a reading of very many things the memory for them is not kept: the table is cleared at each reading, too. */
static void shrink(struct strobe_meter_target *target, uint32_t n)
{
    enum { LEAST = 4096, ROOMY = 8 }; /* what is smaller is not worth it; and at least so many times what is wanted now */

    if (target->by_key_spare.mask > LEAST && target->by_key_spare.mask / ROOMY > n)
        strobe_htab_release(&target->by_key_spare);
    if (target->cap_spare > LEAST && target->cap_spare / ROOMY > n) {
        free(target->spare);
        target->spare = NULL;
        target->cap_spare = 0;
    }
}

/* All things of a reading, into the spare list.  Those that had no room for a series of their own get one when there is. */
static int take_objects(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_report_resources *resources,
                        uint64_t ns)
{
    bool room[METER_DOMAINS] = {false};

    for (size_t i = 0; i < target->n_objects; i++) {
        target->objects[i].taken = false;
        room[meter_domain(target->objects[i].kind)] |= target->objects[i].dropped;
    }
    for (int d = 0; d < METER_DOMAINS; d++) /* asked only where somebody wants it */
        room[d] = room[d] && meter_series_room(meter, (enum meter_domain)d, ns);
    shrink(target, resources->n);
    strobe_htab_clear(&target->by_key_spare);
    if (strobe_grow(&target->spare, &target->cap_spare, resources->n, sizeof *target->spare))
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < resources->n; i++) {
        const struct strobe_report_resource *r = &resources->at[i];

        if (take_object(meter, target, r, ns, resources->moving, room, &target->spare[i]) ||
            strobe_htab_put(&target->by_key_spare, target->spare[i].address, (uint64_t)r->kind, i))
            return STROBE_ERR_NOMEM;
    }
    return 0;
}

/* What an object was at the reading before, if that can be told: the values that the areas begin with. */
static void begin_areas(const struct strobe_meter *meter, const struct strobe_meter_target *target, struct meter_object *o, uint64_t ns)
{
    const struct meter_object *before = o->before == UINT32_MAX ? NULL : &target->objects[o->before];

    for (int i = 0; i < METER_COUNTERS; i++)
        o->integrated[i] = before ? before->integrated[i] : (struct meter_value){0, target->resources_ns}; /* not there: 0 */
    o->pressed_ns = before && meter_span(meter, target->resources_ns, ns) >= 0 ? before->pressed_ns : METER_NEVER;
}

/* An object that is not in this reading is at 0. */
static void end_object(struct strobe_meter *meter, struct meter_object *o, uint64_t ns)
{
    for (int i = 0; i < METER_COUNTERS; i++)
        meter_integrate(meter, &o->integrated[i], true, 0, ns, &meter->series[o->series].seconds[i]);
    meter_series_lose(&meter->series[o->series], ns);
}

/* An object that stays adds to its series and takes itself out of the one it was in: the same, as a rule. */
int meter_objects_add(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_meter_reading *reading)
{
    const struct strobe_report_resources *resources = reading->resources;
    struct meter_object *objects = target->objects;
    struct strobe_htab by_key = target->by_key;
    size_t cap = target->cap_objects;

    if (take_objects(meter, target, resources, reading->ns))
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < resources->n; i++) {
        struct meter_object *o = &target->spare[i];

        meter_series_gain(&meter->series[o->series]);
        begin_areas(meter, target, o, reading->ns);
        integrate_object(meter, o, reading->ns);
    }
    for (size_t i = 0; i < target->n_objects; i++) {
        if (objects[i].taken) /* it goes on in the new list, perhaps as of another series */
            meter_series_lose(&meter->series[objects[i].series], reading->ns);
        else
            end_object(meter, &objects[i], reading->ns);
    }
    target->objects = target->spare;
    target->cap_objects = target->cap_spare;
    target->by_key = target->by_key_spare;
    target->n_objects = resources->n;
    target->spare = objects;
    target->cap_spare = cap;
    target->by_key_spare = by_key;
    target->resources_ns = reading->ns;
    return 0;
}
