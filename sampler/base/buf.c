/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void strobe_buf_release(struct strobe_buf *buf)
{
    free(buf->data);
    *buf = (struct strobe_buf)STROBE_BUF_INIT;
}

void strobe_buf_clear(struct strobe_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

int strobe_buf_reserve(struct strobe_buf *buf, size_t extra)
{
    size_t want, cap;
    char *data;

    if (buf->failed)
        return STROBE_ERR_NOMEM;
    if (__builtin_add_overflow(buf->len, extra, &want) || __builtin_add_overflow(want, 1, &want))
        goto fail;
    if (want <= buf->cap)
        return 0;
    cap = buf->cap ? buf->cap : 64;
    while (cap < want)
        if (__builtin_mul_overflow(cap, 2, &cap))
            goto fail;
    data = realloc(buf->data, cap);
    if (!data)
        goto fail;
    buf->data = data;
    buf->cap = cap;
    return 0;
fail:
    buf->failed = true;
    return STROBE_ERR_NOMEM;
}

void strobe_buf_put(struct strobe_buf *buf, const void *bytes, size_t len)
{
    if (strobe_buf_reserve(buf, len))
        return;
    if (len)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void strobe_buf_puts(struct strobe_buf *buf, const char *text)
{
    strobe_buf_put(buf, text, strlen(text));
}

void strobe_buf_putc(struct strobe_buf *buf, char c)
{
    strobe_buf_put(buf, &c, 1);
}

void strobe_buf_vprintf(struct strobe_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0 || strobe_buf_reserve(buf, (size_t)len)) {
        buf->failed = true;
        return;
    }
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    buf->len += (size_t)len;
}

void strobe_buf_printf(struct strobe_buf *buf, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    strobe_buf_vprintf(buf, fmt, args);
    va_end(args);
}

const char *strobe_buf_str(const struct strobe_buf *buf)
{
    return buf->len ? buf->data : "";
}

void strobe_buf_grouped(struct strobe_buf *buf, uint64_t n)
{
    if (n >= 1000) {
        strobe_buf_grouped(buf, n / 1000);
        strobe_buf_printf(buf, ",%03u", (unsigned)(n % 1000));
    } else {
        strobe_buf_printf(buf, "%u", (unsigned)n);
    }
}
