/* SPDX-License-Identifier: Apache-2.0 */
/* coderoles: code objects as the walk over tasks knows them: how many locals, is it a library's, what does a task wait for that is
 * suspended in it, and in which slots lie the objects that tell.  One entry a code object, checked once a sample.
 * May include: mem, runtime.  Memory: its own cache.  Threads: one. */
#ifndef STROBE_WALK_CODEROLES_H
#define STROBE_WALK_CODEROLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/htab.h"
#include "base/libfile.h"
#include "runtime/layout.h"
#include "walk/tasks.h"

/* What a task does whose innermost Python frame runs this code. */
enum strobe_code_role {
    STROBE_CODE_PLAIN,   /* nothing in particular */
    STROBE_CODE_THROUGH, /* only passes on what an inner frame or future is: Future.__await__, wait_for() from 3.12 on */
    STROBE_CODE_BY_SELF, /* waits for its `self`, of whatever role that object's class has (acquire, Event.wait, ...) */
    STROBE_CODE_WAITS,   /* waits: kind and how */
    /* Frames of threads that work for others (walk/pools.h). */
    STROBE_CODE_WORKER,         /* of a ThreadPoolExecutor */
    STROBE_CODE_WORKER_CALL,    /* the frame that such a worker's call is made in */
    STROBE_CODE_MANAGER,        /* of a ProcessPoolExecutor, in the parent */
    STROBE_CODE_PROCESS_WORKER, /* of a ProcessPoolExecutor, in the child */
    STROBE_CODE_ANYIO_WORKER,
    STROBE_CODE_RESULT,         /* waits for the concurrent future that is its self; slot[1]: for how long */
    STROBE_CODE_STEPS,          /* an event loop's turn: when it looked at its timers, how many handles it has come to */
    /* Callbacks of futures; slot[]: cells of their closures instead of locals.  See walk/awaiters.h. */
    STROBE_CODE_WAKES,       /* somebody who waits for the future in slot[0], or takes from the queue in slot[1] */
    STROBE_CODE_WAKES_TASK,  /* a method: its self is the task */
    STROBE_CODE_WAKES_GROUP, /* a method: its self is a TaskGroup; a function: slot[0] is anyio's */
    STROBE_CODE_WAKES_TAKER, /* a method: its self has the queue in _done */
    STROBE_CODE_SHIELDS,     /* on the outer future of shield(): `how` says so */
    STROBE_CODE_CHAINS,      /* passes on a concurrent future's result: slot[0] is that */
    STROBE_CODE_CHAINS_BACK, /* sets a concurrent future's result: slot[0] is that */
    STROBE_CODE_BEGINS,      /* a callback of a loop that makes the task whose end sets the concurrent future in slot[0] */
};

enum { STROBE_CODE_SLOTS = 3 };

struct strobe_code_entry {
    uint64_t code;
    uint64_t words[4];    /* name, line table, file, flags and first line: by which it is known again */
    uint64_t checked;     /* sample */
    uint32_t homes;       /* by which knowledge of the libraries' places it was judged */
    uint32_t n_locals;    /* slots before the value stack */
    int64_t first;        /* byte offset of the instruction at which a new coroutine is shown: -1 = before the first (to 3.10) */
    uint16_t role;        /* enum strobe_code_role */
    uint8_t kind;         /* enum strobe_wait_kind, of STROBE_CODE_WAITS */
    bool library;         /* of asyncio, anyio or contextlib: not the code that names what is waited for */
    bool outer_wins;      /* its role counts more than that of library frames inside of it */
    bool enters, leaves;  /* __aenter__: the context it enters is not held yet; __aexit__ */
    bool coroutine;       /* an `async def` or the like: its frame lies in an object of its own */
    int16_t slot[STROBE_CODE_SLOTS]; /* of the locals that the role is about; -1 = no such local */
    const char *how;      /* static, or NULL */
};

enum {
    STROBE_CODES_RECENT = 128,
    STROBE_CODES_MAX = 1 << 18, /* that are remembered; those on await chains of a large program are some thousands, but a program may go on
                                 * making code: when there are so many, the next sample starts over */
};

struct strobe_coderoles {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_htab known;
    struct strobe_code_entry **at; /* each has its place until the next begin at least */
    size_t n, cap;
    struct strobe_code_entry *recent[STROBE_CODES_RECENT]; /* by the code's hash: the same few all the time */
    uint64_t sample;
    uint64_t changes;          /* entries whose code object was found to be another, or may be: who keeps names by address forgets them */
    uint64_t failures;         /* code objects that could not be read or kept: whoever finds it changed knows too little */
    struct strobe_libhomes homes; /* where the libraries lie */
    uint32_t n_homes;          /* how often that has become known */
    bool asked_anyio, saw_anyio; /* its place was asked for; since then a file in a folder of that name was seen */
    struct strobe_htab awaits; /* (code, instr) -> 1 awaits, 2 yields: of this sample */
};

void strobe_coderoles_init(struct strobe_coderoles *roles, struct strobe_mem *mem, const struct strobe_layout *lay);
void strobe_coderoles_release(struct strobe_coderoles *roles);
/* A new sample: entries that were given out are not valid any more. */
void strobe_coderoles_begin(struct strobe_coderoles *roles);
/* Finds where an interpreter has the libraries from, as far as it is not known. */
void strobe_coderoles_find_homes(struct strobe_coderoles *roles, uint64_t interp);
/* The entry of a code object, valid until the next begin; NULL when there is none at that address, or no room for it in this sample. */
const struct strobe_code_entry *strobe_coderoles_get(struct strobe_coderoles *roles, uint64_t code);
/* The same without looking at the code object, and without allocating: the entry as it was when somebody looked last, or NULL. */
const struct strobe_code_entry *strobe_coderoles_known(struct strobe_coderoles *roles, uint64_t code);
/* Where the state of a generator does not tell (up to 3.12): does the code await there, rather than yield?  instr as in
 * struct strobe_raw_frame. */
bool strobe_coderoles_awaits(struct strobe_coderoles *roles, uint64_t code, int64_t instr);

#endif
