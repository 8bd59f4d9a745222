/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/closing.h"

#include <inttypes.h>
#include <string.h>

#include "base/libfile.h"
#include "export/writer.h"
#include "tools/say.h"

enum {
    SHOWN_BLOCKS = 5,
    SHOWN_NS = 1000000, /* the longest time of a stack that is worth a line */
    SHOWN_FRAMES = 3, /* of each: innermost ones, the program's own where it has any */
};

/* Of the looks at tasks that were asked for; below this it is said that there were fewer. */
#define LOW_RATE 0.7

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

void strobe_closing_say_cost(const struct strobe_opts *opts, const struct strobe_session_stats *stats)
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
    if (!opts->flat_out && opts->asyncio != STROBE_ASYNCIO_TASKS && stats->ticks > 1 && stats->rate_reached < opts->rate / 2.0)
        strobe_say("Fewer than half of the %.0f looks a second that were asked for could be taken: the machine is busy, or the process "
                   "slow to stop (try --nonblocking); each counts for the time since the one before.", (double)opts->rate);
    strobe_buf_release(&line);
}

/* Looks at the tasks of a process per second, while it was there. */
static double task_rate(const struct strobe_task_stats *tasks)
{
    return tasks->looked_ns ? (double)tasks->ticks * 1e9 / (double)tasks->looked_ns : 0;
}

static void say_task_rate(const struct strobe_opts *opts, const struct strobe_task_stats *tasks)
{
    uint32_t wanted = opts->task_rate && opts->task_rate < opts->rate ? opts->task_rate : opts->rate;
    double rate = task_rate(tasks), look_ms = (double)tasks->cost_ns / 1e6;

    if (opts->flat_out || tasks->ticks < 2 || rate >= LOW_RATE * wanted)
        return;
    if (tasks->slowed)
        strobe_say("Tasks were looked at %.1f times a second instead of %" PRIu32 ", so that looking takes a seventh of the time at most: "
                   "one look takes %.1f ms (--task-rate sets another rate).", rate, wanted, look_ms);
    else
        strobe_say("Tasks were looked at %.1f times a second, though %" PRIu32 " were asked for: one look takes %.1f ms, and the machine "
                   "may be busy; each counts for the time since the one before.", rate, wanted, look_ms);
}

void strobe_closing_say_tasks(const struct strobe_opts *opts, const struct strobe_session_stats *stats)
{
    const struct strobe_task_stats *tasks = &stats->tasks;
    double all = (double)tasks->task_ns / 1e9;

    if (!tasks->samples || !tasks->task_ns) {
        strobe_say("No tasks: no asyncio task was there at any look%s.", opts->asyncio == STROBE_ASYNCIO_TASKS
                   ? "; --asyncio=threads records threads" : "");
        return;
    }
    strobe_say("Tasks: at most %" PRIu64 " at once, %.1f task-seconds: %.1f %% waiting, %.1f %% ready, %.1f %% running.", tasks->most, all,
               100 * (double)tasks->by_state[0] / (double)tasks->task_ns, 100 * (double)tasks->by_state[1] / (double)tasks->task_ns,
               100 * (double)tasks->by_state[2] / (double)tasks->task_ns);
    if (tasks->dropped)
        strobe_say("%" PRIu64 " of %" PRIu64 " task readings were inconsistent; their time was counted at the next%s", tasks->dropped,
                   tasks->dropped + tasks->samples, tasks->unread_ns ? "," : ".");
    if (tasks->dropped && tasks->unread_ns)
        strobe_say("  but for %.2f task-seconds of those that had none.", (double)tasks->unread_ns / 1e9);
    say_task_rate(opts, tasks);
}

/* ---- what blocked the loop ---- */

/* Python's own and installed ones: their frames tell less than the program's. */
static bool is_library(const char *file)
{
    return strstr(file, "/lib/python3") || *file == '<' || strobe_libfile_of(NULL, file) != STROBE_LIBFILE_NONE;
}

static void put_block(const struct strobe_loopblock *block, const struct strobe_names *names, struct strobe_buf *line)
{
    uint32_t own = 0, shown = 0;

    for (uint32_t i = 0; i < block->n; i++)
        own += !is_library(strobe_names_text(names, strobe_names_get(names, block->frames[i])->file));
    for (uint32_t i = 0; i < block->n && shown < SHOWN_FRAMES; i++) {
        const struct strobe_frame *frame = strobe_names_get(names, block->frames[i]);

        if (own && is_library(strobe_names_text(names, frame->file)))
            continue;
        strobe_buf_printf(line, "%s%s", shown++ ? " <- " : "", strobe_names_text(names, frame->name));
        if (!frame->file) /* a C function */
            continue;
        strobe_buf_printf(line, " (%s", strobe_names_text(names, frame->short_file));
        if (frame->line > 0)
            strobe_buf_printf(line, ":%d", (int)frame->line);
        strobe_buf_putc(line, ')');
    }
    if (!block->n)
        strobe_buf_puts(line, "(other stacks)");
}

void strobe_closing_say_blocks(const struct strobe_loopblocks *blocks, const struct strobe_names *names)
{
    int shown = 0;

    for (size_t i = 0; i < blocks->n && shown < SHOWN_BLOCKS; i++) {
        const struct strobe_loopblock *block = &blocks->at[i];
        struct strobe_buf line = STROBE_BUF_INIT;

        if (block->longest_ns < SHOWN_NS)
            continue;
        if (!shown++)
            strobe_say("What blocked the loop while tasks were ready:");
        put_block(block, names, &line);
        strobe_say("  %.3f s, %" PRIu64 " time%s, longest %.1f ms: %s", (double)block->total_ns / 1e9, block->times,
                   block->times == 1 ? "" : "s", (double)block->longest_ns / 1e6, strobe_buf_str(&line));
        strobe_buf_release(&line);
    }
}

/* ---- the summary ---- */

static void put_text(struct strobe_buf *out, const char *key, const char *text)
{
    strobe_buf_printf(out, "\"%s\":", key);
    if (text)
        strobe_json_put_string(out, text, strlen(text));
    else
        strobe_buf_puts(out, "null");
}

static void put_seconds(struct strobe_buf *out, const char *key, uint64_t ns)
{
    strobe_buf_printf(out, "\"%s\":%" PRIu64 ".%09" PRIu64, key, ns / 1000000000, ns % 1000000000);
}

static void put_tasks(const struct strobe_task_stats *tasks, struct strobe_buf *out)
{
    static const char *const keys[STROBE_TASK_STATES] = {"waiting_s", "ready_s", "running_s", NULL};

    strobe_buf_printf(out, ",\n\"tasks\":{\"most\":%" PRIu64 ",\"looks\":%" PRIu64 ",\"rate\":%.3f,\"look_ms\":%.3f,\"samples\":%" PRIu64
                      ",\"dropped\":%" PRIu64 ",\"unread_s\":%.6f,", tasks->most, tasks->ticks, task_rate(tasks),
                      (double)tasks->cost_ns / 1e6, tasks->samples, tasks->dropped, (double)tasks->unread_ns / 1e9);
    put_seconds(out, "total_s", tasks->task_ns);
    for (int i = 0; i < STROBE_TASK_STATES; i++)
        if (keys[i]) {
            strobe_buf_putc(out, ',');
            put_seconds(out, keys[i], tasks->by_state[i]);
        }
    strobe_buf_putc(out, ',');
    put_seconds(out, "from_monotonic", tasks->from_ns);
    strobe_buf_putc(out, ',');
    put_seconds(out, "to_monotonic", tasks->to_ns);
    strobe_buf_putc(out, '}');
}

static void put_blocks(const struct strobe_loopblocks *blocks, const struct strobe_names *names, struct strobe_buf *out)
{
    strobe_buf_puts(out, ",\n\"blocked\":[");
    for (size_t i = 0; i < blocks->n; i++) {
        const struct strobe_loopblock *block = &blocks->at[i];

        strobe_buf_puts(out, i ? ",\n{\"stack\":[" : "\n{\"stack\":[");
        for (uint32_t k = 0; k < block->n; k++) {
            const struct strobe_frame *frame = strobe_names_get(names, block->frames[k]);

            strobe_buf_puts(out, k ? ",{" : "{");
            put_text(out, "name", strobe_names_text(names, frame->name));
            strobe_buf_putc(out, ',');
            put_text(out, "filename", frame->file ? strobe_names_text(names, frame->file) : NULL);
            if (frame->line > 0)
                strobe_buf_printf(out, ",\"line\":%d}", (int)frame->line);
            else
                strobe_buf_puts(out, ",\"line\":null}");
        }
        strobe_buf_printf(out, "],\"times\":%" PRIu64 ",", block->times);
        put_seconds(out, "total_s", block->total_ns);
        strobe_buf_putc(out, ',');
        put_seconds(out, "longest_s", block->longest_ns);
        strobe_buf_putc(out, '}');
    }
    strobe_buf_putc(out, ']');
}

void strobe_closing_json(const struct strobe_closing *closing, struct strobe_buf *out)
{
    const struct strobe_session_stats *stats = closing->stats;
    double elapsed_s = (double)stats->elapsed_ns / 1e9;
    uint64_t start_ns, end_ns, start_unix_ns;

    strobe_session_times(closing->rec->session, &start_ns, &end_ns, &start_unix_ns);
    strobe_buf_putc(out, '{');
    put_text(out, "title", strobe_buf_str(&closing->rec->title));
    strobe_buf_puts(out, ",\n\"files\":{");
    put_text(out, "threads", closing->threads_path);
    strobe_buf_putc(out, ',');
    put_text(out, "tasks", closing->tasks_path);
    strobe_buf_puts(out, "},\n");
    put_seconds(out, "start_unix", start_unix_ns);
    strobe_buf_putc(out, ',');
    put_seconds(out, "seconds", stats->elapsed_ns);
    strobe_buf_printf(out, ",\"looks\":%" PRIu64 ",\"rate\":%.3f,\"samples\":", stats->ticks, stats->rate_reached);
    if (closing->threads_path)
        strobe_buf_printf(out, "%" PRIu64, stats->samples);
    else
        strobe_buf_puts(out, "null");
    strobe_buf_printf(out, ",\"errors\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"own_cpu\":%.4f,\n\"pauses\":{\"times\":%" PRIu64 ",",
                      stats->errors,
                      stats->snapshots.dropped + stats->left_out, elapsed_s > 0 ? stats->own_cpu / elapsed_s : 0.0,
                      stats->pauses);
    put_seconds(out, "typical_s", stats->pause_typical_ns);
    strobe_buf_putc(out, ',');
    put_seconds(out, "p99_s", stats->pause_p99_ns);
    strobe_buf_putc(out, ',');
    put_seconds(out, "longest_s", stats->pause_max_ns);
    strobe_buf_putc(out, '}');
    if (closing->rec->task_agg) {
        put_tasks(&stats->tasks, out);
        put_blocks(&closing->rec->blocks, closing->rec->names, out);
    }
    strobe_buf_puts(out, "}\n");
}
