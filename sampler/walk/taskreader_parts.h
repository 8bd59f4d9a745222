/* SPDX-License-Identifier: Apache-2.0 */
/* taskreader_parts: what joins the files of the taskreader.
 *
 *   taskreader  the list, and what of it is read again
 *   task        one task: its words, its chain
 *   taskwait    what it waits for
 *   taskholds   what it is inside of
 *   taskjoin    all of them with the threads' stacks and with each other
 *
 * May include: walk/taskreader.h.  Memory: none.  Threads: one. */
#ifndef STROBE_WALK_TASKREADER_PARTS_H
#define STROBE_WALK_TASKREADER_PARTS_H

#include "walk/taskreader.h"

/* Reads task `index` of the list whole.  STROBE_ERR_TORN: it moved; what it is by name and address is there all the same. */
int strobe_taskreader_one(struct strobe_taskreader *reader, size_t index, int64_t interp);
/* Is a task of that loop one of another process, which this one was forked from? */
bool strobe_taskreader_is_copy(const struct strobe_taskreader *reader, uint64_t loop);
/* A bit for each frame on a thread's stack, by which most of those that are not there are told. */
uint64_t strobe_taskreader_marks(const struct strobe_thread *thread);
/* Where on the stack with these marks a frame is; STROBE_NO_INDEX = nowhere, or frame is 0. */
uint32_t strobe_taskreader_place(const struct strobe_thread *thread, uint64_t marks, uint64_t frame);
/* Where the frame at this level of a chain is among the frames that a task keeps; STROBE_NO_INDEX = it is left out. */
uint32_t strobe_taskreader_kept(const struct strobe_chain *chain, uint32_t level);
/* Fills the task's state and wait from reader->chain. */
int strobe_taskreader_classify(struct strobe_taskreader *reader, struct strobe_task *task);
/* ret: the index of the wait for this object, kind and way, a new one or that of others. */
int strobe_taskreader_wait(struct strobe_taskreader *reader, enum strobe_wait_kind kind, const char *how, uint64_t object, uint32_t *ret);
/* The wait for an object that others were found to wait for or to hold, in no particular way; NULL = none yet. */
const struct strobe_wait *strobe_taskreader_known(struct strobe_taskreader *reader, enum strobe_wait_kind kind, uint64_t object);
/* Notes the locks, semaphores and limiters whose `async with` the frames of reader->chain are inside of. */
int strobe_taskreader_holds(struct strobe_taskreader *reader, struct strobe_task *task);
/* The same for a task that runs: of the coroutines on the thread's stack, task->frames. */
int strobe_taskreader_running_holds(struct strobe_taskreader *reader, struct strobe_task *task);
/* When all holders are counted: where more tasks are inside of a thing's context than it says that it has given permits to, some gave
 * theirs back by hand, and which ones is not known: none is said to hold it. */
void strobe_taskreader_drop_holds(struct strobe_taskreader *reader);

#endif
