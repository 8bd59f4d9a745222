/* SPDX-License-Identifier: Apache-2.0 */
#include "calls/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "calls/stack.h"
#include "calls/state.h"

static const struct strobe_calls_figures nothing = {.shortest = STROBE_CALLS_NEVER};

/* ---- where sums go ---- */

static struct strobe_calls_figures *of_edge(struct strobe_calls_rows *rows, const struct strobe_calls_edge *edge)
{
    uint32_t caller = edge->caller->function, callee = edge->callee->function;
    uint64_t *known = strobe_htab_get(&rows->places, caller, callee);

    if (known)
        return &rows->edges[*known].figures;
    if (strobe_grow(&rows->edges, &rows->cap_edges, rows->n_edges + 1, sizeof *rows->edges) ||
        strobe_htab_put(&rows->places, caller, callee, rows->n_edges))
        return NULL;
    rows->edges[rows->n_edges] = (struct strobe_calls_row){caller, callee, nothing};
    return &rows->edges[rows->n_edges++].figures;
}

static struct strobe_calls_figures *of_function(struct strobe_calls_rows *rows, const struct strobe_calls_local *local)
{
    /* One may have come since, where threads run at the same time. */
    return local->function < rows->n_functions ? &rows->functions[local->function].figures : &rows->later;
}

/* is_part: of all calls of the function, by caller or of one thread: what has come from another one was there before, and what has gone on
 * in another one is that one's. */
static void add_node(struct strobe_calls_figures *sum, const struct strobe_calls_node *node, struct strobe_calls_time self, bool is_part)
{
    sum->started += node->started;
    sum->finished += node->finished;
    sum->seeded += node->seeded + (is_part ? node->guests - atomic_load(&node->left) : 0);
    sum->resumes += node->resumes;
    sum->self_awaited += node->self_awaited;
    strobe_calls_add_time(&sum->self, self);
    sum->shortest = node->shortest < sum->shortest ? node->shortest : sum->shortest;
    sum->longest = node->longest > sum->longest ? node->longest : sum->longest;
}

/* Its own time so far. */
static struct strobe_calls_time self_of(const struct strobe_calls_thread *thread, const struct strobe_calls_node *node,
                                        struct strobe_calls_time now)
{
    struct strobe_calls_time self = node->self;

    if (thread->top->node == node) {
        self.wall += now.wall - thread->last.wall;
        self.cpu += now.cpu - thread->last.cpu;
    }
    return self;
}

/* ---- all groups: spans say what the totals are ---- */

static struct strobe_calls_time total_of(const struct strobe_calls_span *span, struct strobe_calls_time now)
{
    struct strobe_calls_time total = span->total;

    if (span->depth) {
        total.wall += now.wall - span->since.wall;
        total.cpu += now.cpu - span->since.cpu;
    }
    return total;
}

static int add_all(struct strobe_calls_rows *rows, const struct strobe_calls_thread *thread, bool is_alone, struct strobe_calls_time now)
{
    const struct strobe_calls_tables *tables = &thread->tables;
    struct strobe_calls_figures *sum;

    for (size_t i = 0; i < tables->n_nodes; i++) {
        const struct strobe_calls_node *node = tables->nodes[i];
        struct strobe_calls_time self = self_of(thread, node, now);

        if (!node->edge)
            continue;
        if (!(sum = of_edge(rows, node->edge)))
            return STROBE_ERR_NOMEM;
        add_node(sum, node, self, true);
        add_node(of_function(rows, node->edge->callee), node, self, is_alone);
        rows->wall += self.wall;
        rows->cpu += self.cpu;
    }
    for (const struct strobe_calls_local *local = tables->all; local; local = local->next) {
        sum = of_function(rows, local);
        strobe_calls_add_time(&sum->total, total_of(&local->span, now));
        sum->primitive += local->primitive;
        sum->primitive_resumes += local->primitive_resumes;
        sum->awaited += local->awaited;
        for (const struct strobe_calls_edge *edge = local->edges; edge; edge = edge->next) {
            if (!(sum = of_edge(rows, edge)))
                return STROBE_ERR_NOMEM;
            strobe_calls_add_time(&sum->total, total_of(&edge->span, now));
            sum->primitive += edge->primitive;
            sum->primitive_resumes += edge->primitive_resumes;
            sum->awaited += edge->awaited;
        }
    }
    return 0;
}

/* What waits itself now. */
static int add_self_awaited(struct strobe_calls_rows *rows, const struct strobe_calls_edge *edge, uint64_t span)
{
    struct strobe_calls_figures *sum = of_edge(rows, edge);

    of_function(rows, edge->callee)->self_awaited += span;
    if (!sum)
        return STROBE_ERR_NOMEM;
    sum->self_awaited += span;
    return 0;
}

/* Stacks that the thread is not on wait as a whole. */
static int add_other_stacks(struct strobe_calls_rows *rows, const struct strobe_calls_thread *thread, uint64_t wall)
{
    struct strobe_htab seen = STROBE_HTAB_INIT;
    struct strobe_calls_figures *sum;
    int err = 0;

    for (const struct strobe_calls_stack *stack = thread->stacks; stack && !err; stack = stack->next) {
        strobe_htab_clear(&seen);
        for (size_t i = 1; stack != thread->stack && i < stack->n && !err; i++) {
            const struct strobe_calls_edge *edge = stack->entries[i].node->edge;
            uint64_t span = wall - stack->since;

            if (edge->span.depth == 0 && !strobe_htab_get(&seen, (uintptr_t)edge, 0)) {
                err = (sum = of_edge(rows, edge)) ? strobe_htab_put(&seen, (uintptr_t)edge, 0, 1) : STROBE_ERR_NOMEM;
                if (sum)
                    sum->awaited += span;
            }
            if (edge->callee->span.depth == 0 && !strobe_htab_get(&seen, (uintptr_t)edge->callee, 0)) {
                of_function(rows, edge->callee)->awaited += span;
                err = err ? err : strobe_htab_put(&seen, (uintptr_t)edge->callee, 0, 1);
            }
            if (i == stack->n - 1 && !err)
                err = add_self_awaited(rows, edge, span);
        }
    }
    strobe_htab_release(&seen);
    return err;
}

/* ---- one group: from its part of the tree ---- */

static int add_node_of_group(struct strobe_calls_rows *rows, const struct strobe_calls_node *node, bool is_alone,
                             struct strobe_calls_time self, struct strobe_calls_time total)
{
    struct strobe_calls_figures *sums[2] = {of_function(rows, node->edge->callee), of_edge(rows, node->edge)};

    if (!sums[1])
        return STROBE_ERR_NOMEM;
    for (int i = 0; i < 2; i++) {
        add_node(sums[i], node, self, is_alone || i == 1);
        if (!strobe_calls_is_outermost(node, i == 1, true))
            continue;
        strobe_calls_add_time(&sums[i]->total, total);
        sums[i]->primitive += node->started;
        sums[i]->primitive_resumes += node->resumes;
        if (i == 0 || (node->parent && node->parent->group == node->group))
            sums[i]->awaited += node->awaited;
    }
    rows->wall += self.wall;
    rows->cpu += self.cpu;
    return 0;
}

/* Of stacks that the thread is not on: as their nodes will have it when it is back on them. */
static int add_other_stacks_of_group(struct strobe_calls_rows *rows, const struct strobe_calls_thread *thread, uint32_t group,
                                     uint64_t wall)
{
    int err = 0;

    for (const struct strobe_calls_stack *stack = thread->stacks; stack; stack = stack->next)
        for (size_t i = 1; stack != thread->stack && i < stack->n && !err; i++) {
            const struct strobe_calls_node *node = stack->entries[i].node;
            struct strobe_calls_figures *sum = node->group == group ? of_edge(rows, node->edge) : NULL;
            uint64_t span = wall - stack->since;

            if (node->group != group)
                continue;
            if (!sum)
                return STROBE_ERR_NOMEM;
            if (strobe_calls_is_outermost(node, true, true) && node->parent && node->parent->group == group)
                sum->awaited += span;
            if (strobe_calls_is_outermost(node, false, true))
                of_function(rows, node->edge->callee)->awaited += span;
            if (i == stack->n - 1)
                err = add_self_awaited(rows, node->edge, span);
        }
    return err;
}

static int add_group(struct strobe_calls_rows *rows, const struct strobe_calls_thread *thread, bool is_alone, uint32_t group,
                     struct strobe_calls_time now)
{
    const struct strobe_calls_tables *tables = &thread->tables;
    struct strobe_calls_time *totals = calloc(tables->n_nodes, sizeof *totals);
    int err = totals ? 0 : STROBE_ERR_NOMEM;

    for (size_t i = tables->n_nodes; !err && i-- > 0;) { /* children before their parents */
        const struct strobe_calls_node *node = tables->nodes[i];
        struct strobe_calls_time self = self_of(thread, node, now);

        if (!node->edge || node->group != group)
            continue;
        strobe_calls_add_time(&totals[i], self);
        err = add_node_of_group(rows, node, is_alone, self, totals[i]);
        if (node->parent && node->parent->group == group)
            strobe_calls_add_time(&totals[node->parent->serial], totals[i]);
    }
    free(totals);
    return err;
}

/* ---- what waits ---- */

static int add_waits(struct strobe_calls_rows *rows, struct strobe_calls *calls, const struct strobe_calls_question *question)
{
    const struct strobe_calls_activations *all = &calls->activations;
    struct strobe_calls_figures *sum;
    int err = 0;

    strobe_calls_lock(calls);
    for (size_t i = 0; !err && all->slots && i <= all->mask; i++) {
        const struct strobe_calls_activation *activation = all->slots[i];
        uint64_t span;

        if (!activation || activation->is_on_stack || !activation->waits || activation->since > question->wall ||
            (question->thread && activation->thread->number != question->thread) ||
            (question->group != STROBE_CALLS_ANY && activation->group != question->group))
            continue;
        span = question->wall - activation->since;
        if (activation->waits_itself)
            err = add_self_awaited(rows, activation->node->edge, span);
        if (strobe_calls_is_wait_of_function(activation))
            of_function(rows, activation->node->edge->callee)->awaited += span;
        if (activation->is_edge_outermost && activation->with_caller) {
            if ((sum = of_edge(rows, activation->node->edge)))
                sum->awaited += span;
            else
                err = STROBE_ERR_NOMEM;
        }
    }
    strobe_calls_unlock(calls);
    return err;
}

/* ---- asking ---- */

/* What time it is for a thread. */
static struct strobe_calls_time own_now(const struct strobe_calls_thread *thread, const struct strobe_calls_question *question,
                                        struct strobe_calls_time *ret_real)
{
    bool is_over = thread->ended || thread->is_past;

    *ret_real = is_over ? strobe_calls_latest(thread, (struct strobe_calls_time){0, 0}) : question->now(question->ctx, thread);
    return is_over ? thread->last : strobe_calls_own_time(thread, *ret_real);
}

int strobe_calls_rows_init(struct strobe_calls *calls, const struct strobe_calls_question *question, struct strobe_calls_rows *ret)
{
    struct strobe_calls_rows rows = {.n_functions = strobe_calls_function_count(calls), .places = STROBE_HTAB_INIT};
    int err = 0;

    rows.functions = malloc(rows.n_functions * sizeof *rows.functions);
    if (!rows.functions)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < rows.n_functions; i++)
        rows.functions[i] = (struct strobe_calls_row){STROBE_CALLS_OTHER, i, nothing};
    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        strobe_calls_hold(thread); /* all: what waits may go on in another thread than it was read in */
    for (struct strobe_calls_thread *thread = calls->threads; thread && !err; thread = thread->next) {
        struct strobe_calls_time now, real;

        if (question->thread && question->thread != thread->number)
            continue;
        now = own_now(thread, question, &real);
        if (question->group == STROBE_CALLS_ANY)
            (void)((err = add_all(&rows, thread, question->thread, now)) || (err = add_other_stacks(&rows, thread, real.wall)));
        else
            (void)((err = add_group(&rows, thread, question->thread, question->group, now)) ||
                   (err = add_other_stacks_of_group(&rows, thread, question->group, real.wall)));
    }
    if (!err)
        err = add_waits(&rows, calls, question);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        strobe_calls_let_go(thread);
    strobe_calls_unlist(calls);
    if (err)
        strobe_calls_rows_release(&rows);
    else
        *ret = rows;
    return err;
}

void strobe_calls_rows_release(struct strobe_calls_rows *rows)
{
    free(rows->functions);
    free(rows->edges);
    strobe_htab_release(&rows->places);
    memset(rows, 0, sizeof *rows);
}

static struct strobe_calls_thread_facts facts_of(const struct strobe_calls_thread *thread)
{
    return (struct strobe_calls_thread_facts){.number = thread->number, .ident = thread->ident, .tid = thread->tid, .name = thread->name,
                                              .has_ended = thread->ended || thread->is_past};
}

int strobe_calls_threads(struct strobe_calls *calls, struct strobe_calls_thread_facts **ret, size_t *ret_n)
{
    struct strobe_calls_thread_facts *all = NULL;
    size_t n = 0, cap = 0;
    int err = 0;

    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread && !err; thread = thread->next) {
        if (strobe_grow(&all, &cap, n + 1, sizeof *all)) {
            err = STROBE_ERR_NOMEM;
            break;
        }
        strobe_calls_hold(thread);
        all[n] = facts_of(thread);
        all[n].name = strdup(all[n].name);
        strobe_calls_let_go(thread);
        err = all[n++].name ? 0 : STROBE_ERR_NOMEM;
    }
    strobe_calls_unlist(calls);
    if (err) {
        strobe_calls_threads_free(all, n);
        return err;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

void strobe_calls_threads_free(struct strobe_calls_thread_facts *threads, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((char *)threads[i].name);
    free(threads);
}

/* ---- paths ---- */

static int paths_of(const struct strobe_calls_thread *thread, const struct strobe_calls_question *question, uint32_t **functions,
                    size_t *cap, strobe_calls_each_path *each, void *ctx)
{
    struct strobe_calls_thread_facts facts = facts_of(thread);
    struct strobe_calls_time real, now = own_now(thread, question, &real);
    int err = 0;

    for (size_t i = 0; i < thread->tables.n_nodes && !err; i++) {
        const struct strobe_calls_node *node = thread->tables.nodes[i];
        struct strobe_calls_time self = self_of(thread, node, now);
        size_t n = 0, at;

        if (!node->edge || !(self.wall | self.cpu) || (question->group != STROBE_CALLS_ANY && question->group != node->group))
            continue;
        for (const struct strobe_calls_node *outer = node; outer && outer->edge; outer = outer->parent)
            n++;
        if (strobe_grow(functions, cap, n, sizeof **functions))
            return STROBE_ERR_NOMEM;
        at = n;
        for (const struct strobe_calls_node *outer = node; outer && outer->edge; outer = outer->parent)
            (*functions)[--at] = outer->edge->callee->function;
        err = each(ctx, &facts, node->group, *functions, n, self);
    }
    return err;
}

int strobe_calls_paths(struct strobe_calls *calls, const struct strobe_calls_question *question, strobe_calls_each_path *each, void *ctx)
{
    uint32_t *functions = NULL;
    size_t cap = 0;
    int err = 0;

    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread && !err; thread = thread->next) {
        if (question->thread && question->thread != thread->number)
            continue;
        strobe_calls_hold(thread);
        err = paths_of(thread, question, &functions, &cap, each, ctx);
        strobe_calls_let_go(thread);
    }
    strobe_calls_unlist(calls);
    free(functions);
    return err;
}
