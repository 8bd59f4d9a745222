/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/liveness.h"

enum strobe_verdict strobe_liveness_judge(struct strobe_liveness *life, const unsigned char *frame, uint64_t code)
{
    const struct strobe_layout *lay = life->lay;
    bool running;

    if (life->settled || lay->stacktop_size == STROBE_NONE)
        return code ? STROBE_FRAME_KEEP : STROBE_FRAME_DEAD;
    if (lay->stacktop_size == 4) {
        running = strobe_span_u32(frame, lay->fr_stacktop) == UINT32_MAX;
        if (!running || life->found)
            return running || !code ? STROBE_FRAME_DEAD : STROBE_FRAME_KEEP;
    } else {
        running = !strobe_span_u64(frame, lay->fr_stacktop);
        if (life->found)
            return running || !code ? STROBE_FRAME_DEAD : STROBE_FRAME_KEEP;
        if (!code)
            return STROBE_FRAME_NEW_TOP; /* popped: the frames before it, if any, were too */
    }
    life->found = true;
    return STROBE_FRAME_NEW_TOP;
}

/* Did this frame, as copied, have its stack pointer saved (a caller, or popped)? */
static bool is_saved(const struct strobe_layout *lay, const unsigned char *frame)
{
    return lay->stacktop_size == 4 ? strobe_span_u32(frame, lay->fr_stacktop) != UINT32_MAX : strobe_span_u64(frame, lay->fr_stacktop) != 0;
}

/* The head pointer is a moment younger than the copy: the frame it names may have been a caller when the copy was made, and the
 * true top, popped since, still lies behind it in the copied chunk.  Frames follow each other there, and a callee names its caller:
 * look for the word.  Returns the innermost frame that was alive in the copy; `addr` itself when there is none inside it. */
uint64_t strobe_liveness_chunk_top(const struct strobe_frames_source *src, uint64_t addr, uint32_t span)
{
    enum { MAX_CALLS = 64, MAX_FRAME = 4096 }; /* calls within a moment; bytes of an ordinary frame */
    const struct strobe_layout *lay = src->lay;
    const struct strobe_window *w = src->windows;
    uint64_t top = addr, at = addr;

    if (!src->n_chunks || addr - w->addr >= w->len || w->len - (addr - w->addr) < span)
        return addr;
    for (int calls = 0; calls < MAX_CALLS && is_saved(lay, w->bytes + (at - w->addr)); calls++) {
        uint64_t callee = at + lay->fr_localsplus, end = w->addr + w->len - span;

        if (end > at + MAX_FRAME)
            end = at + MAX_FRAME;
        while (callee <= end && strobe_span_u64(w->bytes + (callee - w->addr), lay->fr_previous) != at)
            callee += 8;
        if (callee > end || !(strobe_span_u64(w->bytes + (callee - w->addr), lay->fr_code) & ~(uint64_t)lay->pointer_mask_low))
            break;
        at = callee;
        if (!is_saved(lay, w->bytes + (at - w->addr)))
            top = at; /* it runs; those with the stack pointer saved may be on their way in or out */
    }
    return top;
}

const unsigned char *strobe_liveness_copied(const struct strobe_frames_source *src, uint64_t addr, uint32_t span)
{
    for (size_t i = 0; i < src->n_windows; i++) {
        const struct strobe_window *w = &src->windows[i];

        if (addr - w->addr <= w->len && w->len - (addr - w->addr) >= span)
            return w->bytes + (addr - w->addr);
    }
    return NULL;
}

bool strobe_liveness_executes(const struct strobe_layout *lay, const unsigned char *frame)
{
    uint8_t executing = strobe_span_u8(frame, lay->fr_executing);

    return executing < 32 && lay->executing_mask >> executing & 1;
}

/* The head pointer is a moment younger than the copied frames.  Of those, the ones that executed when they were copied form the stack of
 * that moment: its top is nobody's caller.  0: there is none, or more than one. */
uint64_t strobe_liveness_heap_top(const struct strobe_frames_source *src, uint32_t span)
{
    const struct strobe_layout *lay = src->lay;
    uint64_t callers[STROBE_OUTSIDE], alive[STROBE_OUTSIDE], top = 0;
    uint32_t n = 0;

    for (uint32_t i = 0; i < src->n_known; i++) {
        const unsigned char *frame = strobe_liveness_copied(src, src->known[i], span);

        if (!frame || !strobe_liveness_executes(lay, frame))
            continue;
        alive[n] = src->known[i];
        callers[n++] = strobe_span_u64(frame, lay->fr_previous);
    }
    for (uint32_t i = 0; i < n; i++) {
        bool is_caller = false;

        for (uint32_t k = 0; k < n && !is_caller; k++)
            is_caller = callers[k] == alive[i];
        if (is_caller)
            continue;
        if (top)
            return 0;
        top = alive[i];
    }
    return top;
}
