/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a session, private to session.c (the loop: when to look) and session_target.c (one target: what a look at it counts).
 * May include: what session.h may. */
#ifndef STROBE_SESSION_PARTS_H
#define STROBE_SESSION_PARTS_H

#include "session.h"

#include <stdatomic.h>

#include "billing/labels.h"
#include "stackids.h"
#include "walk/callers.h"

struct strobe_sampled {
    struct strobe_mem *mem;
    struct strobe_host *host;
    struct strobe_layout layout;
    struct strobe_snapshot *snap;
    struct strobe_codes *codes;
    struct strobe_stackids ids;
    struct strobe_labels labels;
    struct strobe_callers callers;    /* where there are labels */
    struct strobe_thread_memo *memos; /* by the slots of the walker */
    size_t n_memos;
    struct strobe_task_side *tasks; /* NULL = they are not looked at */
    uint32_t process_root; /* marker id; 0 = none */
    int32_t pid;
    uint64_t last_ns;      /* of the last sample; 0 = none yet */
    uint64_t asked_ns;     /* when the sample that is being made was asked for */
    uint64_t readable_ns;  /* when it last could be read */
};

struct strobe_session {
    struct strobe_session_opts opts;
    struct strobe_names *names;
    struct strobe_agg *agg;
    struct strobe_clock *clock;
    const struct strobe_session_hooks *hooks; /* while it runs */
    struct strobe_sampled **targets;
    size_t n_targets, cap_targets;
    struct strobe_session_stats stats;
    struct strobe_pause_log pauses;           /* of targets that are gone */
    struct strobe_snapshot_stats snapshots;   /* likewise */
    struct strobe_task_stats gone_tasks;      /* likewise */
    uint64_t most_tasks;                      /* at once */
    uint64_t period_ns, start_ns, end_ns, start_unix_ns, random;
    uint64_t planned_ns; /* of the next tick */
    uint64_t passed_ns;                       /* the clock, as it was read last */
    double cpu_start;
    uint32_t gc_marker;
    atomic_int stop; /* set from signal handlers and other threads */
};

/* Leaves out the time since the clock was read last if this process was stopped in it.  To be told every sample's time before it is
 * weighed. */
void strobe_session_passed(struct strobe_session *session, uint64_t now);

/* Makes a target's parts and its root frame; it owns mem and host on success. */
int strobe_sampled_new(struct strobe_session *session, const struct strobe_session_target *from, struct strobe_sampled **ret_target);
void strobe_sampled_free(struct strobe_sampled *target);
/* Would a look at it now read anything?  When only tasks are counted, their rate may be lower than the session's. */
bool strobe_sampled_due(const struct strobe_sampled *target, const struct strobe_session *session, uint64_t now);
/* Takes one sample of a target and counts it.  now: a moment ago.  STROBE_ERR_NOMEM and _IO end the recording, others this look. */
int strobe_sampled_take(struct strobe_session *session, struct strobe_sampled *target, uint64_t now);

#endif
