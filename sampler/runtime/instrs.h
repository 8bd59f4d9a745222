/* SPDX-License-Identifier: Apache-2.0 */
/* instrs: bytecode as a list of instructions with their whole operands, and the exception table as a list of ranges.
 * Private to callsim.c.  May include: opcodes.h, base.  Ownership: released by whoever initialised one. */
#ifndef STROBE_RUNTIME_INSTRS_H
#define STROBE_RUNTIME_INSTRS_H

#include "runtime/callsim.h"

/* Positions are in units of 2 bytes. */
struct strobe_instr {
    const struct strobe_op *op;
    uint32_t start, end; /* from the first prefix to the last cache unit */
    uint32_t arg;
};

struct strobe_handler {
    uint32_t start, end, target;
    uint32_t depth; /* values kept; then the place of the exception, if `lasti`, and the exception follow */
    bool lasti;
};

struct strobe_instrs {
    struct strobe_instr *at;
    size_t n;
    struct strobe_handler *handlers; /* by start */
    size_t n_handlers;
    uint32_t end;  /* first position that was not decoded */
    bool cut;      /* what follows is hidden */
    uint32_t first; /* position of the RESUME at the start; UINT32_MAX = none */
    uint32_t jump_unit;
};

#define STROBE_INSTRS_NONE SIZE_MAX

/* STROBE_ERR_LIMIT, _NOMEM, or _MISSING when an instruction or the table is not what it should be. */
int strobe_instrs_init(const struct strobe_opcodes *opcodes, const struct strobe_bytecode *bytes, struct strobe_instrs *ret);
void strobe_instrs_release(struct strobe_instrs *instrs);
/* Index of the instruction that covers a position, STROBE_INSTRS_NONE when there is none. */
size_t strobe_instrs_at(const struct strobe_instrs *instrs, uint64_t position);
/* Where a jump goes: index, STROBE_INSTRS_NONE = into what is hidden.  STROBE_ERR_MISSING: to no instruction's start. */
int strobe_instrs_target(const struct strobe_instrs *instrs, uint64_t position, size_t *ret_index);
/* Where an instruction jumps to; STROBE_INSTRS_NONE also when it does not jump. */
int strobe_instrs_jump(const struct strobe_instrs *instrs, size_t index, size_t *ret_index);
/* The handler in force at an instruction, NULL = none. */
const struct strobe_handler *strobe_instrs_handler(const struct strobe_instrs *instrs, size_t index);
/* Does it go on with the next instruction? */
bool strobe_instrs_falls(const struct strobe_instrs *instrs, size_t index);

#endif
