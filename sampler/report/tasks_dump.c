/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_dump: the tasks of `dump --json --asyncio`. */
#include "report/tasks_json.h"

static json_t *thing_of(struct strobe_tasks_writer *w, uint32_t at)
{
    const struct strobe_report_wait *wait;
    json_t *thing;

    if (at == STROBE_NO_INDEX)
        return json_null();
    wait = &w->index->report->waits[at];
    thing = json_object();
    strobe_tasks_json_set(w, thing, "kind", json_string_nocheck(strobe_report_wait_word(wait->wait->kind)));
    strobe_tasks_json_set(w, thing, "how", strobe_tasks_json_text(wait->wait->how));
    strobe_tasks_json_set(w, thing, "type", strobe_tasks_json_text(wait->type));
    strobe_tasks_json_set(w, thing, "object", strobe_tasks_json_hex(wait->wait->object));
    strobe_tasks_json_set(w, thing, "name", strobe_tasks_json_text(wait->name));
    return thing;
}

/* As in py-spy's pull request 868: task_id, name, state, frames.  Keys of ours follow. */
static json_t *dumped_task(struct strobe_tasks_writer *w, uint32_t t)
{
    const struct strobe_report_process *process = w->index->report->process;
    const struct strobe_report_task *task = &w->index->report->tasks[t];
    json_t **frames = &w->stacks[w->index->stack[t]], *object = json_object();
    const char *state = "pending";

    if (task->task->state == STROBE_TASK_RUNNING || task->task->state == STROBE_TASK_DONE)
        state = task->task->state == STROBE_TASK_RUNNING ? "running" : "finished";
    if (!*frames) {
        *frames = json_array();
        for (uint32_t i = 0; i < task->n_frames && !w->failed; i++)
            strobe_tasks_json_append(w, *frames, strobe_json_frame(process, &task->frames[i]));
    }
    strobe_tasks_json_set(w, object, "task_id", strobe_tasks_json_id(w, t));
    strobe_tasks_json_set(w, object, "name", strobe_tasks_json_text(task->name));
    strobe_tasks_json_set(w, object, "state", json_string_nocheck(state));
    strobe_tasks_json_set(w, object, "frames", json_incref(*frames));
    strobe_tasks_json_set(w, object, "pid", json_integer(process->pid));
    strobe_tasks_json_set(w, object, "os_thread_id", strobe_tasks_json_positive(task->loop_tid));
    strobe_tasks_json_set(w, object, "ready", json_boolean(task->task->state == STROBE_TASK_READY));
    strobe_tasks_json_set(w, object, "cancelling", json_boolean(task->task->flags & STROBE_TASK_CANCELLING));
    strobe_tasks_json_set(w, object, "awaited_by", strobe_tasks_json_awaiters(w, t));
    strobe_tasks_json_set(w, object, "waits_for", thing_of(w, task->wait));
    return object;
}

static int append_tasks(json_t *list, const struct strobe_report_tasks *tasks)
{
    struct strobe_tasks_index index;
    struct strobe_tasks_writer w;
    int err = strobe_tasks_index(&index, tasks);

    if (!err) {
        err = strobe_tasks_writer_init(&w, &index);
        for (uint32_t t = 0; !err && t < index.n; t++) {
            strobe_tasks_json_append(&w, list, dumped_task(&w, t));
            err = w.failed ? STROBE_ERR_NOMEM : 0;
        }
        strobe_tasks_writer_release(&w);
    }
    strobe_tasks_index_release(&index);
    return err;
}

int strobe_report_dump_asyncio_json(const struct strobe_report_process *processes, uint32_t n, bool with_process_info,
                                    const struct strobe_report_tasks *const *tasks, uint32_t n_tasks, struct strobe_buf *out)
{
    json_t *list = json_array();
    int err = list ? 0 : STROBE_ERR_NOMEM;

    for (uint32_t i = 0; !err && i < n_tasks; i++)
        err = append_tasks(list, tasks[i]);
    if (err) {
        json_decref(list);
        return err;
    }
    return strobe_json_write(
        json_pack("{s:o, s:o}", "threads", strobe_json_threads(processes, n, with_process_info), "asyncio_tasks", list), out);
}
