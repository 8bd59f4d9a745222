/* SPDX-License-Identifier: Apache-2.0 */
#include "agg/spread.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int strobe_spread_init(struct strobe_spread *spread, const struct strobe_stacktree *tree, uint64_t *own_ns, uint64_t period_ns)
{
    uint64_t *at = malloc(tree->n_nodes * sizeof *at);

    if (!at)
        return STROBE_ERR_NOMEM;
    memcpy(at, own_ns, tree->n_nodes * sizeof *at);
    for (size_t node = tree->n_nodes - 1; node > 0; node--)
        at[tree->nodes[node].parent] += at[node]; /* with all below */
    at[0] = 0;
    /* From here on own_ns is where a node's next child begins: behind its own time and the children before. */
    for (size_t node = 1; node < tree->n_nodes; node++) {
        uint64_t *next = &own_ns[tree->nodes[node].parent], whole = at[node];

        at[node] = *next;
        *next += whole;
        own_ns[node] += at[node];
    }
    *spread = (struct strobe_spread){period_ns, at};
    return 0;
}

void strobe_spread_release(struct strobe_spread *spread)
{
    free(spread->at);
    *spread = (struct strobe_spread){0, NULL};
}

/* Marks before a place on the line; the first stands half a period from the start. */
static uint64_t marks_before(const struct strobe_spread *spread, uint64_t place)
{
    return (place + spread->period_ns / 2) / spread->period_ns;
}

uint64_t strobe_spread_take(struct strobe_spread *spread, uint32_t node, uint64_t ns)
{
    uint64_t from = spread->at[node];

    spread->at[node] += ns;
    return marks_before(spread, from + ns) - marks_before(spread, from);
}
