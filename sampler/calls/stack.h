/* SPDX-License-Identifier: Apache-2.0 */
/* stack: frames come onto a thread's stack and go off it.  Inside of calls/ only; what each event needs is inline.
 * Times are by the thread's own clock (strobe_calls_event) unless said otherwise.  May include: base, state.h. */
#ifndef STROBE_CALLS_STACK_H
#define STROBE_CALLS_STACK_H

#include "calls/state.h"

/* The innermost entry's place is the last one: more room.  STROBE_ERR_NOMEM. */
int strobe_calls_stack_grow(struct strobe_calls_thread *thread);
/* An activation that was suspended goes on in this node; or ends its waiting there.  wall: real. */
void strobe_calls_end_wait(struct strobe_calls_thread *thread, struct strobe_calls_activation *activation, struct strobe_calls_node *node,
                           uint64_t wall);
/* Does its waiting count for its function?  No other one of it waits with it: it began outermost, or it is the first of its task, which may
 * have begun on the stack of who made it (eager tasks). */
static inline bool strobe_calls_is_wait_of_function(const struct strobe_calls_activation *activation)
{
    return activation->is_outermost || !activation->with_caller;
}

/* Where the end of a frame counts. */
static inline struct strobe_calls_node *strobe_calls_origin(const struct strobe_calls_entry *entry)
{
    return entry->activation ? entry->activation->origin : entry->node;
}

/* It goes on in this thread, in this node, and was another one's so far. */
void strobe_calls_come(struct strobe_calls_thread *thread, struct strobe_calls_activation *activation, struct strobe_calls_node *node);
/* It is forgotten. */
void strobe_calls_drop(struct strobe_calls_thread *thread, struct strobe_calls_activation *activation);

/* What of the time since the last event other events have cost.  now: real. */
static inline struct strobe_calls_time strobe_calls_cost_until(const struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    uint64_t wall = now.wall - thread->taken.wall - thread->last.wall, cpu = now.cpu - thread->taken.cpu - thread->last.cpu;

    return (struct strobe_calls_time){wall < thread->owed.wall ? wall : thread->owed.wall, cpu < thread->owed.cpu ? cpu : thread->owed.cpu};
}

/* A real time by the thread's own clock; nothing is changed. */
static inline struct strobe_calls_time strobe_calls_own_time(const struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    struct strobe_calls_time cost = strobe_calls_cost_until(thread, now);

    return (struct strobe_calls_time){now.wall - thread->taken.wall - cost.wall, now.cpu - thread->taken.cpu - cost.cpu};
}

/* The same, of an event: its cost is owed from now on. */
static inline struct strobe_calls_time strobe_calls_event(struct strobe_calls_thread *thread, struct strobe_calls_time now, uint64_t cost)
{
    struct strobe_calls_time paid;

    if (__builtin_expect(!thread->is_compensated, 1))
        return now;
    paid = strobe_calls_cost_until(thread, now);
    thread->taken.wall += paid.wall;
    thread->taken.cpu += paid.cpu;
    thread->owed.wall += cost - paid.wall;
    thread->owed.cpu += cost - paid.cpu;
    return (struct strobe_calls_time){now.wall - thread->taken.wall, now.cpu - thread->taken.cpu};
}

/* What passed since the last event was the innermost function's own time. */
static inline void strobe_calls_pass(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    struct strobe_calls_node *node = thread->top->node;

    node->self.wall += now.wall - thread->last.wall;
    node->self.cpu += now.cpu - thread->last.cpu;
    thread->last = now;
}

/* is_start: a call begins.  activation: NULL for a plain function.  STROBE_ERR_NOMEM: nothing has changed. */
static inline int strobe_calls_push(struct strobe_calls_thread *thread, const void *key, struct strobe_calls_node *node,
                                    struct strobe_calls_activation *activation, bool is_start, struct strobe_calls_time now)
{
    struct strobe_calls_edge *edge = node->edge;
    struct strobe_calls_local *local = edge->callee;

    if (thread->top + 1 == thread->end && strobe_calls_stack_grow(thread))
        return -1;
    strobe_calls_pass(thread, now);
    thread->top->node->last = node;
    if (is_start) {
        node->started++;
        edge->primitive += edge->span.depth == 0;
        local->primitive += local->span.depth == 0;
    }
    if (activation) {
        if (!activation->node) { /* new */
            activation->is_outermost = local->span.depth == 0;
            activation->is_edge_outermost = edge->span.depth == 0;
            activation->origin = node;
        } else {
            strobe_calls_end_wait(thread, activation, node, now.wall + thread->taken.wall);
            if (activation->thread != thread)
                strobe_calls_come(thread, activation, node);
        }
        activation->node = node;
        activation->is_on_stack = true;
    }
    strobe_calls_span_open(&edge->span, now);
    strobe_calls_span_open(&local->span, now);
    *++thread->top = (struct strobe_calls_entry){key, node, activation, now.wall};
    return 0;
}

/* The innermost frame goes off; whether it ends is the caller's to say. */
static inline void strobe_calls_take_off(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    struct strobe_calls_entry *entry = thread->top;
    struct strobe_calls_edge *edge = entry->node->edge;
    struct strobe_calls_activation *activation = entry->activation;

    strobe_calls_pass(thread, now);
    strobe_calls_span_close(&edge->span, now);
    strobe_calls_span_close(&edge->callee->span, now);
    thread->top--;
    if (activation) {
        activation->on_thread += now.wall - entry->since;
        activation->since = now.wall + thread->taken.wall;
        activation->is_on_stack = false;
        activation->waits = false;
    }
}

/* The innermost frame ends. */
static inline void strobe_calls_finish(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    struct strobe_calls_node *node = strobe_calls_origin(thread->top);
    struct strobe_calls_activation *activation = thread->top->activation;
    uint64_t took = now.wall - thread->top->since;

    strobe_calls_take_off(thread, now);
    node->finished++;
    if (activation) {
        took = activation->on_thread + activation->awaited;
        strobe_calls_drop(thread, activation);
    }
    if (took < node->shortest)
        node->shortest = took;
    if (took > node->longest)
        node->longest = took;
}

/* The thread, whose present stack is empty, is on that one again, which has waited until now. */
void strobe_calls_stack_return(struct strobe_calls_thread *thread, struct strobe_calls_stack *stack, struct strobe_calls_time now);
/* All its stacks are empty: it is on its first one, and has no other. */
void strobe_calls_stacks_free(struct strobe_calls_thread *thread);

#endif
