/* SPDX-License-Identifier: Apache-2.0 */
/* pyformat: values as Python's repr() writes them.  Pure: numbers and code points in, text out.  May include: pyspan (UTF-8). */
#ifndef STROBE_RUNTIME_PYFORMAT_H
#define STROBE_RUNTIME_PYFORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STROBE_PYFORMAT_FLOAT = 32,     /* bytes that hold any float: sign, 17 digits, point, exponent, NUL */
    STROBE_PYFORMAT_CHAR = 12,      /* bytes that hold any one escaped code point: \U0010ffff */
    STROBE_PYFORMAT_DIGITS = 480,   /* 30-bit digits of an int that is shown: 4,335 decimals, as sys.int_info's default limit of 4,300 */
    STROBE_PYFORMAT_DECIMALS = 4352 /* bytes that hold them */
};

/* The shortest decimal that reads back as the same value, laid out as float.__repr__ does. */
void strobe_pyformat_float(double value, char out[STROBE_PYFORMAT_FLOAT]);

/* n digits of 30 bits, least significant first (n <= STROBE_PYFORMAT_DIGITS), as a decimal without sign.  digit is used up. */
void strobe_pyformat_int(uint32_t *digit, size_t n, char out[STROBE_PYFORMAT_DECIMALS]);
/* How many decimals an int of n digits has, from its three highest digits (top[2] the highest); exact but for numbers within
 * 1e-9 of a power of ten. */
uint64_t strobe_pyformat_decimals(const uint32_t top[3], uint64_t n);

/* str.isprintable of one code point (Unicode categories Cc, Cf, Cs, Co, Zl, Zp, Zs and the blocks nobody assigned are not). */
bool strobe_pyformat_printable(uint32_t point);
/* One code point inside a quoted str.  Returns the bytes written. */
size_t strobe_pyformat_char(uint32_t point, char quote, char out[STROBE_PYFORMAT_CHAR]);
/* One byte inside a quoted bytes. */
size_t strobe_pyformat_byte(unsigned char byte, char quote, char out[STROBE_PYFORMAT_CHAR]);

#endif
