/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/pyheap.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/layout_tables.h"

enum { DIGIT_BITS = 30, TYPE_SIZE = 1024, FLAG_HEAP = 9, PAGE = 4096 };

static int heap_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct pyheap *heap = (struct pyheap *)mem;
    size_t mapped = (heap->used + PAGE - 1) / PAGE * PAGE;

    if (addr < PYHEAP_BASE || addr - PYHEAP_BASE > mapped || len > mapped - (addr - PYHEAP_BASE))
        return STROBE_ERR_FAULT;
    memcpy(buf, heap->bytes + (addr - PYHEAP_BASE), len);
    return 0;
}

static void heap_close(struct strobe_mem *mem)
{
}

static const struct strobe_mem_ops heap_ops = {.read = heap_read, .close = heap_close};

/* Versions without a table of their own in the target: the column's constants are the layout. */
static void fill_constants(struct strobe_layout *lay, int minor)
{
    size_t column = 0;

    while (strobe_layout_columns[column].minor != minor)
        column++;
    for (size_t i = 0; i < strobe_layout_row_count; i++)
        memcpy((char *)lay + strobe_layout_rows[i].member, &strobe_layout_rows[i].from[column], sizeof(uint32_t));
}

/* A free-threaded 3.14: what offsetof() says of its headers, for the fields that objects need. */
static void fill_314t(struct strobe_layout *l)
{
    fill_constants(l, 12);
    l->pointer_mask_low = 3;
    l->str_kind_shift = 8;
    l->dict_values_header = 8;
    l->managed_dict = 8;
    l->managed_tag = STROBE_NONE;
    l->inline_values_flag = 4;
    l->fr_localsplus = l->fr_size = 80;
    l->co_filename = 128, l->co_name = 136, l->co_flags = 64, l->co_argcount = 68, l->co_kwonlyargcount = 76;
    l->co_localsplusnames = 112, l->co_localspluskinds = 120, l->co_nlocalsplus = 88, l->co_size = 232;
    l->co_nlocals = 96, l->co_names = 48, l->co_exceptiontable = 56, l->co_firsttraceable = 208, l->co_code = 232;
    l->co_monitoring = 192, l->monitoring_lines = 96, l->monitoring_opcodes = 112;
    l->ob_type = 24, l->ob_size = 32, l->ob_header = 32;
    l->ty_name = 40, l->ty_basicsize = 48, l->ty_itemsize = 56, l->ty_flags = 184, l->ty_base = 272, l->ty_dict = 280;
    l->ty_members = 256, l->ty_dictoffset = 304, l->ty_mro = 360, l->ty_qualname = 888, l->ty_cached_keys = 896;
    l->long_tag = 32, l->long_digit = 40, l->float_value = 32;
    l->str_length = 32, l->str_hash = 40, l->str_state = 48, l->str_ascii_data = 56, l->str_compact_data = 72;
    l->bytes_size = 32, l->bytes_data = 48, l->tuple_size = 32, l->tuple_items = 48, l->list_size = 32, l->list_items = 40;
    l->dict_used = 32, l->dict_keys = 48, l->dict_values = 56;
    l->values_capacity = 0, l->values_count = 1, l->values_valid = 3;
    l->set_used = 40, l->set_mask = 48, l->set_table = 56;
    l->weakref_object = 32, l->deque_left = 40, l->deque_index = 56, l->deque_state = 72;
    l->simplequeue_list = l->simplequeue_pos = STROBE_NONE;
    l->simplequeue_get = 48, l->simplequeue_items = 56, l->simplequeue_capacity = 64, l->simplequeue_count = 72;
    l->cell_ref = 32, l->module_dict = 32, l->func_code = 64, l->func_qualname = 56, l->cfunc_def = 32;
    l->context_vars = 40, l->contextvar_name = l->hamt_root = 32, l->hamt_count = 48;
    l->hamt_bitmap = 40, l->hamt_bitmap_items = l->hamt_collision_items = 48, l->hamt_array_items = 32;
}

struct pyheap *pyheap_new(enum pyheap_version version)
{
    static const struct {
        const char *name;
        unsigned flag;
    } types[PYHEAP_TYPES] = {
        [PYHEAP_OBJECT] = {"object", 0}, [PYHEAP_TYPE] = {"type", 31}, [PYHEAP_NONE] = {"NoneType", 0}, [PYHEAP_INT] = {"int", 24},
        [PYHEAP_BOOL] = {"bool", 24}, [PYHEAP_FLOAT] = {"float", 0}, [PYHEAP_STR] = {"str", 28}, [PYHEAP_BYTES] = {"bytes", 27},
        [PYHEAP_TUPLE] = {"tuple", 26}, [PYHEAP_LIST] = {"list", 25}, [PYHEAP_DICT] = {"dict", 29}, [PYHEAP_SET] = {"set", 0},
        [PYHEAP_FROZENSET] = {"frozenset", 0}, [PYHEAP_CELL] = {"cell", 0}, [PYHEAP_CODE] = {"code", 0}, [PYHEAP_MODULE] = {"module", 0},
        [PYHEAP_FUNCTION] = {"function", 0},
    };
    static const int minor[PYHEAP_VERSIONS] = {[PYHEAP_38] = 8, [PYHEAP_310] = 10, [PYHEAP_311] = 11, [PYHEAP_312] = 12};
    struct pyheap *heap = calloc(1, sizeof *heap);

    heap->mem.ops = &heap_ops;
    heap->bytes = calloc(1, PYHEAP_SIZE);
    if (version == PYHEAP_314T)
        fill_314t(&heap->lay);
    else
        fill_constants(&heap->lay, minor[version]);
    heap->used = 64;
    for (int i = 0; i < PYHEAP_TYPES; i++) {
        heap->type[i] = pyheap_class(heap, types[i].name, i ? heap->type[PYHEAP_OBJECT] : 0, types[i].flag);
        pyheap_word(heap, heap->type[i] + heap->lay.ty_flags, types[i].flag ? UINT64_C(1) << types[i].flag : 0);
    }
    for (int i = 0; i < PYHEAP_TYPES; i++)
        pyheap_word(heap, heap->type[i] + heap->lay.ob_type, heap->type[PYHEAP_TYPE]);
    heap->none = pyheap_object(heap, heap->type[PYHEAP_NONE], 0, heap->lay.ob_header);
    return heap;
}

void pyheap_free(struct pyheap *heap)
{
    if (heap)
        free(heap->bytes);
    free(heap);
}

uint64_t pyheap_room(struct pyheap *heap, size_t before, size_t size)
{
    uint64_t addr;

    heap->used = (heap->used + before + 15) / 16 * 16;
    if (size > PYHEAP_SIZE - heap->used)
        abort(); /* a mistake of the test */
    addr = PYHEAP_BASE + heap->used;
    heap->used += size;
    return addr;
}

void pyheap_put(struct pyheap *heap, uint64_t addr, const void *bytes, size_t len)
{
    if (addr < PYHEAP_BASE || addr + len > PYHEAP_BASE + heap->used)
        abort();
    if (len > 0)
        memcpy(heap->bytes + (addr - PYHEAP_BASE), bytes, len);
}

void pyheap_word(struct pyheap *heap, uint64_t addr, uint64_t value)
{
    pyheap_put(heap, addr, &value, sizeof value);
}

uint64_t pyheap_class(struct pyheap *heap, const char *name, uint64_t base, unsigned flag)
{
    uint64_t text = pyheap_room(heap, 0, strlen(name) + 1);
    uint64_t type = pyheap_object(heap, heap->type[PYHEAP_TYPE], 0, TYPE_SIZE);

    pyheap_put(heap, text, name, strlen(name) + 1);
    pyheap_word(heap, type + heap->lay.ty_name, text);
    pyheap_word(heap, type + heap->lay.ty_base, base);
    pyheap_word(heap, type + heap->lay.ty_flags, UINT64_C(1) << FLAG_HEAP | (flag ? UINT64_C(1) << flag : 0));
    if (heap->type[PYHEAP_STR]) /* a class of the program's own: its qualified name is a str */
        pyheap_word(heap, type + heap->lay.ty_qualname, pyheap_str(heap, name));
    return type;
}

uint64_t pyheap_static(struct pyheap *heap, const char *name)
{
    uint64_t type = pyheap_class(heap, name, heap->type[PYHEAP_OBJECT], 0);

    pyheap_word(heap, type + heap->lay.ty_flags, 0);
    return type;
}

uint64_t pyheap_object(struct pyheap *heap, uint64_t type, size_t before, size_t size)
{
    uint64_t obj = pyheap_room(heap, before, size);

    pyheap_word(heap, obj + heap->lay.ob_type, type);
    return obj;
}

uint64_t pyheap_int(struct pyheap *heap, int sign, const uint32_t *digits, size_t n)
{
    const struct strobe_layout *lay = &heap->lay;
    uint64_t obj = pyheap_object(heap, heap->type[PYHEAP_INT], 0, lay->long_digit + (n ? n : 1) * sizeof *digits);
    uint64_t tag = sign < 0 ? 0 - (uint64_t)n : n;

    if (lay->long_shift)
        tag = (uint64_t)n << lay->long_shift | (uint64_t)(n == 0 ? 1 : sign < 0 ? 2 : 0);
    pyheap_word(heap, obj + lay->long_tag, tag);
    pyheap_put(heap, obj + lay->long_digit, digits, n * sizeof *digits);
    return obj;
}

uint64_t pyheap_small(struct pyheap *heap, int64_t value)
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint32_t digits[3];
    size_t n = 0;

    for (; rest; rest >>= DIGIT_BITS)
        digits[n++] = rest & ((1u << DIGIT_BITS) - 1);
    return pyheap_int(heap, value < 0 ? -1 : 1, digits, n);
}

uint64_t pyheap_float(struct pyheap *heap, double value)
{
    uint64_t obj = pyheap_object(heap, heap->type[PYHEAP_FLOAT], 0, heap->lay.float_value + sizeof value);

    pyheap_put(heap, obj + heap->lay.float_value, &value, sizeof value);
    return obj;
}

uint64_t pyheap_points(struct pyheap *heap, const uint32_t *points, size_t n, unsigned kind)
{
    const struct strobe_layout *lay = &heap->lay;
    uint32_t ascii = kind == 1, state, data;
    uint64_t obj;

    for (size_t i = 0; i < n; i++)
        ascii = ascii && points[i] < 128;
    data = ascii ? lay->str_ascii_data : lay->str_compact_data;
    obj = pyheap_object(heap, heap->type[PYHEAP_STR], 0, data + (n + 1) * kind);
    pyheap_word(heap, obj + lay->str_length, n);
    state = (kind | 1u << 3 | ascii << 4) << lay->str_kind_shift;
    pyheap_put(heap, obj + lay->str_state, &state, sizeof state);
    for (size_t i = 0; i < n; i++)
        pyheap_put(heap, obj + data + i * kind, &points[i], kind);
    return obj;
}

uint64_t pyheap_str(struct pyheap *heap, const char *ascii)
{
    uint32_t points[512];
    size_t n = strlen(ascii);

    for (size_t i = 0; i < n; i++)
        points[i] = (unsigned char)ascii[i];
    return pyheap_points(heap, points, n, 1);
}

uint64_t pyheap_bytes(struct pyheap *heap, const void *bytes, size_t n)
{
    uint64_t obj = pyheap_object(heap, heap->type[PYHEAP_BYTES], 0, heap->lay.bytes_data + n + 1);

    pyheap_word(heap, obj + heap->lay.bytes_size, n);
    pyheap_put(heap, obj + heap->lay.bytes_data, bytes, n);
    return obj;
}

uint64_t pyheap_tuple(struct pyheap *heap, const uint64_t *items, size_t n)
{
    uint64_t obj = pyheap_object(heap, heap->type[PYHEAP_TUPLE], 0, heap->lay.tuple_items + n * sizeof *items);

    pyheap_word(heap, obj + heap->lay.tuple_size, n);
    pyheap_put(heap, obj + heap->lay.tuple_items, items, n * sizeof *items);
    return obj;
}

uint64_t pyheap_list(struct pyheap *heap, const uint64_t *items, size_t n)
{
    uint64_t obj = pyheap_object(heap, heap->type[PYHEAP_LIST], 0, heap->lay.list_items + 16);
    uint64_t array = n ? pyheap_room(heap, 0, n * sizeof *items) : 0;

    pyheap_word(heap, obj + heap->lay.list_size, n);
    pyheap_word(heap, obj + heap->lay.list_items, array);
    if (n)
        pyheap_put(heap, array, items, n * sizeof *items);
    return obj;
}

uint64_t pyheap_set(struct pyheap *heap, uint64_t type, const uint64_t *items, size_t n)
{
    uint64_t slots = 8, table;
    uint64_t obj = pyheap_object(heap, type, 0, heap->lay.set_table + 16);

    while (slots < 2 * n)
        slots *= 2;
    table = pyheap_room(heap, 0, slots * 16);
    pyheap_word(heap, obj + heap->lay.set_used, n);
    pyheap_word(heap, obj + heap->lay.set_mask, slots - 1);
    pyheap_word(heap, obj + heap->lay.set_table, table);
    pyheap_word(heap, table, 0x1000); /* a removed entry */
    pyheap_word(heap, table + 8, UINT64_MAX);
    for (size_t i = 0; i < n; i++)
        pyheap_word(heap, table + (i + 1) * 16, items[i]);
    return obj;
}

uint64_t pyheap_cell(struct pyheap *heap, uint64_t value)
{
    uint64_t obj = pyheap_object(heap, heap->type[PYHEAP_CELL], 0, heap->lay.cell_ref + 8);

    pyheap_word(heap, obj + heap->lay.cell_ref, value);
    return obj;
}

uint64_t pyheap_keys(struct pyheap *heap, unsigned log2, int general, const uint64_t *keys, const uint64_t *values, size_t n)
{
    const struct strobe_layout *lay = &heap->lay;
    size_t slots = (size_t)1 << log2, index = slots <= 0xff ? slots : slots * 2, size;
    uint64_t obj, entry;

    general = general || lay->keys_slots != STROBE_NONE;
    size = general ? 24 : 16;
    obj = pyheap_room(heap, 0, lay->keys_indices + index + n * size);
    pyheap_word(heap, obj + lay->keys_nentries, n);
    if (lay->keys_slots != STROBE_NONE) {
        pyheap_word(heap, obj + lay->keys_slots, slots);
    } else {
        pyheap_put(heap, obj + lay->keys_log2_slots, &(uint8_t){(uint8_t)log2}, 1);
        pyheap_put(heap, obj + lay->keys_log2_index_bytes, &(uint8_t){(uint8_t)(log2 + (slots > 0xff))}, 1);
        pyheap_put(heap, obj + lay->keys_kind, &(uint8_t){general ? 0 : values ? 1 : 2}, 1);
    }
    entry = obj + lay->keys_indices + index;
    for (size_t i = 0; i < n; i++, entry += size) {
        pyheap_word(heap, entry + size - 16, keys[i]);
        pyheap_word(heap, entry + size - 8, values ? values[i] : 0);
    }
    return obj;
}

uint64_t pyheap_values(struct pyheap *heap, uint64_t addr, const uint64_t *values, size_t n, const unsigned char *order, size_t n_order)
{
    const struct strobe_layout *lay = &heap->lay;
    size_t head = lay->dict_values_header, prefix = lay->keys_slots == STROBE_NONE && head == 0 ? (n + 2 + 7) / 8 * 8 : 0;

    if (!addr)
        addr = pyheap_room(heap, prefix, head + n * 9);
    pyheap_put(heap, addr + head, values, n * sizeof *values);
    if (head) {
        pyheap_put(heap, addr + lay->values_capacity, &(uint8_t){(uint8_t)n}, 1);
        pyheap_put(heap, addr + lay->values_count, &(uint8_t){(uint8_t)n_order}, 1);
        pyheap_put(heap, addr + lay->values_valid, &(uint8_t){1}, 1);
        pyheap_put(heap, addr + head + n * sizeof *values, order, n_order);
    } else if (prefix) {
        pyheap_put(heap, addr - 1, &(uint8_t){(uint8_t)prefix}, 1);
        pyheap_put(heap, addr - 2, &(uint8_t){(uint8_t)n_order}, 1);
        for (size_t i = 0; i < n_order; i++)
            pyheap_put(heap, addr - 3 - i, &order[i], 1);
    }
    return addr;
}

uint64_t pyheap_dict(struct pyheap *heap, uint64_t keys, uint64_t values)
{
    uint64_t obj = pyheap_object(heap, heap->type[PYHEAP_DICT], 0, heap->lay.dict_values + 16);

    pyheap_word(heap, obj + heap->lay.dict_keys, keys);
    pyheap_word(heap, obj + heap->lay.dict_values, values);
    return obj;
}
