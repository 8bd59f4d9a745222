/* SPDX-License-Identifier: Apache-2.0 */
/* The current span as OpenTelemetry keeps it: ids as hexadecimal digits, or nothing. */
#include "tests/unit/cm.h"

#include <string.h>

#include "base/err.h"
#include "runtime/pyotel.h"
#include "tests/lib/pytask.h"

static struct pytask t;

/* An int of digits of 30 bits, least first. */
static uint64_t number(const uint32_t *digits, size_t n)
{
    return pyheap_int(t.heap, n ? 1 : 0, digits, n);
}

static uint64_t span_with(uint64_t context)
{
    uint64_t type = pytask_class(&t, "opentelemetry.sdk.trace", "_Span", 0);

    return pytask_instance(&t, type, (const char *const[]){"_name", "_context"}, (uint64_t[]){t.heap->none, context}, 2);
}

static uint64_t current(const char *key, uint64_t span)
{
    return pytask_dict(&t, (const char *const[]){"baggage", key}, (uint64_t[]){t.heap->none, span}, 2);
}

static int read_id(uint64_t value, enum strobe_otel_id which, const char *expected)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    int err = strobe_py_otel(&t.heap->mem, &t.heap->lay, value, which, &out);

    assert_string_equal(strobe_buf_str(&out), expected);
    strobe_buf_release(&out);
    return err;
}

static void test_ids(void **state)
{
    /* 0x4bf92f3577b34da6a3ce929d0e0e4736 and 0x00f067aa0ba902b7, cut into digits of 30 bits */
    static const uint32_t trace[] = {0x0e0e4736, 0x0f3a4a74, 0x3b34da6a, 0x3e4bcd5d, 0x0000004b},
                          span[] = {0x0ba902b7, 0x03c19ea8};

    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        uint64_t ids[3], value;

        pytask_open(&t, version);
        ids[0] = number(trace, 5);
        ids[1] = number(span, 2);
        ids[2] = t.heap->none;
        value = current("current-span-3a8d", span_with(pyheap_tuple(t.heap, ids, 3)));
        assert_int_equal(read_id(value, STROBE_OTEL_TRACE, "4bf92f3577b34da6a3ce929d0e0e4736"), 0);
        assert_int_equal(read_id(value, STROBE_OTEL_SPAN, "00f067aa0ba902b7"), 0);
        pyheap_free(t.heap);
    }
}

static void test_no_span(void **state)
{
    uint64_t zero[2], value;

    pytask_open(&t, PYHEAP_312);
    zero[0] = zero[1] = number(NULL, 0);
    value = current("current-span-1", span_with(pyheap_tuple(t.heap, zero, 2))); /* INVALID_SPAN */
    assert_int_equal(read_id(value, STROBE_OTEL_TRACE, ""), STROBE_ERR_MISSING);
    assert_int_equal(read_id(current("current-spa", value), STROBE_OTEL_TRACE, ""), STROBE_ERR_MISSING);
    assert_int_equal(read_id(pytask_dict(&t, NULL, NULL, 0), STROBE_OTEL_SPAN, ""), STROBE_ERR_MISSING);
    pyheap_free(t.heap);
}

static void test_what_is_no_span(void **state)
{
    static const uint32_t one[] = {1}, large[] = {1, 2, 3, 4, 5, 6};
    uint64_t ids[2], negative, span;

    pytask_open(&t, PYHEAP_312);
    negative = pyheap_int(t.heap, -1, one, 1);
    for (int i = 0; i < 3; i++) {
        ids[0] = ids[1] = i == 0 ? pyheap_str(t.heap, "text") : i == 1 ? number(large, 6) : negative;
        span = span_with(pyheap_tuple(t.heap, ids, 2));
        assert_int_equal(read_id(current("current-span-1", span), STROBE_OTEL_TRACE, ""), STROBE_ERR_OBJECT);
    }
    ids[0] = number(one, 1);
    assert_int_equal(read_id(current("current-span-1", span_with(pyheap_tuple(t.heap, ids, 1))), STROBE_OTEL_TRACE, ""), STROBE_ERR_OBJECT);
    assert_int_equal(read_id(current("current-span-1", span_with(pyheap_str(t.heap, "context"))), STROBE_OTEL_SPAN, ""), STROBE_ERR_OBJECT);
    assert_true(read_id(current("current-span-1", pyheap_str(t.heap, "span")), STROBE_OTEL_SPAN, "") < 0);
    assert_true(read_id(current("current-span-1", 64), STROBE_OTEL_SPAN, "") < 0); /* nothing can be read there */
    assert_true(read_id(pyheap_str(t.heap, "no dict"), STROBE_OTEL_SPAN, "") < 0);
    assert_true(read_id(0, STROBE_OTEL_SPAN, "") < 0);
    pyheap_free(t.heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_no_span),
        cmocka_unit_test(test_what_is_no_span),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
