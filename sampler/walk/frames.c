/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/frames.h"

#include <stdlib.h>

#include "walk/liveness.h"
#include "walk/tail.h"

/* Deepest chain that is followed: ten times the deepest that is asked for; a thread may be held meanwhile (some 50 ms for this many).
 * What lies further out is marked as not read. */
enum { MAX_DEPTH = 1 << 20 };

enum { FRAME_SPAN = 128 }; /* bytes of a frame that are looked at: every field of 3.8-3.15 lies below */

void strobe_frames_release(struct strobe_frames *frames)
{
    free(frames->at);
    *frames = (struct strobe_frames){.at = NULL};
}

int strobe_frames_reserve(struct strobe_frames *frames, uint32_t n)
{
    struct strobe_raw_frame *at;
    uint32_t cap = frames->cap ? frames->cap : 64;

    if (n > STROBE_KEEP_FRAMES)
        n = STROBE_KEEP_FRAMES;
    if (n <= frames->cap)
        return 0;
    while (cap < n)
        cap *= 2;
    if (cap > STROBE_KEEP_FRAMES)
        cap = STROBE_KEEP_FRAMES;
    at = realloc(frames->at, cap * sizeof *at);
    if (!at)
        return STROBE_ERR_NOMEM;
    frames->at = at;
    frames->cap = cap;
    return 0;
}

/* Appends a frame.  Past the inner end, the places behind the elision mark are a ring that holds the outermost frames seen
 * so far.  False: no room. */
static bool push(struct strobe_frames *frames, uint64_t code, uint64_t instr, uint64_t frame)
{
    uint64_t at = frames->depth++;

    if (at >= STROBE_KEEP_INNER)
        at = STROBE_KEEP_INNER + 1 + (at - STROBE_KEEP_INNER) % STROBE_KEEP_OUTER;
    if (at >= frames->cap)
        return false;
    frames->at[at] = (struct strobe_raw_frame){code, instr, frame};
    return true;
}

static void reverse(struct strobe_raw_frame *at, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct strobe_raw_frame tmp = at[i];

        at[i] = at[n - 1 - i];
        at[n - 1 - i] = tmp;
    }
}

/* Turns the ring of push() into an array in order, with the mark before it. */
static void finish(struct strobe_frames *frames)
{
    uint64_t outer, start, left_out;
    struct strobe_raw_frame *ring = frames->at + STROBE_KEEP_INNER + 1;

    if (frames->depth <= STROBE_KEEP_INNER) {
        frames->n = (uint32_t)frames->depth;
        return;
    }
    outer = frames->depth - STROBE_KEEP_INNER;
    if (outer <= STROBE_KEEP_OUTER) { /* nothing was left out: close the hole of the mark */
        for (uint64_t i = 0; i < outer; i++)
            ring[(int64_t)i - 1] = ring[i];
        frames->n = (uint32_t)frames->depth;
        return;
    }
    left_out = outer - STROBE_KEEP_OUTER;
    start = outer % STROBE_KEEP_OUTER;
    reverse(ring, start);
    reverse(ring + start, STROBE_KEEP_OUTER - start);
    reverse(ring, STROBE_KEEP_OUTER);
    ring[-1] = (struct strobe_raw_frame){STROBE_CODE_ELIDED, left_out, 0};
    frames->n = STROBE_KEEP_FRAMES;
}

static uint32_t at_least(uint32_t span, uint32_t offset, uint32_t size)
{
    return offset != STROBE_NONE && offset + size > span ? offset + size : span;
}

uint32_t strobe_frames_span(const struct strobe_layout *lay)
{
    uint32_t span = at_least(0, lay->fr_code, 8);

    span = at_least(span, lay->fr_previous, 8);
    span = at_least(span, lay->fr_instr, 8);
    span = at_least(span, lay->fr_owner, 1);
    span = at_least(span, lay->fr_executing, 1);
    span = at_least(span, lay->fr_stacktop, 8);
    return at_least(span, lay->fr_tlbc_index, 4);
}

static void met_outside(struct strobe_frames_source *src, uint64_t addr)
{
    if (src->outside && src->n_outside < STROBE_OUTSIDE)
        src->outside[src->n_outside++] = addr;
}

/* len bytes at addr: from a window, or read into scratch. */
static int span_at(struct strobe_frames_source *src, uint64_t addr, size_t len, unsigned char *scratch, const unsigned char **ret_span)
{
    for (size_t i = 0; i < src->n_windows; i++) {
        const struct strobe_window *w = &src->windows[i];

        if (addr - w->addr <= w->len && w->len - (addr - w->addr) >= len) {
            if (i >= src->n_chunks)
                met_outside(src, addr);
            *ret_span = w->bytes + (addr - w->addr);
            return 0;
        }
    }
    met_outside(src, addr);
    *ret_span = scratch;
    return strobe_mem_read(src->mem, addr, scratch, len);
}

/* Start of the bytecode that a frame's instruction pointer points into: the code object's own, or a free-threaded build's
 * thread-local copy (CPython: Include/cpython/code.h, _PyCodeArray {Py_ssize_t size; char *entries[]}). */
int strobe_frames_bytecode(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, const unsigned char *frame,
                           uint64_t *ret_start)
{
    uint64_t array, size, start;
    uint32_t index = lay->fr_tlbc_index == STROBE_NONE ? 0 : strobe_span_u32(frame, lay->fr_tlbc_index);
    int err;

    if (!index) {
        *ret_start = code + lay->co_code;
        return 0;
    }
    if ((err = strobe_mem_u64(mem, code + lay->co_tlbc, &array)) || (err = strobe_mem_u64(mem, array, &size)))
        return err;
    if (index >= size)
        return STROBE_ERR_TORN;
    if ((err = strobe_mem_u64(mem, array + 8 + 8 * (uint64_t)index, &start)))
        return err;
    *ret_start = start;
    return 0;
}

int strobe_frames_read_one(struct strobe_frames_source *src, uint64_t addr, struct strobe_raw_frame *ret)
{
    const struct strobe_layout *lay = src->lay;
    unsigned char scratch[FRAME_SPAN];
    const unsigned char *frame;
    uint64_t start = 0;
    int err = span_at(src, addr, strobe_frames_span(lay), scratch, &frame);

    if (err)
        return err;
    ret->frame = addr;
    ret->code = strobe_span_u64(frame, lay->fr_code) & ~(uint64_t)lay->pointer_mask_low;
    if (lay->frames == STROBE_FRAMES_HEAP) {
        ret->instr = (uint64_t)((int64_t)(int32_t)strobe_span_u32(frame, lay->fr_instr) * lay->lasti_unit);
        return 0;
    }
    err = strobe_frames_bytecode(src->mem, lay, ret->code, frame, &start);
    ret->instr = strobe_span_u64(frame, lay->fr_instr) - start;
    return err;
}

/* Has the walk come back to where it was?  Remembers every hop whose number is a power of two (Brent), so a circle is seen within
 * three times its length: a damaged chain must not keep a held thread waiting for MAX_DEPTH hops. */
static bool circle(uint64_t addr, uint64_t hops, uint64_t *mark)
{
    if (addr == *mark)
        return true;
    if (!(hops & (hops - 1)))
        *mark = addr;
    return false;
}

/* 3.11+: _PyInterpreterFrame, most of them in the thread's data-stack chunks. */
static int walk_interpreter_frames(struct strobe_frames_source *src, struct strobe_frames *frames)
{
    const struct strobe_layout *lay = src->lay;
    struct strobe_liveness life = {lay, false, !src->strict};
    struct strobe_tail tail = {src->before, 0, 0};
    unsigned char scratch[FRAME_SPAN];
    uint64_t addr = src->head, hops = 0, mark = 0;
    uint32_t span = strobe_frames_span(lay);

    if (src->strict && lay->stacktop_size != STROBE_NONE)
        addr = strobe_liveness_chunk_top(src, addr, span);
    while (addr && addr != src->base) {
        const unsigned char *frame;
        uint64_t code, start, here = addr;
        enum strobe_verdict verdict;
        int err;

        if (circle(addr, hops + 1, &mark))
            return STROBE_ERR_TORN;
        if (++hops > MAX_DEPTH)
            return push(frames, STROBE_CODE_UNREADABLE, 0, 0) ? 0 : STROBE_ERR_LIMIT;
        if ((err = span_at(src, addr, span, scratch, &frame)))
            return src->strict && err == STROBE_ERR_FAULT ? STROBE_ERR_TORN : err;
        addr = strobe_span_u64(frame, lay->fr_previous);
        if (lay->owner_skip != STROBE_NONE && strobe_span_u8(frame, lay->fr_owner) >= lay->owner_skip) {
            life.settled = life.settled || life.found; /* the shim of a C call into the eval loop */
            continue;
        }
        code = strobe_span_u64(frame, lay->fr_code) & ~(uint64_t)lay->pointer_mask_low;
        verdict = strobe_liveness_judge(&life, frame, code);
        if (verdict == STROBE_FRAME_DEAD)
            return STROBE_ERR_TORN;
        if (verdict == STROBE_FRAME_NEW_TOP)
            frames->depth = 0;
        if (!code)
            continue;
        if ((err = strobe_frames_bytecode(src->mem, lay, code, frame, &start)))
            return src->strict ? STROBE_ERR_TORN : err;
        if (!push(frames, code, strobe_span_u64(frame, lay->fr_instr) - start, here))
            return STROBE_ERR_LIMIT;
        if (strobe_tail_is_known(&tail, frames) && strobe_tail_reuse(src, &tail, frames))
            return 0;
        if (lay->fr_is_entry != STROBE_NONE && strobe_span_u8(frame, lay->fr_is_entry))
            life.settled = life.settled || life.found;
    }
    if (src->strict && src->head && lay->stacktop_size != STROBE_NONE && !life.found)
        return STROBE_ERR_TORN;
    /* From 3.15 the chain ends at the thread state's own frame and nowhere else. */
    return src->base && src->head && addr != src->base ? STROBE_ERR_TORN : 0;
}

/* 3.8-3.10: PyFrameObject, each on the heap. */
static int walk_heap_frames(struct strobe_frames_source *src, struct strobe_frames *frames)
{
    const struct strobe_layout *lay = src->lay;
    struct strobe_tail tail = {src->before, 0, 0};
    unsigned char scratch[FRAME_SPAN];
    uint64_t addr = src->head, hops = 0, mark = 0;
    uint32_t span = strobe_frames_span(lay);

    /* A head that was not copied is new: it is read now, and copied the next time. */
    if (src->strict && src->n_known && strobe_liveness_copied(src, addr, span)) {
        addr = strobe_liveness_heap_top(src, span);
        if (!addr)
            return STROBE_ERR_TORN;
    }
    while (addr) {
        const unsigned char *frame;
        uint64_t code, here = addr;
        int64_t lasti;
        int err;

        if (circle(addr, hops + 1, &mark))
            return STROBE_ERR_TORN;
        if (++hops > MAX_DEPTH)
            return push(frames, STROBE_CODE_UNREADABLE, 0, 0) ? 0 : STROBE_ERR_LIMIT;
        if ((err = span_at(src, addr, span, scratch, &frame)))
            return src->strict && err == STROBE_ERR_FAULT ? STROBE_ERR_TORN : err;
        addr = strobe_span_u64(frame, lay->fr_previous);
        if (src->strict && lay->executing_mask != STROBE_NONE && !strobe_liveness_executes(lay, frame))
            return STROBE_ERR_TORN; /* popped since */
        code = strobe_span_u64(frame, lay->fr_code);
        lasti = (int64_t)(int32_t)strobe_span_u32(frame, lay->fr_instr) * lay->lasti_unit;
        if (!code)
            return STROBE_ERR_TORN;
        if (!push(frames, code, (uint64_t)lasti, here))
            return STROBE_ERR_LIMIT;
        if (strobe_tail_is_known(&tail, frames) && strobe_tail_reuse(src, &tail, frames))
            return 0;
    }
    return 0;
}

static uint64_t fold(uint64_t h, uint64_t word, uint64_t odd)
{
    h = (h ^ word) * odd;
    return h ^ (h >> 29);
}

void strobe_frames_hash(const struct strobe_raw_frame *at, size_t n, uint64_t ret_hash[2])
{
    uint64_t a = 0x243f6a8885a308d3ull, b = 0x13198a2e03707344ull;

    for (size_t i = 0; i < n; i++) {
        uint64_t word = at[i].code ^ (at[i].instr << 48 | at[i].instr >> 16);

        a = fold(a, word, 0x9e3779b97f4a7c15ull);
        b = fold(b, word, 0xc2b2ae3d27d4eb4full);
    }
    ret_hash[0] = a;
    ret_hash[1] = b;
}

int strobe_frames_walk(struct strobe_frames_source *source, struct strobe_frames *frames)
{
    int err;

    frames->n = 0;
    frames->depth = 0;
    if (strobe_frames_span(source->lay) > FRAME_SPAN)
        return STROBE_ERR_LAYOUT;
    err = source->lay->frames == STROBE_FRAMES_HEAP ? walk_heap_frames(source, frames) : walk_interpreter_frames(source, frames);
    if (!err && !frames->n)
        finish(frames);
    else if (err && err != STROBE_ERR_LIMIT)
        frames->depth = 0;
    if (!err)
        strobe_frames_hash(frames->at, frames->n, frames->hash);
    return err;
}
