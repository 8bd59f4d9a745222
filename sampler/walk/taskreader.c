/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/taskreader.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"
#include "walk/taskreader_parts.h"

enum { MEMO_WINDOW = 64 }; /* tasks between two of a list that may have gone since the last look */

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
    free(reader->memo);
    free(reader->waits);
    free(reader->holds);
    free(reader->tasks);
    free(reader->shown);
    free(reader->edges);
    free(reader->renumbered);
    free(reader->facts);
    free(reader->edge_to);
    free(reader);
}

bool strobe_taskreader_wants_table(const struct strobe_taskreader *reader)
{
    return !reader->has_aio && strobe_aio_layout_has_table(reader->lay);
}

void strobe_taskreader_want_timers(struct strobe_taskreader *reader, struct strobe_clock *clock)
{
    reader->clock = clock;
}

int strobe_taskreader_set_table(struct strobe_taskreader *reader, uint64_t table, char *why)
{
    int err = strobe_aio_layout_init(reader->mem, reader->lay, table, &reader->aio, why);

    reader->has_aio = !err;
    return err;
}

void strobe_taskreader_set_forked(struct strobe_taskreader *reader, int32_t own_pid, const uint64_t *loops, size_t n)
{
    reader->own_pid = own_pid;
    reader->own_loops = loops;
    reader->n_own_loops = n;
}

bool strobe_taskreader_is_copy(const struct strobe_taskreader *reader, uint64_t loop)
{
    for (size_t i = 0; i < reader->n_own_loops; i++)
        if (reader->own_loops[i] == loop)
            return false;
    return reader->own_pid != 0;
}

/* What was passed over as unreadable so far, or could not be kept. */
static uint64_t failures(const struct strobe_taskreader *reader)
{
    return reader->mem->faults + reader->roles.failures + reader->codes.failures;
}

static bool same_print(const struct strobe_task_print *a, const struct strobe_task_print *b)
{
    return a->addr == b->addr && a->stack == b->stack && a->state == b->state;
}

/* Was it so when the reader finished last?  The lists keep their order; what has gone since is passed over, a few at a time. */
static bool is_known(struct strobe_taskreader *reader, const struct strobe_task_print *print)
{
    size_t end = reader->n_memo - reader->memo_at < MEMO_WINDOW ? reader->n_memo : reader->memo_at + MEMO_WINDOW;

    for (size_t i = reader->memo_at; i < end; i++)
        if (reader->memo[i].addr == print->addr) {
            reader->memo_at = i + 1;
            return same_print(&reader->memo[i], print);
        }
    return false;
}

/* What a task is besides its stack. */
static uint64_t mix_state(const struct strobe_taskreader *reader, const struct strobe_task_draft *draft, const struct strobe_task *task)
{
    uint64_t words[] = {task->future, task->coro, (uint64_t)task->state, draft->n_awaiters,
                        draft->n_awaiters ? reader->awaiters.tasks[draft->first_awaiter] : 0};

    return strobe_hash_bytes(words, sizeof words, 0);
}

static int settle(struct strobe_taskreader *reader, size_t i, int64_t interp, enum strobe_reading_trust trust)
{
    struct strobe_task_draft *draft = &reader->drafts[i];
    struct strobe_task_print before = draft->print;
    uint64_t lost = failures(reader);
    int err = strobe_taskreader_one(reader, i, interp);
    const struct strobe_task *task = &reader->tasks[i];

    draft->print = (struct strobe_task_print){task->addr, task->hash[0], mix_state(reader, draft, task)};
    draft->unsettled = err != 0 || failures(reader) != lost;
    if (trust == STROBE_TRUST_KNOWN)
        draft->unsettled |= !is_known(reader, &draft->print);
    else if (trust == STROBE_TRUST_TWICE)
        draft->unsettled |= !same_print(&before, &draft->print);
    draft->unsettled &= !draft->copy;
    draft->executing = draft->unsettled && task->coro && reader->chain.n && reader->chain.state == STROBE_CHAIN_EXECUTING;
    reader->n_unsettled += draft->unsettled;
    reader->n_executing += draft->executing;
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

int strobe_taskreader_read(struct strobe_taskreader *reader, const struct strobe_task_source *sources, size_t n,
                           enum strobe_reading_trust trust)
{
    bool any = false;
    int err = 0, ret_err = 0;

    strobe_roles_begin(&reader->roles);
    strobe_coderoles_begin(&reader->codes);
    strobe_awaiters_begin(&reader->awaiters, reader->has_aio ? &reader->aio : NULL);
    strobe_tasklist_clear(&reader->list);
    strobe_htab_clear(&reader->wait_index);
    reader->timers = (struct strobe_timers){.type = 0};
    strobe_arena_reset(&reader->arena);
    reader->n_drafts = reader->n_waits = reader->n_holds = reader->n_facts = 0;
    reader->n_unsettled = reader->n_executing = reader->memo_at = 0;
    for (size_t i = 0; i < n; i++) {
        strobe_coderoles_find_homes(&reader->codes, sources[i].interp);
        err = read_list(reader, &sources[i], &any);
        if (strobe_err_class(err) == STROBE_CLASS_FATAL)
            return err;
        ret_err = ret_err ? ret_err : err;
        fit(reader);
        if (strobe_grow(&reader->drafts, &reader->cap_drafts, reader->list.n + 1, sizeof *reader->drafts) ||
            strobe_grow(&reader->tasks, &reader->cap_tasks, reader->list.n + 1, sizeof *reader->tasks))
            return STROBE_ERR_NOMEM;
        for (; reader->n_drafts < reader->list.n; reader->n_drafts++) {
            if (strobe_mem_is_late(reader->mem))
                return STROBE_ERR_TORN;
            reader->drafts[reader->n_drafts] = (struct strobe_task_draft){.unsettled = false};
            if ((err = settle(reader, reader->n_drafts, sources[i].id, trust)))
                return err;
        }
    }
    reader->n_read_holds = reader->n_holds;
    return any ? ret_err : STROBE_ERR_MISSING;
}

static int reread(struct strobe_taskreader *reader, size_t i, enum strobe_reading_trust trust)
{
    reader->n_unsettled -= reader->drafts[i].unsettled;
    reader->n_executing -= reader->drafts[i].executing;
    return settle(reader, i, reader->tasks[i].interp, trust);
}

int strobe_taskreader_again(struct strobe_taskreader *reader, enum strobe_reading_trust trust)
{
    size_t left = trust == STROBE_TRUST_ALL ? reader->n_unsettled : reader->n_unsettled - reader->n_executing;
    int err = 0;

    strobe_htab_clear(&reader->awaiters.known); /* a callback may be another one's by now; classes and code are those of this look */
    for (size_t i = 0; !err && left && i < reader->n_drafts; i++) {
        if (!reader->drafts[i].unsettled || (reader->drafts[i].executing && trust != STROBE_TRUST_ALL))
            continue;
        if (strobe_mem_is_late(reader->mem))
            break;
        left--;
        err = reread(reader, i, trust);
    }
    reader->n_read_holds = reader->n_holds;
    return err;
}

static uint64_t mark_of(uint64_t frame)
{
    return frame ? 1ull << (frame * 0x9e3779b97f4a7c15ull >> 58) : 0;
}

uint64_t strobe_taskreader_marks(const struct strobe_thread *thread)
{
    uint64_t marks = 0;

    for (uint32_t i = 0; i < thread->n_frames; i++)
        marks |= mark_of(thread->frames[i].frame);
    return marks;
}

uint32_t strobe_taskreader_place(const struct strobe_thread *thread, uint64_t marks, uint64_t frame)
{
    for (uint32_t i = 0; marks & mark_of(frame) && i < thread->n_frames; i++)
        if (thread->frames[i].frame == frame)
            return i;
    return STROBE_NO_INDEX;
}

static size_t add_once(size_t *at, size_t n, size_t cap, size_t one)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] == one)
            return n;
    if (n < cap)
        at[n++] = one;
    return n;
}

int strobe_taskreader_on_stack(struct strobe_taskreader *reader, const struct strobe_thread *thread)
{
    size_t found[64], cap = sizeof found / sizeof found[0], n = 0;
    uint64_t marks = strobe_taskreader_marks(thread);
    int err = 0;

    for (size_t i = 0; i < reader->n_drafts; i++)
        if (strobe_taskreader_place(thread, marks, reader->drafts[i].outer_frame) != STROBE_NO_INDEX)
            n = add_once(found, n, cap, i);
    strobe_htab_clear(&reader->awaiters.known);
    for (size_t i = 0; !err && i < n; i++) {
        const struct strobe_task_draft *draft = &reader->drafts[found[i]];

        err = reread(reader, found[i], STROBE_TRUST_ALL);
        for (size_t k = draft->first_awaiter; !err && k < draft->first_awaiter + draft->n_awaiters; k++) {
            size_t at = strobe_tasklist_find(&reader->list, reader->awaiters.tasks[k]);

            if (at < reader->n_drafts)
                n = add_once(found, n, cap, at);
        }
    }
    reader->n_read_holds = reader->n_holds;
    return err;
}

int strobe_taskreader_note_facts(struct strobe_taskreader *reader)
{
    size_t n = 0;

    if (strobe_grow(&reader->facts, &reader->cap_facts, reader->n_waits + 1, sizeof *reader->facts))
        return STROBE_ERR_NOMEM;
    for (; n < reader->n_waits; n++) {
        strobe_wait_facts_read(reader->mem, reader->lay, &reader->roles, &reader->waits[n], &reader->facts[n]);
        if (strobe_mem_is_late(reader->mem))
            break;
    }
    reader->n_facts = n;
    return 0;
}

void strobe_taskreader_facts(struct strobe_taskreader *reader, uint32_t index, struct strobe_wait_facts *ret)
{
    if (index < reader->n_facts)
        *ret = reader->facts[index];
    else
        strobe_wait_facts_read(reader->mem, reader->lay, &reader->roles, &reader->waits[index], ret);
    strobe_wait_facts_count(&reader->waits[index], ret);
}
