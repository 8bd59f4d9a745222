/* SPDX-License-Identifier: Apache-2.0 */
#include "export/view.h"

#include <stdlib.h>

#include "base/err.h"

int strobe_view_labels_init(const struct strobe_profile *profile, struct strobe_view_labels *ret_labels)
{
    struct strobe_view_labels labels = {profile, NULL, STROBE_BUF_INIT};
    int err = strobe_names_new(&labels.texts);

    if (!err)
        *ret_labels = labels;
    return err;
}

void strobe_view_labels_release(struct strobe_view_labels *labels)
{
    strobe_names_free(labels->texts);
    strobe_buf_release(&labels->scratch);
}

int strobe_view_label(void *ctx, uint32_t frame, uint32_t *ret_item)
{
    struct strobe_view_labels *labels = ctx;

    strobe_buf_clear(&labels->scratch);
    strobe_frame_label(labels->profile, frame, &labels->scratch);
    if (labels->scratch.failed)
        return STROBE_ERR_NOMEM;
    return strobe_names_string(labels->texts, strobe_buf_str(&labels->scratch), labels->scratch.len, ret_item);
}

void strobe_view_release(struct strobe_view *view)
{
    strobe_stacktree_release(&view->tree);
    free(view->self);
    free(view->total);
    free(view->first_child);
    free(view->next);
    free(view->depth);
    *view = (struct strobe_view){0};
}

/* The profile's nodes, each mapped to the view's. */
static int project(const struct strobe_profile *profile, strobe_view_item_fn *item_of, void *ctx, struct strobe_view *view,
                   uint32_t *node_of)
{
    size_t n_nodes = strobe_agg_node_count(profile->agg), n_frames = 0;
    uint32_t *items; /* by frame id: item + 1, 0 = not asked yet */
    int err = 0;

    for (uint32_t node = 1; node < n_nodes; node++)
        if (strobe_agg_frame(profile->agg, node) >= n_frames)
            n_frames = (size_t)strobe_agg_frame(profile->agg, node) + 1;
    items = calloc(n_frames + 1, sizeof *items);
    if (!items)
        return STROBE_ERR_NOMEM;
    for (uint32_t node = 1; !err && node < n_nodes; node++) {
        uint32_t frame = strobe_agg_frame(profile->agg, node), item;

        if (strobe_agg_is_left_out(profile->agg, node))
            continue;
        if (!items[frame]) {
            err = item_of(ctx, frame, &item);
            if (err)
                break;
            items[frame] = item + 1;
        }
        err = strobe_stacktree_child(&view->tree, node_of[strobe_agg_parent(profile->agg, node)], items[frame] - 1, &node_of[node]);
    }
    free(items);
    return err;
}

struct weigh_ctx {
    struct strobe_view_weight *self;
    const uint32_t *node_of;
};

static int weigh(void *arg, const struct strobe_agg_entry *entry)
{
    const struct weigh_ctx *ctx = arg;
    struct strobe_view_weight *self = &ctx->self[ctx->node_of[entry->leaf]];

    self->ns += entry->ns;
    self->samples += entry->samples;
    return 0;
}

/* What follows from the tree and the weights of its nodes. */
static void derive(struct strobe_view *view)
{
    for (uint32_t node = 0; node < view->tree.n_nodes; node++)
        view->total[node] = view->self[node];
    for (uint32_t node = (uint32_t)view->tree.n_nodes - 1; node > 0; node--) {
        uint32_t parent = view->tree.nodes[node].parent;

        view->total[parent].ns += view->total[node].ns;
        view->total[parent].samples += view->total[node].samples;
        view->next[node] = view->first_child[parent];
        view->first_child[parent] = node;
    }
    for (uint32_t node = 1; node < view->tree.n_nodes; node++) {
        view->depth[node] = view->depth[view->tree.nodes[node].parent] + 1;
        view->deepest = view->depth[node] > view->deepest ? view->depth[node] : view->deepest;
    }
}

int strobe_view_init(const struct strobe_profile *profile, strobe_view_item_fn *item_of, void *ctx, struct strobe_view *ret_view)
{
    uint32_t *node_of = calloc(strobe_agg_node_count(profile->agg), sizeof *node_of);
    struct strobe_view view = {0};
    size_t n;
    int err = node_of ? strobe_stacktree_init(&view.tree) : STROBE_ERR_NOMEM;

    if (!err)
        err = project(profile, item_of, ctx, &view, node_of);
    if (err)
        goto done;
    n = view.tree.n_nodes;
    view.self = calloc(n, sizeof *view.self);
    view.total = calloc(n, sizeof *view.total);
    view.first_child = calloc(n, sizeof *view.first_child);
    view.next = calloc(n, sizeof *view.next);
    view.depth = calloc(n, sizeof *view.depth);
    if (!view.self || !view.total || !view.first_child || !view.next || !view.depth) {
        err = STROBE_ERR_NOMEM;
        goto done;
    }
    err = strobe_agg_each(profile->agg, weigh, &(struct weigh_ctx){view.self, node_of});
    if (err)
        goto done;
    derive(&view);
    *ret_view = view;
    view = (struct strobe_view){0};
done:
    strobe_view_release(&view);
    free(node_of);
    return err;
}

uint32_t strobe_view_preorder(const struct strobe_view *view, uint32_t node)
{
    if (view->first_child[node])
        return view->first_child[node];
    while (node && !view->next[node])
        node = view->tree.nodes[node].parent;
    return node ? view->next[node] : 0;
}
