/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_expand: every task with its frames below it, and below the innermost the tasks that it waits for; laid out as
 * `python -m asyncio pstree` does: "(T)" before a task's name, a blank before a coroutine's. */
#include "report/tasks_words.h"

#include <string.h>

enum { MAX_DEPTH = 64 }; /* levels of nodes are fewer */

struct glyphs {
    const char *branch, *end, *bar;
};

struct tree {
    const struct strobe_tasks_index *index;
    const struct strobe_tasks_style *style;
    struct glyphs glyphs;
    struct strobe_buf *out;
    struct strobe_buf prefix;
    size_t prefix_len[MAX_DEPTH];
};

static void put_frames(struct tree *tree, const struct strobe_report_frame *frames, uint32_t n, bool users, bool *first)
{
    uint32_t shown[STROBE_TASKS_SHOWN];
    uint64_t hidden;

    n = strobe_tasks_choose(tree->index->report->process, frames, n, users, shown, &hidden);
    for (uint32_t i = 0; i < n; i++) {
        strobe_buf_printf(tree->out, "\n%s%s ", strobe_buf_str(&tree->prefix), tree->glyphs.end);
        strobe_buf_puts(&tree->prefix, "    ");
        *first = false;
        if (shown[i] == STROBE_NO_INDEX) {
            strobe_buf_printf(tree->out, "%s%s ", tree->style->dim, tree->style->dots);
            strobe_buf_grouped(tree->out, hidden);
            strobe_buf_printf(tree->out, " frames %s%s", tree->style->dots, tree->style->off);
        } else {
            strobe_tasks_frame(tree->index->report->process, &frames[shown[i]], tree->style, tree->out);
        }
    }
}

static void put_task(struct tree *tree, const struct strobe_tasks_node *node)
{
    uint32_t t = tree->index->members[tree->index->groups[node->group].member_at];
    const struct strobe_report_task *task = &tree->index->report->tasks[t];
    uint32_t n_sync = task->n_sync <= task->n_frames ? task->n_sync : 0;
    struct strobe_buf *out = tree->out, state = STROBE_BUF_INIT;
    bool first = true;

    strobe_tasks_marks(tree->index, &t, 1, tree->style, out);
    put_frames(tree, task->frames + n_sync, task->n_frames - n_sync, true, &first);
    strobe_tasks_how(tree->index, &t, 1, tree->style, out);
    if (task->task->state == STROBE_TASK_RUNNING) {
        put_frames(tree, task->frames, n_sync, false, &first);
        strobe_buf_puts(out, "   running");
    } else {
        strobe_tasks_state(tree->index, &t, 1, tree->style, &state);
        if (state.len)
            strobe_buf_printf(out, "   %s", strobe_buf_str(&state));
        out->failed |= state.failed;
        strobe_buf_release(&state);
    }
    strobe_buf_putc(out, '\n');
    if (task->task->state == STROBE_TASK_WAITING && strobe_tasks_pool(tree->index->report, task) != STROBE_NO_INDEX)
        strobe_tasks_calls(tree->index, &t, 1, strobe_buf_str(&tree->prefix), tree->style, out);
    strobe_tasks_links(tree->index, &t, 1, strobe_buf_str(&tree->prefix), out);
}

static void put_node(struct tree *tree, const struct strobe_tasks_node *node)
{
    struct strobe_buf *out = tree->out;

    if (tree->prefix.len > tree->prefix_len[node->depth]) {
        tree->prefix.len = tree->prefix_len[node->depth];
        tree->prefix.data[tree->prefix.len] = 0;
    }
    strobe_buf_printf(out, "%s%s", strobe_buf_str(&tree->prefix), node->last ? tree->glyphs.end : tree->glyphs.branch);
    strobe_buf_printf(&tree->prefix, "%s   ", node->last ? " " : tree->glyphs.bar);
    if (node->kind == STROBE_NODE_DEEP) {
        strobe_buf_printf(out, "%s%s ", tree->style->dim, tree->style->dots);
        strobe_buf_grouped(out, node->n);
        strobe_buf_puts(out, " levels with ");
        strobe_buf_grouped(out, node->tasks);
        strobe_buf_printf(out, " tasks, left out %s%s\n", tree->style->dots, tree->style->off);
    } else {
        strobe_buf_printf(out, "(T) %s", tree->style->head);
        strobe_tasks_group_name(tree->index, node->group, out);
        strobe_buf_puts(out, tree->style->off);
        if (node->kind == STROBE_NODE_FULL)
            put_task(tree, node);
        else
            strobe_buf_printf(out, "  (%s)\n", node->kind == STROBE_NODE_CYCLE                ? "a cycle: shown above"
                                               : tree->index->left_out[node->group] ? "left out above"
                                                                                    : "shown above");
    }
    tree->prefix_len[node->depth + 1] = tree->prefix.len;
}

void strobe_tasks_expanded(const struct strobe_tasks_index *index, const struct strobe_tasks_style *style, struct strobe_buf *out)
{
    struct tree tree = {.index = index, .style = style, .out = out, .prefix = STROBE_BUF_INIT};

    tree.glyphs = index->report->ascii ? (struct glyphs){"|-- ", "`-- ", "|"}
                                       : (struct glyphs){"\xe2\x94\x9c\xe2\x94\x80\xe2\x94\x80 ", "\xe2\x94\x94\xe2\x94\x80\xe2\x94\x80 ",
                                                         "\xe2\x94\x82"};
    for (uint32_t i = 0; i < index->n_nodes && !out->failed; i++) {
        put_node(&tree, &index->nodes[i]);
        out->failed |= tree.prefix.failed;
    }
    strobe_buf_release(&tree.prefix);
    strobe_tasks_notes(index->report, "", out);
}
