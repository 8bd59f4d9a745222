/* SPDX-License-Identifier: Apache-2.0 */
/* pytask: code objects, coroutines, functions, futures and lists of tasks by hand, in the memory of a pyheap.
 * Construction only, as in pyheap.h.  Versions: PYHEAP_38 .. PYHEAP_312 as they are, and PYTASK_LATER: what came after, in 3.12's offsets
 * (stack's end as a pointer, two slots above what is awaited, tags in pointers, states of generators from 0 on). */
#ifndef STROBE_TESTS_PYTASK_H
#define STROBE_TESTS_PYTASK_H

#include "tests/lib/pyheap.h"
#include "walk/chain.h"

enum { PYTASK_LATER = PYHEAP_314T, PYTASK_VERSIONS = PYHEAP_314T + 1 };
enum { PYTASK_MAX = 16 /* locals, values */, PYTASK_COROUTINE = 0x80, PYTASK_AWAIT_AT = 8, PYTASK_YIELD_AT = 16 };

struct pytask {
    struct pyheap *heap;
    uint64_t coroutine, async_generator, wrapper, asend, anext, future_iter, future, task, method, deque, partial, builtin; /* types */
};

/* ret->heap: freed by the caller.  version: enum pyheap_version below PYHEAP_314T, or PYTASK_LATER. */
void pytask_open(struct pytask *t, int version);

/* A code object; it awaits at the byte PYTASK_AWAIT_AT and yields at PYTASK_YIELD_AT.  locals: names separated by blanks.
 * cells: names of free variables, likewise. */
uint64_t pytask_code(struct pytask *t, const char *file, const char *name, uint32_t flags, const char *locals, const char *cells);

/* A coroutine (or other generator: its type) that stands at the byte `instr` of its code; values: locals, then the value stack with what
 * is awaited on top. */
uint64_t pytask_gen(struct pytask *t, uint64_t type, uint64_t code, enum strobe_chain_state state, int instr, const uint64_t *values,
                    size_t n);
/* One that awaits `what` and has no locals. */
uint64_t pytask_awaiting(struct pytask *t, uint64_t code, uint64_t what);

/* An object of a header and words. */
uint64_t pytask_object(struct pytask *t, uint64_t type, const uint64_t *words, size_t n);
/* A function and its closure's values. */
uint64_t pytask_function(struct pytask *t, uint64_t code, const uint64_t *closure, size_t n);
uint64_t pytask_bound(struct pytask *t, uint64_t function, uint64_t self);
/* A deque of n items, the first of which lies at place `index` of its block. */
uint64_t pytask_deque(struct pytask *t, const uint64_t *items, size_t n, size_t index);
/* A class of module.name, with a dict. */
uint64_t pytask_class(struct pytask *t, const char *module, const char *name, uint64_t base);
/* A dict of str keys. */
uint64_t pytask_dict(struct pytask *t, const char *const *keys, const uint64_t *values, size_t n);
/* An instance of a class of pytask_class, with attributes. */
uint64_t pytask_instance(struct pytask *t, uint64_t type, const char *const *names, const uint64_t *values, size_t n);
/* An interpreter whose module asyncio.tasks has these globals. */
uint64_t pytask_interp(struct pytask *t, const char *const *names, const uint64_t *values, size_t n);

#endif
