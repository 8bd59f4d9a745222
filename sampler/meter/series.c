/* SPDX-License-Identifier: Apache-2.0 */
/* series: label sets, at most max_series of a domain and `other` besides.  A series outlives its objects, as a counter that goes away is
 * lost to whoever has not asked since; it gives way to a new one when there is no room and it has been empty for keep_s. */
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "meter/meter_parts.h"

static const char other[] = "other";

/* 128 bits for all that a label set is made of. */
static void key_of(const struct meter_series *s, uint64_t key[2])
{
    uint64_t seed = (uint64_t)s->domain << 32 | s->group;

    key[0] = strobe_hash_bytes(s->name, strlen(s->name), strobe_hash_bytes(s->pool_type, strlen(s->pool_type), seed));
    key[1] = strobe_hash_bytes(s->name, strlen(s->name), ~key[0]);
}

/* A series that may go for a new one of its domain: the one that has been empty longest; NULL = none. */
static struct meter_series *oldest_empty(const struct strobe_meter *meter, enum meter_domain domain, uint64_t now_ns)
{
    struct meter_series *oldest = NULL;

    for (size_t i = 0; i < meter->n_series; i++) {
        struct meter_series *s = &meter->series[i];

        if (s->domain == domain && !s->folded && !s->objects && now_ns > s->gone_ns &&
            (double)(now_ns - s->gone_ns) >= meter->opts.keep_s * 1e9 && (!oldest || s->gone_ns < oldest->gone_ns))
            oldest = s;
    }
    return oldest;
}

bool meter_series_room(const struct strobe_meter *meter, enum meter_domain domain, uint64_t now_ns)
{
    return meter->named[domain] < meter->opts.max_series || oldest_empty(meter, domain, now_ns);
}

/* The table knows no deletion: it is made anew.  There is room: it held as many. */
static void index_again(struct strobe_meter *meter)
{
    strobe_htab_clear(&meter->by_label);
    for (size_t i = 0; i < meter->n_series; i++) {
        uint64_t key[2];

        key_of(&meter->series[i], key);
        strobe_htab_put(&meter->by_label, key[0], key[1], i);
    }
}

/* Makes a label set that of `other`: one for all processes, whose number is not bounded by anything here. */
static void fold(struct meter_series *series)
{
    strcpy(series->name, other);
    series->folded = true;
    series->group = series->group ? METER_OTHER_GROUP : 0;
}

/* In this order: the series that there is; room for a new one; the room of one that has been empty for long; `other`. */
int meter_series_find(struct strobe_meter *meter, enum meter_domain domain, uint32_t group, const char *pool_type, const char *name,
                      uint64_t now_ns, uint32_t *ret)
{
    struct meter_series series = {.domain = domain, .group = group, .pool_type = pool_type, .gone_ns = now_ns}, *old;
    uint64_t key[2], *at;

    strcpy(series.name, name);
    if (strcmp(name, other) == 0) /* what is really called so would be the same label set */
        fold(&series);
    key_of(&series, key);
    at = strobe_htab_get(&meter->by_label, key[0], key[1]);
    if (!at && !series.folded && meter->named[domain] >= meter->opts.max_series) {
        old = oldest_empty(meter, domain, now_ns);
        if (old) {
            *old = series;
            index_again(meter);
            *ret = (uint32_t)(old - meter->series);
            return 0;
        }
        fold(&series);
        key_of(&series, key);
        at = strobe_htab_get(&meter->by_label, key[0], key[1]);
    }
    if (at) {
        *ret = (uint32_t)*at;
        if (!meter->series[*ret].objects) /* in use again: it gives way to none of this reading */
            meter->series[*ret].gone_ns = now_ns;
        return 0;
    }
    if (strobe_grow(&meter->series, &meter->cap_series, meter->n_series + 1, sizeof *meter->series) ||
        strobe_htab_put(&meter->by_label, key[0], key[1], meter->n_series))
        return STROBE_ERR_NOMEM;
    *ret = (uint32_t)meter->n_series;
    meter->series[meter->n_series++] = series;
    meter->named[domain] += !series.folded;
    return 0;
}

void meter_series_lose(struct meter_series *series, uint64_t now_ns)
{
    if (--series->objects == 0)
        series->gone_ns = now_ns;
}

void meter_series_gain(struct meter_series *series)
{
    series->objects++;
}

/* ---- process labels: few, and asked for when a target is added only: a list will do ---- */

/* A group that may go for a new one: the one that has been without a process longest; NULL = none.  The first has no label, and stays. */
static struct meter_group *oldest_left(const struct strobe_meter *meter)
{
    struct meter_group *oldest = NULL;

    for (size_t i = 1; i < meter->n_groups; i++) {
        struct meter_group *group = &meter->groups[i];

        if (!group->targets && strcmp(group->label, other) != 0 && meter->latest_ns > group->gone_ns &&
            (double)(meter->latest_ns - group->gone_ns) >= meter->opts.keep_s * 1e9 && (!oldest || group->gone_ns < oldest->gone_ns))
            oldest = group;
    }
    return oldest;
}

/* Its counters go, and its series, which are all empty, are nobody's until they are wanted: objects know their series by index. */
static void empty_group(struct strobe_meter *meter, struct meter_group *group)
{
    for (size_t i = 0; i < meter->n_series; i++)
        if (meter->series[i].group == (uint32_t)(group - meter->groups))
            meter->series[i].group = METER_NO_GROUP;
    index_again(meter);
    *group = (struct meter_group){0};
}

static struct meter_group *find_group(const struct strobe_meter *meter, const char *label)
{
    for (size_t i = 0; i < meter->n_groups; i++)
        if (strcmp(meter->groups[i].label, label) == 0)
            return &meter->groups[i];
    return NULL;
}

/* In this order: the group that there is; room for a new one; the room of one that has been empty for long; `other`. */
int meter_group_find(struct strobe_meter *meter, const char *label, uint32_t *ret, bool *ret_folded)
{
    char text[STROBE_METER_LABEL];
    struct meter_group *group;
    bool full = meter->n_groups > meter->opts.max_processes, folded = false;

    if (meter_label(label ? label : "", text))
        return STROBE_ERR_NOMEM;
    group = find_group(meter, text);
    if (!group && full) {
        group = oldest_left(meter);
        folded = !group;
        if (group) {
            empty_group(meter, group);
        } else {
            strcpy(text, other);
            group = find_group(meter, text);
        }
    }
    if (!group) {
        if (strobe_grow(&meter->groups, &meter->cap_groups, meter->n_groups + 1, sizeof *meter->groups))
            return STROBE_ERR_NOMEM;
        group = &meter->groups[meter->n_groups++];
        *group = (struct meter_group){0};
    }
    strcpy(group->label, text);
    *ret = (uint32_t)(group - meter->groups);
    *ret_folded = folded;
    return 0;
}
