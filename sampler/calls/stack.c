/* SPDX-License-Identifier: Apache-2.0 */
#include "calls/stack.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"

int strobe_calls_stack_grow(struct strobe_calls_thread *thread)
{
    struct strobe_calls_stack *stack = thread->stack;
    size_t n = (size_t)(thread->top - stack->entries) + 1;

    if (strobe_grow(&stack->entries, &stack->cap, n + 1, sizeof *stack->entries))
        return STROBE_ERR_NOMEM;
    thread->top = stack->entries + n - 1;
    thread->end = stack->entries + stack->cap;
    return 0;
}

void strobe_calls_end_wait(struct strobe_calls_thread *thread, struct strobe_calls_activation *activation, struct strobe_calls_node *node,
                           uint64_t wall)
{
    uint64_t span = wall - activation->since;

    if (!activation->waits)
        return;
    activation->awaited += span;
    node->awaited += span;
    if (activation->waits_itself)
        node->self_awaited += span;
    if (strobe_calls_is_wait_of_function(activation))
        node->edge->callee->awaited += span;
    if (activation->thread == thread)
        node = activation->node; /* the edge by which it began, unless another thread has that */
    if (activation->is_edge_outermost && activation->with_caller)
        node->edge->awaited += span;
    activation->waits = false;
}

void strobe_calls_come(struct strobe_calls_thread *thread, struct strobe_calls_activation *activation, struct strobe_calls_node *node)
{
    strobe_calls_lock(thread->calls);
    activation->thread->n_alive--;
    activation->origin->left++;
    thread->n_alive++;
    strobe_calls_unlock(thread->calls);
    activation->thread = thread;
    activation->origin = node;
    node->guests++;
}

void strobe_calls_drop(struct strobe_calls_thread *thread, struct strobe_calls_activation *activation)
{
    strobe_calls_lock(thread->calls);
    activation->thread->n_alive--;
    strobe_calls_activations_remove(&thread->calls->activations, activation);
    strobe_calls_unlock(thread->calls);
}

/* ---- stacks ---- */

static int init(struct strobe_calls_stack *stack, struct strobe_calls_thread *thread)
{
    if (strobe_grow(&stack->entries, &stack->cap, 64, sizeof *stack->entries))
        return STROBE_ERR_NOMEM;
    stack->entries[0] = (struct strobe_calls_entry){.node = thread->tables.root};
    stack->n = 1;
    stack->next = thread->stacks;
    thread->stacks = stack;
    return 0;
}

static void step_onto(struct strobe_calls_thread *thread, struct strobe_calls_stack *stack)
{
    thread->stack = stack;
    thread->top = stack->entries + stack->n - 1;
    thread->end = stack->entries + stack->cap;
}

int strobe_calls_first_stack(struct strobe_calls_thread *thread)
{
    int err = init(&thread->first, thread);

    if (!err)
        step_onto(thread, &thread->first);
    return err;
}

int strobe_calls_stack_new(struct strobe_calls_thread *thread, struct strobe_calls_stack **ret)
{
    struct strobe_calls_stack *stack = calloc(1, sizeof *stack);

    if (!stack || init(stack, thread)) {
        free(stack);
        return STROBE_ERR_NOMEM;
    }
    *ret = stack;
    return 0;
}

/* All frames of the present stack stop to run, outermost last. */
static void halt(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    strobe_calls_pass(thread, now);
    for (struct strobe_calls_entry *entry = thread->top; entry != thread->stack->entries; entry--) {
        strobe_calls_span_close(&entry->node->edge->span, now);
        strobe_calls_span_close(&entry->node->edge->callee->span, now);
        if (entry->activation)
            entry->activation->on_thread += now.wall - entry->since;
    }
    thread->stack->since = now.wall + thread->taken.wall;
    thread->stack->n = (size_t)(thread->top - thread->stack->entries) + 1;
}

/* All frames of the present stack go on: they have waited. */
static void go_on(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    uint64_t span = now.wall + thread->taken.wall - thread->stack->since;

    for (struct strobe_calls_entry *entry = thread->stack->entries + 1; entry <= thread->top; entry++) {
        struct strobe_calls_edge *edge = entry->node->edge;

        entry->node->awaited += span;
        if (entry == thread->top)
            entry->node->self_awaited += span;
        if (edge->span.depth == 0)
            edge->awaited += span;
        if (edge->callee->span.depth == 0)
            edge->callee->awaited += span;
        if (entry->activation) {
            entry->activation->awaited += span;
            entry->since = now.wall;
        }
        strobe_calls_span_open(&edge->span, now);
        strobe_calls_span_open(&edge->callee->span, now);
    }
}

void strobe_calls_switch(struct strobe_calls_thread *thread, struct strobe_calls_stack *stack, struct strobe_calls_time now)
{
    if (!stack)
        stack = &thread->first;
    if (stack == thread->stack)
        return;
    thread->suspended = NULL;
    now = strobe_calls_event(thread, now, thread->calls->opts.activation_cost);
    halt(thread, now);
    step_onto(thread, stack);
    go_on(thread, now);
}

void strobe_calls_stack_return(struct strobe_calls_thread *thread, struct strobe_calls_stack *stack, struct strobe_calls_time now)
{
    step_onto(thread, stack);
    go_on(thread, now);
}

void strobe_calls_stacks_free(struct strobe_calls_thread *thread)
{
    struct strobe_calls_stack *next;

    thread->first.n = 1;
    step_onto(thread, &thread->first);
    for (struct strobe_calls_stack *stack = thread->stacks; stack; stack = next) {
        next = stack->next;
        if (stack == &thread->first)
            continue;
        free(stack->entries);
        free(stack);
    }
    thread->stacks = &thread->first;
    thread->first.next = NULL;
}

struct strobe_calls_stack *strobe_calls_stack_of(const struct strobe_calls_thread *thread)
{
    return thread->stack;
}

/* What is on a stack that the thread is not on ends, at the time of its last event: it has waited until then. */
static void finish_all(struct strobe_calls_thread *thread, struct strobe_calls_stack *stack)
{
    struct strobe_calls_stack *present = thread->stack;

    halt(thread, thread->last);
    step_onto(thread, stack);
    go_on(thread, thread->last);
    while (thread->top != stack->entries)
        strobe_calls_finish(thread, thread->last);
    halt(thread, thread->last);
    step_onto(thread, present);
    go_on(thread, thread->last);
}

bool strobe_calls_stack_end(struct strobe_calls_thread *thread, struct strobe_calls_stack *stack)
{
    struct strobe_calls_stack **link = &thread->stacks;

    if (stack == thread->stack)
        return false;
    if (stack->n > 1)
        finish_all(thread, stack);
    if (stack == &thread->first)
        return false;
    while (*link != stack)
        link = &(*link)->next;
    *link = stack->next;
    free(stack->entries);
    free(stack);
    return true;
}
