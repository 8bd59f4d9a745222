/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_json: `ps --json` and `pstree --json`, and the tasks of `dump --json --asyncio`.  Equal stacks and ids are one JSON value that
 * is referred to from many places. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/json.h"
#include "report/tasks_words.h"

enum { MAX_DEPTH = 64 }; /* levels of nodes are fewer */

struct writer {
    const struct strobe_tasks_index *index;
    json_t **ids;    /* by task: "0x7f..." */
    json_t **stacks; /* by class of stacks */
    bool failed;
};

static void set(struct writer *w, json_t *object, const char *key, json_t *value)
{
    if (!value || json_object_set_new_nocheck(object, key, value))
        w->failed = true;
}

static void append(struct writer *w, json_t *list, json_t *value)
{
    if (!strobe_json_append(list, value))
        w->failed = true;
}

static json_t *hex(uint64_t address)
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

static json_t *text_or_null(const char *text)
{
    return text && *text ? strobe_json_text(text) : json_null();
}

static json_t *known(int64_t n)
{
    return n >= 0 ? json_integer(n) : json_null();
}

static json_t *positive(int64_t n)
{
    return n > 0 ? json_integer(n) : json_null();
}

static json_t *seconds(double n)
{
    return isfinite(n) ? json_real(n) : json_null();
}

static json_t *id_of(struct writer *w, uint32_t task)
{
    if (!w->ids[task])
        w->ids[task] = hex(w->index->report->tasks[task].task->addr);
    return json_incref(w->ids[task]);
}

static json_t *frame_of(struct writer *w, const struct strobe_report_frame *frame)
{
    const struct strobe_names *names = w->index->report->process->names;
    const struct strobe_frame *f = frame->frame;
    json_t *object = json_object();

    set(w, object, "name", strobe_json_text(f ? strobe_names_text(names, f->name) : frame->mark ? frame->mark : "<unknown>"));
    set(w, object, "filename", strobe_json_text(f ? strobe_names_text(names, f->file) : ""));
    set(w, object, "short_filename", f ? strobe_json_text(strobe_names_text(names, f->short_file)) : json_null());
    set(w, object, "line", json_integer(f ? f->line : 0));
    return object;
}

static json_t *stack_of(struct writer *w, uint32_t task)
{
    const struct strobe_report_task *t = &w->index->report->tasks[task];
    json_t **stack = &w->stacks[w->index->stack[task]];

    if (!*stack) {
        *stack = json_array();
        for (uint32_t i = 0; i < t->n_frames && !w->failed; i++)
            append(w, *stack, frame_of(w, &t->frames[i]));
    }
    return json_incref(*stack);
}

static json_t *awaiters_of(struct writer *w, uint32_t task)
{
    const struct strobe_task_sample *sample = w->index->report->sample;
    json_t *list = json_array();

    for (uint32_t i = 0; i < sample->tasks[task].n_awaiters && !w->failed; i++)
        append(w, list, id_of(w, sample->awaiters[sample->tasks[task].first_awaiter + i]));
    return list;
}

static json_t *holds_of(struct writer *w, uint32_t task)
{
    const struct strobe_task_sample *sample = w->index->report->sample;
    json_t *list = json_array();

    for (uint32_t i = 0; i < sample->tasks[task].n_holds && !w->failed; i++) {
        uint32_t wait = w->index->wait_of[sample->holds[sample->tasks[task].first_hold + i].wait];

        if (wait != STROBE_NO_INDEX)
            append(w, list, numbered('w', wait));
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
    return positive(worker->tid ? worker->tid : worker->worker->pid);
}

static json_t *task_of(struct writer *w, uint32_t t)
{
    const struct strobe_report_task *task = &w->index->report->tasks[t];
    json_t *object = json_object();

    set(w, object, "id", id_of(w, t));
    set(w, object, "name", text_or_null(task->name));
    set(w, object, "interpreter", json_integer(task->task->interp));
    set(w, object, "loop", hex(task->task->loop));
    set(w, object, "thread", positive(task->loop_tid));
    set(w, object, "state", json_string_nocheck(strobe_report_state_word(task->task->state)));
    set(w, object, "cancelling", json_boolean(task->task->flags & STROBE_TASK_CANCELLING));
    set(w, object, "implementation", json_string_nocheck(task->task->flags & STROBE_TASK_PYTHON ? "Python" : "C"));
    set(w, object, "stack", stack_of(w, t));
    set(w, object, "leaf", text_or_null(task->leaf));
    set(w, object, "awaited_by", awaiters_of(w, t));
    set(w, object, "waits_for", numbered('w', task->wait));
    set(w, object, "due_in", seconds(task->due_in));
    set(w, object, "waiting_s", seconds(task->waiting));
    set(w, object, "worker", worker_of(w->index->report, task));
    set(w, object, "queue_place", positive(task->queue_place));
    set(w, object, "holds", holds_of(w, t));
    if (w->index->report->context_name)
        set(w, object, "context", task->context ? strobe_json_text(task->context) : json_null());
    return object;
}

static json_t *capacity_source(enum strobe_capacity_source source)
{
    return source == STROBE_CAPACITY_STORED    ? json_string_nocheck("stored")
           : source == STROBE_CAPACITY_COUNTED ? json_string_nocheck("counted")
                                               : json_null();
}

/* What only things of one kind have. */
static void set_facts(struct writer *w, json_t *object, uint32_t at)
{
    const struct strobe_report_wait *wait = &w->index->report->waits[at];
    const struct strobe_wait_facts *facts = &wait->facts;

    switch (wait->wait->kind) {
    case STROBE_WAIT_LOCK:
    case STROBE_WAIT_SEMAPHORE:
    case STROBE_WAIT_EVENT:
    case STROBE_WAIT_BARRIER:
    case STROBE_WAIT_LIMITER:
        set(w, object, "free", known(facts->free));
        set(w, object, "capacity", known(facts->capacity));
        set(w, object, "capacity_source", capacity_source(facts->capacity_source));
        break;
    case STROBE_WAIT_QUEUE_GET:
    case STROBE_WAIT_QUEUE_PUT:
    case STROBE_WAIT_QUEUE_JOIN:
        set(w, object, "size", known(facts->size));
        set(w, object, "maxsize", known(facts->maxsize));
        set(w, object, "unfinished", known(facts->unfinished));
        break;
    case STROBE_WAIT_SOCKET:
    case STROBE_WAIT_STREAM_READ:
    case STROBE_WAIT_STREAM_WRITE:
    case STROBE_WAIT_SERVER:
        set(w, object, "fd", known(facts->fd));
        set(w, object, "peer", text_or_null(wait->peer));
        break;
    case STROBE_WAIT_SUBPROCESS: set(w, object, "pid", known(facts->pid)); break;
    case STROBE_WAIT_EXECUTOR:
    case STROBE_WAIT_WORKER_THREAD: set(w, object, "pool", numbered('p', wait->pool)); break;
    default: break;
    }
}

static json_t *wait_of(struct writer *w, uint32_t at)
{
    const struct strobe_report_wait *wait = &w->index->report->waits[at];
    uint64_t address = wait->wait->object;
    json_t *object = json_object(), *holders = json_array();

    if (!address && wait->pool != STROBE_NO_INDEX)
        address = w->index->report->pools[wait->pool].pool->object;
    set(w, object, "id", numbered('w', at));
    set(w, object, "kind", json_string_nocheck(strobe_report_wait_word(wait->wait->kind)));
    set(w, object, "how", text_or_null(wait->wait->how));
    set(w, object, "type", text_or_null(wait->type));
    set(w, object, "module", text_or_null(wait->module));
    set(w, object, "object", hex(address));
    set(w, object, "name", text_or_null(wait->name));
    set(w, object, "name_source", text_or_null(wait->name_source));
    set_facts(w, object, at);
    set(w, object, "waiters", json_integer(w->index->waiting[at]));
    for (uint32_t i = w->index->holder_at[at]; i < w->index->holder_at[at + 1] && !w->failed; i++)
        append(w, holders, id_of(w, w->index->holders[i]));
    set(w, object, "holders", holders);
    return object;
}

static json_t *pool_of(struct writer *w, uint32_t at)
{
    const struct strobe_report_pool *pool = &w->index->report->pools[at];
    json_t *object = json_object(), *workers = json_array();

    for (uint32_t i = 0; i < pool->n_workers && !w->failed; i++) {
        const struct strobe_report_worker *worker = &pool->workers[i];
        json_t *item = json_object();

        set(w, item, "thread", positive(worker->tid ? worker->tid : worker->worker->pid));
        set(w, item, "name", text_or_null(worker->name));
        set(w, item, "leaf", text_or_null(worker->leaf));
        set(w, item, "busy", json_boolean(worker->worker->busy));
        set(w, item, "task", worker->task == STROBE_NO_INDEX ? json_null() : id_of(w, worker->task));
        append(w, workers, item);
    }
    set(w, object, "id", numbered('p', at));
    set(w, object, "kind", json_string_nocheck(strobe_tasks_pool_word(pool->pool->kind)));
    set(w, object, "name", text_or_null(pool->name));
    set(w, object, "max", known(pool->pool->max));
    set(w, object, "threads", json_integer(pool->n_workers));
    set(w, object, "busy", json_integer(pool->pool->n_busy));
    set(w, object, "queued", json_integer(pool->pool->n_queued));
    set(w, object, "workers", workers);
    return object;
}

static json_t *links_of(struct writer *w)
{
    const struct strobe_report_tasks *report = w->index->report;
    json_t *list = json_array();

    for (uint32_t i = 0; i < report->n_links && !w->failed; i++) {
        const struct strobe_thread *thread = report->process->threads[report->links[i].thread].thread;
        json_t *item = json_object();

        set(w, item, "thread", positive(thread->tid ? thread->tid : thread->native));
        set(w, item, "task", id_of(w, report->links[i].task));
        append(w, list, item);
    }
    return list;
}

static json_t *node_of(struct writer *w, const struct strobe_tasks_node *node)
{
    const struct strobe_tasks_group *group = &w->index->groups[node->group];
    const uint32_t *tasks = w->index->members + group->member_at;
    const struct strobe_report_task *first = &w->index->report->tasks[tasks[0]];
    struct strobe_buf name = STROBE_BUF_INIT;
    json_t *object = json_object(), *list;

    if (node->kind == STROBE_NODE_ALIKE || node->kind == STROBE_NODE_DEEP) {
        set(w, object, node->kind == STROBE_NODE_DEEP ? "levels_left_out" : "groups_left_out", json_integer(node->n));
        set(w, object, "count", json_integer(node->tasks));
        return object;
    }
    if (group->one_name)
        strobe_buf_puts(&name, first->name);
    else
        strobe_tasks_fold(first->name, &name);
    set(w, object, "name", name.failed ? NULL : text_or_null(strobe_buf_str(&name)));
    strobe_buf_release(&name);
    set(w, object, "count", json_integer(group->n));
    if (node->kind != STROBE_NODE_FULL) {
        set(w, object, node->kind == STROBE_NODE_CYCLE ? "cycle" : "shown_above", json_true());
        set(w, object, "first", id_of(w, tasks[0]));
        return object;
    }
    list = json_array();
    for (uint32_t i = 0; i < group->n && !w->failed; i++)
        append(w, list, id_of(w, tasks[i]));
    set(w, object, "tasks", list);
    set(w, object, "state", json_string_nocheck(strobe_report_state_word(first->task->state)));
    set(w, object, "frames", stack_of(w, tasks[0]));
    set(w, object, "waits_for", numbered('w', first->wait));
    set(w, object, "children", json_array());
    return object;
}

/* Each node goes into the list of the one above it; there are only so many levels. */
static json_t *groups_of(struct writer *w)
{
    json_t *lists[MAX_DEPTH] = {json_array()};

    for (uint32_t i = 0; i < w->index->n_nodes && !w->failed; i++) {
        const struct strobe_tasks_node *node = &w->index->nodes[i];
        json_t *object = node_of(w, node);

        if (node->kind == STROBE_NODE_DEEP)
            set(w, object, "children", json_array());
        lists[node->depth + 1] = json_object_get(object, "children");
        append(w, lists[node->depth], object);
    }
    return lists[0];
}

static json_t *texts_of(struct writer *w)
{
    struct strobe_buf texts = STROBE_BUF_INIT;
    int n = strobe_tasks_diagnose(w->index, false, &texts);
    const char *at = strobe_buf_str(&texts);
    json_t *list = json_array();

    w->failed |= n < 0 || texts.failed;
    for (int i = 0; i < n && !w->failed; i++, at += strlen(at) + 1)
        append(w, list, strobe_json_text(at));
    strobe_buf_release(&texts);
    return list;
}

static int writer_init(struct writer *w, const struct strobe_tasks_index *index)
{
    *w = (struct writer){.index = index};
    w->ids = calloc(index->n ? index->n : 1, sizeof *w->ids);
    w->stacks = calloc(index->n ? index->n : 1, sizeof *w->stacks);
    return w->ids && w->stacks ? 0 : STROBE_ERR_NOMEM;
}

static void writer_release(struct writer *w)
{
    for (uint32_t i = 0; i < w->index->n; i++) {
        json_decref(w->ids ? w->ids[i] : NULL);
        json_decref(w->stacks ? w->stacks[i] : NULL);
    }
    free(w->ids);
    free(w->stacks);
}

/* A list of what make gives for 0 .. n - 1. */
static json_t *list_of(struct writer *w, uint32_t n, json_t *(*make)(struct writer *w, uint32_t at))
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < n && !w->failed; i++)
        append(w, list, make(w, i));
    return list;
}

static json_t *all_of(struct writer *w, bool pstree)
{
    const struct strobe_report_tasks *report = w->index->report;
    json_t *root = json_object();

    set(w, root, "pid", json_integer(report->process->pid));
    set(w, root, "python", text_or_null(report->process->version));
    set(w, root, "consistent", json_boolean(!report->moving));
    set(w, root, "tasks", list_of(w, w->index->n, task_of));
    set(w, root, "waits", list_of(w, report->n_waits, wait_of));
    set(w, root, "pools", list_of(w, report->n_pools, pool_of));
    set(w, root, "threads_waiting", links_of(w));
    if (pstree)
        set(w, root, "groups", groups_of(w));
    set(w, root, "diagnosis", texts_of(w));
    if (w->failed) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

int strobe_report_tasks_json(const struct strobe_report_tasks *report, bool pstree, struct strobe_buf *out)
{
    struct strobe_tasks_index index;
    struct writer w;
    json_t *root = NULL;
    int err = strobe_tasks_index(&index, report);

    if (!err && pstree && !(err = strobe_tasks_groups(&index, false)))
        err = strobe_tasks_nodes(&index);
    if (!err) {
        err = writer_init(&w, &index);
        root = err ? NULL : all_of(&w, pstree);
        writer_release(&w);
    }
    strobe_tasks_index_release(&index);
    return err ? err : strobe_json_write(root, out);
}

/* As in py-spy's pull request 868: task_id, name, state, frames.  What it waits for follows, then other keys of ours. */
static json_t *dumped_task(struct writer *w, uint32_t t)
{
    const struct strobe_report_process *process = w->index->report->process;
    const struct strobe_report_task *task = &w->index->report->tasks[t];
    const char *state = task->task->state == STROBE_TASK_RUNNING ? "running" : task->task->state == STROBE_TASK_DONE ? "finished" : "pending";
    json_t **frames = &w->stacks[w->index->stack[t]], *object = json_object();

    if (!*frames) {
        *frames = json_array();
        for (uint32_t i = 0; i < task->n_frames && !w->failed; i++)
            append(w, *frames, strobe_json_frame(process, &task->frames[i]));
    }
    set(w, object, "task_id", id_of(w, t));
    set(w, object, "name", text_or_null(task->name));
    set(w, object, "state", json_string_nocheck(state));
    set(w, object, "frames", json_incref(*frames));
    set(w, object, "pid", json_integer(process->pid));
    set(w, object, "os_thread_id", positive(task->loop_tid));
    set(w, object, "ready", json_boolean(task->task->state == STROBE_TASK_READY));
    set(w, object, "cancelling", json_boolean(task->task->flags & STROBE_TASK_CANCELLING));
    set(w, object, "awaited_by", awaiters_of(w, t));
    if (task->wait == STROBE_NO_INDEX) {
        set(w, object, "waits_for", json_null());
    } else {
        const struct strobe_report_wait *wait = &w->index->report->waits[task->wait];
        json_t *thing = json_object();

        set(w, thing, "kind", json_string_nocheck(strobe_report_wait_word(wait->wait->kind)));
        set(w, thing, "how", text_or_null(wait->wait->how));
        set(w, thing, "type", text_or_null(wait->type));
        set(w, thing, "object", hex(wait->wait->object));
        set(w, thing, "name", text_or_null(wait->name));
        set(w, object, "waits_for", thing);
    }
    return object;
}

int strobe_report_dump_asyncio_json(const struct strobe_report_process *processes, uint32_t n, bool with_process_info,
                                    const struct strobe_report_tasks *const *tasks, uint32_t n_tasks, struct strobe_buf *out)
{
    json_t *list = json_array();
    int err = list ? 0 : STROBE_ERR_NOMEM;

    for (uint32_t i = 0; !err && i < n_tasks; i++) {
        struct strobe_tasks_index index;
        struct writer w;

        err = strobe_tasks_index(&index, tasks[i]);
        if (!err) {
            err = writer_init(&w, &index);
            for (uint32_t t = 0; !err && t < index.n; t++) {
                append(&w, list, dumped_task(&w, t));
                err = w.failed ? STROBE_ERR_NOMEM : 0;
            }
            writer_release(&w);
        }
        strobe_tasks_index_release(&index);
    }
    if (err) {
        json_decref(list);
        return err;
    }
    return strobe_json_write(json_pack("{s:o, s:o}", "threads", strobe_json_threads(processes, n, with_process_info), "asyncio_tasks", list),
                             out);
}
