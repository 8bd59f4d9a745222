/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_tree: groups of equal tasks below those that wait for them, a line or a few each. */
#include "report/tasks_words.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_WIDTH = 118, /* a single task's state stands on its line when that gets no longer */
    MAX_DEPTH = 64,  /* levels of nodes are fewer: the middle of deep trees is left out */
};

struct tree {
    const struct strobe_tasks_index *index;
    const struct strobe_tasks_style *style;
    struct strobe_buf *out;
    struct strobe_buf prefix;      /* of the lines at hand */
    size_t prefix_len[MAX_DEPTH];  /* by depth: of the lines of nodes there, without their branch */
    int count_width[MAX_DEPTH];    /* by depth: of the counts of siblings */
    struct strobe_buf scratch;
};

static void cut(struct strobe_buf *buf, size_t len)
{
    if (buf->len > len) {
        buf->len = len;
        buf->data[len] = 0;
    }
}

/* Of a number as strobe_buf_grouped writes it. */
static int digits_of(uint32_t n)
{
    int digits = 1;

    for (; n > 9; n /= 10)
        digits++;
    return digits + (digits - 1) / 3;
}

/* Of this node and its siblings behind it. */
static int widest_count(const struct strobe_tasks_index *index, uint32_t at)
{
    uint32_t depth = index->nodes[at].depth;
    uint32_t most = 0;

    for (uint32_t i = at; i < index->n_nodes && index->nodes[i].depth >= depth; i++) {
        const struct strobe_tasks_node *node = &index->nodes[i];

        if (node->depth == depth && node->kind <= STROBE_NODE_CYCLE && index->groups[node->group].n > most)
            most = index->groups[node->group].n;
    }
    return most > 1 ? digits_of(most) : 0;
}

static void put_label(struct tree *tree, const struct strobe_tasks_node *node)
{
    uint32_t n = tree->index->groups[node->group].n;

    if (n > 1) {
        for (int pad = tree->count_width[node->depth] - digits_of(n); pad > 0; pad--)
            strobe_buf_putc(tree->out, ' ');
        strobe_buf_grouped(tree->out, n);
        strobe_buf_printf(tree->out, " %s ", tree->style->times);
    }
    strobe_buf_puts(tree->out, tree->style->head);
    strobe_tasks_group_name(tree->index, node->group, tree->out);
    strobe_buf_printf(tree->out, "%s%s", tree->style->off, n > 1 ? "   " : "  ");
}

/* The state on the task's own line when it is one task and there is room, else on the next; then what else is known. */
static void put_details(struct tree *tree, const uint32_t *tasks, uint32_t n, size_t line)
{
    struct strobe_buf *out = tree->out, *state = &tree->scratch;
    const struct strobe_report_task *task = &tree->index->report->tasks[tasks[0]];

    strobe_buf_clear(state);
    strobe_tasks_state(tree->index, tasks, n, tree->style, state);
    out->failed |= state->failed;
    if (state->len && n == 1 && !out->failed &&
        strobe_tasks_width(strobe_buf_str(out) + line) + strobe_tasks_width(strobe_buf_str(state)) + 3 <= MAX_WIDTH)
        strobe_buf_printf(out, "   %s\n", strobe_buf_str(state));
    else if (state->len)
        strobe_buf_printf(out, "\n%s%s\n", strobe_buf_str(&tree->prefix), strobe_buf_str(state));
    else
        strobe_buf_putc(out, '\n');
    if (task->task->state == STROBE_TASK_WAITING && strobe_tasks_pool(tree->index->report, task) != STROBE_NO_INDEX)
        strobe_tasks_calls(tree->index, tasks, n, strobe_buf_str(&tree->prefix), tree->style, out);
    strobe_tasks_links(tree->index, tasks, n, strobe_buf_str(&tree->prefix), out);
}

static void put_group(struct tree *tree, const struct strobe_tasks_node *node, size_t line)
{
    const struct strobe_tasks_group *group = &tree->index->groups[node->group];
    const uint32_t *tasks = tree->index->members + group->member_at;
    const struct strobe_report_task *task = &tree->index->report->tasks[tasks[0]];
    uint32_t n_sync = task->n_sync <= task->n_frames ? task->n_sync : 0;

    put_label(tree, node);
    if (!strobe_tasks_frames(tree->index->report->process, task->frames + n_sync, task->n_frames - n_sync, true, tree->style, tree->out))
        strobe_buf_printf(tree->out, "%s(no frames)%s", tree->style->dim, tree->style->off);
    strobe_tasks_how(tree->index, tasks, group->n, tree->style, tree->out);
    strobe_tasks_marks(tree->index, tasks, group->n, tree->style, tree->out);
    strobe_buf_printf(&tree->prefix, "%s   ", node->has_subs ? tree->style->bar : " ");
    put_details(tree, tasks, group->n, line);
}

static void put_left_out(struct tree *tree, const struct strobe_tasks_node *node)
{
    const char *dots = tree->style->dots;

    strobe_buf_printf(tree->out, "%s%s ", tree->style->dim, dots);
    strobe_buf_grouped(tree->out, node->n);
    strobe_buf_puts(tree->out, node->kind == STROBE_NODE_DEEP ? " levels with " : " more that differ in their names only, ");
    strobe_buf_grouped(tree->out, node->tasks);
    strobe_buf_printf(tree->out, " tasks%s %s%s\n", node->kind == STROBE_NODE_DEEP ? ", left out" : "", dots, tree->style->off);
}

static void put_node(struct tree *tree, uint32_t at)
{
    const struct strobe_tasks_node *node = &tree->index->nodes[at];
    size_t line = tree->out->len;

    if (at == 0 || tree->index->nodes[at - 1].depth < node->depth)
        tree->count_width[node->depth] = widest_count(tree->index, at);
    cut(&tree->prefix, tree->prefix_len[node->depth]);
    strobe_buf_puts(tree->out, strobe_buf_str(&tree->prefix));
    if (node->depth > 0) {
        strobe_buf_puts(tree->out, node->last ? tree->style->end : tree->style->branch);
        strobe_buf_printf(&tree->prefix, "%s  ", node->last ? " " : tree->style->bar);
    }
    tree->prefix_len[node->depth + 1] = tree->prefix.len;
    switch (node->kind) {
    case STROBE_NODE_FULL: put_group(tree, node, line); break;
    case STROBE_NODE_AGAIN:
        put_label(tree, node);
        strobe_buf_printf(tree->out, "%s(%s)%s\n", tree->style->dim,
                          tree->index->left_out[node->group] ? "left out above" : "shown above", tree->style->off);
        break;
    case STROBE_NODE_CYCLE:
        put_label(tree, node);
        strobe_buf_printf(tree->out, "%s(a cycle: shown above)%s\n", tree->style->alarm, tree->style->off);
        break;
    case STROBE_NODE_ALIKE:
    case STROBE_NODE_DEEP: put_left_out(tree, node);
    }
}

static void put_notes(const struct strobe_tasks_index *index, const char *indent, const struct strobe_tasks_style *style,
                      struct strobe_buf *out)
{
    struct strobe_buf texts = STROBE_BUF_INIT;
    int n = strobe_tasks_diagnose(index, index->report->ascii, false, &texts);
    const char *at = strobe_buf_str(&texts);

    out->failed |= n < 0 || texts.failed;
    for (int i = 0; i < n && !out->failed; i++, at += strlen(at) + 1)
        strobe_buf_printf(out, "%s%s%s %s%s\n", indent, style->alarm, style->arrow, at, style->off);
    strobe_tasks_notes(index->report, indent, out);
    strobe_buf_release(&texts);
}

void strobe_tasks_tree(const struct strobe_tasks_index *index, const char *indent, const struct strobe_tasks_style *style,
                       struct strobe_buf *out)
{
    struct tree tree = {.index = index, .style = style, .out = out, .prefix = STROBE_BUF_INIT, .scratch = STROBE_BUF_INIT};

    strobe_buf_puts(&tree.prefix, indent);
    tree.prefix_len[0] = tree.prefix.len;
    for (uint32_t i = 0; i < index->n_nodes && !out->failed; i++) {
        put_node(&tree, i);
        out->failed |= tree.prefix.failed;
    }
    strobe_buf_release(&tree.prefix);
    strobe_buf_release(&tree.scratch);
    put_notes(index, indent, style, out);
}

static uint32_t count_loops(const struct strobe_task_sample *sample, bool *ret_failed)
{
    struct strobe_htab seen = STROBE_HTAB_INIT;
    uint32_t n = 0;

    for (uint32_t i = 0; i < sample->n_tasks && !*ret_failed; i++) {
        uint64_t loop = sample->tasks[i].loop;

        if ((i > 0 && loop == sample->tasks[i - 1].loop) || strobe_htab_get(&seen, loop, 0))
            continue;
        n++;
        *ret_failed |= strobe_htab_put(&seen, loop, 0, 1) != 0;
    }
    strobe_htab_release(&seen);
    return n;
}

int strobe_report_pstree(const struct strobe_report_tasks *report, bool expand, bool color, struct strobe_buf *out)
{
    struct strobe_tasks_style style = strobe_tasks_style(color, report->ascii);
    struct strobe_tasks_index index;
    int err = strobe_tasks_index(&index, report);

    if (!err)
        err = strobe_tasks_groups(&index, expand);
    if (!err)
        err = strobe_tasks_nodes(&index);
    if (!err && expand)
        strobe_tasks_expanded(&index, &style, out);
    else if (!err)
        strobe_tasks_tree(&index, "", &style, out);
    strobe_tasks_index_release(&index);
    return err ? err : out->failed ? STROBE_ERR_NOMEM : 0;
}

void strobe_report_tasks_section(const struct strobe_report_tasks *report, bool color, struct strobe_buf *out)
{
    struct strobe_tasks_style style = strobe_tasks_style(color, report->ascii);
    struct strobe_tasks_index index;
    uint32_t n = report->sample->n_tasks, loops = count_loops(report->sample, &out->failed);
    int err;

    if (!n && !report->sample->n_dropped && !report->sample->n_copies)
        return;
    strobe_buf_printf(out, "%sTasks%s (", style.head, style.off);
    strobe_buf_grouped(out, n);
    strobe_buf_printf(out, " in %" PRIu32 " loop%s)\n", loops, loops == 1 ? "" : "s");
    if (!(err = strobe_tasks_index(&index, report)) && !(err = strobe_tasks_groups(&index, false)) && !(err = strobe_tasks_nodes(&index)))
        strobe_tasks_tree(&index, "    ", &style, out);
    strobe_tasks_index_release(&index);
    out->failed |= err != 0;
}
