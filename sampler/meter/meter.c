/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "meter/meter_parts.h"

/* ---- life: a meter owns its targets, a target its objects ---- */

/* A name of a metric begins with one of [a-zA-Z_:] and goes on with these and digits. */
static bool is_prefix(const char *prefix)
{
    static const char begins[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789";

    return strspn(prefix, begins) == strlen(prefix) && !(*prefix >= '0' && *prefix <= '9');
}

/* 0, what an option is that nobody set, and what makes no sense. */
static double or_default(double value, double otherwise)
{
    return value > 0 ? value : otherwise;
}

int strobe_meter_new(const struct strobe_meter_opts *opts, struct strobe_meter **ret)
{
    static const struct strobe_meter_opts none = {0};
    struct strobe_meter *meter;
    const char *prefix;
    uint32_t group;
    bool folded;

    opts = opts ? opts : &none;
    prefix = opts->prefix ? opts->prefix : "";
    if (!is_prefix(prefix))
        return STROBE_ERR_ARG;
    meter = calloc(1, sizeof *meter);
    if (!meter)
        return STROBE_ERR_NOMEM;
    meter->opts = (struct strobe_meter_opts){
        .max_series = opts->max_series ? opts->max_series : 200,
        .max_processes = opts->max_processes ? opts->max_processes : opts->max_series ? opts->max_series : 200,
        .max_gap_s = or_default(opts->max_gap_s, 2),
        .wait_threshold_s = or_default(opts->wait_threshold_s, 1),
        .saturated_threshold_s = or_default(opts->saturated_threshold_s, 1),
        .event_every_s = or_default(opts->event_every_s, 60),
        .lag_window_s = or_default(opts->lag_window_s, 60),
        .keep_s = or_default(opts->keep_s, 600),
        .process = opts->process,
    };
    meter->prefix = strdup(prefix);
    meter->opts.prefix = meter->prefix;
    if (!meter->prefix || meter_group_find(meter, "", &group, &folded)) { /* group 0: no label */
        strobe_meter_free(meter);
        return STROBE_ERR_NOMEM;
    }
    *ret = meter;
    return 0;
}

static void free_target(struct strobe_meter_target *target)
{
    free(target->objects);
    free(target->spare);
    strobe_htab_release(&target->by_key);
    strobe_htab_release(&target->by_key_spare);
    free(target);
}

void strobe_meter_free(struct strobe_meter *meter)
{
    if (!meter)
        return;
    while (meter->targets) {
        struct strobe_meter_target *target = meter->targets;

        meter->targets = target->next;
        free_target(target);
    }
    free(meter->series);
    free(meter->groups);
    strobe_htab_release(&meter->by_label);
    free(meter->prefix);
    free(meter);
}

int strobe_meter_target_add(struct strobe_meter *meter, const char *label, struct strobe_meter_target **ret)
{
    struct strobe_meter_target *target = calloc(1, sizeof *target);

    if (!target || meter_group_find(meter, label, &target->group, &target->folded)) {
        free(target);
        return STROBE_ERR_NOMEM;
    }
    target->process = (struct strobe_meter_process){-1, -1, -1, 0};
    target->next = meter->targets;
    meter->targets = target;
    meter->groups[target->group].targets++;
    *ret = target;
    return 0;
}

/* CPU time goes on over an exec: what has been counted is noted, in case that the process comes back as another target. */
static void note_left(struct strobe_meter *meter, const struct strobe_meter_process *process)
{
    if (!process->identity || process->cpu_s < 0)
        return;
    meter->left[meter->next_left] = (struct meter_left){process->identity, process->cpu_s};
    meter->next_left = (meter->next_left + 1) % METER_LEFT;
}

/* What was counted of a process as another target. */
static double take_left(struct strobe_meter *meter, uint64_t identity)
{
    double cpu_s = 0;

    for (int i = 0; identity && i < METER_LEFT; i++)
        if (meter->left[i].identity == identity) {
            cpu_s = meter->left[i].cpu_s > cpu_s ? meter->left[i].cpu_s : cpu_s;
            meter->left[i].identity = 0;
        }
    return cpu_s;
}

void strobe_meter_target_remove(struct strobe_meter *meter, struct strobe_meter_target *target)
{
    struct strobe_meter_target **at = &meter->targets;
    struct meter_group *group = &meter->groups[target->group];

    while (*at != target)
        at = &(*at)->next;
    *at = target->next;
    /* What was between its last reading and its end is nobody's: half a gap at most, as a rule. */
    for (size_t i = 0; i < target->n_objects; i++)
        meter_series_lose(&meter->series[target->objects[i].series], target->resources_ns);
    if (target->process.cpu_s >= 0)
        group->ended_cpu_s += target->process.cpu_s - target->counted_cpu_s;
    note_left(meter, &target->process);
    group->targets--;
    group->gone_ns = meter->latest_ns;
    free_target(target);
}

void strobe_meter_set_cost(struct strobe_meter *meter, const struct strobe_meter_cost *cost)
{
    meter->cost = *cost;
}

/* ---- readings ---- */

uint64_t meter_lag_part(const struct strobe_meter *meter, uint64_t ns)
{
    /* The part that is under way is not whole: so many others make the window at least as long as it is to be. */
    return (uint64_t)((double)ns / (meter->opts.lag_window_s * 1e9 / (METER_LAG_PARTS - 1))) + 1;
}

/* How many loops are in a step is integrated as one number: the area of a sum is the sum of areas.  The lag goes into its part of the
 * window, which is another moment's once the window has gone round. */
static void add_loops(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_meter_reading *reading)
{
    struct meter_group *group = &meter->groups[target->group];
    uint64_t number = meter_lag_part(meter, reading->ns);
    uint32_t busy = 0;

    if (group->lag[number % METER_LAG_PARTS].number != number) {
        group->lag[number % METER_LAG_PARTS].number = number;
        group->lag[number % METER_LAG_PARTS].most = 0;
    }
    for (uint32_t i = 0; i < reading->n_loops; i++) {
        busy += reading->loops[i].busy;
        if (reading->loops[i].step_s > group->lag[number % METER_LAG_PARTS].most)
            group->lag[number % METER_LAG_PARTS].most = reading->loops[i].step_s;
    }
    meter_integrate(meter, &target->busy_loops, true, busy, reading->ns, &group->loop_busy_seconds);
    target->n_loops = reading->n_loops;
    group->had_loops |= reading->n_loops > 0;
}

/* A counter does not go back: not where it is unknown this time, nor where another target began with it. */
static void add_process(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_meter_process *process)
{
    double least = target->process.cpu_s;

    if (target->process.identity != process->identity) {
        target->counted_cpu_s = take_left(meter, process->identity);
        least = target->counted_cpu_s > fmax(least, 0) ? target->counted_cpu_s : least;
    }
    target->process = *process;
    if (target->process.cpu_s < least)
        target->process.cpu_s = least;
    meter->groups[target->group].had_cpu |= process->cpu_s >= 0;
}

int strobe_meter_add(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_meter_reading *reading)
{
    int err = reading->resources ? meter_objects_add(meter, target, reading) : 0;

    if (err)
        return err;
    /* Nothing fails from here on. */
    meter->readings++;
    meter->latest_ns = reading->ns > meter->latest_ns ? reading->ns : meter->latest_ns;
    if (target->last_ns != METER_NEVER && meter_span(meter, target->last_ns, reading->ns) < 0) {
        meter->gaps++;
        if (reading->ns > target->last_ns)
            meter->gap_seconds += (double)(reading->ns - target->last_ns) / 1e9;
    }
    target->last_ns = reading->ns;
    if (reading->resources)
        meter_press_all(meter, target, reading);
    if (reading->loops)
        add_loops(meter, target, reading);
    if (reading->tasks) {
        memcpy(target->tasks, reading->tasks, sizeof target->tasks);
        target->had_tasks = true;
    }
    if (reading->process)
        add_process(meter, target, reading->process);
    return 0;
}
