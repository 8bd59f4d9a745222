/* SPDX-License-Identifier: Apache-2.0 */
#include "calls/tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"

enum { CHAIN_MAX = 8 }; /* children that are looked through one by one; more are found by the hash table */

static void *zeroed(struct strobe_arena *arena, size_t size)
{
    void *memory = strobe_arena_alloc(arena, size);

    return memory ? memset(memory, 0, size) : NULL;
}

static struct strobe_calls_node *new_node(struct strobe_calls_tables *tables)
{
    struct strobe_calls_node *node;

    if (strobe_grow(&tables->nodes, &tables->cap_nodes, tables->n_nodes + 1, sizeof *tables->nodes) ||
        !(node = zeroed(&tables->arena, sizeof *node)))
        return NULL;
    node->shortest = STROBE_CALLS_NEVER;
    node->serial = (uint32_t)tables->n_nodes;
    tables->nodes[tables->n_nodes++] = node;
    return node;
}

int strobe_calls_tables_init(struct strobe_calls_tables *tables)
{
    *tables = (struct strobe_calls_tables){.arena = STROBE_ARENA_INIT, .locals = STROBE_HTAB_INIT, .edges = STROBE_HTAB_INIT,
                                           .children = STROBE_HTAB_INIT};
    tables->root = new_node(tables);
    if (tables->root)
        return 0;
    strobe_calls_tables_release(tables);
    return STROBE_ERR_NOMEM;
}

void strobe_calls_tables_release(struct strobe_calls_tables *tables)
{
    strobe_arena_release(&tables->arena);
    strobe_htab_release(&tables->locals);
    strobe_htab_release(&tables->edges);
    strobe_htab_release(&tables->children);
    free(tables->nodes);
    memset(tables, 0, sizeof *tables);
}

/* ---- locals and edges ---- */

static struct strobe_calls_local *local_of(struct strobe_calls_tables *tables, uint32_t function)
{
    uint64_t *known = strobe_htab_get(&tables->locals, function, 0);
    struct strobe_calls_local *local;

    if (known)
        return (struct strobe_calls_local *)(uintptr_t)*known;
    if (!(local = zeroed(&tables->arena, sizeof *local)) || strobe_htab_put(&tables->locals, function, 0, (uintptr_t)local))
        return NULL;
    local->function = function;
    local->next = tables->all;
    tables->all = local;
    return local;
}

static struct strobe_calls_edge *edge_of(struct strobe_calls_tables *tables, uint32_t caller, uint32_t callee)
{
    uint64_t *known = strobe_htab_get(&tables->edges, caller, callee);
    struct strobe_calls_edge *edge;

    if (!known && tables->n_edges >= STROBE_CALLS_MAX_EDGES && caller != STROBE_CALLS_OTHER)
        return edge_of(tables, STROBE_CALLS_OTHER, callee);
    if (known)
        return (struct strobe_calls_edge *)(uintptr_t)*known;
    if (!(edge = zeroed(&tables->arena, sizeof *edge)) || !(edge->caller = local_of(tables, caller)) ||
        !(edge->callee = local_of(tables, callee)) || strobe_htab_put(&tables->edges, caller, callee, (uintptr_t)edge))
        return NULL;
    edge->next = edge->callee->edges;
    edge->callee->edges = edge;
    tables->n_edges++;
    return edge;
}

/* ---- nodes ---- */

static struct strobe_calls_node *beyond_of(struct strobe_calls_tables *tables, struct strobe_calls_edge *edge, const void *key,
                                           uint8_t kind)
{
    struct strobe_calls_node *node = edge->beyond;

    while (node && node->kind != kind)
        node = node->sibling;
    if (node || !(node = new_node(tables)))
        return node;
    node->key = key;
    node->kind = kind;
    node->edge = edge;
    node->is_beyond = true;
    node->sibling = edge->beyond;
    edge->beyond = node;
    return node;
}

static uint64_t second_key(const void *key, uint32_t group)
{
    return (uint64_t)(uintptr_t)key ^ (uint64_t)group << 48;
}

struct strobe_calls_node *strobe_calls_find_child(struct strobe_calls_tables *tables, struct strobe_calls_node *parent, const void *key,
                                                  uint32_t group)
{
    struct strobe_calls_node *node = parent->children;
    uint64_t *known;

    if (parent->n_children <= CHAIN_MAX) {
        for (; node && !strobe_calls_is_of(node, key, group); node = node->sibling)
            ;
        return node;
    }
    known = strobe_htab_get(&tables->children, (uintptr_t)parent, second_key(key, group));
    return known ? (struct strobe_calls_node *)(uintptr_t)*known : NULL;
}

/* From one more child than is looked through on, all of a node's are in the hash table. */
static int index_child(struct strobe_calls_tables *tables, struct strobe_calls_node *parent, struct strobe_calls_node *child)
{
    struct strobe_calls_node *end = parent->n_children == CHAIN_MAX + 1 ? NULL : child->sibling;

    if (parent->n_children <= CHAIN_MAX)
        return 0;
    for (struct strobe_calls_node *node = child; node != end; node = node->sibling)
        if (strobe_htab_put(&tables->children, (uintptr_t)parent, second_key(node->key, node->group), (uintptr_t)node))
            return STROBE_ERR_NOMEM;
    return 0;
}

static struct strobe_calls_node *add_child(struct strobe_calls_tables *tables, struct strobe_calls_node *parent, const void *key,
                                           struct strobe_calls_edge *edge, uint8_t kind, uint32_t group)
{
    struct strobe_calls_node *node = new_node(tables);

    if (!node)
        return NULL;
    node->key = key;
    node->kind = kind;
    node->group = group;
    node->edge = edge;
    node->parent = parent;
    node->sibling = parent->children;
    parent->children = node;
    parent->n_children++;
    return index_child(tables, parent, node) ? NULL : node;
}

struct strobe_calls_node *strobe_calls_child(struct strobe_calls_tables *tables, struct strobe_calls_node *parent, const void *key,
                                             struct strobe_calls_function function, uint32_t group, _Atomic int64_t *room)
{
    struct strobe_calls_node *node = parent->is_beyond ? NULL : strobe_calls_find_child(tables, parent, key, group);
    struct strobe_calls_edge *edge;

    if (node)
        return node;
    edge = edge_of(tables, parent->edge ? parent->edge->callee->function : STROBE_CALLS_OTHER, function.number);
    if (!edge)
        return NULL;
    if (parent->is_beyond || atomic_load(room) <= 0)
        return beyond_of(tables, edge, key, (uint8_t)function.kind);
    atomic_fetch_sub(room, 1);
    tables->n_taken++;
    return add_child(tables, parent, key, edge, (uint8_t)function.kind, group);
}

bool strobe_calls_is_outermost(const struct strobe_calls_node *node, bool of_same_edge, bool in_its_group)
{
    for (const struct strobe_calls_node *outer = node->parent; outer && outer->edge; outer = outer->parent) {
        if (in_its_group && outer->group != node->group)
            return true;
        if (of_same_edge ? outer->edge == node->edge : outer->edge->callee == node->edge->callee)
            return false;
    }
    return true;
}

/* ---- sums ---- */

static void add_node(struct strobe_calls_node *sum, const struct strobe_calls_node *more)
{
    strobe_calls_add_time(&sum->self, more->self);
    sum->started += more->started;
    sum->finished += more->finished;
    sum->resumes += more->resumes;
    sum->awaited += more->awaited;
    sum->self_awaited += more->self_awaited;
    sum->seeded += more->seeded;
    sum->guests += more->guests;
    sum->left += more->left;
    sum->shortest = more->shortest < sum->shortest ? more->shortest : sum->shortest;
    sum->longest = more->longest > sum->longest ? more->longest : sum->longest;
}

/* Makes what add_local adds to. */
static int make_local(struct strobe_calls_tables *into, const struct strobe_calls_local *like)
{
    if (!local_of(into, like->function))
        return STROBE_ERR_NOMEM;
    for (const struct strobe_calls_edge *edge = like->edges; edge; edge = edge->next)
        if (!edge_of(into, edge->caller->function, edge->callee->function))
            return STROBE_ERR_NOMEM;
    return 0;
}

static void add_local(struct strobe_calls_tables *into, const struct strobe_calls_local *more)
{
    struct strobe_calls_local *sum = local_of(into, more->function);

    strobe_calls_add_time(&sum->span.total, more->span.total);
    sum->primitive += more->primitive;
    sum->primitive_resumes += more->primitive_resumes;
    sum->awaited += more->awaited;
    for (const struct strobe_calls_edge *edge = more->edges; edge; edge = edge->next) {
        struct strobe_calls_edge *sum_edge = edge_of(into, edge->caller->function, edge->callee->function);

        strobe_calls_add_time(&sum_edge->span.total, edge->span.total);
        sum_edge->primitive += edge->primitive;
        sum_edge->primitive_resumes += edge->primitive_resumes;
        sum_edge->awaited += edge->awaited;
    }
}

int strobe_calls_absorb(struct strobe_calls_tables *into, const struct strobe_calls_tables *from, _Atomic int64_t *room)
{
    struct strobe_calls_node **of = calloc(from->n_nodes + 1, sizeof *of); /* what each became */
    int err = of ? 0 : STROBE_ERR_NOMEM;

    for (size_t i = 0; !err && i < from->n_nodes; i++) {
        const struct strobe_calls_node *node = from->nodes[i];
        struct strobe_calls_edge *edge = NULL;

        if (!node->edge) {
            of[i] = into->root;
            continue;
        }
        if (!node->is_beyond) {
            of[i] = strobe_calls_child(into, of[node->parent->serial], node->key,
                                       (struct strobe_calls_function){node->edge->callee->function, (enum strobe_calls_kind)node->kind},
                                       node->group, room);
        } else if ((edge = edge_of(into, node->edge->caller->function, node->edge->callee->function))) {
            of[i] = beyond_of(into, edge, node->key, node->kind);
        }
        if (!of[i])
            err = STROBE_ERR_NOMEM;
    }
    for (const struct strobe_calls_local *local = from->all; local && !err; local = local->next)
        err = make_local(into, local);
    for (size_t i = 0; !err && i < from->n_nodes; i++)
        if (from->nodes[i]->edge)
            add_node(of[i], from->nodes[i]);
    for (const struct strobe_calls_local *local = from->all; local && !err; local = local->next)
        add_local(into, local);
    free(of);
    return err;
}

static void clear_span(struct strobe_calls_span *span, struct strobe_calls_time now)
{
    span->total = (struct strobe_calls_time){0, 0};
    span->since = now;
}

void strobe_calls_tables_clear(struct strobe_calls_tables *tables, struct strobe_calls_time now)
{
    for (size_t i = 0; i < tables->n_nodes; i++) {
        struct strobe_calls_node *node = tables->nodes[i];

        node->self = (struct strobe_calls_time){0, 0};
        node->started = node->finished = node->resumes = node->seeded = node->guests = 0;
        node->left = 0;
        node->awaited = node->self_awaited = node->longest = 0;
        node->shortest = STROBE_CALLS_NEVER;
    }
    for (struct strobe_calls_local *local = tables->all; local; local = local->next) {
        clear_span(&local->span, now);
        local->primitive = local->primitive_resumes = local->awaited = 0;
        for (struct strobe_calls_edge *edge = local->edges; edge; edge = edge->next) {
            clear_span(&edge->span, now);
            edge->primitive = edge->primitive_resumes = edge->awaited = 0;
        }
    }
}
