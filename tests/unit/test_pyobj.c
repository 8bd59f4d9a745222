/* SPDX-License-Identifier: Apache-2.0 */
/* Objects made by hand as five versions of CPython lay them out, honest and hostile; and every read failing once. */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/pyobj.h"
#include "tests/lib/pyheap.h"

#define HUGE_SIZE UINT64_C(0x7fffffffffffffff)

static struct strobe_buf text = STROBE_BUF_INIT; /* of one test at a time */

static const char *repr_max(struct pyheap *heap, uint64_t obj, size_t max)
{
    strobe_buf_clear(&text);
    strobe_py_repr(&heap->mem, &heap->lay, obj, max, &text);
    return strobe_buf_str(&text);
}

static const char *repr(struct pyheap *heap, uint64_t obj)
{
    return repr_max(heap, obj, 1000);
}

static void each_version(void (*test)(struct pyheap *heap))
{
    for (enum pyheap_version v = 0; v < PYHEAP_VERSIONS; v++) {
        struct pyheap *heap = pyheap_new(v);

        test(heap);
        pyheap_free(heap);
    }
    strobe_buf_release(&text);
}

static void ints(struct pyheap *heap)
{
    static const int64_t values[] = {0, 1, -1, (1 << 30) - 1, 1 << 30, INT64_C(1) << 60, INT64_MAX, INT64_MIN};
    static const uint32_t beyond[] = {0, 0, 8}, four[] = {0, 0, 0, 1}, wild[] = {UINT32_MAX, 1};
    char expected[32];
    int64_t got;

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint64_t obj = pyheap_small(heap, values[i]);

        snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        assert_int_equal(strobe_py_int(&heap->mem, &heap->lay, obj, &got), 0);
        assert_true(got == values[i]);
        assert_string_equal(repr(heap, obj), expected);
    }
    got = 17;
    assert_int_equal(strobe_py_int(&heap->mem, &heap->lay, pyheap_int(heap, 1, beyond, 3), &got), STROBE_ERR_LIMIT); /* 2**63 */
    assert_int_equal(strobe_py_int(&heap->mem, &heap->lay, pyheap_int(heap, 1, four, 4), &got), STROBE_ERR_LIMIT);
    assert_int_equal(strobe_py_int(&heap->mem, &heap->lay, pyheap_int(heap, 1, wild, 2), &got), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_py_int(&heap->mem, &heap->lay, pyheap_str(heap, "1"), &got), STROBE_ERR_OBJECT);
    assert_int_equal(got, 17);
    assert_string_equal(repr(heap, pyheap_int(heap, -1, beyond, 3)), "-9223372036854775808");
    assert_string_equal(repr(heap, pyheap_int(heap, 1, four, 4)), "1237940039285380274899124224"); /* 2**90 */
}

static void test_ints(void **state)
{
    each_version(ints);
}

static void long_int(struct pyheap *heap)
{
    static uint32_t digits[1000];
    uint64_t obj;

    digits[999] = 1; /* 2**29970: 9,022 decimals */
    obj = pyheap_int(heap, 1, digits, 1000);
    assert_string_equal(repr(heap, obj), "<int, 9022 digits>");
    /* Longer than any memory, and with a size that is not there. */
    pyheap_word(heap, obj + heap->lay.long_tag, HUGE_SIZE);
    assert_non_null(strstr(repr(heap, obj), "<unreadable at 0x"));
}

static void test_long_int(void **state)
{
    each_version(long_int);
}

static void strs(struct pyheap *heap)
{
    static const uint32_t latin[] = {'n', 0xe9}, wide[] = {0x65e5, 0x672c}, full[] = {0x1f600, 'x'}, lone[] = {'a', 0xdc80};
    static const uint32_t wild[] = {0x7fffffff};
    uint64_t obj = pyheap_str(heap, "plain");
    uint32_t gone;

    strobe_buf_clear(&text);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, obj, &text), 0);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, pyheap_points(heap, latin, 2, 1), &text), 0);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, pyheap_points(heap, wide, 2, 2), &text), 0);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, pyheap_points(heap, full, 2, 4), &text), 0);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, pyheap_points(heap, lone, 2, 2), &text), 0);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, pyheap_points(heap, wild, 1, 4), &text), 0);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, pyheap_points(heap, NULL, 0, 1), &text), 0);
    assert_string_equal(strobe_buf_str(&text), "plainn\xc3\xa9\xe6\x97\xa5\xe6\x9c\xac\xf0\x9f\x98\x80xa\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(repr(heap, pyheap_points(heap, lone, 2, 2)), "'a\\udc80'");

    /* Nothing is appended on failure: a length that is not there, a text that does not go on, no kind, no str. */
    strobe_buf_clear(&text);
    strobe_buf_puts(&text, "kept");
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, pyheap_small(heap, 1), &text), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, obj + 4, &text), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, 0, &text), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, PYHEAP_BASE + PYHEAP_SIZE, &text), STROBE_ERR_FAULT);
    pyheap_word(heap, obj + heap->lay.str_length, HUGE_SIZE);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, obj, &text), STROBE_ERR_OBJECT);
    pyheap_word(heap, obj + heap->lay.str_length, 1 << 20);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, obj, &text), STROBE_ERR_FAULT);
    gone = 0;
    pyheap_put(heap, obj + heap->lay.str_state, &gone, sizeof gone);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, obj, &text), STROBE_ERR_OBJECT);
    assert_string_equal(strobe_buf_str(&text), "kept");
}

static void test_strs(void **state)
{
    each_version(strs);
}

/* Longer than STROBE_PY_MAX_STR: cut there.  A subclass of str keeps its text elsewhere. */
static void long_str(struct pyheap *heap)
{
    size_t n = STROBE_PY_MAX_STR + 100;
    uint64_t obj = pyheap_str(heap, ""), far = pyheap_room(heap, 0, n * 2);
    uint32_t state = 2u << heap->lay.str_kind_shift; /* two bytes a character, neither compact nor ascii */

    for (size_t i = 0; i < n; i++)
        pyheap_put(heap, far + 2 * i, "x", 2);
    obj = pyheap_object(heap, heap->type[PYHEAP_STR], 0, heap->lay.str_compact_data + 16);
    pyheap_word(heap, obj + heap->lay.str_length, n);
    pyheap_word(heap, obj + heap->lay.str_compact_data, far);
    pyheap_put(heap, obj + heap->lay.str_state, &state, sizeof state);
    strobe_buf_clear(&text);
    assert_int_equal(strobe_py_str(&heap->mem, &heap->lay, obj, &text), 0);
    assert_int_equal(text.len, STROBE_PY_MAX_STR);
    assert_int_equal(strspn(strobe_buf_str(&text), "x"), text.len);
    assert_string_equal(repr_max(heap, obj, 4), "'xxx...");
    repr_max(heap, obj, 2 * n);
    assert_int_equal(text.len, STROBE_PY_MAX_STR + strlen("'..."));
}

static void test_long_str(void **state)
{
    each_version(long_str);
}

static void sequences(struct pyheap *heap)
{
    uint64_t one = pyheap_small(heap, 1), got[4] = {0}, items[] = {one, heap->none, one};
    uint64_t tuple = pyheap_tuple(heap, items, 3), list = pyheap_list(heap, items, 3), bytes = pyheap_bytes(heap, "a'\0", 3);
    size_t n = 17;

    assert_int_equal(strobe_py_items(&heap->mem, &heap->lay, tuple, got, 4, &n), 0);
    assert_int_equal(n, 3);
    assert_memory_equal(got, items, sizeof items);
    memset(got, 0, sizeof got);
    assert_int_equal(strobe_py_items(&heap->mem, &heap->lay, list, got, 2, &n), 0);
    assert_int_equal(n, 3); /* the real length */
    assert_memory_equal(got, items, 2 * sizeof items[0]);
    assert_true(got[2] == 0);

    n = 17;
    assert_int_equal(strobe_py_items(&heap->mem, &heap->lay, one, got, 4, &n), STROBE_ERR_OBJECT);
    pyheap_word(heap, list + heap->lay.list_size, UINT64_MAX);
    assert_int_equal(strobe_py_items(&heap->mem, &heap->lay, list, got, 4, &n), STROBE_ERR_OBJECT);
    pyheap_word(heap, tuple + heap->lay.tuple_size, HUGE_SIZE);
    assert_int_equal(strobe_py_items(&heap->mem, &heap->lay, tuple, got, 4, &n), STROBE_ERR_OBJECT);
    assert_int_equal(n, 17);

    strobe_buf_clear(&text);
    assert_int_equal(strobe_py_bytes(&heap->mem, &heap->lay, bytes, 2, &text), STROBE_ERR_LIMIT);
    assert_int_equal(strobe_py_bytes(&heap->mem, &heap->lay, list, 2, &text), STROBE_ERR_OBJECT);
    assert_int_equal(text.len, 0);
    assert_int_equal(strobe_py_bytes(&heap->mem, &heap->lay, bytes, 3, &text), 0);
    assert_int_equal(text.len, 3);
    assert_memory_equal(text.data, "a'\0", 3);
    pyheap_word(heap, bytes + heap->lay.bytes_size, HUGE_SIZE);
    assert_int_equal(strobe_py_bytes(&heap->mem, &heap->lay, bytes, SIZE_MAX, &text), STROBE_ERR_OBJECT);
    assert_int_equal(text.len, 3);
    assert_string_equal(repr(heap, pyheap_bytes(heap, "a'\0", 3)), "b\"a'\\x00\"");
}

static void test_sequences(void **state)
{
    each_version(sequences);
}

static void reprs(struct pyheap *heap)
{
    uint64_t one = pyheap_small(heap, 1), two = pyheap_small(heap, 2), s = pyheap_str(heap, "it's"), pair[] = {one, s}, list, deep, obj;
    uint64_t keys = pyheap_keys(heap, 3, 1, pair, (uint64_t[]){two, heap->none}, 2);
    uint64_t own = pyheap_class(heap, "Own", heap->type[PYHEAP_OBJECT], 0);
    uint64_t fake = pyheap_class(heap, "float", heap->type[PYHEAP_OBJECT], 0);
    char expected[64];

    assert_string_equal(repr(heap, heap->none), "None");
    assert_string_equal(repr(heap, pyheap_float(heap, -0.1)), "-0.1");
    assert_string_equal(repr(heap, s), "\"it's\"");
    assert_string_equal(repr(heap, pyheap_str(heap, "it's \"\\\n")), "'it\\'s \"\\\\\\n'");
    assert_string_equal(repr(heap, pyheap_tuple(heap, NULL, 0)), "()");
    assert_string_equal(repr(heap, pyheap_tuple(heap, pair, 1)), "(1,)");
    assert_string_equal(repr(heap, pyheap_tuple(heap, pair, 2)), "(1, \"it's\")");
    assert_string_equal(repr(heap, pyheap_set(heap, heap->type[PYHEAP_SET], pair, 2)), "{1, \"it's\"}");
    assert_string_equal(repr(heap, pyheap_set(heap, heap->type[PYHEAP_SET], pair, 0)), "set()");
    assert_string_equal(repr(heap, pyheap_set(heap, heap->type[PYHEAP_FROZENSET], &one, 1)), "frozenset({1})");
    assert_string_equal(repr(heap, pyheap_dict(heap, keys, 0)), "{1: 2, \"it's\": None}");
    assert_string_equal(repr(heap, own), "<class 'Own'>");
    assert_string_equal(repr(heap, heap->type[PYHEAP_INT]), "<class 'int'>");
    obj = pyheap_object(heap, own, 0, 64);
    snprintf(expected, sizeof expected, "<Own at 0x%llx>", (unsigned long long)obj);
    assert_string_equal(repr(heap, obj), expected);
    obj = pyheap_object(heap, fake, 0, 64);
    snprintf(expected, sizeof expected, "<float at 0x%llx>", (unsigned long long)obj);
    assert_string_equal(repr(heap, obj), expected);

    /* A list inside itself; a dict inside a list inside itself; deeper than anyone reads. */
    list = pyheap_list(heap, pair, 2);
    pyheap_word(heap, strobe_span_u64(heap->bytes, list + heap->lay.list_items - PYHEAP_BASE), list);
    assert_string_equal(repr(heap, list), "[[...], \"it's\"]");
    for (deep = list = pyheap_list(heap, &one, 1); heap->used < PYHEAP_SIZE / 2;)
        deep = pyheap_list(heap, &deep, 1);
    assert_string_equal(repr(heap, deep), "[[[[[[[[[...]]]]]]]]]");

    assert_string_equal(repr(heap, 0), "<unreadable at 0x0>");
    assert_string_equal(repr(heap, PYHEAP_BASE + PYHEAP_SIZE), "<unreadable at 0x7f1200100000>");
}

static void test_reprs(void **state)
{
    each_version(reprs);
}

/* At most max bytes, then the mark, at every max; never half a character or half an escape. */
static void cuts(struct pyheap *heap)
{
    static const uint32_t points[] = {0x65e5, '\n', 0x672c, 0x200b};
    uint64_t items[] = {pyheap_points(heap, points, 4, 2), pyheap_small(heap, -123456), pyheap_bytes(heap, "\xff\t", 2)};
    uint64_t list = pyheap_list(heap, items, 3);
    char whole[200];
    size_t len;

    snprintf(whole, sizeof whole, "%s", repr(heap, list));
    assert_string_equal(whole, "['\xe6\x97\xa5\\n\xe6\x9c\xac\\u200b', -123456, b'\\xff\\t']");
    len = strlen(whole);
    for (size_t max = 0; max < len; max++) {
        repr_max(heap, list, max);
        assert_true(text.len >= 3 && text.len <= max + 3);
        assert_string_equal(text.data + text.len - 3, "...");
        assert_memory_equal(text.data, whole, text.len - 3);
        assert_true(((unsigned char)whole[text.len - 3] & 0xc0) != 0x80);
    }
    assert_string_equal(repr_max(heap, list, len), whole);
}

static void test_cuts(void **state)
{
    each_version(cuts);
}

/* Whichever read fails: the truth, or its beginning and a mark that something was unreadable or is left out. */
static void reads_fail(struct pyheap *heap)
{
    uint64_t words[] = {pyheap_str(heap, "left"), pyheap_small(heap, 5), pyheap_bytes(heap, "right", 5)};
    uint64_t inner = pyheap_tuple(heap, words, 3), own = pyheap_class(heap, "Own", heap->type[PYHEAP_OBJECT], 0);
    uint64_t items[] = {inner, pyheap_set(heap, heap->type[PYHEAP_SET], words, 2), pyheap_object(heap, own, 0, 64), own};
    uint64_t dict = pyheap_dict(heap, pyheap_keys(heap, 3, 1, items, words, 3), 0), parts[] = {dict, inner};
    uint64_t list = pyheap_list(heap, parts, 2), calls;
    struct strobe_mem *mem;
    char whole[300];
    int damaged = 0;

    snprintf(whole, sizeof whole, "%s", repr(heap, list));
    assert_int_equal(strobe_mem_count_new(&heap->mem, 0, &mem), 0);
    strobe_buf_clear(&text);
    strobe_py_repr(mem, &heap->lay, list, 1000, &text);
    calls = strobe_mem_count_stats(mem)->calls;
    strobe_mem_close(mem);
    for (uint64_t n = 1; n <= calls; n++) {
        assert_int_equal(strobe_mem_count_new(&heap->mem, n, &mem), 0);
        strobe_buf_clear(&text);
        strobe_py_repr(mem, &heap->lay, list, 1000, &text);
        assert_int_equal(strobe_mem_count_stats(mem)->failures, 1);
        strobe_mem_close(mem);
        if (strcmp(strobe_buf_str(&text), whole) == 0)
            continue;
        assert_true(strstr(text.data, "<unreadable at 0x") != NULL || strcmp(text.data + text.len - 3, "...") == 0);
        damaged++;
    }
    assert_true(damaged > 10);
}

static void test_reads_fail(void **state)
{
    each_version(reads_fail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ints), cmocka_unit_test(test_long_int), cmocka_unit_test(test_strs), cmocka_unit_test(test_long_str),
        cmocka_unit_test(test_sequences), cmocka_unit_test(test_reprs), cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_reads_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
