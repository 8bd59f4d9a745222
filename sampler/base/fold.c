/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fold.h"

enum { UUID = 36, LONG_HEX = 8 }; /* digits from which on a word of hexadecimal digits is a number */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* Length of the UUID that text begins with, or 0. */
static size_t uuid_at(const char *text)
{
    for (size_t i = 0; i < UUID; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !is_hex(text[i]))
            return 0;
    }
    return is_word(text[UUID]) ? 0 : UUID;
}

/* Length of the hexadecimal number that a word is as a whole, or 0. */
static size_t hex_at(const char *text)
{
    size_t begin = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 2 : 0, n = begin;
    bool digit = false;

    for (; is_hex(text[n]); n++)
        digit |= is_digit(text[n]);
    if (is_word(text[n]))
        return 0;
    return (begin && n > begin) || (digit && n >= LONG_HEX) ? n : 0;
}

void strobe_fold(const char *name, struct strobe_buf *out)
{
    bool in_word = false;

    for (const char *at = name; *at;) {
        size_t n = in_word ? 0 : uuid_at(at);

        if (!n && !in_word)
            n = hex_at(at);
        if (!n)
            while (is_digit(at[n]))
                n++;
        in_word = is_word(*at);
        if (n)
            strobe_buf_putc(out, '*');
        else
            strobe_buf_putc(out, *at);
        at += n ? n : 1;
    }
}
