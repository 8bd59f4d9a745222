/* SPDX-License-Identifier: Apache-2.0 */
#include "report/resources.h"

#include <inttypes.h>
#include <string.h>

#include "report/escape.h"
#include "report/tasks_words.h"

enum {
    MAX_QUIET = 20, /* rows of a table that nobody waits for: a screen; --json has them all */
    MAX_PAD = 60,   /* a column gets no wider; what is longer pushes its row to the right */
};

static const struct {
    const char *word, *heading, *plain;
} kinds[STROBE_RESOURCE_KINDS] = {
    [STROBE_RESOURCE_THREAD_POOL] = {"thread_pool", "Executors", "threads of an executor that is no more"},
    [STROBE_RESOURCE_PROCESS_POOL] = {"process_pool", "Executors", "processes of an executor that is no more"},
    [STROBE_RESOURCE_INTERPRETER_POOL] = {"interpreter_pool", "Executors", "interpreters of an executor that is no more"},
    [STROBE_RESOURCE_ANYIO_POOL] = {"anyio_pool", "Executors", "anyio's worker threads"},
    [STROBE_RESOURCE_SEMAPHORE] = {"semaphore", "Semaphores and limiters", "semaphore"},
    [STROBE_RESOURCE_LIMITER] = {"limiter", "Semaphores and limiters", "limiter"},
    [STROBE_RESOURCE_QUEUE] = {"queue", "Queues", "queue"},
};

const char *strobe_report_resource_word(enum strobe_resource_kind kind)
{
    return kinds[kind].word;
}

const char *strobe_report_capacity_word(enum strobe_capacity_source source)
{
    switch (source) {
    case STROBE_CAPACITY_STORED: return "bounded";
    case STROBE_CAPACITY_COUNTED: return "counted";
    case STROBE_CAPACITY_CONSTRUCTION: return "construction";
    default: return "";
    }
}

/* All of it is in use.  Who waits for something to be put into an empty queue has nothing to do. */
static bool is_full(const struct strobe_report_resource *r)
{
    switch (r->kind) {
    case STROBE_RESOURCE_SEMAPHORE:
    case STROBE_RESOURCE_LIMITER: return r->free == 0 || r->over > 0;
    case STROBE_RESOURCE_QUEUE: return r->maxsize > 0 && r->size >= r->maxsize;
    default: return (r->max >= 0 && r->busy >= r->max) || (r->max < 0 && r->busy >= r->workers) || r->workers == 0;
    }
}

int64_t strobe_report_resource_pressure(const struct strobe_report_resource *r)
{
    int64_t waiting = r->kind < STROBE_RESOURCE_SEMAPHORE ? r->queued : r->waiters;

    return waiting > 0 && is_full(r) ? waiting : 0;
}

/* ---- cells ---- */

static void put_number(int64_t n, struct strobe_buf *out)
{
    if (n == STROBE_UNLIMITED)
        strobe_buf_puts(out, "unlimited");
    else if (n < 0)
        strobe_buf_putc(out, '?');
    else
        strobe_buf_grouped(out, (uint64_t)n);
}

static void put_name(const struct strobe_report_resource *r, uint32_t n, struct strobe_buf *out)
{
    strobe_report_escape(*r->name ? r->name : "-", out);
    if (n > 1) {
        strobe_buf_puts(out, " x ");
        strobe_buf_grouped(out, n);
    }
}

static void put_type(const struct strobe_report_resource *r, struct strobe_buf *out)
{
    if (r->of_threads && r->kind >= STROBE_RESOURCE_SEMAPHORE && *r->module) {
        strobe_report_escape(r->module, out);
        strobe_buf_putc(out, '.');
    }
    strobe_report_escape(*r->type ? r->type : kinds[r->kind].plain, out);
    if (*r->prefix) {
        strobe_buf_puts(out, " \"");
        strobe_report_escape(r->prefix, out);
        strobe_buf_putc(out, '"');
    }
}

static void put_queued(int64_t n, const char *what, struct strobe_buf *out)
{
    if (n <= 0)
        return;
    strobe_buf_puts(out, ", ");
    strobe_buf_grouped(out, (uint64_t)n);
    strobe_buf_printf(out, " %s%s", what, n == 1 || strcmp(what, "queued") == 0 ? "" : "s");
}

static void put_of(int64_t n, int64_t most, const char *what, struct strobe_buf *out)
{
    put_number(n, out);
    if (most >= 0 && most != STROBE_UNLIMITED) {
        strobe_buf_puts(out, " of ");
        put_number(most, out);
    }
    strobe_buf_puts(out, what);
}

/* Holders that people need: where what is held does not follow from what is free. */
static int64_t shown_holders(const struct strobe_report_resource *r)
{
    bool follows = r->capacity >= 0 && r->capacity != STROBE_UNLIMITED && r->capacity_source != STROBE_CAPACITY_COUNTED;

    return follows || r->holders < 0 ? 0 : r->holders;
}

/* What a semaphore's holders were counted to make up is at least its capacity: they are said by themselves. */
static void put_permits(const struct strobe_report_resource *r, struct strobe_buf *out)
{
    put_of(r->free, r->capacity_source == STROBE_CAPACITY_COUNTED ? -1 : r->capacity, " free", out);
    if (r->over > 0) {
        strobe_buf_puts(out, ", ");
        put_number(r->over, out);
        strobe_buf_puts(out, " too many lent");
    } else if (shown_holders(r) > 0) {
        strobe_buf_puts(out, ", ");
        put_number(shown_holders(r), out);
        strobe_buf_puts(out, " held");
    }
    put_queued(r->waiters, "waiter", out);
}

static void put_state(const struct strobe_report_resource *r, struct strobe_buf *out)
{
    switch (r->kind) {
    case STROBE_RESOURCE_THREAD_POOL:
    case STROBE_RESOURCE_PROCESS_POOL:
    case STROBE_RESOURCE_INTERPRETER_POOL:
    case STROBE_RESOURCE_ANYIO_POOL:
        put_of(r->busy, r->max, " busy", out);
        put_queued(r->queued, "queued", out);
        if (r->shutdown)
            strobe_buf_puts(out, ", shut down");
        else if (r->workers == 0)
            strobe_buf_puts(out, r->queued > 0 ? ", no worker" : ", no worker yet");
        break;
    case STROBE_RESOURCE_SEMAPHORE:
    case STROBE_RESOURCE_LIMITER: put_permits(r, out); break;
    default:
        put_of(r->size, r->maxsize, r->maxsize == 1 ? " item" : " items", out);
        put_queued(r->waiters, "waiter", out);
        break;
    }
}

/* ---- tables ---- */

/* Rows from `first` on that have one heading; how many lines of them are shown. */
struct table {
    const struct strobe_report_resources *report;
    uint32_t first, end;
    size_t name_width, type_width;
    bool color;
};

/* Is there nothing that tells them apart? */
static bool alike(const struct strobe_report_resource *a, const struct strobe_report_resource *b)
{
    return a->kind == b->kind && strcmp(a->type, b->type) == 0 && strcmp(a->module, b->module) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->prefix, b->prefix) == 0 && a->max == b->max && a->workers == b->workers && a->busy == b->busy &&
           a->queued == b->queued && a->shutdown == b->shutdown && a->free == b->free && a->capacity == b->capacity && a->over == b->over &&
           shown_holders(a) == shown_holders(b) && a->waiters == b->waiters && a->size == b->size && a->maxsize == b->maxsize;
}

static uint32_t run_of(const struct table *t, uint32_t from)
{
    uint32_t n = 1;

    while (from + n < t->end && alike(&t->report->at[from], &t->report->at[from + n]))
        n++;
    return n;
}

/* The wider of a column and its next cell, which is emptied. */
static size_t wider(size_t width, struct strobe_buf *cell, struct strobe_buf *out)
{
    size_t n = strobe_tasks_width(strobe_buf_str(cell));

    out->failed |= cell->failed;
    strobe_buf_clear(cell);
    n = n < MAX_PAD ? n : MAX_PAD;
    return n > width ? n : width;
}

static void measure(struct table *t, struct strobe_buf *out)
{
    struct strobe_buf cell = STROBE_BUF_INIT;
    uint32_t n, quiet = 0;

    for (uint32_t i = t->first; i < t->end && quiet <= MAX_QUIET; i += n) {
        n = run_of(t, i);
        quiet += !strobe_report_resource_pressure(&t->report->at[i]);
        put_name(&t->report->at[i], n, &cell);
        t->name_width = wider(t->name_width, &cell, out);
        put_type(&t->report->at[i], &cell);
        t->type_width = wider(t->type_width, &cell, out);
    }
    strobe_buf_release(&cell);
}

static void put_padded(struct strobe_buf *cell, size_t width, struct strobe_buf *out)
{
    strobe_buf_puts(out, strobe_buf_str(cell));
    for (size_t n = strobe_tasks_width(strobe_buf_str(cell)); n < width; n++)
        strobe_buf_putc(out, ' ');
    strobe_buf_puts(out, "  ");
    out->failed |= cell->failed;
    strobe_buf_release(cell);
}

static void put_row(const struct table *t, const struct strobe_report_resource *r, uint32_t n, struct strobe_buf *out)
{
    bool hot = strobe_report_resource_pressure(r) > 0;
    struct strobe_buf name = STROBE_BUF_INIT, type = STROBE_BUF_INIT;

    put_name(r, n, &name);
    put_type(r, &type);
    strobe_buf_puts(out, hot && t->color ? "\x1b[31m! " : hot ? "! " : "  ");
    put_padded(&name, t->name_width, out);
    put_padded(&type, t->type_width, out);
    put_state(r, out);
    strobe_buf_puts(out, hot && t->color ? "\x1b[0m\n" : "\n");
}

static void put_table(struct table *t, struct strobe_buf *out)
{
    uint32_t n, quiet = 0, left = 0;

    measure(t, out);
    strobe_buf_printf(out, "%s%s%s%s\n", t->first ? "\n" : "", t->color ? "\x1b[1m" : "", kinds[t->report->at[t->first].kind].heading,
                      t->color ? "\x1b[0m" : "");
    for (uint32_t i = t->first; i < t->end; i += n) {
        const struct strobe_report_resource *r = &t->report->at[i];

        n = run_of(t, i);
        if (!strobe_report_resource_pressure(r) && quiet++ >= MAX_QUIET)
            left += n;
        else
            put_row(t, r, n, out);
    }
    if (!left)
        return;
    strobe_buf_puts(out, "  ... and ");
    strobe_buf_grouped(out, left);
    strobe_buf_puts(out, " more that are not saturated (--json has all)\n");
}

/* The one that most wait for, and how many others there are. */
static void put_worst(const struct strobe_report_resources *report, struct strobe_buf *out)
{
    const struct strobe_report_resource *worst = NULL;
    uint32_t n = 0;

    for (uint32_t i = 0; i < report->n; i++) {
        int64_t pressure = strobe_report_resource_pressure(&report->at[i]);

        n += pressure > 0;
        if (pressure > (worst ? strobe_report_resource_pressure(worst) : 0))
            worst = &report->at[i];
    }
    if (!worst) {
        strobe_buf_puts(out, "\nsaturated: nothing\n");
        return;
    }
    strobe_buf_puts(out, "\nsaturated: ");
    put_type(worst, out);
    if (*worst->name) {
        strobe_buf_putc(out, ' ');
        strobe_report_escape(worst->name, out);
    }
    strobe_buf_puts(out, ": ");
    put_state(worst, out);
    if (n > 1) {
        strobe_buf_puts(out, "; and ");
        strobe_buf_grouped(out, n - 1);
        strobe_buf_puts(out, n == 2 ? " other" : " others");
    }
    strobe_buf_putc(out, '\n');
}

int strobe_report_resource_group(enum strobe_resource_kind kind)
{
    return kind < STROBE_RESOURCE_SEMAPHORE ? 0 : kind < STROBE_RESOURCE_QUEUE ? 1 : 2;
}

static int group_of(const struct strobe_report_resources *report, uint32_t i)
{
    return strobe_report_resource_group(report->at[i].kind);
}

void strobe_report_resources(const struct strobe_report_resources *report, bool color, struct strobe_buf *out)
{
    struct table t = {.report = report, .color = color};

    for (; t.first < report->n; t.first = t.end) {
        for (t.end = t.first + 1; t.end < report->n && group_of(report, t.end) == group_of(report, t.first);)
            t.end++;
        t.name_width = t.type_width = 0;
        put_table(&t, out);
    }
    if (report->n)
        put_worst(report, out);
    strobe_report_copies(report->n_copies, out);
    strobe_report_stopped(report->process, out);
}
