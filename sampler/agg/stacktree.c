/* SPDX-License-Identifier: Apache-2.0 */
#include "agg/stacktree.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"

enum { FIRST_NODES = 256, FIRST_SLOTS = 512, FIRST_DEPTH = 128 };

int strobe_stacktree_init(struct strobe_stacktree *tree)
{
    struct strobe_stacktree fresh = {.cap_nodes = FIRST_NODES, .mask = FIRST_SLOTS - 1, .cap_last = FIRST_DEPTH};

    fresh.nodes = malloc(FIRST_NODES * sizeof *fresh.nodes);
    fresh.slots = calloc(FIRST_SLOTS, sizeof *fresh.slots);
    fresh.last_items = malloc(FIRST_DEPTH * sizeof *fresh.last_items);
    fresh.last_nodes = malloc(FIRST_DEPTH * sizeof *fresh.last_nodes);
    if (!fresh.nodes || !fresh.slots || !fresh.last_items || !fresh.last_nodes) {
        strobe_stacktree_release(&fresh);
        return STROBE_ERR_NOMEM;
    }
    fresh.nodes[0] = (struct strobe_stacktree_node){0, UINT32_MAX};
    fresh.n_nodes = 1;
    *tree = fresh;
    return 0;
}

void strobe_stacktree_release(struct strobe_stacktree *tree)
{
    free(tree->nodes);
    free(tree->slots);
    free(tree->last_items);
    free(tree->last_nodes);
    *tree = (struct strobe_stacktree){0};
}

static struct strobe_stacktree_slot *find(struct strobe_stacktree_slot *slots, size_t mask, uint32_t parent, uint32_t item)
{
    uint64_t key = (uint64_t)parent << 32 | item;
    size_t i = (size_t)((key * 0x9e3779b97f4a7c15ull) >> 29); /* multiplicative hashing: the upper bits are the mixed ones */

    for (i &= mask; slots[i].node && (slots[i].parent != parent || slots[i].item != item); i = (i + 1) & mask)
        ;
    return &slots[i];
}

/* Doubles the slots; at most two thirds are in use, so that probes stay short. */
static int grow_slots(struct strobe_stacktree *tree)
{
    size_t mask = tree->mask * 2 + 1;
    struct strobe_stacktree_slot *slots = calloc(mask + 1, sizeof *slots);

    if (!slots)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i <= tree->mask; i++)
        if (tree->slots[i].node)
            *find(slots, mask, tree->slots[i].parent, tree->slots[i].item) = tree->slots[i];
    free(tree->slots);
    tree->slots = slots;
    tree->mask = mask;
    return 0;
}

static int add_node(struct strobe_stacktree *tree, uint32_t parent, uint32_t item, uint32_t *ret_node)
{
    if (tree->n_nodes == tree->cap_nodes) {
        struct strobe_stacktree_node *nodes;

        if (tree->n_nodes > UINT32_MAX / 2)
            return STROBE_ERR_NOMEM; /* numbers are 32 bits wide */
        nodes = realloc(tree->nodes, tree->cap_nodes * 2 * sizeof *nodes);
        if (!nodes)
            return STROBE_ERR_NOMEM;
        tree->nodes = nodes;
        tree->cap_nodes *= 2;
    }
    if (tree->n_nodes * 3 >= (tree->mask + 1) * 2 && grow_slots(tree))
        return STROBE_ERR_NOMEM;
    *ret_node = (uint32_t)tree->n_nodes;
    *find(tree->slots, tree->mask, parent, item) = (struct strobe_stacktree_slot){parent, item, *ret_node};
    tree->nodes[tree->n_nodes++] = (struct strobe_stacktree_node){parent, item};
    return 0;
}

int strobe_stacktree_child(struct strobe_stacktree *tree, uint32_t parent, uint32_t item, uint32_t *ret_node)
{
    const struct strobe_stacktree_slot *slot = find(tree->slots, tree->mask, parent, item);

    if (slot->node) {
        *ret_node = slot->node;
        return 0;
    }
    return add_node(tree, parent, item, ret_node);
}

int strobe_stacktree_stack(struct strobe_stacktree *tree, const uint32_t *items, size_t n, uint32_t *ret_leaf)
{
    size_t common = 0, limit = n < tree->n_last ? n : tree->n_last;
    uint32_t node = 0;

    while (common < limit && items[common] == tree->last_items[common])
        common++;
    if (common)
        node = tree->last_nodes[common - 1];
    if (n > tree->cap_last && strobe_grow_two(&tree->last_items, &tree->last_nodes, &tree->cap_last, n, sizeof *tree->last_items))
        return STROBE_ERR_NOMEM;
    for (tree->n_last = common; tree->n_last < n; tree->n_last++) {
        int err = strobe_stacktree_child(tree, node, items[tree->n_last], &node);

        if (err)
            return err; /* what is remembered so far is true: n_last counts it */
        tree->last_items[tree->n_last] = items[tree->n_last];
        tree->last_nodes[tree->n_last] = node;
    }
    *ret_leaf = node;
    return 0;
}

size_t strobe_stacktree_depth(const struct strobe_stacktree *tree, uint32_t node)
{
    size_t depth = 0;

    for (; node && node < tree->n_nodes; node = tree->nodes[node].parent)
        depth++;
    return depth;
}
