/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/recording.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tools/say.h"

/* A program that was launched is looked at every millisecond until Python runs in it; one that still is not Python after this long
 * (a wrapper that waits, another language) at the pace of the session's polls. */
static const uint64_t eager_ns = 1000 * 1000 * 1000;
enum { EAGER_MS = 1, PATIENT_MS = 20 };

static uint64_t now(void)
{
    struct strobe_clock *clock = strobe_clock_system();

    return clock->now(clock);
}

/* ^C and the like reach a launched program from the terminal; what was sent to strobe alone is passed on.  Without a program of
 * ours each of them ends the recording. */
static void take_signals(struct strobe_recording *rec)
{
    struct strobe_signal got;

    while (strobe_signals_next(&rec->signals, &got)) {
        if (!rec->launched) {
            rec->stopped = true;
            strobe_session_stop(rec->session);
        } else if (!got.from_terminal && !rec->ended) {
            kill(rec->launch.pid, got.number);
        }
    }
    if (rec->launched && !rec->ended)
        rec->ended = strobe_target_reap(&rec->launch, &rec->wait_status);
}

static void warn(struct strobe_recording *rec, const struct strobe_session_stats *stats)
{
    const char *warning = strobe_follow_warning(rec->follow);

    if (warning && !rec->warned_target) {
        rec->warned_target = true;
        strobe_progress_clear(&rec->progress);
        strobe_say("Warning: %s", warning);
    }
    if (stats && stats->snapshots.fallbacks && !rec->warned_fallback) {
        rec->warned_fallback = true;
        strobe_progress_clear(&rec->progress);
        strobe_say("Warning: another tracer (a debugger, strace, another strobe) holds the process or pausing it is refused: "
                   "reading it without a pause meanwhile, as with --nonblocking.");
    }
}

static void on_poll(void *ctx, const struct strobe_session_stats *stats)
{
    struct strobe_recording *rec = ctx;

    take_signals(rec);
    if (rec->ended)
        strobe_session_stop(rec->session);
    else if (rec->launched || rec->opts->subprocesses)
        strobe_follow_poll(rec->follow, now());
    else if (strobe_follow_root_check(rec->follow) == STROBE_ERR_EXECED)
        strobe_session_stop(rec->session); /* what it runs now is not what was asked for */
    warn(rec, stats);
    strobe_progress_update(&rec->progress, stats);
}

/* A launched program, or a root whose children are followed, may become Python again (exec) while it lives. */
static bool keep_empty(void *ctx)
{
    struct strobe_recording *rec = ctx;

    return rec->launched ? !rec->ended : rec->opts->subprocesses && strobe_follow_root_alive(rec->follow);
}

static bool was_stopped(void *ctx)
{
    (void)ctx;
    return strobe_signals_continued();
}

/* Following many processes takes some descriptors each. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void await_python(struct strobe_recording *rec)
{
    uint64_t start = now(), age = 0;

    while (!rec->ended) {
        take_signals(rec);
        strobe_follow_poll(rec->follow, start + age);
        if (strobe_follow_attached(rec->follow) || (rec->opts->duration_ns && age >= rec->opts->duration_ns))
            return;
        strobe_signals_wait(&rec->signals, age < eager_ns ? EAGER_MS : PATIENT_MS);
        age = now() - start;
    }
}

static int make_session(struct strobe_recording *rec, bool with_log)
{
    const struct strobe_opts *opts = rec->opts;
    struct strobe_session_opts session = {
        .rate = opts->flat_out ? 0 : opts->rate,
        .duration_ns = opts->duration_ns,
        .mode = opts->nonblocking ? STROBE_MODE_NONBLOCKING : STROBE_MODE_EXACT,
        .idle = opts->idle,
        .gil_only = opts->gil,
        .thread_roots = opts->threads,
        .process_roots = opts->subprocesses,
        .lines = opts->no_line ? STROBE_LINE_NONE : opts->function ? STROBE_LINE_FUNCTION : STROBE_LINE_CURRENT,
        .max_samples = opts->max_samples,
        .only_tasks = opts->asyncio == STROBE_ASYNCIO_TASKS,
        .blame = opts->blame,
        .task_rate = opts->task_rate,
        .max_pause_ns = opts->max_pause_ns,
        .labels = opts->by,
        .n_labels = opts->n_by,
    };
    uint64_t period_ns = opts->flat_out ? STROBE_FLAT_OUT_PERIOD_NS : 1000000000 / opts->rate;
    unsigned log = with_log ? STROBE_AGG_LOG : 0;
    int err = strobe_names_new(&rec->names);

    if (!err)
        err = strobe_agg_new(period_ns, log, &rec->agg);
    if (!err && (opts->asyncio == STROBE_ASYNCIO_TASKS || opts->asyncio == STROBE_ASYNCIO_BOTH))
        err = strobe_agg_new(period_ns, log | STROBE_AGG_EVEN, &rec->task_agg);
    session.task_agg = rec->task_agg;
    session.blocks = &rec->blocks;
    strobe_loopblocks_init(&rec->blocks, rec->names);
    if (!err)
        err = strobe_session_new(&session, rec->names, rec->agg, strobe_clock_system(), &rec->session);
    return err;
}

static int follow_target(struct strobe_recording *rec, pid_t pid, struct strobe_buf *why)
{
    int err = strobe_follow_new(pid, rec->opts->subprocesses, &rec->follow);

    if (err) {
        strobe_buf_puts(why, strobe_err_text(err));
        return err;
    }
    raise_file_limit();
    strobe_follow_bind(rec->follow, rec->session);
    strobe_names_set_shortener(rec->names, strobe_follow_shorten, rec->follow);
    if (rec->launched) {
        await_python(rec);
        return 0;
    }
    err = strobe_follow_root(rec->follow, why);
    if (!rec->opts->subprocesses || err != STROBE_ERR_NOTPYTHON)
        return err;
    /* A starter that is not Python itself (uv, a shell, tini): its children count. */
    strobe_follow_poll(rec->follow, now());
    if (!strobe_follow_attached(rec->follow)) {
        strobe_buf_puts(why, ", and none of its children is");
        return err;
    }
    strobe_buf_clear(why);
    return 0;
}

int strobe_recording_start(struct strobe_recording *rec, const struct strobe_opts *opts, bool with_log, struct strobe_buf *why)
{
    int err;

    rec->opts = opts;
    err = make_session(rec, with_log);
    if (!err)
        err = strobe_signals_open(&rec->signals);
    if (err) {
        strobe_buf_puts(why, strobe_err_text(err));
        return err;
    }
    strobe_progress_init(&rec->progress, !opts->hide_progress, opts->duration_ns);
    if (opts->program) {
        err = strobe_target_launch(opts->program, &rec->launch, why);
        if (err)
            return err;
        rec->launched = true;
    }
    err = follow_target(rec, rec->launched ? rec->launch.pid : opts->pid, why);
    if (err)
        return err;
    strobe_buf_puts(&rec->title, strobe_follow_title(rec->follow));
    if (!rec->title.len && opts->program)
        for (char **arg = opts->program; *arg; arg++)
            strobe_buf_printf(&rec->title, "%s%s", arg == opts->program ? "" : " ", *arg);
    warn(rec, NULL);
    return 0;
}

int strobe_recording_run(struct strobe_recording *rec)
{
    const struct strobe_session_hooks hooks = {.poll = on_poll, .keep_empty = keep_empty, .was_stopped = was_stopped, .ctx = rec};
    int err = 0;

    if (strobe_follow_attached(rec->follow))
        err = strobe_session_run(rec->session, &hooks);
    strobe_progress_clear(&rec->progress);
    return err;
}

int strobe_recording_wait(struct strobe_recording *rec)
{
    for (;;) {
        take_signals(rec);
        if (rec->ended)
            break;
        strobe_signals_wait(&rec->signals, strobe_session_settle(rec->session) ? -1 : EAGER_MS);
    }
    if (WIFSIGNALED(rec->wait_status))
        return 128 + WTERMSIG(rec->wait_status);
    return WEXITSTATUS(rec->wait_status);
}

void strobe_recording_release(struct strobe_recording *rec)
{
    strobe_session_free(rec->session);
    strobe_follow_free(rec->follow);
    strobe_agg_free(rec->agg);
    strobe_agg_free(rec->task_agg);
    strobe_loopblocks_release(&rec->blocks);
    strobe_names_free(rec->names);
    strobe_signals_close(&rec->signals);
    strobe_buf_release(&rec->title);
}
