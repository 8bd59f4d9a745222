/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of resources beforehand (hints.h): objects that no scan has met yet, capacities that objects do not keep, names. */
#include "picture/pooled_parts.h"

#include <string.h>

#include "picture/tasked_parts.h"
#include "runtime/pyobj.h"

bool strobe_pooled_hinted(struct strobe_pooled *pooled, size_t i, struct strobe_instance *ret)
{
    struct strobe_roles *roles = &strobe_tasklook_reader(pooled->tasked.look)->roles;
    const struct strobe_place *place = pooled->tasked.place;

    *ret = (struct strobe_instance){.addr = pooled->hints.at[i].address};
    if (strobe_py_type(place->mem, place->layout, ret->addr, &ret->type))
        return false;
    ret->role = strobe_roles_of_type(roles, ret->type);
    return strobe_instance_counts(ret->role);
}

int strobe_pooled_add_hinted(struct strobe_pooled *pooled)
{
    struct strobe_instance instance;
    int err = 0;

    for (size_t i = 0; i < pooled->hints.n && !err; i++)
        if (!strobe_pooled_has(pooled, pooled->hints.at[i].address) && strobe_pooled_hinted(pooled, i, &instance))
            err = strobe_pooled_add_instance(pooled, &instance);
    return err;
}

/* The row of a hint's object; NULL = there is none. */
static struct strobe_report_resource *row_of(const struct strobe_pooled *pooled, const struct strobe_hint *hint)
{
    const uint64_t *index = strobe_htab_get(&pooled->seen, hint->address, 0);
    struct strobe_report_resource *row = index && *index < pooled->n ? &pooled->found[*index] : NULL;

    return row && row->address == hint->address ? row : NULL;
}

void strobe_pooled_hint_capacities(struct strobe_pooled *pooled)
{
    for (size_t i = 0; i < pooled->hints.n; i++) {
        struct strobe_report_resource *row = pooled->hints.at[i].capacity >= 0 ? row_of(pooled, &pooled->hints.at[i]) : NULL;

        if (!row || row->kind != STROBE_RESOURCE_SEMAPHORE || row->capacity_source == STROBE_CAPACITY_STORED)
            continue;
        /* release() beyond what it was made with makes a plain semaphore larger */
        row->made = pooled->hints.at[i].capacity;
        row->capacity = pooled->hints.at[i].capacity > row->free ? pooled->hints.at[i].capacity : row->free;
        row->capacity_source = STROBE_CAPACITY_CONSTRUCTION;
    }
}

int strobe_pooled_hint_names(struct strobe_pooled *pooled)
{
    for (size_t i = 0; i < pooled->hints.n; i++) {
        struct strobe_report_resource *row = pooled->hints.at[i].name ? row_of(pooled, &pooled->hints.at[i]) : NULL;

        if (!row)
            continue;
        row->name = strobe_tasked_keep(&pooled->tasked, pooled->hints.at[i].name);
        row->name_source = "watch";
        if (!*row->name && *pooled->hints.at[i].name)
            return STROBE_ERR_NOMEM;
    }
    return 0;
}
