/* SPDX-License-Identifier: Apache-2.0 */
/* pyspan: the common ground of py*.c: spans of objects, type objects as read, strings as streams of code points.
 * Private to runtime/py*.c.  May include: mem, layout, pyobj.h, base.  Plain data, no ownership. */
#ifndef STROBE_RUNTIME_PYSPAN_H
#define STROBE_RUNTIME_PYSPAN_H

#include "base/utf8.h"
#include "runtime/pyobj.h"

/* tp_flags, CPython: Include/object.h; the same bits in 3.8 - 3.15 (MANAGED_DICT from 3.11 on). */
enum {
    STROBE_TPFLAG_MANAGED_DICT = 4,
    STROBE_TPFLAG_HEAPTYPE = 9,
    STROBE_TPFLAG_INT = 24,
    STROBE_TPFLAG_LIST = 25,
    STROBE_TPFLAG_TUPLE = 26,
    STROBE_TPFLAG_BYTES = 27,
    STROBE_TPFLAG_STR = 28,
    STROBE_TPFLAG_DICT = 29,
    STROBE_TPFLAG_TYPE = 31,
};

/* Objects lie in neither the zero page nor at odd addresses: a cheap test before a read is spent. */
static inline bool strobe_py_plausible(uint64_t addr)
{
    return addr >= 4096 && addr < UINT64_MAX - STROBE_PY_MAX_ITEMS && addr % sizeof(uint64_t) == 0;
}

/* A word inside a span of len bytes: the bound holds even for offsets out of a damaged layout. */
static inline bool strobe_span_word(const unsigned char *span, size_t len, uint32_t off, uint64_t *ret)
{
    if (len < sizeof *ret || off > len - sizeof *ret)
        return false;
    *ret = strobe_span_u64(span, off);
    return true;
}

/* Reads up to want bytes in one go; where the mapping ends before that, what lies in the first page, if that is at
 * least need bytes.  ret_len: bytes read. */
int strobe_py_span(struct strobe_mem *mem, uint64_t addr, void *buf, size_t want, size_t need, size_t *ret_len);

/* The part of a PyTypeObject that says how its instances are built. */
struct strobe_pytype {
    uint64_t addr, name, flags, base, dict;
    int64_t basicsize, itemsize, dictoffset;
};
int strobe_pytype_read(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, struct strobe_pytype *ret);
/* The type of obj, read. */
int strobe_pytype_of(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, struct strobe_pytype *ret);
int strobe_pytype_kind(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_pytype *type,
                       enum strobe_py_kind *ret_kind);

static inline bool strobe_pytype_has(const struct strobe_pytype *type, unsigned flag)
{
    return type->flags >> flag & 1;
}

/* An int's sign (-1, 0, 1) and its number of 30-bit digits, which lie at obj + long_digit. */
int strobe_pyint_head(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, int *ret_sign, uint64_t *ret_digits);

/* Where the items of a list or tuple lie, and how many they say they are. */
int strobe_pyitems_open(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *ret_items, uint64_t *ret_n);

/* A str that is read in pieces. */
struct strobe_pystr {
    struct strobe_mem *mem;
    uint64_t length;  /* code points of the whole string */
    uint64_t addr;    /* of the first byte not yet read */
    size_t left;      /* code points not yet read, at most STROBE_PY_MAX_STR */
    size_t width;     /* bytes per code point: 1, 2, 4 */
    size_t pos, len;  /* bytes of chunk */
    unsigned char chunk[1024];
};
/* str_type: address of a type known to be a str, so that it need not be read again; 0 = none yet; set on success.  May be NULL.
 * max: code points that will be wanted at most (a hint for the size of the first read). */
int strobe_pystr_open(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *str_type, size_t max,
                      struct strobe_pystr *ret);
/* 1 and the next code point (surrogates included; never above U+10FFFF), 0 at the end, or an error. */
int strobe_pystr_next(struct strobe_pystr *str, uint32_t *ret_point);
/* Up to size - 1 bytes of UTF-8, whole code points only, terminated. */
int strobe_pystr_copy(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *str_type, char *buf, size_t size);
/* 1 when the str reads as text (UTF-8), 0 when not, or an error. */
int strobe_pystr_is(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *str_type, const char *text);

/* strobe_py_dict_each that looks at no more than *slots slots, and counts them down. */
int strobe_pydict_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, size_t *slots, strobe_py_item_fn *each,
                       void *ctx);

#endif
