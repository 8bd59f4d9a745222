/* SPDX-License-Identifier: Apache-2.0 */
/* writer: a buffer in front of a sink, emptied when it is full; and the walk over hostile UTF-8 that all formats share.
 * May include: base, exporter.h.  Ownership: the holder releases. */
#ifndef STROBE_EXPORT_WRITER_H
#define STROBE_EXPORT_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "export/exporter.h"

struct strobe_writer {
    struct strobe_buf buf; /* append with the functions of buf.h, then strobe_writer_step */
    const struct strobe_sink *sink;
};

/* Hands the bytes on when there are many.  0, STROBE_ERR_NOMEM, or the sink's error. */
int strobe_writer_step(struct strobe_writer *writer);
/* Hands on what is left, unless err says that all was in vain; releases; returns err or the first error of its own. */
int strobe_writer_end(struct strobe_writer *writer, int err);

/* Appends a code point of strobe_utf8_next(), or what stands for it where it would not be seen for what it is: controls and bytes that are
 * not UTF-8 as \xNN; line separators, what is invisible or turns the direction of text, U+FFFE and U+FFFF as \uNNNN (\UNNNNNNNN). */
void strobe_put_visible(struct strobe_buf *buf, uint32_t point);

/* Appends a JSON string, quotes included; bad bytes become U+FFFD. */
void strobe_json_put_string(struct strobe_buf *buf, const char *text, size_t len);

#endif
