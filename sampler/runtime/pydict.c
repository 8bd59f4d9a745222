/* SPDX-License-Identifier: Apache-2.0 */
/* pydict: dicts (Objects/dictobject.c) and the attributes of instances.
 *
 * keys object:  head | index table | entries, in order of insertion: {hash, key, value}, or {key, value} where all keys are str
 * combined:     values in the entries;  split (instances of one class share the keys): values in an array of their own */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

enum {
    KEYS_HEAD = 64,          /* head of a keys object: 40 at most */
    DICT_SPAN = 128,         /* a PyDictObject: 72 at most (3.14t) */
    CHUNK_BYTES = 170 * 24,  /* entries read at a time: a whole number of both sizes */
    CHUNK_ENTRIES = CHUNK_BYTES / 16,
    GENERAL_ENTRY = 24,      /* {hash, key, value} */
    STR_ENTRY = 16,          /* {key, value} */
    MAX_LOG2 = 40,           /* of a dict's slots: more entries than any memory holds */
    MAX_SPLIT = 255,         /* values whose order is kept, by bytes (CPython shares at most 30 keys) */
};

struct keys {
    uint64_t entries;  /* address of the first */
    size_t n;          /* entries used or once used */
    size_t entry_size, key, value; /* bytes; offsets in an entry */
};

static int read_keys(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t addr, struct keys *ret)
{
    unsigned char head[KEYS_HEAD];
    uint64_t n, slots, index_bytes;
    uint32_t log2_slots, log2_bytes, kind = 0;
    int err;

    if (!strobe_py_plausible(addr) || lay->keys_indices > sizeof head)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_read(mem, addr, head, lay->keys_indices);
    if (err)
        return err;
    if (!strobe_span_word(head, lay->keys_indices, lay->keys_nentries, &n))
        return STROBE_ERR_OBJECT;
    if (lay->keys_slots != STROBE_NONE) {
        if (!strobe_span_word(head, lay->keys_indices, lay->keys_slots, &slots) || slots == 0 || (slots & (slots - 1)) != 0 ||
            slots >> MAX_LOG2)
            return STROBE_ERR_OBJECT;
        index_bytes = slots * (slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8);
    } else {
        if (lay->keys_log2_slots >= lay->keys_indices || lay->keys_log2_index_bytes >= lay->keys_indices ||
            lay->keys_kind >= lay->keys_indices)
            return STROBE_ERR_OBJECT;
        log2_slots = head[lay->keys_log2_slots];
        log2_bytes = head[lay->keys_log2_index_bytes];
        kind = head[lay->keys_kind];
        /* An index is 1, 2, 4 or 8 bytes wide. */
        if (log2_slots > MAX_LOG2 || log2_bytes < log2_slots || log2_bytes > log2_slots + 3)
            return STROBE_ERR_OBJECT;
        slots = (uint64_t)1 << log2_slots;
        index_bytes = (uint64_t)1 << log2_bytes;
    }
    if (n > slots)
        return STROBE_ERR_OBJECT;
    ret->entries = addr + lay->keys_indices + index_bytes;
    ret->n = n;
    ret->entry_size = kind == 0 ? GENERAL_ENTRY : STR_ENTRY;
    ret->key = kind == 0 ? sizeof(uint64_t) : 0;
    ret->value = ret->key + sizeof(uint64_t);
    return 0;
}

/* The order of insertion of a split dict's values: positions in the keys.  ret_n: how many values there are.
 * STROBE_ERR_MISSING where this version keeps none (it is that of the keys). */
static int read_order(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t values, unsigned char order[MAX_SPLIT],
                      size_t *ret_n)
{
    unsigned char head[8], prefix[MAX_SPLIT + 1];
    size_t capacity, count;
    int err;

    if (lay->values_valid != STROBE_NONE) {
        if (lay->values_capacity >= sizeof head || lay->values_count >= sizeof head)
            return STROBE_ERR_OBJECT;
        err = strobe_mem_read(mem, values, head, sizeof head);
        if (err)
            return err;
        capacity = head[lay->values_capacity];
        count = head[lay->values_count];
        if (count > capacity)
            return STROBE_ERR_OBJECT;
        err = count ? strobe_mem_read(mem, values + lay->dict_values_header + capacity * sizeof(uint64_t), order, count) : 0;
    } else if (lay->keys_slots == STROBE_NONE) {
        /* ... order[1] order[0] count size-of-this | values[0] ... */
        err = strobe_mem_read(mem, values - sizeof head, head, sizeof head);
        if (err)
            return err;
        capacity = head[7];
        count = head[6];
        if (count + 2 > capacity)
            return STROBE_ERR_OBJECT;
        err = strobe_mem_read(mem, values - capacity, prefix, capacity);
        for (size_t i = 0; !err && i < count; i++)
            order[i] = prefix[capacity - 3 - i];
    } else {
        return STROBE_ERR_MISSING;
    }
    if (!err)
        *ret_n = count;
    return err;
}

/* All entries, in order; values: address of the split values' first pointer, or 0. */
static int each_entry(struct strobe_mem *mem, const struct keys *keys, uint64_t values, size_t *slots, strobe_py_item_fn *each, void *ctx)
{
    unsigned char chunk[CHUNK_BYTES];
    uint64_t split[CHUNK_ENTRIES], key, value;
    size_t n = keys->n < *slots ? keys->n : *slots;
    int err;

    *slots -= n;
    for (size_t at = 0, got; at < n; at += got) {
        got = CHUNK_BYTES / keys->entry_size;
        got = got < n - at ? got : n - at;
        err = strobe_mem_read(mem, keys->entries + at * keys->entry_size, chunk, got * keys->entry_size);
        if (!err && values)
            err = strobe_mem_read(mem, values + at * sizeof(uint64_t), split, got * sizeof(uint64_t));
        if (err)
            return err;
        for (size_t i = 0; i < got; i++) {
            key = strobe_span_u64(chunk, i * keys->entry_size + keys->key);
            value = values ? split[i] : strobe_span_u64(chunk, i * keys->entry_size + keys->value);
            if (key == 0 || value == 0) /* deleted, or not set on this instance */
                continue;
            err = each(ctx, key, value);
            if (err)
                return err;
        }
    }
    return 0;
}

/* A split dict: values_addr as in ma_values. */
static int each_split(struct strobe_mem *mem, const struct strobe_layout *lay, const struct keys *keys, uint64_t values_addr, size_t *slots,
                      strobe_py_item_fn *each, void *ctx)
{
    unsigned char chunk[MAX_SPLIT * GENERAL_ENTRY], order[MAX_SPLIT];
    uint64_t split[MAX_SPLIT], key;
    size_t count, high = 0;
    int err;

    if (!strobe_py_plausible(values_addr))
        return STROBE_ERR_OBJECT;
    err = read_order(mem, lay, values_addr, order, &count);
    if (err == STROBE_ERR_MISSING)
        return each_entry(mem, keys, values_addr + lay->dict_values_header, slots, each, ctx);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++)
        high = order[i] >= high ? (size_t)order[i] + 1 : high;
    if (count == 0)
        return 0;
    if (high > keys->n || high > MAX_SPLIT || count > *slots)
        return STROBE_ERR_OBJECT;
    *slots -= count;
    err = strobe_mem_read(mem, keys->entries, chunk, high * keys->entry_size);
    if (!err)
        err = strobe_mem_read(mem, values_addr + lay->dict_values_header, split, high * sizeof split[0]);
    for (size_t i = 0; !err && i < count; i++) {
        key = strobe_span_u64(chunk, order[i] * keys->entry_size + keys->key);
        if (key != 0 && split[order[i]] != 0)
            err = each(ctx, key, split[order[i]]);
    }
    return err;
}

int strobe_pydict_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, size_t *slots, strobe_py_item_fn *each,
                       void *ctx)
{
    unsigned char span[DICT_SPAN];
    enum strobe_py_kind kind;
    uint64_t keys_addr, values;
    struct keys keys;
    size_t len = (lay->dict_values > lay->dict_keys ? lay->dict_values : lay->dict_keys) + sizeof(uint64_t);
    int err = strobe_py_kind(mem, lay, dict, &kind);

    if (err)
        return err;
    if (kind != STROBE_PY_DICT || len > sizeof span)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_read(mem, dict, span, len);
    if (err)
        return err;
    if (!strobe_span_word(span, len, lay->dict_keys, &keys_addr) || !strobe_span_word(span, len, lay->dict_values, &values))
        return STROBE_ERR_OBJECT;
    err = read_keys(mem, lay, keys_addr, &keys);
    if (err)
        return err;
    if (values != 0)
        return each_split(mem, lay, &keys, values, slots, each, ctx);
    return each_entry(mem, &keys, 0, slots, each, ctx);
}

int strobe_py_dict_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, strobe_py_item_fn *each, void *ctx)
{
    size_t slots = STROBE_PY_MAX_ITEMS;

    return strobe_pydict_each(mem, lay, dict, &slots, each, ctx);
}

/* --- looking for one key --- */

struct search {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    const char *name;
    uint64_t str_type; /* cache of strobe_pystr_open */
    uint64_t key, value;
    int err;           /* of the first key that could not be read */
};

enum { FOUND = 1 };

static int search_item(void *ctx, uint64_t key, uint64_t value)
{
    struct search *s = ctx;
    int same = strobe_pystr_is(s->mem, s->lay, key, &s->str_type, s->name);

    if (same == 1) {
        s->key = key;
        s->value = value;
        return FOUND;
    }
    /* A key of another type is no failure; one that cannot be read might have been the one looked for. */
    if (same < 0 && same != STROBE_ERR_OBJECT && s->err == 0)
        s->err = same;
    return 0;
}

static int search_result(const struct search *s, int err, uint64_t *ret_value)
{
    if (err == FOUND) {
        *ret_value = s->value;
        return 0;
    }
    if (err)
        return err;
    return s->err ? s->err : STROBE_ERR_MISSING;
}

int strobe_py_dict_get(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, const char *key, uint64_t *ret_value)
{
    struct search s = {.mem = mem, .lay = lay, .name = key};

    return search_result(&s, strobe_py_dict_each(mem, lay, dict, search_item, &s), ret_value);
}

static int search_address(void *ctx, uint64_t key, uint64_t value)
{
    struct search *s = ctx;

    if (key != s->key || strobe_pystr_is(s->mem, s->lay, key, &s->str_type, s->name) != 1)
        return 0;
    s->value = value;
    return FOUND;
}

int strobe_py_dict_get_again(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, const char *key, uint64_t *known,
                             uint64_t *ret_value)
{
    struct search s = {.mem = mem, .lay = lay, .name = key, .key = *known};
    int err = s.key ? strobe_py_dict_each(mem, lay, dict, search_address, &s) : 0;

    if (err != FOUND)
        err = strobe_py_dict_each(mem, lay, dict, search_item, &s);
    if (err == FOUND)
        *known = s.key;
    return search_result(&s, err, ret_value);
}

/* --- attributes of an instance: a dict somewhere, or values whose keys the class keeps --- */

struct store {
    uint64_t dict;   /* 0 = none */
    uint64_t values; /* 0 = none */
};

/* Py_TPFLAGS_MANAGED_DICT: words before the object (CPython: Objects/object_layout.md). */
static int managed_store(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_pytype *type, uint64_t obj,
                         struct store *ret)
{
    struct store store = {0, 0};
    uint64_t word;
    uint8_t valid;
    int err = strobe_mem_u64(mem, obj - lay->managed_dict, &word);

    if (err)
        return err;
    if (lay->managed_tag != STROBE_NONE && word & lay->managed_tag) {
        store.values = word + 1;
    } else if (lay->managed_values != STROBE_NONE) {
        store.dict = word;
        err = strobe_mem_u64(mem, obj - lay->managed_values, &store.values);
        if (err)
            return err;
    } else if (word == 0 && lay->inline_values_flag != STROBE_NONE && type->flags & lay->inline_values_flag) {
        if (type->basicsize <= 0 || type->basicsize > STROBE_PY_MAX_ITEMS)
            return STROBE_ERR_OBJECT;
        store.values = obj + (uint64_t)type->basicsize;
        /* Says so only here: in values that are not inside an object this byte has no meaning. */
        err = strobe_mem_u8(mem, store.values + lay->values_valid, &valid);
        if (err)
            return err;
        if (!valid)
            return STROBE_ERR_MISSING;
    } else {
        store.dict = word;
    }
    *ret = store;
    return 0;
}

/* tp_dictoffset: from the start, or, when negative, from the end of an object of variable size. */
static int offset_store(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_pytype *type, uint64_t obj,
                        struct store *ret)
{
    struct store store = {0, 0};
    int64_t at = type->dictoffset, items, end;
    uint64_t size;
    int err;

    if (at == 0)
        return STROBE_ERR_MISSING;
    if (at < 0) {
        err = strobe_mem_u64(mem, obj + lay->ob_size, &size);
        if (err)
            return err;
        items = (int64_t)size;
        items = items < 0 ? (int64_t)(0 - size) : items; /* an int's sign */
        if (items < 0 || items > STROBE_PY_MAX_ITEMS || type->itemsize < 0 || type->itemsize > STROBE_PY_MAX_ITEMS ||
            type->basicsize < 0 || type->basicsize > STROBE_PY_MAX_ITEMS)
            return STROBE_ERR_OBJECT;
        end = type->basicsize + items * type->itemsize;
        at += (end + 7) / 8 * 8;
    }
    if (at <= 0 || at % 8 != 0)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_u64(mem, obj + (uint64_t)at, &store.dict);
    if (err)
        return err;
    *ret = store;
    return 0;
}

/* All attributes stored on the instance; each as for strobe_pydict_each. */
static int each_attr(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, strobe_py_item_fn *each, void *ctx)
{
    size_t slots = STROBE_PY_MAX_ITEMS;
    struct strobe_pytype type;
    struct store store;
    struct keys keys;
    uint64_t keys_addr;
    int err = strobe_pytype_of(mem, lay, obj, &type);

    if (err)
        return err;
    if (lay->managed_dict != STROBE_NONE && lay->managed_dict != 0 && strobe_pytype_has(&type, STROBE_TPFLAG_MANAGED_DICT))
        err = managed_store(mem, lay, &type, obj, &store);
    else
        err = offset_store(mem, lay, &type, obj, &store);
    if (err)
        return err;
    if (store.values != 0 && strobe_pytype_has(&type, STROBE_TPFLAG_HEAPTYPE)) {
        err = strobe_mem_u64(mem, type.addr + lay->ty_cached_keys, &keys_addr);
        if (!err)
            err = read_keys(mem, lay, keys_addr, &keys);
        if (!err)
            err = each_split(mem, lay, &keys, store.values, &slots, each, ctx);
    } else if (store.dict != 0) {
        err = strobe_pydict_each(mem, lay, store.dict, &slots, each, ctx);
    }
    return err;
}

int strobe_py_attr_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, strobe_py_item_fn *each, void *ctx)
{
    int err = each_attr(mem, lay, obj, each, ctx);

    return err == STROBE_ERR_MISSING ? 0 : err;
}

int strobe_py_attr(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, const char *name, uint64_t *ret_value)
{
    struct search s = {.mem = mem, .lay = lay, .name = name};
    int err = search_result(&s, each_attr(mem, lay, obj, search_item, &s), ret_value);

    return err == STROBE_ERR_MISSING ? strobe_py_slot(mem, lay, obj, name, ret_value) : err;
}

int strobe_py_module_dict_again(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t interp, const char *name,
                                uint64_t *known, uint64_t *ret_dict)
{
    enum strobe_py_kind kind;
    uint64_t modules, module, dict;
    int err = strobe_mem_u64(mem, interp + lay->in_modules, &modules);

    if (!err)
        err = strobe_py_dict_get_again(mem, lay, modules, name, known, &module);
    /* None stands in sys.modules for a module that must not be imported; anything may stand there, so its dict is checked. */
    if (!err)
        err = strobe_mem_u64(mem, module + lay->module_dict, &dict);
    if (!err)
        err = strobe_py_kind(mem, lay, dict, &kind);
    if (err)
        return err;
    if (kind != STROBE_PY_DICT)
        return STROBE_ERR_OBJECT;
    *ret_dict = dict;
    return 0;
}

int strobe_py_module_dict(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t interp, const char *name, uint64_t *ret_dict)
{
    uint64_t known = 0;

    return strobe_py_module_dict_again(mem, lay, interp, name, &known, ret_dict);
}
