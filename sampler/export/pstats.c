/* SPDX-License-Identifier: Apache-2.0 */
/* pstats: what cProfile writes, so that Python's own pstats module and every viewer of its files can read a recording:
 *
 *   { (file, first line, name): (cc, nc, tt, ct, { caller: (nc, cc, tt, ct), ... }), ... }      marshal format
 *
 * cProfile counts calls; a sampling profiler has only periods.  So nc is the periods in which an activation of the function
 * was on the stack, summed over its activations, and cc the same over its outermost activations: they differ exactly for
 * recursive functions, as with cProfile.  tt is the time in the function itself, ct the time of its outermost activations,
 * in real seconds.  A caller's four are the share of the calls that came from it, counted per pair (caller, function); note
 * that nc and cc change places there (Lib/profile.py, Lib/cProfile.py).  Frames without a file (<GC>, thread and process
 * roots) have the key ('~', 0, name), as built-in functions do. */
#include "export/formats.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "base/htab.h"
#include "export/view.h"
#include "export/writer.h"

#define NONE UINT32_MAX

static const struct strobe_frame unknown;

struct counts {
    uint64_t cc, nc;       /* periods */
    uint64_t tt_ns, ct_ns; /* real time */
    uint32_t active;       /* activations on the stack that is being walked */
};

struct edge {
    struct counts counts;
    uint32_t caller, next; /* next edge into the same function */
};

struct function {
    struct counts counts;
    uint32_t first_edge, last_edge;
};

struct table {
    const struct strobe_profile *profile;
    struct strobe_names *names; /* functions, as frames without a line, of clean UTF-8; frame id = function */
    struct strobe_buf scratch;
    struct function *functions;
    size_t n_functions;
    struct edge *edges;
    size_t n_edges, cap_edges;
    struct strobe_htab edge_of; /* (caller, function) -> edge */
};

/* Marshal's strings are UTF-8; two names that differ only in broken bytes are one function, for a dict has one of a key. */
static int clean_string(struct table *table, uint32_t string, uint32_t *ret_string)
{
    const char *at = strobe_names_text(table->profile->names, string), *end = at + strobe_names_text_len(table->profile->names, string);

    strobe_buf_clear(&table->scratch);
    while (at < end) {
        uint32_t point = strobe_utf8_next(&at, end);

        strobe_utf8_append(&table->scratch, point & STROBE_BAD_BYTE ? 0xfffd : point);
    }
    if (table->scratch.failed)
        return STROBE_ERR_NOMEM;
    return strobe_names_string(table->names, strobe_buf_str(&table->scratch), table->scratch.len, ret_string);
}

/* A strobe_view_item_fn: the function of a frame. */
static int function_of(void *ctx, uint32_t id, uint32_t *ret_item)
{
    struct table *table = ctx;
    const struct strobe_frame *frame = strobe_names_get(table->profile->names, id);
    struct strobe_frame function = {0};
    int err;

    if (!frame)
        frame = &unknown;
    err = clean_string(table, frame->name, &function.name);
    if (!err)
        err = frame->file ? clean_string(table, frame->file, &function.file) : strobe_names_string(table->names, "~", 1, &function.file);
    if (err)
        return err;
    function.first_line = frame->file && frame->first_line > 0 ? frame->first_line : 0;
    function.line = strobe_frame_is_wait(frame); /* no line: a flag for count() */
    err = strobe_names_frame(table->names, &function, ret_item);
    if (!err && *ret_item >= table->n_functions)
        table->n_functions = (size_t)*ret_item + 1;
    return err;
}

static int find_edge(struct table *table, uint32_t caller, uint32_t callee, uint32_t *ret_edge)
{
    struct function *function = &table->functions[callee];
    const uint64_t *known = strobe_htab_get(&table->edge_of, caller, callee);
    int err;

    if (known) {
        *ret_edge = (uint32_t)*known;
        return 0;
    }
    if (strobe_grow(&table->edges, &table->cap_edges, table->n_edges + 1, sizeof *table->edges))
        return STROBE_ERR_NOMEM;
    err = strobe_htab_put(&table->edge_of, caller, callee, table->n_edges);
    if (err)
        return err;
    *ret_edge = (uint32_t)table->n_edges++;
    table->edges[*ret_edge] = (struct edge){.caller = caller, .next = NONE};
    if (function->first_edge == NONE)
        function->first_edge = *ret_edge;
    else
        table->edges[function->last_edge].next = *ret_edge;
    function->last_edge = *ret_edge;
    return 0;
}

static void enter(struct counts *counts, const struct strobe_view_weight *self, const struct strobe_view_weight *total)
{
    counts->nc += total->samples;
    counts->tt_ns += self->ns;
    if (counts->active++ == 0) {
        counts->cc += total->samples;
        counts->ct_ns += total->ns;
    }
}

/* Walks the tree, keeping count of what is on the stack.  edge_at: by node. */
static int count(struct table *table, const struct strobe_view *view, uint32_t *edge_at)
{
    static const struct strobe_view_weight none;
    uint32_t node = 0, next;

    while ((next = strobe_view_preorder(view, node)) != 0) {
        uint32_t parent = view->tree.nodes[next].parent, function = view->tree.nodes[next].item;
        const struct strobe_view_weight *self;

        for (; node != parent; node = view->tree.nodes[node].parent) { /* these were left */
            table->functions[view->tree.nodes[node].item].counts.active--;
            if (edge_at[node] != NONE)
                table->edges[edge_at[node]].counts.active--;
        }
        node = next;
        edge_at[node] = NONE;
        /* Waiting is nobody's time on a thread: it counts in ct alone. */
        self = strobe_names_get(table->names, function)->line ? &none : &view->self[node];
        enter(&table->functions[function].counts, self, &view->total[node]);
        if (parent) {
            int err = find_edge(table, view->tree.nodes[parent].item, function, &edge_at[node]);

            if (err)
                return err;
            enter(&table->edges[edge_at[node]].counts, self, &view->total[node]);
        }
    }
    return 0;
}

/* ---- marshal (Python/marshal.c); little-endian, types that every version since 3.4 reads ---- */

static void put_le(struct strobe_buf *out, char type, uint64_t value, size_t size)
{
    char bytes[9] = {type};

    for (size_t i = 0; i < size; i++)
        bytes[i + 1] = (char)(value >> (8 * i));
    strobe_buf_put(out, bytes, size + 1);
}

static void put_int(struct strobe_buf *out, uint64_t value)
{
    enum { DIGIT_BITS = 15 };
    int32_t digits = 0;

    if (value <= INT32_MAX) {
        put_le(out, 'i', value, 4);
        return;
    }
    for (uint64_t rest = value; rest; rest >>= DIGIT_BITS)
        digits++;
    put_le(out, 'l', (uint64_t)digits, 4);
    for (; value; value >>= DIGIT_BITS) {
        strobe_buf_putc(out, (char)(value & 0xff));
        strobe_buf_putc(out, (char)(value >> 8 & 0x7f));
    }
}

static void put_seconds(struct strobe_buf *out, uint64_t ns)
{
    double seconds = (double)ns / 1e9;
    uint64_t bits;

    memcpy(&bits, &seconds, sizeof bits); /* IEEE 754 binary64 on every platform that CPython supports */
    put_le(out, 'g', bits, 8);
}

static void put_string(struct strobe_buf *out, const struct strobe_names *names, uint32_t string)
{
    put_le(out, 'u', strobe_names_text_len(names, string), 4);
    strobe_buf_put(out, strobe_names_text(names, string), strobe_names_text_len(names, string));
}

static void put_key(struct strobe_buf *out, const struct strobe_names *names, uint32_t function)
{
    const struct strobe_frame *frame = strobe_names_get(names, function);

    put_le(out, '(', 3, 4);
    put_string(out, names, frame->file);
    put_int(out, (uint32_t)frame->first_line);
    put_string(out, names, frame->name);
}

static void put_function(struct strobe_buf *out, const struct table *table, uint32_t id)
{
    const struct function *function = &table->functions[id];

    put_key(out, table->names, id);
    put_le(out, '(', 5, 4);
    put_int(out, function->counts.cc);
    put_int(out, function->counts.nc);
    put_seconds(out, function->counts.tt_ns);
    put_seconds(out, function->counts.ct_ns);
    strobe_buf_putc(out, '{');
    for (uint32_t i = function->first_edge; i != NONE; i = table->edges[i].next) {
        const struct edge *edge = &table->edges[i];

        put_key(out, table->names, edge->caller);
        put_le(out, '(', 4, 4);
        put_int(out, edge->counts.nc);
        put_int(out, edge->counts.cc);
        put_seconds(out, edge->counts.tt_ns);
        put_seconds(out, edge->counts.ct_ns);
    }
    strobe_buf_putc(out, '0');
}

/* Fills functions and edges. */
static int fill(struct table *table)
{
    struct strobe_view view = {0};
    uint32_t *edge_at = NULL, nothing;
    int err = strobe_view_init(table->profile, function_of, table, &view);

    if (!err && !table->n_functions) { /* pstats refuses an empty dict */
        err = strobe_names_string(table->names, "~", 1, &nothing);
        if (!err)
            err = strobe_names_frame(table->names, &(struct strobe_frame){.file = nothing}, &nothing);
        table->n_functions = 1;
    }
    if (err)
        return err;
    table->functions = malloc(table->n_functions * sizeof *table->functions);
    edge_at = malloc(view.tree.n_nodes * sizeof *edge_at);
    if (table->functions && edge_at) {
        for (size_t i = 0; i < table->n_functions; i++)
            table->functions[i] = (struct function){.first_edge = NONE, .last_edge = NONE};
        err = count(table, &view, edge_at);
    } else {
        err = STROBE_ERR_NOMEM;
    }
    free(edge_at);
    strobe_view_release(&view);
    return err;
}

int strobe_pstats_write(const struct strobe_profile *profile, const struct strobe_sink *sink)
{
    struct strobe_writer writer = {STROBE_BUF_INIT, sink};
    struct table table = {.profile = profile};
    int err = strobe_names_new(&table.names);

    if (err)
        return err;
    err = fill(&table);
    strobe_buf_putc(&writer.buf, '{');
    for (uint32_t i = 0; !err && i < table.n_functions; i++) {
        put_function(&writer.buf, &table, i);
        err = strobe_writer_step(&writer);
    }
    strobe_buf_putc(&writer.buf, '0');
    strobe_names_free(table.names);
    strobe_buf_release(&table.scratch);
    strobe_htab_release(&table.edge_of);
    free(table.functions);
    free(table.edges);
    return strobe_writer_end(&writer, err);
}
