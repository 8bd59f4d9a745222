/* SPDX-License-Identifier: Apache-2.0 */
/* liveness: which frames of a copied stack were alive when the copy was made: the frames themselves tell.  Used on threads that run
 * while they are read; private to walk/.  No state but struct strobe_liveness, no reading, no allocation. */
#ifndef STROBE_WALK_LIVENESS_H
#define STROBE_WALK_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "walk/frames.h"

/* A thread that runs changes its stack while it is copied: the copy may hold popped frames above or below the head pointer,
 * which was read a moment later.  The frames themselves tell.  Per stretch of frames between two C calls into the eval loop:
 *
 *     caller  caller  caller  TOP   popped ...          caller: stack pointer saved; TOP: not saved while its bytecode runs
 *
 * In 3.11-3.13 popped frames keep their contents, with the stack pointer saved, so the one frame without is the top.  From 3.14 on a
 * popped frame has no code object, and the top may have saved its stack pointer for a call into C. */
struct strobe_liveness {
    const struct strobe_layout *lay;
    bool found;   /* the top of the innermost stretch was seen */
    bool settled; /* the innermost stretch is behind us: the others stand still far longer than a copy takes */
};

enum strobe_verdict {
    STROBE_FRAME_KEEP,
    STROBE_FRAME_NEW_TOP, /* what was met so far had been popped */
    STROBE_FRAME_DEAD,    /* the chain was not one moment's */
};

/* The next frame outward: keep it, or not.  code: its code object's address, 0 = none. */
enum strobe_verdict strobe_liveness_judge(struct strobe_liveness *life, const unsigned char *frame, uint64_t code);
/* 3.8-3.10: is this frame being executed? */
bool strobe_liveness_executes(const struct strobe_layout *lay, const unsigned char *frame);
/* 3.11+: the innermost frame that was alive in the copied chunk, at or inside of the frame at addr; addr when there is none inside it. */
uint64_t strobe_liveness_chunk_top(const struct strobe_frames_source *source, uint64_t addr, uint32_t span);
/* 3.8-3.10: the top of the stack that the copied frames form; 0 = none, or more than one. */
uint64_t strobe_liveness_heap_top(const struct strobe_frames_source *source, uint32_t span);
/* Where a frame of span bytes at addr was copied to, or NULL. */
const unsigned char *strobe_liveness_copied(const struct strobe_frames_source *source, uint64_t addr, uint32_t span);

#endif
