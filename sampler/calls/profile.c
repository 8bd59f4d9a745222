/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a profile: what its threads have in common. */
#include "calls/calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "calls/state.h"

void strobe_calls_lock(struct strobe_calls *calls)
{
    if (calls->opts.is_shared)
        strobe_calls_take(&calls->busy);
}

void strobe_calls_unlock(struct strobe_calls *calls)
{
    if (calls->opts.is_shared)
        strobe_calls_give_back(&calls->busy);
}

void strobe_calls_list(struct strobe_calls *calls)
{
    strobe_calls_take(&calls->listed);
}

void strobe_calls_unlist(struct strobe_calls *calls)
{
    strobe_calls_give_back(&calls->listed);
}

int strobe_calls_new(const struct strobe_calls_opts *opts, struct strobe_calls **ret)
{
    struct strobe_calls *calls = calloc(1, sizeof *calls);
    uint32_t none;

    if (!calls)
        return STROBE_ERR_NOMEM;
    calls->opts = *opts;
    calls->n_functions = STROBE_CALLS_OTHER + 1;
    atomic_init(&calls->room, STROBE_CALLS_MAX_NODES);
    if (strobe_calls_group(calls, "", &none)) {
        strobe_calls_free(calls);
        return STROBE_ERR_NOMEM;
    }
    *ret = calls;
    return 0;
}

void strobe_calls_free(struct strobe_calls *calls)
{
    if (!calls)
        return;
    for (struct strobe_calls_thread *thread = calls->threads, *next; thread; thread = next) {
        next = thread->next;
        strobe_calls_thread_free(thread);
    }
    for (size_t i = 0; i < calls->n_groups; i++)
        free(calls->groups[i]);
    free(calls->groups);
    strobe_htab_release(&calls->group_places);
    strobe_calls_activations_release(&calls->activations);
    strobe_htab_release(&calls->functions);
    free(calls);
}

/* With the list, and all threads held. */
static void clear_all(struct strobe_calls *calls, uint64_t wall)
{
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        strobe_calls_thread_clear(thread, wall);
    strobe_calls_lock(calls);
    for (size_t i = 0; calls->activations.slots && i <= calls->activations.mask; i++) {
        struct strobe_calls_activation *activation = calls->activations.slots[i];

        if (!activation)
            continue;
        activation->on_thread = activation->awaited = 0;
        if (activation->is_on_stack)
            continue;
        activation->node->seeded++;
        activation->origin = activation->node;
        if (wall > activation->since)
            activation->since = wall;
    }
    strobe_calls_unlock(calls);
    atomic_store(&calls->beyond, 0);
}

void strobe_calls_clear(struct strobe_calls *calls, bool runs, strobe_calls_clock *clock, void *ctx, uint64_t wall)
{
    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next) {
        strobe_calls_hold(thread);
        if (runs && !thread->ended && !thread->is_past)
            strobe_calls_charge(thread, clock(ctx, thread));
    }
    clear_all(calls, wall);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        strobe_calls_let_go(thread);
    strobe_calls_unlist(calls);
}

void strobe_calls_hold_all(struct strobe_calls *calls)
{
    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        strobe_calls_hold(thread);
    strobe_calls_lock(calls);
}

void strobe_calls_let_go_all(struct strobe_calls *calls)
{
    strobe_calls_unlock(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        strobe_calls_let_go(thread);
    strobe_calls_unlist(calls);
}

void strobe_calls_forked(struct strobe_calls *calls)
{
    atomic_store(&calls->listed, false);
    atomic_store(&calls->busy, false);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next) {
        atomic_store(&thread->busy, false);
        atomic_store(&thread->guard, &thread->busy);
    }
}

uint32_t strobe_calls_function_count(struct strobe_calls *calls)
{
    uint32_t count;

    strobe_calls_lock(calls);
    count = calls->n_functions;
    strobe_calls_unlock(calls);
    return count;
}

struct strobe_calls_lost strobe_calls_lost(struct strobe_calls *calls)
{
    struct strobe_calls_lost lost = {.functions = atomic_load(&calls->beyond), .paths = atomic_load(&calls->room) <= 0};

    strobe_calls_lock(calls);
    lost.groups = calls->n_groups > STROBE_CALLS_MAX_GROUPS;
    strobe_calls_unlock(calls);
    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next) {
        strobe_calls_hold(thread);
        lost.events += thread->lost;
        strobe_calls_let_go(thread);
    }
    strobe_calls_unlist(calls);
    return lost;
}
