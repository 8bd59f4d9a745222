/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/health.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "meter/meter_parts.h"
#include "report/json.h"

/* ---- degraded ---- */

/* What is not known is not held against it: -1 of max, or of active, is no reason. */

static bool is_degraded(const struct meter_object *o)
{
    switch (meter_domain(o->kind)) {
    case METER_EXECUTORS:
        return o->listed && o->max > 0 && (double)o->active / (double)o->max > 0.9 && o->pending > 0;
    case METER_SEMAPHORES: /* 0 permits in all: whoever waits, waits for ever */
        return o->free >= 0 && o->waiters > 0 && (o->free == 0 || (o->capacity > 0 && (double)o->free / (double)o->capacity < 0.1));
    default:
        return false;
    }
}

enum strobe_health strobe_meter_health(const struct strobe_meter *meter)
{
    for (const struct strobe_meter_target *target = meter->targets; target; target = target->next)
        for (size_t i = 0; i < target->n_objects; i++)
            if (is_degraded(&target->objects[i]))
                return STROBE_DEGRADED;
    return STROBE_HEALTHY;
}

const char *strobe_health_word(enum strobe_health health)
{
    return health == STROBE_DEGRADED ? "degraded" : "healthy";
}

/* ---- rows ---- */

/* The sum of numbers of which some are not known. */
struct sum {
    int64_t value;
    bool any, known;
};

/* Unknown adds nothing; with an unlimited one all are unlimited. */
static void add(struct sum *sum, int64_t n)
{
    sum->any = true;
    if (n < 0)
        return;
    sum->known = true;
    if (n == STROBE_UNLIMITED || __builtin_add_overflow(sum->value, n, &sum->value))
        sum->value = STROBE_UNLIMITED;
}

/* 0 where there is no object at all, null where none knows. */
static json_t *number(const struct sum *sum)
{
    return sum->any && !sum->known ? json_null() : sum->value == STROBE_UNLIMITED ? json_string("unlimited") : json_integer(sum->value);
}

/* Of an executor or of several: max, active, pending; of semaphores: capacity, available. */
struct row {
    struct sum a, b, c;
};

static int set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

/* name: NULL = the sum of a kind, which has neither that nor a pool_type.  NULL when memory is short. */
static json_t *executor_row(const struct row *row, const char *name, const char *pool_type)
{
    json_t *object = json_object();
    int bad = name ? set(object, "name", json_string(name)) | set(object, "pool_type", json_string(pool_type)) : 0;

    bad |= set(object, "max_workers", number(&row->a));
    bad |= set(object, "active_workers", number(&row->b));
    bad |= set(object, "pending_tasks", number(&row->c));
    if (bad) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static json_t *semaphore_row(const struct row *row)
{
    json_t *object = json_object();
    int bad = set(object, "capacity", number(&row->a)) | set(object, "available", number(&row->b));

    if (bad) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* What a row is called in its object: the name, behind that of the process where these are told apart.  The caller frees; NULL when memory
 * is short. */
static char *row_name(const struct strobe_meter *meter, const struct meter_series *series)
{
    const char *process = series->group == METER_OTHER_GROUP ? "other" : meter->groups[series->group].label;
    char *text = malloc(strlen(process) + strlen(series->name) + 2);

    if (text) {
        strcpy(text, process);
        strcat(text, *process ? " " : "");
        strcat(text, series->name);
    }
    return text;
}

/* Adds an object's numbers to a row of its kind. */
static void add_object(const struct meter_object *o, struct row *row)
{
    if (meter_domain(o->kind) == METER_EXECUTORS) {
        add(&row->a, o->max);
        add(&row->b, o->active);
        add(&row->c, o->pending);
    } else {
        add(&row->a, o->capacity);
        add(&row->b, o->free);
    }
}

/* Rows by series, and of the pools of threads and of processes. */
static void add_all(const struct strobe_meter *meter, struct row *by_series, struct row *threads, struct row *processes)
{
    for (const struct strobe_meter_target *target = meter->targets; target; target = target->next)
        for (size_t i = 0; i < target->n_objects; i++) {
            const struct meter_object *o = &target->objects[i];
            const char *pool_type = meter_pool_type(o->kind);

            if (!o->listed)
                continue;
            add_object(o, &by_series[o->series]);
            if (strcmp(pool_type, "thread") == 0)
                add_object(o, threads);
            else if (strcmp(pool_type, "process") == 0)
                add_object(o, processes);
        }
}

/* A row of `semaphores` or `executors`. */
static int set_row(const struct strobe_meter *meter, const struct meter_series *series, const struct row *row, json_t *semaphores,
                   json_t *executors)
{
    char *name = row_name(meter, series);
    int bad = name == NULL;

    if (bad)
        return bad;
    if (series->domain == METER_SEMAPHORES)
        bad = set(semaphores, name, semaphore_row(row));
    else
        bad = json_array_append_new(executors, executor_row(row, name, series->pool_type));
    free(name);
    return bad;
}

/* A new reference, NULL when memory is short. */
static json_t *pools_of(const struct strobe_meter *meter)
{
    struct row *rows = calloc(meter->n_series + 2, sizeof *rows), *threads, *processes; /* two more for these */
    json_t *root = json_object(), *semaphores = json_object(), *executors = json_array();
    int bad = rows == NULL;

    if (!bad) {
        threads = rows + meter->n_series;
        processes = threads + 1;
        add_all(meter, rows, threads, processes);
        for (size_t i = 0; i < meter->n_series && !bad; i++)
            if (meter->series[i].domain != METER_QUEUES && rows[i].a.any)
                bad = set_row(meter, &meter->series[i], &rows[i], semaphores, executors);
        bad |= set(root, "thread_pool", executor_row(threads, NULL, NULL));
        bad |= set(root, "process_pool", executor_row(processes, NULL, NULL));
    }
    bad |= set(root, "semaphores", semaphores);
    bad |= set(root, "executors", executors);
    free(rows);
    if (bad) {
        json_decref(root);
        return NULL;
    }
    return root;
}

int strobe_meter_pools_json(const struct strobe_meter *meter, struct strobe_buf *out)
{
    return strobe_json_write(pools_of(meter), out);
}

int strobe_meter_health_json(const struct strobe_meter *meter, double unix_s, struct strobe_buf *out)
{
    static const char *const said[] = {"name", "env", "version"};
    json_t *root = json_object(), *application = json_object();
    time_t seconds = (time_t)unix_s;
    struct tm tm;
    char when[64] = "";
    int bad = 0;

    if (gmtime_r(&seconds, &tm))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    bad |= set(root, "status", json_string(strobe_health_word(strobe_meter_health(meter))));
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        bad |= set(application, said[i], json_null());
    bad |= set(root, "application", application);
    bad |= set(root, "checks", json_object());
    bad |= set(root, "circuit_breakers", json_object());
    bad |= set(root, "pools", pools_of(meter));
    bad |= set(root, "timestamp", json_string(when));
    if (bad) {
        json_decref(root);
        root = NULL;
    }
    return strobe_json_write(root, out);
}
