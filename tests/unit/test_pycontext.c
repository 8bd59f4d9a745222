/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts and their trees, made by hand as five versions of CPython lay them out; hostile sizes and shapes; every read failing once. */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/pycontext.h"
#include "tests/lib/pyheap.h"

enum { FANOUT = 32, MAX_DEPTH = 8 };

struct world {
    struct pyheap *heap;
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    uint64_t context, var, mapping, bitmap, array, collision; /* types */
};

struct seen {
    uint64_t item[64][2];
    size_t n, stop; /* stop: item at which to return 42; 0 = never */
};

static int see(void *ctx, uint64_t var, uint64_t value)
{
    struct seen *seen = ctx;

    if (seen->n < 64) {
        seen->item[seen->n][0] = var;
        seen->item[seen->n][1] = value;
    }
    return ++seen->n == seen->stop ? 42 : 0;
}

static void each_version(void (*test)(struct world *world))
{
    for (enum pyheap_version v = 0; v < PYHEAP_VERSIONS; v++) {
        struct pyheap *heap = pyheap_new(v);
        struct world world = {.heap = heap, .mem = &heap->mem, .lay = &heap->lay};

        world.context = pyheap_class(heap, v < PYHEAP_310 ? "Context" : "_contextvars.Context", heap->type[PYHEAP_OBJECT], 0);
        world.var = pyheap_class(heap, "ContextVar", heap->type[PYHEAP_OBJECT], 0);
        world.mapping = pyheap_class(heap, "hamt", heap->type[PYHEAP_OBJECT], 0);
        world.bitmap = pyheap_class(heap, "hamt_bitmap_node", heap->type[PYHEAP_OBJECT], 0);
        world.array = pyheap_class(heap, "hamt_array_node", heap->type[PYHEAP_OBJECT], 0);
        world.collision = pyheap_class(heap, "hamt_collision_node", heap->type[PYHEAP_OBJECT], 0);
        test(&world);
        pyheap_free(heap);
    }
}

static uint64_t make_var(struct world *w, uint64_t name)
{
    uint64_t var = pyheap_object(w->heap, w->var, 0, w->lay->contextvar_name + 48);

    pyheap_word(w->heap, var + w->lay->contextvar_name, name);
    return var;
}

/* n pairs of key and value; the key 0: the value is a node below. */
static uint64_t make_bitmap(struct world *w, uint64_t (*pairs)[2], size_t n)
{
    uint64_t node = pyheap_object(w->heap, w->bitmap, 0, w->lay->hamt_bitmap_items + (n + 1) * 16);
    uint32_t bits = n == FANOUT ? UINT32_MAX : (1u << n) - 1;

    pyheap_word(w->heap, node + w->lay->ob_size, 2 * n);
    pyheap_put(w->heap, node + w->lay->hamt_bitmap, &bits, sizeof bits);
    pyheap_put(w->heap, node + w->lay->hamt_bitmap_items, pairs, n * 16);
    return node;
}

static uint64_t make_collision(struct world *w, uint64_t (*pairs)[2], size_t n)
{
    uint64_t node = pyheap_object(w->heap, w->collision, 0, w->lay->hamt_collision_items + n * 16);

    pyheap_word(w->heap, node + w->lay->ob_size, 2 * n);
    pyheap_put(w->heap, node + w->lay->hamt_collision_items, pairs, n * 16);
    return node;
}

/* A node whose first and last of 32 places lead to nodes. */
static uint64_t make_array(struct world *w, uint64_t first, uint64_t last)
{
    uint64_t node = pyheap_object(w->heap, w->array, 0, w->lay->hamt_array_items + FANOUT * 8 + 8);

    pyheap_word(w->heap, node + w->lay->hamt_array_items, first);
    pyheap_word(w->heap, node + w->lay->hamt_array_items + (FANOUT - 1) * 8, last);
    return node;
}

static uint64_t make_context(struct world *w, uint64_t root, uint64_t count)
{
    uint64_t mapping = pyheap_object(w->heap, w->mapping, 0, w->lay->hamt_count + 8);
    uint64_t context = pyheap_object(w->heap, w->context, 0, w->lay->context_vars + 24);

    pyheap_word(w->heap, mapping + w->lay->hamt_root, root);
    pyheap_word(w->heap, mapping + w->lay->hamt_count, count);
    pyheap_word(w->heap, context + w->lay->context_vars, mapping);
    return context;
}

/* Five variables in every kind of node:  array: bitmap {a, b -> collision {c, d}}, ..., bitmap {e} */
struct five {
    uint64_t pair[5][2], context;
};

static struct five make_five(struct world *w)
{
    static const uint32_t accented[] = {'c', 0xe9};
    uint64_t name[5] = {pyheap_str(w->heap, "a"), pyheap_str(w->heap, "bee"), pyheap_points(w->heap, accented, 2, 1),
                        pyheap_str(w->heap, "twice"), pyheap_str(w->heap, "twice")};
    struct five five;
    uint64_t first[3][2];

    for (int i = 0; i < 5; i++) {
        five.pair[i][0] = make_var(w, name[i]);
        five.pair[i][1] = pyheap_small(w->heap, i);
    }
    memcpy(first, five.pair, sizeof first);
    first[2][0] = 0;
    first[2][1] = make_collision(w, &five.pair[2], 2);
    five.context = make_context(w, make_array(w, make_bitmap(w, first, 3), make_bitmap(w, &five.pair[4], 1)), 5);
    return five;
}

static int each(struct world *w, uint64_t context, struct seen *seen)
{
    memset(seen, 0, offsetof(struct seen, stop));
    return strobe_py_context_each(w->mem, w->lay, context, see, seen);
}

static int get(struct world *w, uint64_t context, const char *name, uint64_t *ret_value)
{
    return strobe_py_context_get(w->mem, w->lay, context, name, ret_value);
}

static void kinds(struct world *w)
{
    struct five five = make_five(w);
    struct seen seen = {.stop = 0};
    uint64_t pairs[FANOUT][2];

    assert_int_equal(each(w, five.context, &seen), 0);
    assert_int_equal(seen.n, 5);
    assert_memory_equal(seen.item, five.pair, sizeof five.pair);
    for (seen.stop = 1; seen.stop <= 5; seen.stop++) {
        assert_int_equal(each(w, five.context, &seen), 42);
        assert_int_equal(seen.n, seen.stop);
    }
    seen.stop = 0;
    assert_int_equal(each(w, make_context(w, make_bitmap(w, NULL, 0), 0), &seen), 0);
    assert_int_equal(seen.n, 0);
    for (int i = 0; i < FANOUT; i++)
        memcpy(pairs[i], five.pair[i % 5], sizeof pairs[i]);
    assert_int_equal(each(w, make_context(w, make_bitmap(w, pairs, FANOUT), FANOUT), &seen), 0);
    assert_int_equal(seen.n, FANOUT);
    assert_int_equal(each(w, make_context(w, make_collision(w, pairs, FANOUT), FANOUT), &seen), 0);
    assert_int_equal(seen.n, FANOUT);
}

static void test_kinds(void **state)
{
    each_version(kinds);
}

static void names(struct world *w)
{
    struct five five = make_five(w);
    uint64_t got = 17, odd[2][2];
    char name[8] = "";

    assert_int_equal(get(w, five.context, "be", &got), STROBE_ERR_MISSING);
    assert_int_equal(get(w, five.context, "bees", &got), STROBE_ERR_MISSING);
    assert_int_equal(get(w, five.context, "", &got), STROBE_ERR_MISSING);
    assert_true(got == 17);
    assert_int_equal(get(w, five.context, "bee", &got), 0);
    assert_true(got == five.pair[1][1]);
    assert_int_equal(get(w, five.context, "c\xc3\xa9", &got), 0);
    assert_true(got == five.pair[2][1]);
    assert_int_equal(get(w, five.context, "twice", &got), 0);
    assert_true(got == five.pair[3][1]);

    assert_int_equal(strobe_py_contextvar_name(w->mem, w->lay, five.pair[2][0], name, sizeof name), 0);
    assert_string_equal(name, "c\xc3\xa9");
    assert_int_equal(strobe_py_contextvar_name(w->mem, w->lay, five.pair[3][0], name, 4), 0);
    assert_string_equal(name, "twi");
    assert_true(strobe_py_contextvar_name(w->mem, w->lay, 8, name, sizeof name) < 0);

    /* A name that is no str, a variable that is nowhere: others are found all the same. */
    memcpy(odd, five.pair, sizeof odd);
    odd[0][0] = make_var(w, five.pair[0][1]);
    assert_int_equal(get(w, make_context(w, make_bitmap(w, odd, 2), 2), "bee", &got), 0);
    assert_true(got == five.pair[1][1]);
    assert_int_equal(get(w, make_context(w, make_bitmap(w, odd, 2), 2), "a", &got), STROBE_ERR_OBJECT);
    odd[0][0] = 0x10000;
    assert_int_equal(get(w, make_context(w, make_bitmap(w, odd, 2), 2), "bee", &got), 0);
    assert_int_equal(get(w, make_context(w, make_bitmap(w, odd, 2), 2), "a", &got), STROBE_ERR_FAULT);
    odd[0][0] = UINT64_MAX - 7;
    assert_int_equal(get(w, make_context(w, make_bitmap(w, odd, 2), 2), "a", &got), STROBE_ERR_OBJECT);
}

static void test_names(void **state)
{
    each_version(names);
}

/* As deep as the bits of a hash go, and no deeper. */
static void depth(struct world *w)
{
    struct five five = make_five(w);
    uint64_t node = make_collision(w, five.pair, 2), below[1][2] = {{0, 0}};
    struct seen seen = {.stop = 0};

    for (int deep = 1; deep <= MAX_DEPTH + 1; deep++) {
        assert_int_equal(each(w, make_context(w, node, 2), &seen), deep <= MAX_DEPTH ? 0 : STROBE_ERR_OBJECT);
        assert_int_equal(seen.n, deep <= MAX_DEPTH ? 2 : 0);
        below[0][1] = node;
        node = deep % 2 ? make_bitmap(w, below, 1) : make_array(w, 0, node);
    }
}

static void test_depth(void **state)
{
    each_version(depth);
}

/* Rings, and trees whose branches are all the same one: an end after a bounded number of reads. */
static void rings(struct world *w)
{
    struct five five = make_five(w);
    uint64_t self[1][2] = {{0, 0}}, ring = make_bitmap(w, self, 1), bush = make_bitmap(w, NULL, 0), above;
    struct seen seen = {.stop = 0};
    struct strobe_mem *count;

    pyheap_word(w->heap, ring + w->lay->hamt_bitmap_items + 8, ring);
    assert_int_equal(each(w, make_context(w, ring, 1), &seen), STROBE_ERR_OBJECT);
    ring = make_array(w, 0, 0);
    pyheap_word(w->heap, ring + w->lay->hamt_array_items + 40, ring);
    assert_int_equal(each(w, make_context(w, ring, 1), &seen), STROBE_ERR_OBJECT);
    for (int level = 1; level < MAX_DEPTH; level++, bush = above) {
        above = make_array(w, bush, bush);
        for (int i = 1; i < FANOUT - 1; i++)
            pyheap_word(w->heap, above + w->lay->hamt_array_items + (unsigned)i * 8, bush);
    }
    assert_int_equal(strobe_mem_count_new(w->mem, 0, &count), 0);
    assert_int_equal(strobe_py_context_each(count, w->lay, make_context(w, bush, 1), see, &seen), STROBE_ERR_LIMIT);
    assert_in_range(strobe_mem_count_stats(count)->calls, 1000, 400 * 1000);
    strobe_mem_close(count);

    /* The same variables again and again: no more than it says there are. */
    ring = make_collision(w, five.pair, 5);
    bush = make_array(w, ring, ring);
    for (uint64_t n = 0; n < 12; n++) {
        assert_int_equal(each(w, make_context(w, bush, n), &seen), n == 10 ? 0 : STROBE_ERR_OBJECT);
        assert_int_equal(seen.n, n < 10 ? n : 10);
    }
}

static void test_rings(void **state)
{
    each_version(rings);
}

static void hostile(struct world *w)
{
    static const uint64_t sizes[] = {0, 1, 3, 8, 66, 1 << 20, UINT64_C(1) << 62, UINT64_MAX, UINT64_MAX - 1};
    static const uint64_t addrs[] = {0, 8, 4097, 0x10000, UINT64_MAX - 7};
    struct five five = make_five(w);
    struct seen seen = {.stop = 0};
    uint64_t bad, empty[2][2] = {{five.pair[0][0], 0}, {0, 0}};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bad = make_bitmap(w, five.pair, 2);
        pyheap_word(w->heap, bad + w->lay->ob_size, sizes[i]);
        assert_int_equal(each(w, make_context(w, bad, 2), &seen), STROBE_ERR_OBJECT);
        bad = make_collision(w, five.pair, 2);
        pyheap_word(w->heap, bad + w->lay->ob_size, sizes[i]);
        assert_true(each(w, make_context(w, bad, 2), &seen) < 0);
        assert_true(seen.n <= 2);
    }
    bad = make_bitmap(w, five.pair, 2);
    pyheap_put(w->heap, bad + w->lay->hamt_bitmap, &(uint32_t){UINT32_MAX}, 4);
    assert_int_equal(each(w, make_context(w, bad, 2), &seen), STROBE_ERR_OBJECT);
    assert_int_equal(each(w, make_context(w, make_bitmap(w, five.pair, 2), UINT64_MAX), &seen), STROBE_ERR_LIMIT);
    assert_int_equal(each(w, make_context(w, make_bitmap(w, empty, 1), 1), &seen), STROBE_ERR_OBJECT);
    assert_int_equal(each(w, make_context(w, make_collision(w, empty + 1, 1), 1), &seen), STROBE_ERR_OBJECT);

    /* Things that are something else, or nothing. */
    assert_int_equal(each(w, five.pair[0][0], &seen), STROBE_ERR_OBJECT);
    assert_int_equal(each(w, make_context(w, five.pair[0][0], 1), &seen), STROBE_ERR_OBJECT);
    bad = make_context(w, 0, 0);
    pyheap_word(w->heap, bad + w->lay->context_vars, five.pair[0][0]);
    assert_true(each(w, bad, &seen) < 0);
    for (size_t i = 0; i < sizeof addrs / sizeof addrs[0]; i++) {
        assert_true(each(w, addrs[i], &seen) < 0);
        assert_true(each(w, make_context(w, addrs[i], 1), &seen) < 0);
        pyheap_word(w->heap, bad + w->lay->context_vars, addrs[i]);
        assert_true(each(w, bad, &seen) < 0);
    }
}

static void test_hostile(void **state)
{
    each_version(hostile);
}

/* Whichever read fails: an error, or the truth all the same. */
static void reads_fail(struct world *w)
{
    struct five five = make_five(w);
    struct strobe_mem *mem;
    uint64_t got, calls, faults = 0;
    int err;

    assert_int_equal(strobe_mem_count_new(w->mem, 0, &mem), 0);
    assert_int_equal(strobe_py_context_get(mem, w->lay, five.context, "twice", &got), 0);
    calls = strobe_mem_count_stats(mem)->calls;
    strobe_mem_close(mem);
    assert_true(calls > 20);
    for (uint64_t n = 1; n <= calls; n++) {
        got = 17;
        assert_int_equal(strobe_mem_count_new(w->mem, n, &mem), 0);
        err = strobe_py_context_get(mem, w->lay, five.context, "twice", &got);
        assert_int_equal(strobe_mem_count_stats(mem)->failures, 1);
        /* The second variable of that name, when that of the first one could not be read. */
        assert_true(err ? err == STROBE_ERR_FAULT && got == 17 : got == five.pair[3][1] || got == five.pair[4][1]);
        strobe_mem_close(mem);
        got = 17;
        assert_int_equal(strobe_mem_count_new(w->mem, n, &mem), 0);
        err = strobe_py_context_get(mem, w->lay, five.context, "none", &got);
        assert_true((err == STROBE_ERR_FAULT || err == STROBE_ERR_MISSING) && got == 17);
        faults += err == STROBE_ERR_FAULT;
        strobe_mem_close(mem);
    }
    assert_true(faults >= calls - 6); /* strings are read again, shorter, when reading more than needed fails */
}

static void test_reads_fail(void **state)
{
    each_version(reads_fail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds), cmocka_unit_test(test_names), cmocka_unit_test(test_depth), cmocka_unit_test(test_rings),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_reads_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
