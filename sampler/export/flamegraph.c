/* SPDX-License-Identifier: Apache-2.0 */
/* flamegraph: one self-contained SVG, root on top (an icicle, as py-spy draws it), as wide as the window.
 *
 *   <svg>
 *     <svg id="frames">                       widths in percent, so that the picture fits without a script
 *       <svg class="f" data-d=DEPTH x= y= width= height=> <title>LABEL \n FIGURES</title> <rect/> <text>LABEL</text> </svg>
 *       ...                                   in preorder, siblings by label; a nested <svg> cuts what does not fit
 *     <g id="bar">                            title and figures
 *     <script>                                flamegraph.js: zoom, search, reset, details
 *
 * Names stand in text nodes alone, escaped; the script is constant.  Widths are real time. */
#include "export/formats.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/htab.h"
#include "export/view.h"
#include "export/writer.h"

enum {
    ROW = 17,           /* pixels; ROW to TOP also stand in flamegraph.js */
    FINE_ROWS = 400,    /* up to this depth rows have their full height; deeper pictures are squeezed, and unfold on zoom */
    MIN_ROW = 3,
    TOP = 90,           /* height of the title bar */
    MIN_SHARE = 1000,   /* frames below 1/1000 of the time are left out: they would be invisible, and are most of the bytes */
    MAX_FRAMES = 20000, /* what a browser draws and searches without delay */
    LABEL_HEAD = 1000, LABEL_TAIL = 200, /* code points kept of a long label, for hovering and searching */
    TEXT_MAX = 160,     /* code points drawn; wider than any screen */
};

static const char style[] =
#include "export/flamegraph.css.inc"
    ;
static const char script[] =
#include "export/flamegraph.js.inc"
    ;

struct picture {
    struct strobe_writer writer;
    const struct strobe_profile *profile;
    struct strobe_view_labels labels;
    struct strobe_view view;
    uint32_t *frame_of; /* label -> a frame that has it */
    size_t cap_frame_of;
    uint64_t *start_ns; /* by node: its left end */
    uint64_t min_ns;    /* narrower nodes are left out */
    uint32_t rows, row; /* drawn depth; height of a row */
};

static void put_point(struct strobe_buf *out, uint32_t point)
{
    if (point == '&' || point == '<' || point == '>' || point == '"' || point == '\'')
        strobe_buf_printf(out, "&#%u;", (unsigned)point);
    else
        strobe_put_visible(out, point);
}

/* Text for a text node: its first head code points and its last tail, with an ellipsis for what is left out. */
static void put_text(struct strobe_buf *out, const char *text, size_t len, size_t head, size_t tail)
{
    const char *at = text, *end = text + len;
    size_t points = 0;

    while (at < end) {
        strobe_utf8_next(&at, end);
        points++;
    }
    at = text;
    for (size_t i = 0; at < end; i++) {
        uint32_t point = strobe_utf8_next(&at, end);

        if (points <= head + tail || i < head || i >= points - tail)
            put_point(out, point);
        else if (i == head)
            strobe_buf_puts(out, "\xe2\x80\xa6");
    }
}

/* A strobe_view_item_fn that remembers a frame of each label, for its colour. */
static int label_of(void *ctx, uint32_t frame, uint32_t *ret_item)
{
    struct picture *pic = ctx;
    uint32_t item;
    int err = strobe_view_label(&pic->labels, frame, &item);

    if (err)
        return err;
    if (strobe_grow(&pic->frame_of, &pic->cap_frame_of, (size_t)item + 1, sizeof *pic->frame_of))
        return STROBE_ERR_NOMEM;
    pic->frame_of[item] = frame;
    *ret_item = item;
    return 0;
}

/* Is it Python's own library or an installed package, rather than the user's code? */
static bool is_library(const char *file)
{
    static const char *const folders[] = {"/site-packages/", "/dist-packages/", "/lib/python3", "/lib64/python3"};

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strstr(file, folders[i]))
            return true;
    return strncmp(file, "<frozen ", 8) == 0;
}

/* The same function has the same colour in every picture: warm for the user's code, cool for libraries, grey for marks. */
static unsigned colour(const struct picture *pic, uint32_t label)
{
    enum { OWN, LIBRARY, MARK };
    static const unsigned char from[][3] = {{255, 214, 112}, {166, 222, 196}, {214, 216, 224}};
    static const unsigned char to[][3] = {{246, 134, 84}, {124, 178, 226}, {190, 196, 210}};
    const struct strobe_frame *frame = label ? strobe_names_get(pic->profile->names, pic->frame_of[label]) : NULL;
    const char *name, *file;
    uint64_t hash, mix;
    unsigned rgb = 0;
    int kind = MARK;

    if (!frame)
        return 0xd6d8e0;
    name = strobe_names_text(pic->profile->names, frame->name);
    file = strobe_names_text(pic->profile->names, frame->file);
    if (frame->file)
        kind = is_library(file) ? LIBRARY : OWN;
    hash = strobe_hash_bytes(name, strlen(name), strobe_hash_bytes(file, strlen(file), 0));
    mix = hash >> 32 & 0xff;
    for (int i = 0; i < 3; i++)
        rgb = rgb << 8 | (unsigned)((from[kind][i] * (255 - mix) + to[kind][i] * mix) / 255);
    return rgb;
}

static void put_figures(struct picture *pic, const struct strobe_view_weight *weight)
{
    struct strobe_buf *out = &pic->writer.buf;
    uint64_t total = pic->view.total[0].ns;

    strobe_buf_printf(out, "%.2f %%, ", total ? 100.0 * (double)weight->ns / (double)total : 100.0);
    strobe_buf_printf(out, weight->ns < 10000000 ? "%.6f s, " : "%.3f s, ", (double)weight->ns / 1e9);
    strobe_buf_grouped(out, weight->samples);
    strobe_buf_puts(out, weight->samples == 1 ? " sample" : " samples");
}

static void put_frame(struct picture *pic, uint32_t node)
{
    struct strobe_buf *out = &pic->writer.buf;
    double total = pic->view.total[0].ns ? (double)pic->view.total[0].ns : 1;
    uint32_t label = node ? pic->view.tree.nodes[node].item : 0;
    const char *text = node ? strobe_names_text(pic->labels.texts, label) : "all";
    size_t len = node ? strobe_names_text_len(pic->labels.texts, label) : 3;

    strobe_buf_printf(out, "<svg class=\"f\" data-d=\"%u\" x=\"%.6g%%\" y=\"%u\" width=\"%.6g%%\" height=\"%u\"><title>",
                      (unsigned)pic->view.depth[node], 100 * (double)pic->start_ns[node] / total,
                      (unsigned)(TOP + pic->view.depth[node] * pic->row), node ? 100 * (double)pic->view.total[node].ns / total : 100,
                      (unsigned)pic->row);
    put_text(out, text, len, LABEL_HEAD, LABEL_TAIL);
    strobe_buf_putc(out, '\n');
    put_figures(pic, &pic->view.total[node]);
    strobe_buf_printf(out, "</title><rect width=\"100%%\" height=\"100%%\" rx=\"2\" fill=\"#%06x\"/><text x=\"4\" y=\"12.5\">",
                      node ? colour(pic, label) : 0xd6d8e0);
    if (pic->row == ROW)
        put_text(out, text, len, TEXT_MAX, 0);
    strobe_buf_puts(out, "</text></svg>\n");
}

struct child {
    const char *text;
    uint32_t node;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct child *)a)->text, ((const struct child *)b)->text);
}

/* Puts the children of every node in the order of their labels. */
static int sort_children(struct picture *pic)
{
    struct strobe_view *view = &pic->view;
    struct child *children = malloc(view->tree.n_nodes * sizeof *children);

    if (!children)
        return STROBE_ERR_NOMEM;
    for (uint32_t node = 0; node < view->tree.n_nodes; node++) {
        size_t n = 0;

        for (uint32_t child = view->first_child[node]; child; child = view->next[child])
            children[n++] = (struct child){strobe_names_text(pic->labels.texts, view->tree.nodes[child].item), child};
        if (n < 2)
            continue;
        qsort(children, n, sizeof *children, by_text);
        view->first_child[node] = children[0].node;
        for (size_t i = 0; i < n; i++)
            view->next[children[i].node] = i + 1 < n ? children[i + 1].node : 0;
    }
    free(children);
    return 0;
}

/* What is drawn, and where. */
static int arrange(struct picture *pic)
{
    struct strobe_view *view = &pic->view;
    size_t n = view->tree.n_nodes, drawn;
    uint32_t deepest;

    pic->start_ns = calloc(n, sizeof *pic->start_ns);
    if (!pic->start_ns || sort_children(pic))
        return STROBE_ERR_NOMEM;
    for (uint32_t node = 0; node < n; node++) { /* parents come first */
        uint64_t at = pic->start_ns[node];

        for (uint32_t child = view->first_child[node]; child; child = view->next[child]) {
            pic->start_ns[child] = at;
            at += view->total[child].ns;
        }
    }
    pic->min_ns = view->total[0].ns / MIN_SHARE + 1;
    do {
        drawn = 1;
        deepest = 0;
        for (uint32_t node = 1; node < n; node++) {
            if (view->total[node].ns < pic->min_ns)
                continue;
            drawn++;
            deepest = view->depth[node] > deepest ? view->depth[node] : deepest;
        }
        pic->min_ns *= drawn > MAX_FRAMES ? 2 : 1;
    } while (drawn > MAX_FRAMES && pic->min_ns <= view->total[0].ns);
    pic->rows = deepest + 1;
    pic->row = pic->rows <= FINE_ROWS ? ROW : FINE_ROWS * ROW / pic->rows;
    pic->row = pic->row < MIN_ROW ? MIN_ROW : pic->row;
    return 0;
}

static void put_about(struct picture *pic)
{
    const struct strobe_profile *profile = pic->profile;
    struct strobe_buf *out = &pic->writer.buf;
    size_t n_threads = strobe_agg_thread_count(profile->agg);
    time_t start = (time_t)(profile->start_unix_ns / 1000000000);
    uint64_t span_ns = profile->end_ns > profile->start_ns ? profile->end_ns - profile->start_ns : 0;
    struct tm utc;
    char date[32];

    strobe_buf_printf(out, "%.1f s recorded, ", (double)span_ns / 1e9);
    strobe_buf_grouped(out, pic->view.total[0].samples);
    strobe_buf_printf(out, " samples of %zu thread%s", n_threads, n_threads == 1 ? "" : "s");
    if (strobe_agg_period(profile->agg))
        strobe_buf_printf(out, ", %.6g per second", 1e9 / (double)strobe_agg_period(profile->agg));
    if (start && gmtime_r(&start, &utc) && strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &utc))
        strobe_buf_printf(out, ", %s", date);
}

static void put_head(struct picture *pic)
{
    struct strobe_buf *out = &pic->writer.buf;

    strobe_buf_printf(out,
                      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%%\" height=\"%u\">\n<title>",
                      (unsigned)(TOP + pic->rows * pic->row + 20));
    put_text(out, pic->profile->title, strlen(pic->profile->title), LABEL_HEAD, LABEL_TAIL);
    strobe_buf_puts(out, "</title>\n<style><![CDATA[\n");
    strobe_buf_puts(out, style);
    strobe_buf_puts(out, "]]></style>\n<rect id=\"paper\" width=\"100%\" height=\"100%\"/>\n"
                         "<svg id=\"frames\" x=\"1%\" width=\"98%\" overflow=\"visible\">\n");
}

static void put_tail(struct picture *pic)
{
    struct strobe_buf *out = &pic->writer.buf;

    strobe_buf_printf(out,
                      "</svg>\n<g id=\"bar\"><rect id=\"bar-back\" width=\"100%%\" height=\"%u\"/>"
                      "<svg id=\"title-box\" x=\"1%%\" width=\"98%%\" height=\"34\"><text id=\"title\" y=\"28\">",
                      (unsigned)TOP - 4);
    put_text(out, pic->profile->title, strlen(pic->profile->title), TEXT_MAX * 2, 0);
    strobe_buf_puts(out, "</text></svg>\n<text id=\"about\" x=\"1%\" y=\"50\">");
    put_about(pic);
    strobe_buf_printf(out,
                      "</text>\n<svg x=\"1%%\" y=\"56\" width=\"98%%\" height=\"26\"><text id=\"detail\" y=\"18\">%s</text></svg>"
                      "<text id=\"found\" x=\"99%%\" y=\"50\"/></g>\n"
                      "<script><![CDATA[\n%s]]></script>\n</svg>\n",
                      pic->view.total[0].ns ? "" : "No samples: nothing was running, or the recording was too short", script);
}

/* The frames, in preorder; what is too narrow is left out with all that it called. */
static int put_frames(struct picture *pic)
{
    uint32_t node = 0;
    int err = 0;

    do {
        bool drawn = !node || pic->view.total[node].ns >= pic->min_ns;

        if (drawn)
            put_frame(pic, node);
        err = strobe_writer_step(&pic->writer);
        if (drawn) {
            node = strobe_view_preorder(&pic->view, node);
        } else {
            while (node && !pic->view.next[node])
                node = pic->view.tree.nodes[node].parent;
            node = pic->view.next[node];
        }
    } while (node && !err);
    return err;
}

int strobe_flamegraph_write(const struct strobe_profile *profile, const struct strobe_sink *sink)
{
    struct picture pic = {.writer = {STROBE_BUF_INIT, sink}, .profile = profile};
    int err = strobe_view_labels_init(profile, &pic.labels);

    if (err)
        return err;
    err = strobe_view_init(profile, label_of, &pic, &pic.view);
    if (!err)
        err = arrange(&pic);
    if (!err) {
        put_head(&pic);
        err = put_frames(&pic);
        put_tail(&pic);
    }
    free(pic.start_ns);
    free(pic.frame_of);
    strobe_view_release(&pic.view);
    strobe_view_labels_release(&pic.labels);
    return strobe_writer_end(&pic.writer, err);
}
