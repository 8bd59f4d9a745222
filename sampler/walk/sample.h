/* SPDX-License-Identifier: Apache-2.0 */
/* sample: the data contract between the walk and what follows: plain data, addresses only, no names.
 * Memory: everything hangs off the arena of the walk; it lives until the next sample. */
#ifndef STROBE_WALK_SAMPLE_H
#define STROBE_WALK_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/* Frames kept at each end of a deep stack; what lies between is counted only. */
enum { STROBE_KEEP_INNER = 2048, STROBE_KEEP_OUTER = 2048 };

/* A frame as read: enough to find the name and the line later, without the target standing still. */
struct strobe_raw_frame {
    uint64_t code;  /* address of the code object */
    uint64_t instr; /* 3.8-3.10: byte offset of the last instruction, sign-extended; 3.11+: byte offset of the instruction from the
                     * start of the code's bytecode, sign-extended (for a thread-local copy: from its start) */
    uint64_t frame; /* address of the frame itself (locals) */
};

/* Marks in strobe_raw_frame.code that are not code objects (addresses in the zero page). */
#define STROBE_CODE_ELIDED 1u     /* instr = number of frames left out here */
#define STROBE_CODE_UNREADABLE 2u /* the chain broke here; what lies outward is unknown */

enum strobe_thread_flags {
    STROBE_THREAD_ACTIVE = 1 << 0,    /* on a CPU, or runnable: not idle */
    STROBE_THREAD_GIL = 1 << 1,       /* holds its interpreter's GIL */
    STROBE_THREAD_GIL_WAIT = 1 << 2,  /* wants the GIL and sleeps for it */
    STROBE_THREAD_ATTACHED = 1 << 3,  /* free-threaded: may run Python */
    STROBE_THREAD_MAIN = 1 << 4,      /* the interpreter's main thread */
    STROBE_THREAD_GC = 1 << 5,        /* runs a garbage collection */
    STROBE_THREAD_SAME = 1 << 6,      /* proven: frames equal those of this thread in the sample before */
};

struct strobe_thread {
    uint64_t tstate;      /* address of the PyThreadState */
    uint64_t tstate_id;   /* PyThreadState.id, unique within its interpreter */
    uint64_t pthread;     /* thread_id: pthread_self() */
    uint64_t context;     /* address of the current contextvars.Context; 0 = none yet */
    int32_t tid;          /* kernel thread id as seen from here; 0 = unknown */
    int32_t native;       /* kernel thread id as the target knows it; 0 = unknown (before 3.11) */
    int64_t interp;       /* interpreter id */
    uint32_t flags;       /* enum strobe_thread_flags */
    int error;            /* 0, or why the stack is missing or cut (STROBE_ERR_...) */
    uint32_t slot;        /* small stable index of this thread state in the walker; reused only after the thread ended */
    uint32_t n_frames;
    const struct strobe_raw_frame *frames; /* innermost first */
    uint64_t hash[2];     /* of the (code, instr) pairs: two independent hashes, equal for equal stacks and only for those */
};

struct strobe_sample {
    uint64_t time_ns;     /* monotonic time of the reading */
    uint32_t n_threads;
    struct strobe_thread *threads; /* main thread's interpreter first, then in the order of the runtime's lists */
    uint32_t n_dropped;   /* threads left out because they could not be read consistently */
    uint64_t pause_ns;    /* how long a thread was held for this sample; 0 = nobody was */
    uint32_t n_pauses;
};

#endif
