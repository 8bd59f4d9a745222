/* SPDX-License-Identifier: Apache-2.0 */
/* sitecode: the bytecode of a function, as it was before tracing hid parts of it.
 *
 * From 3.12 on line and instruction events (sys.settrace, coverage, debuggers) put one opcode over each other one; what was there is kept
 * aside, reached by _co_monitoring (CPython: Python/instrumentation.c):
 *
 *   lines              to 3.13.1 two bytes a unit: the opcode, then a line's distance
 *                      later a byte that says how many bytes a unit has (2 to 5), then those of each unit, the opcode first
 *   per-instruction    one byte a unit: the opcode; also what lies below a line's, when both are asked for */
#include "runtime/siteparts.h"

#include "runtime/pyspan.h"

enum {
    MAX_CODE = 1 << 20, /* bytes of bytecode or of a table; callsim.c has a limit of its own */
    UNIT = 2,           /* bytes */
    MIN_ENTRY = 2, MAX_ENTRY = 5, /* bytes a unit has in `lines`; no function's first opcode has such a number */
};

static const struct strobe_opcodes *find_opcodes(const struct strobe_layout *lay)
{
    for (size_t i = 0; i < strobe_opcodes_count && !lay->newer; i++)
        if (strobe_opcodes[i].minor == lay->minor)
            return &strobe_opcodes[i];
    return NULL;
}

/* ---- what is hidden ---- */

/* What was kept aside, read when it is first needed. */
struct aside {
    struct strobe_site_code *site;
    uint64_t lines, opcodes; /* addresses, 0 = there is none */
    struct strobe_buf line_bytes, opcode_bytes;
    size_t first, entry;     /* of line_bytes: where unit 0 is, bytes a unit */
    size_t units;
};

static int read_bytes(struct strobe_site_code *site, uint64_t addr, size_t len, struct strobe_buf *out)
{
    int err = strobe_buf_reserve(out, len + 1);

    if (!err)
        err = strobe_mem_read(site->mem, addr, out->data, len);
    if (!err)
        out->len = len;
    return err;
}

static int read_lines(struct aside *aside)
{
    uint8_t first;
    int err = strobe_mem_read(aside->site->mem, aside->lines, &first, sizeof first);

    if (err)
        return err;
    aside->first = first >= MIN_ENTRY && first <= MAX_ENTRY;
    aside->entry = aside->first ? first : MIN_ENTRY;
    return read_bytes(aside->site, aside->lines, aside->first + aside->entry * aside->units, &aside->line_bytes);
}

/* The opcode under the one at a unit; it itself when it hides nothing, or that cannot be told. */
static int opcode_under(struct aside *aside, size_t unit, uint8_t *opcode)
{
    const struct strobe_opcodes *opcodes = aside->site->opcodes;
    int err = 0;

    if (*opcode == opcodes->instrumented_line && aside->lines) {
        if (!aside->line_bytes.len)
            err = read_lines(aside);
        if (!err)
            *opcode = (uint8_t)aside->line_bytes.data[aside->first + aside->entry * unit];
    }
    if (!err && *opcode == opcodes->instrumented_instruction && aside->opcodes) {
        if (!aside->opcode_bytes.len)
            err = read_bytes(aside->site, aside->opcodes, aside->units, &aside->opcode_bytes);
        if (!err)
            *opcode = (uint8_t)aside->opcode_bytes.data[unit];
    }
    return err;
}

/* Puts back what tracing has hidden.  What follows an opcode that cannot be told remains as it is: nothing says where instructions
 * start. */
static int uncover(struct strobe_site_code *site)
{
    const struct strobe_layout *lay = site->lay;
    struct aside aside = {.site = site, .units = site->code.len / UNIT};
    uint64_t monitoring;
    int err = 0;

    if (lay->co_monitoring == STROBE_NONE || !strobe_span_word(site->object, site->object_len, lay->co_monitoring, &monitoring) ||
        !monitoring)
        return 0;
    err = strobe_mem_u64(site->mem, monitoring + lay->monitoring_lines, &aside.lines);
    if (!err)
        err = strobe_mem_u64(site->mem, monitoring + lay->monitoring_opcodes, &aside.opcodes);
    for (size_t unit = 0; !err && unit < aside.units;) {
        uint8_t opcode = (uint8_t)site->code.data[UNIT * unit];
        const struct strobe_op *op;

        err = opcode_under(&aside, unit, &opcode);
        site->code.data[UNIT * unit] = (char)opcode;
        op = &site->opcodes->ops[site->opcodes->numbers[opcode]];
        if (op->kind == STROBE_OP_HIDDEN)
            break;
        unit += 1 + (size_t)op->caches;
    }
    strobe_buf_release(&aside.line_bytes);
    strobe_buf_release(&aside.opcode_bytes);
    return err;
}

/* ---- reading ---- */

/* Where the bytecode lies in the object itself (3.11+), its number of units is the object's size. */
static int read_inline_code(struct strobe_site_code *site, uint64_t code, struct strobe_bytecode *bytes)
{
    const struct strobe_layout *lay = site->lay;
    uint64_t units, table;
    int err;

    if (!strobe_span_word(site->object, site->object_len, lay->ob_size, &units) ||
        !strobe_span_word(site->object, site->object_len, lay->co_exceptiontable, &table))
        return STROBE_ERR_OBJECT;
    if (units > MAX_CODE / UNIT)
        return STROBE_ERR_LIMIT;
    err = read_bytes(site, code + lay->co_code, units * UNIT, &site->code);
    if (!err)
        err = uncover(site);
    if (!err)
        err = strobe_py_bytes(site->mem, lay, table, MAX_CODE, &site->table);
    if (!err && lay->co_firsttraceable <= site->object_len - sizeof(uint32_t))
        bytes->first = (int64_t)UNIT * (int32_t)strobe_span_u32(site->object, lay->co_firsttraceable);
    return err;
}

int strobe_site_open(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, struct strobe_site_code *site)
{
    struct strobe_bytecode bytes = {.first = -1};
    uint64_t obj;
    int err;

    *site = (struct strobe_site_code){.mem = mem, .lay = lay, .opcodes = find_opcodes(lay), .object_len = lay->co_size};
    if (!site->opcodes)
        return STROBE_ERR_MISSING;
    if (!strobe_py_plausible(code) || site->object_len > sizeof site->object || site->object_len < sizeof(uint64_t))
        return STROBE_ERR_OBJECT;
    err = strobe_mem_read(mem, code, site->object, site->object_len);
    if (err)
        return err;
    if (lay->co_exceptiontable != STROBE_NONE)
        err = read_inline_code(site, code, &bytes);
    else if (strobe_span_word(site->object, site->object_len, lay->co_code, &obj))
        err = strobe_py_bytes(mem, lay, obj, MAX_CODE, &site->code);
    else
        err = STROBE_ERR_OBJECT;
    if (!err && (site->code.failed || site->table.failed))
        err = STROBE_ERR_NOMEM;
    if (err)
        return err;
    bytes.code = (const unsigned char *)strobe_buf_str(&site->code);
    bytes.code_len = site->code.len;
    bytes.table = (const unsigned char *)strobe_buf_str(&site->table);
    bytes.table_len = site->table.len;
    return strobe_callsim_new(site->opcodes, &bytes, &site->sim);
}

void strobe_site_close(struct strobe_site_code *site)
{
    strobe_callsim_free(site->sim);
    strobe_buf_release(&site->code);
    strobe_buf_release(&site->table);
}
