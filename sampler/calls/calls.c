/* SPDX-License-Identifier: Apache-2.0 */
#include "calls/calls.h"

#include "calls/events.h"
#include "calls/functions.h"
#include "calls/stack.h"
#include "calls/state.h"

/* A call has begun in this node; NULL: it could not be made. */
static void count_beyond(struct strobe_calls *calls, const struct strobe_calls_node *node)
{
    if (node && node->edge->callee->function == STROBE_CALLS_OTHER)
        atomic_fetch_add(&calls->beyond, 1);
}

/* ---- plain functions ---- */

static __attribute__((noinline)) enum strobe_calls_verdict enter_slowly(struct strobe_calls_thread *thread, const void *key, uint32_t group,
                                                                        struct strobe_calls_time now)
{
    enum strobe_calls_kind kind;
    struct strobe_calls_node *node = strobe_calls_child_of(thread, key, group, false, &kind);

    if (kind == STROBE_CALLS_LEFT_OUT)
        return STROBE_CALLS_IGNORED;
    if (kind != STROBE_CALLS_FUNCTION)
        return STROBE_CALLS_ACTIVATES;
    now = strobe_calls_event(thread, now, thread->calls->opts.cost);
    count_beyond(thread->calls, node);
    if (!node || strobe_calls_push(thread, key, node, NULL, true, now))
        thread->lost++;
    return STROBE_CALLS_NOTED;
}

enum strobe_calls_verdict strobe_calls_enter(struct strobe_calls_thread *thread, const void *key, uint32_t wanted,
                                             struct strobe_calls_time now)
{
    const struct strobe_calls_node *parent = thread->top->node;
    struct strobe_calls_node *node = parent->last;
    uint32_t group = wanted == STROBE_CALLS_SAME ? parent->group : wanted;

    thread->suspended = NULL;
    if (!node || !strobe_calls_is_of(node, key, group))
        return enter_slowly(thread, key, group, now);
    if (node->kind != STROBE_CALLS_FUNCTION)
        return STROBE_CALLS_ACTIVATES;
    now = strobe_calls_event(thread, now, thread->calls->opts.cost);
    if (strobe_calls_push(thread, key, node, NULL, true, now))
        thread->lost++;
    return STROBE_CALLS_NOTED;
}

static struct strobe_calls_time event_of_innermost(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    const struct strobe_calls_opts *opts = &thread->calls->opts;

    return strobe_calls_event(thread, now, thread->top->activation ? opts->activation_cost : opts->cost);
}

/* What is innermost becomes the frame of the key.  false: it is not on the stack. */
static __attribute__((noinline)) bool unwind(struct strobe_calls_thread *thread, const void *key, struct strobe_calls_time now)
{
    struct strobe_calls_entry *entry = thread->top;

    while (entry != thread->stack->entries && entry->key != key)
        entry--;
    if (entry == thread->stack->entries)
        return false;
    while (thread->top != entry)
        strobe_calls_finish(thread, now);
    return true;
}

enum strobe_calls_verdict strobe_calls_leave(struct strobe_calls_thread *thread, const void *key, struct strobe_calls_time now)
{
    thread->suspended = NULL;
    now = event_of_innermost(thread, now);
    if (thread->top->key != key) {
        if (strobe_calls_is_left_out(thread->calls, key))
            return STROBE_CALLS_IGNORED;
        if (!unwind(thread, key, now))
            return STROBE_CALLS_NOTED;
    }
    strobe_calls_finish(thread, now);
    return STROBE_CALLS_NOTED;
}

const void *strobe_calls_innermost(const struct strobe_calls_thread *thread)
{
    return thread->top->key;
}

bool strobe_calls_leaves_out(const struct strobe_calls_thread *thread, const void *key)
{
    return strobe_calls_is_left_out(thread->calls, key);
}

void strobe_calls_charge(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    strobe_calls_pass(thread, strobe_calls_event(thread, now, 0));
}

bool strobe_calls_in_await(const struct strobe_calls_thread *thread)
{
    uint8_t kind = thread->top->node->kind;

    return kind == STROBE_CALLS_COROUTINE || kind == STROBE_CALLS_ASYNC_GENERATOR;
}

/* ---- activations ---- */

/* Is an activation on this thread's present stack?  Then that ends it, and what is above it: its end was not seen. */
static void end_unseen(struct strobe_calls_thread *thread, const struct strobe_calls_activation *activation, struct strobe_calls_time now)
{
    for (struct strobe_calls_entry *entry = thread->top; entry != thread->stack->entries; entry--)
        if (entry->activation == activation) {
            while (thread->top >= entry)
                strobe_calls_finish(thread, now);
            return;
        }
}

struct strobe_calls_activation *strobe_calls_activation_at(struct strobe_calls *calls, const void *frame)
{
    struct strobe_calls_activation *activation;

    strobe_calls_lock(calls);
    activation = strobe_calls_activations_get(&calls->activations, frame);
    strobe_calls_unlock(calls);
    return activation;
}

/* The one of a frame, if it is this function's and is not on a stack; an older one of that frame, of which the end was not seen, ends.
 * ret_is_free: another one may be put there. */
static struct strobe_calls_activation *known(struct strobe_calls_thread *thread, const void *key, const void *frame, bool is_new,
                                             struct strobe_calls_time now, bool *ret_is_free)
{
    struct strobe_calls_activation *activation = strobe_calls_activation_at(thread->calls, frame);

    *ret_is_free = !activation;
    if (activation && activation->is_on_stack) {
        end_unseen(thread, activation, now); /* which frees it */
        *ret_is_free = !strobe_calls_activation_at(thread->calls, frame); /* or it is on another thread's */
        return NULL;
    }
    if (activation && (is_new || activation->key != key)) {
        if (activation->thread == thread)
            activation->origin->finished++;
        strobe_calls_drop(thread, activation);
        *ret_is_free = true;
        return NULL;
    }
    return activation;
}

struct strobe_calls_activation *strobe_calls_activation_new(struct strobe_calls_thread *thread, const void *key, const void *frame,
                                                            uint32_t group)
{
    struct strobe_calls_activation *activation;

    strobe_calls_lock(thread->calls);
    activation = strobe_calls_activations_add(&thread->calls->activations, frame);
    if (activation) {
        activation->key = key;
        activation->group = group;
        activation->thread = thread;
        thread->n_alive++;
    }
    strobe_calls_unlock(thread->calls);
    return activation;
}

enum strobe_calls_verdict strobe_calls_put(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                                           enum strobe_calls_coming how, struct strobe_calls_time now)
{
    bool is_free, is_new;
    struct strobe_calls_activation *activation = known(thread, key, frame, how == STROBE_CALLS_STARTS, now, &is_free);
    enum strobe_calls_kind kind;
    struct strobe_calls_node *node;
    uint32_t group;

    thread->suspended = NULL;
    is_new = !activation;
    if (is_new && wanted == STROBE_CALLS_TELL)
        return strobe_calls_is_left_out(thread->calls, key) ? STROBE_CALLS_IGNORED : STROBE_CALLS_UNKNOWN;
    group = activation ? activation->group : wanted == STROBE_CALLS_SAME ? thread->top->node->group : wanted;
    node = strobe_calls_child_of(thread, key, group, true, &kind);
    if (kind == STROBE_CALLS_LEFT_OUT)
        return STROBE_CALLS_IGNORED;
    if (node && is_new && is_free && !(activation = strobe_calls_activation_new(thread, key, frame, group)))
        thread->lost++;
    if (how == STROBE_CALLS_STARTS)
        count_beyond(thread->calls, node);
    if (!node || strobe_calls_push(thread, key, node, activation, how == STROBE_CALLS_STARTS, now)) {
        thread->lost++;
        if (is_new && activation)
            strobe_calls_drop(thread, activation); /* it is in no node */
        return STROBE_CALLS_NOTED;
    }
    if (how == STROBE_CALLS_GOES_ON && !is_new) {
        node->resumes++;
        node->edge->primitive_resumes += node->edge->span.depth == 1;
        node->edge->callee->primitive_resumes += node->edge->callee->span.depth == 1;
    }
    if (how != STROBE_CALLS_STARTS && is_new)
        node->seeded++;
    return STROBE_CALLS_NOTED;
}

enum strobe_calls_verdict strobe_calls_activate(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                                                struct strobe_calls_time now)
{
    now = strobe_calls_event(thread, now, thread->calls->opts.activation_cost);
    return strobe_calls_put(thread, key, frame, wanted, STROBE_CALLS_STARTS, now);
}

enum strobe_calls_verdict strobe_calls_resume(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                                              struct strobe_calls_time now)
{
    uint64_t cost = thread->calls->opts.activation_cost;
    enum strobe_calls_verdict verdict;

    now = strobe_calls_event(thread, now, cost);
    verdict = strobe_calls_put(thread, key, frame, wanted, STROBE_CALLS_GOES_ON, now);
    if (verdict == STROBE_CALLS_UNKNOWN && thread->is_compensated) { /* it comes once more */
        thread->owed.wall -= cost;
        thread->owed.cpu -= cost;
    }
    return verdict;
}

enum strobe_calls_verdict strobe_calls_suspend(struct strobe_calls_thread *thread, const void *key, bool parked, const void *value,
                                               struct strobe_calls_time now)
{
    struct strobe_calls_activation *inner = thread->suspended, *activation;
    uint8_t kind;

    if (thread->passed && thread->passed != value)
        inner = NULL;
    now = event_of_innermost(thread, now);
    if (thread->top->key != key) {
        inner = NULL;
        if (strobe_calls_is_left_out(thread->calls, key))
            return STROBE_CALLS_IGNORED;
        if (!unwind(thread, key, now))
            return STROBE_CALLS_NOTED;
    }
    activation = thread->top->activation;
    kind = thread->top->node->kind;
    if (!activation) { /* for want of memory */
        thread->suspended = NULL;
        strobe_calls_finish(thread, now);
        return STROBE_CALLS_NOTED;
    }
    strobe_calls_take_off(thread, now);
    if (inner)
        inner->with_caller = true;
    else
        thread->generators = NULL;
    activation->with_caller = false;
    activation->waits_itself = !inner;
    activation->waits = !parked && (kind == STROBE_CALLS_COROUTINE || kind == STROBE_CALLS_ASYNC_GENERATOR);
    if (kind == STROBE_CALLS_GENERATOR) { /* whoever it yields to decides what that is */
        activation->inner = thread->generators;
        thread->generators = activation;
    } else {
        for (; thread->generators; thread->generators = thread->generators->inner)
            thread->generators->waits = activation->waits;
    }
    thread->suspended = activation;
    thread->passed = value;
    return STROBE_CALLS_NOTED;
}
