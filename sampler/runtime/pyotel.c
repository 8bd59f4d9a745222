/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pyotel.h"

#include <string.h>

#include "runtime/pyspan.h"

enum { DIGIT_BITS = 30, MAX_DIGITS = 5 /* of 30 bits: 128 and some */, TRACE_BYTES = 16, SPAN_BYTES = 8 };

struct search {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    uint64_t span;
};

static int is_current_span(void *ctx, uint64_t key, uint64_t value)
{
    static const char prefix[] = "current-span-"; /* and a random number, new in each process */
    struct search *search = ctx;
    struct strobe_buf name = STROBE_BUF_INIT;
    bool found = !strobe_py_str(search->mem, search->lay, key, &name) && name.len >= sizeof prefix - 1 &&
                 memcmp(name.data, prefix, sizeof prefix - 1) == 0;

    strobe_buf_release(&name);
    if (found)
        search->span = value;
    return found;
}

/* Appends a non-negative int of at most n bytes, in hexadecimal, with leading zeros. */
static int put_hex(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t number, size_t n, struct strobe_buf *out)
{
    uint32_t digit[MAX_DIGITS] = {0};
    unsigned char bytes[TRACE_BYTES] = {0}, any = 0;
    uint64_t digits;
    int sign, err = strobe_pyint_head(mem, lay, number, &sign, &digits);

    if (!err && (sign < 0 || digits > MAX_DIGITS))
        err = STROBE_ERR_OBJECT;
    if (!err && digits)
        err = strobe_mem_read(mem, number + lay->long_digit, digit, digits * sizeof digit[0]);
    if (err)
        return err;
    for (size_t bit = 0; bit < 8 * n; bit++)
        bytes[bit / 8] |= (unsigned char)((digit[bit / DIGIT_BITS] >> bit % DIGIT_BITS & 1) << bit % 8);
    for (size_t i = 0; i < n; i++)
        any |= bytes[i];
    if (!any)
        return STROBE_ERR_MISSING;
    for (size_t i = n; i-- > 0;)
        strobe_buf_printf(out, "%02x", bytes[i]);
    return 0;
}

int strobe_py_otel(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t value, enum strobe_otel_id which,
                   struct strobe_buf *out)
{
    struct search search = {.mem = mem, .lay = lay};
    int err = strobe_py_dict_each(mem, lay, value, is_current_span, &search);
    uint64_t context, ids[2];
    enum strobe_py_kind kind;
    size_t n;

    if (!search.span)
        return err ? err : STROBE_ERR_MISSING;
    err = strobe_py_attr(mem, lay, search.span, "_context", &context);
    if (!err)
        err = strobe_py_items(mem, lay, context, ids, 2, &n);
    if (!err && n < 2)
        err = STROBE_ERR_OBJECT;
    if (!err)
        err = strobe_py_kind(mem, lay, ids[which], &kind);
    if (!err && kind != STROBE_PY_INT)
        err = STROBE_ERR_OBJECT;
    return err ? err : put_hex(mem, lay, ids[which], which == STROBE_OTEL_TRACE ? TRACE_BYTES : SPAN_BYTES, out);
}
