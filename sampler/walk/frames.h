/* SPDX-License-Identifier: Apache-2.0 */
/* frames: one thread's chain of Python frames, walked into an array of raw frames.
 * May include: mem, runtime/layout, walk/sample.h.  Allocates only in strobe_frames_reserve, never while walking. */
#ifndef STROBE_WALK_FRAMES_H
#define STROBE_WALK_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/mem.h"
#include "runtime/layout.h"
#include "walk/sample.h"

/* Frames outside of data-stack chunks that are remembered per thread: of generators, entries from C; all in 3.8-3.10. */
enum { STROBE_OUTSIDE = 160 };

/* A piece of the target's memory that was copied in one go with the head pointer. */
struct strobe_window {
    uint64_t addr;
    size_t len;
    const unsigned char *bytes; /* borrowed */
};

/* Most frames that are kept: the inner end, the elision mark, the outer end. */
enum { STROBE_KEEP_FRAMES = STROBE_KEEP_INNER + 1 + STROBE_KEEP_OUTER };

/* The raw frames of one thread, innermost first; kept from sample to sample. */
struct strobe_frames {
    struct strobe_raw_frame *at;
    uint32_t n, cap;
    uint64_t depth; /* Python frames in the chain, those left out included */
    uint64_t hash[2]; /* see struct strobe_thread */
};

struct strobe_frames_source {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    const struct strobe_window *windows; /* looked at first; the rest is read through mem */
    size_t n_windows, n_chunks; /* the first n_chunks are data-stack chunks, innermost first */
    const uint64_t *known;      /* addresses of frames that the other windows hold */
    uint32_t n_known;
    uint64_t *outside;          /* room for STROBE_OUTSIDE addresses of frames met outside of chunks; or NULL */
    uint32_t n_outside;         /* filled by the walk */
    uint64_t head; /* innermost frame; 0 = none */
    uint64_t base; /* 3.15: address of the thread state's embedded last frame; 0 = the chain ends at NULL */
    const struct strobe_frames *before; /* the same thread's frames as read before, in another array; NULL = none or not wanted */
    bool strict;   /* the thread runs: refuse what a stopped thread could not show (STROBE_ERR_TORN) */
};

/* Bytes from a frame's start to the end of the last field that the walk reads. */
uint32_t strobe_frames_span(const struct strobe_layout *lay);

void strobe_frames_release(struct strobe_frames *frames);
/* Room for n frames (capped at what is ever kept). */
int strobe_frames_reserve(struct strobe_frames *frames, uint32_t n);

/* Walks the chain into frames.  Of a stack deeper than what is kept, the inner end is always read; when the half of it next to
 * the part left out is frame by frame what `before` shows there (address, code object, instruction), and the outermost frames
 * are too, the rest is taken to be as it was: a running thread is then held for some 2,000 frames, not for 100,000.
 * n = 0 and depth = 0 on failure.  STROBE_ERR_LIMIT: room for `depth` frames is needed, reserve and come again;
 * STROBE_ERR_TORN: the chain cannot be what the thread had at one moment; or a read error. */
int strobe_frames_walk(struct strobe_frames_source *source, struct strobe_frames *frames);

/* Two 64-bit hashes of the (code, instr) pairs: among the stacks of a recording a collision is not to be expected in the life of the
 * universe. */
void strobe_frames_hash(const struct strobe_raw_frame *at, size_t n, uint64_t ret_hash[2]);

/* 3.11+: address of the bytecode that a frame's instruction pointer points into.  frame: the frame's bytes, strobe_frames_span() of
 * them.  STROBE_ERR_TORN or a read error. */
int strobe_frames_bytecode(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, const unsigned char *frame,
                           uint64_t *ret_start);

/* One frame, decoded as the walk does. */
int strobe_frames_read_one(struct strobe_frames_source *source, uint64_t addr, struct strobe_raw_frame *ret_frame);

#endif
