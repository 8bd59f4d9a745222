/* SPDX-License-Identifier: Apache-2.0 */
/* trace_seeds: what was on stacks when the profile began, and has left them since.
 * May include: trace.h. */
#ifndef STROBE_EXT_TRACE_SEEDS_H
#define STROBE_EXT_TRACE_SEEDS_H

#include "ext/trace.h"

/* Has a generator's frame suspended itself?  It is not the one that runs. */
bool strobe_trace_is_suspended(const struct strobe_trace *trace, const char *frame);
/* What was on a thread's stack before the profile, and is not on the one of which this is the innermost frame, has left it.  begins: the
 * frame that is about to begin, or go on; NULL: none. */
void strobe_trace_settle(struct strobe_trace *trace, struct strobe_calls_thread *thread, const void *innermost, const void *begins,
                         uint64_t turn, struct strobe_calls_time now);
/* The same with the first event of this thread, for good: from then on ends are seen (3.12 and newer).  begins: as for strobe_seat_take. */
void strobe_trace_settle_once(struct strobe_trace *trace, struct strobe_calls_thread *thread, bool begins, uint64_t turn,
                              struct strobe_calls_time now);

#endif
