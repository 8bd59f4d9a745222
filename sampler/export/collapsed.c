/* SPDX-License-Identifier: Apache-2.0 */
/* collapsed ("raw"): one line a stack, outermost frame first, as flamegraph.pl, inferno and py-spy's users read it:
 *
 *   <module> (t.py:14);spin (t.py:5) 99
 *
 * The last word is the number of whole sampling periods.  Stacks that rounded to none are left out, unless all did: then
 * they are written with 0, so that the file still says what was seen.  What would break a line is replaced: ';' by ':',
 * control characters, line separators and bytes that are not UTF-8 by \xNN (\uNNNN). */
#include "export/formats.h"

#include <stdlib.h>

#include "base/err.h"
#include "export/view.h"
#include "export/writer.h"

static void put_frame(struct strobe_buf *out, const char *text, size_t len)
{
    const char *at = text, *end = text + len;

    while (at < end) {
        uint32_t point = strobe_utf8_next(&at, end);

        if (point & STROBE_BAD_BYTE || point < 0x20 || (point >= 0x7f && point <= 0x9f))
            strobe_buf_printf(out, "\\x%02x", (unsigned)(point & 0xff));
        else if (point == 0x2028 || point == 0x2029) /* line and paragraph separator: some readers split there */
            strobe_buf_printf(out, "\\u%04x", (unsigned)point);
        else
            strobe_utf8_append(out, point == ';' ? ':' : point);
    }
}

/* path: room for the deepest stack. */
static void put_line(struct strobe_buf *out, const struct strobe_view *view, const struct strobe_names *texts, uint32_t node,
                     uint32_t *path)
{
    uint64_t samples = view->self[node].samples;
    size_t depth = 0;

    for (; node; node = view->tree.nodes[node].parent)
        path[depth++] = view->tree.nodes[node].item;
    while (depth > 0) {
        uint32_t label = path[--depth];

        put_frame(out, strobe_names_text(texts, label), strobe_names_text_len(texts, label));
        strobe_buf_putc(out, depth ? ';' : ' ');
    }
    strobe_buf_printf(out, "%llu\n", (unsigned long long)samples);
}

int strobe_collapsed_write(const struct strobe_profile *profile, const struct strobe_sink *sink)
{
    struct strobe_writer writer = {STROBE_BUF_INIT, sink};
    struct strobe_view_labels labels;
    struct strobe_view view;
    uint32_t *path = NULL;
    int err = strobe_view_labels_init(profile, &labels);

    if (err)
        return err;
    err = strobe_view_init(profile, strobe_view_label, &labels, &view);
    if (!err) {
        path = malloc(((size_t)view.deepest + 1) * sizeof *path);
        if (!path)
            err = STROBE_ERR_NOMEM;
        for (uint32_t node = 1; !err && node < view.tree.n_nodes; node++) {
            if (view.self[node].samples || (!view.total[0].samples && view.self[node].ns))
                put_line(&writer.buf, &view, labels.texts, node, path);
            err = strobe_writer_step(&writer);
        }
        free(path);
        strobe_view_release(&view);
    }
    strobe_view_labels_release(&labels);
    return strobe_writer_end(&writer, err);
}
