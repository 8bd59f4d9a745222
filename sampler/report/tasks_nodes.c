/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_nodes: the tree of groups as a list of lines: a group is shown in full where it is met first; a very deep tree loses its
 * middle, and many groups that differ in nothing but the name are cut short. */
#include "report/tasks_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

enum {
    KEEP_OUTER = 20, /* levels shown at each end of a tree that is deeper than both together */
    KEEP_INNER = 20,
    MAX_ALIKE = 12, /* groups with nobody below them that differ in their names only */
};

struct list {
    struct strobe_tasks_node *at;
    size_t n, cap;
};

/* One level of the walk: the groups below one that are still to come. */
struct level {
    const uint32_t *next, *end;
    uint32_t alike_groups, alike_tasks; /* left out among them */
};

struct walk {
    struct strobe_tasks_index *index;
    struct list list;
    struct level *levels;
    size_t depth, cap_levels;
    bool *shown, *open;  /* by group: has its line; is above of what comes now */
    uint32_t *n_alike;   /* by family */
    uint32_t *path;      /* group of each open level but the first */
    size_t cap_path;
};

static int put_node(struct list *list, struct strobe_tasks_node node)
{
    int err = strobe_grow(&list->at, &list->cap, list->n + 1, sizeof *list->at);

    if (!err)
        list->at[list->n++] = node;
    return err;
}

static int enter(struct walk *walk, uint32_t group)
{
    const struct strobe_tasks_group *g = &walk->index->groups[group];
    const uint32_t *subs = walk->index->subs + g->sub_at;

    if (strobe_grow(&walk->levels, &walk->cap_levels, walk->depth + 1, sizeof *walk->levels) ||
        strobe_grow(&walk->path, &walk->cap_path, walk->depth + 1, sizeof *walk->path))
        return STROBE_ERR_NOMEM;
    walk->path[walk->depth] = group;
    walk->levels[walk->depth++] = (struct level){subs, subs + g->n_subs, 0, 0};
    if (group < walk->index->n_groups)
        walk->open[group] = walk->shown[group] = true;
    return 0;
}

/* Is the group one too many of those that differ in their names only? */
static bool one_too_many(struct walk *walk, uint32_t group)
{
    const struct strobe_tasks_group *g = &walk->index->groups[group];

    if (walk->index->left_out[group])
        return true;
    if (walk->shown[group] || g->n_subs > 0 || walk->index->n_families == walk->index->n_groups)
        return false;
    return walk->index->left_out[group] = ++walk->n_alike[g->family] > MAX_ALIKE;
}

static int step(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    struct strobe_tasks_node node = {.depth = (uint32_t)walk->depth - 1};
    const struct strobe_tasks_group *g;
    int err;

    if (level->next == level->end) {
        uint32_t done = walk->path[--walk->depth];

        if (done < walk->index->n_groups)
            walk->open[done] = false;
        if (!level->alike_groups)
            return 0;
        node.kind = STROBE_NODE_ALIKE;
        node.n = level->alike_groups;
        node.tasks = level->alike_tasks;
        return put_node(&walk->list, node);
    }
    node.group = *level->next++;
    g = &walk->index->groups[node.group];
    if (one_too_many(walk, node.group)) {
        level->alike_groups++;
        level->alike_tasks += g->n;
        return 0;
    }
    node.kind = walk->open[node.group] ? STROBE_NODE_CYCLE : walk->shown[node.group] ? STROBE_NODE_AGAIN : STROBE_NODE_FULL;
    node.tasks = node.kind == STROBE_NODE_FULL ? g->n : 0;
    if ((err = put_node(&walk->list, node)) || node.kind != STROBE_NODE_FULL)
        return err;
    return enter(walk, node.group);
}

static int walk_all(struct strobe_tasks_index *index, struct list *ret)
{
    struct walk walk = {.index = index};
    int err = STROBE_ERR_NOMEM;

    walk.shown = strobe_tasks_alloc(index, index->n_groups, sizeof *walk.shown);
    walk.open = strobe_tasks_alloc(index, index->n_groups, sizeof *walk.open);
    walk.n_alike = strobe_tasks_alloc(index, index->n_families, sizeof *walk.n_alike);
    if (walk.shown && walk.open && walk.n_alike) {
        memset(walk.shown, 0, index->n_groups * sizeof *walk.shown);
        memset(walk.open, 0, index->n_groups * sizeof *walk.open);
        memset(walk.n_alike, 0, index->n_families * sizeof *walk.n_alike);
        err = enter(&walk, index->n_groups);
    }
    while (!err && walk.depth > 0)
        err = step(&walk);
    free(walk.levels);
    free(walk.path);
    *ret = walk.list;
    return err;
}

/* What lies below each node. */
struct below {
    uint32_t size;   /* nodes, with itself */
    uint32_t levels; /* with itself */
    uint32_t tall;   /* the node below it that has most levels */
    uint32_t tasks;  /* with its own */
};

static struct below *measure(struct strobe_tasks_index *index, const struct list *list)
{
    struct below *below = strobe_tasks_alloc(index, list->n, sizeof *below);
    uint32_t *last_at; /* by depth: the node whose parent is still to come, going backwards */
    uint32_t *parent;

    parent = strobe_tasks_alloc(index, list->n, sizeof *parent);
    last_at = strobe_tasks_alloc(index, list->n + 1, sizeof *last_at);
    if (!below || !parent || !last_at)
        return NULL;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct strobe_tasks_node *node = &list->at[i];

        last_at[node->depth] = i;
        parent[i] = node->depth ? last_at[node->depth - 1] : STROBE_NO_INDEX;
        below[i] = (struct below){1, 1, STROBE_NO_INDEX, node->tasks};
    }
    for (uint32_t i = (uint32_t)list->n; i-- > 0;) {
        struct below *up = parent[i] == STROBE_NO_INDEX ? NULL : &below[parent[i]];

        if (!up)
            continue;
        up->size += below[i].size;
        up->tasks += below[i].tasks;
        if (below[i].levels >= up->levels) {
            up->levels = below[i].levels + 1;
            up->tall = i;
        }
    }
    return below;
}

/* Where nodes [from, to) lose their middle, nothing is left of what hangs beside the longest branch there. */
static int cut_deep(struct strobe_tasks_index *index, const struct list *list, const struct below *below, struct list *out)
{
    uint32_t shift = 0, end = STROBE_NO_INDEX, after = 0; /* of the inner end of a cut tree: up to end, then on from after */

    for (uint32_t i = 0; i < list->n;) {
        struct strobe_tasks_node node = list->at[i];
        uint32_t inner = i;

        if (i == end) {
            end = STROBE_NO_INDEX;
            shift = 0;
            i = after;
            continue;
        }
        node.depth -= shift;
        if (end == STROBE_NO_INDEX && node.depth == KEEP_OUTER && below[i].levels > KEEP_INNER + 1) {
            while (below[inner].levels > KEEP_INNER)
                inner = below[inner].tall;
            after = i + below[i].size;
            end = inner + below[inner].size;
            shift = list->at[inner].depth - (KEEP_OUTER + 1);
            for (uint32_t k = i; k < after; k++)
                if (list->at[k].kind == STROBE_NODE_FULL && (k < inner || k >= end))
                    index->left_out[list->at[k].group] = true;
            node = (struct strobe_tasks_node){.kind = STROBE_NODE_DEEP,
                                              .depth = KEEP_OUTER,
                                              .n = list->at[inner].depth - KEEP_OUTER,
                                              .tasks = below[i].tasks - below[inner].tasks};
            i = inner;
        } else {
            i++;
        }
        if (put_node(out, node))
            return STROBE_ERR_NOMEM;
    }
    return 0;
}

/* Which nodes have a sibling behind them, and which have some below. */
static void mark_lasts(struct strobe_tasks_node *nodes, size_t n)
{
    bool behind[KEEP_OUTER + KEEP_INNER + 4] = {false};
    uint32_t deeper = 0; /* depth of the node behind, plus one */

    for (size_t i = n; i-- > 0;) {
        uint32_t depth = nodes[i].depth;

        for (uint32_t d = depth + 1; d < deeper; d++)
            behind[d] = false;
        nodes[i].has_subs = deeper > depth + 1;
        nodes[i].last = !behind[depth];
        behind[depth] = true;
        deeper = depth + 1;
    }
}

int strobe_tasks_nodes(struct strobe_tasks_index *index)
{
    struct list all = {0}, kept = {0};
    const struct below *below;
    int err;

    index->left_out = strobe_tasks_alloc(index, index->n_groups, sizeof *index->left_out);
    if (!index->left_out)
        return STROBE_ERR_NOMEM;
    memset(index->left_out, 0, index->n_groups * sizeof *index->left_out);
    err = walk_all(index, &all);
    below = err ? NULL : measure(index, &all);
    if (!err)
        err = below ? cut_deep(index, &all, below, &kept) : STROBE_ERR_NOMEM;
    index->nodes = err ? NULL : strobe_tasks_alloc(index, kept.n, sizeof *index->nodes);
    if (!err && !index->nodes)
        err = STROBE_ERR_NOMEM;
    if (!err) {
        if (kept.n)
            memcpy(index->nodes, kept.at, kept.n * sizeof *kept.at);
        index->n_nodes = (uint32_t)kept.n;
        mark_lasts(index->nodes, kept.n);
    }
    free(all.at);
    free(kept.at);
    return err;
}
