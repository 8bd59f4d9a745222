/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ps: ps and pstree: options -> attach -> one look at threads and tasks (or many, --for) -> report -> standard output. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/opening.h"
#include "tools/say.h"
#include "tools/tasked.h"

static int print(const struct strobe_tasked *tasked, const struct strobe_opts *opts)
{
    struct strobe_report_tasks report = tasked->report;
    struct strobe_buf out = STROBE_BUF_INIT;
    int err = 0;

    report.ascii = !strobe_speaks_utf8();
    if (opts->json)
        err = strobe_report_tasks_json(&report, opts->cmd == STROBE_CMD_PSTREE, &out);
    else if (opts->cmd == STROBE_CMD_PS)
        strobe_report_ps(&report, strobe_want_color(), &out);
    else
        err = strobe_report_pstree(&report, opts->expand, strobe_want_color(), &out);
    if (out.failed)
        err = STROBE_ERR_NOMEM;
    if (!err)
        fwrite(strobe_buf_str(&out), 1, out.len, stdout); /* main looks at the stream's error state */
    strobe_buf_release(&out);
    return err;
}

static void warn(const struct strobe_tasked *tasked)
{
    uint32_t dropped = tasked->report.sample->n_dropped;

    if (strobe_attach_warning(tasked->attach))
        strobe_say("Warning: %s", strobe_attach_warning(tasked->attach));
    if (!tasked->report.sample->n_tasks && !dropped)
        strobe_say("Process %" PRId32 " has no asyncio task%s.", tasked->process.pid,
                   tasked->report.sample->absent ? ": asyncio is not imported there" : "");
    if (tasked->report.sample->blind)
        strobe_say("Warning: asyncio's layout of tasks in this build of Python is not known: tasks made in C are not shown.");
    if (dropped)
        strobe_say("Warning: %" PRIu32 " task%s left out: no consistent reading was possible.", dropped, dropped == 1 ? "" : "s");
}

static int look(const struct strobe_opts *opts, struct strobe_buf *why)
{
    struct strobe_tasked_opts how = {.nonblocking = opts->nonblocking, .full_filenames = opts->full_filenames,
                                     .max_pause_ns = opts->max_pause_ns, .context_name = opts->context_name};
    struct strobe_attach *attach;
    struct strobe_tasked tasked;
    int err = strobe_open_target(opts->pid, &attach, why);

    if (err)
        return err;
    err = strobe_tasked_open(attach, opts->pid, &how, &tasked);
    if (!err) {
        err = opts->watch_ns ? strobe_tasked_watch(&tasked, opts->watch_ns) : strobe_tasked_take(&tasked);
        if (!err)
            err = print(&tasked, opts);
        if (!err)
            warn(&tasked);
        strobe_tasked_release(&tasked);
    }
    strobe_attach_close(attach);
    if (err)
        strobe_buf_printf(why, "process %" PRId32 " could not be read: %s", opts->pid, strobe_err_text(err));
    return err;
}

static int run(enum strobe_cmd cmd, int argc, char **argv)
{
    struct strobe_buf why = STROBE_BUF_INIT;
    struct strobe_opts opts;
    int ret_exit;

    if (strobe_cmd_ready(cmd, argc, argv, &opts, &ret_exit)) {
        ret_exit = look(&opts, &why) ? STROBE_EXIT_ERROR : STROBE_EXIT_OK;
        if (ret_exit != STROBE_EXIT_OK)
            strobe_complain("%s", strobe_buf_str(&why));
    }
    strobe_buf_release(&why);
    strobe_opts_release(&opts);
    return ret_exit;
}

int strobe_cmd_ps(int argc, char **argv)
{
    return run(STROBE_CMD_PS, argc, argv);
}

int strobe_cmd_pstree(int argc, char **argv)
{
    return run(STROBE_CMD_PSTREE, argc, argv);
}
