/* SPDX-License-Identifier: Apache-2.0 */
/* callsim: what lies on the value stack before each instruction of a function, as far as it has a name.
 *
 * Bytes in, values out: the bytecode is followed along every path, exception handlers included, with places of values in
 * the place of values.  A place that paths disagree about has no name.  Everything is hostile; time and memory are bounded.
 * May include: opcodes.h, base.  Ownership: whoever makes one frees it. */
#ifndef STROBE_RUNTIME_CALLSIM_H
#define STROBE_RUNTIME_CALLSIM_H

#include "base/err.h"
#include "runtime/opcodes.h"

enum strobe_value_kind {
    STROBE_VALUE_NONE,      /* nothing known */
    STROBE_VALUE_LOCAL,     /* arg: slot */
    STROBE_VALUE_DEREF,     /* arg: slot, or cell */
    STROBE_VALUE_GLOBAL,    /* arg: name */
    STROBE_VALUE_SUPER,     /* super() */
    STROBE_VALUE_ATTR,      /* arg: name; of `of` */
    STROBE_VALUE_SUBSCRIPT, /* of `of` */
    STROBE_VALUE_CALL,      /* what calling `of` gave; arg: id of the first argument, 0 = not known */
    STROBE_VALUE_AITER,     /* asynchronous iterator over `of` */
    STROBE_VALUE_ANEXT,     /* its next item's awaitable */
    STROBE_VALUE_ENTER,     /* __aenter__ of `of`, or what it gave */
    STROBE_VALUE_EXIT,      /* __aexit__ of `of` */
    STROBE_VALUE_WITH,      /* 3.14+: __enter__ of `of` */
};

struct strobe_value {
    enum strobe_value_kind kind;
    uint32_t arg;
    uint32_t of; /* id of another value, 0 = nothing known */
};

struct strobe_bytecode {
    const unsigned char *code;  /* borrowed while it is followed */
    size_t code_len;
    const unsigned char *table; /* 3.11+: exception table; borrowed likewise */
    size_t table_len;
    int64_t first;              /* 3.11+: byte offset of the RESUME at the start, -1 = none */
};

struct strobe_callsim;
/* STROBE_ERR_MISSING when the code is not what a compiler makes, STROBE_ERR_LIMIT when it is too long. */
int strobe_callsim_new(const struct strobe_opcodes *opcodes, const struct strobe_bytecode *bytes, struct strobe_callsim **ret_sim);
/* NULL is allowed. */
void strobe_callsim_free(struct strobe_callsim *sim);

/* Index of the instruction that contains a byte offset, its prefixes and cache units included.  STROBE_ERR_MISSING: none. */
int strobe_callsim_at(const struct strobe_callsim *sim, int64_t offset, size_t *ret_index);
/* The row of an instruction; NULL = no such instruction. */
const struct strobe_op *strobe_callsim_op(const struct strobe_callsim *sim, size_t index);
/* How many values it pops; 0 when there is no such instruction. */
size_t strobe_callsim_popped(const struct strobe_callsim *sim, size_t index);
/* Ids of the values on the stack before an instruction, lowest first; borrowed until the next call.
 * STROBE_ERR_MISSING when no path leads there. */
int strobe_callsim_stack(struct strobe_callsim *sim, size_t index, const uint32_t **ret_ids, size_t *ret_n);
/* Never NULL. */
const struct strobe_value *strobe_callsim_value(const struct strobe_callsim *sim, uint32_t id);

#endif
