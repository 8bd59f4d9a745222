/* SPDX-License-Identifier: Apache-2.0 */
#include "report/tasks_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/tasks_words.h"

enum { MAX_DEPTH = 64 }; /* levels of nodes are fewer */

void strobe_tasks_json_set(struct strobe_tasks_writer *w, json_t *object, const char *key, json_t *value)
{
    if (!value || json_object_set_new_nocheck(object, key, value))
        w->failed = true;
}

void strobe_tasks_json_append(struct strobe_tasks_writer *w, json_t *list, json_t *value)
{
    if (!strobe_json_append(list, value))
        w->failed = true;
}

json_t *strobe_tasks_json_hex(uint64_t address)
{
    char text[2 + 16 + 1];

    if (!address)
        return json_null();
    snprintf(text, sizeof text, "0x%" PRIx64, address);
    return json_string_nocheck(text);
}

/* "w3": numbers from 1. */
static json_t *numbered(char letter, uint32_t at)
{
    char text[16];

    if (at == STROBE_NO_INDEX)
        return json_null();
    snprintf(text, sizeof text, "%c%" PRIu32, letter, at + 1);
    return json_string_nocheck(text);
}

json_t *strobe_tasks_json_text(const char *text)
{
    return text && *text ? strobe_json_text(text) : json_null();
}

static json_t *known(int64_t n)
{
    return n >= 0 ? json_integer(n) : json_null();
}

json_t *strobe_tasks_json_positive(int64_t n)
{
    return n > 0 ? json_integer(n) : json_null();
}

static json_t *seconds(double n)
{
    return isfinite(n) ? json_real(n) : json_null();
}

json_t *strobe_tasks_json_id(struct strobe_tasks_writer *w, uint32_t task)
{
    if (!w->ids[task])
        w->ids[task] = strobe_tasks_json_hex(w->index->report->tasks[task].task->addr);
    return json_incref(w->ids[task]);
}

static json_t *frame_of(struct strobe_tasks_writer *w, const struct strobe_report_frame *frame)
{
    const struct strobe_names *names = w->index->report->process->names;
    const struct strobe_frame *f = frame->frame;
    const char *mark = frame->mark ? frame->mark : "<unknown>";
    json_t *object = json_object();

    strobe_tasks_json_set(w, object, "name", strobe_json_text(f ? strobe_names_text(names, f->name) : mark));
    strobe_tasks_json_set(w, object, "filename", strobe_json_text(f ? strobe_names_text(names, f->file) : ""));
    strobe_tasks_json_set(w, object, "short_filename", f ? strobe_json_text(strobe_names_text(names, f->short_file)) : json_null());
    strobe_tasks_json_set(w, object, "line", json_integer(f ? f->line : 0));
    return object;
}

static json_t *stack_of(struct strobe_tasks_writer *w, uint32_t task)
{
    const struct strobe_report_task *t = &w->index->report->tasks[task];
    json_t **stack = &w->stacks[w->index->stack[task]];

    if (!*stack) {
        *stack = json_array();
        for (uint32_t i = 0; i < t->n_frames && !w->failed; i++)
            strobe_tasks_json_append(w, *stack, frame_of(w, &t->frames[i]));
    }
    return json_incref(*stack);
}

json_t *strobe_tasks_json_awaiters(struct strobe_tasks_writer *w, uint32_t task)
{
    const struct strobe_task_sample *sample = w->index->report->sample;
    json_t *list = json_array();

    for (uint32_t i = 0; i < sample->tasks[task].n_awaiters && !w->failed; i++)
        strobe_tasks_json_append(w, list, strobe_tasks_json_id(w, sample->awaiters[sample->tasks[task].first_awaiter + i]));
    return list;
}

static json_t *holds_of(struct strobe_tasks_writer *w, uint32_t task)
{
    const struct strobe_task_sample *sample = w->index->report->sample;
    json_t *list = json_array();

    for (uint32_t i = 0; i < sample->tasks[task].n_holds && !w->failed; i++) {
        uint32_t wait = w->index->wait_of[sample->holds[sample->tasks[task].first_hold + i].wait];

        if (wait != STROBE_NO_INDEX)
            strobe_tasks_json_append(w, list, numbered('w', wait));
    }
    return list;
}

static json_t *worker_of(const struct strobe_report_tasks *report, const struct strobe_report_task *task)
{
    uint32_t pool = strobe_tasks_pool(report, task);
    const struct strobe_report_worker *worker;

    if (pool == STROBE_NO_INDEX || task->worker == STROBE_NO_INDEX || task->worker >= report->pools[pool].n_workers)
        return json_null();
    worker = &report->pools[pool].workers[task->worker];
    return strobe_tasks_json_positive(worker->tid ? worker->tid : worker->worker->pid);
}

static json_t *task_of(struct strobe_tasks_writer *w, uint32_t t)
{
    const struct strobe_report_task *task = &w->index->report->tasks[t];
    json_t *object = json_object();

    strobe_tasks_json_set(w, object, "id", strobe_tasks_json_id(w, t));
    strobe_tasks_json_set(w, object, "name", strobe_json_text(task->name)); /* "" is a name too */
    strobe_tasks_json_set(w, object, "interpreter", json_integer(task->task->interp));
    strobe_tasks_json_set(w, object, "loop", strobe_tasks_json_hex(task->task->loop));
    strobe_tasks_json_set(w, object, "thread", strobe_tasks_json_positive(task->loop_tid));
    strobe_tasks_json_set(w, object, "state", json_string_nocheck(strobe_report_state_word(task->task->state)));
    strobe_tasks_json_set(w, object, "outcome", strobe_tasks_json_text(strobe_report_outcome_word(task->task->outcome)));
    strobe_tasks_json_set(w, object, "exception", strobe_tasks_json_text(task->exception));
    strobe_tasks_json_set(w, object, "loop_state", json_string_nocheck(strobe_report_loop_word(task->loop_state)));
    strobe_tasks_json_set(w, object, "cancelling", json_boolean(task->task->flags & STROBE_TASK_CANCELLING));
    strobe_tasks_json_set(w, object, "implementation", json_string_nocheck(task->task->flags & STROBE_TASK_PYTHON ? "Python" : "C"));
    strobe_tasks_json_set(w, object, "stack", stack_of(w, t));
    strobe_tasks_json_set(w, object, "leaf", strobe_tasks_json_text(task->leaf));
    strobe_tasks_json_set(w, object, "awaited_by", strobe_tasks_json_awaiters(w, t));
    strobe_tasks_json_set(w, object, "waits_for", numbered('w', task->wait));
    strobe_tasks_json_set(w, object, "due_in", seconds(task->due_in));
    strobe_tasks_json_set(w, object, "waiting_s", seconds(task->waiting));
    strobe_tasks_json_set(w, object, "worker", worker_of(w->index->report, task));
    strobe_tasks_json_set(w, object, "queue_place", strobe_tasks_json_positive(task->queue_place));
    strobe_tasks_json_set(w, object, "holds", holds_of(w, t));
    if (w->index->report->context_name)
        strobe_tasks_json_set(w, object, "context", task->context ? strobe_json_text(task->context) : json_null());
    return object;
}

static json_t *capacity_source(enum strobe_capacity_source source)
{
    return source == STROBE_CAPACITY_STORED    ? json_string_nocheck("stored")
           : source == STROBE_CAPACITY_COUNTED ? json_string_nocheck("counted")
                                               : json_null();
}

/* What only things of one kind have. */
static void set_facts(struct strobe_tasks_writer *w, json_t *object, uint32_t at)
{
    const struct strobe_report_wait *wait = &w->index->report->waits[at];
    const struct strobe_wait_facts *facts = &wait->facts;

    switch (wait->wait->kind) {
    case STROBE_WAIT_LOCK:
    case STROBE_WAIT_SEMAPHORE:
    case STROBE_WAIT_EVENT:
    case STROBE_WAIT_BARRIER:
    case STROBE_WAIT_LIMITER:
        strobe_tasks_json_set(w, object, "free", known(facts->free));
        strobe_tasks_json_set(w, object, "capacity", known(facts->capacity));
        strobe_tasks_json_set(w, object, "capacity_source", capacity_source(facts->capacity_source));
        break;
    case STROBE_WAIT_QUEUE_GET:
    case STROBE_WAIT_QUEUE_PUT:
    case STROBE_WAIT_QUEUE_JOIN:
        strobe_tasks_json_set(w, object, "size", known(facts->size));
        strobe_tasks_json_set(w, object, "maxsize", known(facts->maxsize));
        strobe_tasks_json_set(w, object, "unfinished", known(facts->unfinished));
        break;
    case STROBE_WAIT_SOCKET:
    case STROBE_WAIT_STREAM_READ:
    case STROBE_WAIT_STREAM_WRITE:
    case STROBE_WAIT_SERVER:
        strobe_tasks_json_set(w, object, "fd", known(facts->fd));
        strobe_tasks_json_set(w, object, "peer", strobe_tasks_json_text(wait->peer));
        break;
    case STROBE_WAIT_FUTURE:
        strobe_tasks_json_set(w, object, "known_to", wait->known_as ? strobe_tasks_json_id(w, wait->known_to) : json_null());
        strobe_tasks_json_set(w, object, "known_as", strobe_tasks_json_text(wait->known_as));
        break;
    case STROBE_WAIT_SUBPROCESS: strobe_tasks_json_set(w, object, "pid", known(facts->pid)); break;
    case STROBE_WAIT_EXECUTOR:
    case STROBE_WAIT_WORKER_THREAD: strobe_tasks_json_set(w, object, "pool", numbered('p', wait->pool)); break;
    default: break;
    }
}

static json_t *wait_of(struct strobe_tasks_writer *w, uint32_t at)
{
    const struct strobe_report_wait *wait = &w->index->report->waits[at];
    uint64_t address = wait->wait->object;
    json_t *object = json_object(), *holders = json_array();

    if (!address && wait->pool != STROBE_NO_INDEX)
        address = w->index->report->pools[wait->pool].pool->object;
    strobe_tasks_json_set(w, object, "id", numbered('w', at));
    strobe_tasks_json_set(w, object, "kind", json_string_nocheck(strobe_report_wait_word(wait->wait->kind)));
    strobe_tasks_json_set(w, object, "how", strobe_tasks_json_text(wait->wait->how));
    strobe_tasks_json_set(w, object, "type", strobe_tasks_json_text(wait->type));
    strobe_tasks_json_set(w, object, "module", strobe_tasks_json_text(wait->module));
    strobe_tasks_json_set(w, object, "object", strobe_tasks_json_hex(address));
    strobe_tasks_json_set(w, object, "name", strobe_tasks_json_text(wait->name));
    strobe_tasks_json_set(w, object, "name_source", strobe_tasks_json_text(wait->name_source));
    set_facts(w, object, at);
    strobe_tasks_json_set(w, object, "waiters", json_integer(w->index->waiting[at]));
    for (uint32_t i = w->index->holder_at[at]; i < w->index->holder_at[at + 1] && !w->failed; i++)
        strobe_tasks_json_append(w, holders, strobe_tasks_json_id(w, w->index->holders[i]));
    strobe_tasks_json_set(w, object, "holders", holders);
    return object;
}

static json_t *pool_of(struct strobe_tasks_writer *w, uint32_t at)
{
    const struct strobe_report_pool *pool = &w->index->report->pools[at];
    json_t *object = json_object(), *workers = json_array();

    for (uint32_t i = 0; i < pool->n_workers && !w->failed; i++) {
        const struct strobe_report_worker *worker = &pool->workers[i];
        json_t *item = json_object();

        strobe_tasks_json_set(w, item, "thread", strobe_tasks_json_positive(worker->tid ? worker->tid : worker->worker->pid));
        strobe_tasks_json_set(w, item, "name", strobe_tasks_json_text(worker->name));
        strobe_tasks_json_set(w, item, "leaf", strobe_tasks_json_text(worker->leaf));
        strobe_tasks_json_set(w, item, "busy", json_boolean(worker->worker->busy));
        strobe_tasks_json_set(w, item, "task", worker->task == STROBE_NO_INDEX ? json_null() : strobe_tasks_json_id(w, worker->task));
        strobe_tasks_json_append(w, workers, item);
    }
    strobe_tasks_json_set(w, object, "id", numbered('p', at));
    strobe_tasks_json_set(w, object, "kind", json_string_nocheck(strobe_tasks_pool_word(pool->pool->kind)));
    strobe_tasks_json_set(w, object, "name", strobe_tasks_json_text(pool->name));
    strobe_tasks_json_set(w, object, "max", known(pool->pool->max));
    strobe_tasks_json_set(w, object, "threads", json_integer(pool->n_workers));
    strobe_tasks_json_set(w, object, "busy", json_integer(pool->pool->n_busy));
    strobe_tasks_json_set(w, object, "queued", json_integer(pool->pool->n_queued));
    strobe_tasks_json_set(w, object, "workers", workers);
    return object;
}

static json_t *links_of(struct strobe_tasks_writer *w)
{
    const struct strobe_report_tasks *report = w->index->report;
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->n_links && !w->failed; i++) {
        const struct strobe_thread *thread = report->process->threads[report->links[i].thread].thread;
        uint32_t task = report->links[i].task;
        json_t *item = json_object();

        strobe_tasks_json_set(w, item, "thread", strobe_tasks_json_positive(thread->tid ? thread->tid : thread->native));
        strobe_tasks_json_set(w, item, "task", task == STROBE_NO_INDEX ? json_null() : strobe_tasks_json_id(w, task));
        strobe_tasks_json_set(w, item, "pool", numbered('p', report->links[i].pool));
        strobe_tasks_json_append(w, list, item);
    }
    return list;
}

static json_t *node_of(struct strobe_tasks_writer *w, const struct strobe_tasks_node *node)
{
    const struct strobe_tasks_group *group = &w->index->groups[node->group];
    const uint32_t *tasks = w->index->members + group->member_at;
    const struct strobe_report_task *first = &w->index->report->tasks[tasks[0]];
    struct strobe_buf name = STROBE_BUF_INIT;
    json_t *object = json_object(), *list;

    if (node->kind == STROBE_NODE_ALIKE || node->kind == STROBE_NODE_DEEP) {
        strobe_tasks_json_set(w, object, node->kind == STROBE_NODE_DEEP ? "levels_left_out" : "groups_left_out", json_integer(node->n));
        strobe_tasks_json_set(w, object, "count", json_integer(node->tasks));
        return object;
    }
    if (group->one_name)
        strobe_buf_puts(&name, first->name);
    else
        strobe_fold(first->name, &name);
    strobe_tasks_json_set(w, object, "name", name.failed ? NULL : strobe_tasks_json_text(strobe_buf_str(&name)));
    strobe_buf_release(&name);
    strobe_tasks_json_set(w, object, "count", json_integer(group->n));
    if (node->kind != STROBE_NODE_FULL) {
        strobe_tasks_json_set(w, object, node->kind == STROBE_NODE_CYCLE ? "cycle" : "shown_above", json_true());
        strobe_tasks_json_set(w, object, "first", strobe_tasks_json_id(w, tasks[0]));
        return object;
    }
    list = json_array();
    for (uint32_t i = 0; i < group->n && !w->failed; i++)
        strobe_tasks_json_append(w, list, strobe_tasks_json_id(w, tasks[i]));
    strobe_tasks_json_set(w, object, "tasks", list);
    strobe_tasks_json_set(w, object, "state", json_string_nocheck(strobe_report_state_word(first->task->state)));
    strobe_tasks_json_set(w, object, "frames", stack_of(w, tasks[0]));
    strobe_tasks_json_set(w, object, "waits_for", numbered('w', first->wait));
    strobe_tasks_json_set(w, object, "children", json_array());
    return object;
}

/* Each node goes into the list of the one above it; there are only so many levels. */
static json_t *groups_of(struct strobe_tasks_writer *w)
{
    json_t *lists[MAX_DEPTH] = {json_array()};

    for (uint32_t i = 0; i < w->index->n_nodes && !w->failed; i++) {
        const struct strobe_tasks_node *node = &w->index->nodes[i];
        json_t *object = node_of(w, node);

        if (node->kind == STROBE_NODE_DEEP)
            strobe_tasks_json_set(w, object, "children", json_array());
        lists[node->depth + 1] = json_object_get(object, "children");
        strobe_tasks_json_append(w, lists[node->depth], object);
    }
    return lists[0];
}

static json_t *texts_of(struct strobe_tasks_writer *w)
{
    struct strobe_buf texts = STROBE_BUF_INIT;
    int n = strobe_tasks_diagnose(w->index, false, true, &texts);
    const char *at = strobe_buf_str(&texts);
    json_t *list = json_array();

    w->failed |= n < 0 || texts.failed;
    for (int i = 0; i < n && !w->failed; i++, at += strlen(at) + 1)
        strobe_tasks_json_append(w, list, strobe_json_text(at));
    strobe_buf_release(&texts);
    return list;
}

int strobe_tasks_writer_init(struct strobe_tasks_writer *w, const struct strobe_tasks_index *index)
{
    *w = (struct strobe_tasks_writer){.index = index};
    w->ids = calloc(index->n ? index->n : 1, sizeof *w->ids);
    w->stacks = calloc(index->n ? index->n : 1, sizeof *w->stacks);
    return w->ids && w->stacks ? 0 : STROBE_ERR_NOMEM;
}

void strobe_tasks_writer_release(struct strobe_tasks_writer *w)
{
    for (uint32_t i = 0; i < w->index->n; i++) {
        json_decref(w->ids ? w->ids[i] : NULL);
        json_decref(w->stacks ? w->stacks[i] : NULL);
    }
    free(w->ids);
    free(w->stacks);
}

/* A list of what make gives for 0 .. n - 1. */
static json_t *list_of(struct strobe_tasks_writer *w, uint32_t n, json_t *(*make)(struct strobe_tasks_writer *w, uint32_t at))
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < n && !w->failed; i++)
        strobe_tasks_json_append(w, list, make(w, i));
    return list;
}

static json_t *all_of(struct strobe_tasks_writer *w, bool pstree)
{
    const struct strobe_report_tasks *report = w->index->report;
    json_t *root = json_object();

    strobe_tasks_json_set(w, root, "pid", json_integer(report->process->pid));
    strobe_tasks_json_set(w, root, "parent_pid", strobe_tasks_json_positive(report->process->parent_pid));
    strobe_tasks_json_set(w, root, "command", strobe_tasks_json_text(report->process->cmdline));
    strobe_tasks_json_set(w, root, "python", strobe_tasks_json_text(report->process->version));
    strobe_tasks_json_set(w, root, "consistent", json_boolean(!report->moving));
    strobe_tasks_json_set(w, root, "complete", json_boolean(!report->sample->list_torn && !report->sample->edges_cut));
    strobe_tasks_json_set(w, root, "stopped", json_boolean(report->stopped));
    strobe_tasks_json_set(w, root, "left_out", json_integer(report->sample->n_dropped));
    strobe_tasks_json_set(w, root, "copies", json_integer(report->sample->n_copies));
    strobe_tasks_json_set(w, root, "blind", json_boolean(report->sample->blind));
    strobe_tasks_json_set(w, root, "tasks", list_of(w, w->index->n, task_of));
    strobe_tasks_json_set(w, root, "waits", list_of(w, report->n_waits, wait_of));
    strobe_tasks_json_set(w, root, "pools", list_of(w, report->n_pools, pool_of));
    strobe_tasks_json_set(w, root, "threads_waiting", links_of(w));
    if (pstree)
        strobe_tasks_json_set(w, root, "groups", groups_of(w));
    strobe_tasks_json_set(w, root, "diagnosis", texts_of(w));
    if (w->failed) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

int strobe_report_tasks_json(const struct strobe_report_tasks *report, bool pstree, struct strobe_buf *out)
{
    struct strobe_tasks_index index;
    struct strobe_tasks_writer w;
    json_t *root = NULL;
    int err = strobe_tasks_index(&index, report);

    if (!err && pstree && !(err = strobe_tasks_groups(&index, false)))
        err = strobe_tasks_nodes(&index);
    if (!err) {
        err = strobe_tasks_writer_init(&w, &index);
        root = err ? NULL : all_of(&w, pstree);
        strobe_tasks_writer_release(&w);
    }
    strobe_tasks_index_release(&index);
    return err ? err : strobe_json_write(root, out);
}
