/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/pooled.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "picture/pooled_parts.h"
#include "walk/walk.h"

enum {
    RUN = 4 << 20,    /* bytes of memory that are looked at between two questions of which pages are there */
    HIT_BYTES = 8192, /* that can be scanned in the time that one hit takes to be looked at */
};

int strobe_pooled_open(struct strobe_place *place, const struct strobe_tasked_opts *opts, struct strobe_pooled *ret)
{
    int err;

    *ret = (struct strobe_pooled){.seen = STROBE_HTAB_INIT, .inner = STROBE_HTAB_INIT, .index = STROBE_HTAB_INIT,
                                  .texts = STROBE_ARENA_INIT};
    err = strobe_tasked_open(place, opts, &ret->tasked);
    if (!err)
        strobe_instances_init(&ret->instances, place->mem, place->layout, &strobe_tasklook_reader(ret->tasked.look)->roles);
    return err;
}

void strobe_pooled_release(struct strobe_pooled *pooled)
{
    strobe_instances_release(&pooled->instances);
    strobe_copied_release(&pooled->copied);
    strobe_tasked_release(&pooled->tasked);
    for (int i = 0; i < 2; i++) {
        strobe_arena_release(&pooled->shown[i].texts);
        free(pooled->shown[i].at);
        pooled->shown[i] = (struct strobe_pooled_shown){.at = NULL};
    }
    pooled->report = (struct strobe_report_resources){.at = NULL};
    strobe_htab_release(&pooled->seen);
    strobe_htab_release(&pooled->inner);
    free(pooled->found);
    pooled->found = NULL;
    pooled->n = pooled->cap = 0;
    strobe_htab_release(&pooled->index);
    strobe_arena_release(&pooled->texts);
    free(pooled->kept);
    pooled->kept = NULL;
    pooled->n_kept = pooled->cap_kept = 0;
}

void strobe_pooled_set_steady(struct strobe_pooled *pooled)
{
    pooled->steady = true;
    strobe_tasked_set_quick(&pooled->tasked, true);
}

/* ---- idle ones ---- */

size_t strobe_pooled_interps(const struct strobe_pooled *pooled, uint64_t interps[STROBE_POOLED_INTERPS])
{
    const struct strobe_walk *walk = strobe_snapshot_walk(pooled->tasked.snap);
    size_t n = 0;

    for (; n < walk->n_interps && n < STROBE_POOLED_INTERPS; n++)
        interps[n] = walk->interps[n].addr;
    return n;
}

static int begin_scan(struct strobe_pooled *pooled, size_t *ret_classes)
{
    uint64_t interps[STROBE_POOLED_INTERPS];
    int err = strobe_tasked_look(&pooled->tasked); /* so that the interpreters are known */

    return err ? err : strobe_instances_begin(&pooled->instances, interps, strobe_pooled_interps(pooled, interps), ret_classes);
}

/* Goes on with the scan for about so many bytes: first through the memory, then through what was met in it. */
static int go_on(struct strobe_pooled *pooled, bool anew, uint64_t most, bool *ret_done)
{
    struct strobe_place *place = pooled->tasked.place;
    uint64_t addr, bytes, passed = 0;
    int err = 0;

    while (!err && !pooled->ending && passed < most) {
        err = place->ops->area(place, anew, RUN, &addr, &bytes);
        anew = false;
        if (!err) {
            passed += bytes;
            err = strobe_instances_scan(&pooled->instances, addr, bytes);
        } else if (err == STROBE_ERR_MISSING) {
            pooled->ending = true;
            err = 0;
        }
    }
    if (!err && pooled->ending && passed < most)
        err = strobe_instances_end(&pooled->instances, (most - passed) / HIT_BYTES + 1, ret_done);
    return err;
}

int strobe_pooled_scan(struct strobe_pooled *pooled, uint64_t most, bool *ret_done)
{
    size_t n_classes = 1;
    bool anew = !pooled->scanning;
    int err = 0;

    if (!pooled->tasked.place->ops->area)
        return STROBE_ERR_MISSING;
    *ret_done = false;
    if (anew) {
        pooled->ending = false;
        err = begin_scan(pooled, &n_classes);
    }
    if (!err && !n_classes)
        *ret_done = true;
    else if (!err)
        err = go_on(pooled, anew, most, ret_done);
    strobe_mem_epoch(pooled->tasked.place->mem);
    pooled->scanning = !err && !*ret_done;
    if (*ret_done) {
        pooled->scanned = true;
        pooled->rename = true;
    }
    return err;
}

/* ---- all ---- */

/* Where something queues stands first. */
static int compare(const void *left, const void *right)
{
    static const size_t numbers[] = {
        offsetof(struct strobe_report_resource, capacity), offsetof(struct strobe_report_resource, free),
        offsetof(struct strobe_report_resource, busy), offsetof(struct strobe_report_resource, size)};
    const struct strobe_report_resource *a = left, *b = right;
    int64_t pressure_a = strobe_report_resource_pressure(a), pressure_b = strobe_report_resource_pressure(b);
    int by;

    if ((by = strobe_report_resource_group(a->kind) - strobe_report_resource_group(b->kind)))
        return by;
    if (pressure_a != pressure_b)
        return pressure_a > pressure_b ? -1 : 1;
    if (!*a->name != !*b->name)
        return *a->name ? -1 : 1;
    if ((by = strcmp(a->name, b->name)) || (by = strcmp(a->prefix, b->prefix)) || (by = (int)a->kind - (int)b->kind) ||
        (by = strcmp(a->type, b->type)))
        return by;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t x = *(const int64_t *)((const char *)a + numbers[i]), y = *(const int64_t *)((const char *)b + numbers[i]);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a->address > b->address) - (a->address < b->address);
}

static int copy_text(struct strobe_arena *arena, const char **text)
{
    size_t size = strlen(*text) + 1;
    char *copy = strobe_arena_alloc(arena, size);

    if (copy)
        *text = memcpy(copy, *text, size);
    return copy ? 0 : STROBE_ERR_NOMEM;
}

/* The rows become the report.  Beside the ones that are shown, so that these stay where that cannot be done, and until the next look goes
 * well: texts of the tasks' picture live only as long as it. */
static int show(struct strobe_pooled *pooled, uint32_t n_copies)
{
    struct strobe_pooled_shown *to = &pooled->shown[!pooled->showing];
    int err = strobe_grow(&to->at, &to->cap, pooled->n + 1, sizeof *to->at);

    strobe_arena_reset(&to->texts);
    for (size_t i = 0; i < pooled->n && !err; i++) {
        struct strobe_report_resource *row = &to->at[i];

        *row = pooled->found[i];
        err = copy_text(&to->texts, &row->type) || copy_text(&to->texts, &row->module) || copy_text(&to->texts, &row->name) ||
              copy_text(&to->texts, &row->prefix) ? STROBE_ERR_NOMEM : 0;
    }
    if (err)
        return err;
    pooled->showing = !pooled->showing;
    pooled->report = (struct strobe_report_resources){.process = &pooled->tasked.process, .at = to->at, .n = (uint32_t)pooled->n,
                                                      .moving = pooled->tasked.report.moving, .scanned = pooled->scanned,
                                                      .n_copies = n_copies};
    return 0;
}

int strobe_pooled_take(struct strobe_pooled *pooled)
{
    uint32_t n_copies = 0;
    int err = strobe_tasked_look(&pooled->tasked);

    if (!err)
        err = strobe_tasked_fill_things(&pooled->tasked);
    strobe_htab_clear(&pooled->seen);
    pooled->n = 0;
    if (!err)
        err = strobe_pooled_find_parts(pooled);
    if (!err)
        err = strobe_pooled_add_pools(pooled);
    if (!err)
        err = strobe_pooled_add_waits(pooled);
    if (!err)
        err = strobe_pooled_add_idle(pooled);
    if (!err)
        err = strobe_pooled_add_hinted(pooled);
    if (!err)
        strobe_pooled_hint_capacities(pooled);
    if (!err)
        err = pooled->steady ? strobe_pooled_name_steadily(pooled) : strobe_pooled_name_all(pooled);
    if (!err)
        err = strobe_pooled_hint_names(pooled);
    if (!err)
        err = strobe_copied_take_out(&pooled->copied, pooled, &n_copies);
    if (!err && pooled->n)
        qsort(pooled->found, pooled->n, sizeof *pooled->found, compare);
    return err ? err : show(pooled, n_copies);
}
