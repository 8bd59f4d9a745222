/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_words: pieces of text that the views of tasks are put together from.  All of it escaped where it is the target's.
 * Private to report.  May include: report/tasks_parts.h. */
#ifndef STROBE_REPORT_TASKS_WORDS_H
#define STROBE_REPORT_TASKS_WORDS_H

#include "base/fold.h"
#include "report/tasks_parts.h"

/* Escape sequences, or "" each without colour; what the tree is drawn with. */
struct strobe_tasks_style {
    const char *head, *name, *file, *thing, *alarm, *dim, *off;
    const char *arrow, *times, *dots, *branch, *end, *bar;
};

struct strobe_tasks_style strobe_tasks_style(bool color, bool ascii);

/* "1.8 s", "3 min 20 s". */
void strobe_tasks_seconds(double seconds, struct strobe_buf *out);
/* A task's name; "task at 0x7f..." when it has none. */
void strobe_tasks_name(const struct strobe_report_task *task, struct strobe_buf *out);
/* "done: exception ValueError". */
void strobe_tasks_outcome(const struct strobe_report_task *task, struct strobe_buf *out);
/* "request-17", or "request-*" of several. */
void strobe_tasks_group_name(const struct strobe_tasks_index *index, uint32_t group, struct strobe_buf *out);
/* "request-17", or "10 x request-*". */
void strobe_tasks_group_label(const struct strobe_tasks_index *index, uint32_t group, const struct strobe_tasks_style *style,
                              struct strobe_buf *out);
/* What a thing is called: "Semaphore PriceClient._price_semaphore", "Semaphore at 0x7f..."; of a pool its class and prefix. */
void strobe_tasks_thing(const struct strobe_tasks_index *index, uint32_t wait, struct strobe_buf *out);
/* Without the class; it has a name. */
void strobe_tasks_thing_name(const struct strobe_tasks_index *index, uint32_t wait, struct strobe_buf *out);
void strobe_tasks_pool_name(const struct strobe_report_pool *pool, struct strobe_buf *out);
/* What n tasks, all of one group, wait for, with what is known of it: "Semaphore S  0 of 10 free, 190 waiters". */
void strobe_tasks_wait(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                       struct strobe_buf *out);
const char *strobe_tasks_pool_word(enum strobe_pool_kind kind);

/* Frames outermost first: "f a.py:1 -> g b.py:2"; of many the first and the last.  users: leaves libraries' frames out, unless there
 * are only those.  How many were written. */
uint32_t strobe_tasks_frames(const struct strobe_report_process *process, const struct strobe_report_frame *frames, uint32_t n, bool users,
                             const struct strobe_tasks_style *style, struct strobe_buf *out);
bool strobe_tasks_is_library(const struct strobe_report_process *process, const struct strobe_report_frame *frame);
/* One frame: "f a.py:1". */
void strobe_tasks_frame(const struct strobe_report_process *process, const struct strobe_report_frame *frame,
                        const struct strobe_tasks_style *style, struct strobe_buf *out);
/* The C function behind them: " -> time.sleep"; ": time.sleep" where there are none.  NULL or "": nothing. */
void strobe_tasks_leaf(const char *leaf, bool follows, const struct strobe_tasks_style *style, struct strobe_buf *out);
/* Which of n frames (innermost first) are shown, outermost first, into ret; of many those at both ends, with STROBE_NO_INDEX between
 * and their number in *ret_hidden.  Room for STROBE_TASKS_SHOWN. */
enum { STROBE_TASKS_SHOWN = 16 };
uint32_t strobe_tasks_choose(const struct strobe_report_process *process, const struct strobe_report_frame *frames, uint32_t n, bool users,
                             uint32_t ret[STROBE_TASKS_SHOWN], uint64_t *ret_hidden);

/* Lines "4 running in pricing_0..3: f a.py:1 -> time.sleep" and "place 3 in the queue" of n tasks whose calls are a pool's, each
 * begun with prefix and ended. */
void strobe_tasks_calls(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const char *prefix,
                        const struct strobe_tasks_style *style, struct strobe_buf *out);

/* What n equal tasks do: "waiting 1.8 s (longest 2.1 s) for  ...", "running in thread 17: f a.py:1", "ready: ...".  Nothing for tasks
 * that wait for tasks which are shown. */
void strobe_tasks_state(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                        struct strobe_buf *out);
/* " -> TaskGroup", when they wait for other tasks. */
void strobe_tasks_how(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                      struct strobe_buf *out);
/* "  [holds X, Y]  [cancelling]  [request_id=7]": each with its distance. */
void strobe_tasks_marks(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                        struct strobe_buf *out);
/* Lines of the threads that wait for one of the tasks, each begun with prefix and ended. */
void strobe_tasks_links(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const char *prefix,
                        struct strobe_buf *out);

/* What is to be known of the look as a whole, a line each, begun with indent: what was left out, whether it was of one moment, whether
 * the process is stopped. */
void strobe_tasks_notes(const struct strobe_report_tasks *report, const char *indent, struct strobe_buf *out);

/* The tree, each line begun with indent, and what follows from it. */
void strobe_tasks_tree(const struct strobe_tasks_index *index, const char *indent, const struct strobe_tasks_style *style,
                       struct strobe_buf *out);
void strobe_tasks_expanded(const struct strobe_tasks_index *index, const struct strobe_tasks_style *style, struct strobe_buf *out);

/* Width on a terminal in code points, colours not counted. */
size_t strobe_tasks_width(const char *text);

/* What follows from what was read: texts, each ended by NUL, in out; how many there are.  all: not only the first few of each kind.
 * STROBE_ERR_NOMEM (negative). */
int strobe_tasks_diagnose(const struct strobe_tasks_index *index, bool ascii, bool all, struct strobe_buf *out);

#endif
