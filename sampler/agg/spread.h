/* SPDX-License-Identifier: Apache-2.0 */
/* spread: whole periods for the nodes of a tree by their time, without chance: the tree's nodes are laid out on one line, a parent
 * before its children, each as long as its own time, and marks are set a period apart:
 *
 *   main     f        g   h     main's children f (with its child g) and h
 *   |----|-------------|------|
 *     ^    ^    ^    ^    ^       f: 2, g: 1
 *
 * So a node, and every node with all below it, gets its time in periods rounded up or down, what was rounded off goes to the next
 * on the line, and the sum is the whole time rounded.
 * May include: base, stacktree.h.  Ownership: the holder releases.  Not thread-safe. */
#ifndef STROBE_AGG_SPREAD_H
#define STROBE_AGG_SPREAD_H

#include "agg/stacktree.h"

struct strobe_spread {
    uint64_t period_ns;
    uint64_t *at; /* by node: where on the line what is left of it begins */
};

/* own_ns: time by node, used up as scratch memory.  period_ns: not 0.  0 or STROBE_ERR_NOMEM. */
int strobe_spread_init(struct strobe_spread *spread, const struct strobe_stacktree *tree, uint64_t *own_ns, uint64_t period_ns);
void strobe_spread_release(struct strobe_spread *spread);
/* Whole periods of the next ns of a node's time: the parts that it is made of come one after the other. */
uint64_t strobe_spread_take(struct strobe_spread *spread, uint32_t node, uint64_t ns);

#endif
