/* SPDX-License-Identifier: Apache-2.0 */
#include "export/writer.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"

enum { FLUSH_AT = 64 * 1024 }; /* large enough that a write call is noise */

static int flush(struct strobe_writer *writer)
{
    int err;

    if (writer->buf.failed)
        return STROBE_ERR_NOMEM;
    if (!writer->buf.len)
        return 0;
    err = writer->sink->flush(writer->sink->ctx, writer->buf.data, writer->buf.len);
    strobe_buf_clear(&writer->buf);
    return err;
}

int strobe_writer_step(struct strobe_writer *writer)
{
    return writer->buf.failed || writer->buf.len >= FLUSH_AT ? flush(writer) : 0;
}

int strobe_writer_end(struct strobe_writer *writer, int err)
{
    if (!err)
        err = flush(writer);
    strobe_buf_release(&writer->buf);
    return err;
}

/* Format controls that turn text around or are invisible; shown as escapes, so that a name looks like what it is. */
static bool is_deceptive(uint32_t point)
{
    return point == 0xad || point == 0x61c || point == 0x180e || point == 0x200b || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
           (point >= 0xe0000 && point <= 0xe007f);
}

void strobe_put_visible(struct strobe_buf *buf, uint32_t point)
{
    if (point & STROBE_BAD_BYTE || point < 0x20 || (point >= 0x7f && point <= 0x9f))
        strobe_buf_printf(buf, "\\x%02x", (unsigned)(point & 0xff));
    else if (is_deceptive(point) || (point & 0xfffe) == 0xfffe) /* U+FFFE and U+FFFF are not characters of XML */
        strobe_buf_printf(buf, point > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)point);
    else
        strobe_utf8_append(buf, point);
}

/* The bytes that jansson wrote go straight into the buffer. */
static int put_bytes(const char *bytes, size_t len, void *buf)
{
    strobe_buf_put(buf, bytes, len);
    return 0;
}

void strobe_json_put_string(struct strobe_buf *buf, const char *text, size_t len)
{
    struct strobe_buf clean = STROBE_BUF_INIT;
    const char *at = text, *end = text + len;
    json_t *string;

    while (at < end) {
        uint32_t point = strobe_utf8_next(&at, end);

        strobe_utf8_append(&clean, point & STROBE_BAD_BYTE ? 0xfffd : point);
    }
    string = clean.failed ? NULL : json_stringn_nocheck(strobe_buf_str(&clean), clean.len);
    if (!string || json_dump_callback(string, put_bytes, buf, JSON_ENCODE_ANY))
        buf->failed = true;
    json_decref(string);
    strobe_buf_release(&clean);
}
