/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

size_t strobe_utf8_put(uint32_t point, char out[4])
{
    if ((point >= 0xD800 && point < 0xE000) || point > 0x10FFFF)
        point = 0xFFFD;
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

size_t strobe_utf8_len(const char *text, size_t len)
{
    const unsigned char *b = (const unsigned char *)text;
    size_t n;

    if (len == 0 || (b[0] >= 0x80 && b[0] < 0xC2) || b[0] > 0xF4)
        return 0;
    n = b[0] < 0x80 ? 1 : b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : 4;
    if (n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates, beyond U+10FFFF: told by the second byte. */
    if ((b[0] == 0xE0 && b[1] < 0xA0) || (b[0] == 0xED && b[1] > 0x9F) || (b[0] == 0xF0 && b[1] < 0x90) || (b[0] == 0xF4 && b[1] > 0x8F))
        return 0;
    return n;
}

uint32_t strobe_utf8_next(const char **at, const char *end)
{
    const unsigned char *p = (const unsigned char *)*at;
    size_t left = (size_t)(end - *at), len;
    uint32_t point, least;

    *at += 1;
    if (p[0] < 0x80)
        return p[0];
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
        least = 0x80;
        point = p[0] & 0x1fu;
    } else if ((p[0] & 0xf0) == 0xe0) {
        len = 3;
        least = 0x800;
        point = p[0] & 0x0fu;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        least = 0x10000;
        point = p[0] & 0x07u;
    } else {
        return STROBE_BAD_BYTE + p[0];
    }
    if (left < len)
        return STROBE_BAD_BYTE + p[0];
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return STROBE_BAD_BYTE + p[0];
        point = point << 6 | (p[i] & 0x3fu);
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return STROBE_BAD_BYTE + p[0];
    *at += len - 1;
    return point;
}

void strobe_utf8_append(struct strobe_buf *buf, uint32_t point)
{
    char out[4];

    strobe_buf_put(buf, out, strobe_utf8_put(point, out));
}
