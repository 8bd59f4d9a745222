/* SPDX-License-Identifier: Apache-2.0 */
/* The bytecode is read once (sitecode.c) and followed by callsim.c; what is wanted of its result is turned into names here. */
#include "runtime/callsite.h"

#include "runtime/pyspan.h"
#include "runtime/siteparts.h"

enum {
    MAX_CHAIN = 32, /* links of an access path */
    MAX_NAME = 256, /* bytes; longer ones do not fit anyway */
};

/* Name number n of a tuple of the code object; *n is counted down by the tuple's length when it is not in it. */
static int tuple_name(struct strobe_site_code *site, uint32_t off, uint64_t *n, char name[MAX_NAME])
{
    uint64_t tuple, items, len, str;
    int err;

    if (!strobe_span_word(site->object, site->object_len, off, &tuple))
        return STROBE_ERR_OBJECT;
    err = strobe_pyitems_open(site->mem, site->lay, tuple, &items, &len);
    if (err)
        return err;
    if (*n >= len) {
        *n -= len;
        return STROBE_ERR_MISSING;
    }
    err = strobe_mem_u64(site->mem, items + *n * sizeof str, &str);
    return err ? err : strobe_pystr_copy(site->mem, site->lay, str, &site->str_type, name, MAX_NAME);
}

/* The name of a local; slot: as counted by the instruction, then its index in localsplus. */
static int local_name(struct strobe_site_code *site, enum strobe_value_kind kind, uint32_t *slot, char name[MAX_NAME])
{
    const struct strobe_layout *lay = site->lay;
    uint64_t n = *slot;
    int err;

    if (lay->co_localsplusnames != STROBE_NONE)
        return tuple_name(site, lay->co_localsplusnames, &n, name);
    if (kind == STROBE_VALUE_LOCAL || !site->opcodes->cells_apart)
        return tuple_name(site, lay->co_varnames, &n, name);
    err = tuple_name(site, lay->co_cellvars, &n, name);
    if (err == STROBE_ERR_MISSING)
        err = tuple_name(site, lay->co_freevars, &n, name);
    if (!err && lay->co_nlocals <= site->object_len - sizeof(uint32_t))
        *slot += strobe_span_u32(site->object, lay->co_nlocals);
    return err;
}

/* Copies or appends; a name that does not fit is no name. */
static int put_text(char *to, size_t size, const char *text)
{
    size_t have = strlen(to), len = strlen(text);

    if (len >= size - have)
        return STROBE_ERR_LIMIT;
    memcpy(to + have, text, len + 1);
    return 0;
}

int strobe_site_put_name(struct strobe_site_code *site, char *to, size_t size, uint32_t index)
{
    char name[MAX_NAME];
    uint64_t n = index;
    int err = tuple_name(site, site->lay->co_names, &n, name);

    return err ? err : put_text(to, size, name);
}

static int put_base(struct strobe_site_code *site, const struct strobe_value *value, struct strobe_site *ret)
{
    char name[MAX_NAME] = "super";
    uint64_t n = value->arg;
    int err = 0;

    ret->slot = UINT32_MAX;
    if (value->kind == STROBE_VALUE_LOCAL || value->kind == STROBE_VALUE_DEREF) {
        ret->base = value->kind == STROBE_VALUE_LOCAL ? STROBE_SITE_LOCAL : STROBE_SITE_DEREF;
        ret->slot = value->arg;
        err = local_name(site, value->kind, &ret->slot, name);
    } else if (value->kind == STROBE_VALUE_GLOBAL) {
        ret->base = STROBE_SITE_GLOBAL;
        err = tuple_name(site, site->lay->co_names, &n, name);
    } else if (value->kind == STROBE_VALUE_SUPER) {
        ret->base = STROBE_SITE_CALL;
    } else {
        return STROBE_ERR_MISSING;
    }
    if (!err && (name[0] == '.' || !name[0])) /* made by the compiler, as the ".0" of a comprehension */
        err = STROBE_ERR_MISSING;
    return err ? err : put_text(ret->base_name, sizeof ret->base_name, name);
}

static int put_link(struct strobe_site_code *site, const struct strobe_value *value, struct strobe_site *ret)
{
    int err = 0;

    switch (value->kind) {
    case STROBE_VALUE_ATTR:
        if (ret->path[0])
            err = put_text(ret->path, sizeof ret->path, ".");
        return err ? err : strobe_site_put_name(site, ret->path, sizeof ret->path, value->arg);
    case STROBE_VALUE_SUBSCRIPT:
        return put_text(ret->path, sizeof ret->path, "[...]");
    case STROBE_VALUE_CALL:
        return put_text(ret->path, sizeof ret->path, "()");
    default:
        return STROBE_ERR_MISSING;
    }
}

int strobe_site_put_path(struct strobe_site_code *site, uint32_t id, struct strobe_site *ret)
{
    const struct strobe_value *chain[MAX_CHAIN], *value = strobe_callsim_value(site->sim, id);
    size_t n = 0;
    int err;

    while (value->of && n < MAX_CHAIN) {
        chain[n++] = value;
        value = strobe_callsim_value(site->sim, value->of);
    }
    err = value->of ? STROBE_ERR_MISSING : put_base(site, value, ret);
    if (!err && n && chain[n - 1]->kind == STROBE_VALUE_CALL) {
        ret->base = STROBE_SITE_CALL;
        ret->slot = UINT32_MAX;
        n--;
    }
    while (!err && n)
        err = put_link(site, chain[--n], ret);
    return err;
}

/* Which method of a context manager a value is, or was given by: ENTER, EXIT or NONE. */
static const struct strobe_value *find_special(const struct strobe_callsim *sim, uint32_t id)
{
    const struct strobe_value *value = strobe_callsim_value(sim, id);

    if (value->kind == STROBE_VALUE_CALL)
        value = strobe_callsim_value(sim, value->of);
    return value;
}

static int describe(struct strobe_site_code *site, uint32_t id, struct strobe_site *ret)
{
    const struct strobe_value *value = strobe_callsim_value(site->sim, id), *inner = find_special(site->sim, id);
    int err = 0;

    if (inner->kind == STROBE_VALUE_ENTER || (inner->kind == STROBE_VALUE_EXIT && inner != value)) {
        ret->role = inner->kind == STROBE_VALUE_ENTER ? STROBE_SITE_ENTER : STROBE_SITE_EXIT;
        id = inner->of;
    } else if (value->kind == STROBE_VALUE_ANEXT) {
        ret->role = STROBE_SITE_FOR;
        id = strobe_callsim_value(site->sim, value->of)->of;
    } else if (value->kind == STROBE_VALUE_CALL && inner->kind == STROBE_VALUE_ATTR) {
        err = strobe_site_put_name(site, ret->method, sizeof ret->method, inner->arg);
        id = inner->of;
    }
    return err ? err : strobe_site_put_path(site, id, ret);
}

/* The instruction that awaits: it itself, or what suspends it directly behind (3.11+: YIELD_VALUE, RESUME), or in front of it
 * (up to 3.10 a suspended frame is about to run it once more). */
static int find_await(const struct strobe_site_code *site, int64_t instr, size_t *ret_index)
{
    const struct strobe_op *op;
    size_t index;
    int err = strobe_callsim_at(site->sim, instr, &index);

    if (err)
        return err;
    op = strobe_callsim_op(site->sim, index);
    if (op->kind == STROBE_OP_RESUME && index)
        op = strobe_callsim_op(site->sim, --index);
    if (op->kind == STROBE_OP_YIELD && index)
        op = strobe_callsim_op(site->sim, --index);
    else if (op->kind != STROBE_OP_SEND && site->opcodes->cells_apart)
        op = strobe_callsim_op(site->sim, ++index);
    if (!op || op->kind != STROBE_OP_SEND)
        return STROBE_ERR_MISSING;
    *ret_index = index;
    return 0;
}

/* The place of an await, and the value that is awaited. */
static int open_await(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr,
                      struct strobe_site_code *site, uint32_t *ret_id)
{
    const uint32_t *stack;
    size_t index, n, popped;
    int err = strobe_site_open(mem, lay, code, site);

    if (!err)
        err = find_await(site, instr, &index);
    if (!err)
        err = strobe_callsim_stack(site->sim, index, &stack, &n);
    if (err)
        return err;
    popped = strobe_callsim_op(site->sim, index)->pop.fixed;
    if (!popped || popped > n)
        return STROBE_ERR_MISSING;
    *ret_id = stack[n - popped];
    return 0;
}

int strobe_site_find(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr,
                     struct strobe_site *ret_site)
{
    struct strobe_site found = {.role = STROBE_SITE_AWAIT, .slot = UINT32_MAX, .stack = UINT32_MAX};
    struct strobe_site_code site;
    uint32_t id;
    int err = open_await(mem, lay, code, instr, &site, &id);

    if (!err)
        err = describe(&site, id, &found);
    if (!err)
        *ret_site = found;
    strobe_site_close(&site);
    return err;
}

int strobe_site_arguments(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr,
                          struct strobe_site *ret_sites, size_t max, size_t *ret_n)
{
    struct strobe_site found[STROBE_SITE_MAX_ARGUMENTS];
    struct strobe_site_code site;
    size_t n = 0;
    uint32_t id;
    int err = open_await(mem, lay, code, instr, &site, &id);

    for (int depth = 0; !err && depth < STROBE_SITE_MAX_ARGUMENTS && n < max; depth++) {
        const struct strobe_value *value = strobe_callsim_value(site.sim, id);

        if (value->kind != STROBE_VALUE_CALL || !value->arg)
            break;
        id = value->arg;
        found[n] = (struct strobe_site){.role = STROBE_SITE_AWAIT, .slot = UINT32_MAX, .stack = UINT32_MAX};
        err = describe(&site, id, &found[n]);
        n += !err;
        if (err == STROBE_ERR_MISSING || err == STROBE_ERR_LIMIT)
            err = 0;
    }
    if (!err) {
        *ret_n = n;
        memcpy(ret_sites, found, n * sizeof *found);
    }
    strobe_site_close(&site);
    return err;
}

/* The `async with`s on a stack; each goes to found, STROBE_SITE_MAX_HELD at most. */
static int find_held(struct strobe_site_code *site, const uint32_t *stack, size_t depth, struct strobe_site *found, size_t *ret_n)
{
    enum strobe_site_role role = STROBE_SITE_BODY;
    uint32_t called = 0; /* exit function whose result lies on the stack */
    size_t n = 0;

    for (size_t i = depth; i-- > 0 && n < STROBE_SITE_MAX_HELD;) {
        const struct strobe_value *value = strobe_callsim_value(site->sim, stack[i]), *inner = find_special(site->sim, stack[i]);
        struct strobe_site blank = {.slot = UINT32_MAX, .stack = (uint32_t)i};
        int err;

        if (inner->kind == STROBE_VALUE_ENTER)
            role = STROBE_SITE_ENTER;
        else if (inner->kind == STROBE_VALUE_EXIT && inner != value)
            called = value->of;
        if (value->kind != STROBE_VALUE_EXIT || (i > 0 && stack[i - 1] == stack[i])) /* from 3.14 it lies there twice */
            continue;
        blank.role = called == stack[i] ? STROBE_SITE_EXIT : role;
        found[n] = blank;
        err = strobe_site_put_path(site, value->of, &found[n]);
        if (err == STROBE_ERR_MISSING || err == STROBE_ERR_LIMIT)
            found[n] = blank;
        else if (err)
            return err;
        role = STROBE_SITE_BODY;
        n++;
    }
    *ret_n = n;
    return 0;
}

int strobe_site_enclosing(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr,
                          struct strobe_site *ret_sites, size_t max, size_t *ret_n)
{
    struct strobe_site found[STROBE_SITE_MAX_HELD];
    size_t index, depth, n = 0;
    const uint32_t *stack;
    struct strobe_site_code site;
    int err = strobe_site_open(mem, lay, code, &site);

    if (!err)
        err = strobe_callsim_at(site.sim, instr, &index);
    if (!err)
        err = strobe_callsim_stack(site.sim, index, &stack, &depth);
    if (!err)
        err = find_held(&site, stack, depth, found, &n);
    if (!err) {
        *ret_n = n < max ? n : max;
        memcpy(ret_sites, found, *ret_n * sizeof *found);
    }
    strobe_site_close(&site);
    return err;
}
