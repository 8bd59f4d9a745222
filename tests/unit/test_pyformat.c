/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and quoted text as Python writes them: what CPython prints, and properties that any correct answer has. */
#include "tests/unit/cm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/pyformat.h"

static void test_floats(void **state)
{
    /* repr() of each, from CPython. */
    static const struct {
        double value;
        const char *text;
    } known[] = {
        {0.0, "0.0"}, {-0.0, "-0.0"}, {1, "1.0"}, {-2.5e-10, "-2.5e-10"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"}, {9999999999999998.0, "9999999999999998.0"}, {123456789012345680.0, "1.2345678901234568e+17"}, {1e22, "1e+22"},
        {1e-4, "0.0001"}, {1e-5, "1e-05"}, {0.00012345, "0.00012345"}, {1e100, "1e+100"}, {5e-324, "5e-324"}, {1e-323, "1e-323"},
        {1.7976931348623157e308, "1.7976931348623157e+308"}, {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {0x1p-44, "5.684341886080802e-14"}, {INFINITY, "inf"}, {-INFINITY, "-inf"}, {NAN, "nan"}, {12345.678, "12345.678"},
    };
    char text[STROBE_PYFORMAT_FLOAT];

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        strobe_pyformat_float(known[i].value, text);
        assert_string_equal(text, known[i].text);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Reads back as the same value, with no more digits than printf needs for that. */
static void test_floats_read_back(void **state)
{
    uint64_t seed = 88172645463325252u, bits;
    char text[STROBE_PYFORMAT_FLOAT], needed[64];
    double value;
    int precision;

    for (int i = 0; i < 20000; i++) {
        size_t digits = 0, zeros = 0;

        bits = next_random(&seed);
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value) || value == 0)
            continue;
        strobe_pyformat_float(value, text);
        assert_true(strlen(text) < STROBE_PYFORMAT_FLOAT);
        assert_true(strtod(text, NULL) == value);
        for (precision = 0; precision < 17; precision++) {
            snprintf(needed, sizeof needed, "%.*e", precision, value);
            if (strtod(needed, NULL) == value)
                break;
        }
        for (const char *p = text; *p && *p != 'e'; p++) {
            if (*p < '0' || *p > '9' || (digits == 0 && *p == '0'))
                continue;
            digits++;
            zeros = *p == '0' ? zeros + 1 : 0;
        }
        assert_true(digits - zeros <= (size_t)precision + 1);
    }
}

static void test_ints(void **state)
{
    static uint32_t digit[STROBE_PYFORMAT_DIGITS], top[3];
    static char text[STROBE_PYFORMAT_DECIMALS], expected[STROBE_PYFORMAT_DECIMALS];
    size_t n = 1, decimals = 1;

    digit[0] = 7; /* 7 x 10^k, by long multiplication, as far as it fits */
    expected[0] = '7';
    for (;;) {
        uint32_t copy[STROBE_PYFORMAT_DIGITS];
        uint64_t carry = 0;

        memcpy(copy, digit, sizeof copy);
        strobe_pyformat_int(copy, n, text);
        expected[decimals] = '\0';
        assert_string_equal(text, expected);
        if (n >= 3) {
            memcpy(top, digit + n - 3, sizeof top);
            assert_int_equal(strobe_pyformat_decimals(top, n), decimals);
        }
        for (size_t i = 0; i < n; i++, carry >>= 30) {
            carry += (uint64_t)digit[i] * 10;
            digit[i] = carry & 0x3fffffff;
        }
        if (carry && n == STROBE_PYFORMAT_DIGITS)
            break;
        if (carry)
            digit[n++] = (uint32_t)carry;
        expected[decimals++] = '0';
    }
    assert_true(decimals > 4300);
    /* The largest that fits; the smallest; a damaged one. */
    for (size_t i = 0; i < STROBE_PYFORMAT_DIGITS; i++)
        digit[i] = 0x3fffffff;
    strobe_pyformat_int(digit, STROBE_PYFORMAT_DIGITS, text);
    assert_int_equal(strlen(text), 4335);
    strobe_pyformat_int(digit, 0, text);
    assert_string_equal(text, "0");
    memset(top, 0, sizeof top);
    assert_true(strobe_pyformat_decimals(top, 5) > 0);
}

static void check_char(uint32_t point, char quote, const char *expected)
{
    char text[STROBE_PYFORMAT_CHAR];
    size_t n = strobe_pyformat_char(point, quote, text);

    assert_int_equal(n, strlen(expected));
    assert_memory_equal(text, expected, n);
}

static void test_chars(void **state)
{
    char text[STROBE_PYFORMAT_CHAR];

    check_char('a', '\'', "a");
    check_char('\'', '\'', "\\'");
    check_char('\'', '"', "'");
    check_char('\\', '\'', "\\\\");
    check_char('\t', '\'', "\\t");
    check_char(0, '\'', "\\x00");
    check_char(0x7f, '\'', "\\x7f");
    check_char(0xa0, '\'', "\\xa0");
    check_char(0xe9, '\'', "\xc3\xa9");
    check_char(0x202e, '\'', "\\u202e");
    check_char(0xdc80, '\'', "\\udc80");
    check_char(0xfffd, '\'', "\xef\xbf\xbd");
    check_char(0x1f600, '\'', "\xf0\x9f\x98\x80");
    check_char(0xe0001, '\'', "\\U000e0001");
    check_char(0x10ffff, '\'', "\\U0010ffff");
    assert_int_equal(strobe_pyformat_byte(0xff, '\'', text), 4);
    assert_memory_equal(text, "\\xff", 4);
    assert_int_equal(strobe_pyformat_byte('"', '\'', text), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats), cmocka_unit_test(test_floats_read_back), cmocka_unit_test(test_ints), cmocka_unit_test(test_chars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
