/* SPDX-License-Identifier: Apache-2.0 */
/* chain: one task's chain of coroutines, from the outermost inward: what each frame is at, what the innermost waits for, what
 * the frames hold.  cr_await and its kin, followed in memory (CPython: Objects/genobject.c, _PyGen_yf).
 * May include: mem, runtime, walk/sample.h, walk/coderoles.h.  Memory: its own, reused from chain to chain.  Threads: one. */
#ifndef STROBE_WALK_CHAIN_H
#define STROBE_WALK_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/layout.h"
#include "runtime/pyroles.h"
#include "walk/coderoles.h"
#include "walk/sample.h"

enum {
    STROBE_CHAIN_LIBS = 8,   /* library frames that are remembered at the inner end */
    STROBE_CHAIN_HOLDS = 64, /* contexts that one chain may be inside of */
};

/* A library's frame at the inner end of a chain, with what it waits for. */
struct strobe_chain_lib {
    struct strobe_code_entry code;
    uint64_t value[STROBE_CODE_SLOTS]; /* of the locals that its role names; 0 = unbound */
    uint32_t level;                    /* index in frames */
};

/* A context on a frame's value stack: the object whose __aexit__ is due. */
struct strobe_chain_hold {
    uint64_t object;
    uint32_t level;
    bool entering; /* its __aenter__ has not returned: not held yet */
};

enum strobe_chain_state {
    STROBE_CHAIN_SUSPENDED,
    STROBE_CHAIN_CREATED,   /* not begun: one frame, at its first line */
    STROBE_CHAIN_EXECUTING, /* the frame at level n - 1 and what lies inside of it is on a thread's stack */
    STROBE_CHAIN_FINISHED,  /* no frame left */
};

struct strobe_chain {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_roles *roles;
    struct strobe_coderoles *codes;

    struct strobe_raw_frame *frames; /* outermost first */
    uint32_t n;
    size_t cap;
    enum strobe_chain_state state;
    uint64_t end;            /* what the innermost frame awaits and is no frame: a future's iterator, a foreign object; 0 = nothing */
    enum strobe_role end_role;
    uint64_t end_future;     /* the future behind it; 0 = unknown */
    uint32_t user;           /* level of the innermost frame that is no library's; STROBE_NO_INDEX = none */
    struct strobe_chain_lib libs[STROBE_CHAIN_LIBS]; /* library frames inside of that, outermost first; of more, the innermost */
    uint32_t n_libs;
    struct strobe_chain_hold holds[STROBE_CHAIN_HOLDS];
    uint32_t n_holds;

    unsigned char *bytes;    /* a generator object or a frame, with its slots */
    size_t n_bytes, cap_bytes;
};

/* All borrowed.  0 or STROBE_ERR_NOMEM. */
int strobe_chain_init(struct strobe_chain *chain, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                      struct strobe_coderoles *codes);
void strobe_chain_release(struct strobe_chain *chain);

/* Reads the chain that begins with a coroutine (or generator).  STROBE_ERR_TORN when it cannot be what one moment had; read
 * errors; STROBE_ERR_OBJECT when coro is no generator. */
int strobe_chain_read(struct strobe_chain *chain, uint64_t coro);

/* Whose method lies in a slot of a value stack, and its function: a bound method's self (up to 3.13), or of a function what lies right
 * above it.  role: of what lies there.  STROBE_ERR_OBJECT: it is neither. */
int strobe_chain_bound(struct strobe_mem *mem, const struct strobe_layout *lay, enum strobe_role role, uint64_t value, uint64_t above,
                       uint64_t *ret_self, uint64_t *ret_function);
/* The context whose __aexit__ that is; 0 = none.  Needs no chain that was read. */
uint64_t strobe_chain_context(struct strobe_chain *chain, uint64_t value, uint64_t above);

#endif
