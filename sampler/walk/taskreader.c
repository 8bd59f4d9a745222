/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/taskreader.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"
#include "walk/taskreader_parts.h"

int strobe_taskreader_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_taskreader **ret)
{
    struct strobe_taskreader *reader = calloc(1, sizeof *reader);
    int err;

    if (!reader)
        return STROBE_ERR_NOMEM;
    reader->mem = mem;
    reader->lay = lay;
    strobe_roles_init(&reader->roles, mem, lay);
    strobe_coderoles_init(&reader->codes, mem, lay);
    strobe_tasklist_init(&reader->list, mem, lay, &reader->roles);
    strobe_awaiters_init(&reader->awaiters, mem, lay, &reader->roles, &reader->codes);
    err = strobe_chain_init(&reader->chain, mem, lay, &reader->roles, &reader->codes);
    if (!err)
        err = strobe_chain_init(&reader->inner, mem, lay, &reader->roles, &reader->codes);
    if (!err && !strobe_aio_layout_has_table(lay)) {
        err = strobe_aio_layout_init(mem, lay, 0, &reader->aio, NULL);
        reader->has_aio = !err;
    }
    if (err)
        strobe_taskreader_free(reader);
    else
        *ret = reader;
    return err;
}

void strobe_taskreader_free(struct strobe_taskreader *reader)
{
    if (!reader)
        return;
    strobe_roles_release(&reader->roles);
    strobe_coderoles_release(&reader->codes);
    strobe_tasklist_release(&reader->list);
    strobe_awaiters_release(&reader->awaiters);
    strobe_chain_release(&reader->chain);
    strobe_chain_release(&reader->inner);
    strobe_arena_release(&reader->arena);
    strobe_htab_release(&reader->wait_index);
    strobe_htab_release(&reader->frames);
    free(reader->drafts);
    free(reader->waits);
    free(reader->holds);
    free(reader->tasks);
    free(reader->shown);
    free(reader->edges);
    free(reader->renumbered);
    free(reader->edge_to);
    free(reader);
}

bool strobe_taskreader_wants_table(const struct strobe_taskreader *reader)
{
    return !reader->has_aio && strobe_aio_layout_has_table(reader->lay);
}

int strobe_taskreader_set_table(struct strobe_taskreader *reader, uint64_t table, char *why)
{
    int err = strobe_aio_layout_init(reader->mem, reader->lay, table, &reader->aio, why);

    reader->has_aio = !err;
    return err;
}

/* What was passed over as unreadable so far, or could not be kept. */
static uint64_t failures(const struct strobe_taskreader *reader)
{
    return reader->mem->faults + reader->roles.failures + reader->codes.failures;
}

static int settle(struct strobe_taskreader *reader, size_t i, int64_t interp)
{
    struct strobe_task_draft *draft = &reader->drafts[i];
    uint64_t before = failures(reader);
    int err = strobe_taskreader_one(reader, i, interp);

    draft->unsettled = err != 0 || failures(reader) != before;
    reader->n_unsettled += draft->unsettled;
    return strobe_err_class(err) == STROBE_CLASS_FATAL ? err : 0;
}

/* 3.8 - 3.13: the constants hold for one size of the type; where tasks changed within a series, that of the other is taken. */
static void fit(struct strobe_taskreader *reader)
{
    for (size_t i = 0; i < reader->list.n && !reader->fitted && reader->has_aio; i++) {
        struct strobe_tasklist_item *item = &reader->list.at[i];
        char name[32];
        uint64_t size;

        if (item->role != STROBE_ROLE_TASK || strobe_py_type_name(reader->mem, reader->lay, item->type, name, sizeof name) ||
            strcmp(name, "_asyncio.Task") != 0)
            continue; /* a subclass may be larger */
        size = strobe_roles_size(&reader->roles, item->type);
        reader->fitted = size != 0;
        if (size && strobe_aio_layout_fit(reader->lay, size, &reader->aio, NULL))
            reader->has_aio = false;
    }
}

static int read_list(struct strobe_taskreader *reader, const struct strobe_task_source *source, bool *any)
{
    int err = strobe_tasklist_add(&reader->list, reader->has_aio ? &reader->aio : NULL, source->interp, source->tstates, source->n_tstates);

    *any = *any || err != STROBE_ERR_MISSING;
    return err == STROBE_ERR_MISSING ? 0 : err;
}

int strobe_taskreader_read(struct strobe_taskreader *reader, const struct strobe_task_source *sources, size_t n)
{
    bool any = false;
    int err = 0, ret_err = 0;

    strobe_roles_begin(&reader->roles);
    strobe_coderoles_begin(&reader->codes);
    strobe_awaiters_begin(&reader->awaiters, reader->has_aio ? &reader->aio : NULL);
    strobe_tasklist_clear(&reader->list);
    strobe_htab_clear(&reader->wait_index);
    strobe_arena_reset(&reader->arena);
    reader->n_drafts = reader->n_waits = reader->n_holds = reader->n_unsettled = 0;
    for (size_t i = 0; i < n; i++) {
        err = read_list(reader, &sources[i], &any);
        if (strobe_err_class(err) == STROBE_CLASS_FATAL)
            return err;
        ret_err = ret_err ? ret_err : err;
        fit(reader);
        if (strobe_grow(&reader->drafts, &reader->cap_drafts, reader->list.n + 1, sizeof *reader->drafts) ||
            strobe_grow(&reader->tasks, &reader->cap_tasks, reader->list.n + 1, sizeof *reader->tasks))
            return STROBE_ERR_NOMEM;
        for (; reader->n_drafts < reader->list.n; reader->n_drafts++) {
            reader->drafts[reader->n_drafts] = (struct strobe_task_draft){.unsettled = false};
            if ((err = settle(reader, reader->n_drafts, sources[i].id)))
                return err;
        }
    }
    return any ? ret_err : STROBE_ERR_MISSING;
}

int strobe_taskreader_again(struct strobe_taskreader *reader, bool (*late)(void *ctx), void *ctx)
{
    size_t left = reader->n_unsettled;
    int err = 0;

    strobe_roles_begin(&reader->roles);
    strobe_coderoles_begin(&reader->codes);
    strobe_htab_clear(&reader->awaiters.known); /* a callback may be another one's by now */
    for (size_t i = 0; !err && left && i < reader->n_drafts; i++) {
        if (!reader->drafts[i].unsettled)
            continue;
        if (late && late(ctx))
            break;
        left--;
        reader->n_unsettled--;
        err = settle(reader, i, reader->tasks[i].interp);
    }
    return err;
}
