/* SPDX-License-Identifier: Apache-2.0 */
/* tables: what one thread has called: the tree of paths, edges and locals, and how they are found.
 *
 *   local: a function on this thread ──< edge: called by one other function ──< node: at the end of one path
 *                                                                        └──  the node of paths beyond the limit
 *   a thread's locals are a list, and so are the edges of each; the edge of a node's child is found by the child, or by the hash table
 *
 * Inside of calls/ only.  May include: base.  Ownership: the thread's arena.  Threads: see calls.h. */
#ifndef STROBE_CALLS_TABLES_H
#define STROBE_CALLS_TABLES_H

#include "base/arena.h"
#include "base/htab.h"
#include "calls/calls.h"

#define STROBE_CALLS_NEVER UINT64_MAX /* of a shortest time: nothing has ended yet */

/* For how long something is at least once on the stack. */
struct strobe_calls_span {
    uint32_t depth; /* how often it is there now */
    struct strobe_calls_time since, total; /* since: valid while depth > 0 */
};

struct strobe_calls_local {
    uint32_t function;
    struct strobe_calls_span span;
    uint64_t primitive; /* starts while it was not on the stack */
    uint64_t primitive_resumes; /* and how often it went on then */
    uint64_t awaited;   /* ticks for which it waited, of those activations that were primitive */
    struct strobe_calls_edge *edges; /* by which it is called */
    struct strobe_calls_local *next; /* of the thread */
};

struct strobe_calls_edge {
    struct strobe_calls_local *caller, *callee;
    struct strobe_calls_edge *next; /* of the callee */
    struct strobe_calls_span span;
    uint64_t primitive, primitive_resumes, awaited; /* as above; awaited while its caller waited for it */
    struct strobe_calls_node *beyond; /* of paths beyond the limit, one for each kind of callee; NULL: none were */
};

struct strobe_calls_node {
    const void *key; /* NULL: the root */
    struct strobe_calls_node *last;    /* the child that was called last */
    struct strobe_calls_edge *edge;    /* NULL: the root */
    struct strobe_calls_time self;
    uint64_t started, finished;
    uint64_t shortest, longest;        /* ticks of what has ended, awaiting included */
    uint64_t resumes, awaited, seeded; /* seeded: alive at the start */
    uint64_t self_awaited;             /* of awaited: not for another call's wait */
    uint64_t guests;                   /* activations that have come from another thread: they began there */
    _Atomic uint64_t left;             /* that began, or came, here and went on in another one, which counts them; with the lock of calls */
    struct strobe_calls_node *parent, *children, *sibling; /* parent NULL: the root, and nodes beyond the limit, which the edge has */
    uint32_t group, n_children;
    uint32_t serial;                   /* in the order of their making: a parent's is below its children's */
    uint8_t kind;                      /* enum strobe_calls_kind */
    bool is_beyond;
};

/* A key's meaning, the same for all threads. */
struct strobe_calls_function {
    uint32_t number;
    enum strobe_calls_kind kind;
};

static inline void strobe_calls_add_time(struct strobe_calls_time *sum, struct strobe_calls_time more)
{
    sum->wall += more.wall;
    sum->cpu += more.cpu;
}

struct strobe_calls_tables {
    struct strobe_arena arena;
    struct strobe_calls_local *all;  /* locals */
    struct strobe_htab locals;   /* function -> local */
    struct strobe_htab edges;    /* caller's function, callee's function -> edge */
    struct strobe_htab children; /* node, key and group -> node: of nodes with many */
    struct strobe_calls_node *root;
    struct strobe_calls_node **nodes; /* all, by serial; those beyond the limit behind */
    size_t n_nodes, cap_nodes, n_edges;
    int64_t n_taken; /* nodes that were taken from the room of the profile */
};

/* STROBE_ERR_NOMEM. */
int strobe_calls_tables_init(struct strobe_calls_tables *tables);
void strobe_calls_tables_release(struct strobe_calls_tables *tables);

/* The child of a node by a key in a group, made when it is new.  room: nodes that the whole profile may still make (lowered); at 0 it is
 * the edge's node beyond the limit, which children of its own have no group of.  NULL: out of memory. */
struct strobe_calls_node *strobe_calls_child(struct strobe_calls_tables *tables, struct strobe_calls_node *parent, const void *key,
                                             struct strobe_calls_function function, uint32_t group, _Atomic int64_t *room);
/* The same if it is there already; NULL if not.  Any parent but a node beyond the limit. */
struct strobe_calls_node *strobe_calls_find_child(struct strobe_calls_tables *tables, struct strobe_calls_node *parent, const void *key,
                                                  uint32_t group);
/* Is there no node of the same function, or of the same edge, further out (in its group)? */
bool strobe_calls_is_outermost(const struct strobe_calls_node *node, bool of_same_edge, bool in_its_group);
/* Adds all that one has to the other, of another thread whose stacks are empty.  STROBE_ERR_NOMEM: nothing is added. */
int strobe_calls_absorb(struct strobe_calls_tables *into, const struct strobe_calls_tables *from, _Atomic int64_t *room);
/* Sets every count to nothing; structure, spans' depths and the running ones stay, as from now on. */
void strobe_calls_tables_clear(struct strobe_calls_tables *tables, struct strobe_calls_time now);

static inline bool strobe_calls_is_of(const struct strobe_calls_node *node, const void *key, uint32_t group)
{
    return node->key == key && (node->group == group || node->is_beyond);
}

static inline void strobe_calls_span_open(struct strobe_calls_span *span, struct strobe_calls_time now)
{
    if (span->depth++ == 0)
        span->since = now;
}

static inline void strobe_calls_span_close(struct strobe_calls_span *span, struct strobe_calls_time now)
{
    if (--span->depth == 0) {
        span->total.wall += now.wall - span->since.wall;
        span->total.cpu += now.cpu - span->since.cpu;
    }
}

#endif
