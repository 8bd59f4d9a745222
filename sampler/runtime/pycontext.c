/* SPDX-License-Identifier: Apache-2.0 */
/* pycontext: contextvars.Context (Python/context.c) and the tree in which it keeps its variables (Python/hamt.c).
 *
 * Context -> mapping: root, count -> nodes; the tree of a mapping never changes, a new value makes a new mapping
 *   bitmap node     key, value | NULL, node below | ...   as many pairs as its bitmap has bits
 *   array node      node below or NULL, 32 times
 *   collision node  key, value | ...                      variables whose hashes are the same */
#include "runtime/pycontext.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/pyspan.h"

enum {
    HEAD = 64,            /* of a node, up to its items: 48 at most */
    CONTEXT_SPAN = 128,   /* up to the fields wanted of a Context or a mapping: 56 at most */
    MAX_NAME = 32,        /* of a type; the longest looked for is "_contextvars.Context" */
    FANOUT = 32,          /* 5 bits of the hash a level */
    MAX_ITEMS = 2 * FANOUT, /* words of a node; of a collision node too: among a million variables three of one hash are rare */
    MAX_DEPTH = 8,        /* 32 bits of hash, 5 a level, and a collision node below */
    MAX_NODES = 1 << 17,  /* that are looked at: 500,000 variables; a damaged tree may lead to the same nodes over and over */
};

/* The kinds of nodes, by the names of their types. */
enum kind { BITMAP, ARRAY, COLLISION, KINDS };
static const char *const kind_names[KINDS] = {"hamt_bitmap_node", "hamt_array_node", "hamt_collision_node"};

struct walk {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    strobe_py_item_fn *each;
    void *ctx;
    uint64_t type[KINDS]; /* addresses of the types, as far as met */
    uint64_t vars;        /* still to come */
    unsigned nodes;       /* looked at */
};

/* A node on the way from the root. */
struct node {
    uint64_t item[MAX_ITEMS];
    size_t n, at; /* words there are, words done */
    size_t step;  /* 2: key and value; 1: a node below */
};

/* The start of a type's name, for comparing only: bytes as they are in the target, not made UTF-8. */
static int raw_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, char name[MAX_NAME])
{
    uint64_t text;
    int err = strobe_py_plausible(type) ? strobe_mem_u64(mem, type + lay->ty_name, &text) : STROBE_ERR_OBJECT;

    return err ? err : strobe_mem_cstr(mem, text, name, MAX_NAME);
}

static int node_kind(struct walk *w, uint64_t type, enum kind *ret_kind)
{
    char name[MAX_NAME];
    int err;

    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (type == w->type[kind] && type != 0) {
            *ret_kind = kind;
            return 0;
        }
    }
    err = raw_name(w->mem, w->lay, type, name);
    if (err)
        return err;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (strcmp(name, kind_names[kind]) == 0) {
            w->type[kind] = type;
            *ret_kind = kind;
            return 0;
        }
    }
    return STROBE_ERR_OBJECT;
}

static int read_node(struct walk *w, uint64_t addr, struct node *ret)
{
    const struct strobe_layout *lay = w->lay;
    unsigned char head[HEAD];
    uint64_t type, words, items = addr;
    size_t len = lay->hamt_bitmap_items;
    enum kind kind;
    int err;

    if (!strobe_py_plausible(addr) || len > sizeof head || lay->hamt_bitmap > len - sizeof(uint32_t))
        return STROBE_ERR_OBJECT;
    if (w->nodes++ == MAX_NODES)
        return STROBE_ERR_LIMIT;
    err = strobe_mem_read(w->mem, addr, head, len);
    if (err)
        return err;
    if (!strobe_span_word(head, len, lay->ob_type, &type) || !strobe_span_word(head, len, lay->ob_size, &words))
        return STROBE_ERR_OBJECT;
    err = node_kind(w, type, &kind);
    if (err)
        return err;
    if (kind == ARRAY) {
        items += lay->hamt_array_items;
        words = FANOUT;
    } else if (kind == BITMAP) {
        items += lay->hamt_bitmap_items;
        if (words != 2 * (uint64_t)__builtin_popcount(strobe_span_u32(head, lay->hamt_bitmap)))
            return STROBE_ERR_OBJECT;
    } else {
        items += lay->hamt_collision_items;
        if (words % 2 != 0)
            return STROBE_ERR_OBJECT;
    }
    if (words > MAX_ITEMS)
        return STROBE_ERR_LIMIT;
    err = words ? strobe_mem_read(w->mem, items, ret->item, words * sizeof ret->item[0]) : 0;
    ret->n = words;
    ret->at = 0;
    ret->step = kind == ARRAY ? 1 : 2;
    return err;
}

/* Depth first; a node below is read when it is come to. */
static int walk_tree(struct walk *w, uint64_t root)
{
    struct node path[MAX_DEPTH], *node;
    size_t depth = 1;
    uint64_t key, value;
    int err = read_node(w, root, &path[0]);

    while (!err && depth > 0) {
        node = &path[depth - 1];
        if (node->at == node->n) {
            depth--;
            continue;
        }
        key = node->step == 2 ? node->item[node->at] : 0;
        value = node->item[node->at + node->step - 1];
        node->at += node->step;
        if (value == 0 && node->step == 1)
            continue;
        if (value == 0)
            return STROBE_ERR_OBJECT;
        if (key == 0) {
            if (depth == MAX_DEPTH)
                return STROBE_ERR_OBJECT;
            err = read_node(w, value, &path[depth++]);
        } else {
            if (w->vars-- == 0)
                return STROBE_ERR_OBJECT;
            err = w->each(w->ctx, key, value);
        }
    }
    if (err)
        return err;
    return w->vars == 0 ? 0 : STROBE_ERR_OBJECT;
}

/* "Context" up to 3.9, "_contextvars.Context" since. */
static int check_context(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t context)
{
    char name[MAX_NAME];
    uint64_t type;
    int err = strobe_py_type(mem, lay, context, &type);

    if (!err)
        err = raw_name(mem, lay, type, name);
    if (err)
        return err;
    return strcmp(strobe_py_last_name(name), "Context") == 0 ? 0 : STROBE_ERR_OBJECT;
}

int strobe_py_context_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t context, strobe_py_item_fn *each, void *ctx)
{
    struct walk w = {.mem = mem, .lay = lay, .each = each, .ctx = ctx};
    unsigned char span[CONTEXT_SPAN];
    size_t len = lay->hamt_count + sizeof(uint64_t);
    uint64_t mapping, root;
    int err = check_context(mem, lay, context);

    if (!err)
        err = strobe_mem_u64(mem, context + lay->context_vars, &mapping);
    if (err)
        return err;
    if (!strobe_py_plausible(mapping) || len > sizeof span)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_read(mem, mapping, span, len);
    if (err)
        return err;
    /* That it is such a mapping, the types of its nodes say. */
    if (!strobe_span_word(span, len, lay->hamt_count, &w.vars) || !strobe_span_word(span, len, lay->hamt_root, &root))
        return STROBE_ERR_OBJECT;
    if (w.vars > STROBE_PY_MAX_ITEMS)
        return STROBE_ERR_LIMIT;
    return walk_tree(&w, root);
}

/* --- by name --- */

struct search {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    const char *name;
    uint64_t str_type; /* cache of strobe_pystr_is */
    uint64_t value;
    int err;           /* of the first name that could not be read */
};

enum { FOUND = 1 };

static int search_var(void *ctx, uint64_t var, uint64_t value)
{
    struct search *s = ctx;
    uint64_t name;
    int same = strobe_py_plausible(var) ? strobe_mem_u64(s->mem, var + s->lay->contextvar_name, &name) : STROBE_ERR_OBJECT;

    if (!same)
        same = strobe_pystr_is(s->mem, s->lay, name, &s->str_type, s->name);
    if (same == 1) {
        s->value = value;
        return FOUND;
    }
    /* One that cannot be read might have been the one looked for. */
    if (same < 0 && s->err == 0)
        s->err = same;
    return 0;
}

int strobe_py_context_get(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t context, const char *name,
                          uint64_t *ret_value)
{
    struct search s = {.mem = mem, .lay = lay, .name = name};
    int err = strobe_py_context_each(mem, lay, context, search_var, &s);

    if (err == FOUND) {
        *ret_value = s.value;
        return 0;
    }
    if (err)
        return err;
    return s.err ? s.err : STROBE_ERR_MISSING;
}

int strobe_py_contextvar_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t var, char *name, size_t size)
{
    uint64_t text;
    int err = strobe_py_plausible(var) ? strobe_mem_u64(mem, var + lay->contextvar_name, &text) : STROBE_ERR_OBJECT;

    return err ? err : strobe_pystr_copy(mem, lay, text, NULL, name, size);
}

static void put_type(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t value, struct strobe_buf *out)
{
    char name[STROBE_CONTEXT_TEXT] = "?";
    uint64_t type;

    if (!strobe_py_type(mem, lay, value, &type) && strobe_py_type_name(mem, lay, type, name, sizeof name))
        strcpy(name, "?");
    strobe_buf_printf(out, "<%s>", strobe_py_last_name(name));
}

/* Cuts what was appended behind `start`, not inside of a character. */
static void cut(struct strobe_buf *text, size_t start)
{
    size_t end = start + STROBE_CONTEXT_TEXT;

    if (text->failed || text->len <= end)
        return;
    while (end > start && ((unsigned char)text->data[end] & 0xc0) == 0x80)
        end--;
    text->len = end;
    text->data[end] = '\0';
    strobe_buf_puts(text, "...");
}

void strobe_py_context_text(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t value, bool stable, struct strobe_buf *out)
{
    size_t start = out->len;
    enum strobe_py_kind kind;
    int64_t number;

    if (strobe_py_kind(mem, lay, value, &kind))
        kind = STROBE_PY_OTHER;
    if (kind == STROBE_PY_INT && !strobe_py_int(mem, lay, value, &number))
        strobe_buf_printf(out, "%" PRId64, number);
    else if (kind == STROBE_PY_STR && !strobe_py_str(mem, lay, value, out))
        ;
    else if (kind == STROBE_PY_NONE || kind == STROBE_PY_BOOL || !stable)
        strobe_py_repr(mem, lay, value, STROBE_CONTEXT_TEXT, out);
    else
        put_type(mem, lay, value, out);
    cut(out, start);
}
