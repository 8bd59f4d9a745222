/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_calls: the calls that a group of tasks has handed to a pool: which workers run them, and where; which are queued. */
#include "report/tasks_words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_STACKS = 5,  /* different stacks of workers that are shown of one group */
    MAX_NAMES = 6,   /* names, or ranges of names, of workers of one stack */
    NUMBER_DIGITS = 9,
};

/* A worker's name, parted in two: "pricing_", 3. */
struct name {
    const char *text;
    size_t len; /* without the number */
    int32_t number; /* -1 = none */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct name name_of(const struct strobe_report_worker *worker)
{
    struct name name = {worker->name, strlen(worker->name), -1};
    size_t digits = 0;

    if (!name.len) {
        name.text = worker->worker->pid ? "process " : "thread ";
        name.len = strlen(name.text);
        name.number = worker->tid ? worker->tid : worker->worker->pid;
        return name;
    }
    while (digits < name.len && digits < NUMBER_DIGITS && is_digit(name.text[name.len - 1 - digits]))
        digits++;
    if (digits) {
        name.len -= digits;
        name.number = (int32_t)strtol(name.text + name.len, NULL, 10);
    }
    return name;
}

static int by_prefix(const struct name *a, const struct name *b)
{
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

    return order ? order : a->len < b->len ? -1 : a->len > b->len;
}

static int by_name(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int order = by_prefix(x, y);

    return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

static void put_name(const struct name *name, bool prefix, struct strobe_buf *out)
{
    struct strobe_buf text = STROBE_BUF_INIT;

    if (prefix) {
        strobe_buf_put(&text, name->text, name->len);
        strobe_report_escape(strobe_buf_str(&text), out);
        out->failed |= text.failed;
        strobe_buf_release(&text);
    }
    if (name->number >= 0)
        strobe_buf_printf(out, "%" PRId32, name->number);
}

/* "pricing_0..3, 7, other_1": sorts them. */
static void put_names(struct name *names, uint32_t n, const struct strobe_tasks_style *style, struct strobe_buf *out)
{
    uint32_t shown = 0;

    qsort(names, n, sizeof *names, by_name);
    for (uint32_t i = 0, end; i < n; i = end, shown++) {
        bool same = i > 0 && by_prefix(&names[i - 1], &names[i]) == 0;

        for (end = i + 1; end < n && by_prefix(&names[i], &names[end]) == 0 && names[end].number - names[end - 1].number <= 1;)
            end++;
        if (shown == MAX_NAMES) {
            strobe_buf_printf(out, ", %s", style->dots);
            return;
        }
        if (i)
            strobe_buf_puts(out, ", ");
        put_name(&names[i], !same, out);
        if (names[end - 1].number != names[i].number)
            strobe_buf_printf(out, "..%" PRId32, names[end - 1].number);
    }
}

/* What is shown of a worker's stack, in one number. */
static uint64_t looks_of(const struct strobe_report_worker *worker)
{
    const char *leaf = worker->leaf ? worker->leaf : "";
    uint64_t hash = strobe_hash_bytes(leaf, strlen(leaf), 0);

    for (uint32_t i = 0; i < worker->n_frames; i++) {
        const struct strobe_frame *f = worker->frames[i].frame;
        uint32_t words[3] = {f ? f->name : 0, f ? f->file : 0, f ? (uint32_t)f->line : 0};

        hash = strobe_hash_bytes(words, sizeof words, hash);
    }
    return hash;
}

static const struct strobe_report_worker *worker_of(const struct strobe_report_tasks *report, const struct strobe_report_task *task)
{
    uint32_t pool = strobe_tasks_pool(report, task);

    if (pool == STROBE_NO_INDEX || task->worker == STROBE_NO_INDEX || task->worker >= report->pools[pool].n_workers)
        return NULL;
    return &report->pools[pool].workers[task->worker];
}

struct call {
    uint64_t looks;
    const struct strobe_report_worker *worker;
};

static int by_looks(const void *a, const void *b)
{
    const struct call *x = a, *y = b;

    return x->looks != y->looks ? (x->looks < y->looks ? -1 : 1) : x->worker < y->worker ? -1 : x->worker > y->worker;
}

/* Those of one stack; alone: there is one task only. */
static void put_running(const struct strobe_tasks_index *index, const struct call *calls, uint32_t n, bool alone, const char *prefix,
                        const struct strobe_tasks_style *style, struct strobe_buf *out)
{
    const struct strobe_report_worker *first = calls[0].worker;
    struct name *names = malloc(n * sizeof *names);

    if (!names) {
        out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        names[i] = name_of(calls[i].worker);
    strobe_buf_puts(out, prefix);
    if (alone)
        strobe_buf_puts(out, "running in ");
    else
        strobe_buf_printf(out, "%" PRIu32 " running in ", n);
    put_names(names, n, style, out);
    free(names);
    if (first->n_frames) {
        strobe_buf_puts(out, ": ");
        strobe_tasks_frames(index->report->process, first->frames, first->n_frames, false, style, out);
    }
    strobe_tasks_leaf(first->leaf, first->n_frames > 0, style, out);
    strobe_buf_putc(out, '\n');
}

static void put_queued(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const char *prefix,
                       struct strobe_buf *out)
{
    uint32_t queued = 0, best = UINT32_MAX, pool = strobe_tasks_pool(index->report, &index->report->tasks[tasks[0]]);

    for (uint32_t i = 0; i < n; i++) {
        uint32_t place = index->report->tasks[tasks[i]].queue_place;

        queued += place > 0;
        best = place > 0 && place < best ? place : best;
    }
    /* When all that is queued is theirs the pool's line says it. */
    if (!queued || (n > 1 && pool != STROBE_NO_INDEX && queued == index->report->pools[pool].pool->n_queued))
        return;
    strobe_buf_puts(out, prefix);
    if (n > 1) {
        strobe_buf_grouped(out, queued);
        strobe_buf_puts(out, " of them queued, the first at ");
    }
    strobe_buf_printf(out, "place %" PRIu32 " in the queue\n", best);
}

void strobe_tasks_calls(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const char *prefix,
                        const struct strobe_tasks_style *style, struct strobe_buf *out)
{
    struct call *calls = malloc(n * sizeof *calls);
    uint32_t n_calls = 0, stacks = 0, end;

    if (!calls) {
        out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct strobe_report_worker *worker = worker_of(index->report, &index->report->tasks[tasks[i]]);

        if (worker)
            calls[n_calls++] = (struct call){looks_of(worker), worker};
    }
    qsort(calls, n_calls, sizeof *calls, by_looks);
    for (uint32_t i = 0; i < n_calls; i = end) {
        for (end = i + 1; end < n_calls && calls[end].looks == calls[i].looks;)
            end++;
        if (stacks++ == MAX_STACKS) {
            strobe_buf_puts(out, prefix);
            strobe_buf_grouped(out, n_calls - i);
            strobe_buf_puts(out, " running elsewhere\n");
            break;
        }
        put_running(index, calls + i, end - i, n == 1, prefix, style, out);
    }
    free(calls);
    put_queued(index, tasks, n, prefix, out);
}
