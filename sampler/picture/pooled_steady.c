/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of which many are to come: names are looked for once and again after a scan, those that do not last more often; capacities that
 * were counted stay. */
#include "picture/pooled_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "naming/owners.h"

static struct strobe_pooled_kept *kept_of(const struct strobe_pooled *pooled, const struct strobe_report_resource *row)
{
    const uint64_t *index = row->address ? strobe_htab_get(&pooled->index, row->address, row->class_address) : NULL;

    return index ? &pooled->kept[*index] : NULL;
}

/* What is kept is that of the rows that are there, their names unknown. */
static int start_over(struct strobe_pooled *pooled)
{
    struct strobe_pooled_kept *kept = NULL;
    struct strobe_htab index = STROBE_HTAB_INIT;
    size_t n = 0, cap = 0;
    int err = strobe_grow(&kept, &cap, pooled->n + 1, sizeof *kept);

    for (size_t i = 0; i < pooled->n && !err; i++) {
        const struct strobe_report_resource *row = &pooled->found[i];
        const struct strobe_pooled_kept *before = kept_of(pooled, row);

        if (!row->address)
            continue;
        kept[n] = (struct strobe_pooled_kept){.capacity = before ? before->capacity : -1, .made = before ? before->made : -1};
        err = strobe_htab_put(&index, row->address, row->class_address, n++);
    }
    if (err) {
        free(kept);
        strobe_htab_release(&index);
        return STROBE_ERR_NOMEM;
    }
    strobe_htab_release(&pooled->index);
    free(pooled->kept);
    strobe_arena_reset(&pooled->texts);
    pooled->index = index;
    pooled->kept = kept;
    pooled->n_kept = n;
    pooled->cap_kept = cap;
    pooled->rename = false;
    return 0;
}

/* Is its name to be looked for in this picture? */
static bool is_due(struct strobe_pooled_kept *kept)
{
    return !kept->name || (!kept->lasting && ++kept->looks >= kept->due);
}

static int add_new(struct strobe_pooled *pooled, struct strobe_owners *owners)
{
    int err = 0;

    for (size_t i = 0; i < pooled->n && !err; i++) {
        const struct strobe_report_resource *row = &pooled->found[i];
        struct strobe_pooled_kept *kept = kept_of(pooled, row);

        if (!row->address || (kept && !is_due(kept)))
            continue;
        if (!kept && !(err = strobe_grow(&pooled->kept, &pooled->cap_kept, pooled->n_kept + 1, sizeof *pooled->kept)) &&
            !(err = strobe_htab_put(&pooled->index, row->address, row->class_address, pooled->n_kept)))
            pooled->kept[pooled->n_kept++] = (struct strobe_pooled_kept){.capacity = -1, .made = -1};
        if (!err)
            err = strobe_owners_want(owners, row->address);
    }
    return err;
}

/* Of a row that is new: who has it, else what a task's code calls it.  One that has a name gets another one only if that lasts. */
static int keep_name(struct strobe_pooled *pooled, const struct strobe_owners *owners, const struct strobe_report_resource *row,
                     struct strobe_pooled_kept *kept)
{
    struct strobe_buf name = STROBE_BUF_INIT;
    bool better = strobe_pooled_names_better(owners, row, &name, &kept->lasting);
    const char *text = better ? strobe_buf_str(&name) : row->name;
    size_t size = strlen(text) + 1;
    char *copy = name.failed ? NULL : (char *)kept->name;

    if (!name.failed && (!kept->name || kept->lasting))
        copy = strobe_arena_alloc(&pooled->texts, size);
    if (copy && copy != kept->name) {
        kept->name = memcpy(copy, text, size);
        kept->source = better ? "owner" : row->name_source; /* static */
    }
    kept->looks = 0;
    kept->due = kept->due ? 2 * kept->due : 1;
    strobe_buf_release(&name);
    return copy ? 0 : STROBE_ERR_NOMEM;
}

/* Permits beyond what a semaphore was made with are there for good, free or not: the most that was seen stays.  made: what it was made
 * with, by a hint; another number is that of another object at the same place. */
static void keep_capacity(struct strobe_pooled_kept *kept, struct strobe_report_resource *row)
{
    bool made = row->capacity_source == STROBE_CAPACITY_CONSTRUCTION;

    if (row->capacity_source == STROBE_CAPACITY_STORED)
        return;
    if (row->free < 0) { /* it could not be read this time */
        if (made && row->made == kept->made && kept->capacity > row->capacity)
            row->capacity = kept->capacity;
        return;
    }
    if (made && row->made != kept->made) {
        kept->made = row->made;
        kept->capacity = -1;
    }
    if ((made || row->capacity_source == STROBE_CAPACITY_COUNTED) && row->capacity > kept->capacity)
        kept->capacity = row->capacity;
    if (kept->capacity >= 0 && kept->capacity < row->free)
        kept->capacity = row->free;
    if (kept->capacity < 0)
        return;
    row->capacity = kept->capacity;
    row->capacity_source = made ? STROBE_CAPACITY_CONSTRUCTION : STROBE_CAPACITY_COUNTED;
}

void strobe_pooled_note_free(struct strobe_pooled *pooled, struct strobe_report_resource *row)
{
    struct strobe_pooled_kept *kept = pooled->steady && row->capacity >= 0 ? kept_of(pooled, row) : NULL;

    if (!kept)
        return;
    if (kept->capacity < row->free)
        kept->capacity = row->free;
    if (kept->capacity > row->capacity)
        row->capacity = kept->capacity;
}

int strobe_pooled_name_steadily(struct strobe_pooled *pooled)
{
    struct strobe_owners owners;
    int err = pooled->rename ? start_over(pooled) : 0;

    strobe_owners_init(&owners, pooled->tasked.place->mem, pooled->tasked.place->layout);
    if (!err)
        err = add_new(pooled, &owners);
    if (!err && owners.n_left)
        err = strobe_pooled_names_search(pooled, &owners);
    for (size_t i = 0; i < pooled->n && !err; i++) {
        struct strobe_report_resource *row = &pooled->found[i];
        struct strobe_pooled_kept *kept = kept_of(pooled, row);

        if (!kept)
            continue;
        if (!kept->name || (!kept->lasting && kept->looks >= kept->due))
            err = keep_name(pooled, &owners, row, kept);
        if (err)
            break;
        row->name = kept->name;
        row->name_source = kept->source;
        keep_capacity(kept, row);
    }
    strobe_owners_release(&owners);
    return err;
}
