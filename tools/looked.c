/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/looked.h"

#include <inttypes.h>
#include <stdlib.h>

#include "attach/target.h"
#include "base/clock.h"
#include "tools/opening.h"
#include "tools/say.h"

enum {
    MAX_ASKED = 64,  /* children that are asked for tasks when nobody asked for children */
    TEXT_SHARE = 8,  /* while it is watched, a process's text takes at most 1/8 of the time */
};
static const uint64_t text_ns = 200 * 1000 * 1000, least_ns = 20 * 1000 * 1000;

/* ---- opening ---- */

static int open_one(void *ctx, pid_t pid, pid_t parent, struct strobe_buf *why)
{
    struct strobe_looked *looked = ctx;
    const struct strobe_opts *opts = looked->opts;
    struct strobe_tasked_opts how = {.nonblocking = opts->nonblocking, .full_filenames = opts->full_filenames,
                                     .max_pause_ns = opts->max_pause_ns, .watch = opts->watch_ns > 0, .context_name = opts->context_name};
    struct strobe_looked_process *process = &looked->all[looked->n];
    int err = parent ? strobe_attach_open(pid, &process->attach, why) : strobe_open_target(pid, &process->attach, why);

    if (err)
        return err;
    process->pid = pid;
    strobe_outside_init(&process->outside, process->attach, pid);
    strobe_outside_set_parent(&process->outside, parent);
    err = strobe_tasked_open(&process->outside.place, &how, &process->tasked);
    if (err) {
        strobe_outside_release(&process->outside);
        strobe_attach_close(process->attach);
        *process = (struct strobe_looked_process){.pid = 0};
        strobe_buf_puts(why, strobe_err_text(err));
        return err;
    }
    if (parent) {
        strobe_target_cmdline(parent, &process->parent);
        process->tasked.process.parent_pid = parent;
        process->tasked.process.parent_cmdline = strobe_buf_str(&process->parent);
    }
    looked->n++;
    return 0;
}

int strobe_looked_open(struct strobe_looked *looked, const struct strobe_opts *opts, struct strobe_buf *why)
{
    pid_t *children;
    size_t n;
    int err;

    *looked = (struct strobe_looked){.opts = opts};
    err = strobe_open_list(opts->pid, opts->subprocesses, &children, &n);
    if (!err && !(looked->all = calloc(n + 1, sizeof *looked->all)))
        err = STROBE_ERR_NOMEM;
    if (err)
        strobe_buf_puts(why, strobe_err_text(err));
    else
        err = strobe_open_family(opts->pid, children, n, open_one, looked, why);
    free(children);
    return looked->n ? 0 : err;
}

void strobe_looked_release(struct strobe_looked *looked)
{
    for (size_t i = 0; i < looked->n; i++) {
        struct strobe_looked_process *process = &looked->all[i];

        strobe_tasked_release(&process->tasked);
        strobe_outside_release(&process->outside);
        strobe_attach_close(process->attach);
        strobe_buf_release(&process->parent);
        strobe_buf_release(&process->text);
    }
    free(looked->all);
    *looked = (struct strobe_looked){.opts = NULL};
}

/* ---- texts ---- */

static int make_text(const struct strobe_looked *looked, const struct strobe_tasked *tasked, struct strobe_buf *out)
{
    const struct strobe_opts *opts = looked->opts;
    struct strobe_report_tasks report = tasked->report;
    bool color = strobe_want_color();

    report.ascii = !strobe_speaks_utf8();
    if (opts->json)
        return strobe_report_tasks_json(&report, opts->cmd == STROBE_CMD_PSTREE, out);
    if (opts->subprocesses)
        strobe_report_heading(report.process, color, out);
    if (opts->subprocesses && !report.sample->n_tasks) {
        strobe_buf_puts(out, "No asyncio task.\n");
        strobe_report_copies(report.sample->n_copies, out);
    } else if (opts->cmd == STROBE_CMD_PSTREE)
        return strobe_report_pstree(&report, opts->expand, color, out);
    else
        strobe_report_ps(&report, color, out);
    return out->failed ? STROBE_ERR_NOMEM : 0;
}

/* The runtime is being torn down: what is left of it is no picture of the process. */
static bool is_ending(struct strobe_attach *attach)
{
    const struct strobe_layout *layout = strobe_attach_layout(attach);
    uint64_t by;

    return !strobe_mem_u64(strobe_attach_mem(attach), layout->runtime + layout->rt_finalizing, &by) && by;
}

/* Of a process that ended while its text was made, the text before is whole. */
static int renew_text(const struct strobe_looked *looked, struct strobe_looked_process *process)
{
    const struct strobe_task_sample *sample;
    struct strobe_buf text = STROBE_BUF_INIT;
    int err = strobe_tasked_fill(&process->tasked);

    if (!err)
        err = make_text(looked, &process->tasked, &text);
    if (!err)
        err = strobe_attach_alive(process->attach);
    if (!err && process->text.len && is_ending(process->attach))
        err = STROBE_ERR_GONE;
    if (err) {
        strobe_buf_release(&text);
        return err;
    }
    strobe_buf_release(&process->text);
    process->text = text;
    sample = process->tasked.report.sample;
    process->n_tasks = sample->n_tasks;
    process->dropped = sample->n_dropped;
    process->absent = sample->absent;
    process->blind = sample->blind;
    return 0;
}

/* ---- looking ---- */

/* One look, and its text when that is due. */
static int look_at(struct strobe_looked *looked, struct strobe_looked_process *process, bool last)
{
    struct strobe_clock *clock = strobe_clock_system();
    uint64_t start, end;
    int err = strobe_tasked_look(&process->tasked), gone;

    start = clock->now(clock);
    if (!err && (last || start >= process->due_ns)) {
        err = renew_text(looked, process);
        end = clock->now(clock);
        process->shown_ns = err ? process->shown_ns : start;
        process->due_ns = end + (end - start) * TEXT_SHARE;
        if (process->text.len && process->due_ns < end + text_ns)
            process->due_ns = end + text_ns;
    }
    if (err && (gone = strobe_attach_alive(process->attach)))
        err = gone;
    else if (err == STROBE_ERR_NOTREADY && process->shown_ns)
        err = STROBE_ERR_GONE; /* it is no longer ready */
    if (err && !last && strobe_err_class(err) != STROBE_CLASS_FATAL)
        return 0; /* perhaps the next look fares better */
    process->err = err;
    return err == STROBE_ERR_NOMEM ? err : 0;
}

/* All that are still there; ret_n: how many. */
static int look_at_all(struct strobe_looked *looked, bool last, size_t *ret_n)
{
    int err = 0;

    *ret_n = 0;
    for (size_t i = 0; !err && i < looked->n; i++) {
        if (looked->all[i].err)
            continue;
        err = look_at(looked, &looked->all[i], last);
        *ret_n += !looked->all[i].err;
    }
    return err;
}

int strobe_looked_take(struct strobe_looked *looked)
{
    struct strobe_clock *clock = strobe_clock_system();
    uint64_t start = clock->now(clock), end = start + looked->opts->watch_ns, next;
    size_t n = looked->n;
    int err = 0;

    while (!err && n && (start = clock->now(clock)) < end) {
        err = look_at_all(looked, false, &n);
        next = clock->now(clock);
        next += next - start > least_ns ? next - start : least_ns; /* at most half of the time is spent in looking */
        if (n)
            clock->sleep_until(clock, next < end ? next : end);
    }
    return err ? err : look_at_all(looked, true, &n);
}

/* ---- children that nobody asked for ---- */

static bool has_tasks(int32_t pid)
{
    struct strobe_tasked_opts how = {.nonblocking = true};
    struct strobe_buf why = STROBE_BUF_INIT;
    struct strobe_attach *attach;
    struct strobe_outside outside;
    struct strobe_tasked tasked;
    bool found = false;

    if (!strobe_attach_open(pid, &attach, &why)) {
        strobe_outside_init(&outside, attach, pid);
        if (!strobe_tasked_open(&outside.place, &how, &tasked)) {
            found = !strobe_tasked_look(&tasked) && tasked.sample->n_tasks;
            strobe_tasked_release(&tasked);
        }
        strobe_outside_release(&outside);
        strobe_attach_close(attach);
    }
    strobe_buf_release(&why);
    return found;
}

bool strobe_looked_children(int32_t pid)
{
    pid_t children[MAX_ASKED];
    size_t n = strobe_target_descendants(pid, children, MAX_ASKED);

    for (size_t i = 0; i < n; i++)
        if (has_tasks(children[i]))
            return true;
    return false;
}
