/* SPDX-License-Identifier: Apache-2.0 */
/* activations: generators, coroutines and asynchronous generators that have begun and not ended, by the address of their frame.
 *
 * Inside of calls/ only.  May include: base.  Ownership: the table's; an activation's address stays.  Threads: strobe_calls_lock
 * guards it. */
#ifndef STROBE_CALLS_ACTIVATIONS_H
#define STROBE_CALLS_ACTIVATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strobe_calls_node;
struct strobe_calls_thread;

struct strobe_calls_activation {
    const void *frame, *key;
    struct strobe_calls_node *node;     /* of its last time on a stack */
    struct strobe_calls_node *origin;   /* where it began, or came to this thread: its end counts there */
    struct strobe_calls_thread *thread; /* whose nodes these are */
    struct strobe_calls_activation *inner; /* of generators that have suspended themselves together: the one below; of free ones */
    uint64_t on_thread, awaited;        /* ticks so far */
    uint64_t since;                     /* it is suspended: since then, in real time */
    uint32_t group;
    bool is_on_stack;
    bool waits;             /* suspended: for an await rather than parked */
    bool with_caller;       /* its caller has suspended itself with it */
    bool waits_itself;      /* rather than for another one that has suspended itself with it */
    bool is_outermost;      /* no other one of its function was on the stack when it began; the same of its edge: */
    bool is_edge_outermost;
};

struct strobe_calls_activations {
    struct strobe_calls_activation **slots; /* open addressing */
    size_t mask, count;
    struct strobe_calls_activation *blocks, *free; /* blocks: a list by their first element's `inner` */
};

#define STROBE_CALLS_ACTIVATIONS_INIT {NULL, 0, 0, NULL, NULL}

void strobe_calls_activations_release(struct strobe_calls_activations *table);
/* NULL when there is none. */
struct strobe_calls_activation *strobe_calls_activations_get(const struct strobe_calls_activations *table, const void *frame);
/* A new one, zeroed but for its frame, which has none yet.  NULL: out of memory. */
struct strobe_calls_activation *strobe_calls_activations_add(struct strobe_calls_activations *table, const void *frame);
/* It is gone, and its memory another one's. */
void strobe_calls_activations_remove(struct strobe_calls_activations *table, struct strobe_calls_activation *activation);

#endif
