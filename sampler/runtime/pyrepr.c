/* SPDX-License-Identifier: Apache-2.0 */
/* pyrepr: repr() of a target's objects, without running any of its code. */
#include "runtime/pyrepr.h"

#include <stdio.h>

#include "runtime/pyformat.h"

enum {
    MAX_SLOTS = 64 * 1024, /* slots of dicts and sets looked at in one repr: an all but empty table prints next to nothing */
    MAX_BYTES = 4096,      /* of a bytes object that are shown */
    ITEMS_READ = 64,       /* items of a list or tuple read at a time */
    SET_READ = 128,        /* entries of a set read at a time */
    SET_ENTRY = 16,        /* {key, hash} */
};

static void repr_object(struct strobe_repr *r, uint64_t obj);

void strobe_repr_put(struct strobe_repr *r, const char *text, size_t len)
{
    if (len > r->left)
        r->full = true;
    if (r->full)
        return;
    r->left -= len;
    strobe_buf_put(r->out, text, len);
}

void strobe_repr_puts(struct strobe_repr *r, const char *text)
{
    size_t len = strlen(text), n;

    for (; len > 0 && !r->full; text += n, len -= n) {
        n = strobe_utf8_len(text, len);
        n = n ? n : 1;
        strobe_repr_put(r, text, n);
    }
}

void strobe_repr_address(struct strobe_repr *r, uint64_t addr)
{
    char text[32];

    snprintf(text, sizeof text, " at 0x%llx>", (unsigned long long)addr);
    strobe_repr_puts(r, text);
}

static void put_unreadable(struct strobe_repr *r, uint64_t addr)
{
    strobe_repr_puts(r, "<unreadable");
    strobe_repr_address(r, addr);
}

/* --- scalars --- */

static int repr_int(struct strobe_repr *r, uint64_t obj, bool boolean)
{
    uint32_t digit[STROBE_PYFORMAT_DIGITS], top[3];
    char text[STROBE_PYFORMAT_DECIMALS];
    uint64_t n, shown;
    int sign, err = strobe_pyint_head(r->mem, r->lay, obj, &sign, &n);

    if (err)
        return err;
    if (boolean) {
        strobe_repr_puts(r, sign ? "True" : "False");
        return 0;
    }
    shown = n <= STROBE_PYFORMAT_DIGITS ? n : 3;
    err = n ? strobe_mem_read(r->mem, obj + r->lay->long_digit + (n - shown) * sizeof digit[0], digit, shown * sizeof digit[0]) : 0;
    if (err)
        return err;
    if (shown == n) {
        strobe_pyformat_int(digit, n, text);
        if (sign < 0)
            strobe_repr_put(r, "-", 1);
    } else {
        memcpy(top, digit, sizeof top);
        snprintf(text, sizeof text, "<int, %llu digits>", (unsigned long long)strobe_pyformat_decimals(top, n));
    }
    strobe_repr_puts(r, text);
    return 0;
}

static int repr_float(struct strobe_repr *r, uint64_t obj)
{
    char text[STROBE_PYFORMAT_FLOAT];
    uint64_t word;
    double value;
    int err = strobe_mem_u64(r->mem, obj + r->lay->float_value, &word);

    if (err)
        return err;
    memcpy(&value, &word, sizeof value);
    strobe_pyformat_float(value, text);
    strobe_repr_puts(r, text);
    return 0;
}

/* Python's rule: single quotes, unless the text has those and no double ones. */
static char choose_quote(bool single, bool twice)
{
    return single && !twice ? '"' : '\'';
}

int strobe_repr_str(struct strobe_repr *r, uint64_t obj)
{
    struct strobe_pystr str, ahead;
    char text[STROBE_PYFORMAT_CHAR], quote;
    uint32_t point;
    bool single = false, twice = false;
    size_t seen = 0;
    int err = strobe_pystr_open(r->mem, r->lay, obj, NULL, r->left, &str);

    if (err)
        return err;
    /* Looks no further than can be shown: a code point takes a byte at least. */
    for (ahead = str; seen <= r->left && (err = strobe_pystr_next(&ahead, &point)) > 0; seen++) {
        single = single || point == '\'';
        twice = twice || point == '"';
    }
    if (err < 0)
        return err;
    quote = choose_quote(single, twice);
    strobe_repr_put(r, &quote, 1);
    for (seen = 0; !r->full && (err = strobe_pystr_next(&str, &point)) > 0; seen++)
        strobe_repr_put(r, text, strobe_pyformat_char(point, quote, text));
    if (!r->full && (err < 0 || seen < str.length)) /* unreadable from here, or longer than STROBE_PY_MAX_STR */
        r->full = true;
    strobe_repr_put(r, &quote, 1);
    return 0;
}

static int repr_bytes(struct strobe_repr *r, uint64_t obj)
{
    unsigned char data[MAX_BYTES];
    char text[STROBE_PYFORMAT_CHAR], quote;
    uint64_t size;
    size_t n, i;
    int err = strobe_mem_u64(r->mem, obj + r->lay->bytes_size, &size);

    if (err)
        return err;
    n = size < sizeof data ? size : sizeof data;
    n = n <= r->left ? n : r->left + 1;
    n = n < sizeof data ? n : sizeof data;
    err = n ? strobe_mem_read(r->mem, obj + r->lay->bytes_data, data, n) : 0;
    if (err)
        return err;
    quote = choose_quote(memchr(data, '\'', n) != NULL, memchr(data, '"', n) != NULL);
    strobe_repr_put(r, "b", 1);
    strobe_repr_put(r, &quote, 1);
    for (i = 0; i < n && !r->full; i++)
        strobe_repr_put(r, text, strobe_pyformat_byte(data[i], quote, text));
    if (n < size)
        r->full = true;
    strobe_repr_put(r, &quote, 1);
    return 0;
}

/* --- containers --- */

/* Enters a container; false when it is one of its own parents, or too deep: then the mark stands for it. */
static bool enter(struct strobe_repr *r, uint64_t obj, const char *mark)
{
    bool known = r->depth >= STROBE_REPR_DEPTH;

    for (unsigned i = 0; i < r->depth && !known; i++)
        known = r->path[i] == obj;
    if (known)
        strobe_repr_puts(r, mark);
    else
        r->path[r->depth++] = obj;
    return !known;
}

static int repr_items(struct strobe_repr *r, uint64_t obj, bool tuple)
{
    uint64_t item[ITEMS_READ], items, n, at, got;
    int err = strobe_pyitems_open(r->mem, r->lay, obj, &items, &n);

    if (err)
        return err;
    if (!enter(r, obj, tuple ? "(...)" : "[...]"))
        return 0;
    strobe_repr_put(r, tuple ? "(" : "[", 1);
    for (at = 0; at < n && !r->full; at += got) {
        got = n - at < ITEMS_READ ? n - at : ITEMS_READ;
        err = strobe_mem_read(r->mem, items + at * sizeof item[0], item, got * sizeof item[0]);
        if (err) {
            strobe_repr_puts(r, at ? ", " : "");
            put_unreadable(r, items + at * sizeof item[0]);
            break;
        }
        for (uint64_t i = 0; i < got && !r->full; i++) {
            if (at + i > 0)
                strobe_repr_puts(r, ", ");
            repr_object(r, item[i]);
        }
    }
    strobe_repr_puts(r, !tuple ? "]" : n == 1 ? ",)" : ")");
    r->depth--;
    return 0;
}

struct dict_items {
    struct strobe_repr *r;
    bool any;
};

static int repr_dict_item(void *ctx, uint64_t key, uint64_t value)
{
    struct dict_items *items = ctx;
    struct strobe_repr *r = items->r;

    strobe_repr_puts(r, items->any ? ", " : "{");
    items->any = true;
    repr_object(r, key);
    strobe_repr_puts(r, ": ");
    repr_object(r, value);
    return r->full;
}

static int repr_dict(struct strobe_repr *r, uint64_t obj, const struct strobe_pytype *type, const char *type_name)
{
    struct dict_items items = {r, false};
    /* 3.15's frozendict is built like a dict but is no subclass of it: Name({...}), Name() when empty. */
    bool frozen = !strobe_pytype_has(type, STROBE_TPFLAG_DICT);
    int err;

    if (!enter(r, obj, "{...}"))
        return 0;
    strobe_repr_puts(r, frozen ? type_name : "");
    strobe_repr_puts(r, frozen ? "(" : "");
    err = strobe_pydict_each(r->mem, r->lay, obj, &r->slots, repr_dict_item, &items);
    if (err < 0) {
        strobe_repr_puts(r, items.any ? ", " : "{");
        put_unreadable(r, obj);
    }
    if (r->slots == 0)
        r->full = true;
    strobe_repr_puts(r, items.any || err < 0 ? "}" : frozen ? "" : "{}");
    strobe_repr_puts(r, frozen ? ")" : "");
    r->depth--;
    return 0;
}

/* The entries of a set's table, up to MAX_SLOTS. */
static int repr_set_items(struct strobe_repr *r, uint64_t table, uint64_t n_slots)
{
    unsigned char entry[SET_READ * SET_ENTRY];
    bool any = false;
    uint64_t at, got, key;
    int err;

    for (at = 0; at < n_slots && !r->full; at += got) {
        got = n_slots - at < SET_READ ? n_slots - at : SET_READ;
        if (got > r->slots) {
            r->full = true;
            break;
        }
        r->slots -= got;
        err = strobe_mem_read(r->mem, table + at * SET_ENTRY, entry, got * SET_ENTRY);
        if (err)
            return err;
        for (uint64_t i = 0; i < got && !r->full; i++) {
            key = strobe_span_u64(entry, i * SET_ENTRY);
            /* Hash -1: the mark of a removed entry (CPython: Objects/setobject.c, dummy). */
            if (key == 0 || strobe_span_u64(entry, i * SET_ENTRY + sizeof key) == UINT64_MAX)
                continue;
            strobe_repr_puts(r, any ? ", " : "");
            any = true;
            repr_object(r, key);
        }
    }
    return 0;
}

static int repr_set(struct strobe_repr *r, uint64_t obj, const char *type_name)
{
    const struct strobe_layout *lay = r->lay;
    bool plain = strcmp(type_name, "set") == 0;
    uint64_t used, mask, table;
    const struct strobe_mem_seg segs[] = {
        {obj + lay->set_used, &used, sizeof used}, {obj + lay->set_mask, &mask, sizeof mask}, {obj + lay->set_table, &table, sizeof table},
    };
    int err = strobe_mem_readv(r->mem, segs, 3);

    if (err)
        return err;
    if (mask == UINT64_MAX || (mask & (mask + 1)) != 0 || !strobe_py_plausible(table))
        return STROBE_ERR_OBJECT;
    if (used == 0) {
        strobe_repr_puts(r, type_name);
        strobe_repr_puts(r, "()");
        return 0;
    }
    if (!enter(r, obj, "{...}"))
        return 0;
    strobe_repr_puts(r, plain ? "" : type_name);
    strobe_repr_puts(r, plain ? "{" : "({");
    err = repr_set_items(r, table, mask + 1);
    if (err)
        put_unreadable(r, table);
    strobe_repr_puts(r, plain ? "}" : "})");
    r->depth--;
    return 0;
}

static int repr_known(struct strobe_repr *r, uint64_t obj)
{
    char name[STROBE_REPR_NAME];
    enum strobe_py_kind kind;
    struct strobe_pytype type;
    int err = strobe_pytype_of(r->mem, r->lay, obj, &type);

    if (!err)
        err = strobe_pytype_kind(r->mem, r->lay, &type, &kind);
    if (!err && (kind == STROBE_PY_SET || kind == STROBE_PY_DICT || kind == STROBE_PY_OTHER || kind == STROBE_PY_CELL))
        err = strobe_py_type_name(r->mem, r->lay, type.addr, name, sizeof name);
    if (err)
        return err;
    switch (kind) {
    case STROBE_PY_NONE:
        strobe_repr_puts(r, "None");
        return 0;
    case STROBE_PY_BOOL:
    case STROBE_PY_INT:
        return repr_int(r, obj, kind == STROBE_PY_BOOL);
    case STROBE_PY_FLOAT:
        return repr_float(r, obj);
    case STROBE_PY_STR:
        return strobe_repr_str(r, obj);
    case STROBE_PY_BYTES:
        return repr_bytes(r, obj);
    case STROBE_PY_TUPLE:
    case STROBE_PY_LIST:
        return repr_items(r, obj, kind == STROBE_PY_TUPLE);
    case STROBE_PY_DICT:
        return repr_dict(r, obj, &type, name);
    case STROBE_PY_SET:
        return repr_set(r, obj, name);
    case STROBE_PY_TYPE:
        return strobe_repr_type(r, obj);
    case STROBE_PY_CELL:
    case STROBE_PY_OTHER:
        break;
    }
    return strobe_repr_other(r, obj, &type, name);
}

static void repr_object(struct strobe_repr *r, uint64_t obj)
{
    if (repr_known(r, obj) != 0)
        put_unreadable(r, obj);
}

void strobe_py_repr(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, size_t max, struct strobe_buf *out)
{
    struct strobe_repr r = {.mem = mem, .lay = lay, .out = out, .left = max, .slots = MAX_SLOTS};

    repr_object(&r, obj);
    if (r.full)
        strobe_buf_puts(out, "...");
}
