/* SPDX-License-Identifier: Apache-2.0 */
#include "agg/edges.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/htab.h"

#define NO_EDGE UINT32_MAX

struct edge {
    uint64_t samples; /* stacks that hold it; once each, however often recursion repeats it */
    uint32_t site, callee; /* the caller's frame, the function called */
    uint32_t active; /* while the tree is walked: times it is on the way from the root to here */
};

struct judge {
    const struct strobe_stacktree *tree;
    const struct strobe_names *names;
    struct strobe_htab by_edge, by_callee;
    struct edge *edges;
    uint32_t n_edges, n_callees;
    size_t cap_edges;
    uint32_t *edge_at;            /* by node */
    uint32_t *first_child, *next; /* by node; 0 = none */
    uint64_t *strongest_into, *strongest_from; /* by callee, by site: samples of the most frequent edge */
};

static int find_callee(struct judge *judge, const struct strobe_frame *frame, uint32_t *ret_callee)
{
    uint64_t key = (uint64_t)frame->name << 32 | frame->file;
    const uint64_t *known = strobe_htab_get(&judge->by_callee, key, (uint32_t)frame->first_line);
    int err = 0;

    if (known) {
        *ret_callee = (uint32_t)*known;
        return 0;
    }
    err = strobe_htab_put(&judge->by_callee, key, (uint32_t)frame->first_line, judge->n_callees);
    if (!err)
        *ret_callee = judge->n_callees++;
    return err;
}

/* The edge from a node's parent to it; NO_EDGE when one of them is no Python frame. */
static int find_edge(struct judge *judge, uint32_t node, uint32_t *ret_edge)
{
    uint32_t caller_id = judge->tree->nodes[judge->tree->nodes[node].parent].item, callee;
    const struct strobe_frame *caller = strobe_names_get(judge->names, caller_id);
    const struct strobe_frame *frame = strobe_names_get(judge->names, judge->tree->nodes[node].item);
    const uint64_t *known;
    int err;

    if (!caller || !caller->file || !frame || !frame->file) {
        *ret_edge = NO_EDGE;
        return 0;
    }
    if ((err = find_callee(judge, frame, &callee)))
        return err;
    known = strobe_htab_get(&judge->by_edge, caller_id, callee);
    if (known) {
        *ret_edge = (uint32_t)*known;
        return 0;
    }
    if (strobe_grow(&judge->edges, &judge->cap_edges, judge->n_edges + 1, sizeof *judge->edges))
        return STROBE_ERR_NOMEM;
    if ((err = strobe_htab_put(&judge->by_edge, caller_id, callee, judge->n_edges)))
        return err;
    judge->edges[judge->n_edges] = (struct edge){.site = caller_id, .callee = callee};
    *ret_edge = judge->n_edges++;
    return 0;
}

/* The edges of all nodes; the tree's links downwards; totals of what was seen at each node. */
static int prepare(struct judge *judge, uint64_t *samples)
{
    const struct strobe_stacktree *tree = judge->tree;
    size_t n_sites = 0;

    judge->edge_at = malloc(tree->n_nodes * sizeof *judge->edge_at);
    judge->first_child = calloc(tree->n_nodes, sizeof *judge->first_child);
    judge->next = calloc(tree->n_nodes, sizeof *judge->next);
    if (!judge->edge_at || !judge->first_child || !judge->next)
        return STROBE_ERR_NOMEM;
    judge->edge_at[0] = NO_EDGE;
    for (uint32_t node = (uint32_t)tree->n_nodes - 1; node > 0; node--) {
        uint32_t parent = tree->nodes[node].parent;
        int err = find_edge(judge, node, &judge->edge_at[node]);

        if (err)
            return err;
        samples[parent] += samples[node];
        judge->next[node] = judge->first_child[parent];
        judge->first_child[parent] = node;
    }
    for (uint32_t i = 0; i < judge->n_edges; i++)
        n_sites = judge->edges[i].site >= n_sites ? (size_t)judge->edges[i].site + 1 : n_sites;
    judge->strongest_into = calloc((size_t)judge->n_callees + 1, sizeof *judge->strongest_into);
    judge->strongest_from = calloc(n_sites + 1, sizeof *judge->strongest_from);
    return judge->strongest_into && judge->strongest_from ? 0 : STROBE_ERR_NOMEM;
}

static void enter(struct judge *judge, uint32_t node, const uint64_t *samples)
{
    struct edge *edge = judge->edge_at[node] == NO_EDGE ? NULL : &judge->edges[judge->edge_at[node]];

    if (edge && edge->active++ == 0)
        edge->samples += samples[node];
}

static void leave(struct judge *judge, uint32_t node)
{
    if (judge->edge_at[node] != NO_EDGE)
        judge->edges[judge->edge_at[node]].active--;
}

/* Counts the stacks that hold each edge: down and up the whole tree. */
static void count(struct judge *judge, const uint64_t *samples)
{
    uint32_t node = 0;

    for (;;) {
        if (judge->first_child[node]) {
            node = judge->first_child[node];
        } else {
            while (node && !judge->next[node]) {
                leave(judge, node);
                node = judge->tree->nodes[node].parent;
            }
            if (!node)
                return;
            leave(judge, node);
            node = judge->next[node];
        }
        enter(judge, node, samples);
    }
}

static void rank(struct judge *judge)
{
    for (uint32_t i = 0; i < judge->n_edges; i++) {
        const struct edge *edge = &judge->edges[i];

        if (edge->samples > judge->strongest_into[edge->callee])
            judge->strongest_into[edge->callee] = edge->samples;
        if (edge->samples > judge->strongest_from[edge->site])
            judge->strongest_from[edge->site] = edge->samples;
    }
}

static bool is_foreign(const struct judge *judge, const struct edge *edge)
{
    uint64_t into = judge->strongest_into[edge->callee], from = judge->strongest_from[edge->site];

    return edge->samples * STROBE_RARE < into ||
           (into > STROBE_RARE && edge->samples * STROBE_RARE_BOTH < into && edge->samples * STROBE_RARE_BOTH < from);
}

int strobe_edges_judge(const struct strobe_stacktree *tree, const struct strobe_names *names, uint64_t *samples, unsigned char *doubtful)
{
    struct judge judge = {.tree = tree, .names = names};
    int err = prepare(&judge, samples);

    if (err)
        goto done;
    count(&judge, samples);
    rank(&judge);
    doubtful[0] = 0;
    for (uint32_t node = 1; node < tree->n_nodes; node++) {
        const struct edge *edge = judge.edge_at[node] == NO_EDGE ? NULL : &judge.edges[judge.edge_at[node]];

        doubtful[node] = doubtful[tree->nodes[node].parent] || (edge && is_foreign(&judge, edge));
    }
done:
    strobe_htab_release(&judge.by_edge);
    strobe_htab_release(&judge.by_callee);
    free(judge.edges);
    free(judge.edge_at);
    free(judge.first_child);
    free(judge.next);
    free(judge.strongest_into);
    free(judge.strongest_from);
    return err;
}
