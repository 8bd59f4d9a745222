/* SPDX-License-Identifier: Apache-2.0 */
/* locals: the arguments and local variables of each frame, read while the target stands still (a visitor of snapshot).
 * May include: snapshot, runtime/pyobj.h, report, base.  Memory: an arena of its own; results live until reset or release. */
#ifndef STROBE_PICTURE_LOCALS_H
#define STROBE_PICTURE_LOCALS_H

#include "base/arena.h"
#include "report/report.h"
#include "runtime/layout.h"
#include "walk/sample.h"

struct strobe_locals_thread;

struct strobe_locals {
    const struct strobe_layout *layout; /* borrowed */
    size_t max_repr;                    /* bytes of a value shown */
    uint64_t spent_ns;                  /* time spent reading, all of it in a pause at worst */
    uint32_t cut_frames;                /* frames left without locals because the time was up */
    struct strobe_arena arena;
    struct strobe_locals_thread *threads; /* newest first */
};

void strobe_locals_init(struct strobe_locals *locals, const struct strobe_layout *layout, unsigned level);
void strobe_locals_release(struct strobe_locals *locals);
/* Forgets what was read: before a sample is taken again. */
void strobe_locals_reset(struct strobe_locals *locals);

/* For strobe_snapshot_set_visitor; ctx is the struct strobe_locals. */
void strobe_locals_visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread);

/* Fills locals, n_locals and locals_known of a frame (index as in thread->frames). */
void strobe_locals_fill(const struct strobe_locals *locals, const struct strobe_thread *thread, uint32_t index,
                        struct strobe_report_frame *frame);

#endif
