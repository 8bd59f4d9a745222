/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of one target of a session: look -> names -> policy (agg/await.h) -> aggregate.  Private to session*.c.
 * May include: what session.h may, tasklook.h, waitnames.h. */
#ifndef STROBE_SESSION_TASKS_H
#define STROBE_SESSION_TASKS_H

#include "agg/await.h"
#include "session_parts.h"
#include "tasklook.h"
#include "walk/pools.h"

struct strobe_task_side;

/* Over the target's reader, layout and snapshot; find: as for strobe_tasklook_set_finder. */
int strobe_task_side_new(struct strobe_session *session, struct strobe_sampled *target, const struct strobe_session_target *from,
                         struct strobe_task_side **ret);
void strobe_task_side_free(struct strobe_task_side *side);

/* Is it time for the tasks?  Their rate is lowered where a look would not fit its budget. */
bool strobe_task_side_due(const struct strobe_task_side *side, uint64_t now);
/* So much of the time since the last look is nobody's. */
void strobe_task_side_leave_out(struct strobe_task_side *side, uint64_t ns);
/* When it billed last (0 = never); and that its first look bills from there on: see strobe_session_follow. */
uint64_t strobe_task_side_billed(const struct strobe_task_side *side);
void strobe_task_side_follow(struct strobe_task_side *side, uint64_t ns);
/* Of a thread whose stack has just been read, while it stands still.  Allocates nothing. */
void strobe_task_side_visit(struct strobe_task_side *side, struct strobe_mem *mem, const struct strobe_thread *thread);
/* Takes the sample of the tick, threads and tasks, and bills the tasks.  ret_threads: borrowed.  Errors as strobe_sampled_take. */
int strobe_task_side_take(struct strobe_session *session, struct strobe_task_side *side, uint64_t now,
                          const struct strobe_sample **ret_threads);
/* Tasks at its last look, those that have ended left out. */
uint32_t strobe_task_side_alive(const struct strobe_task_side *side);
/* Adds what was counted to a session's. */
void strobe_task_side_stats(const struct strobe_task_side *side, struct strobe_task_stats *sum);

#endif
