/* SPDX-License-Identifier: Apache-2.0 */
/* events: saturation that lasts, told once in a while.  They wait in a ring until they are fetched; when it is full the oldest go, as the
 * latest say what is so now. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "meter/meter_parts.h"
#include "report/json.h"

bool meter_is_saturated(const struct meter_object *object)
{
    return object->max > 0 && object->active >= object->max && object->pending > 0;
}

const char *strobe_meter_event_word(enum strobe_meter_event_kind kind)
{
    return kind == STROBE_METER_BULKHEAD_CONTENTION ? "bulkhead_contention" : "executor_saturated";
}

/* The place of a new one. */
static struct strobe_meter_event *new_event(struct strobe_meter *meter)
{
    if (meter->n_events == STROBE_METER_EVENTS) {
        meter->first_event = (meter->first_event + 1) % STROBE_METER_EVENTS;
        meter->n_events--;
        meter->events_lost++;
    }
    return &meter->events[(meter->first_event + meter->n_events++) % STROBE_METER_EVENTS];
}

bool strobe_meter_next_event(struct strobe_meter *meter, struct strobe_meter_event *ret)
{
    if (!meter->n_events)
        return false;
    *ret = meter->events[meter->first_event];
    meter->first_event = (meter->first_event + 1) % STROBE_METER_EVENTS;
    meter->n_events--;
    return true;
}

/* Has enough time gone by since the last event of its series? */
static bool is_due(const struct strobe_meter *meter, const struct meter_series *series, uint64_t ns)
{
    return series->event_ns == METER_NEVER || (ns > series->event_ns && (double)(ns - series->event_ns) >= meter->opts.event_every_s * 1e9);
}

static void emit(struct strobe_meter *meter, const struct meter_object *o, const struct strobe_meter_reading *reading, double duration_s,
                 bool of_wait)
{
    struct meter_series *series = &meter->series[o->series];
    struct strobe_meter_event *event = new_event(meter);
    const char *process = series->group == METER_OTHER_GROUP ? series->name : meter->groups[series->group].label;

    *event = (struct strobe_meter_event){
        .kind = series->domain == METER_EXECUTORS ? STROBE_METER_EXECUTOR_SATURATED : STROBE_METER_BULKHEAD_CONTENTION,
        .of_wait = of_wait, .unix_s = reading->unix_s, .duration_ms = duration_s * 1e3,
        .pool_type = series->domain == METER_EXECUTORS ? series->pool_type : NULL,
        .waiters = o->waiters, .available = o->free, .capacity = o->capacity,
        .active_workers = o->active, .max_workers = o->max, .pending_tasks = o->pending,
    };
    strcpy(event->name, series->name);
    strcpy(event->process, process);
    meter->events_total[event->kind]++;
    series->event_ns = reading->ns;
}

/* After an object's numbers were set: since when is it under pressure, and is that to be told? */
static void press(struct strobe_meter *meter, struct meter_object *o, const struct strobe_meter_reading *reading)
{
    /* where single waits are timed, how long there is a waiter says nothing: there is always one where many wait in turn */
    bool executor = meter_domain(o->kind) == METER_EXECUTORS, timed = !executor && o->wait_s >= 0;
    double threshold = executor ? meter->opts.saturated_threshold_s : meter->opts.wait_threshold_s, seconds;

    if (timed || (executor ? !meter_is_saturated(o) : o->waiters <= 0))
        o->pressed_ns = METER_NEVER;
    else if (o->pressed_ns == METER_NEVER)
        o->pressed_ns = reading->ns;
    seconds = timed ? o->wait_s : o->pressed_ns == METER_NEVER ? -1 : (double)(reading->ns - o->pressed_ns) / 1e9;
    if (seconds >= threshold && is_due(meter, &meter->series[o->series], reading->ns))
        emit(meter, o, reading, seconds, timed);
}

/* The longest wait that is known for each object. */
static void set_waits(struct strobe_meter_target *target, const struct strobe_meter_reading *reading)
{
    static const enum strobe_resource_kind waited_for[] = {STROBE_RESOURCE_SEMAPHORE, STROBE_RESOURCE_LIMITER};

    for (size_t i = 0; i < target->n_objects; i++)
        target->objects[i].wait_s = -1;
    for (uint32_t i = 0; reading->waits && i < reading->n_waits; i++)
        for (size_t k = 0; k < sizeof waited_for / sizeof *waited_for; k++) {
            uint64_t *at = strobe_htab_get(&target->by_key, reading->waits[i].address, (uint64_t)waited_for[k]);

            if (at && reading->waits[i].seconds > target->objects[*at].wait_s)
                target->objects[*at].wait_s = reading->waits[i].seconds;
        }
}

void meter_press_all(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_meter_reading *reading)
{
    set_waits(target, reading);
    for (size_t i = 0; i < target->n_objects; i++)
        if (meter_domain(target->objects[i].kind) != METER_QUEUES)
            press(meter, &target->objects[i], reading);
}

/* ---- a line of a log: keys as those of a structured log ---- */

static json_t *number(int64_t n)
{
    return n == STROBE_UNLIMITED ? json_string("unlimited") : n < 0 ? json_null() : json_integer(n);
}

int strobe_meter_event_json(const struct strobe_meter_event *event, struct strobe_buf *out)
{
    json_t *root = json_object();
    int bad = 0;

    /* The second key is what dashboards of logs look for; the first what a structured log calls its message. */
    bad |= json_object_set_new(root, "event", json_string(strobe_meter_event_word(event->kind)));
    bad |= json_object_set_new(root, "resilience_event", json_string(strobe_meter_event_word(event->kind)));
    bad |= json_object_set_new(root, "time", json_real(event->unix_s));
    if (*event->process)
        bad |= json_object_set_new(root, "process", strobe_json_text(event->process));
    if (event->kind == STROBE_METER_BULKHEAD_CONTENTION) {
        bad |= json_object_set_new(root, "dependency", strobe_json_text(event->name));
        bad |= json_object_set_new(root, "duration_ms", json_integer((json_int_t)round(event->duration_ms)));
        bad |= json_object_set_new(root, "duration_of", json_string(event->of_wait ? "wait" : "contention"));
        bad |= json_object_set_new(root, "waiters", number(event->waiters));
        bad |= json_object_set_new(root, "available", number(event->available));
        bad |= json_object_set_new(root, "capacity", number(event->capacity));
    } else {
        bad |= json_object_set_new(root, "executor", strobe_json_text(event->name));
        bad |= json_object_set_new(root, "pool_type", json_string(event->pool_type));
        bad |= json_object_set_new(root, "active_workers", number(event->active_workers));
        bad |= json_object_set_new(root, "max_workers", number(event->max_workers));
        bad |= json_object_set_new(root, "pending_tasks", number(event->pending_tasks));
        bad |= json_object_set_new(root, "duration_ms", json_integer((json_int_t)round(event->duration_ms)));
    }
    if (bad) {
        json_decref(root);
        root = NULL;
    }
    return strobe_json_write_line(root, out);
}
