/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_pools: options -> attach -> a scan of the memory for idle ones -> one look -> report -> standard output; with -s of each process. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attach/target.h"
#include "picture/pooled.h"
#include "tools/opening.h"
#include "tools/outside.h"
#include "tools/say.h"

struct pools {
    const struct strobe_opts *opts;
    struct strobe_buf text; /* of all processes */
    size_t n;               /* processes that were looked at */
};

static int put(const struct pools *pools, const struct strobe_report_resources *report, struct strobe_buf *out)
{
    bool color = strobe_want_color();

    if (pools->opts->json) {
        if (pools->n)
            strobe_buf_puts(out, ",\n");
        return strobe_report_resources_json(report, out);
    }
    if (pools->opts->subprocesses) {
        strobe_report_heading(report->process, color, out);
        if (!report->n)
            strobe_buf_puts(out, "No executor, semaphore, limiter or bounded queue.\n");
    }
    strobe_report_resources(report, color, out);
    return out->failed ? STROBE_ERR_NOMEM : 0;
}

static int look(struct pools *pools, struct strobe_attach *attach, pid_t pid, pid_t parent)
{
    const struct strobe_opts *opts = pools->opts;
    struct strobe_tasked_opts how = {.nonblocking = opts->nonblocking, .max_pause_ns = opts->max_pause_ns};
    struct strobe_buf parent_cmdline = STROBE_BUF_INIT;
    struct strobe_pooled pooled;
    struct strobe_outside outside;
    size_t before = pools->text.len;
    bool done;
    int err, scan_err;

    strobe_outside_init(&outside, attach, pid);
    strobe_outside_set_parent(&outside, parent);
    err = strobe_pooled_open(&outside.place, &how, &pooled);
    if (err)
        goto done;
    if (parent) {
        strobe_target_cmdline(parent, &parent_cmdline);
        pooled.tasked.process.parent_pid = parent;
        pooled.tasked.process.parent_cmdline = strobe_buf_str(&parent_cmdline);
    }
    scan_err = strobe_pooled_scan(&pooled, UINT64_MAX, &done);
    err = strobe_pooled_take(&pooled);
    if (!err)
        err = put(pools, &pooled.report, &pools->text);
    if (err)
        pools->text.len = before;
    else
        pools->n++;
    if (!err && scan_err)
        strobe_say("Warning: idle ones of process %" PRId32 " could not be looked for: %s", (int32_t)pid, strobe_err_text(scan_err));
    if (!err && !pooled.report.n && !opts->subprocesses)
        strobe_say("Process %" PRId32 " has no executor, semaphore, limiter or bounded queue.", (int32_t)pid);
    strobe_pooled_release(&pooled);
done:
    strobe_outside_release(&outside);
    strobe_buf_release(&parent_cmdline);
    return err;
}

static int open_one(void *ctx, pid_t pid, pid_t parent, struct strobe_buf *why)
{
    struct strobe_attach *attach;
    int err = parent ? strobe_attach_open(pid, &attach, why) : strobe_open_target(pid, &attach, why);

    if (err)
        return err;
    if (strobe_attach_warning(attach))
        strobe_say("Warning: %s", strobe_attach_warning(attach));
    err = look(ctx, attach, pid, parent);
    if (err)
        strobe_buf_printf(why, "process %" PRId32 " could not be read: %s", (int32_t)pid, strobe_err_text(err));
    strobe_attach_close(attach);
    return err;
}

/* The process that was asked for need be no Python when its children are. */
static int run(const struct strobe_opts *opts)
{
    struct pools pools = {.opts = opts, .text = STROBE_BUF_INIT};
    struct strobe_buf why = STROBE_BUF_INIT;
    bool list = opts->json && opts->subprocesses;
    pid_t *children = NULL;
    size_t n;
    int err = strobe_open_list(opts->pid, opts->subprocesses, &children, &n);

    if (err)
        strobe_buf_puts(&why, strobe_err_text(err));
    else
        err = strobe_open_family(opts->pid, children, n, open_one, &pools, &why);
    free(children);
    if (pools.n) {
        fputs(list ? "{\"processes\": [\n" : "", stdout);
        fwrite(strobe_buf_str(&pools.text), 1, pools.text.len, stdout); /* main looks at the stream's error state */
        fputs(list ? "]}\n" : "", stdout);
        err = 0;
    } else {
        strobe_complain("%s", strobe_buf_str(&why));
    }
    strobe_buf_release(&pools.text);
    strobe_buf_release(&why);
    return err ? STROBE_EXIT_ERROR : STROBE_EXIT_OK;
}

int strobe_cmd_pools(int argc, char **argv)
{
    struct strobe_opts opts;
    int ret_exit;

    if (strobe_cmd_ready(STROBE_CMD_POOLS, argc, argv, &opts, &ret_exit))
        ret_exit = run(&opts);
    strobe_opts_release(&opts);
    return ret_exit;
}
