/* SPDX-License-Identifier: Apache-2.0 */
/* opcodes: what each version's instructions do to the value stack, as far as naming what is awaited needs it.
 *
 * opcodes_tables.c is generated (tools/make_opcodes.py).  Specialised and instrumented instructions have the row of the plain
 * one: operand, cache units and effect are the same.  May include: nothing of ours.  No state, no code. */
#ifndef STROBE_RUNTIME_OPCODES_H
#define STROBE_RUNTIME_OPCODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum strobe_op_kind {
    STROBE_OP_HIDDEN,       /* which instruction is here cannot be known, nor how many cache units follow */
    STROBE_OP_OTHER,        /* what it pushes has no name */
    STROBE_OP_EXTENDED_ARG, /* 8 more bits of the next one's operand */
    STROBE_OP_EXECUTOR,     /* 3.13+: replaces a backward jump or the RESUME at the start */
    STROBE_OP_LOCAL,        /* operand: slot */
    STROBE_OP_LOCAL_TWO,    /* operand: two slots, 4 bits each */
    STROBE_OP_STORE_LOCAL,  /* stores, then loads the slot in the operand's low 4 bits */
    STROBE_OP_DEREF,        /* operand: slot, or cell (cells_apart) */
    STROBE_OP_GLOBAL,       /* operand >> shift: name; of two values pushed, number `at` is the one named */
    STROBE_OP_ATTR,         /* operand >> shift: name */
    STROBE_OP_SUPER,        /* super().name; operand >> shift: name */
    STROBE_OP_SUBSCRIPT,
    STROBE_OP_BINARY,       /* a subscript when the operand is `at` */
    STROBE_OP_CALL,         /* the first of the `at` lowest values popped that has a name is the callee; unless pop.times is 0, the first
                             * argument follows them */
    STROBE_OP_PRECALL,      /* 3.11: specialised ones make the call that follows themselves */
    STROBE_OP_WITH,         /* calls __enter__ of the context manager popped */
    STROBE_OP_KEEP,         /* pushes (what stands for) the lowest value popped */
    STROBE_OP_SEND,         /* the same; a frame that awaits is suspended in it, or just behind */
    STROBE_OP_AITER, STROBE_OP_ANEXT,
    STROBE_OP_ASYNC_WITH,   /* pops a context manager, pushes its __aexit__ and what __aenter__() returned */
    STROBE_OP_SPECIAL,      /* pops an object, pushes a method: operand `at` = __aenter__, the next one = __aexit__,
                             * two before = __enter__ */
    STROBE_OP_EXCEPT_START, /* calls the exit function that lies `at` values deep */
    STROBE_OP_YIELD, STROBE_OP_RESUME,
    STROBE_OP_COPY,         /* pushes value number `at`, or operand, from the top */
    STROBE_OP_SWAP,         /* operand: which one the top changes places with */
    STROBE_OP_ROT,          /* the top goes to place `at`, or operand */
    STROBE_OP_DUP_TWO,
    STROBE_OP_UNPACK_EX,    /* pushes 1 + low byte of the operand + the rest of it */
};

/* Where it goes on.  JUMP: or there; GOTO: only there. */
enum strobe_op_flow {
    STROBE_FLOW_NEXT, STROBE_FLOW_STOP,
    STROBE_FLOW_JUMP_FORWARD, STROBE_FLOW_JUMP_BACKWARD, STROBE_FLOW_JUMP_ABSOLUTE,
    STROBE_FLOW_GOTO_FORWARD, STROBE_FLOW_GOTO_BACKWARD, STROBE_FLOW_GOTO_ABSOLUTE,
};

/* How many values: fixed + times * operand + the number of `bits` that are set in the operand. */
struct strobe_op_count {
    uint8_t fixed, times, bits;
};

struct strobe_op {
    uint8_t kind, flow; /* enum strobe_op_kind, strobe_op_flow */
    uint8_t caches;     /* units of 2 bytes behind the instruction */
    uint8_t shift, at;
    struct strobe_op_count pop, push;
    uint8_t push_jump;  /* pushed when it jumps */
};

struct strobe_opcodes {
    uint8_t minor;
    uint8_t jump_unit;  /* operands of jumps count: 1 bytes, 2 units */
    uint8_t instrumented_line, instrumented_instruction; /* numbers of those, which hide others; 0 = there are none */
    bool cells_apart;   /* DEREF's operand counts from the first cell, not from the first local */
    const struct strobe_op *ops;
    const uint8_t *numbers; /* opcode -> index in ops */
};

extern const struct strobe_opcodes strobe_opcodes[];
extern const size_t strobe_opcodes_count;

#endif
