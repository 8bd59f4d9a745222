/* SPDX-License-Identifier: Apache-2.0 */
/* labels: by what a profile can be split: values of context variables, in the context of a task or of a thread, as frames "[NAME=VALUE]" at
 * the root of its stacks.  What is looked at:
 *
 *   contextvar:NAME, NAME         the ContextVar of that name: str and int as they are, of others the type: "[NAME=<Request>]";
 *                                 Ellipsis is what structlog leaves in one that it has unbound, and counts as not set
 *   otel:trace_id, otel:span_id   the ids of OpenTelemetry's current span (pyotel.h): "[trace_id=...]"
 *   strobe:labels                 the dict that strobe.label() keeps in a ContextVar: a frame for each of its items
 *   label:NAME                    the item of that name in there
 *
 * Of each name at most STROBE_FEWMARKS_MAX distinct values; further ones are "[NAME=other]".  What is not set has no frame.  Equal sets of
 * frames have one number; 0 is the empty one.
 * May include: walk/tasks.h, fewmarks.h, runtime, base.  Memory: its own, bounded.  Threads: one. */
#ifndef STROBE_BILLING_LABELS_H
#define STROBE_BILLING_LABELS_H

#include "base/buf.h"
#include "base/htab.h"
#include "base/names.h"
#include "billing/fewmarks.h"
#include "runtime/layout.h"
#include "walk/tasks.h"

struct strobe_mem;

enum {
    STROBE_LABELS_MAX = 8,        /* variables that are looked at */
    STROBE_LABELS_FRAMES = 16,    /* in a set; what would not fit is left out */
    STROBE_LABELS_KEYS = 32,      /* distinct names in dicts of strobe.label(); further ones are all "[label=other]" */
    STROBE_LABELS_SETS = 100000,  /* distinct ones; contexts with further ones count as the empty one */
};

/* The values of one name. */
struct strobe_label_values {
    struct strobe_buf name;
    struct strobe_fewmarks values;
    struct strobe_buf other;     /* "[NAME=other]" */
};

struct strobe_label {
    const char *name, *variable; /* of the label, of the context variable */
    enum strobe_label_kind {
        STROBE_LABEL_VALUE, STROBE_LABEL_TRACE, STROBE_LABEL_SPAN, STROBE_LABEL_DICT, STROBE_LABEL_ITEM
    } kind;
    struct strobe_label_values values;
    struct strobe_label_values *keys; /* of a dict: by its keys */
    uint32_t n_keys;
    size_t cap_keys;
};

struct strobe_labels {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_names *names;
    struct strobe_label at[STROBE_LABELS_MAX];
    uint32_t n;
    struct strobe_htab contexts; /* of this moment -> set */
    struct strobe_htab waits, waits_before; /* task and context, what it waits in -> set: of this tick, of the one before */
    struct strobe_htab known;    /* hashes of frames -> set */
    uint32_t (*sets)[STROBE_LABELS_FRAMES + 1]; /* how many, then frames; the first one is empty */
    size_t n_sets, cap_sets;
    struct strobe_buf text;      /* scratch */
};

/* All borrowed; variables: what is looked at, n of them (those above STROBE_LABELS_MAX are not), UTF-8. */
void strobe_labels_init(struct strobe_labels *labels, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_names *names,
                        const char *const *variables, uint32_t n);
void strobe_labels_release(struct strobe_labels *labels);
/* A new moment: contexts may have changed. */
void strobe_labels_begin(struct strobe_labels *labels);
/* A new tick of the tasks: the same, and what tasks had until now is that of the tick before. */
void strobe_labels_begin_tasks(struct strobe_labels *labels);
/* The set of a context (0: it has none).  STROBE_ERR_NOMEM. */
int strobe_labels_of(struct strobe_labels *labels, uint64_t context, uint32_t *ret_set);
/* The same of a task that was read a moment ago.  It may have ended since, and its context be gone or another's: then, when it waits as it
 * did at the tick before, it has the set that it had there. */
int strobe_labels_of_task(struct strobe_labels *labels, const struct strobe_task *task, uint32_t *ret_set);
/* The set of these frames, n of them, which another process's labels have given out; the same names.  STROBE_ERR_NOMEM. */
int strobe_labels_adopt(struct strobe_labels *labels, const uint32_t *at, uint32_t n, uint32_t *ret_set);
/* The frames of a set, outermost first, borrowed until the next set is made; ret_n of them. */
const uint32_t *strobe_labels_frames(const struct strobe_labels *labels, uint32_t set, uint32_t *ret_n);

#endif
