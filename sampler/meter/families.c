/* SPDX-License-Identifier: Apache-2.0 */
/* families: all that the meter knows as families of metrics.  Their names are those that dashboards of services expect: docs/metrics.md.
 *
 * Gauges are sums over the objects that there are at this moment, made anew each time; counters are what the series hold.  So a gauge goes
 * with its objects and a counter stays.  What nothing is known of has no sample: 0 would be a claim. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "meter/meter_parts.h"
#include "report/tasks.h"

/* Sums over the objects of a series; NAN = none of them knows. */
struct sums {
    double max, active, pending, free, waiters, size, maxsize, capacity[METER_SOURCES];
    double ratio_min;           /* the least that a target has free of what it has */
    double part_free, part_capacity; /* of the target whose turn it is; 0 between the turns */
};

struct writer {
    const struct strobe_meter *meter;
    struct strobe_metrics *out;
    const struct sums *sums; /* by series */
    uint64_t now_ns;
};

/* ---- sums ---- */

/* -1, unknown, adds nothing, and what is unknown of all stays NAN. */
static void add(double *sum, int64_t n)
{
    if (n >= 0)
        *sum = (isnan(*sum) ? 0 : *sum) + (n == STROBE_UNLIMITED ? INFINITY : (double)n);
}

static void sum_object(const struct meter_object *o, struct sums *to)
{
    switch (meter_domain(o->kind)) {
    case METER_EXECUTORS:
        add(&to->max, o->max);
        add(&to->active, o->active);
        add(&to->pending, o->pending);
        break;
    case METER_SEMAPHORES:
        add(&to->free, o->free);
        add(&to->waiters, o->waiters);
        add(&to->capacity[o->source], o->capacity);
        break;
    default:
        add(&to->size, o->size);
        add(&to->maxsize, o->maxsize > 0 ? o->maxsize : -1); /* 0: it has no end */
        add(&to->waiters, o->waiters);
        break;
    }
}

/* Of a semaphore whose permits are known and have an end: what has none is never short of any. */
static bool has_ratio(const struct meter_object *o)
{
    return o->listed && meter_domain(o->kind) == METER_SEMAPHORES && o->free >= 0 && o->free != STROBE_UNLIMITED && o->capacity > 0 &&
           o->capacity != STROBE_UNLIMITED;
}

/* A sum over all processes hides one that has none left: the least of them, each by itself. */
static void find_ratios(const struct strobe_meter_target *target, struct sums *sums)
{
    for (size_t i = 0; i < target->n_objects; i++)
        if (has_ratio(&target->objects[i])) {
            sums[target->objects[i].series].part_free += (double)target->objects[i].free;
            sums[target->objects[i].series].part_capacity += (double)target->objects[i].capacity;
        }
    for (size_t i = 0; i < target->n_objects; i++) {
        struct sums *to = &sums[target->objects[i].series];

        if (to->part_capacity > 0) /* else it was another one's turn, or there is none */
            to->ratio_min = fmin(to->ratio_min, to->part_free / to->part_capacity); /* of NAN and a number the number */
        to->part_free = to->part_capacity = 0;
    }
}

/* By series; the caller frees.  NULL when memory is short. */
static struct sums *all_sums(const struct strobe_meter *meter)
{
    struct sums *sums = malloc((meter->n_series + 1) * sizeof *sums);

    if (!sums)
        return NULL;
    for (size_t i = 0; i < meter->n_series; i++) {
        sums[i] = (struct sums){.max = NAN, .active = NAN, .pending = NAN, .free = NAN, .waiters = NAN, .size = NAN, .maxsize = NAN,
                                .ratio_min = NAN};
        for (int source = 0; source < METER_SOURCES; source++)
            sums[i].capacity[source] = NAN;
    }
    for (const struct strobe_meter_target *target = meter->targets; target; target = target->next) {
        for (size_t i = 0; i < target->n_objects; i++)
            if (target->objects[i].listed)
                sum_object(&target->objects[i], &sums[target->objects[i].series]);
        find_ratios(target, sums);
    }
    return sums;
}

/* ---- series ---- */

/* The label `process` of a group; NULL = it has none. */
static const char *process_of(const struct strobe_meter *meter, uint32_t group)
{
    return group == METER_OTHER_GROUP ? "other" : *meter->groups[group].label ? meter->groups[group].label : NULL;
}

/* A sample with the labels of a series; source: NULL = without that label.  NAN: none. */
static void put_series(struct writer *w, const struct meter_series *series, double value, const char *source)
{
    static const char *const names[METER_DOMAINS] = {"executor", "dependency", "queue"};
    struct strobe_metric_label labels[STROBE_METRIC_LABELS] = {
        {"pool_type", *series->pool_type ? series->pool_type : NULL},
        {names[series->domain], series->name},
        {"source", source},
        {"process", series->group == METER_NO_GROUP ? NULL : process_of(w->meter, series->group)},
    };

    if (!isnan(value) && series->group != METER_NO_GROUP)
        strobe_metrics_sample(w->out, value, STROBE_METRIC_LABELS, labels);
}

/* A gauge of all series of a domain: the sum at an offset in struct sums. */
static void put_gauge(struct writer *w, enum meter_domain domain, const char *name, size_t offset, const char *help)
{
    strobe_metrics_family(w->out, w->meter->prefix, name, STROBE_METRIC_GAUGE, "", help);
    for (size_t i = 0; i < w->meter->n_series; i++)
        if (w->meter->series[i].domain == domain)
            put_series(w, &w->meter->series[i], *(const double *)((const char *)&w->sums[i] + offset), NULL);
}

/* A counter of all series of a domain, those without an object included. */
static void put_counter(struct writer *w, enum meter_domain domain, const char *name, enum meter_counter counter, const char *help)
{
    strobe_metrics_family(w->out, w->meter->prefix, name, STROBE_METRIC_COUNTER, "seconds", help);
    for (size_t i = 0; i < w->meter->n_series; i++)
        if (w->meter->series[i].domain == domain)
            put_series(w, &w->meter->series[i], w->meter->series[i].known[counter] ? w->meter->series[i].seconds[counter] : NAN, NULL);
}

static void put_executors(struct writer *w)
{
    put_gauge(w, METER_EXECUTORS, "executor_active_workers", offsetof(struct sums, active), "Workers that are in a call.");
    put_gauge(w, METER_EXECUTORS, "executor_pending_tasks", offsetof(struct sums, pending), "Calls that wait for a worker.");
    put_gauge(w, METER_EXECUTORS, "executor_max_workers", offsetof(struct sums, max), "Workers that the executor may have.");
    put_counter(w, METER_EXECUTORS, "executor_busy_worker_seconds_total", METER_BUSY,
                "Time that workers have spent in calls, all workers together.");
    put_counter(w, METER_EXECUTORS, "executor_saturated_seconds_total", METER_SATURATED,
                "Time during which all workers were in calls and a further one waited.");
}

static void put_semaphores(struct writer *w)
{
    put_gauge(w, METER_SEMAPHORES, "semaphore_available", offsetof(struct sums, free), "Permits that are free.");
    strobe_metrics_family(w->out, w->meter->prefix, "semaphore_capacity", STROBE_METRIC_GAUGE, "",
                          "Permits that there are; source says how that is known: bounded, the object keeps it; construction, seen when it "
                          "was made; value_plus_holders, free ones and the tasks that hold one; high_water, the most that were free.");
    for (size_t i = 0; i < w->meter->n_series; i++)
        for (int source = 1; source < METER_SOURCES && w->meter->series[i].domain == METER_SEMAPHORES; source++)
            put_series(w, &w->meter->series[i], w->sums[i].capacity[source], meter_source_word((enum meter_source)source));
    put_gauge(w, METER_SEMAPHORES, "semaphore_available_ratio_min", offsetof(struct sums, ratio_min),
              "Least part of its permits that a semaphore has free in any one process.");
    put_gauge(w, METER_SEMAPHORES, "semaphore_waiters", offsetof(struct sums, waiters), "Tasks or threads that wait for a permit.");
    put_counter(w, METER_SEMAPHORES, "semaphore_exhausted_seconds_total", METER_EXHAUSTED, "Time during which no permit was free.");
    put_counter(w, METER_SEMAPHORES, "semaphore_wait_seconds_total", METER_WAIT,
                "Time spent in waiting for a permit, all waiters together.");
}

static void put_queues(struct writer *w)
{
    put_gauge(w, METER_QUEUES, "queue_size", offsetof(struct sums, size), "Items in the queue.");
    put_gauge(w, METER_QUEUES, "queue_maxsize", offsetof(struct sums, maxsize), "Items that the queue may hold.");
    put_gauge(w, METER_QUEUES, "queue_waiters", offsetof(struct sums, waiters), "Tasks or threads that wait for an item or for room.");
}

/* ---- what belongs to no object ---- */

/* A sample with the label of a group, and one more; label: NULL = without that. */
static void put_group(struct writer *w, uint32_t group, double value, const char *name, const char *label)
{
    struct strobe_metric_label labels[] = {{name, label}, {"process", process_of(w->meter, group)}};

    if (!isnan(value))
        strobe_metrics_sample(w->out, value, 2, labels);
}

/* Tasks of some states (bits), of all targets of a group; NAN = nobody looked at tasks. */
static double tasks_of(const struct strobe_meter *meter, uint32_t group, unsigned states)
{
    double sum = NAN;

    for (const struct strobe_meter_target *target = meter->targets; target; target = target->next)
        for (int state = 0; state < STROBE_METER_STATES && target->group == group && target->had_tasks; state++)
            if (states & 1u << state)
                sum = (isnan(sum) ? 0 : sum) + (double)target->tasks[state];
    return sum;
}

static void put_tasks(struct writer *w)
{
    enum { ACTIVE = 1 << STROBE_TASK_WAITING | 1 << STROBE_TASK_READY | 1 << STROBE_TASK_RUNNING };

    strobe_metrics_family(w->out, w->meter->prefix, "active_async_tasks", STROBE_METRIC_GAUGE, "", "asyncio tasks that have not ended.");
    for (uint32_t g = 0; g < w->meter->n_groups; g++)
        put_group(w, g, tasks_of(w->meter, g, ACTIVE), "", NULL);
    strobe_metrics_family(w->out, w->meter->prefix, "async_tasks", STROBE_METRIC_GAUGE, "",
                          "asyncio tasks by what they do: running, ready for their next step, waiting, done and not forgotten yet.");
    for (uint32_t g = 0; g < w->meter->n_groups; g++)
        for (int state = 0; state < STROBE_METER_STATES; state++)
            put_group(w, g, tasks_of(w->meter, g, 1u << state), "state", strobe_report_state_word((enum strobe_task_state)state));
}

/* The largest of the window that ends now. */
static double lag_of(const struct writer *w, const struct meter_group *group)
{
    uint64_t now = meter_lag_part(w->meter, w->now_ns);
    double most = 0;

    for (int i = 0; i < METER_LAG_PARTS; i++)
        if (group->lag[i].number && group->lag[i].number + METER_LAG_PARTS > now && group->lag[i].most > most)
            most = group->lag[i].most;
    return most;
}

static void put_loops(struct writer *w)
{
    const struct strobe_meter *meter = w->meter;

    strobe_metrics_family(w->out, meter->prefix, "event_loop_lag_seconds", STROBE_METRIC_GAUGE, "seconds",
                          "The longest that an event loop was found not to have looked at its timers and sockets, in the last minute or "
                          "the window that was set.");
    for (uint32_t g = 0; g < meter->n_groups; g++) {
        bool runs = false;

        for (const struct strobe_meter_target *target = meter->targets; target; target = target->next)
            runs |= target->group == g && target->n_loops;
        put_group(w, g, runs ? lag_of(w, &meter->groups[g]) : NAN, "", NULL);
    }
    strobe_metrics_family(w->out, meter->prefix, "event_loop_busy_seconds_total", STROBE_METRIC_COUNTER, "seconds",
                          "Time that event loops have spent in steps rather than in waiting for events, all loops together.");
    for (uint32_t g = 0; g < meter->n_groups; g++)
        put_group(w, g, meter->groups[g].had_loops ? meter->groups[g].loop_busy_seconds : NAN, "", NULL);
}

/* ---- the process; no prefix stands before what is the same of every program, nor before what is strobe's own ---- */

static void put_process(struct writer *w)
{
    enum { FDS, CPU, RESIDENT, FACTS };
    static const struct {
        const char *name, *unit, *help;
        enum strobe_metric_type type;
    } facts[FACTS] = {
        [FDS] = {"process_open_fds", "", "Open file descriptors.", STROBE_METRIC_GAUGE},
        [CPU] = {"process_cpu_seconds_total", "seconds", "User and system CPU time.", STROBE_METRIC_COUNTER},
        [RESIDENT] = {"process_resident_memory_bytes", "bytes", "Resident memory.", STROBE_METRIC_GAUGE},
    };

    /* Of several processes: sums.  CPU time of those that have ended stays in, or the counter would go back. */
    for (int fact = 0; fact < FACTS && w->meter->opts.process; fact++) {
        strobe_metrics_family(w->out, "", facts[fact].name, facts[fact].type, facts[fact].unit, facts[fact].help);
        for (uint32_t g = 0; g < w->meter->n_groups; g++) {
            double sum = fact == CPU && w->meter->groups[g].had_cpu ? w->meter->groups[g].ended_cpu_s : NAN;

            for (const struct strobe_meter_target *target = w->meter->targets; target; target = target->next) {
                const struct strobe_meter_process *p = &target->process;
                double cpu_s = p->cpu_s - target->counted_cpu_s;
                double value = fact == FDS ? (double)p->open_fds : fact == CPU ? cpu_s : (double)p->resident_bytes;

                if (target->group == g && value >= 0)
                    sum = (isnan(sum) ? 0 : sum) + value;
            }
            put_group(w, g, sum, "", NULL);
        }
    }
}

/* ---- strobe itself ---- */

/* One number without labels; its type is told by its name. */
static void put_own(struct writer *w, const char *name, const char *unit, double value, const char *help)
{
    size_t n = strlen(name);
    bool counter = n > 6 && strcmp(name + n - 6, "_total") == 0;

    strobe_metrics_family(w->out, "", name, counter ? STROBE_METRIC_COUNTER : STROBE_METRIC_GAUGE, unit, help);
    strobe_metrics_sample(w->out, value, 0, NULL);
}

static void put_dropped(struct writer *w)
{
    static const char *const names[METER_DOMAINS] = {"executor", "semaphore", "queue"};
    double dropped[METER_DOMAINS] = {0}, processes = 0;

    for (const struct strobe_meter_target *target = w->meter->targets; target; target = target->next) {
        processes += target->folded;
        for (size_t i = 0; i < target->n_objects; i++)
            dropped[meter_domain(target->objects[i].kind)] += target->objects[i].dropped;
    }
    strobe_metrics_family(w->out, "", "strobe_dropped_series", STROBE_METRIC_GAUGE, "",
                          "Objects and processes that are counted under the label value other, as there is no room for more series.");
    for (int i = 0; i < METER_DOMAINS; i++)
        strobe_metrics_sample(w->out, dropped[i], 1, &(struct strobe_metric_label){"metric", names[i]});
    if (w->meter->n_groups > 1) /* processes are told apart */
        strobe_metrics_sample(w->out, processes, 1, &(struct strobe_metric_label){"metric", "process"});
}

static void put_strobe(struct writer *w)
{
    const struct strobe_meter *meter = w->meter;
    double n_targets = 0;

    for (const struct strobe_meter_target *target = meter->targets; target; target = target->next)
        n_targets++;
    put_own(w, "strobe_targets", "", n_targets, "Processes that are read.");
    put_own(w, "strobe_cpu_seconds_total", "seconds", meter->cost.cpu_s, "CPU time that strobe itself has used.");
    put_own(w, "strobe_paused_seconds_total", "seconds", meter->cost.paused_s, "Time for which strobe held a thread of a process.");
    put_own(w, "strobe_looks_total", "", (double)meter->cost.looks, "Readings of a process.");
    put_own(w, "strobe_look_errors_total", "", (double)meter->cost.errors, "Readings that failed.");
    put_own(w, "strobe_gaps_total", "", (double)meter->gaps, "Gaps between readings that counters were not integrated over.");
    put_own(w, "strobe_gap_seconds_total", "seconds", meter->gap_seconds, "Time in these gaps.");
    strobe_metrics_family(w->out, "", "strobe_events_total", STROBE_METRIC_COUNTER, "", "Events of saturation.");
    for (int kind = 0; kind < STROBE_METER_EVENT_KINDS; kind++)
        strobe_metrics_sample(w->out, (double)meter->events_total[kind], 1,
                              &(struct strobe_metric_label){"event", strobe_meter_event_word((enum strobe_meter_event_kind)kind)});
    put_own(w, "strobe_events_lost_total", "", (double)meter->events_lost, "Events that nobody fetched in time.");
    put_dropped(w);
}

int strobe_meter_metrics(const struct strobe_meter *meter, uint64_t now_ns, struct strobe_metrics *metrics)
{
    struct sums *sums = all_sums(meter);
    struct writer w = {meter, metrics, sums, now_ns};

    strobe_metrics_clear(metrics);
    if (!sums) {
        metrics->failed = true;
        return STROBE_ERR_NOMEM;
    }
    put_executors(&w);
    put_semaphores(&w);
    put_queues(&w);
    put_tasks(&w);
    put_loops(&w);
    put_process(&w);
    put_strobe(&w);
    free(sums);
    return metrics->failed ? STROBE_ERR_NOMEM : 0;
}
