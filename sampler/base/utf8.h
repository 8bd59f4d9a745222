/* SPDX-License-Identifier: Apache-2.0 */
/* utf8: code points to bytes and back.  Input is hostile: every byte sequence is taken.  No state. */
#ifndef STROBE_BASE_UTF8_H
#define STROBE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Number of bytes written to out; surrogates and what is above U+10FFFF become U+FFFD. */
size_t strobe_utf8_put(uint32_t point, char out[4]);
void strobe_utf8_append(struct strobe_buf *buf, uint32_t point);

/* Length of the valid UTF-8 sequence that text begins with, at most len bytes; 0 when there is none. */
size_t strobe_utf8_len(const char *text, size_t len);

/* The code point at *at (which is below end) and steps over it; a byte that begins no valid UTF-8 sequence (overlong,
 * surrogate, above U+10FFFF, cut) gives STROBE_BAD_BYTE + the byte. */
#define STROBE_BAD_BYTE 0x80000000u
uint32_t strobe_utf8_next(const char **at, const char *end);

#endif
