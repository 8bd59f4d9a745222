/* SPDX-License-Identifier: Apache-2.0 */
/* Up to 3.5 instructions had one or three bytes; since then a unit is an opcode and 8 bits of its operand, the higher ones in
 * EXTENDED_ARG units before it, inline caches (3.11+) behind it. */
#include "runtime/instrs.h"

#include <stdlib.h>

enum {
    MAX_UNITS = 64 * 1024, /* of one function; those people write have some hundreds, long generated ones some thousands */
    UNIT = 2,              /* bytes */
    MAX_PREFIXES = 3,      /* operands have 32 bits */
    MIN_ENTRY = 4,         /* bytes of an entry of the exception table */
};

/* One number of the exception table (CPython: Objects/exception_handling_notes.txt): six bits a byte, most significant first,
 * bit 6 = more follow; bit 7 marks the first byte of an entry. */
static bool read_number(const struct strobe_bytecode *bytes, size_t *pos, bool first, uint32_t *ret)
{
    uint32_t value = 0;

    for (int i = 0; i < 5; i++) {
        unsigned char byte;

        if (*pos >= bytes->table_len)
            return false;
        byte = bytes->table[(*pos)++];
        if (!!(byte & 128) != (first && i == 0))
            return false;
        value = value << 6 | (byte & 63);
        if (!(byte & 64)) {
            *ret = value;
            return value <= MAX_UNITS;
        }
    }
    return false;
}

static int read_handlers(const struct strobe_bytecode *bytes, struct strobe_instrs *instrs)
{
    uint32_t start, length, target, depth, before = 0;
    size_t pos = 0;

    if (!bytes->table_len)
        return 0;
    instrs->handlers = malloc((bytes->table_len / MIN_ENTRY + 1) * sizeof *instrs->handlers);
    if (!instrs->handlers)
        return STROBE_ERR_NOMEM;
    while (pos < bytes->table_len) {
        if (!read_number(bytes, &pos, true, &start) || !read_number(bytes, &pos, false, &length) ||
            !read_number(bytes, &pos, false, &target) || !read_number(bytes, &pos, false, &depth) || start < before)
            return STROBE_ERR_MISSING;
        before = start + length;
        instrs->handlers[instrs->n_handlers++] = (struct strobe_handler){start, start + length, target, depth >> 1, depth & 1};
    }
    return 0;
}

static int read_instrs(const struct strobe_opcodes *opcodes, const struct strobe_bytecode *bytes, struct strobe_instrs *instrs)
{
    uint32_t units = (uint32_t)(bytes->code_len / UNIT), arg = 0, prefixes = 0;

    while (instrs->end + prefixes < units) {
        const unsigned char *unit = bytes->code + (size_t)UNIT * (instrs->end + prefixes);
        const struct strobe_op *op = &opcodes->ops[opcodes->numbers[unit[0]]];

        arg = arg << 8 | unit[1];
        if (op->kind == STROBE_OP_EXTENDED_ARG) {
            if (++prefixes > MAX_PREFIXES)
                return STROBE_ERR_MISSING;
            continue;
        }
        if (op->kind == STROBE_OP_HIDDEN) {
            instrs->cut = true;
            return 0;
        }
        instrs->at[instrs->n] = (struct strobe_instr){op, instrs->end, instrs->end + prefixes + 1 + op->caches, arg};
        instrs->end = instrs->at[instrs->n++].end;
        arg = prefixes = 0;
    }
    return 0;
}

int strobe_instrs_init(const struct strobe_opcodes *opcodes, const struct strobe_bytecode *bytes, struct strobe_instrs *ret)
{
    struct strobe_instrs instrs = {.jump_unit = opcodes->jump_unit, .first = UINT32_MAX};
    size_t units = bytes->code_len / UNIT;
    int err;

    if (units > MAX_UNITS || bytes->table_len > MAX_UNITS * MIN_ENTRY)
        return STROBE_ERR_LIMIT;
    if (!units)
        return STROBE_ERR_MISSING;
    if (bytes->first >= 0 && bytes->first / UNIT < (int64_t)units)
        instrs.first = (uint32_t)(bytes->first / UNIT);
    instrs.at = malloc(units * sizeof *instrs.at);
    if (!instrs.at)
        return STROBE_ERR_NOMEM;
    err = read_instrs(opcodes, bytes, &instrs);
    if (!err)
        err = read_handlers(bytes, &instrs);
    if (!err && !instrs.n)
        err = STROBE_ERR_MISSING;
    if (err)
        strobe_instrs_release(&instrs);
    else
        *ret = instrs;
    return err;
}

void strobe_instrs_release(struct strobe_instrs *instrs)
{
    free(instrs->at);
    free(instrs->handlers);
    *instrs = (struct strobe_instrs){0};
}

size_t strobe_instrs_at(const struct strobe_instrs *instrs, uint64_t position)
{
    size_t low = 0, high = instrs->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (instrs->at[middle].end <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < instrs->n ? low : STROBE_INSTRS_NONE; /* they follow each other without gaps, from 0 */
}

int strobe_instrs_target(const struct strobe_instrs *instrs, uint64_t position, size_t *ret_index)
{
    size_t index = strobe_instrs_at(instrs, position);

    if (index == STROBE_INSTRS_NONE ? !instrs->cut || position > MAX_UNITS : instrs->at[index].start != position)
        return STROBE_ERR_MISSING;
    *ret_index = index;
    return 0;
}

int strobe_instrs_jump(const struct strobe_instrs *instrs, size_t index, size_t *ret_index)
{
    const struct strobe_instr *instr = &instrs->at[index];
    uint64_t distance = (uint64_t)instr->arg * instrs->jump_unit, from = (uint64_t)UNIT * instr->end;

    switch ((enum strobe_op_flow)instr->op->flow) {
    case STROBE_FLOW_JUMP_FORWARD:
    case STROBE_FLOW_GOTO_FORWARD:
        distance += from;
        break;
    case STROBE_FLOW_JUMP_BACKWARD:
    case STROBE_FLOW_GOTO_BACKWARD:
        if (distance > from)
            return STROBE_ERR_MISSING;
        distance = from - distance;
        break;
    case STROBE_FLOW_JUMP_ABSOLUTE:
    case STROBE_FLOW_GOTO_ABSOLUTE:
        break;
    default:
        *ret_index = STROBE_INSTRS_NONE;
        return 0;
    }
    return distance % UNIT ? STROBE_ERR_MISSING : strobe_instrs_target(instrs, distance / UNIT, ret_index);
}

const struct strobe_handler *strobe_instrs_handler(const struct strobe_instrs *instrs, size_t index)
{
    uint32_t position = instrs->at[index].start;
    size_t low = 0, high = instrs->n_handlers;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (instrs->handlers[middle].end <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < instrs->n_handlers && instrs->handlers[low].start <= position ? &instrs->handlers[low] : NULL;
}

bool strobe_instrs_falls(const struct strobe_instrs *instrs, size_t index)
{
    const struct strobe_instr *instr = &instrs->at[index];

    /* At the start an executor stands for the RESUME, elsewhere for a jump backward. */
    if (instr->op->kind == STROBE_OP_EXECUTOR)
        return instr->start == instrs->first;
    return instr->op->flow == STROBE_FLOW_NEXT || instr->op->flow == STROBE_FLOW_JUMP_FORWARD ||
           instr->op->flow == STROBE_FLOW_JUMP_BACKWARD || instr->op->flow == STROBE_FLOW_JUMP_ABSOLUTE;
}
