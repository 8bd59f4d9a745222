/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pyformat.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/pyspan.h"

enum { MAX_PRECISION = 17 }; /* decimals that tell any two doubles apart */

/* A positive decimal: 0.d1d2d3... x 10^point. */
struct decimal {
    char digit[MAX_PRECISION + 1];
    int n, point;
};

static bool reads_back(const struct decimal *d, double value)
{
    char text[40];

    snprintf(text, sizeof text, "0.%se%d", d->digit, d->point);
    return strtod(text, NULL) == value;
}

/* The next larger decimal of the same number of digits. */
static void step_up(struct decimal *d)
{
    int i = d->n - 1;

    while (i >= 0 && d->digit[i] == '9')
        d->digit[i--] = '0';
    if (i >= 0) {
        d->digit[i]++;
    } else {
        d->digit[0] = '1';
        d->point++;
    }
}

/* The nearest decimal of n digits. */
static void round_to(double value, int n, struct decimal *ret)
{
    char text[40];

    snprintf(text, sizeof text, "%.*e", n - 1, value); /* d.ddde+XX */
    ret->digit[0] = text[0];
    if (n > 1)
        memcpy(ret->digit + 1, text + 2, (size_t)n - 1);
    ret->digit[n] = '\0';
    ret->n = n;
    ret->point = (int)strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
}

static void shortest(double value, struct decimal *ret)
{
    int exponent;
    /* At a power of two the doubles below lie closer than those above: a decimal further up may read back although the nearest,
     * below, does not. */
    bool lopsided = frexp(value, &exponent) == 0.5;

    for (int n = 1; n <= MAX_PRECISION; n++) {
        round_to(value, n, ret);
        if (reads_back(ret, value))
            return;
        if (lopsided) {
            step_up(ret);
            if (reads_back(ret, value))
                return;
        }
    }
}

void strobe_pyformat_float(double value, char out[STROBE_PYFORMAT_FLOAT])
{
    struct decimal d;
    const char *sign = signbit(value) ? "-" : "";
    int n;

    if (isnan(value)) {
        strcpy(out, "nan");
        return;
    }
    if (isinf(value) || value == 0) {
        snprintf(out, STROBE_PYFORMAT_FLOAT, "%s%s", sign, value == 0 ? "0.0" : "inf");
        return;
    }
    shortest(fabs(value), &d);
    while (d.n > 1 && d.digit[d.n - 1] == '0')
        d.digit[--d.n] = '\0';
    /* CPython: Python/pystrtod.c, format 'r': positional where -4 < point <= 16. */
    if (d.point <= -4 || d.point > 16) {
        n = snprintf(out, STROBE_PYFORMAT_FLOAT, "%s%c%s%s", sign, d.digit[0], d.n > 1 ? "." : "", d.digit + 1);
        snprintf(out + n, STROBE_PYFORMAT_FLOAT - (size_t)n, "e%+03d", d.point - 1);
    } else if (d.point <= 0) {
        snprintf(out, STROBE_PYFORMAT_FLOAT, "%s0.%.*s%s", sign, -d.point, "0000", d.digit);
    } else if (d.n <= d.point) {
        snprintf(out, STROBE_PYFORMAT_FLOAT, "%s%s%.*s.0", sign, d.digit, d.point - d.n, "0000000000000000");
    } else {
        snprintf(out, STROBE_PYFORMAT_FLOAT, "%s%.*s.%s", sign, d.point, d.digit, d.digit + d.point);
    }
}

void strobe_pyformat_int(uint32_t *digit, size_t n, char out[STROBE_PYFORMAT_DECIMALS])
{
    enum { BILLION = 1000000000, GROUPS = STROBE_PYFORMAT_DECIMALS / 9 };
    uint32_t group[GROUPS];
    size_t groups = 0, at;

    while (n > 0 && digit[n - 1] == 0)
        n--;
    while (n > 0 && groups < GROUPS) { /* divide by 10^9, keep the remainders */
        uint64_t rest = 0;

        for (size_t i = n; i-- > 0;) {
            rest = rest << 30 | (digit[i] & 0x3fffffff);
            digit[i] = (uint32_t)(rest / BILLION);
            rest %= BILLION;
        }
        group[groups++] = (uint32_t)rest;
        while (n > 0 && digit[n - 1] == 0)
            n--;
    }
    if (groups == 0)
        group[groups++] = 0;
    at = (size_t)snprintf(out, STROBE_PYFORMAT_DECIMALS, "%u", group[groups - 1]);
    for (size_t i = groups - 1; i-- > 0 && at + 9 < STROBE_PYFORMAT_DECIMALS; at += 9)
        snprintf(out + at, STROBE_PYFORMAT_DECIMALS - at, "%09u", group[i]);
}

uint64_t strobe_pyformat_decimals(const uint32_t top[3], uint64_t n)
{
    const long double digit_log = 9.030899869919435856412166841734790803L; /* log10(2^30) */
    long double high = ((long double)top[2] * 0x1p30L + top[1]) * 0x1p30L + top[0];

    /* The highest digit of a real int is never 0. */
    return (uint64_t)floorl((high >= 1 ? log10l(high) : 0) + (long double)(n - 3) * digit_log + 1e-9L) + 1;
}

bool strobe_pyformat_printable(uint32_t point)
{
    /* First and last code points, ascending. */
    static const uint32_t hidden[][2] = {
        {0x0, 0x1f}, {0x7f, 0xa0}, {0xad, 0xad}, {0x600, 0x605}, {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x890, 0x891},
        {0x8e2, 0x8e2}, {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},
        {0xd800, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x110bd, 0x110bd}, {0x110cd, 0x110cd},
        {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff}, {0x323b0, 0xe00ff},
        {0xe01f0, UINT32_MAX},
    };

    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0] && point >= hidden[i][0]; i++) {
        if (point <= hidden[i][1])
            return false;
    }
    return true;
}

/* What str and bytes escape alike; 0 when the character is not one of those. */
static size_t escape_common(uint32_t point, char quote, char *out)
{
    char c = point == '\n' ? 'n' : point == '\r' ? 'r' : point == '\t' ? 't' : 0;

    if (point == '\\' || point == (unsigned char)quote)
        c = (char)point;
    if (c == 0)
        return 0;
    out[0] = '\\';
    out[1] = c;
    return 2;
}

size_t strobe_pyformat_char(uint32_t point, char quote, char out[STROBE_PYFORMAT_CHAR])
{
    size_t n = escape_common(point, quote, out);

    if (n > 0)
        return n;
    if (strobe_pyformat_printable(point))
        return strobe_utf8_put(point, out);
    return (size_t)snprintf(out, STROBE_PYFORMAT_CHAR, point <= 0xff ? "\\x%02x" : point <= 0xffff ? "\\u%04x" : "\\U%08x", point);
}

size_t strobe_pyformat_byte(unsigned char byte, char quote, char out[STROBE_PYFORMAT_CHAR])
{
    size_t n = escape_common(byte, quote, out);

    if (n > 0)
        return n;
    if (byte >= ' ' && byte < 0x7f) {
        out[0] = (char)byte;
        return 1;
    }
    return (size_t)snprintf(out, STROBE_PYFORMAT_CHAR, "\\x%02x", byte);
}
