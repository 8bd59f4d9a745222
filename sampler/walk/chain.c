/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"
#include "walk/frames.h"

enum {
    MAX_FRAMES = 1 << 20, /* coroutines in one chain: more is a circle or not a chain */
    FIRST_SLOTS = 8,      /* slots of a frame that are read with its head: most suspended frames have no more */
    MAX_DEPTH = 1024,     /* values on a suspended frame's stack */
    MAX_SLOTS = 8192,     /* locals and values of one frame */
    WRAPPED = 8,          /* wrappers around wrappers */
};

/* A frame inside a generator, as read into chain->bytes. */
struct gen_frame {
    uint64_t addr;             /* of the frame */
    size_t at;                 /* of the frame in chain->bytes */
    const struct strobe_code_entry *code;
    enum strobe_chain_state state;
    bool awaiting;
    uint32_t n_values;         /* on its value stack */
};

int strobe_chain_init(struct strobe_chain *chain, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                      struct strobe_coderoles *codes)
{
    *chain = (struct strobe_chain){.mem = mem, .lay = lay, .roles = roles, .codes = codes};
    chain->cap_bytes = 2 * (size_t)STROBE_MAX_FR_SIZE + 8 * (size_t)MAX_SLOTS;
    chain->bytes = malloc(chain->cap_bytes);
    return chain->bytes ? 0 : STROBE_ERR_NOMEM;
}

void strobe_chain_release(struct strobe_chain *chain)
{
    free(chain->frames);
    free(chain->bytes);
    chain->frames = NULL;
    chain->bytes = NULL;
}

/* len bytes at addr into chain->bytes; near the end of a mapping what there is, at least need. */
static int read_bytes(struct strobe_chain *chain, uint64_t addr, size_t len, size_t need)
{
    int err;

    if (len > chain->cap_bytes || need > len)
        return STROBE_ERR_LIMIT;
    err = need < len ? strobe_mem_probe(chain->mem, addr, chain->bytes, len) : STROBE_ERR_FAULT;
    if (err == STROBE_ERR_FAULT) {
        len = need;
        err = strobe_mem_read(chain->mem, addr, chain->bytes, len);
    }
    chain->n_bytes = err ? 0 : len;
    return err;
}

/* The state of a frame that its generator's own byte tells (3.11+). */
static int state_of_byte(const struct strobe_layout *lay, uint8_t byte, struct gen_frame *ret)
{
    if (byte == lay->gen_executing)
        ret->state = STROBE_CHAIN_EXECUTING;
    else if (byte == lay->gen_created)
        ret->state = STROBE_CHAIN_CREATED;
    else if (byte == lay->gen_awaiting || byte == lay->gen_awaiting_locked)
        ret->awaiting = true;
    else if (byte != lay->gen_yielded)
        ret->state = STROBE_CHAIN_FINISHED;
    return 0;
}

/* 3.8-3.10: the frame is an object of its own. */
static int read_heap_frame(struct strobe_chain *chain, uint64_t gen, struct gen_frame *ret, struct strobe_raw_frame *ret_raw)
{
    const struct strobe_layout *lay = chain->lay;
    int32_t lasti;
    int err;

    ret->addr = strobe_span_u64(chain->bytes, lay->gen_frame);
    (void)gen;
    if (!ret->addr) {
        ret->state = STROBE_CHAIN_FINISHED;
        return 0;
    }
    err = read_bytes(chain, ret->addr, lay->fr_localsplus + 8 * FIRST_SLOTS, lay->fr_localsplus);
    if (err)
        return err;
    ret->at = 0;
    lasti = (int32_t)strobe_span_u32(chain->bytes, lay->fr_instr);
    ret_raw->code = strobe_span_u64(chain->bytes, lay->fr_code);
    ret_raw->instr = (uint64_t)((int64_t)lasti * lay->lasti_unit);
    ret_raw->frame = ret->addr;
    if (lay->executing_mask >> (strobe_span_u8(chain->bytes, lay->fr_executing) & 31) & 1)
        ret->state = STROBE_CHAIN_EXECUTING;
    else if (lasti < 0)
        ret->state = STROBE_CHAIN_CREATED;
    else
        ret->awaiting = strobe_coderoles_awaits(chain->codes, ret_raw->code, (int64_t)ret_raw->instr);
    return 0;
}

/* Bytes of a generator that are read at once. */
static size_t gen_span(const struct strobe_layout *lay)
{
    return lay->frames == STROBE_FRAMES_HEAP ? lay->gen_frame + 16 : lay->gen_frame + lay->fr_localsplus + 8 * FIRST_SLOTS;
}

/* 3.11+: the frame lies in the generator, which is in chain->bytes. */
static int read_inner_frame(struct strobe_chain *chain, uint64_t gen, struct gen_frame *ret, struct strobe_raw_frame *ret_raw)
{
    const struct strobe_layout *lay = chain->lay;
    uint64_t start;
    int err;

    if (chain->n_bytes < gen_span(lay) && (err = read_bytes(chain, gen, gen_span(lay), lay->gen_frame + strobe_frames_span(lay))))
        return err;
    ret->at = lay->gen_frame;
    ret->addr = gen + lay->gen_frame;
    err = state_of_byte(lay, strobe_span_u8(chain->bytes, lay->gen_state), ret);
    if (err || ret->state == STROBE_CHAIN_FINISHED)
        return err;
    ret_raw->code = strobe_span_u64(chain->bytes, ret->at + lay->fr_code) & ~(uint64_t)lay->pointer_mask_low;
    err = strobe_frames_bytecode(chain->mem, lay, ret_raw->code, chain->bytes + ret->at, &start);
    if (err)
        return err;
    ret_raw->instr = strobe_span_u64(chain->bytes, ret->at + lay->fr_instr) - start;
    ret_raw->frame = ret->addr;
    if (ret->awaiting && lay->resume_awaiting != STROBE_NONE)
        ret->awaiting = strobe_coderoles_awaits(chain->codes, ret_raw->code, (int64_t)ret_raw->instr);
    return 0;
}

/* How many values a suspended frame keeps on its stack. */
static int count_values(struct strobe_chain *chain, struct gen_frame *frame)
{
    const struct strobe_layout *lay = chain->lay;
    const unsigned char *bytes = chain->bytes + frame->at;
    uint64_t base = frame->addr + lay->fr_localsplus + 8 * (uint64_t)frame->code->n_locals;
    int64_t n;

    switch ((enum strobe_stack_kind)lay->stack_kind) {
    case STROBE_STACK_POINTER:
        if (lay->fr_valuestack != STROBE_NONE)
            base = strobe_span_u64(bytes, lay->fr_valuestack);
        n = (int64_t)(strobe_span_u64(bytes, lay->fr_stacktop) - base);
        n = n % 8 ? -1 : n / 8;
        break;
    case STROBE_STACK_INDEX:
        n = (int64_t)(int32_t)strobe_span_u32(bytes, lay->fr_stacktop) - frame->code->n_locals;
        break;
    default:
        n = (int32_t)strobe_span_u32(bytes, lay->fr_stacktop);
    }
    if (n < 0 || n > MAX_DEPTH || frame->code->n_locals + (uint64_t)n > MAX_SLOTS)
        return STROBE_ERR_TORN;
    frame->n_values = (uint32_t)n;
    return 0;
}

/* Makes sure that all slots of the frame are in chain->bytes. */
static int read_slots(struct strobe_chain *chain, struct gen_frame *frame)
{
    size_t slots = 8 * ((size_t)frame->code->n_locals + frame->n_values);

    if (frame->at + chain->lay->fr_localsplus + slots <= chain->n_bytes)
        return 0;
    frame->at = 0;
    return read_bytes(chain, frame->addr, chain->lay->fr_localsplus + slots, chain->lay->fr_localsplus + slots);
}

static uint64_t slot(const struct strobe_chain *chain, const struct gen_frame *frame, uint32_t i)
{
    return strobe_py_untag(chain->lay, strobe_span_u64(chain->bytes, frame->at + chain->lay->fr_localsplus + 8 * (size_t)i));
}

static bool is_aexit(struct strobe_chain *chain, uint64_t function)
{
    const struct strobe_code_entry *entry;
    uint64_t code;

    if (strobe_roles_of(chain->roles, function) != STROBE_ROLE_FUNCTION ||
        strobe_mem_u64(chain->mem, function + chain->lay->func_code, &code))
        return false;
    entry = strobe_coderoles_get(chain->codes, code);
    return entry && entry->leaves;
}

int strobe_chain_bound(struct strobe_mem *mem, const struct strobe_layout *lay, enum strobe_role role, uint64_t value, uint64_t above,
                       uint64_t *ret_self, uint64_t *ret_function)
{
    int err = STROBE_ERR_OBJECT;

    if (role == STROBE_ROLE_METHOD) {
        err = strobe_mem_u64(mem, value + lay->method_func, ret_function);
        return err ? err : strobe_mem_u64(mem, value + lay->method_self, ret_self);
    }
    if (role != STROBE_ROLE_FUNCTION || !above)
        return err;
    *ret_function = value;
    *ret_self = above;
    return 0;
}

uint64_t strobe_chain_context(struct strobe_chain *chain, uint64_t value, uint64_t above)
{
    uint64_t function, self;

    return !strobe_chain_bound(chain->mem, chain->lay, strobe_roles_of(chain->roles, value), value, above, &self, &function) &&
                   is_aexit(chain, function) ? self : 0;
}

/* The contexts that a frame is inside of: below what it awaits, if it does. */
static void note_contexts(struct strobe_chain *chain, const struct gen_frame *frame)
{
    uint32_t top = frame->awaiting ? chain->lay->awaited_slot : 0;
    uint32_t n = frame->n_values > top ? frame->n_values - top : 0;

    for (uint32_t i = 0; i < n && chain->n_holds < STROBE_CHAIN_HOLDS; i++) {
        uint32_t at = frame->code->n_locals + i;
        uint64_t object = strobe_chain_context(chain, slot(chain, frame, at), i + 1 < frame->n_values ? slot(chain, frame, at + 1) : 0);

        if (object)
            chain->holds[chain->n_holds++] = (struct strobe_chain_hold){object, chain->n - 1, false};
    }
}

/* This frame enters the context that was pushed last by the frame outside of it. */
static void note_entering(struct strobe_chain *chain)
{
    struct strobe_chain_hold *last = chain->n_holds ? &chain->holds[chain->n_holds - 1] : NULL;

    if (last && last->level + 2 == chain->n)
        last->entering = true;
}

static void note_code(struct strobe_chain *chain, const struct gen_frame *frame)
{
    struct strobe_chain_lib *lib;

    if (frame->code->enters)
        note_entering(chain);
    if (!frame->code->library) {
        chain->user = chain->n - 1;
        chain->n_libs = 0;
        return;
    }
    if (chain->n_libs == STROBE_CHAIN_LIBS)
        memmove(&chain->libs[0], &chain->libs[1], --chain->n_libs * sizeof chain->libs[0]);
    lib = &chain->libs[chain->n_libs++];
    lib->code = *frame->code;
    lib->level = chain->n - 1;
    for (int i = 0; i < STROBE_CODE_SLOTS; i++)
        lib->value[i] = frame->code->slot[i] < 0 || (uint32_t)frame->code->slot[i] >= frame->code->n_locals ?
                            0 : slot(chain, frame, (uint32_t)frame->code->slot[i]);
}

/* One coroutine: pushes its frame.  ret_next: what it awaits; 0 = nothing, or the chain ends here. */
static int read_one(struct strobe_chain *chain, uint64_t gen, uint64_t *ret_next)
{
    struct gen_frame frame = {.state = STROBE_CHAIN_SUSPENDED};
    struct strobe_raw_frame raw = {0, 0, 0};
    int err = chain->lay->frames == STROBE_FRAMES_HEAP ? read_heap_frame(chain, gen, &frame, &raw)
                                                       : read_inner_frame(chain, gen, &frame, &raw);

    *ret_next = 0;
    if (err)
        return err;
    if (frame.state == STROBE_CHAIN_FINISHED) {
        chain->state = chain->n ? STROBE_CHAIN_SUSPENDED : STROBE_CHAIN_FINISHED;
        return chain->n ? STROBE_ERR_TORN : 0; /* nobody awaits what has ended */
    }
    if (strobe_grow(&chain->frames, &chain->cap, chain->n + 1, sizeof *chain->frames))
        return STROBE_ERR_NOMEM;
    frame.code = strobe_coderoles_get(chain->codes, raw.code);
    if (!frame.code)
        return STROBE_ERR_TORN;
    /* One that has not begun stands in what makes cells and generators: it is shown at its first line. */
    if (frame.state == STROBE_CHAIN_CREATED && (int64_t)raw.instr < frame.code->first)
        raw.instr = (uint64_t)frame.code->first;
    chain->frames[chain->n++] = raw;
    if (frame.state == STROBE_CHAIN_CREATED && chain->n > 1)
        return STROBE_ERR_TORN; /* what is awaited has begun */
    if (frame.state != STROBE_CHAIN_SUSPENDED) {
        chain->state = frame.state;
        if (!frame.code->library)
            chain->user = chain->n - 1;
        return 0;
    }
    if ((err = count_values(chain, &frame)) || (err = read_slots(chain, &frame)))
        return err;
    note_contexts(chain, &frame);
    note_code(chain, &frame);
    if (frame.awaiting && frame.n_values >= chain->lay->awaited_slot)
        *ret_next = slot(chain, &frame, frame.code->n_locals + frame.n_values - chain->lay->awaited_slot);
    return 0;
}

/* The object at *obj into chain->bytes, through what only hands on: asend(), coroutine_wrapper, anext(). */
static int read_object(struct strobe_chain *chain, uint64_t *obj, enum strobe_role *ret_role)
{
    const struct strobe_layout *lay = chain->lay;
    size_t least = lay->ob_header + 8;

    for (int i = 0; i < WRAPPED; i++) {
        int err;

        if (*obj < 4096 || *obj % 8)
            return STROBE_ERR_TORN;
        /* Objects that are smaller than a generator may end where the mapping does. */
        if ((err = read_bytes(chain, *obj, gen_span(lay), least)))
            return err;
        *ret_role = strobe_roles_of_type(chain->roles, strobe_span_u64(chain->bytes, lay->ob_type));
        if (*ret_role != STROBE_ROLE_WRAPPER && *ret_role != STROBE_ROLE_ANEXT)
            return 0;
        *obj = strobe_span_u64(chain->bytes, lay->ob_header);
    }
    return STROBE_ERR_TORN;
}

static void set_end(struct strobe_chain *chain, uint64_t obj, enum strobe_role role)
{
    chain->end = obj;
    chain->end_role = role;
    if (role == STROBE_ROLE_FUTURE_ITER)
        chain->end_future = strobe_span_u64(chain->bytes, chain->lay->ob_header);
    else if (strobe_role_is_future(role))
        chain->end_future = obj;
}

int strobe_chain_read(struct strobe_chain *chain, uint64_t coro)
{
    uint64_t obj = coro, mark = 0;
    enum strobe_role role;
    int err;

    chain->n = chain->n_libs = chain->n_holds = 0;
    chain->user = STROBE_NO_INDEX;
    chain->state = STROBE_CHAIN_SUSPENDED;
    chain->end = chain->end_future = 0;
    chain->end_role = STROBE_ROLE_NONE;
    while (obj && chain->state == STROBE_CHAIN_SUSPENDED) {
        if ((err = read_object(chain, &obj, &role)))
            return err;
        if (role != STROBE_ROLE_GENERATOR) {
            if (!chain->n)
                return STROBE_ERR_OBJECT;
            set_end(chain, obj, role);
            return 0;
        }
        if (chain->n == MAX_FRAMES || obj == mark)
            return STROBE_ERR_TORN;
        if (!(chain->n & (chain->n + 1))) /* a circle is met again at such a place (Brent) */
            mark = obj;
        if ((err = read_one(chain, obj, &obj)))
            return err;
    }
    return 0;
}
