/* SPDX-License-Identifier: Apache-2.0 */
/* report: what people read of one snapshot.  May include: walk/sample.h, runtime/code.h, runtime/pyobj.h, base, agg.
 * Names are hostile: the text form escapes control characters, the JSON form is written by a JSON library. */
#ifndef STROBE_REPORT_REPORT_H
#define STROBE_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/names.h"
#include "runtime/code.h"
#include "walk/sample.h"

/* Locals of one frame, as read while the target stood still. */
struct strobe_report_local {
    const char *name, *repr; /* UTF-8, unescaped */
    uint64_t addr;
    bool is_arg;
};
struct strobe_report_frame {
    const struct strobe_frame *frame; /* NULL for a mark */
    const char *mark;                 /* text of a mark ("<GC>", "... 95,904 frames left out ..."), or NULL */
    const struct strobe_report_local *locals;
    uint32_t n_locals;
    bool locals_known; /* asked for and read */
};
struct strobe_report_thread {
    const struct strobe_thread *thread;
    const char *name; /* "" when it has none */
    const struct strobe_report_frame *frames; /* innermost first */
    uint32_t n_frames;
};
struct strobe_libhomes;
struct strobe_report_process {
    int32_t pid;
    int32_t parent_pid;         /* of a child under -s, 0 otherwise */
    const char *cmdline, *exe, *version, *parent_cmdline;
    const struct strobe_names *names;
    const struct strobe_libhomes *homes; /* where it has the libraries from; NULL = unknown */
    const struct strobe_report_thread *threads;
    uint32_t n_threads;
    bool full_filenames, show_lines, all_threads;
    bool stopped;               /* by a signal, when it was looked at: nothing of it runs */
};

/* Which process it is, and for a child its parent: what stands above its threads or tasks. */
void strobe_report_heading(const struct strobe_report_process *process, bool color, struct strobe_buf *out);
/* One line where a process is stopped. */
void strobe_report_stopped(const struct strobe_report_process *process, struct strobe_buf *out);
/* How many copies were left out, of a process made by fork: one line; 0: nothing. */
void strobe_report_copies(uint32_t n, struct strobe_buf *out);
/* py-spy's `dump` layout (main thread first). */
void strobe_report_dump_text(const struct strobe_report_process *process, bool color, struct strobe_buf *out);
/* py-spy's `dump --json`: one array for all processes.  STROBE_ERR_NOMEM. */
int strobe_report_dump_json(const struct strobe_report_process *processes, uint32_t n, bool with_process_info, struct strobe_buf *out);
/* `dump --json --asyncio`: {"threads": that array, "asyncio_tasks": [...]}, keys as in py-spy's pull request 868, ours behind them.
 * tasks: of the same processes, n_tasks of them.  STROBE_ERR_NOMEM. */
struct strobe_report_tasks;
int strobe_report_dump_asyncio_json(const struct strobe_report_process *processes, uint32_t n, bool with_process_info,
                                    const struct strobe_report_tasks *const *tasks, uint32_t n_tasks, struct strobe_buf *out);

/* Appends text with control characters (C0, C1, DEL, bidirectional controls) as \xNN or \uNNNN. */
void strobe_report_escape(const char *text, struct strobe_buf *out);

#endif
