/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/opts_parts.h"

#include <string.h>

/* What `record` can do with its options about tasks. */
static bool check_tasks(const struct strobe_opts *opts, struct strobe_buf *message)
{
    const char *of_tasks = opts->blame ? "blame" : opts->task_rate ? "task-rate" : NULL;
    bool to_stdout = opts->output && strcmp(opts->output, "-") == 0;

    if (of_tasks && opts->asyncio == STROBE_ASYNCIO_OFF) {
        strobe_buf_printf(message, "--%s needs --asyncio", of_tasks);
        return false;
    }
    if (of_tasks && opts->asyncio == STROBE_ASYNCIO_THREADS) {
        strobe_buf_printf(message, "--%s is about tasks, which --asyncio=threads does not record: take --asyncio or --asyncio=both",
                          of_tasks);
        return false;
    }
    if (opts->gil && opts->asyncio == STROBE_ASYNCIO_TASKS) {
        strobe_buf_puts(message, "--gil is about threads: tasks that wait have nothing to do with the GIL; take --asyncio=threads or "
                                 "--asyncio=both");
        return false;
    }
    if (opts->asyncio == STROBE_ASYNCIO_BOTH && to_stdout) {
        strobe_buf_puts(message, "--asyncio=both writes two profiles: name a file with --output");
        return false;
    }
    if (opts->json && to_stdout) {
        strobe_buf_puts(message, "--json writes a summary to standard output: name another file for the profile with --output");
        return false;
    }
    return true;
}

static bool check_serve(const struct strobe_opts *opts, struct strobe_buf *message)
{
    if (opts->serve.all_python && (opts->serve.n_pids || opts->program)) {
        strobe_buf_printf(message, "--all-python and %s cannot be used together", opts->program ? "a program" : "a process id");
        return false;
    }
    if (opts->serve.listen && !*opts->serve.listen) {
        strobe_buf_puts(message, "'' is no value for --listen: it takes HOST:PORT, such as 127.0.0.1:9477");
        return false;
    }
    return true;
}

enum strobe_opts_verdict strobe_opts_check(const struct strobe_opts *opts, struct strobe_buf *message)
{
    if (opts->function && opts->no_line) {
        strobe_buf_puts(message, "--function and --nolineno cannot be used together");
        return STROBE_OPTS_USAGE;
    }
    if (opts->cmd == STROBE_CMD_RECORD && !check_tasks(opts, message))
        return STROBE_OPTS_USAGE;
    if (opts->cmd == STROBE_CMD_DUMP && opts->asyncio > STROBE_ASYNCIO_TASKS) {
        strobe_buf_puts(message, "--asyncio of dump takes no value: threads are always there");
        return STROBE_OPTS_USAGE;
    }
    if (opts->native && opts->nonblocking) {
        strobe_buf_puts(message, "--native cannot be used with --nonblocking");
        return STROBE_OPTS_USAGE;
    }
    if (opts->cmd == STROBE_CMD_TOP) {
        strobe_buf_puts(message, "top is not implemented yet");
        return STROBE_OPTS_UNSUPPORTED;
    }
    if (opts->native || opts->core) {
        strobe_buf_printf(message, "%s is not implemented yet", opts->native ? "--native" : "--core");
        return STROBE_OPTS_UNSUPPORTED;
    }
    if (opts->cmd == STROBE_CMD_SERVE && !check_serve(opts, message))
        return STROBE_OPTS_USAGE;
    if (!opts->pid && !opts->program && !opts->serve.all_python) {
        if (opts->cmd == STROBE_CMD_RECORD)
            strobe_buf_puts(message, "no process and no program given: strobe record --pid PID, or -- PROGRAM");
        else if (opts->cmd == STROBE_CMD_SERVE)
            strobe_buf_puts(message, "no process and no program given: strobe serve PID..., --all-python, or -- PROGRAM");
        else
            strobe_buf_printf(message, "no process given: strobe %s --pid PID", strobe_opts_word(opts->cmd));
        return STROBE_OPTS_USAGE;
    }
    return STROBE_OPTS_RUN;
}
