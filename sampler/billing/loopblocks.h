/* SPDX-License-Identifier: Apache-2.0 */
/* loopblocks: what blocked the loop: the synchronous stacks that event loops' threads were in while tasks of those loops were ready.
 *
 *   stack: functions, innermost first; its lines are those of the longest stay
 *   times: separate stays that were seen      total, longest: real time of these, as looks at it tell
 *
 * Two looks in a row at the same step of a loop, in the same functions, are one stay.
 * May include: base.  Memory: its own, bounded (STROBE_LOOPBLOCKS_MAX stacks; what is new then is counted together).  Threads: one. */
#ifndef STROBE_BILLING_LOOPBLOCKS_H
#define STROBE_BILLING_LOOPBLOCKS_H

#include "base/htab.h"
#include "base/names.h"

enum {
    STROBE_LOOPBLOCKS_MAX = 1000,   /* stacks */
    STROBE_LOOPBLOCKS_FRAMES = 256, /* of a stack, its innermost */
};

struct strobe_loopblock {
    uint32_t *frames, n; /* ids of names, innermost first; none: the stacks beyond the limit */
    uint64_t times, total_ns, longest_ns;
};

struct strobe_loopblocks {
    const struct strobe_names *names;
    struct strobe_loopblock *at;
    size_t n, cap;
    struct strobe_htab by_stack; /* hashes of the functions -> index in at */
    struct strobe_htab stays;    /* (loop, process) -> index in stay */
    struct strobe_loopstay *stay;
    size_t n_stays, cap_stays;
};

/* names: borrowed. */
void strobe_loopblocks_init(struct strobe_loopblocks *blocks, const struct strobe_names *names);
void strobe_loopblocks_release(struct strobe_loopblocks *blocks);

/* A loop found blocked at a look. */
struct strobe_loopblock_look {
    uint64_t loop;
    int32_t pid;
    uint64_t tick;          /* number of the look, of that process */
    uint64_t ns;            /* since the look before */
    uint64_t step;          /* what tells the steps that a loop makes apart; 0 = unknown, then the stack alone tells */
    uint64_t most_ns;       /* it cannot have lasted longer; UINT64_MAX = unknown */
    const uint32_t *frames; /* innermost first */
    uint32_t n_frames;
};
/* 0 or STROBE_ERR_NOMEM. */
int strobe_loopblocks_note(struct strobe_loopblocks *blocks, const struct strobe_loopblock_look *look);
/* Sorts by time, most first: blocks->at[0 .. n - 1].  For the end: nothing can be noted after it. */
void strobe_loopblocks_sort(struct strobe_loopblocks *blocks);

#endif
