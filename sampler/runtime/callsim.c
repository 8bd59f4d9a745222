/* SPDX-License-Identifier: Apache-2.0 */
/* The stack is known at the start of every piece of straight code (the start, targets of jumps and of exceptions).  A piece is
 * run; where it leads, its stack is merged into the one known there, and when that lost a name the piece there is run again.
 * Names are only ever lost, so this ends.
 *
 * The id of a value is made from the instruction that pushes it (two at most have names), so that running one again gives the
 * same ids. */
#include "runtime/callsim.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/instrs.h"

enum {
    MAX_DEPTH = 4096,      /* values on the stack; only calls and displays with that many items come near */
    MAX_CELLS = 1 << 20,   /* values of all known stacks together */
    MAX_WORK = 1 << 24,    /* instructions run plus values copied: 30 ms */
    NO_STACK = -1,
};

struct piece { /* what is known before one instruction */
    int32_t depth;  /* NO_STACK = nothing yet */
    uint32_t cells; /* index of its first value in cells */
    bool start;     /* of a piece */
    bool queued;
};

struct strobe_callsim {
    struct strobe_instrs instrs;
    struct piece *pieces; /* one an instruction */
    struct strobe_value *values; /* two an instruction, ids from 2 on */
    uint32_t *queue;      /* instructions whose pieces are to be run */
    size_t n_queue;
    uint32_t *cells;
    size_t n_cells, cap_cells;
    size_t work;
    size_t depth;
    uint32_t stack[MAX_DEPTH];
};

static const struct strobe_value nothing;

const struct strobe_value *strobe_callsim_value(const struct strobe_callsim *sim, uint32_t id)
{
    return id >= 2 && id / 2 <= sim->instrs.n ? &sim->values[id] : &nothing;
}

static uint32_t make_value(struct strobe_callsim *sim, size_t index, unsigned which, struct strobe_value value)
{
    uint32_t id = (uint32_t)(2 * (index + 1) + which);

    sim->values[id] = value;
    return id;
}

/* Values that mean something only of something known. */
static uint32_t make_of(struct strobe_callsim *sim, size_t index, enum strobe_value_kind kind, uint32_t arg, uint32_t of)
{
    return of ? make_value(sim, index, 0, (struct strobe_value){kind, arg, of}) : 0;
}

static int spend(struct strobe_callsim *sim, size_t work)
{
    sim->work += work;
    return sim->work > MAX_WORK ? STROBE_ERR_LIMIT : 0;
}

/* The stack so far, its lowest n values, arrives before instruction `to`. */
static int merge(struct strobe_callsim *sim, size_t to, const uint32_t *stack, size_t n)
{
    struct piece *piece = &sim->pieces[to];
    bool changed = piece->depth == NO_STACK;
    int err = spend(sim, n + 1);

    if (err)
        return err;
    if (changed) {
        if (sim->n_cells + n > MAX_CELLS)
            return STROBE_ERR_LIMIT;
        err = strobe_grow(&sim->cells, &sim->cap_cells, sim->n_cells + n + 1, sizeof *sim->cells);
        if (err)
            return err;
        piece->depth = (int32_t)n;
        piece->cells = (uint32_t)sim->n_cells;
        memcpy(sim->cells + sim->n_cells, stack, n * sizeof *stack);
        sim->n_cells += n;
    } else if (piece->depth != (int32_t)n) {
        return STROBE_ERR_MISSING;
    }
    for (size_t i = 0; i < n && piece->depth != NO_STACK; i++) {
        uint32_t *cell = &sim->cells[piece->cells + i];

        if (*cell != stack[i] && *cell) {
            *cell = 0;
            changed = true;
        }
    }
    if (changed && !piece->queued) {
        piece->queued = true;
        sim->queue[sim->n_queue++] = (uint32_t)to;
    }
    return 0;
}

static size_t count(struct strobe_op_count c, uint32_t arg)
{
    uint64_t n = (uint64_t)c.fixed + (uint64_t)c.times * arg + (unsigned)__builtin_popcount(c.bits & arg);

    return n > MAX_DEPTH ? MAX_DEPTH + 1 : (size_t)n;
}

/* Instructions that move values about. */
static int move(struct strobe_callsim *sim, const struct strobe_instr *instr)
{
    uint32_t *stack = sim->stack, n = instr->op->at ? instr->op->at : instr->arg, top;

    if (instr->op->kind == STROBE_OP_DUP_TWO)
        n = 2;
    if (n == 0 || n > sim->depth || sim->depth + 2 > MAX_DEPTH)
        return STROBE_ERR_MISSING;
    top = stack[sim->depth - 1];
    switch (instr->op->kind) {
    case STROBE_OP_COPY:
        stack[sim->depth] = stack[sim->depth - n];
        sim->depth++;
        break;
    case STROBE_OP_DUP_TWO:
        memcpy(stack + sim->depth, stack + sim->depth - 2, 2 * sizeof *stack);
        sim->depth += 2;
        break;
    case STROBE_OP_SWAP:
        stack[sim->depth - 1] = stack[sim->depth - n];
        stack[sim->depth - n] = top;
        break;
    default:
        memmove(stack + sim->depth - n + 1, stack + sim->depth - n, (n - 1) * sizeof *stack);
        stack[sim->depth - n] = top;
    }
    return 0;
}

/* What the lowest two values pushed are, given the n popped ones. */
static void name_pushed(struct strobe_callsim *sim, size_t index, const uint32_t *popped, size_t n, size_t n_pushed, uint32_t out[2])
{
    const struct strobe_instr *instr = &sim->instrs.at[index];
    const struct strobe_op *op = instr->op;
    uint32_t arg = instr->arg, of = n ? popped[0] : 0;

    switch ((enum strobe_op_kind)op->kind) {
    case STROBE_OP_LOCAL:
        out[0] = make_value(sim, index, 0, (struct strobe_value){STROBE_VALUE_LOCAL, arg, 0});
        break;
    case STROBE_OP_LOCAL_TWO:
        out[0] = make_value(sim, index, 0, (struct strobe_value){STROBE_VALUE_LOCAL, arg >> 4, 0});
        out[1] = make_value(sim, index, 1, (struct strobe_value){STROBE_VALUE_LOCAL, arg & 15, 0});
        break;
    case STROBE_OP_STORE_LOCAL:
        out[0] = make_value(sim, index, 0, (struct strobe_value){STROBE_VALUE_LOCAL, arg & 15, 0});
        break;
    case STROBE_OP_DEREF:
        out[0] = make_value(sim, index, 0, (struct strobe_value){STROBE_VALUE_DEREF, arg, 0});
        break;
    case STROBE_OP_GLOBAL:
        out[n_pushed > 1 && op->at] = make_value(sim, index, 0, (struct strobe_value){STROBE_VALUE_GLOBAL, arg >> op->shift, 0});
        break;
    case STROBE_OP_SUPER:
        of = make_value(sim, index, 1, (struct strobe_value){STROBE_VALUE_SUPER, 0, 0});
        /* fallthrough */
    case STROBE_OP_ATTR: /* a method comes with its self or nothing, above or below: both places mean it */
        out[0] = out[1] = make_of(sim, index, STROBE_VALUE_ATTR, arg >> op->shift, of);
        break;
    case STROBE_OP_BINARY:
        out[0] = arg == op->at ? make_of(sim, index, STROBE_VALUE_SUBSCRIPT, 0, of) : 0;
        break;
    case STROBE_OP_SUBSCRIPT:
        out[0] = make_of(sim, index, STROBE_VALUE_SUBSCRIPT, 0, of);
        break;
    case STROBE_OP_CALL:
        out[0] = make_of(sim, index, STROBE_VALUE_CALL, op->pop.times && n > op->at && arg ? popped[op->at] : 0,
                         of || op->at < 2 || n < 2 ? of : popped[1]);
        break;
    case STROBE_OP_KEEP:
    case STROBE_OP_SEND:
        out[0] = of;
        break;
    case STROBE_OP_AITER:
        out[0] = make_of(sim, index, STROBE_VALUE_AITER, 0, of);
        break;
    case STROBE_OP_ANEXT:
        out[0] = of;
        out[1] = make_of(sim, index, STROBE_VALUE_ANEXT, 0, of);
        break;
    case STROBE_OP_ASYNC_WITH:
        out[0] = make_value(sim, index, 0, (struct strobe_value){STROBE_VALUE_EXIT, 0, of});
        out[1] = make_value(sim, index, 1, (struct strobe_value){STROBE_VALUE_ENTER, 0, of});
        break;
    case STROBE_OP_SPECIAL:
        if (arg == op->at || arg == op->at + 1u)
            out[0] = out[1] = make_value(sim, index, 0, (struct strobe_value){
                                             arg == op->at ? STROBE_VALUE_ENTER : STROBE_VALUE_EXIT, 0, of});
        else if (arg + 2 == op->at)
            out[0] = make_of(sim, index, STROBE_VALUE_WITH, 0, of);
        break;
    default:
        break;
    }
}

/* The exit function that lies deep in the stack is called; the result is on top.  3.8 takes it off the stack, and leaves an
 * exception there besides. */
static int call_exit(struct strobe_callsim *sim, size_t index, size_t n_pushed, uint32_t out[2])
{
    size_t at = sim->instrs.at[index].op->at;

    if (at > sim->depth)
        return STROBE_ERR_MISSING;
    out[n_pushed > 1] = make_of(sim, index, STROBE_VALUE_CALL, 0, sim->stack[sim->depth - at]);
    if (n_pushed > 1)
        sim->stack[sim->depth - at] = 0;
    return 0;
}

/* One instruction.  ret_jump: index it may jump to; the stack there is the lowest *ret_depth values. */
static int run(struct strobe_callsim *sim, size_t index, size_t *ret_jump, size_t *ret_depth)
{
    const struct strobe_instr *instr = &sim->instrs.at[index];
    const struct strobe_op *op = instr->op;
    size_t popped = count(op->pop, instr->arg), pushed = count(op->push, instr->arg), base, most;
    uint32_t out[2] = {0, 0};
    int err = strobe_instrs_jump(&sim->instrs, index, ret_jump);

    if (op->kind == STROBE_OP_UNPACK_EX)
        pushed = 1 + (instr->arg & 0xff) + (size_t)(instr->arg >> 8);
    most = pushed > op->push_jump ? pushed : op->push_jump;
    if (err || popped > sim->depth || most > MAX_DEPTH - (sim->depth - popped))
        return STROBE_ERR_MISSING;
    if (op->kind >= STROBE_OP_COPY && op->kind <= STROBE_OP_DUP_TWO)
        return move(sim, instr);
    base = sim->depth - popped;
    if (op->kind == STROBE_OP_EXCEPT_START)
        err = call_exit(sim, index, pushed, out);
    else
        name_pushed(sim, index, sim->stack + base, popped, pushed, out);
    for (size_t i = 0; i < most; i++)
        sim->stack[base + i] = i < 2 ? out[i] : 0;
    sim->depth = base + pushed;
    *ret_depth = base + op->push_jump;
    return err;
}

/* The stack of a handler whose range the piece has entered: the lowest values, then what the exception is. */
static int enter_handler(struct strobe_callsim *sim, const struct strobe_handler *handler)
{
    uint32_t saved[2];
    size_t target, keep = handler->depth, more = handler->lasti ? 2 : 1;
    int err = strobe_instrs_target(&sim->instrs, handler->target, &target);

    if (err || target == STROBE_INSTRS_NONE)
        return err;
    if (keep > sim->depth || keep + more > MAX_DEPTH)
        return STROBE_ERR_MISSING;
    memcpy(saved, sim->stack + keep, more * sizeof *saved);
    memset(sim->stack + keep, 0, more * sizeof *saved);
    err = merge(sim, target, sim->stack, keep + more);
    memcpy(sim->stack + keep, saved, more * sizeof *saved);
    return err;
}

static void load_stack(struct strobe_callsim *sim, size_t index)
{
    const struct piece *piece = &sim->pieces[index];

    sim->depth = (size_t)piece->depth;
    if (sim->depth)
        memcpy(sim->stack, sim->cells + piece->cells, sim->depth * sizeof *sim->stack);
}

static int run_piece(struct strobe_callsim *sim, size_t index)
{
    const struct strobe_handler *before = NULL, *handler;
    size_t jump, depth;
    int err = spend(sim, (size_t)sim->pieces[index].depth);

    load_stack(sim, index);
    for (; !err; index++) {
        handler = strobe_instrs_handler(&sim->instrs, index);
        if (handler && handler != before)
            err = enter_handler(sim, handler);
        before = handler;
        if (!err)
            err = spend(sim, 1);
        if (!err)
            err = run(sim, index, &jump, &depth);
        if (!err && jump != STROBE_INSTRS_NONE)
            err = merge(sim, jump, sim->stack, depth);
        if (err || !strobe_instrs_falls(&sim->instrs, index) || index + 1 == sim->instrs.n)
            return err;
        if (sim->pieces[index + 1].start)
            return merge(sim, index + 1, sim->stack, sim->depth);
    }
    return err;
}

/* Marks where pieces start. */
static int mark_pieces(struct strobe_callsim *sim)
{
    size_t to;
    int err = 0;

    for (size_t i = 0; i < sim->instrs.n && !err; i++) {
        sim->pieces[i].depth = NO_STACK;
        err = strobe_instrs_jump(&sim->instrs, i, &to);
        if (!err && to != STROBE_INSTRS_NONE)
            sim->pieces[to].start = true;
    }
    for (size_t i = 0; i < sim->instrs.n_handlers && !err; i++) {
        err = strobe_instrs_target(&sim->instrs, sim->instrs.handlers[i].target, &to);
        if (!err && to != STROBE_INSTRS_NONE)
            sim->pieces[to].start = true;
    }
    sim->pieces[0].start = true;
    return err;
}

int strobe_callsim_new(const struct strobe_opcodes *opcodes, const struct strobe_bytecode *bytes, struct strobe_callsim **ret_sim)
{
    struct strobe_callsim *sim = calloc(1, sizeof *sim);
    int err;

    if (!sim)
        return STROBE_ERR_NOMEM;
    err = strobe_instrs_init(opcodes, bytes, &sim->instrs);
    if (err)
        goto done;
    sim->pieces = calloc(sim->instrs.n, sizeof *sim->pieces);
    sim->values = calloc(2 * (sim->instrs.n + 1), sizeof *sim->values);
    sim->queue = malloc(sim->instrs.n * sizeof *sim->queue);
    err = !sim->pieces || !sim->values || !sim->queue ? STROBE_ERR_NOMEM : mark_pieces(sim);
    if (!err)
        err = merge(sim, 0, sim->stack, 0);
    while (!err && sim->n_queue) {
        size_t index = sim->queue[--sim->n_queue];

        sim->pieces[index].queued = false;
        err = run_piece(sim, index);
    }
done:
    if (err)
        strobe_callsim_free(sim);
    else
        *ret_sim = sim;
    return err;
}

void strobe_callsim_free(struct strobe_callsim *sim)
{
    if (!sim)
        return;
    strobe_instrs_release(&sim->instrs);
    free(sim->pieces);
    free(sim->values);
    free(sim->queue);
    free(sim->cells);
    free(sim);
}

int strobe_callsim_at(const struct strobe_callsim *sim, int64_t offset, size_t *ret_index)
{
    size_t index = offset < 0 ? STROBE_INSTRS_NONE : strobe_instrs_at(&sim->instrs, (uint64_t)offset / 2);

    if (index == STROBE_INSTRS_NONE)
        return STROBE_ERR_MISSING;
    *ret_index = index;
    return 0;
}

const struct strobe_op *strobe_callsim_op(const struct strobe_callsim *sim, size_t index)
{
    return index < sim->instrs.n ? sim->instrs.at[index].op : NULL;
}

size_t strobe_callsim_popped(const struct strobe_callsim *sim, size_t index)
{
    return index < sim->instrs.n ? count(sim->instrs.at[index].op->pop, sim->instrs.at[index].arg) : 0;
}

int strobe_callsim_stack(struct strobe_callsim *sim, size_t index, const uint32_t **ret_ids, size_t *ret_n)
{
    size_t from = index, jump, depth;
    int err = 0;

    if (index >= sim->instrs.n)
        return STROBE_ERR_MISSING;
    while (!sim->pieces[from].start)
        from--;
    if (sim->pieces[from].depth == NO_STACK)
        return STROBE_ERR_MISSING;
    load_stack(sim, from);
    for (; from < index && !err; from++)
        err = strobe_instrs_falls(&sim->instrs, from) ? run(sim, from, &jump, &depth) : STROBE_ERR_MISSING;
    if (err)
        return err;
    *ret_ids = sim->stack;
    *ret_n = sim->depth;
    return 0;
}
