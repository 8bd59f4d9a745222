/* SPDX-License-Identifier: Apache-2.0 */
#include "agg/agg.h"

#include <stdlib.h>
#include <string.h>

#include "agg/edges.h"
#include "agg/eventlog.h"
#include "agg/spread.h"
#include "agg/stacktree.h"
#include "base/err.h"
#include "base/grow.h"
#include "base/htab.h"
#include "base/random.h"

#define NO_ENTRY UINT32_MAX

struct entry {
    uint32_t leaf, next; /* next entry of the thread, in the order first seen */
    uint64_t ns, samples;
    uint64_t additions; /* looks at the thread: one each, late or not */
};

struct thread {
    int32_t pid, tid;
    char *name;            /* owned; NULL = unknown */
    uint64_t in_cell, mark; /* see take_periods */
    bool has_mark;
    uint32_t first, newest; /* entries; NO_ENTRY */
    uint32_t last;         /* entry of the addition before: a thread mostly stays where it is */
    struct strobe_eventlog_thread log;
};

struct strobe_agg {
    uint64_t period_ns, random;
    bool with_log, log_losable, even;
    struct strobe_stacktree tree;
    struct thread *threads;
    size_t n_threads, cap_threads;
    struct strobe_htab thread_by_id; /* (pid, tid; serial) -> thread */
    struct entry *entries;
    size_t n_entries, cap_entries;
    struct strobe_htab entry_by_leaf; /* (thread, leaf) -> entry */
    struct strobe_eventlog log;
    unsigned char *left_out; /* by node, of the first n_judged; NULL = nothing is */
    size_t n_judged;
};

int strobe_agg_new(uint64_t period_ns, unsigned flags, struct strobe_agg **ret_agg)
{
    struct strobe_agg *agg;

    if (period_ns > INT64_MAX / 4)
        return STROBE_ERR_ARG;
    agg = calloc(1, sizeof *agg);
    if (!agg)
        return STROBE_ERR_NOMEM;
    if (strobe_stacktree_init(&agg->tree)) {
        free(agg);
        return STROBE_ERR_NOMEM;
    }
    agg->period_ns = period_ns;
    agg->random = 0x9e3779b97f4a7c15ull; /* the same numbers in every recording */
    agg->with_log = flags & STROBE_AGG_LOG;
    agg->log_losable = flags & STROBE_AGG_LOG_LOSABLE;
    agg->even = flags & STROBE_AGG_EVEN && period_ns;
    agg->log = (struct strobe_eventlog)STROBE_EVENTLOG_INIT;
    *ret_agg = agg;
    return 0;
}

void strobe_agg_free(struct strobe_agg *agg)
{
    if (!agg)
        return;
    for (size_t i = 0; i < agg->n_threads; i++) {
        free(agg->threads[i].name);
        strobe_eventlog_thread_release(&agg->threads[i].log);
    }
    free(agg->threads);
    free(agg->entries);
    free(agg->left_out);
    strobe_htab_release(&agg->thread_by_id);
    strobe_htab_release(&agg->entry_by_leaf);
    strobe_stacktree_release(&agg->tree);
    strobe_eventlog_release(&agg->log);
    free(agg);
}

static int rename_thread(struct thread *thread, const char *name)
{
    char *copy;

    if (!name || !*name || (thread->name && strcmp(thread->name, name) == 0))
        return 0;
    copy = strdup(name);
    if (!copy)
        return STROBE_ERR_NOMEM;
    free(thread->name);
    thread->name = copy;
    return 0;
}

int strobe_agg_thread(struct strobe_agg *agg, int32_t pid, int32_t tid, uint64_t serial, const char *name, uint32_t *ret_thread)
{
    uint64_t key = (uint64_t)(uint32_t)pid << 32 | (uint32_t)tid;
    const uint64_t *known = strobe_htab_get(&agg->thread_by_id, key, serial);
    struct thread fresh = {.pid = pid, .tid = tid, .first = NO_ENTRY, .newest = NO_ENTRY, .last = NO_ENTRY};
    int err;

    if (known) {
        err = rename_thread(&agg->threads[*known], name);
        if (!err)
            *ret_thread = (uint32_t)*known;
        return err;
    }
    if (strobe_grow(&agg->threads, &agg->cap_threads, agg->n_threads + 1, sizeof *agg->threads))
        return STROBE_ERR_NOMEM;
    err = rename_thread(&fresh, name);
    if (!err)
        err = strobe_htab_put(&agg->thread_by_id, key, serial, agg->n_threads);
    if (err) {
        free(fresh.name);
        return err;
    }
    agg->threads[agg->n_threads] = fresh;
    *ret_thread = (uint32_t)agg->n_threads++;
    return 0;
}

int strobe_agg_stack(struct strobe_agg *agg, const uint32_t *frames, size_t n, uint32_t *ret_leaf)
{
    return strobe_stacktree_stack(&agg->tree, frames, n, ret_leaf);
}

static int find_entry(struct strobe_agg *agg, uint32_t thread_index, uint32_t leaf, uint32_t *ret_entry)
{
    struct thread *thread = &agg->threads[thread_index];
    const uint64_t *known = strobe_htab_get(&agg->entry_by_leaf, thread_index, leaf);
    int err;

    if (known) {
        *ret_entry = (uint32_t)*known;
        return 0;
    }
    if (strobe_grow(&agg->entries, &agg->cap_entries, agg->n_entries + 1, sizeof *agg->entries))
        return STROBE_ERR_NOMEM;
    err = strobe_htab_put(&agg->entry_by_leaf, thread_index, leaf, agg->n_entries);
    if (err)
        return err;
    *ret_entry = (uint32_t)agg->n_entries++;
    agg->entries[*ret_entry] = (struct entry){.leaf = leaf, .next = NO_ENTRY};
    if (thread->first == NO_ENTRY)
        thread->first = *ret_entry;
    else
        agg->entries[thread->newest].next = *ret_entry;
    thread->newest = *ret_entry;
    return 0;
}

/* Whole periods of a stretch of time.  A thread's time is cut into cells of one period, each with one mark at a random place, and a
 * stretch gets as many periods as it has marks: on average exactly its share, wherever it begins, and over a thread its time within a
 * period.  (Marks at fixed places would meet a program with a rhythm of one period always in the same part of it: what came just after
 * the mark would get three times what came just before it.) */
static uint64_t take_periods(struct strobe_agg *agg, struct thread *thread, uint64_t ns)
{
    uint64_t period = agg->period_ns, end = thread->in_cell + ns, n, cells;

    if (!period)
        return 1; /* flat out: there is no nominal period, an addition is a sample */
    if (!thread->has_mark) {
        thread->mark = strobe_random_below(&agg->random, period);
        thread->has_mark = true;
    }
    n = thread->in_cell <= thread->mark && thread->mark < end;
    if (end < period) {
        thread->in_cell = end;
        return n;
    }
    cells = end / period;
    thread->in_cell = end - cells * period;
    thread->mark = strobe_random_below(&agg->random, period);
    return n + (cells - 1) + (thread->mark < thread->in_cell);
}

int strobe_agg_add(struct strobe_agg *agg, uint32_t thread_index, uint32_t leaf, uint64_t time_ns, uint64_t ns)
{
    struct thread *thread;
    struct entry *entry;
    int err;

    if (thread_index >= agg->n_threads || leaf >= agg->tree.n_nodes || ns > INT64_MAX / 4)
        return STROBE_ERR_ARG;
    thread = &agg->threads[thread_index];
    if (thread->last == NO_ENTRY || agg->entries[thread->last].leaf != leaf) {
        if ((err = find_entry(agg, thread_index, leaf, &thread->last)))
            return err;
    }
    entry = &agg->entries[thread->last];
    entry->ns += ns;
    entry->additions++;
    if (!agg->even)
        entry->samples += take_periods(agg, thread, ns);
    if (!agg->with_log)
        return 0;
    err = strobe_eventlog_add(&agg->log, &thread->log, leaf, time_ns > ns ? time_ns - ns : 0, time_ns);
    return err == STROBE_ERR_IO && agg->log_losable ? 0 : err;
}

int strobe_agg_leave_out_mixed(struct strobe_agg *agg, const struct strobe_names *names, uint64_t *ret_samples)
{
    uint64_t *samples = calloc(agg->tree.n_nodes, sizeof *samples), left_out = 0;
    unsigned char *doubtful = malloc(agg->tree.n_nodes);
    int err = samples && doubtful ? 0 : STROBE_ERR_NOMEM;

    if (err)
        goto done;
    for (size_t i = 0; i < agg->n_entries; i++)
        samples[agg->entries[i].leaf] += agg->entries[i].additions;
    if ((err = strobe_edges_judge(&agg->tree, names, samples, doubtful)))
        goto done;
    for (size_t i = 0; i < agg->n_entries; i++)
        if (doubtful[agg->entries[i].leaf])
            left_out += agg->entries[i].additions;
    free(agg->left_out);
    agg->left_out = doubtful;
    agg->n_judged = agg->tree.n_nodes;
    doubtful = NULL;
    *ret_samples = left_out;
done:
    free(samples);
    free(doubtful);
    return err;
}

bool strobe_agg_is_left_out(const struct strobe_agg *agg, uint32_t node)
{
    return node < agg->n_judged && agg->left_out[node];
}

uint64_t strobe_agg_period(const struct strobe_agg *agg)
{
    return agg->period_ns;
}

bool strobe_agg_has_log(const struct strobe_agg *agg)
{
    return agg->with_log;
}

size_t strobe_agg_thread_count(const struct strobe_agg *agg)
{
    return agg->n_threads;
}

struct strobe_agg_thread_info strobe_agg_thread_info(const struct strobe_agg *agg, uint32_t thread)
{
    if (thread >= agg->n_threads)
        return (struct strobe_agg_thread_info){0, 0, ""};
    return (struct strobe_agg_thread_info){agg->threads[thread].pid, agg->threads[thread].tid,
                                           agg->threads[thread].name ? agg->threads[thread].name : ""};
}

int strobe_agg_child(struct strobe_agg *agg, uint32_t node, uint32_t frame, uint32_t *ret_node)
{
    return strobe_stacktree_child(&agg->tree, node, frame, ret_node);
}

uint32_t strobe_agg_parent(const struct strobe_agg *agg, uint32_t node)
{
    return node < agg->tree.n_nodes ? agg->tree.nodes[node].parent : 0;
}

uint32_t strobe_agg_frame(const struct strobe_agg *agg, uint32_t node)
{
    return node < agg->tree.n_nodes ? agg->tree.nodes[node].item : UINT32_MAX;
}

size_t strobe_agg_node_count(const struct strobe_agg *agg)
{
    return agg->tree.n_nodes;
}

size_t strobe_agg_frames(const struct strobe_agg *agg, uint32_t leaf, uint32_t *frames, size_t max)
{
    size_t depth = strobe_stacktree_depth(&agg->tree, leaf);

    for (size_t i = depth; i > 0; i--, leaf = agg->tree.nodes[leaf].parent)
        if (i <= max)
            frames[i - 1] = agg->tree.nodes[leaf].item;
    return depth;
}

static int spread_entries(const struct strobe_agg *agg, struct strobe_spread *ret_spread)
{
    uint64_t *own_ns = calloc(agg->tree.n_nodes, sizeof *own_ns);
    int err = own_ns ? 0 : STROBE_ERR_NOMEM;

    for (size_t i = 0; !err && i < agg->n_entries; i++)
        if (!strobe_agg_is_left_out(agg, agg->entries[i].leaf))
            own_ns[agg->entries[i].leaf] += agg->entries[i].ns;
    if (!err)
        err = strobe_spread_init(ret_spread, &agg->tree, own_ns, agg->period_ns);
    free(own_ns);
    return err;
}

int strobe_agg_each(const struct strobe_agg *agg, int (*each)(void *ctx, const struct strobe_agg_entry *entry), void *ctx)
{
    struct strobe_spread spread = {0, NULL};
    int err = agg->even ? spread_entries(agg, &spread) : 0;

    for (uint32_t t = 0; !err && t < agg->n_threads; t++) {
        for (uint32_t i = agg->threads[t].first; !err && i != NO_ENTRY; i = agg->entries[i].next) {
            const struct entry *from = &agg->entries[i];
            struct strobe_agg_entry entry = {t, from->leaf, from->ns, from->samples};

            if (strobe_agg_is_left_out(agg, from->leaf))
                continue;
            if (agg->even)
                entry.samples = strobe_spread_take(&spread, from->leaf, from->ns);
            err = each(ctx, &entry);
        }
    }
    strobe_spread_release(&spread);
    return err;
}

struct event_ctx {
    const struct strobe_agg *agg;
    int (*each)(void *ctx, const struct strobe_agg_event *event);
    void *ctx;
    uint32_t thread;
};

static int event_of_run(void *arg, uint32_t leaf, uint64_t start_ns, uint64_t end_ns)
{
    const struct event_ctx *ctx = arg;
    struct strobe_agg_event event = {ctx->thread, leaf, start_ns, end_ns};

    return strobe_agg_is_left_out(ctx->agg, leaf) ? 0 : ctx->each(ctx->ctx, &event);
}

int strobe_agg_each_event_of(struct strobe_agg *agg, uint32_t thread, int (*each)(void *ctx, const struct strobe_agg_event *event),
                             void *ctx)
{
    struct event_ctx one = {agg, each, ctx, thread};

    if (!agg->with_log)
        return STROBE_ERR_MISSING;
    if (thread >= agg->n_threads)
        return STROBE_ERR_ARG;
    return strobe_eventlog_each(&agg->log, &agg->threads[thread].log, event_of_run, &one);
}

int strobe_agg_each_event(struct strobe_agg *agg, int (*each)(void *ctx, const struct strobe_agg_event *event), void *ctx)
{
    int err = agg->with_log ? 0 : STROBE_ERR_MISSING;

    for (uint32_t t = 0; !err && t < agg->n_threads; t++)
        err = strobe_agg_each_event_of(agg, t, each, ctx);
    return err;
}
