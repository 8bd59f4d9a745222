/* SPDX-License-Identifier: Apache-2.0 */
/* stacktree: stacks interned as nodes of a tree.  A node is (parent, item); a stack is its leaf.
 *
 *   node 0 = root, no item;  main -> f -> g and main -> h:   0 ── main ┬─ f ── g
 *                                                                    └─ h
 * One hash table finds (parent, item) -> node, and the path of the stack before is remembered: only what differs from it
 * is looked up.  May include: base.  Ownership: the holder releases.  Not thread-safe. */
#ifndef STROBE_AGG_STACKTREE_H
#define STROBE_AGG_STACKTREE_H

#include <stddef.h>
#include <stdint.h>

struct strobe_stacktree_node {
    uint32_t parent, item;
};

struct strobe_stacktree_slot {
    uint32_t parent, item, node; /* node 0 = empty slot: the root is nobody's child */
};

struct strobe_stacktree {
    struct strobe_stacktree_node *nodes;
    size_t n_nodes, cap_nodes;
    struct strobe_stacktree_slot *slots;
    size_t mask; /* slots - 1; a power of two */
    uint32_t *last_items, *last_nodes; /* the stack before, outermost first */
    size_t n_last, cap_last;
};

/* 0 or STROBE_ERR_NOMEM. */
int strobe_stacktree_init(struct strobe_stacktree *tree);
void strobe_stacktree_release(struct strobe_stacktree *tree);

/* The node of a stack, outermost item first.  Allocation-free when the stack is known. */
int strobe_stacktree_stack(struct strobe_stacktree *tree, const uint32_t *items, size_t n, uint32_t *ret_leaf);
/* The child of a node, made when it is new.  A parent's number is always below its child's. */
int strobe_stacktree_child(struct strobe_stacktree *tree, uint32_t parent, uint32_t item, uint32_t *ret_node);

/* Depth of a node; the root's is 0. */
size_t strobe_stacktree_depth(const struct strobe_stacktree *tree, uint32_t node);

#endif
