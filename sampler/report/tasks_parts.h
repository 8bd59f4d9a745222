/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_parts: what the views of tasks share: who waits for whom turned around, groups of equal tasks, the tree of groups in the order
 * in which it is shown, words.
 *
 *   index: task -> tasks it waits for, order     groups: task -> group -> groups that it waits for     nodes: the tree, line by line
 *
 * Nothing here recurses: a tree may be as deep as there are tasks.  Private to report.  May include: report/tasks.h, base.
 * Memory: everything of an index hangs off its arena. */
#ifndef STROBE_REPORT_TASKS_PARTS_H
#define STROBE_REPORT_TASKS_PARTS_H

#include "base/arena.h"
#include "base/htab.h"
#include "report/tasks.h"

struct strobe_tasks_group {
    uint32_t n, member_at;   /* its tasks: n of index->members, by index */
    uint32_t sub_at, n_subs; /* groups that it waits for, in index->subs: those with most tasks first */
    uint32_t owner;          /* the first made of those that wait for it; STROBE_NO_INDEX = none does */
    uint32_t weight;         /* its tasks, and those of the groups that it owns */
    uint32_t family;         /* equal in all but the name */
    bool one_name;
};

enum strobe_tasks_node_kind {
    STROBE_NODE_FULL,  /* the group with all that is known of it */
    STROBE_NODE_AGAIN, /* shown elsewhere in full */
    STROBE_NODE_CYCLE, /* a group that this one stands below of */
    STROBE_NODE_ALIKE, /* n groups of `tasks` tasks that differ from those above in their names only */
    STROBE_NODE_DEEP,  /* n levels with `tasks` tasks are left out */
};

/* A line of the tree, in order: the nodes below one follow it, one level deeper. */
struct strobe_tasks_node {
    enum strobe_tasks_node_kind kind;
    uint32_t group, depth;
    uint32_t n, tasks;
    bool last;     /* of its siblings */
    bool has_subs; /* a node one level deeper follows */
};

struct strobe_tasks_index {
    const struct strobe_report_tasks *report;
    struct strobe_arena arena;
    uint32_t n;                     /* tasks */
    uint32_t n_waits;               /* of the report */
    uint32_t *wait_of;              /* of the sample's waits: the report's, or STROBE_NO_INDEX */
    uint32_t *waiting;              /* by the report's waits: tasks that wait for it */
    uint32_t *holder_at, *holders;  /* by the report's waits: tasks that hold it, holder_at[w] .. holder_at[w + 1] */
    uint32_t *child_at, *children;  /* tasks that a task waits for */
    uint32_t *link, *next_link;     /* first of a task's links, and the next after a link; STROBE_NO_INDEX = none */
    uint32_t *order, *rank;         /* parents before those they wait for, as far as cycles allow; a task's place in it */
    uint32_t *stack;                /* class of each task's stack: equal for those that look equal */
    /* strobe_tasks_group */
    uint32_t *group_of, *members, *subs;
    struct strobe_tasks_group *groups;
    uint32_t n_groups, n_families;
    /* strobe_tasks_nodes */
    struct strobe_tasks_node *nodes;
    uint32_t n_nodes;
    bool *left_out;                 /* by group: stands in no line of its own */
};

/* 0 or STROBE_ERR_NOMEM, in each; release in any case. */
int strobe_tasks_index(struct strobe_tasks_index *index, const struct strobe_report_tasks *report);
void strobe_tasks_index_release(struct strobe_tasks_index *index);
/* alone: each task is a group of its own. */
int strobe_tasks_groups(struct strobe_tasks_index *index, bool alone);
int strobe_tasks_nodes(struct strobe_tasks_index *index);

/* n items of size bytes, not zeroed; NULL when out of memory.  Never of length 0. */
void *strobe_tasks_alloc(struct strobe_tasks_index *index, size_t n, size_t size);
/* Counts per key in at[1..n] become the places where each begins; at has n + 1 items. */
void strobe_tasks_places(uint32_t *at, uint32_t n);

/* Is the thing that is waited for (or held) one that tasks share, so that which one it is matters? */
bool strobe_tasks_shared(const struct strobe_tasks_index *index, uint32_t wait);
/* The pool that a task's call was handed to; STROBE_NO_INDEX. */
uint32_t strobe_tasks_pool(const struct strobe_report_tasks *report, const struct strobe_report_task *task);

#endif
