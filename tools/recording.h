/* SPDX-License-Identifier: Apache-2.0 */
/* recording: the live part of `record`: a target attached to or launched, signals, children, the session's run.
 * May include: attach, session, agg, base.  Threads: one. */
#ifndef STROBE_TOOLS_RECORDING_H
#define STROBE_TOOLS_RECORDING_H

#include <stdbool.h>

#include "agg/agg.h"
#include "attach/target.h"
#include "base/buf.h"
#include "base/names.h"
#include "session.h"
#include "tools/follow.h"
#include "tools/opts.h"
#include "tools/progress.h"
#include "tools/signals.h"

struct strobe_recording {
    const struct strobe_opts *opts; /* borrowed */
    struct strobe_names *names;     /* all below: owned */
    struct strobe_agg *agg;
    struct strobe_agg *task_agg;    /* NULL = tasks are not looked at */
    struct strobe_loopblocks blocks; /* with task_agg: what blocked the loops */
    struct strobe_session *session;
    struct strobe_follow *follow;
    struct strobe_signals signals;
    struct strobe_progress progress;
    struct strobe_buf title;        /* command line of the target */
    struct strobe_launch launch;
    bool launched, ended;           /* ended: the launched program was reaped */
    int wait_status;
    bool stopped;                   /* by a signal, when attached */
    bool warned_fallback, warned_target;
};

#define STROBE_RECORDING_INIT {.signals = {.fd = -1}, .title = STROBE_BUF_INIT}

/* Attaches, or launches the program and waits until Python runs in it.  0 also when a launched program never became Python: then
 * nothing was attached (strobe_follow_attached).  Otherwise an error with a sentence in why. */
int strobe_recording_start(struct strobe_recording *rec, const struct strobe_opts *opts, bool with_log, struct strobe_buf *why);
/* Samples until the duration is over, a signal comes, or no target is left. */
int strobe_recording_run(struct strobe_recording *rec);
/* Waits for the launched program, passing signals on; returns the exit status to pass through (128 + signal if it died of one). */
int strobe_recording_wait(struct strobe_recording *rec);
void strobe_recording_release(struct strobe_recording *rec);

#endif
