/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "billing/labels.h"
#include "runtime/pycontext.h"
#include "tests/lib/alloc_fail.h"
#include "tests/lib/pyheap.h"

static struct world {
    struct pyheap *heap;
    struct strobe_names *names;
    struct strobe_labels labels;
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
    strobe_labels_init(&w.labels, &w.heap->mem, &w.heap->lay, w.names, (const char *const[]){"turn"}, 1);
    return 0;
}

static int tear_down(void **state)
{
    strobe_labels_release(&w.labels);
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

/* What is looked at, in the place of "turn" alone. */
static void look_at(const char *const *variables, uint32_t n)
{
    strobe_labels_release(&w.labels);
    strobe_labels_init(&w.labels, &w.heap->mem, &w.heap->lay, w.names, variables, n);
}
#define LOOK_AT(...) look_at((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static uint64_t variable_named(const char *name)
{
    uint64_t var = pyheap_object(w.heap, pyheap_class(w.heap, "ContextVar", w.heap->type[PYHEAP_OBJECT], 0), 0,
                                 w.heap->lay.contextvar_name + 48);

    pyheap_word(w.heap, var + w.heap->lay.contextvar_name, pyheap_str(w.heap, name));
    return var;
}

/* A context in which a variable of that name has a value. */
static uint64_t context_of(const char *name, uint64_t value)
{
    uint64_t var = w.var, context;

    w.var = variable_named(name);
    context = context_with(value);
    w.var = var;
    return context;
}

static uint64_t dict_of(const uint64_t *keys, const uint64_t *values, size_t n)
{
    return pyheap_dict(w.heap, pyheap_keys(w.heap, 6, 1, keys, values, n), 0);
}

/* The frames, one after the other. */
static const char *text_of_set(uint32_t set)
{
    static char text[1024];
    uint32_t n;
    const uint32_t *frames = strobe_labels_frames(&w.labels, set, &n);

    text[0] = '\0';
    for (uint32_t i = 0; i < n; i++)
        strcat(text, strobe_names_text(w.names, strobe_names_get(w.names, frames[i])->name));
    return text;
}

static const char *text_of(uint64_t context)
{
    uint32_t set = UINT32_MAX;

    assert_int_equal(strobe_labels_of(&w.labels, context, &set), 0);
    return text_of_set(set);
}

static const char *text_of_task(const struct strobe_task *task)
{
    uint32_t set = UINT32_MAX;

    assert_int_equal(strobe_labels_of_task(&w.labels, task, &set), 0);
    return text_of_set(set);
}

/* A context that is gone when it is read: what the task had, while it waits as it did at the tick before and no longer. */
static void test_context_that_is_gone(void **state)
{
    uint64_t context = context_with(pyheap_str(w.heap, "a")), gone = 0;
    struct strobe_task task = {.addr = 0x1000, .context = context, .future = 0x2000, .hash = {7, 8}, .state = STROBE_TASK_WAITING}, other;

    assert_string_equal(text_of_task(&task), "[turn=a]");
    pyheap_put(w.heap, context + w.heap->lay.context_vars, &gone, sizeof gone);
    for (int tick = 0; tick < 3; tick++) {
        strobe_labels_begin_tasks(&w.labels);
        assert_string_equal(text_of_task(&task), "[turn=a]");
        other = task;
        other.future = 0x3000; /* it has run since, and may have set another value */
        assert_string_equal(text_of_task(&other), "");
        other = task;
        other.state = STROBE_TASK_READY;
        assert_string_equal(text_of_task(&other), "");
    }
    strobe_labels_begin_tasks(&w.labels);
    strobe_labels_begin_tasks(&w.labels); /* a tick without it */
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
    strobe_labels_begin_tasks(&w.labels);
    assert_string_equal(text_of(context), "[turn=2]");
}

static void test_names_of_variables(void **state)
{
    LOOK_AT("contextvar:turn", "user", "contextvar:otel:trace_id");
    assert_string_equal(text_of(context_with(pyheap_small(w.heap, 1))), "[turn=1]");
    assert_string_equal(text_of(context_of("user", pyheap_str(w.heap, "u"))), "[user=u]");
    assert_string_equal(text_of(context_of("otel:trace_id", pyheap_small(w.heap, 5))), "[otel:trace_id=5]");
    assert_string_equal(text_of(context_of("contextvar:turn", pyheap_small(w.heap, 1))), "");
}

/* structlog unbinds by this value. */
static void test_ellipsis_is_not_set(void **state)
{
    uint64_t type = pyheap_static(w.heap, "ellipsis");

    assert_string_equal(text_of(context_with(pyheap_object(w.heap, type, 0, 32))), "");
    LOOK_AT("label:x");
    assert_string_equal(text_of(context_with(w.heap->none)), "");
}

static void test_items_of_label(void **state)
{
    uint64_t keys[] = {pyheap_str(w.heap, "request_id"), pyheap_str(w.heap, "a=b"), pyheap_small(w.heap, 3), pyheap_str(w.heap, "")};
    uint64_t values[] = {pyheap_str(w.heap, "7"), pyheap_str(w.heap, "c=d"), pyheap_str(w.heap, "no"), pyheap_small(w.heap, -1)};
    uint64_t dict = dict_of(keys, values, 4);

    LOOK_AT("strobe:labels");
    assert_string_equal(text_of(context_of("strobe_labels", dict)), "[request_id=7][a?b=c=d][=-1]");
    LOOK_AT("label:request_id", "label:other", "label:a=b");
    assert_string_equal(text_of(context_of("strobe_labels", dict)), "[request_id=7][a=b=c=d]");
    assert_string_equal(text_of(context_of("other", dict)), "");
    for (int i = 0; i < 2; i++) {
        LOOK_AT(i ? "label:request_id" : "strobe:labels");
        assert_string_equal(text_of(context_of("strobe_labels", pyheap_str(w.heap, "no dict"))), "");
        assert_string_equal(text_of(context_of("strobe_labels", 64)), "");
    }
}

static void test_long_names_and_more_than_fit(void **state)
{
    enum { N = 40 };
    uint64_t keys[N], values[N], dict;
    char name[80], expected[512] = "";

    memset(name, 'n', 70);
    name[70] = 0;
    for (int i = 0; i < N; i++) {
        if (i)
            snprintf(name, sizeof name, "k%d", i);
        keys[i] = pyheap_str(w.heap, name);
        values[i] = pyheap_small(w.heap, i);
        if (i == 0) /* 64 bytes of it */
            snprintf(expected, sizeof expected, "[%.64s=0]", name);
        else if (i < STROBE_LABELS_FRAMES)
            snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "[k%d=%d]", i, i);
    }
    dict = dict_of(keys, values, N);
    LOOK_AT("strobe:labels");
    assert_string_equal(text_of(context_of("strobe_labels", dict)), expected);
    /* Between characters: an x, and of the others, two bytes each, 31. */
    snprintf(name, sizeof name, "x"); /* the heap's strings are Latin-1 */
    snprintf(expected, sizeof expected, "[x");
    for (int i = 0; i < 35; i++) {
        strcat(name, "\xe9");
        strcat(expected, i < 31 ? "\xc3\xa9" : "");
    }
    strcat(expected, "=0]");
    dict = dict_of((uint64_t[]){pyheap_str(w.heap, name)}, values, 1);
    LOOK_AT("strobe:labels");
    assert_string_equal(text_of(context_of("strobe_labels", dict)), expected);
}

static void test_a_bounded_number_of_names(void **state)
{
    LOOK_AT("strobe:labels");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < STROBE_LABELS_KEYS + 5; i++) {
            char name[16], expected[32];

            snprintf(name, sizeof name, "k%d", i);
            snprintf(expected, sizeof expected, i < STROBE_LABELS_KEYS ? "[k%d=v]" : "[label=other]", i);
            assert_string_equal(text_of(context_of("strobe_labels", dict_of((uint64_t[]){pyheap_str(w.heap, name)},
                                                                            (uint64_t[]){pyheap_str(w.heap, "v")}, 1))), expected);
        }
}

/* Each name has its own; there is no room in the heap for as many dicts, so one changes. */
static void test_values_of_each_name_are_bounded(void **state)
{
    uint64_t keys[] = {pyheap_str(w.heap, "a"), pyheap_str(w.heap, "b")}, values[2];

    LOOK_AT("strobe:labels");
    for (int i = 0; i < STROBE_FEWMARKS_MAX + 3; i++) {
        size_t used = w.heap->used;
        char expected[64];

        strobe_labels_begin(&w.labels);
        snprintf(expected, sizeof expected, i < STROBE_FEWMARKS_MAX ? "[a=%d][b=same]" : "[a=other][b=same]", i);
        values[0] = pyheap_small(w.heap, i);
        values[1] = pyheap_str(w.heap, "same");
        assert_string_equal(text_of(context_of("strobe_labels", dict_of(keys, values, 2))), expected);
        memset(w.heap->bytes + used, 0, w.heap->used - used);
        w.heap->used = used;
    }
}

static void test_sets_of_another_process(void **state)
{
    struct strobe_labels other;
    uint64_t context = context_with(pyheap_str(w.heap, "there"));
    const uint32_t *frames;
    uint32_t set, n, mine, again;

    strobe_labels_init(&other, &w.heap->mem, &w.heap->lay, w.names, (const char *const[]){"turn"}, 1);
    assert_int_equal(strobe_labels_of(&other, context, &set), 0);
    frames = strobe_labels_frames(&other, set, &n);
    assert_int_equal(strobe_labels_adopt(&w.labels, frames, n, &mine), 0);
    assert_int_equal(strobe_labels_adopt(&w.labels, frames, n, &again), 0);
    assert_string_equal(text_of_set(mine), "[turn=there]");
    assert_int_equal(mine, again);
    assert_int_equal(strobe_labels_adopt(&w.labels, NULL, 0, &again), 0);
    assert_int_equal(again, 0);
    strobe_labels_release(&other);
}

/* Of so many sets each has a number; what comes later counts as none. */
static void test_a_bounded_number_of_sets(void **state)
{
    uint32_t set;

    for (uint32_t i = 1; i <= STROBE_LABELS_SETS; i++) {
        assert_int_equal(strobe_labels_adopt(&w.labels, (uint32_t[]){i, 7}, 2, &set), 0);
        assert_int_equal(set, i);
    }
    assert_int_equal(strobe_labels_adopt(&w.labels, (uint32_t[]){STROBE_LABELS_SETS + 1, 7}, 2, &set), 0);
    assert_int_equal(set, 0);
    assert_int_equal(strobe_labels_adopt(&w.labels, (uint32_t[]){9, 7}, 2, &set), 0);
    assert_int_equal(set, 9);
}

static void test_a_bounded_number_of_values(void **state)
{
    for (int round = 0; round < 2; round++) {
        strobe_labels_begin_tasks(&w.labels);
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
        uint32_t set;
        int err;

        tear_down(NULL);
        set_up(NULL);
        contexts[0] = context_with(pyheap_str(w.heap, "a rather long value, for which there is no room in a fresh buffer"));
        contexts[1] = context_with(pyheap_object(w.heap, w.request, 0, 64));
        alloc_fail_arm(n);
        err = strobe_labels_of(&w.labels, contexts[0], &set);
        if (!err)
            err = strobe_labels_of(&w.labels, contexts[1], &set);
        alloc_fail_disarm();
        hit = alloc_fail_hit();
        assert_int_equal(err, hit ? STROBE_ERR_NOMEM : 0);
        strobe_labels_begin_tasks(&w.labels);
        assert_string_equal(text_of(contexts[1]), "[turn=<Request>]");
    }
}

static void test_known_values_allocate_nothing(void **state)
{
    uint64_t context = context_with(pyheap_str(w.heap, "value"));
    uint32_t set;

    for (int i = 0; i < 3; i++) {
        if (i == 2)
            alloc_fail_arm(0);
        strobe_labels_begin_tasks(&w.labels);
        assert_int_equal(strobe_labels_of(&w.labels, context, &set), 0);
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
        TEST(test_names_of_variables),
        TEST(test_ellipsis_is_not_set),
        TEST(test_items_of_label),
        TEST(test_long_names_and_more_than_fit),
        TEST(test_a_bounded_number_of_names),
        TEST(test_values_of_each_name_are_bounded),
        TEST(test_sets_of_another_process),
        TEST(test_a_bounded_number_of_sets),
        TEST(test_a_bounded_number_of_values),
        TEST(test_every_failed_allocation_is_reported),
        TEST(test_known_values_allocate_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
