/* SPDX-License-Identifier: Apache-2.0 */
/* closing: what `record` says at its end: lines for people on stderr, and a summary as one JSON object (docs/formats.md).
 * May include: session, export, base.  No state. */
#ifndef STROBE_TOOLS_CLOSING_H
#define STROBE_TOOLS_CLOSING_H

#include "base/buf.h"
#include "billing/loopblocks.h"
#include "session.h"
#include "tools/opts.h"
#include "tools/recording.h"

/* How the target was disturbed, what it cost, and what the profile does not hold. */
void strobe_closing_say_cost(const struct strobe_opts *opts, const struct strobe_session_stats *stats);
/* Where the tasks' time went. */
void strobe_closing_say_tasks(const struct strobe_opts *opts, const struct strobe_session_stats *stats);
/* What blocked the loops: the first of a sorted list. */
void strobe_closing_say_blocks(const struct strobe_loopblocks *blocks, const struct strobe_names *names);

struct strobe_closing { /* all borrowed */
    const struct strobe_recording *rec; /* its blocks sorted */
    const struct strobe_session_stats *stats;
    const char *threads_path, *tasks_path; /* of the profiles; NULL = there is none */
};
/* Appends the object and a line feed. */
void strobe_closing_json(const struct strobe_closing *closing, struct strobe_buf *out);

#endif
