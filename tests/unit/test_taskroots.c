/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "billing/taskroots.h"
#include "runtime/pycontext.h"
#include "tests/lib/alloc_fail.h"
#include "tests/lib/pyheap.h"

static struct world {
    struct pyheap *heap;
    struct strobe_names *names;
    struct strobe_taskroots roots;
    uint64_t context, var, mapping, bitmap, request; /* types, but var: the ContextVar */
} w;

static int set_up(void **state)
{
    uint64_t object, type;
    uint32_t first;

    memset(&w, 0, sizeof w);
    w.heap = pyheap_new(PYHEAP_312);
    object = w.heap->type[PYHEAP_OBJECT];
    w.context = pyheap_class(w.heap, "_contextvars.Context", object, 0);
    w.mapping = pyheap_class(w.heap, "hamt", object, 0);
    w.bitmap = pyheap_class(w.heap, "hamt_bitmap_node", object, 0);
    w.request = pyheap_class(w.heap, "web.Request", object, 0);
    type = pyheap_class(w.heap, "ContextVar", object, 0);
    w.var = pyheap_object(w.heap, type, 0, w.heap->lay.contextvar_name + 48);
    pyheap_word(w.heap, w.var + w.heap->lay.contextvar_name, pyheap_str(w.heap, "turn"));
    if (strobe_names_new(&w.names) || strobe_names_marker(w.names, "<GC>", &first))
        return -1;
    strobe_taskroots_init(&w.roots, &w.heap->mem, &w.heap->lay, w.names, "turn");
    return 0;
}

static int tear_down(void **state)
{
    strobe_taskroots_release(&w.roots);
    strobe_names_free(w.names);
    pyheap_free(w.heap);
    return 0;
}

/* A context in which the variable has a value; 0: in which it is not set. */
static uint64_t context_with(uint64_t value)
{
    const struct strobe_layout *lay = &w.heap->lay;
    uint64_t pair[2] = {w.var, value}, node = pyheap_object(w.heap, w.bitmap, 0, lay->hamt_bitmap_items + 32);
    uint64_t mapping = pyheap_object(w.heap, w.mapping, 0, lay->hamt_count + 8);
    uint64_t context = pyheap_object(w.heap, w.context, 0, lay->context_vars + 24);
    uint32_t bits = value != 0;

    pyheap_word(w.heap, node + lay->ob_size, value ? 2 : 0);
    pyheap_put(w.heap, node + lay->hamt_bitmap, &bits, sizeof bits);
    pyheap_put(w.heap, node + lay->hamt_bitmap_items, pair, sizeof pair);
    pyheap_word(w.heap, mapping + lay->hamt_root, node);
    pyheap_word(w.heap, mapping + lay->hamt_count, value != 0);
    pyheap_word(w.heap, context + lay->context_vars, mapping);
    return context;
}

static const char *text_of(uint64_t context)
{
    uint32_t marker = UINT32_MAX;

    assert_int_equal(strobe_taskroots_of(&w.roots, context, &marker), 0);
    return marker ? strobe_names_text(w.names, strobe_names_get(w.names, marker)->name) : "";
}

static const char *text_of_task(const struct strobe_task *task)
{
    uint32_t marker = UINT32_MAX;

    assert_int_equal(strobe_taskroots_of_task(&w.roots, task, &marker), 0);
    return marker ? strobe_names_text(w.names, strobe_names_get(w.names, marker)->name) : "";
}

/* A context that is gone when it is read: what the task had, while it waits as it did at the tick before and no longer. */
static void test_context_that_is_gone(void **state)
{
    uint64_t context = context_with(pyheap_str(w.heap, "a")), gone = 0;
    struct strobe_task task = {.addr = 0x1000, .context = context, .future = 0x2000, .hash = {7, 8}, .state = STROBE_TASK_WAITING}, other;

    assert_string_equal(text_of_task(&task), "[turn=a]");
    pyheap_put(w.heap, context + w.heap->lay.context_vars, &gone, sizeof gone);
    for (int tick = 0; tick < 3; tick++) {
        strobe_taskroots_begin(&w.roots);
        assert_string_equal(text_of_task(&task), "[turn=a]");
        other = task;
        other.future = 0x3000; /* it has run since, and may have set another value */
        assert_string_equal(text_of_task(&other), "");
        other = task;
        other.state = STROBE_TASK_READY;
        assert_string_equal(text_of_task(&other), "");
    }
    strobe_taskroots_begin(&w.roots);
    strobe_taskroots_begin(&w.roots); /* a tick without it */
    assert_string_equal(text_of_task(&task), "");
}

static void test_values(void **state)
{
    assert_string_equal(text_of(context_with(pyheap_str(w.heap, "GET /a;b"))), "[turn=GET /a;b]");
    assert_string_equal(text_of(context_with(pyheap_str(w.heap, ""))), "[turn=]");
    assert_string_equal(text_of(context_with(pyheap_small(w.heap, -7))), "[turn=-7]");
    assert_string_equal(text_of(context_with(pyheap_int(w.heap, 1, (uint32_t[]){1, 2, 3, 4}, 4))), "[turn=<int>]"); /* beyond 64 bits */
    assert_string_equal(text_of(context_with(w.heap->none)), "[turn=None]");
    assert_string_equal(text_of(context_with(pyheap_object(w.heap, w.request, 0, 64))), "[turn=<Request>]");
    assert_string_equal(text_of(context_with(pyheap_float(w.heap, 1.5))), "[turn=<float>]");
    assert_string_equal(text_of(context_with(0)), "");
    assert_string_equal(text_of(0), "");
    assert_string_equal(text_of(pyheap_str(w.heap, "no context")), "");
    assert_string_equal(text_of(context_with(64)), "[turn=<?>]"); /* nothing can be read there */
}

static void test_long_values_are_cut_between_characters(void **state)
{
    uint32_t points[200];
    char expected[256] = "[turn=";

    for (int i = 0; i < 200; i++)
        points[i] = 'x';
    points[STROBE_CONTEXT_TEXT - 1] = 0xe9; /* two bytes, the second beyond the limit */
    memset(expected + 6, 'x', STROBE_CONTEXT_TEXT - 1);
    strcat(expected, "...]");
    assert_string_equal(text_of(context_with(pyheap_points(w.heap, points, 200, 1))), expected);
}

/* Within a tick a context is asked once, in the next one again. */
static void test_a_context_that_changes(void **state)
{
    uint64_t context = context_with(pyheap_small(w.heap, 1)), other = context_with(pyheap_small(w.heap, 2)), mapping;

    assert_string_equal(text_of(context), "[turn=1]");
    assert_int_equal(strobe_mem_u64(&w.heap->mem, other + w.heap->lay.context_vars, &mapping), 0);
    pyheap_word(w.heap, context + w.heap->lay.context_vars, mapping);
    assert_string_equal(text_of(context), "[turn=1]");
    strobe_taskroots_begin(&w.roots);
    assert_string_equal(text_of(context), "[turn=2]");
}

static void test_a_bounded_number_of_values(void **state)
{
    for (int round = 0; round < 2; round++) {
        strobe_taskroots_begin(&w.roots);
        for (int i = 0; i < STROBE_FEWMARKS_MAX + 20; i++) {
            char expected[32];

            snprintf(expected, sizeof expected, i < STROBE_FEWMARKS_MAX ? "[turn=%d]" : "[turn=other]", i);
            assert_string_equal(text_of(context_with(pyheap_small(w.heap, i))), expected);
        }
    }
}

static void test_every_failed_allocation_is_reported(void **state)
{
    bool hit = true;

    for (uint64_t n = 1; hit; n++) {
        uint64_t contexts[2];
        uint32_t marker;
        int err;

        tear_down(NULL);
        set_up(NULL);
        contexts[0] = context_with(pyheap_str(w.heap, "a rather long value, for which there is no room in a fresh buffer"));
        contexts[1] = context_with(pyheap_object(w.heap, w.request, 0, 64));
        alloc_fail_arm(n);
        err = strobe_taskroots_of(&w.roots, contexts[0], &marker);
        if (!err)
            err = strobe_taskroots_of(&w.roots, contexts[1], &marker);
        alloc_fail_disarm();
        hit = alloc_fail_hit();
        assert_int_equal(err, hit ? STROBE_ERR_NOMEM : 0);
        strobe_taskroots_begin(&w.roots);
        assert_string_equal(text_of(contexts[1]), "[turn=<Request>]");
    }
}

static void test_known_values_allocate_nothing(void **state)
{
    uint64_t context = context_with(pyheap_str(w.heap, "value"));
    uint32_t marker;

    for (int i = 0; i < 3; i++) {
        if (i == 2)
            alloc_fail_arm(0);
        strobe_taskroots_begin(&w.roots);
        assert_int_equal(strobe_taskroots_of(&w.roots, context, &marker), 0);
    }
    assert_int_equal(alloc_fail_disarm(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_context_that_is_gone),
        TEST(test_values),
        TEST(test_long_values_are_cut_between_characters),
        TEST(test_a_context_that_changes),
        TEST(test_a_bounded_number_of_values),
        TEST(test_every_failed_allocation_is_reported),
        TEST(test_known_values_allocate_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
