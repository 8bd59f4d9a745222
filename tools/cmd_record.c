/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_record: options -> output file -> recording -> exporter -> file renamed -> closing lines. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export/exporter.h"
#include "tools/output.h"
#include "tools/recording.h"
#include "tools/say.h"

struct record {
    struct strobe_opts opts;
    const struct strobe_exporter *exporter;
    char *path; /* owned */
    struct strobe_output output;
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

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

/* How the target was disturbed, what it cost, and what the profile does not hold. */
static void say_cost(const struct strobe_opts *opts, const struct strobe_session_stats *stats)
{
    struct strobe_buf line = STROBE_BUF_INIT;
    double elapsed_s = (double)stats->elapsed_ns / 1e9;

    if (stats->pauses)
        strobe_buf_printf(&line, "Pauses: %" PRIu64 ", typical %.0f us, p99 %.0f us, longest %.0f us.", stats->pauses,
                          us(stats->pause_typical_ns), us(stats->pause_p99_ns), us(stats->pause_max_ns));
    else
        strobe_buf_puts(&line, "Pauses: none, the target was never paused.");
    if (stats->snapshots.fallbacks)
        strobe_buf_printf(&line, " Read without a pause: %" PRIu64 ".", stats->snapshots.fallbacks);
    strobe_buf_printf(&line, " Rate: %.1f a second. Own CPU: %.1f %%.", stats->rate_reached,
                      elapsed_s > 0 ? 100 * stats->own_cpu / elapsed_s : 0.0);
    if (opts->nonblocking || stats->snapshots.dropped)
        strobe_buf_printf(&line, " Dropped: %" PRIu64 " inconsistent samples.", stats->snapshots.dropped + stats->left_out);
    if (stats->gaps)
        strobe_buf_printf(&line, " Left out: %" PRIu64 " gap%s of %.1f seconds in all, in which no sample could be taken.", stats->gaps,
                          stats->gaps == 1 ? "" : "s", (double)stats->gap_ns / 1e9);
    strobe_say("%s", strobe_buf_str(&line));
    if (!opts->flat_out && stats->ticks > 1 && stats->rate_reached < opts->rate / 2.0)
        strobe_say("Fewer than half of the %.0f looks a second that were asked for could be taken: the machine is busy, or the process "
                   "slow to stop (try --nonblocking); each counts for the time since the one before.", (double)opts->rate);
    strobe_buf_release(&line);
}

static bool is_stopped(pid_t pid)
{
    struct strobe_target_stat stat;

    return !strobe_target_stat(pid, &stat) && stat.state == 'T';
}

/* Exports into the output file and gives it its name.  0, or a negative code with a sentence in why. */
static int write_profile(struct record *record, struct strobe_buf *why)
{
    struct strobe_recording *rec = &record->rec;
    struct strobe_sink sink = {strobe_output_write, &record->output};
    struct strobe_profile profile = {
        .agg = rec->agg,
        .names = rec->names,
        .title = strobe_buf_str(&rec->title),
        .show_line = !record->opts.no_line,
        .full_filenames = record->opts.full_filenames,
    };
    int err, close_err;

    strobe_session_times(rec->session, &profile.start_ns, &profile.end_ns, &profile.start_unix_ns);
    err = record->exporter->write(&profile, &sink);
    if (err && !record->output.saved_errno) {
        strobe_buf_printf(why, "cannot write '%s': %s", record->path, strobe_err_text(err));
        strobe_output_release(&record->output);
        return err;
    }
    close_err = strobe_output_commit(&record->output, why);
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

/* Writes what was gathered; returns the exit status but for a launched program's own. */
static int finish(struct record *record, int run_err)
{
    struct strobe_session_stats stats;
    struct strobe_buf why = STROBE_BUF_INIT;
    int ret_exit = STROBE_EXIT_OK;

    strobe_session_stats(record->rec.session, &stats);
    say_end(&record->rec);
    if (run_err && strobe_err_class(run_err) == STROBE_CLASS_FATAL && run_err != STROBE_ERR_GONE && run_err != STROBE_ERR_EXECED) {
        strobe_complain("the recording ended early: %s", strobe_err_text(run_err));
        ret_exit = STROBE_EXIT_ERROR;
    }
    if (write_profile(record, &why)) {
        strobe_complain("%s", strobe_buf_str(&why));
        ret_exit = STROBE_EXIT_ERROR;
        goto done;
    }
    strobe_say("Wrote %s to '%s'. Samples: %" PRIu64 " Errors: %" PRIu64, record->exporter->noun, record->path, stats.samples,
               stats.errors);
    say_cost(&record->opts, &stats);
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
    if (strobe_output_open(&record->output, record->path, &why))
        goto failed;
    if (strobe_recording_start(&record->rec, &record->opts, record->exporter->needs_log, &why))
        goto failed;
    if (strobe_follow_attached(record->rec.follow)) {
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
    own_exit = await_program(record, own_exit);
done:
    strobe_buf_release(&why);
    return own_exit;
}

int strobe_cmd_record(int argc, char **argv)
{
    struct record record = {.output = STROBE_OUTPUT_INIT, .rec = STROBE_RECORDING_INIT};
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
    strobe_recording_release(&record.rec);
    free(record.path);
    strobe_opts_release(&record.opts);
    return ret_exit;
}
