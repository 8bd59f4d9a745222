/* SPDX-License-Identifier: Apache-2.0 */
/* selfsampler: a recording of our own process, made by a native thread that never takes the GIL and blocks every signal.
 *
 *   the same session as `strobe record` has (session.h), over inside.h in the place of an attachment
 *
 * Fork: while one goes on, samplers sleep at a place where all they have is whole; the child has none of their threads, and drops what
 * belonged to them.
 * May include: inside.h, background.h, selfprofile.h, session, agg, billing, base.  Threads: the functions may be called from any, one at
 * a time each sampler. */
#ifndef STROBE_EXT_SELFSAMPLER_H
#define STROBE_EXT_SELFSAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "ext/selfprofile.h"

struct strobe_selfsampler_opts {
    double rate;       /* samples of threads per second, > 0 */
    double task_rate;  /* looks at tasks per second, at most; 0 = none */
    double max_cpu;    /* of one core: the rates are lowered to stay below it; 0 = they are not */
    bool idle;         /* threads that sleep count too */
    bool threads;      /* root frames of threads */
    bool order;        /* the order of the stacks is kept, for the formats that show it, in an unlinked file */
    const char *const *labels; /* names of context variables, see session.h; copied */
    uint32_t n_labels;
    /* Of the interpreter: see inside.h. */
    uint64_t runtime;
    uint32_t version;
    const char *version_text;
};

struct strobe_selfsampler;

/* Begins.  On failure why gets one clause. */
int strobe_selfsampler_start(const struct strobe_selfsampler_opts *opts, struct strobe_selfsampler **ret, struct strobe_buf *why);
/* Ends the recording, waits for its end (some milliseconds; not to be called with the GIL), and gives what it gathered; again: another one
 * begins at once; where that cannot be, what was gathered is given all the same, and the next call says why.  ret may be NULL.
 * STROBE_ERR_GONE: it had ended, by a fork, or by an error that why tells. */
int strobe_selfsampler_take(struct strobe_selfsampler *sampler, bool again, struct strobe_selfprofile **ret, struct strobe_buf *why);
/* Ends it, if that was not done, and frees all.  NULL is allowed. */
void strobe_selfsampler_free(struct strobe_selfsampler *sampler);

struct strobe_selfsampler_state {
    bool running, forked; /* forked: its thread is in the parent process */
    double rate;          /* now, samples per second */
    bool lowered;         /* it is less than was asked for, because of max_cpu */
    bool exceeded;        /* max_cpu is exceeded at the lowest rate, one look a minute */
    int signal;           /* by which threads are visited; 0 = none is free, they are read without */
    struct strobe_session_stats stats; /* of the recording that goes on, some milliseconds old */
};
void strobe_selfsampler_state(struct strobe_selfsampler *sampler, struct strobe_selfsampler_state *ret);

#endif
