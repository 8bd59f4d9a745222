/* SPDX-License-Identifier: Apache-2.0 */
/* Names.  Who has a thing is asked first: that does not depend on what is done with it, so that it is called the same in use and idle.
 * Next comes what a task's code calls it, last what a function's local variable is called.
 *
 *   owner, by globals and attributes    loop    owner, by containers    code, attribute, global    owner, by local variables */
#include "picture/pooled_parts.h"

#include <stdlib.h>
#include <string.h>

#include "naming/owners.h"
#include "picture/tasked_parts.h"
#include "runtime/pyobj.h"
#include "runtime/pyspan.h"

enum {
    MAX_FRAMES = 8192, /* whose variables are asked for names */
    MAX_LOOP = 8192,   /* bytes of a loop made in C that are looked through */
};

static int add_frames(struct strobe_pooled *pooled, struct strobe_owners *owners)
{
    const struct strobe_sample *threads = pooled->tasked.threads;
    const struct strobe_task_sample *tasks = pooled->tasked.sample;
    uint32_t n = 0;
    int err = 0;

    for (uint32_t t = 0; t < threads->n_threads; t++)
        for (uint32_t i = 0; !err && i < threads->threads[t].n_frames && n < MAX_FRAMES / 2; i++, n++)
            err = strobe_owners_add_frame(owners, &threads->threads[t].frames[i]);
    for (uint32_t t = 0; t < tasks->n_tasks; t++)
        for (uint32_t i = 0; !err && i < tasks->tasks[t].n_frames && n < MAX_FRAMES; i++, n++)
            err = strobe_owners_add_frame(owners, &tasks->tasks[t].frames[i]);
    return err;
}

/* Searches for who has the wanted objects. */
static int search(struct strobe_pooled *pooled, struct strobe_owners *owners)
{
    uint64_t interps[STROBE_POOLED_INTERPS];
    size_t n_interps = strobe_pooled_interps(pooled, interps);
    int err = 0;

    for (size_t i = 0; i < n_interps && owners->n_left && !err; i++)
        err = strobe_owners_add_modules(owners, interps[i]);
    if (!err)
        err = strobe_owners_run(owners, STROBE_OWNERS_NAMES);
    if (!err && owners->n_left)
        err = add_frames(pooled, owners);
    return err ? err : strobe_owners_run(owners, STROBE_OWNERS_VARIABLES);
}

/* A loop made in C (uvloop) has its default executor in a member without a name: that one of its words which is an executor. */
static void name_of_loop(struct strobe_pooled *pooled, uint64_t loop)
{
    struct strobe_mem *mem = pooled->tasked.place->mem;
    const struct strobe_layout *lay = pooled->tasked.place->layout;
    struct strobe_buf name = STROBE_BUF_INIT;
    const char *module, *class;
    struct strobe_pytype type;
    unsigned char *words;
    uint64_t value;
    size_t size;

    if (strobe_pytype_of(mem, lay, loop, &type) || !strobe_py_attr(mem, lay, loop, "_default_executor", &value) || type.basicsize <= 0)
        return;
    size = (size_t)type.basicsize < MAX_LOOP ? (size_t)type.basicsize : MAX_LOOP;
    words = malloc(size);
    if (words && !strobe_mem_read(mem, loop, words, size)) {
        strobe_tasked_type_name(&pooled->tasked, type.addr, &class, &module);
        strobe_buf_printf(&name, "%s._default_executor", class);
        class = strobe_tasked_keep_buf(&pooled->tasked, &name);
        for (size_t at = 0; at + sizeof value <= size; at += sizeof value) {
            const uint64_t *row = strobe_htab_get(&pooled->seen, strobe_span_u64(words, at), 0);
            struct strobe_report_resource *r = row && *row < pooled->n ? &pooled->found[*row] : NULL;

            if (r && r->address == strobe_span_u64(words, at) && r->kind < STROBE_RESOURCE_SEMAPHORE) {
                r->name = class;
                r->name_source = "loop";
            }
        }
    }
    free(words);
}

int strobe_pooled_names_search(struct strobe_pooled *pooled, struct strobe_owners *owners)
{
    const struct strobe_tasked *tasked = &pooled->tasked;
    int err = search(pooled, owners);

    for (uint32_t i = 0; !err && tasked->loops && i < tasked->threads->n_threads; i++)
        if (tasked->loops[i])
            name_of_loop(pooled, tasked->loops[i]);
    return err;
}

bool strobe_pooled_names_better(const struct strobe_owners *owners, const struct strobe_report_resource *row, struct strobe_buf *name,
                                bool *ret_lasting)
{
    enum strobe_owners_level level = strobe_owners_name(owners, row->address, name);
    enum strobe_owners_level worse = strcmp(row->name_source, "loop") == 0 ? STROBE_OWNERS_INSIDE
                                     : *row->name                          ? STROBE_OWNERS_VARIABLES
                                                                           : STROBE_OWNERS_LEVELS;
    bool better = name->len && level < worse;

    *ret_lasting = better && level < STROBE_OWNERS_VARIABLES;
    return better;
}

int strobe_pooled_name_all(struct strobe_pooled *pooled)
{
    struct strobe_owners owners;
    int err = 0;

    strobe_owners_init(&owners, pooled->tasked.place->mem, pooled->tasked.place->layout);
    for (size_t i = 0; i < pooled->n && !err; i++)
        if (pooled->found[i].address)
            err = strobe_owners_want(&owners, pooled->found[i].address);
    if (!err)
        err = strobe_pooled_names_search(pooled, &owners);
    for (size_t i = 0; i < pooled->n && !err; i++) {
        struct strobe_report_resource *row = &pooled->found[i];
        struct strobe_buf name = STROBE_BUF_INIT;
        bool lasting;

        if (strobe_pooled_names_better(&owners, row, &name, &lasting)) {
            row->name = strobe_tasked_keep_buf(&pooled->tasked, &name);
            row->name_source = "owner";
        }
        strobe_buf_release(&name);
    }
    strobe_owners_release(&owners);
    return err;
}
