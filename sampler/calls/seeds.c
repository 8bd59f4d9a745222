/* SPDX-License-Identifier: Apache-2.0 */
/* What was there before the profile: frames on stacks, which may leave them unseen, and coroutines that wait. */
#include "base/grow.h"
#include "calls/events.h"
#include "calls/functions.h"
#include "calls/stack.h"
#include "calls/state.h"

void strobe_calls_learn(struct strobe_calls *calls, const void *key)
{
    (void)strobe_calls_function_of(calls, key);
}

/* With the thread held. */
static void seed(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted, struct strobe_calls_time now)
{
    struct strobe_calls_node *node;
    enum strobe_calls_kind kind;

    now = strobe_calls_event(thread, now, 0);
    node = strobe_calls_child_of(thread, key, wanted == STROBE_CALLS_SAME ? thread->top->node->group : wanted, false, &kind);
    if (kind == STROBE_CALLS_LEFT_OUT)
        return;
    if (kind != STROBE_CALLS_FUNCTION) {
        strobe_calls_put(thread, key, frame, wanted, STROBE_CALLS_WAS_THERE, now);
        return;
    }
    if (!node || strobe_calls_push(thread, key, node, NULL, false, now))
        thread->lost++;
    else
        node->seeded++;
}

void strobe_calls_seed(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                       struct strobe_calls_time now)
{
    strobe_calls_hold(thread);
    seed(thread, key, frame, wanted, now);
    strobe_calls_let_go(thread);
}

void strobe_calls_seeded(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    now = strobe_calls_event(thread, now, 0);
    for (struct strobe_calls_entry *entry = thread->top; entry != thread->stack->entries; entry--) {
        entry->since = now.wall;
        entry->node->edge->span.since = now;
        entry->node->edge->callee->span.since = now;
    }
    thread->last = now;
}

void strobe_calls_seeded_waits(struct strobe_calls *calls, uint64_t wall)
{
    strobe_calls_lock(calls);
    for (size_t i = 0; calls->activations.slots && i <= calls->activations.mask; i++) {
        struct strobe_calls_activation *activation = calls->activations.slots[i];

        if (activation && !activation->is_on_stack && wall > activation->since)
            activation->since = wall;
    }
    strobe_calls_unlock(calls);
}

void strobe_calls_seed_unseen(struct strobe_calls_thread *thread, const void *frame)
{
    size_t depth;

    strobe_calls_hold(thread);
    depth = (size_t)(thread->top - thread->stack->entries);
    if (depth == thread->n_unseen + 1 && !strobe_grow(&thread->unseen, &thread->cap_unseen, depth, sizeof *thread->unseen))
        thread->unseen[thread->n_unseen++] = frame; /* else it was left out, and is not on the stack */
    strobe_calls_let_go(thread);
}

const void *strobe_calls_unseen(struct strobe_calls_thread *thread)
{
    size_t depth = (size_t)(thread->top - thread->stack->entries);

    if (!thread->n_unseen || thread->stack != &thread->first)
        return NULL;
    if (thread->n_unseen > depth)
        thread->n_unseen = depth;
    return depth && thread->n_unseen == depth ? thread->unseen[depth - 1] : NULL;
}

const void *strobe_calls_seen(struct strobe_calls_thread *thread)
{
    return thread->n_unseen ? thread->unseen[--thread->n_unseen] : NULL;
}

void strobe_calls_settle(struct strobe_calls_thread *thread, bool is_suspended, struct strobe_calls_time now)
{
    struct strobe_calls_activation *activation = thread->top->activation, *inner = thread->suspended;
    uint8_t kind = thread->top->node->kind;

    now = strobe_calls_event(thread, now, 0);
    thread->suspended = NULL;
    thread->generators = NULL;
    thread->n_unseen--;
    if (!activation || !is_suspended) {
        strobe_calls_finish(thread, now);
        return;
    }
    strobe_calls_take_off(thread, now);
    activation->waits = kind == STROBE_CALLS_COROUTINE || kind == STROBE_CALLS_ASYNC_GENERATOR;
    activation->with_caller = false;
    activation->waits_itself = !inner;
    if (inner)
        inner->with_caller = true;
    thread->suspended = activation;
    thread->passed = NULL;
}

/* A node that lies below another one than the innermost frame's. */
static struct strobe_calls_node *below(struct strobe_calls_thread *thread, struct strobe_calls_node *parent, const void *key,
                                       uint32_t group)
{
    struct strobe_calls_function function = strobe_calls_function_of(thread->calls, key);

    if (function.kind == STROBE_CALLS_LEFT_OUT || function.kind == STROBE_CALLS_FUNCTION)
        return NULL;
    return strobe_calls_child(&thread->tables, parent, strobe_calls_key_of_node(key, function), function, group, &thread->calls->room);
}

/* With the thread held. */
static void seed_suspended(struct strobe_calls_thread *thread, const void *const *keys, const void *const *frames, size_t n,
                           uint32_t wanted, struct strobe_calls_time now)
{
    struct strobe_calls_node *parent = thread->tables.root, *node;
    struct strobe_calls_activation *activation, *outer = NULL;

    for (size_t i = 0; i < n; i++) {
        bool is_known;

        if (!(node = below(thread, parent, keys[i], wanted)))
            continue;
        activation = strobe_calls_activation_at(thread->calls, frames[i]);
        is_known = activation && activation->key == keys[i];
        if (activation && activation->is_on_stack)
            return; /* it runs */
        if (activation && !is_known)
            strobe_calls_drop(thread, activation);
        if (!is_known && (activation = strobe_calls_activation_new(thread, keys[i], frames[i], wanted))) {
            activation->is_outermost = strobe_calls_is_outermost(node, false, false);
            activation->is_edge_outermost = strobe_calls_is_outermost(node, true, false);
            activation->node = activation->origin = node;
            node->seeded++;
        }
        if (!activation)
            return;
        activation->waits = activation->waits_itself = true;
        if (outer)
            outer->waits_itself = false;
        activation->with_caller = outer != NULL;
        activation->since = now.wall;
        outer = activation;
        parent = activation->thread == thread ? activation->node : parent;
    }
}

void strobe_calls_seed_suspended(struct strobe_calls_thread *thread, const void *const *keys, const void *const *frames, size_t n,
                                 uint32_t wanted, struct strobe_calls_time now)
{
    strobe_calls_hold(thread);
    seed_suspended(thread, keys, frames, n, wanted, now);
    strobe_calls_let_go(thread);
}
