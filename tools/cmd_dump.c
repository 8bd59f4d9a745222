/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_dump: options -> attach -> one snapshot a process -> report -> standard output. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/target.h"
#include "picture/dumped.h"
#include "report/report.h"
#include "tools/opening.h"
#include "tools/outside.h"
#include "tools/say.h"

struct dumped {
    struct strobe_attach *attach; /* all owned */
    struct strobe_outside outside;
    struct strobe_dumped dumped;
    struct strobe_buf parent; /* the parent's command line */
};

struct dump {
    struct strobe_opts opts;
    struct dumped *all; /* room for every process; n are filled */
    size_t n;
};

static void warn(const struct strobe_attach *attach, const struct strobe_dumped *dumped)
{
    if (strobe_attach_warning(attach))
        strobe_say("Warning: %s", strobe_attach_warning(attach));
    if (dumped->stats.fallbacks)
        strobe_say("Warning: another tracer (a debugger, strace) holds process %" PRId32 " or pausing it is refused: "
                   "it was read without a pause.", dumped->report.pid);
    if (dumped->dropped)
        strobe_say("Warning: %" PRIu32 " thread%s of process %" PRId32 " left out: no consistent reading was possible.", dumped->dropped,
                   dumped->dropped == 1 ? "" : "s", dumped->report.pid);
    if (dumped->locals.cut_frames)
        strobe_say("Warning: %" PRIu32 " frames are shown without their locals: reading them took too long.", dumped->locals.cut_frames);
}

/* A whole process, or an error with a sentence in why. */
static int dump_one(void *ctx, pid_t pid, pid_t parent, struct strobe_buf *why)
{
    struct dump *dump = ctx;
    const struct strobe_opts *opts = &dump->opts;
    struct strobe_dumped_opts how = {.nonblocking = opts->nonblocking, .full_filenames = opts->full_filenames, .locals = opts->locals,
                                     .tasks = !opts->json || opts->asyncio != STROBE_ASYNCIO_OFF, .max_pause_ns = opts->max_pause_ns};
    struct dumped *to = &dump->all[dump->n];
    int err = parent ? strobe_attach_open(pid, &to->attach, why) : strobe_open_target(pid, &to->attach, why);

    if (err)
        return err;
    strobe_outside_init(&to->outside, to->attach, pid);
    strobe_outside_set_parent(&to->outside, parent);
    err = strobe_dumped_take(&to->outside.place, &how, &to->dumped);
    if (err) {
        strobe_buf_printf(why, "process %" PRId32 " could not be read: %s", pid, strobe_err_text(err));
        strobe_outside_release(&to->outside);
        strobe_attach_close(to->attach);
        return err;
    }
    if (parent) {
        strobe_target_cmdline(parent, &to->parent);
        to->dumped.report.parent_pid = parent;
        to->dumped.report.parent_cmdline = strobe_buf_str(&to->parent);
    }
    warn(to->attach, &to->dumped);
    dump->n++;
    return 0;
}

static void release(struct dumped *dumped)
{
    strobe_dumped_release(&dumped->dumped);
    strobe_outside_release(&dumped->outside);
    strobe_attach_close(dumped->attach);
    strobe_buf_release(&dumped->parent);
}

static void print_text(const struct strobe_dumped *dumped, struct strobe_buf *out)
{
    struct strobe_report_tasks tasks = dumped->tasked.report;

    strobe_report_dump_text(&dumped->report, strobe_want_color(), out);
    if (!dumped->has_tasks)
        return;
    tasks.ascii = !strobe_speaks_utf8();
    strobe_report_tasks_section(&tasks, strobe_want_color(), out);
}

static int print(const struct dump *dump)
{
    struct strobe_report_process *reports = calloc(dump->n, sizeof *reports);
    const struct strobe_report_tasks **tasks = calloc(dump->n, sizeof *tasks);
    struct strobe_buf out = STROBE_BUF_INIT;
    int err = reports && tasks ? 0 : STROBE_ERR_NOMEM;
    uint32_t n_tasks = 0;

    for (size_t i = 0; !err && i < dump->n; i++) {
        reports[i] = dump->all[i].dumped.report;
        if (dump->all[i].dumped.has_tasks)
            tasks[n_tasks++] = &dump->all[i].dumped.tasked.report;
        if (!dump->opts.json)
            print_text(&dump->all[i].dumped, &out);
    }
    if (!err && dump->opts.json)
        err = dump->opts.asyncio == STROBE_ASYNCIO_OFF
                  ? strobe_report_dump_json(reports, (uint32_t)dump->n, dump->opts.subprocesses, &out)
                  : strobe_report_dump_asyncio_json(reports, (uint32_t)dump->n, dump->opts.subprocesses, tasks, n_tasks, &out);
    if (out.failed)
        err = STROBE_ERR_NOMEM;
    if (!err)
        fwrite(strobe_buf_str(&out), 1, out.len, stdout); /* main looks at the stream's error state */
    strobe_buf_release(&out);
    free(tasks);
    free(reports);
    return err;
}

static int dump_all(struct dump *dump, struct strobe_buf *why)
{
    pid_t *children;
    size_t n;
    int err = strobe_open_list(dump->opts.pid, dump->opts.subprocesses, &children, &n);

    if (!err && !(dump->all = calloc(n + 1, sizeof *dump->all)))
        err = STROBE_ERR_NOMEM;
    if (err) {
        strobe_buf_puts(why, strobe_err_text(err));
        goto done;
    }
    err = strobe_open_family(dump->opts.pid, children, n, dump_one, dump, why);
    if (!dump->n)
        goto done;
    err = print(dump);
    if (err)
        strobe_buf_puts(why, strobe_err_text(err));
done:
    free(children);
    return err;
}

int strobe_cmd_dump(int argc, char **argv)
{
    struct dump dump = {.all = NULL};
    struct strobe_buf why = STROBE_BUF_INIT;
    int ret_exit;

    if (strobe_cmd_ready(STROBE_CMD_DUMP, argc, argv, &dump.opts, &ret_exit)) {
        ret_exit = dump_all(&dump, &why) ? STROBE_EXIT_ERROR : STROBE_EXIT_OK;
        if (ret_exit != STROBE_EXIT_OK)
            strobe_complain("%s", strobe_buf_str(&why));
    }
    for (size_t i = 0; i < dump.n; i++)
        release(&dump.all[i]);
    free(dump.all);
    strobe_buf_release(&why);
    strobe_opts_release(&dump.opts);
    return ret_exit;
}
