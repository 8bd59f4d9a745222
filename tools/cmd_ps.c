/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ps: ps and pstree: options -> attach -> one look at threads and tasks (or many, --for) -> report -> standard output. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "tools/looked.h"
#include "tools/say.h"

static void put(const struct strobe_buf *text)
{
    fwrite(strobe_buf_str(text), 1, text->len, stdout); /* main looks at the stream's error state */
}

/* With -s --json: {"processes": [...]}. */
static void print(const struct strobe_looked *looked)
{
    bool list = looked->opts->json && looked->opts->subprocesses;
    size_t n = 0;

    if (list)
        fputs("{\"processes\": [\n", stdout);
    for (size_t i = 0; i < looked->n; i++) {
        if (!looked->all[i].text.len)
            continue;
        if (list && n++)
            fputs(",\n", stdout);
        put(&looked->all[i].text);
    }
    if (list)
        fputs("]}\n", stdout);
}

static void warn(const struct strobe_looked *looked, const struct strobe_looked_process *process)
{
    char hint[128] = "";

    if (strobe_attach_warning(process->attach))
        strobe_say("Warning: %s", strobe_attach_warning(process->attach));
    if (process->blind)
        strobe_say("Warning: asyncio's layout of tasks in this build of Python is not known: tasks made in C of process %" PRId32
                   " are not shown.", process->pid);
    if (process->dropped)
        strobe_say("Warning: %" PRIu32 " task%s of process %" PRId32 " left out: no consistent reading was possible.", process->dropped,
                   process->dropped == 1 ? "" : "s", process->pid);
    if (looked->opts->subprocesses || process->n_tasks || process->dropped)
        return;
    if (strobe_looked_children(process->pid))
        snprintf(hint, sizeof hint, "; processes that it started have some (strobe %s -s %" PRId32 ")", strobe_opts_word(looked->opts->cmd),
                 process->pid);
    strobe_say("Process %" PRId32 " has no asyncio task%s%s.", process->pid, process->absent ? ": asyncio is not imported there" : "",
               hint);
}

static bool ended(int err)
{
    return err == STROBE_ERR_GONE || err == STROBE_ERR_EXECED || err == STROBE_ERR_NOPROC;
}

/* Who was asked for and could not be looked at to the end is an error; of its children only the news is told. */
static int tell_end(const struct strobe_looked *looked, const struct strobe_looked_process *process)
{
    struct strobe_clock *clock = strobe_clock_system();
    bool asked_for = process->pid == looked->opts->pid;
    void (*tell)(const char *fmt, ...) = asked_for ? strobe_complain : strobe_say;
    double ago = (double)(clock->now(clock) - process->shown_ns) / 1e9;

    if (!ended(process->err))
        tell("process %" PRId32 " could not be read: %s", process->pid, strobe_err_text(process->err));
    else if (process->text.len)
        tell("process %" PRId32 " %s meanwhile: this is how it was %.1f seconds ago", process->pid,
             process->err == STROBE_ERR_EXECED ? "became another program" : "has ended", ago);
    else if (asked_for)
        tell("process %" PRId32 " could not be read: %s", process->pid, strobe_err_text(process->err));
    return asked_for ? STROBE_EXIT_ERROR : STROBE_EXIT_OK;
}

static int look(const struct strobe_opts *opts)
{
    struct strobe_buf why = STROBE_BUF_INIT;
    struct strobe_looked looked;
    int ret_exit = STROBE_EXIT_OK, err = strobe_looked_open(&looked, opts, &why);

    if (!err && (err = strobe_looked_take(&looked)))
        strobe_buf_puts(&why, strobe_err_text(err));
    if (err) {
        strobe_complain("%s", strobe_buf_str(&why));
        ret_exit = STROBE_EXIT_ERROR;
    } else {
        print(&looked);
    }
    for (size_t i = 0; !err && i < looked.n; i++) {
        if (!looked.all[i].err)
            warn(&looked, &looked.all[i]);
        else if (tell_end(&looked, &looked.all[i]))
            ret_exit = STROBE_EXIT_ERROR;
    }
    strobe_looked_release(&looked);
    strobe_buf_release(&why);
    return ret_exit;
}

static int run(enum strobe_cmd cmd, int argc, char **argv)
{
    struct strobe_opts opts;
    int ret_exit;

    if (strobe_cmd_ready(cmd, argc, argv, &opts, &ret_exit))
        ret_exit = look(&opts);
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
