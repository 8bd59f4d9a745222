/* SPDX-License-Identifier: Apache-2.0 */
/* pylocals: the local variables of a frame: fast locals, cells, and the dict of a module's or a class body's frame.
 *
 * 3.8 - 3.10  f_localsplus: one slot a name of co_varnames, then co_cellvars, then co_freevars
 * 3.11+       localsplus:   one slot a name of co_localsplusnames, what it is in co_localspluskinds */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

enum {
    MAX_LOCALS = 1024, /* slots of one frame; more are left out (generated code, not written by people) */
    MAX_NAMES = 3,     /* tuples of names */
};

/* co_flags: Include/cpython/code.h. */
enum { CO_OPTIMIZED = 0x1, CO_VARARGS = 0x4, CO_VARKEYWORDS = 0x8 };
/* co_localspluskinds: Include/internal/pycore_code.h. */
enum { FAST_CELL = 0x40, FAST_FREE = 0x80 };

struct slots {
    size_t n, n_args;
    bool optimized;               /* a function: everything is in the slots */
    uint64_t value[MAX_LOCALS];   /* object address, 0 = unbound */
    uint64_t name[MAX_LOCALS];    /* address of a str */
    unsigned char kind[MAX_LOCALS];
    bool arg[MAX_LOCALS];
    unsigned char code[STROBE_MAX_CO_SIZE];
    size_t code_len;
};

static int code_int(const struct slots *s, uint32_t off, uint32_t *ret)
{
    if (off > s->code_len - sizeof *ret)
        return STROBE_ERR_OBJECT;
    *ret = strobe_span_u32(s->code, off);
    return 0;
}

/* Appends the names of a tuple of the code object. */
static int add_names(struct strobe_mem *mem, const struct strobe_layout *lay, struct slots *s, uint32_t off, unsigned char kind)
{
    uint64_t tuple;
    size_t n, room = MAX_LOCALS - s->n;
    int err;

    if (!strobe_span_word(s->code, s->code_len, off, &tuple))
        return STROBE_ERR_OBJECT;
    err = strobe_py_items(mem, lay, tuple, s->name + s->n, room, &n);
    if (err)
        return err;
    n = n < room ? n : room;
    memset(s->kind + s->n, kind, n);
    s->n += n;
    return 0;
}

static int read_kinds(struct strobe_mem *mem, const struct strobe_layout *lay, struct slots *s)
{
    struct strobe_buf kinds = STROBE_BUF_INIT;
    uint64_t obj;
    int err;

    if (!strobe_span_word(s->code, s->code_len, lay->co_localspluskinds, &obj))
        return STROBE_ERR_OBJECT;
    err = strobe_py_bytes(mem, lay, obj, STROBE_PY_MAX_ITEMS, &kinds);
    if (!err)
        memcpy(s->kind, strobe_buf_str(&kinds), kinds.len < s->n ? kinds.len : s->n);
    strobe_buf_release(&kinds);
    return err;
}

static int read_code(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, struct slots *s)
{
    uint32_t flags, args, kwonly;
    int err;

    s->n = 0;
    s->code_len = lay->co_size;
    if (!strobe_py_plausible(code) || s->code_len > sizeof s->code || s->code_len < sizeof(uint64_t))
        return STROBE_ERR_OBJECT;
    err = strobe_mem_read(mem, code, s->code, s->code_len);
    if (!err)
        err = code_int(s, lay->co_flags, &flags);
    if (!err)
        err = code_int(s, lay->co_argcount, &args);
    if (!err)
        err = code_int(s, lay->co_kwonlyargcount, &kwonly);
    if (err)
        return err;
    if (lay->co_localsplusnames != STROBE_NONE) {
        err = add_names(mem, lay, s, lay->co_localsplusnames, 0);
        if (!err)
            err = read_kinds(mem, lay, s);
    } else {
        err = add_names(mem, lay, s, lay->co_varnames, 0);
        if (!err)
            err = add_names(mem, lay, s, lay->co_cellvars, FAST_CELL);
        if (!err)
            err = add_names(mem, lay, s, lay->co_freevars, FAST_FREE);
    }
    if (err)
        return err;
    if (args > MAX_LOCALS || kwonly > MAX_LOCALS)
        return STROBE_ERR_OBJECT;
    s->n_args = args + kwonly + !!(flags & CO_VARARGS) + !!(flags & CO_VARKEYWORDS);
    s->n_args = s->n_args < s->n ? s->n_args : s->n;
    s->optimized = flags & CO_OPTIMIZED;
    return 0;
}

/* Up to 3.10 an argument that inner functions use has an empty slot of its own and a cell of the same name: the
 * names are interned, so their addresses tell. */
static void mark_args(struct slots *s)
{
    for (size_t i = 0; i < s->n; i++) {
        s->arg[i] = i < s->n_args;
        for (size_t k = 0; k < s->n_args && s->kind[i] & FAST_CELL && !s->arg[i]; k++)
            s->arg[i] = s->name[k] == s->name[i];
    }
}

/* The value in a slot's word: tags taken off, a cell looked through. */
static int value_of(struct strobe_mem *mem, const struct strobe_layout *lay, bool cell, uint64_t *value)
{
    enum strobe_py_kind kind = STROBE_PY_OTHER;
    int err;

    *value = strobe_py_untag(lay, *value);
    if (*value == 0 || !cell)
        return 0;
    /* An argument holds the bare value until MAKE_CELL ran: hence the look at the type. */
    err = strobe_py_kind(mem, lay, *value, &kind);
    if (!err && kind == STROBE_PY_CELL)
        err = strobe_mem_u64(mem, *value + lay->cell_ref, value);
    return err == STROBE_ERR_OBJECT ? 0 : err;
}

static int read_values(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t frame, struct slots *s)
{
    int err = s->n ? strobe_mem_read(mem, frame + lay->fr_localsplus, s->value, s->n * sizeof s->value[0]) : 0;

    for (size_t i = 0; !err && i < s->n; i++)
        err = value_of(mem, lay, s->kind[i] & (FAST_CELL | FAST_FREE), &s->value[i]);
    return err;
}

struct dict_locals {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    strobe_local_fn *each;
    void *ctx;
    uint64_t str_type;
};

static int each_dict_local(void *ctx, uint64_t key, uint64_t value)
{
    struct dict_locals *d = ctx;
    struct strobe_local local = {.value = value, .slot = -1};

    /* Keys that are no str are not names. */
    if (strobe_pystr_copy(d->mem, d->lay, key, &d->str_type, local.name, sizeof local.name) != 0)
        return 0;
    return d->each(d->ctx, &local);
}

/* Is the frame still one of this code object? */
static int check_frame(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t frame, uint64_t code)
{
    uint64_t word;
    int err;

    if (!strobe_py_plausible(frame))
        return STROBE_ERR_OBJECT;
    err = strobe_mem_u64(mem, frame + lay->fr_code, &word);
    if (err)
        return err;
    return (word & ~(uint64_t)lay->pointer_mask_low) == code ? 0 : STROBE_ERR_TORN;
}

int strobe_py_locals(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t frame, uint64_t code, strobe_local_fn *each,
                     void *ctx)
{
    struct dict_locals names = {mem, lay, each, ctx, 0};
    struct strobe_local local;
    struct slots s;
    uint64_t dict = 0;
    int err = check_frame(mem, lay, frame, code);

    if (!err)
        err = read_code(mem, lay, code, &s);
    if (!err)
        err = read_values(mem, lay, frame, &s);
    if (err)
        return err;
    mark_args(&s);
    for (int args = 1; args >= 0; args--) {
        for (size_t i = 0; i < s.n; i++) {
            /* The cells of a class body are the compiler's (__class__), not its names. */
            if (s.value[i] == 0 || s.arg[i] != args || (!s.optimized && s.kind[i] & (FAST_CELL | FAST_FREE)))
                continue;
            local.value = s.value[i];
            local.is_arg = args;
            local.slot = (int32_t)i;
            local.cell = s.kind[i] & (FAST_CELL | FAST_FREE);
            err = strobe_pystr_copy(mem, lay, s.name[i], &names.str_type, local.name, sizeof local.name);
            if (!err)
                err = each(ctx, &local);
            if (err)
                return err;
        }
    }
    if (s.optimized || lay->fr_locals == STROBE_NONE)
        return 0;
    err = strobe_mem_u64(mem, frame + lay->fr_locals, &dict);
    if (err || dict == 0)
        return err;
    return strobe_py_dict_each(mem, lay, dict, each_dict_local, &names);
}

int strobe_py_local_at(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t frame, uint64_t code, uint32_t slot, bool cell,
                       uint64_t *ret)
{
    uint64_t value;
    int err = slot < MAX_LOCALS ? check_frame(mem, lay, frame, code) : STROBE_ERR_LIMIT;

    if (!err)
        err = strobe_mem_u64(mem, frame + lay->fr_localsplus + 8 * (uint64_t)slot, &value);
    if (!err)
        err = value_of(mem, lay, cell, &value);
    if (!err)
        *ret = value;
    return err;
}

int strobe_py_stack_pair(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t frame, uint64_t code, uint32_t index,
                         uint64_t ret[2])
{
    uint64_t base = frame + lay->fr_localsplus, words[2];
    uint32_t n_locals;
    int err = check_frame(mem, lay, frame, code);

    if (!err && lay->fr_valuestack != STROBE_NONE) {
        err = strobe_mem_u64(mem, frame + lay->fr_valuestack, &base);
    } else if (!err) {
        err = strobe_mem_u32(mem, code + lay->co_nlocalsplus, &n_locals);
        base += err ? 0 : 8 * (uint64_t)n_locals;
    }
    if (!err)
        err = strobe_mem_read(mem, base + 8 * (uint64_t)index, words, sizeof words);
    for (int i = 0; !err && i < 2; i++)
        ret[i] = strobe_py_untag(lay, words[i]);
    return err;
}

int strobe_py_free_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, size_t index, uint64_t *ret_name)
{
    struct slots s;
    int err = read_code(mem, lay, code, &s);

    for (size_t i = 0; !err && i < s.n; i++)
        if (s.kind[i] & FAST_FREE && index-- == 0) {
            *ret_name = s.name[i];
            return 0;
        }
    return err ? err : STROBE_ERR_MISSING;
}
