/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

enum {
    PAGE = 4096,            /* the smallest page of any Linux; larger ones are whole multiples of it */
    TYPE_SPAN = 512,        /* the fields wanted of a PyTypeObject end at 312 in 3.14t */
    OBJECT_SPAN = 128,      /* head of any object that is read whole here: at most 80 */
    MAX_LENGTH_BITS = 48,   /* no object is larger than the address space of a process */
};

int strobe_py_span(struct strobe_mem *mem, uint64_t addr, void *buf, size_t want, size_t need, size_t *ret_len)
{
    size_t in_page = PAGE - addr % PAGE;
    bool less = in_page < want && in_page >= need;
    int err = less ? strobe_mem_probe(mem, addr, buf, want) : strobe_mem_read(mem, addr, buf, want);

    if (err == STROBE_ERR_FAULT && less) {
        want = in_page;
        err = strobe_mem_read(mem, addr, buf, want);
    }
    if (err)
        return err;
    *ret_len = want;
    return 0;
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

int strobe_pytype_read(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, struct strobe_pytype *ret)
{
    unsigned char span[TYPE_SPAN];
    struct strobe_pytype t = {.addr = type};
    uint64_t basicsize, itemsize, dictoffset;
    size_t len = max_size(max_size(lay->ty_dictoffset, lay->ty_dict), max_size(lay->ty_base, lay->ty_flags)) + sizeof(uint64_t);
    int err;

    if (!strobe_py_plausible(type) || len > sizeof span)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_read(mem, type, span, len);
    if (err)
        return err;
    if (!strobe_span_word(span, len, lay->ty_name, &t.name) || !strobe_span_word(span, len, lay->ty_flags, &t.flags) ||
        !strobe_span_word(span, len, lay->ty_base, &t.base) || !strobe_span_word(span, len, lay->ty_dict, &t.dict) ||
        !strobe_span_word(span, len, lay->ty_basicsize, &basicsize) || !strobe_span_word(span, len, lay->ty_itemsize, &itemsize) ||
        !strobe_span_word(span, len, lay->ty_dictoffset, &dictoffset))
        return STROBE_ERR_OBJECT;
    t.basicsize = (int64_t)basicsize;
    t.itemsize = (int64_t)itemsize;
    t.dictoffset = (int64_t)dictoffset;
    *ret = t;
    return 0;
}

int strobe_py_type(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *ret_type)
{
    uint64_t type;
    int err;

    if (!strobe_py_plausible(obj))
        return STROBE_ERR_OBJECT;
    err = strobe_mem_u64(mem, obj + lay->ob_type, &type);
    if (err)
        return err;
    if (!strobe_py_plausible(type))
        return STROBE_ERR_OBJECT;
    *ret_type = type;
    return 0;
}

int strobe_pytype_of(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, struct strobe_pytype *ret)
{
    uint64_t type;
    int err = strobe_py_type(mem, lay, obj, &type);

    return err ? err : strobe_pytype_read(mem, lay, type, ret);
}

const char *strobe_py_last_name(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot ? dot + 1 : text;
}

int strobe_py_type_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, char *name, size_t size)
{
    char text[256]; /* longer class names are cut */
    uint64_t addr;
    size_t n = 0, i, seq;
    int err;

    if (!strobe_py_plausible(type) || size == 0)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_u64(mem, type + lay->ty_name, &addr);
    if (!err)
        err = strobe_mem_cstr(mem, addr, text, sizeof text);
    if (err)
        return err;
    /* A C string of the target: made valid UTF-8 here, as everything that leaves this module. */
    for (i = 0; text[i] != '\0' && n + 1 < size; i += seq) {
        seq = strobe_utf8_len(text + i, strlen(text + i));
        if (n + (seq ? seq : 1) >= size)
            break;
        if (seq)
            memcpy(name + n, text + i, seq);
        else
            name[n] = '?';
        seq = seq ? seq : 1;
        n += seq;
    }
    name[n] = '\0';
    return 0;
}

/* The kind of a class that has no flag of its own, by the name of the static type it descends from.  A class of the
 * target's own program (a heap type) may be called "float" without being one. */
static int kind_by_name(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_pytype *type,
                        enum strobe_py_kind *ret_kind)
{
    static const struct {
        const char *name;
        enum strobe_py_kind kind;
    } known[] = {
        {"NoneType", STROBE_PY_NONE}, {"float", STROBE_PY_FLOAT}, {"set", STROBE_PY_SET}, {"frozenset", STROBE_PY_SET},
        {"cell", STROBE_PY_CELL}, {"frozendict", STROBE_PY_DICT},
    };
    struct strobe_pytype t = *type;
    char name[16];
    size_t k;
    int i, err;

    for (i = 0; i < STROBE_PY_MAX_MRO; i++) {
        if (!strobe_pytype_has(&t, STROBE_TPFLAG_HEAPTYPE)) {
            err = strobe_mem_cstr(mem, t.name, name, sizeof name);
            if (err)
                return err;
            for (k = 0; k < sizeof known / sizeof known[0]; k++) {
                if (strcmp(name, known[k].name) == 0) {
                    *ret_kind = known[k].kind;
                    return 0;
                }
            }
        }
        if (t.base == 0)
            break;
        err = strobe_pytype_read(mem, lay, t.base, &t);
        if (err)
            return err;
    }
    *ret_kind = STROBE_PY_OTHER;
    return 0;
}

int strobe_pytype_kind(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_pytype *type,
                       enum strobe_py_kind *ret_kind)
{
    static const struct {
        unsigned char flag;
        enum strobe_py_kind kind;
    } by_flag[] = {
        {STROBE_TPFLAG_STR, STROBE_PY_STR}, {STROBE_TPFLAG_INT, STROBE_PY_INT}, {STROBE_TPFLAG_TUPLE, STROBE_PY_TUPLE},
        {STROBE_TPFLAG_DICT, STROBE_PY_DICT}, {STROBE_TPFLAG_LIST, STROBE_PY_LIST}, {STROBE_TPFLAG_BYTES, STROBE_PY_BYTES},
        {STROBE_TPFLAG_TYPE, STROBE_PY_TYPE},
    };
    enum strobe_py_kind kind = STROBE_PY_OTHER;
    char name[8];
    size_t i;
    int err;

    for (i = 0; i < sizeof by_flag / sizeof by_flag[0] && kind == STROBE_PY_OTHER; i++) {
        if (strobe_pytype_has(type, by_flag[i].flag))
            kind = by_flag[i].kind;
    }
    if (kind == STROBE_PY_OTHER)
        return kind_by_name(mem, lay, type, ret_kind);
    if (kind == STROBE_PY_INT && !strobe_pytype_has(type, STROBE_TPFLAG_HEAPTYPE)) {
        err = strobe_mem_cstr(mem, type->name, name, sizeof name);
        if (err)
            return err;
        if (strcmp(name, "bool") == 0)
            kind = STROBE_PY_BOOL;
    }
    *ret_kind = kind;
    return 0;
}

int strobe_py_kind(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, enum strobe_py_kind *ret_kind)
{
    struct strobe_pytype type;
    int err = strobe_pytype_of(mem, lay, obj, &type);

    return err ? err : strobe_pytype_kind(mem, lay, &type, ret_kind);
}

int strobe_py_bytes(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, size_t max, struct strobe_buf *out)
{
    struct strobe_pytype type;
    uint64_t size;
    int err = strobe_pytype_of(mem, lay, obj, &type);

    if (err)
        return err;
    if (!strobe_pytype_has(&type, STROBE_TPFLAG_BYTES))
        return STROBE_ERR_OBJECT;
    err = strobe_mem_u64(mem, obj + lay->bytes_size, &size);
    if (err)
        return err;
    if (size >> MAX_LENGTH_BITS)
        return STROBE_ERR_OBJECT;
    if (size > max)
        return STROBE_ERR_LIMIT;
    if (size == 0)
        return 0;
    err = strobe_buf_reserve(out, size);
    if (err)
        return err;
    /* Straight into the room reserved: nothing counts as appended until the length moves. */
    err = strobe_mem_read(mem, obj + lay->bytes_data, out->data + out->len, size);
    if (!err)
        out->len += size;
    out->data[out->len] = '\0';
    return err;
}

int strobe_pyint_head(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, int *ret_sign, uint64_t *ret_digits)
{
    uint64_t tag, digits;
    int sign;
    int err = strobe_mem_u64(mem, obj + lay->long_tag, &tag);

    if (err)
        return err;
    if (lay->long_shift != 0) {
        digits = tag >> lay->long_shift % 64;
        sign = 1 - (int)(tag & 3); /* 0 positive, 1 zero, 2 negative */
        if (sign < -1)
            return STROBE_ERR_OBJECT;
    } else {
        sign = (int64_t)tag < 0 ? -1 : 1;
        digits = sign < 0 ? 0 - tag : tag;
    }
    if (digits >> MAX_LENGTH_BITS)
        return STROBE_ERR_OBJECT;
    *ret_sign = digits == 0 ? 0 : sign;
    *ret_digits = digits;
    return 0;
}

int strobe_py_int(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, int64_t *ret)
{
    enum { DIGIT_BITS = 30, DIGITS_64 = 3 };
    struct strobe_pytype type;
    uint32_t digit[DIGITS_64];
    uint64_t n, value = 0;
    int sign, err = strobe_pytype_of(mem, lay, obj, &type);

    if (err)
        return err;
    if (!strobe_pytype_has(&type, STROBE_TPFLAG_INT))
        return STROBE_ERR_OBJECT;
    err = strobe_pyint_head(mem, lay, obj, &sign, &n);
    if (err)
        return err;
    if (n > DIGITS_64)
        return STROBE_ERR_LIMIT;
    err = n ? strobe_mem_read(mem, obj + lay->long_digit, digit, n * sizeof digit[0]) : 0;
    if (err)
        return err;
    for (uint64_t i = 0; i < n; i++) {
        if (digit[i] >> DIGIT_BITS)
            return STROBE_ERR_OBJECT;
        if (i == DIGITS_64 - 1 && digit[i] >> (64 - DIGIT_BITS * i))
            return STROBE_ERR_LIMIT;
        value |= (uint64_t)digit[i] << DIGIT_BITS * i;
    }
    if (value > (uint64_t)INT64_MAX + (sign < 0))
        return STROBE_ERR_LIMIT;
    *ret = sign < 0 ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

int strobe_pyitems_open(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *ret_items, uint64_t *ret_n)
{
    unsigned char head[OBJECT_SPAN];
    struct strobe_pytype type;
    uint64_t size, items;
    size_t len;
    bool tuple, ok;
    int err = strobe_pytype_of(mem, lay, obj, &type);

    if (err)
        return err;
    tuple = strobe_pytype_has(&type, STROBE_TPFLAG_TUPLE);
    if (!tuple && !strobe_pytype_has(&type, STROBE_TPFLAG_LIST))
        return STROBE_ERR_OBJECT;
    len = (tuple ? lay->tuple_size : max_size(lay->list_size, lay->list_items)) + sizeof(uint64_t);
    err = len > sizeof head ? STROBE_ERR_OBJECT : strobe_mem_read(mem, obj, head, len);
    if (err)
        return err;
    if (tuple) {
        ok = strobe_span_word(head, len, lay->tuple_size, &size);
        items = obj + lay->tuple_items;
    } else {
        ok = strobe_span_word(head, len, lay->list_size, &size) && strobe_span_word(head, len, lay->list_items, &items);
    }
    if (!ok || size >> MAX_LENGTH_BITS || (size > 0 && !strobe_py_plausible(items)))
        return STROBE_ERR_OBJECT;
    *ret_items = items;
    *ret_n = size;
    return 0;
}

int strobe_py_items(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *ret, size_t max, size_t *ret_n)
{
    uint64_t items, n;
    int err = strobe_pyitems_open(mem, lay, obj, &items, &n);

    if (err)
        return err;
    if (n < max)
        max = n;
    err = max ? strobe_mem_read(mem, items, ret, max * sizeof *ret) : 0;
    if (!err)
        *ret_n = n;
    return err;
}
