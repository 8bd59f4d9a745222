/* SPDX-License-Identifier: Apache-2.0 */
/* progress: one line on a terminal, redrawn in place, while a recording runs.  May include: session, base. */
#ifndef STROBE_TOOLS_PROGRESS_H
#define STROBE_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "session.h"

struct strobe_progress {
    bool on, drawn;
    uint64_t duration_ns; /* 0 = unlimited: no bar */
    uint64_t next_ns;     /* of the recording's own time */
};

/* wanted: unless --hideprogress; nothing is drawn where stderr is no terminal. */
void strobe_progress_init(struct strobe_progress *progress, bool wanted, uint64_t duration_ns);
/* Redraws at most ten times a second. */
void strobe_progress_update(struct strobe_progress *progress, const struct strobe_session_stats *stats);
/* Takes the line away, so that another can be printed. */
void strobe_progress_clear(struct strobe_progress *progress);

/* Pure: the line for a terminal of so many columns. */
void strobe_progress_line(const struct strobe_session_stats *stats, uint64_t duration_ns, unsigned columns, struct strobe_buf *out);

#endif
