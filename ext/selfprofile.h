/* SPDX-License-Identifier: Apache-2.0 */
/* selfprofile: what a recording of our own process has gathered, ended and fixed: names, threads' and tasks' aggregates, figures.
 * May include: agg, export, session.h (its plain structs), base.  Ownership: counted; the parts that by() makes share the names. */
#ifndef STROBE_EXT_SELFPROFILE_H
#define STROBE_EXT_SELFPROFILE_H

#include <stddef.h>

#include "agg/agg.h"
#include "base/buf.h"
#include "base/names.h"
#include "session.h"

enum strobe_selfprofile_of { STROBE_OF_THREADS, STROBE_OF_TASKS };

struct strobe_selfprofile_names { /* shared */
    struct strobe_names *names;
    _Atomic unsigned owners; /* parts are freed by any thread */
};

struct strobe_selfprofile {
    struct strobe_selfprofile_names *shared;
    struct strobe_agg *agg[2];      /* by enum strobe_selfprofile_of; [STROBE_OF_TASKS] NULL = tasks were not looked at; owned */
    struct strobe_session_stats stats; /* of a part only those that are its own: samples and times of its stacks, what elapsed, the rate */
    bool is_part;
    uint64_t start_ns, end_ns, start_unix_ns; /* monotonic, monotonic, wall clock */
    struct strobe_buf title;
};

/* names and agg are handed over on success.  STROBE_ERR_NOMEM. */
int strobe_selfprofile_new(struct strobe_names *names, struct strobe_agg *threads, struct strobe_agg *tasks, const char *title,
                           struct strobe_selfprofile **ret);
/* NULL is allowed. */
void strobe_selfprofile_free(struct strobe_selfprofile *profile);

/* Writes it in a format of export/registry.c.  STROBE_ERR_MISSING: it has no tasks, or the format wants the order of the stacks, which was
 * not kept; STROBE_ERR_ARG: no such format. */
int strobe_selfprofile_write(const struct strobe_selfprofile *profile, enum strobe_selfprofile_of of, const char *format, bool lines,
                             bool full_filenames, struct strobe_buf *out);

/* value: NULL = what had none.  part: the callee's to free. */
typedef int strobe_selfprofile_each(void *ctx, const char *value, struct strobe_selfprofile *part);
/* Calls each for every value of a label (root frames "[NAME=VALUE]") with what was recorded under it.  Stops at the first error. */
int strobe_selfprofile_by(const struct strobe_selfprofile *profile, const char *name, strobe_selfprofile_each *each, void *ctx);
/* Seconds of threads, or of tasks. */
double strobe_selfprofile_seconds(const struct strobe_selfprofile *profile, enum strobe_selfprofile_of of);

#endif
