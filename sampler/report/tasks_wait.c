/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_wait: what a group of equal tasks waits for, in words. */
#include "report/tasks_words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What a thing is called whose class is not known, and what is said of several. */
static const struct {
    const char *type, *method;
} kinds[STROBE_WAIT_KINDS] = {
    [STROBE_WAIT_FUTURE] = {"Future", ""},
    [STROBE_WAIT_TASKS] = {"task", ""},
    [STROBE_WAIT_SLEEP] = {"sleep", ""},
    [STROBE_WAIT_LOCK] = {"Lock", ""},
    [STROBE_WAIT_SEMAPHORE] = {"Semaphore", ""},
    [STROBE_WAIT_EVENT] = {"Event", ""},
    [STROBE_WAIT_CONDITION] = {"Condition", ""},
    [STROBE_WAIT_QUEUE_GET] = {"Queue", ".get"},
    [STROBE_WAIT_QUEUE_PUT] = {"Queue", ".put"},
    [STROBE_WAIT_QUEUE_JOIN] = {"Queue", ".join"},
    [STROBE_WAIT_BARRIER] = {"Barrier", ""},
    [STROBE_WAIT_SOCKET] = {"socket", ""},
    [STROBE_WAIT_STREAM_READ] = {"stream read", ""},
    [STROBE_WAIT_STREAM_WRITE] = {"stream write", ""},
    [STROBE_WAIT_SERVER] = {"server", ""},
    [STROBE_WAIT_SUBPROCESS] = {"subprocess", ""},
    [STROBE_WAIT_EXECUTOR] = {"executor", ""},
    [STROBE_WAIT_WORKER_THREAD] = {"worker thread", ""},
    [STROBE_WAIT_LIMITER] = {"CapacityLimiter", ""},
};

/* Classes of transports and sockets say less than the word. */
static bool word_says_more(enum strobe_wait_kind kind)
{
    return kind == STROBE_WAIT_SLEEP || kind == STROBE_WAIT_TASKS || (kind >= STROBE_WAIT_SOCKET && kind <= STROBE_WAIT_WORKER_THREAD);
}

static void put_type(const struct strobe_report_wait *wait, struct strobe_buf *out)
{
    if (*wait->type && !word_says_more(wait->wait->kind))
        strobe_report_escape(wait->type, out);
    else
        strobe_buf_puts(out, kinds[wait->wait->kind].type);
}

void strobe_tasks_pool_name(const struct strobe_report_pool *pool, struct strobe_buf *out)
{
    if (pool->pool->kind == STROBE_POOL_ANYIO) {
        strobe_buf_puts(out, "anyio's worker threads");
        return;
    }
    strobe_report_escape(*pool->type ? pool->type : strobe_tasks_pool_word(pool->pool->kind), out);
    if (*pool->name) {
        strobe_buf_puts(out, " \"");
        strobe_report_escape(pool->name, out);
        strobe_buf_putc(out, '"');
    }
}

void strobe_tasks_thing(const struct strobe_tasks_index *index, uint32_t wait, struct strobe_buf *out)
{
    const struct strobe_report_wait *w = &index->report->waits[wait];

    put_type(w, out);
    strobe_buf_puts(out, kinds[w->wait->kind].method);
    if (*w->name) {
        strobe_buf_putc(out, ' ');
        strobe_tasks_thing_name(index, wait, out);
    } else if (w->wait->object && strobe_tasks_shared(index, wait)) {
        strobe_buf_printf(out, " at 0x%" PRIx64, w->wait->object);
    }
}

void strobe_tasks_thing_name(const struct strobe_tasks_index *index, uint32_t wait, struct strobe_buf *out)
{
    const struct strobe_report_wait *w = &index->report->waits[wait];

    strobe_report_escape(w->name, out);
    if (w->alike && !word_says_more(w->wait->kind)) /* files are told apart by what is said of them */
        strobe_buf_printf(out, " at 0x%" PRIx64, w->wait->object);
}

/* "12 different Queues Worker.inbox (get)" */
static void put_different(const struct strobe_report_wait *wait, uint32_t n, struct strobe_buf *out)
{
    const char *method = kinds[wait->wait->kind].method;

    strobe_buf_grouped(out, n);
    strobe_buf_puts(out, " different ");
    put_type(wait, out);
    strobe_buf_putc(out, 's');
    if (*wait->name) {
        strobe_buf_putc(out, ' ');
        strobe_report_escape(wait->name, out);
    }
    if (*method)
        strobe_buf_printf(out, " (%s)", method + 1);
}

/* Between facts. */
static void comma(bool *first, struct strobe_buf *out)
{
    strobe_buf_puts(out, *first ? "  " : ", ");
    *first = false;
}

static void put_count(uint64_t n, const char *what, bool *first, struct strobe_buf *out)
{
    comma(first, out);
    strobe_buf_grouped(out, n);
    strobe_buf_printf(out, " %s%s", what, n == 1 ? "" : "s");
}

/* Who holds a lock: its group, as far as it is seen. */
static void put_holder(const struct strobe_tasks_index *index, uint32_t wait, bool *first, struct strobe_buf *out)
{
    uint32_t n = index->holder_at[wait + 1] - index->holder_at[wait];

    if (index->report->waits[wait].facts.free > 0) {
        comma(first, out);
        strobe_buf_puts(out, "free");
        return;
    }
    comma(first, out);
    if (!n) {
        strobe_buf_puts(out, "holder not seen");
        return;
    }
    strobe_buf_puts(out, "held by ");
    strobe_tasks_name(&index->report->tasks[index->holders[index->holder_at[wait]]], out);
    if (n > 1) /* it changed hands while it was read */
        strobe_buf_printf(out, " and %" PRIu32 " more", n - 1);
}

static void put_permits(const struct strobe_wait_facts *facts, bool *first, struct strobe_buf *out)
{
    if (facts->free < 0)
        return;
    comma(first, out);
    if (facts->capacity > 0)
        strobe_buf_printf(out, "%" PRId64 " of %" PRId64 " free", facts->free, facts->capacity);
    else
        strobe_buf_printf(out, "%" PRId64 " free", facts->free);
}

static void put_queue(enum strobe_wait_kind kind, const struct strobe_wait_facts *facts, struct strobe_buf *out)
{
    if (kind == STROBE_WAIT_QUEUE_JOIN) {
        if (facts->unfinished >= 0)
            strobe_buf_printf(out, "  (%" PRId64 " unfinished)", facts->unfinished);
    } else if (facts->size == 0) {
        strobe_buf_puts(out, "  (empty)");
    } else if (facts->size > 0 && facts->maxsize > 0) {
        strobe_buf_printf(out, "  (%" PRId64 " of %" PRId64 "%s)", facts->size, facts->maxsize,
                          facts->size >= facts->maxsize ? " full" : "");
    } else if (facts->size > 0) {
        strobe_buf_printf(out, "  (%" PRId64 " item%s)", facts->size, facts->size == 1 ? "" : "s");
    }
}

static void put_facts(const struct strobe_tasks_index *index, uint32_t wait, struct strobe_buf *out)
{
    const struct strobe_report_wait *w = &index->report->waits[wait];
    uint32_t waiting = index->waiting[wait];
    bool first = true;

    switch (w->wait->kind) {
    case STROBE_WAIT_LOCK:
        put_holder(index, wait, &first, out);
        put_count(waiting, "waiter", &first, out);
        break;
    case STROBE_WAIT_SEMAPHORE:
    case STROBE_WAIT_LIMITER:
        put_permits(&w->facts, &first, out);
        put_count(waiting, "waiter", &first, out);
        break;
    case STROBE_WAIT_BARRIER:
        if (w->facts.capacity > 0) {
            comma(&first, out);
            strobe_buf_printf(out, "%" PRIu32 " of %" PRId64 " there", waiting, w->facts.capacity);
        }
        break;
    case STROBE_WAIT_CONDITION:
        put_count(waiting, "waiter", &first, out);
        break;
    case STROBE_WAIT_EVENT:
        if (w->facts.free >= 0) {
            comma(&first, out);
            strobe_buf_puts(out, w->facts.free ? "set" : "not set");
        }
        if (waiting > 1)
            put_count(waiting, "waiter", &first, out);
        break;
    case STROBE_WAIT_QUEUE_GET:
    case STROBE_WAIT_QUEUE_PUT:
    case STROBE_WAIT_QUEUE_JOIN: put_queue(w->wait->kind, &w->facts, out); break;
    default:
        if (w->facts.fd >= 0) {
            comma(&first, out);
            strobe_buf_printf(out, "fd %" PRId32, w->facts.fd);
        }
        if (*w->peer) {
            comma(&first, out);
            strobe_buf_puts(out, "peer ");
            strobe_report_escape(w->peer, out);
        }
        if (w->known_as) {
            comma(&first, out);
            strobe_tasks_name(&index->report->tasks[w->known_to], out);
            strobe_buf_puts(out, " has it as ");
            strobe_report_escape(w->known_as, out);
        }
        if (w->facts.pid >= 0 && w->wait->kind == STROBE_WAIT_SUBPROCESS) {
            comma(&first, out);
            strobe_buf_printf(out, "pid %" PRId32, w->facts.pid);
        }
    }
}

static void put_due(const struct strobe_report_tasks *report, const uint32_t *tasks, uint32_t n, struct strobe_buf *out)
{
    double low = INFINITY, high = -INFINITY;

    for (uint32_t i = 0; i < n; i++) {
        low = fmin(low, report->tasks[tasks[i]].due_in); /* a NAN is passed over */
        high = fmax(high, report->tasks[tasks[i]].due_in);
    }
    if (!(low <= high))
        return;
    strobe_buf_puts(out, high < 0 ? "  overdue by " : "  due in ");
    if (high < 0) {
        strobe_tasks_seconds(-high, out);
        if (low < high * 1.05) {
            strobe_buf_puts(out, " to ");
            strobe_tasks_seconds(-low, out);
        }
        return;
    }
    strobe_tasks_seconds(fmax(low, 0), out);
    if (high > fmax(low, 0) + 0.05) {
        strobe_buf_puts(out, " to ");
        strobe_tasks_seconds(high, out);
    }
}

static void put_pool(const struct strobe_tasks_index *index, uint32_t wait, uint32_t pool, const struct strobe_tasks_style *style,
                     struct strobe_buf *out)
{
    const struct strobe_pool *p;
    bool first = true;

    strobe_buf_puts(out, style->thing);
    if (pool == STROBE_NO_INDEX) {
        strobe_buf_puts(out, kinds[index->report->waits[wait].wait->kind].type);
        strobe_buf_puts(out, style->off);
        return;
    }
    p = index->report->pools[pool].pool;
    strobe_tasks_pool_name(&index->report->pools[pool], out);
    strobe_buf_puts(out, style->off);
    comma(&first, out);
    if (p->max > 0)
        strobe_buf_printf(out, "%" PRIu32 " of %" PRId64 " busy", p->n_busy, p->max);
    else
        strobe_buf_printf(out, "%" PRIu32 " busy", p->n_busy);
    comma(&first, out);
    strobe_buf_grouped(out, p->n_queued);
    strobe_buf_puts(out, " queued");
    if (p->shutdown) {
        comma(&first, out);
        strobe_buf_puts(out, "shut down");
    }
}

static void put_tasks(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const char *how, struct strobe_buf *out)
{
    uint64_t children = 0;

    for (uint32_t i = 0; i < n; i++)
        children += index->child_at[tasks[i] + 1] - index->child_at[tasks[i]];
    if (children) {
        strobe_buf_grouped(out, children);
        strobe_buf_puts(out, children == 1 ? " task" : " tasks");
    } else {
        strobe_buf_puts(out, "futures that are no tasks");
    }
    if (how && strcmp(how, "task") != 0)
        strobe_buf_printf(out, " (%s)", how);
}

void strobe_tasks_wait(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                       struct strobe_buf *out)
{
    const struct strobe_report_task *first = &index->report->tasks[tasks[0]];
    const struct strobe_report_wait *wait = &index->report->waits[first->wait];
    enum strobe_wait_kind kind = wait->wait->kind;
    bool differ = false;

    if (kind == STROBE_WAIT_TASKS) {
        put_tasks(index, tasks, n, wait->wait->how, out);
        return;
    }
    if (kind == STROBE_WAIT_EXECUTOR || kind == STROBE_WAIT_WORKER_THREAD) {
        put_pool(index, first->wait, strobe_tasks_pool(index->report, first), style, out);
        return;
    }
    for (uint32_t i = 1; i < n && !differ; i++)
        differ = index->report->tasks[tasks[i]].wait != first->wait;
    strobe_buf_puts(out, style->thing);
    if (differ)
        put_different(wait, n, out);
    else
        strobe_tasks_thing(index, first->wait, out);
    strobe_buf_puts(out, style->off);
    if (kind == STROBE_WAIT_SLEEP)
        put_due(index->report, tasks, n, out);
    else if (!differ)
        put_facts(index, first->wait, out);
}
