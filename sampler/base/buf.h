/* SPDX-License-Identifier: Apache-2.0 */
/* buf: growable bytes.  A failed allocation makes the buffer "failed": later appends do nothing, and the owner asks
 * once at the end (strobe_buf_failed), so that writers of text need no check per call.
 * Ownership: the holder of the struct releases it.  Not thread-safe. */
#ifndef STROBE_BASE_BUF_H
#define STROBE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strobe_buf {
    char *data; /* NUL-terminated when len > 0 or after any append; may be NULL when empty */
    size_t len; /* bytes, without the NUL */
    size_t cap;
    bool failed;
};

#define STROBE_BUF_INIT {NULL, 0, 0, false}

void strobe_buf_release(struct strobe_buf *buf);
/* Length to zero, memory kept, failure forgotten. */
void strobe_buf_clear(struct strobe_buf *buf);
/* Makes room for extra more bytes.  0 or STROBE_ERR_NOMEM. */
int strobe_buf_reserve(struct strobe_buf *buf, size_t extra);
void strobe_buf_put(struct strobe_buf *buf, const void *bytes, size_t len);
void strobe_buf_puts(struct strobe_buf *buf, const char *text);
void strobe_buf_putc(struct strobe_buf *buf, char c);
void strobe_buf_printf(struct strobe_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strobe_buf_vprintf(struct strobe_buf *buf, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
/* The text so far, "" when empty; borrowed until the next append. */
const char *strobe_buf_str(const struct strobe_buf *buf);
/* A number as people read it, thousands apart: 95904 -> "95,904". */
void strobe_buf_grouped(struct strobe_buf *buf, uint64_t n);

#endif
