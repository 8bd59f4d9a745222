/* SPDX-License-Identifier: Apache-2.0 */
/* dump_json: a snapshot as py-spy's `dump --json` gives it: one array of threads in the order of the runtime's lists (the newest
 * first), the same keys in the same order; ours follow at the end of each object.  Numbers are JSON integers. */
#include "report/report.h"

#include <stdlib.h>

#include "report/escape.h"
#include "report/json.h"

/* A chain of parents is followed this far: pid_max is 4 million, but a table of processes with a cycle must end. */
enum { MAX_ANCESTORS = 64 };

json_t *strobe_json_text(const char *text)
{
    struct strobe_buf buf = STROBE_BUF_INIT;
    json_t *value;

    if (!text)
        return json_null();
    strobe_report_utf8(text, &buf);
    value = buf.failed ? NULL : json_stringn(strobe_buf_str(&buf), buf.len);
    strobe_buf_release(&buf);
    return value;
}

static json_t *json_locals(const struct strobe_report_frame *frame)
{
    json_t *list;

    if (!frame->locals_known)
        return json_null();
    list = json_array();
    for (uint32_t i = 0; list && i < frame->n_locals; i++) {
        const struct strobe_report_local *local = &frame->locals[i];
        json_t *item = json_pack("{s:o, s:I, s:b, s:o}", "name", strobe_json_text(local->name), "addr", (json_int_t)local->addr, "arg",
                                 (int)local->is_arg, "repr", strobe_json_text(local->repr));

        if (!item || json_array_append_new(list, item)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* A mark has the keys of a frame, so that a reader of py-spy's form needs no special case. */
json_t *strobe_json_frame(const struct strobe_report_process *process, const struct strobe_report_frame *frame)
{
    const struct strobe_frame *f = frame->frame;
    const char *mark = frame->mark ? frame->mark : "<unknown>";

    return json_pack("{s:o, s:o, s:n, s:o, s:i, s:o, s:b, s:b}", "name",
                     strobe_json_text(f ? strobe_names_text(process->names, f->name) : mark),
                     "filename", strobe_json_text(f ? strobe_names_text(process->names, f->file) : ""), "module", "short_filename",
                     f ? strobe_json_text(strobe_names_text(process->names, f->short_file)) : json_null(), "line", (int)(f ? f->line : 0),
                     "locals",
                     json_locals(frame), "is_entry", 0, "is_shim_entry", 0);
}

static json_t *json_frames(const struct strobe_report_process *process, const struct strobe_report_thread *thread)
{
    json_t *list = json_array();

    for (uint32_t i = 0; list && i < thread->n_frames; i++) {
        json_t *frame = strobe_json_frame(process, &thread->frames[i]);

        if (!frame || json_array_append_new(list, frame)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static const struct strobe_report_process *process_of(const struct strobe_report_process *processes, uint32_t n, int32_t pid)
{
    for (uint32_t i = 0; pid && i < n; i++)
        if (processes[i].pid == pid)
            return &processes[i];
    return NULL;
}

/* {pid, command_line, parent}: parent is null for the process that was asked for. */
static json_t *json_process_info(const struct strobe_report_process *processes, uint32_t n, const struct strobe_report_process *process,
                                 int depth)
{
    json_t *parent = NULL;

    if (process->parent_pid && depth < MAX_ANCESTORS) {
        const struct strobe_report_process *up = process_of(processes, n, process->parent_pid);

        parent = up ? json_process_info(processes, n, up, depth + 1)
                    : json_pack("{s:i, s:o, s:n}", "pid", (int)process->parent_pid, "command_line",
                                strobe_json_text(process->parent_cmdline ? process->parent_cmdline : ""), "parent");
        if (!parent)
            return NULL;
    }
    return json_pack("{s:i, s:o, s:o}", "pid", (int)process->pid, "command_line", strobe_json_text(process->cmdline), "parent",
                     parent ? parent : json_null());
}

/* json_pack takes the new references over, also on failure. */
static json_t *json_thread(const struct strobe_report_process *process, const struct strobe_report_thread *thread, json_t *info)
{
    const struct strobe_thread *t = thread->thread;
    int32_t tid = t->tid ? t->tid : t->native;
    /* A thread that sleeps for the GIL would run if it could: active for readers who know only this key. */
    bool active = t->flags & (STROBE_THREAD_ACTIVE | STROBE_THREAD_GIL_WAIT);

    return json_pack("{s:i, s:I, s:o, s:o, s:b, s:b, s:o, s:o, s:b, s:b, s:b, s:b, s:I, s:o}", "pid", (int)process->pid, "thread_id",
                     (json_int_t)t->pthread, "thread_name", thread->name && *thread->name ? strobe_json_text(thread->name) : json_null(),
                     "os_thread_id", tid ? json_integer(tid) : json_null(), "active", (int)active, "owns_gil",
                     (t->flags & STROBE_THREAD_GIL) != 0, "frames", json_frames(process, thread), "process_info", info, "gil_wait",
                     (t->flags & STROBE_THREAD_GIL_WAIT) != 0, "gc", (t->flags & STROBE_THREAD_GC) != 0, "stopped", (int)process->stopped,
                     "main", (t->flags & STROBE_THREAD_MAIN) != 0, "interpreter", (json_int_t)t->interp, "error",
                     t->error ? strobe_json_text(strobe_err_text(t->error)) : json_null());
}

json_t *strobe_json_threads(const struct strobe_report_process *processes, uint32_t n, bool with_process_info)
{
    json_t *list = json_array();

    for (uint32_t p = 0; list && p < n; p++)
        for (uint32_t i = 0; list && i < processes[p].n_threads; i++) {
            json_t *info = with_process_info ? json_process_info(processes, n, &processes[p], 0) : json_null();
            json_t *thread = info ? json_thread(&processes[p], &processes[p].threads[i], info) : NULL;

            if (!thread || json_array_append_new(list, thread)) {
                json_decref(list);
                list = NULL;
            }
        }
    return list;
}

bool strobe_json_append(json_t *list, json_t *value)
{
    return value && !json_array_append_new(list, value);
}

static int write_json(json_t *value, size_t flags, struct strobe_buf *out)
{
    char *text = value ? json_dumps(value, flags) : NULL;

    json_decref(value);
    if (!text)
        return STROBE_ERR_NOMEM;
    strobe_report_escape_json(text, out);
    strobe_buf_putc(out, '\n');
    free(text);
    return out->failed ? STROBE_ERR_NOMEM : 0;
}

int strobe_json_write(json_t *value, struct strobe_buf *out)
{
    return write_json(value, JSON_INDENT(2) | JSON_REAL_PRECISION(9), out);
}

int strobe_json_write_line(json_t *value, struct strobe_buf *out)
{
    return write_json(value, JSON_REAL_PRECISION(15), out);
}

int strobe_report_dump_json(const struct strobe_report_process *processes, uint32_t n, bool with_process_info, struct strobe_buf *out)
{
    return strobe_json_write(strobe_json_threads(processes, n, with_process_info), out);
}
