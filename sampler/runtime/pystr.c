/* SPDX-License-Identifier: Apache-2.0 */
/* pystr: str objects (PEP 393) as streams of code points, and UTF-8. */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

enum {
    HEAD_MAX = 128,       /* a str object without its text: 80 at most (3.14t) */
    FIRST_TEXT = 184,     /* text read together with the head: most names and paths fit */
    MAX_LENGTH_BITS = 48, /* no object is larger than the address space of a process */
};

/* Where the text lies: behind one of two heads, or (a subclass of str, or a string of the old kind) elsewhere.
 * ret_data: address of the text. */
static int find_text(const struct strobe_layout *lay, uint64_t obj, const unsigned char *head, size_t len, size_t *ret_width,
                     uint64_t *ret_data)
{
    uint32_t state, kind, compact, ascii;
    uint64_t data;

    if (lay->str_state > len - sizeof state)
        return STROBE_ERR_OBJECT;
    state = strobe_span_u32(head, lay->str_state) >> lay->str_kind_shift % 32;
    kind = state & 7;
    compact = state >> 3 & 1;
    ascii = state >> 4 & 1;
    if ((kind != 1 && kind != 2 && kind != 4) || (ascii && kind != 1)) /* kind 0: not ready (before 3.12), no text yet */
        return STROBE_ERR_OBJECT;
    if (compact)
        data = obj + (ascii ? lay->str_ascii_data : lay->str_compact_data);
    else if (!strobe_span_word(head, len, lay->str_compact_data, &data))
        return STROBE_ERR_OBJECT;
    *ret_width = kind;
    *ret_data = data;
    return 0;
}

static int check_type(struct strobe_mem *mem, const struct strobe_layout *lay, const unsigned char *head, size_t len, uint64_t *str_type)
{
    struct strobe_pytype t;
    uint64_t type;
    int err;

    if (!strobe_span_word(head, len, lay->ob_type, &type))
        return STROBE_ERR_OBJECT;
    if (str_type != NULL && *str_type == type)
        return 0;
    err = strobe_pytype_read(mem, lay, type, &t);
    if (err)
        return err;
    if (!strobe_pytype_has(&t, STROBE_TPFLAG_STR))
        return STROBE_ERR_OBJECT;
    if (str_type != NULL)
        *str_type = type;
    return 0;
}

int strobe_pystr_open(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *str_type, size_t max,
                      struct strobe_pystr *ret)
{
    unsigned char head[HEAD_MAX + FIRST_TEXT];
    size_t len, width, need = lay->str_compact_data, want;
    uint64_t length, data;
    int err;

    if (!strobe_py_plausible(obj) || lay->str_ascii_data > HEAD_MAX || lay->str_compact_data > HEAD_MAX - sizeof(uint64_t))
        return STROBE_ERR_OBJECT;
    /* The shortest strings end before str_compact_data does. */
    if (lay->str_ascii_data < need)
        need = lay->str_ascii_data;
    want = lay->str_compact_data + sizeof(uint64_t) + (max < FIRST_TEXT ? max : FIRST_TEXT);
    err = strobe_py_span(mem, obj, head, want < sizeof head ? want : sizeof head, need, &len);
    if (!err)
        err = check_type(mem, lay, head, len, str_type);
    if (!err)
        err = find_text(lay, obj, head, len, &width, &data);
    if (err)
        return err;
    if (!strobe_span_word(head, len, lay->str_length, &length) || length >> MAX_LENGTH_BITS)
        return STROBE_ERR_OBJECT;

    ret->mem = mem;
    ret->length = length;
    ret->width = width;
    ret->left = length < STROBE_PY_MAX_STR ? length : STROBE_PY_MAX_STR;
    ret->addr = data;
    ret->pos = ret->len = 0;
    if (data > obj && data - obj < len) { /* some of the text is here already */
        size_t here = (len - (data - obj)) / width;

        here = here < ret->left ? here : ret->left;
        memcpy(ret->chunk, head + (data - obj), here * width);
        ret->len = here * width;
        ret->addr += ret->len;
        ret->left -= here;
    }
    return 0;
}

int strobe_pystr_next(struct strobe_pystr *str, uint32_t *ret_point)
{
    uint32_t point = 0;

    if (str->pos >= str->len) {
        size_t n = sizeof str->chunk / str->width;
        int err;

        n = n < str->left ? n : str->left;
        if (n == 0)
            return 0;
        err = strobe_mem_read(str->mem, str->addr, str->chunk, n * str->width);
        if (err)
            return err;
        str->addr += n * str->width;
        str->left -= n;
        str->pos = 0;
        str->len = n * str->width;
    }
    memcpy(&point, str->chunk + str->pos, str->width); /* little-endian, as all that is read here */
    str->pos += str->width;
    *ret_point = point <= 0x10FFFF ? point : 0xFFFD;
    return 1;
}

int strobe_py_str(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, struct strobe_buf *out)
{
    struct strobe_pystr str;
    size_t before = out->len;
    uint32_t point;
    char utf8[4];
    int err = strobe_pystr_open(mem, lay, obj, NULL, STROBE_PY_MAX_STR, &str);

    if (err)
        return err;
    while ((err = strobe_pystr_next(&str, &point)) > 0)
        strobe_buf_put(out, utf8, strobe_utf8_put(point, utf8));
    if (!err && out->failed)
        err = STROBE_ERR_NOMEM;
    if (err < 0 && out->len > before) {
        out->len = before;
        out->data[before] = '\0';
    }
    return err;
}

int strobe_pystr_copy(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *str_type, char *buf, size_t size)
{
    struct strobe_pystr str;
    size_t n = 0, len;
    uint32_t point;
    char utf8[4];
    int err;

    if (size == 0)
        return STROBE_ERR_ARG;
    err = strobe_pystr_open(mem, lay, obj, str_type, size, &str);
    if (err)
        return err;
    while ((err = strobe_pystr_next(&str, &point)) > 0) {
        len = strobe_utf8_put(point, utf8);
        if (n + len >= size)
            break;
        memcpy(buf + n, utf8, len);
        n += len;
    }
    buf[err < 0 ? 0 : n] = '\0';
    return err < 0 ? err : 0;
}

int strobe_pystr_is(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *str_type, const char *text)
{
    struct strobe_pystr str;
    size_t at = 0, len = strlen(text), n;
    uint32_t point;
    char utf8[4];
    int err = strobe_pystr_open(mem, lay, obj, str_type, len, &str);

    if (err)
        return err;
    if (str.length > len)
        return 0;
    while ((err = strobe_pystr_next(&str, &point)) > 0) {
        n = strobe_utf8_put(point, utf8);
        if (n > len - at || memcmp(text + at, utf8, n) != 0)
            return 0;
        at += n;
    }
    return err < 0 ? err : at == len;
}
