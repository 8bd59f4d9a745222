/* SPDX-License-Identifier: Apache-2.0 */
/* Dicts and attributes of instances, made by hand as five versions of CPython lay them out; hostile sizes; every read failing once. */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/pyobj.h"
#include "tests/lib/pyheap.h"

enum { FLAG_MANAGED = 4, FLAG_HEAP = 9 };

struct seen {
    uint64_t item[16][2];
    size_t n, stop; /* stop: item at which to return 42; 0 = never */
};

static int see(void *ctx, uint64_t key, uint64_t value)
{
    struct seen *seen = ctx;

    if (seen->n < 16) {
        seen->item[seen->n][0] = key;
        seen->item[seen->n][1] = value;
    }
    return ++seen->n == seen->stop ? 42 : 0;
}

static void each_version(void (*test)(struct pyheap *heap))
{
    for (enum pyheap_version v = 0; v < PYHEAP_VERSIONS; v++) {
        struct pyheap *heap = pyheap_new(v);

        test(heap);
        pyheap_free(heap);
    }
}

/* Three str keys and values; the middle one removed. */
struct three {
    uint64_t key[3], value[3];
};

static struct three make_three(struct pyheap *heap)
{
    static const uint32_t accented[] = {'c', 0xe9};
    struct three t = {
        {pyheap_str(heap, "first"), pyheap_str(heap, "second"), pyheap_points(heap, accented, 2, 1)},
        {pyheap_small(heap, 1), pyheap_small(heap, 2), pyheap_small(heap, 3)},
    };

    return t;
}

static void combined(struct pyheap *heap)
{
    for (int general = 0; general < 2; general++) {
        struct three t = make_three(heap);
        uint64_t gone[] = {t.value[0], 0, t.value[2]}, got = 17;
        uint64_t dict = pyheap_dict(heap, pyheap_keys(heap, 3, general, t.key, gone, 3), 0);
        struct seen seen = {.n = 0}, first = {.stop = 1};

        assert_int_equal(strobe_py_dict_each(&heap->mem, &heap->lay, dict, see, &seen), 0);
        assert_int_equal(seen.n, 2);
        assert_true(seen.item[0][0] == t.key[0] && seen.item[0][1] == t.value[0]);
        assert_true(seen.item[1][0] == t.key[2] && seen.item[1][1] == t.value[2]);
        assert_int_equal(strobe_py_dict_each(&heap->mem, &heap->lay, dict, see, &first), 42);
        assert_int_equal(first.n, 1);

        assert_int_equal(strobe_py_dict_get(&heap->mem, &heap->lay, dict, "second", &got), STROBE_ERR_MISSING);
        assert_int_equal(strobe_py_dict_get(&heap->mem, &heap->lay, dict, "firs", &got), STROBE_ERR_MISSING);
        assert_int_equal(strobe_py_dict_get(&heap->mem, &heap->lay, dict, "first2", &got), STROBE_ERR_MISSING);
        assert_int_equal(strobe_py_dict_get(&heap->mem, &heap->lay, dict, "c\xc3", &got), STROBE_ERR_MISSING);
        assert_int_equal(strobe_py_dict_get(&heap->mem, &heap->lay, t.key[0], "first", &got), STROBE_ERR_OBJECT);
        assert_true(got == 17);
        assert_int_equal(strobe_py_dict_get(&heap->mem, &heap->lay, dict, "c\xc3\xa9", &got), 0);
        assert_true(got == t.value[2]);
    }
}

static void test_combined(void **state)
{
    each_version(combined);
}

/* More slots than one byte counts, and keys that are no str. */
static void large(struct pyheap *heap)
{
    enum { N = 1000 };
    static uint64_t keys[N], values[N];
    struct seen seen = {.n = 0};
    uint64_t dict, got;
    char name[16];

    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "key%d", i);
        keys[i] = i % 7 == 0 ? pyheap_small(heap, i) : pyheap_str(heap, name);
        values[i] = pyheap_small(heap, i);
    }
    dict = pyheap_dict(heap, pyheap_keys(heap, 11, 1, keys, values, N), 0);
    assert_int_equal(strobe_py_dict_each(&heap->mem, &heap->lay, dict, see, &seen), 0);
    assert_int_equal(seen.n, N);
    assert_int_equal(strobe_py_dict_get(&heap->mem, &heap->lay, dict, "key999", &got), 0);
    assert_true(got == values[999]);
    assert_int_equal(strobe_py_dict_get(&heap->mem, &heap->lay, dict, "key7", &got), STROBE_ERR_MISSING);
}

static void test_large(void **state)
{
    each_version(large);
}

/* Shared keys: what is set, in the order in which it was set where the version remembers that. */
static void split(struct pyheap *heap)
{
    static const unsigned char order[] = {2, 0};
    struct three t = make_three(heap);
    uint64_t values[] = {t.value[0], 0, t.value[2]};
    uint64_t shared = pyheap_keys(heap, 3, 0, t.key, NULL, 3);
    uint64_t dict = pyheap_dict(heap, shared, pyheap_values(heap, 0, values, 3, order, 2));
    struct seen seen = {.n = 0};
    int ordered = heap->lay.keys_slots == STROBE_NONE;

    assert_int_equal(strobe_py_dict_each(&heap->mem, &heap->lay, dict, see, &seen), 0);
    assert_int_equal(seen.n, 2);
    assert_true(seen.item[!ordered][0] == t.key[2] && seen.item[!ordered][1] == t.value[2]);
    assert_true(seen.item[ordered][0] == t.key[0] && seen.item[ordered][1] == t.value[0]);
}

static void test_split(void **state)
{
    each_version(split);
}

static void hostile(struct pyheap *heap)
{
    static const unsigned char wild[] = {0, 200};
    const struct strobe_layout *lay = &heap->lay;
    struct three t = make_three(heap);
    uint64_t keys = pyheap_keys(heap, 3, 1, t.key, t.value, 3), dict = pyheap_dict(heap, keys, 0), bad, values, size_at, n_bytes;
    struct seen seen = {.n = 0};

    pyheap_word(heap, keys + lay->keys_nentries, UINT64_MAX);
    assert_int_equal(strobe_py_dict_each(&heap->mem, lay, dict, see, &seen), STROBE_ERR_OBJECT);
    pyheap_word(heap, keys + lay->keys_nentries, 9);
    assert_int_equal(strobe_py_dict_each(&heap->mem, lay, dict, see, &seen), STROBE_ERR_OBJECT); /* of 8 slots */
    pyheap_word(heap, dict + lay->dict_keys, UINT64_MAX - 7);
    assert_int_equal(strobe_py_dict_each(&heap->mem, lay, dict, see, &seen), STROBE_ERR_OBJECT);
    pyheap_word(heap, dict + lay->dict_keys, 0);
    assert_int_equal(strobe_py_dict_each(&heap->mem, lay, dict, see, &seen), STROBE_ERR_OBJECT);
    assert_int_equal(seen.n, 0);

    /* Slots without end. */
    size_at = lay->keys_slots != STROBE_NONE ? lay->keys_slots : lay->keys_log2_slots;
    n_bytes = lay->keys_slots != STROBE_NONE ? 8 : 2;
    bad = pyheap_keys(heap, 3, 1, t.key, t.value, 3);
    pyheap_put(heap, bad + size_at, &(uint64_t){UINT64_MAX}, n_bytes);
    assert_int_equal(strobe_py_dict_each(&heap->mem, lay, pyheap_dict(heap, bad, 0), see, &seen), STROBE_ERR_OBJECT);

    /* Positions that no key has. */
    if (lay->keys_slots == STROBE_NONE) {
        keys = pyheap_keys(heap, 3, 0, t.key, NULL, 3);
        values = pyheap_values(heap, 0, t.value, 3, wild, 2);
        assert_int_equal(strobe_py_dict_each(&heap->mem, lay, pyheap_dict(heap, keys, values), see, &seen), STROBE_ERR_OBJECT);
    }
    assert_int_equal(seen.n, 0);
}

static void test_hostile(void **state)
{
    each_version(hostile);
}

/* --- attributes --- */

static uint64_t make_class(struct pyheap *heap, uint64_t flags, uint64_t basicsize, int64_t dictoffset, uint64_t cached_keys)
{
    uint64_t type = pyheap_class(heap, "Own", heap->type[PYHEAP_OBJECT], 0);

    pyheap_word(heap, type + heap->lay.ty_flags, UINT64_C(1) << FLAG_HEAP | flags);
    pyheap_word(heap, type + heap->lay.ty_basicsize, basicsize);
    pyheap_word(heap, type + heap->lay.ty_itemsize, 4);
    pyheap_word(heap, type + heap->lay.ty_dictoffset, (uint64_t)dictoffset);
    pyheap_word(heap, type + heap->lay.ty_cached_keys, cached_keys);
    return type;
}

static void check_attrs(struct pyheap *heap, uint64_t obj, const struct three *t)
{
    uint64_t got = 17;

    assert_int_equal(strobe_py_attr(&heap->mem, &heap->lay, obj, "second", &got), STROBE_ERR_MISSING);
    assert_true(got == 17);
    assert_int_equal(strobe_py_attr(&heap->mem, &heap->lay, obj, "first", &got), 0);
    assert_true(got == t->value[0]);
}

static void attrs(struct pyheap *heap)
{
    static const unsigned char order[] = {2, 0};
    const struct strobe_layout *lay = &heap->lay;
    struct three t = make_three(heap);
    uint64_t gone[] = {t.value[0], 0, t.value[2]}, obj, type, values, got, managed = 1u << FLAG_MANAGED;
    uint64_t shared = pyheap_keys(heap, 3, 0, t.key, NULL, 3);
    uint64_t dict = pyheap_dict(heap, pyheap_keys(heap, 3, 0, t.key, gone, 3), 0);

    /* tp_dictoffset: from the start; from the end of two items of 4 bytes behind 56, rounded up to 64. */
    obj = pyheap_object(heap, make_class(heap, 0, 64, 56, 0), 0, 64);
    pyheap_word(heap, obj + 56, dict);
    check_attrs(heap, obj, &t);
    obj = pyheap_object(heap, make_class(heap, 0, 56, -8, 0), 0, 80);
    pyheap_word(heap, obj + lay->ob_size, (uint64_t)-2); /* an int's sign */
    pyheap_word(heap, obj + 56, dict);
    check_attrs(heap, obj, &t);
    pyheap_word(heap, obj + lay->ob_size, UINT64_C(1) << 63);
    assert_int_equal(strobe_py_attr(&heap->mem, lay, obj, "first", &got), STROBE_ERR_OBJECT);
    obj = pyheap_object(heap, make_class(heap, 0, 64, 0, 0), 0, 64);
    assert_int_equal(strobe_py_attr(&heap->mem, lay, obj, "first", &got), STROBE_ERR_MISSING);
    if (lay->managed_dict == STROBE_NONE)
        return;

    /* A word before the object: the dict; the same without one. */
    type = make_class(heap, managed, 64, -1, shared);
    obj = pyheap_object(heap, type, 48, 64);
    assert_int_equal(strobe_py_attr(&heap->mem, lay, obj, "first", &got), STROBE_ERR_MISSING);
    pyheap_word(heap, obj - lay->managed_dict, dict);
    check_attrs(heap, obj, &t);

    /* Values whose keys the class keeps. */
    if (lay->inline_values_flag != STROBE_NONE) {
        type = make_class(heap, managed | lay->inline_values_flag, 64, -1, shared);
        obj = pyheap_object(heap, type, 48, 64 + 64);
        values = pyheap_values(heap, obj + 64, gone, 3, order, 2);
    } else {
        obj = pyheap_object(heap, type, 48, 64);
        values = pyheap_values(heap, 0, gone, 3, order, 2);
        if (lay->managed_tag != STROBE_NONE)
            pyheap_word(heap, obj - lay->managed_dict, values - 1);
        else
            pyheap_word(heap, obj - lay->managed_values, values);
    }
    check_attrs(heap, obj, &t);
    if (lay->inline_values_flag != STROBE_NONE) {
        pyheap_put(heap, values + lay->values_valid, "", 1);
        assert_int_equal(strobe_py_attr(&heap->mem, lay, obj, "first", &got), STROBE_ERR_MISSING);
    }
}

static void test_attrs(void **state)
{
    each_version(attrs);
}

/* An interpreter with sys.modules = {"first": <module>, "second": 2}.  ret_dict: the module's dict. */
static uint64_t make_modules(struct pyheap *heap, uint64_t *ret_dict)
{
    struct three t = make_three(heap);
    uint64_t interp = pyheap_room(heap, 0, heap->lay.in_modules + 8);
    uint64_t module = pyheap_object(heap, heap->type[PYHEAP_MODULE], 0, heap->lay.module_dict + 8);

    *ret_dict = pyheap_dict(heap, pyheap_keys(heap, 3, 0, t.key, t.value, 3), 0);
    pyheap_word(heap, module + heap->lay.module_dict, *ret_dict);
    t.value[0] = module;
    pyheap_word(heap, interp + heap->lay.in_modules, pyheap_dict(heap, pyheap_keys(heap, 3, 0, t.key, t.value, 3), 0));
    return interp;
}

static void modules(struct pyheap *heap)
{
    uint64_t dict, got = 17, interp = make_modules(heap, &dict);

    assert_int_equal(strobe_py_module_dict(&heap->mem, &heap->lay, interp, "os", &got), STROBE_ERR_MISSING);
    assert_true(strobe_py_module_dict(&heap->mem, &heap->lay, interp, "second", &got) < 0); /* no module */
    assert_true(got == 17);
    assert_int_equal(strobe_py_module_dict(&heap->mem, &heap->lay, interp, "first", &got), 0);
    assert_true(got == dict);
}

static void test_modules(void **state)
{
    each_version(modules);
}

/* Whichever read fails: an error, or the truth all the same. */
static void reads_fail(struct pyheap *heap)
{
    struct strobe_mem *mem;
    uint64_t dict, interp = make_modules(heap, &dict), got, calls;
    int err;

    assert_int_equal(strobe_mem_count_new(&heap->mem, 0, &mem), 0);
    assert_int_equal(strobe_py_module_dict(mem, &heap->lay, interp, "first", &got), 0);
    calls = strobe_mem_count_stats(mem)->calls;
    strobe_mem_close(mem);
    assert_true(calls > 5);
    for (uint64_t n = 1; n <= calls; n++) {
        got = 17;
        assert_int_equal(strobe_mem_count_new(&heap->mem, n, &mem), 0);
        err = strobe_py_module_dict(mem, &heap->lay, interp, "first", &got);
        assert_int_equal(strobe_mem_count_stats(mem)->failures, 1);
        assert_true(err ? err == STROBE_ERR_FAULT && got == 17 : got == dict);
        strobe_mem_close(mem);
    }
}

static void test_reads_fail(void **state)
{
    each_version(reads_fail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_combined), cmocka_unit_test(test_large), cmocka_unit_test(test_split), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_attrs), cmocka_unit_test(test_modules), cmocka_unit_test(test_reads_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
