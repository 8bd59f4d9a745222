/* SPDX-License-Identifier: Apache-2.0 */
/* looked: a process whose tasks are shown, by itself or with those that it started: opened, looked at once or for a time, its text kept.
 * What was last seen of one that ends meanwhile is kept too.
 * May include: attach, report, base.  Threads: one. */
#ifndef STROBE_TOOLS_LOOKED_H
#define STROBE_TOOLS_LOOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "picture/tasked.h"
#include "tools/opts.h"
#include "tools/outside.h"

struct strobe_looked_process {
    int32_t pid;
    struct strobe_attach *attach; /* owned, as all that follows */
    struct strobe_outside outside;
    struct strobe_tasked tasked;
    struct strobe_buf parent;     /* the parent's command line */
    struct strobe_buf text;       /* what it showed when it was last looked at as a whole; empty: never */
    uint64_t shown_ns, due_ns;    /* when that was; when it is to be next */
    int err;                      /* why it could not be looked at at the end, as far as it was asked for; 0 */
    uint32_t n_tasks, dropped;    /* of the text */
    bool absent, blind;           /* likewise: see walk/tasks.h */
};

struct strobe_looked {
    const struct strobe_opts *opts;
    struct strobe_looked_process *all; /* the one that was asked for first, if it is there; owned */
    size_t n;
};

/* Attaches to the process of opts and, when they say so, to its descendants.  An error has a sentence in why; release in any case. */
int strobe_looked_open(struct strobe_looked *looked, const struct strobe_opts *opts, struct strobe_buf *why);
/* Looks at all of them, once or for as long as opts say, and makes their texts.  Errors of single processes stand with them; else
 * STROBE_ERR_NOMEM. */
int strobe_looked_take(struct strobe_looked *looked);
void strobe_looked_release(struct strobe_looked *looked);

/* Has any process that this one started a task?  Without a pause; as far as can be seen. */
bool strobe_looked_children(int32_t pid);

#endif
