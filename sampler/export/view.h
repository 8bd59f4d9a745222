/* SPDX-License-Identifier: Apache-2.0 */
/* view: a profile's tree seen through coarser glasses: frames that the format does not tell apart (same label, same
 * function) are one item, threads are merged, and every node knows its own and its whole weight.  A thread that is to be
 * shown apart has a root frame of its own, so it stays apart.
 * May include: agg, base.  Ownership: the holder releases. */
#ifndef STROBE_EXPORT_VIEW_H
#define STROBE_EXPORT_VIEW_H

#include "agg/stacktree.h"
#include "base/buf.h"
#include "export/exporter.h"

struct strobe_view_weight {
    uint64_t ns, samples;
};

struct strobe_view { /* arrays by node; a parent's number is below its children's; node 0 is the root */
    struct strobe_stacktree tree;
    struct strobe_view_weight *self, *total; /* of the stacks that end here; of those that pass through, too */
    uint32_t *first_child, *next;            /* 0 = none; siblings in the order first seen */
    uint32_t *depth, deepest;                /* the root's is 0 */
};

/* The item of a frame; called once for each frame that occurs.  0 or an error. */
typedef int strobe_view_item_fn(void *ctx, uint32_t frame, uint32_t *ret_item);

/* ret_view: released by the caller.  0, STROBE_ERR_NOMEM, or what item_of returned. */
int strobe_view_init(const struct strobe_profile *profile, strobe_view_item_fn *item_of, void *ctx, struct strobe_view *ret_view);
void strobe_view_release(struct strobe_view *view);

/* The node after this one in a walk where a parent comes before its children and they before its next sibling; 0 at the end. */
uint32_t strobe_view_preorder(const struct strobe_view *view, uint32_t node);

/* Items that are labels: string ids of texts. */
struct strobe_view_labels {
    const struct strobe_profile *profile;
    struct strobe_names *texts; /* owned */
    struct strobe_buf scratch;
};
int strobe_view_labels_init(const struct strobe_profile *profile, struct strobe_view_labels *ret_labels);
void strobe_view_labels_release(struct strobe_view_labels *labels);
/* A strobe_view_item_fn; ctx is the struct strobe_view_labels. */
int strobe_view_label(void *ctx, uint32_t frame, uint32_t *ret_item);

#endif
