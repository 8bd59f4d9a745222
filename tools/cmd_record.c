/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_record: options -> output file -> recording -> exporter -> file renamed -> closing lines. */
#include "tools/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export/exporter.h"
#include "tools/closing.h"
#include "tools/output.h"
#include "tools/recording.h"
#include "tools/say.h"

struct record {
    struct strobe_opts opts;
    const struct strobe_exporter *exporter;
    char *path, *task_path; /* owned; task_path: of the tasks' profile, beside the threads' (--asyncio=both) */
    struct strobe_output output, task_output;
    struct strobe_recording rec;
};

/* {pid or program}-{local time}.{extension}; the time as RFC 3339 but for colons, which shells and other systems take amiss. */
static char *default_path(const struct strobe_opts *opts, const struct strobe_exporter *exporter)
{
    char stamp[64] = "", *path;
    const char *program = opts->program ? opts->program[0] : NULL, *slash = program ? strrchr(program, '/') : NULL;
    time_t seconds = time(NULL);
    struct tm local;
    int len;

    if (localtime_r(&seconds, &local))
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H-%M-%S%z", &local);
    if (program)
        len = asprintf(&path, "%s-%s.%s", slash && slash[1] ? slash + 1 : program, stamp, exporter->extension);
    else
        len = asprintf(&path, "%" PRId32 "-%s.%s", opts->pid, stamp, exporter->extension);
    return len < 0 ? NULL : path;
}

static void say_formats(const char *wanted)
{
    struct strobe_buf names = STROBE_BUF_INIT;
    const struct strobe_exporter *exporter;

    for (size_t i = 0; (exporter = strobe_exporter_at(i)); i++)
        strobe_buf_printf(&names, "%s%s", i ? ", " : "", exporter->name);
    strobe_complain("'%s' is no value for --format: it takes one of %s", wanted, strobe_buf_str(&names));
    strobe_buf_release(&names);
}

static void say_start(const struct strobe_opts *opts)
{
    char rate[48] = "as often as possible", duration[48] = "";

    if (!opts->flat_out)
        snprintf(rate, sizeof rate, "%" PRIu32 " time%s a second", opts->rate, opts->rate == 1 ? "" : "s");
    if (opts->duration_ns)
        snprintf(duration, sizeof duration, " for %.9g seconds", (double)opts->duration_ns / 1e9);
    strobe_say("Sampling process %s%s. Press Control-C to exit.", rate, duration);
}

/* Options about threads that do nothing for tasks; where they make no sense at all, the parser has refused them. */
static void say_ignored(const struct strobe_opts *opts)
{
    const struct {
        bool given;
        const char *words;
    } about_threads[] = {
        {opts->threads, "--threads has no effect on tasks: their stacks begin with the tasks that await them"},
        {opts->idle, "--idle has no effect on tasks: those that wait are always counted"},
        {opts->gil, "--gil has no effect on tasks: they are counted whoever holds the GIL"},
    };

    if (opts->asyncio != STROBE_ASYNCIO_TASKS && opts->asyncio != STROBE_ASYNCIO_BOTH)
        return;
    for (size_t i = 0; i < sizeof about_threads / sizeof about_threads[0]; i++)
        if (about_threads[i].given)
            strobe_say("%s%s.", about_threads[i].words,
                       opts->asyncio == STROBE_ASYNCIO_BOTH ? "; it applies to the profile of threads" : "");
}

static bool is_stopped(pid_t pid)
{
    struct strobe_target_stat stat;

    return !strobe_target_stat(pid, &stat) && stat.state == 'T';
}

/* NAME.EXT -> NAME-tasks.EXT; the format's own extension may have two parts. */
static char *tasks_path(const char *path, const char *extension)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    size_t len = strlen(path), ext_len = strlen(extension) + 1;
    char *with;

    if (len > ext_len && path[len - ext_len] == '.' && strcmp(path + len - ext_len + 1, extension) == 0)
        dot = path + len - ext_len;
    if (!dot || dot == path || (slash && dot <= slash + 1))
        dot = path + strlen(path);
    return asprintf(&with, "%.*s-tasks%s", (int)(dot - path), path, dot) < 0 ? NULL : with;
}

/* Exports into an output file and gives it its name.  0, or a negative code with a sentence in why. */
static int write_profile(struct record *record, struct strobe_agg *agg, struct strobe_output *output, const char *path,
                         struct strobe_buf *why)
{
    struct strobe_recording *rec = &record->rec;
    struct strobe_sink sink = {strobe_output_write, output};
    struct strobe_profile profile = {
        .agg = agg,
        .names = rec->names,
        .title = strobe_buf_str(&rec->title),
        .show_line = !record->opts.no_line,
        .full_filenames = record->opts.full_filenames,
    };
    int err, close_err;

    strobe_session_times(rec->session, &profile.start_ns, &profile.end_ns, &profile.start_unix_ns);
    err = record->exporter->write(&profile, &sink);
    if (err && !output->saved_errno) {
        strobe_buf_printf(why, "cannot write '%s': %s", path, strobe_err_text(err));
        strobe_output_release(output);
        return err;
    }
    close_err = strobe_output_commit(output, why);
    return err ? err : close_err;
}

/* Why an attached recording ended before its time. */
static void say_end(struct strobe_recording *rec)
{
    int err = rec->launched || rec->stopped ? 0 : strobe_follow_root_check(rec->follow);

    if (err == STROBE_ERR_EXECED)
        strobe_say("Stopped sampling because the process now runs another program.");
    else if (err == STROBE_ERR_GONE)
        strobe_say("Stopped sampling because process exited.");
}

/* The summary on standard output. */
static bool write_json(const struct record *record, const struct strobe_session_stats *stats)
{
    struct strobe_closing closing = {.rec = &record->rec, .stats = stats, .threads_path = record->path, .tasks_path = record->task_path};
    struct strobe_buf text = STROBE_BUF_INIT;
    bool done;

    if (record->opts.asyncio == STROBE_ASYNCIO_TASKS) {
        closing.tasks_path = record->path;
        closing.threads_path = NULL;
    }
    strobe_closing_json(&closing, &text);
    done = !text.failed && fwrite(text.data, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    if (!done)
        strobe_complain("the summary could not be written: %s", text.failed ? strobe_err_text(STROBE_ERR_NOMEM) : strerror(errno));
    strobe_buf_release(&text);
    return done;
}

/* Writes what was gathered; returns the exit status but for a launched program's own. */
static int finish(struct record *record, int run_err)
{
    bool only_tasks = record->opts.asyncio == STROBE_ASYNCIO_TASKS;
    struct strobe_session_stats stats;
    struct strobe_buf why = STROBE_BUF_INIT;
    int ret_exit = STROBE_EXIT_OK;

    strobe_session_stats(record->rec.session, &stats);
    say_end(&record->rec);
    if (run_err && strobe_err_class(run_err) == STROBE_CLASS_FATAL && run_err != STROBE_ERR_GONE && run_err != STROBE_ERR_EXECED) {
        strobe_complain("the recording ended early: %s", strobe_err_text(run_err));
        ret_exit = STROBE_EXIT_ERROR;
    }
    if (write_profile(record, only_tasks ? record->rec.task_agg : record->rec.agg, &record->output, record->path, &why) ||
        (record->task_path && write_profile(record, record->rec.task_agg, &record->task_output, record->task_path, &why))) {
        strobe_complain("%s", strobe_buf_str(&why));
        ret_exit = STROBE_EXIT_ERROR;
        goto done;
    }
    strobe_say("Wrote %s to '%s'. Samples: %" PRIu64 " Errors: %" PRIu64, record->exporter->noun, record->path,
               only_tasks ? stats.tasks.samples : stats.samples, stats.errors);
    if (record->task_path)
        strobe_say("Wrote %s of the tasks to '%s'. Samples: %" PRIu64, record->exporter->noun, record->task_path, stats.tasks.samples);
    strobe_closing_say_cost(&record->opts, &stats);
    if (record->rec.task_agg) {
        strobe_loopblocks_sort(&record->rec.blocks);
        strobe_closing_say_tasks(&record->opts, &stats);
        strobe_closing_say_blocks(&record->rec.blocks, record->rec.names);
    }
    if (record->opts.json && !write_json(record, &stats))
        ret_exit = STROBE_EXIT_ERROR;
    if (only_tasks && is_stopped(record->opts.pid))
        strobe_say("Process %d is stopped (SIGSTOP, or by its shell): whatever its tasks wait for, they wait for that too; kill -CONT %d "
                   "lets it run.", (int)record->opts.pid, (int)record->opts.pid);
    if (only_tasks)
        goto done;
    if (!stats.samples && record->opts.gil && stats.ticks)
        strobe_say("No samples: no thread held the GIL at any look; without --gil all that run are counted.");
    else if (!stats.samples && is_stopped(record->opts.pid))
        strobe_say("No samples: process %d is stopped (SIGSTOP, or by its shell); kill -CONT %d lets it run.", (int)record->opts.pid,
                   (int)record->opts.pid);
    else if (!stats.samples && !record->opts.idle && stats.ticks)
        strobe_say("No samples: every thread was idle at every look; --idle counts idle threads too.");
done:
    strobe_buf_release(&why);
    return ret_exit;
}

static int no_python(struct record *record)
{
    const char *why = strobe_follow_why(record->rec.follow);

    if (record->opts.subprocesses)
        strobe_complain("nothing was recorded: no Python was found in '%s' or its children", record->opts.program[0]);
    else if (record->rec.ended)
        strobe_complain("nothing was recorded: '%s' ended before Python was found in it (--subprocesses looks at children too)",
                        record->opts.program[0]);
    else
        strobe_complain("nothing was recorded: %s (--subprocesses looks at children too)", why);
    strobe_output_release(&record->output);
    return STROBE_EXIT_ERROR;
}

/* A launched program is never ended by strobe: its profile is written when the duration is over, its exit status passed on. */
static int await_program(struct record *record, int own_exit)
{
    int status;

    if (!record->rec.launched)
        return own_exit;
    if (!record->rec.ended)
        strobe_say("Waiting for process %d to end.", (int)record->rec.launch.pid);
    status = strobe_recording_wait(&record->rec);
    return own_exit == STROBE_EXIT_OK || status ? status : own_exit;
}

static int record_run(struct record *record)
{
    struct strobe_buf why = STROBE_BUF_INIT;
    int own_exit = STROBE_EXIT_ERROR, err;

    record->path = record->opts.output ? strdup(record->opts.output) : default_path(&record->opts, record->exporter);
    if (!record->path) {
        strobe_buf_puts(&why, strobe_err_text(STROBE_ERR_NOMEM));
        goto failed;
    }
    if (record->opts.asyncio == STROBE_ASYNCIO_BOTH && !(record->task_path = tasks_path(record->path, record->exporter->extension))) {
        strobe_buf_puts(&why, strobe_err_text(STROBE_ERR_NOMEM));
        goto failed;
    }
    if (strobe_output_open(&record->output, record->path, &why) ||
        (record->task_path && strobe_output_open(&record->task_output, record->task_path, &why)))
        goto failed;
    if (strobe_recording_start(&record->rec, &record->opts, record->exporter->needs_log, &why))
        goto failed;
    if (strobe_follow_attached(record->rec.follow)) {
        say_ignored(&record->opts);
        say_start(&record->opts);
        err = strobe_recording_run(&record->rec);
        own_exit = finish(record, err);
    } else {
        own_exit = no_python(record);
    }
    own_exit = await_program(record, own_exit);
    goto done;
failed:
    strobe_complain("%s", strobe_buf_str(&why));
    strobe_output_release(&record->output);
    strobe_output_release(&record->task_output);
    own_exit = await_program(record, own_exit);
done:
    strobe_buf_release(&why);
    return own_exit;
}

int strobe_cmd_record(int argc, char **argv)
{
    struct record record = {.output = STROBE_OUTPUT_INIT, .task_output = STROBE_OUTPUT_INIT, .rec = STROBE_RECORDING_INIT};
    int ret_exit;

    if (strobe_cmd_ready(STROBE_CMD_RECORD, argc, argv, &record.opts, &ret_exit)) {
        record.exporter = strobe_exporter_find(record.opts.format);
        if (record.exporter) {
            ret_exit = record_run(&record);
        } else {
            say_formats(record.opts.format);
            ret_exit = STROBE_EXIT_USAGE;
        }
    }
    strobe_output_release(&record.output);
    strobe_output_release(&record.task_output);
    strobe_recording_release(&record.rec);
    free(record.path);
    free(record.task_path);
    strobe_opts_release(&record.opts);
    return ret_exit;
}
