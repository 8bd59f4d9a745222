/* SPDX-License-Identifier: Apache-2.0 */
/* walk: the interpreters and thread states of a target, and the stack of each, kept from sample to sample.
 *
 *   runtime -> interpreters (newest first) -> thread states (newest first) -> frames (innermost first)
 *
 * A thread state has a slot here as long as it lives.  What was read of it stays in the slot; who calls decides what has to be
 * read again and what is proven to be unchanged (exact.c).  Nothing is allocated by the functions marked "no malloc":
 * they may run while the target is held; when they lack room they say STROBE_ERR_LIMIT, and strobe_walk_grow makes it.
 * May include: mem, mem/host.h (struct strobe_thread_state only), runtime/layout.h, base. */
#ifndef STROBE_WALK_WALK_H
#define STROBE_WALK_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "mem/host.h"
#include "runtime/layout.h"
#include "walk/frames.h"
#include "walk/sample.h"

enum {
    STROBE_WINDOWS = 8,                /* data-stack chunks copied at once ... */
    STROBE_WINDOW_BYTES = 160 * 1024, /* ... and their bytes: ten chunks of the usual 16 KiB, some 1,500 frames */
    STROBE_COPY_WINDOWS = STROBE_WINDOWS + 24, /* with those around frames outside of chunks */
    STROBE_COPY_SEGS = STROBE_COPY_WINDOWS + 2,
    STROBE_GIL_SPAN = 64,             /* bytes of a GIL struct up to the end of the words that are read */
};

/* What one read brought of a thread: data-stack chunks first (innermost first), then frames outside of them. */
struct strobe_copy {
    struct strobe_window windows[STROBE_COPY_WINDOWS];
    size_t n_windows;
    uint64_t cframe_head; /* 3.11, 3.12 */
};

struct strobe_gil_words {
    uint64_t last_holder, switch_number;
    int32_t locked;
    int32_t enabled; /* free-threaded builds: 0 = there is no GIL; others: 1 */
};

struct strobe_interp {
    uint64_t addr;
    int64_t id;
    uint64_t gil;  /* address of the GIL it uses; several may share one */
    uint64_t head; /* first thread state in its list, when last listed */
    struct strobe_gil_words words; /* of its GIL, as in this sample's reading */
    int32_t collecting;       /* a garbage collection runs; as of the last strobe_walk_pulse */
    uint64_t code_generation; /* likewise; 0 before 3.14 */
    bool read;                /* its GIL's threads were read in this sample: the caller's to set */
};

struct strobe_slot {
    bool live;
    uint64_t tstate, id, pthread;
    int32_t native, tid; /* tid 0 = unknown */
    uint32_t interp;     /* index in strobe_walk.interps */
    uint64_t interp_addr;
    uint64_t started;    /* listing generation that found it */
    uint64_t sought;     /* listing generation in which its tid was last looked for */

    /* The stack as last read. */
    struct strobe_frames frames;
    struct strobe_frames before; /* of a deep one: the reading before it */
    int error;         /* why there is none, or 0 */
    bool proven;       /* it was asleep, with this run count, before the stack was read */
    uint64_t run_count;
    bool attached;     /* ts.state, where there is one */
    bool gil_requested;
    uint64_t context;  /* contextvars.Context */

    /* What the kernel says, this sample. */
    struct strobe_thread_state state;
    bool cramped; /* its frames lacked room at the last reading */
    bool same; /* this sample: proven unchanged, not read */
    bool read; /* this sample: read */

    /* Where its frames lay last time (innermost chunk first): copied in one go, before the thread state. */
    struct {
        uint64_t addr;
        uint32_t len;
    } chunks[STROBE_WINDOWS];
    uint32_t n_chunks;
    struct {
        uint64_t addr, met; /* met: the reading that last met a frame there */
    } outside[STROBE_OUTSIDE]; /* sorted by address */
    uint32_t n_outside;
    uint64_t readings;
    uint64_t cframe; /* 3.11, 3.12: where the head pointer was */
};

struct strobe_walk {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_clock *clock;
    uint64_t copy_ns; /* how long a copy of a thread takes, the median; 0 = not known yet */
    uint64_t copied_ns; /* when a running thread was last copied */
    uint64_t main_pthread;

    struct strobe_interp *interps;
    struct strobe_interp *new_interps;   /* the list that is being made */
    uint32_t n_interps, want_interps;    /* want: that the last listing had no room for */
    size_t cap_interps;                  /* of both lists */
    struct strobe_slot *slots;
    uint32_t n_slots, cap_slots; /* slots[0 .. n_slots) have been used; live or free */
    uint32_t *order, *old_order; /* live slots in the order of the target's lists, main interpreter first */
    uint32_t n_order, n_old;
    uint32_t next_order;         /* while listing: where the search for the next known thread state begins ... */
    uint32_t next_free;          /* ... and for the next free slot */
    uint64_t runtime_head;       /* first interpreter, when last listed */
    uint64_t listings;
    struct strobe_copy copy;     /* of the thread that is being read ... */
    const struct strobe_slot *ahead; /* ... which the last pulse copied already; NULL = none */
    unsigned char *bytes;        /* STROBE_WINDOW_BYTES: the windows' contents, during one strobe_walk_read */
    unsigned char *ts;           /* a thread state's span, likewise */
};

/* All borrowed. */
int strobe_walk_init(struct strobe_walk *walk, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_clock *clock);
void strobe_walk_release(struct strobe_walk *walk);
/* Room for all that was missing at readings since the last growth, and some spare. */
int strobe_walk_grow(struct strobe_walk *walk);

/* Lists interpreters and thread states: new ones get a slot, those gone lose theirs; of those that stay nothing is lost.  No malloc. */
int strobe_walk_list(struct strobe_walk *walk);
/* One read of what tells whether anything moved: a GIL's words, and of every interpreter the head of its list of threads and
 * its small words (collecting, code_generation).  ret_same: no interpreter and no thread was added since the last listing.
 * ahead: a thread that is copied in the same read, for the strobe_walk_read that comes next (NULL = none); the words are read once
 * more behind it, and where they differ the copy is not used.  No malloc. */
int strobe_walk_pulse(struct strobe_walk *walk, uint64_t gil, struct strobe_slot *ahead, struct strobe_gil_words *ret_words,
                      bool *ret_same);

/* What the pulse copied is not to be used: it has but warmed the caches. */
void strobe_walk_warmed(struct strobe_walk *walk);

/* Reads one thread state and its stack.  strict: the thread may be running meanwhile.  No malloc.
 * STROBE_ERR_MISSING: that address is not this thread state any more (list again). */
int strobe_walk_read(struct strobe_walk *walk, struct strobe_slot *slot, bool strict);

/* The segments that copy a thread's stack and state, into walk->copy: at most STROBE_COPY_SEGS.  Returns how many. */
size_t strobe_walk_plan_copy(struct strobe_walk *walk, struct strobe_slot *slot, struct strobe_mem_seg *segs);
/* A GIL's words alone.  No malloc. */
int strobe_walk_gil(struct strobe_walk *walk, uint64_t gil, struct strobe_gil_words *ret_words);
/* Takes a thread's ids from the thread state's span that was read last (walk->ts). */
void strobe_walk_identify(const struct strobe_walk *walk, struct strobe_slot *slot);
/* The slot of a thread state's address, or NULL. */
struct strobe_slot *strobe_walk_find(struct strobe_walk *walk, uint64_t tstate);

#endif
