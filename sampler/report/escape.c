/* SPDX-License-Identifier: Apache-2.0 */
#include "report/escape.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "report/report.h"

/* C0, DEL and C1 (Unicode category Cc), line and paragraph separators, and what changes the direction of the text after
 * it (UAX #9, section 2). */
static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x061c || cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069);
}

/* Appends the printable ASCII that text begins with in one piece: nearly all there is.  Returns what follows. */
static const char *put_plain(const char *text, const char *end, struct strobe_buf *out)
{
    const char *at = text;

    while (at < end && *at >= 0x20 && *at < 0x7f)
        at++;
    if (at > text)
        strobe_buf_put(out, text, (size_t)(at - text));
    return at;
}

void strobe_report_escape(const char *text, struct strobe_buf *out)
{
    const char *end = text + strlen(text), *at = put_plain(text, end, out);

    for (; at < end; at = put_plain(at, end, out)) {
        const char *start = at;
        uint32_t cp = strobe_utf8_next(&at, end);

        if (cp >= STROBE_BAD_BYTE)
            strobe_buf_printf(out, "\\x%02x", (unsigned)(cp - STROBE_BAD_BYTE));
        else if (is_control(cp))
            strobe_buf_printf(out, cp < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)cp);
        else
            strobe_buf_put(out, start, (size_t)(at - start));
    }
}

void strobe_report_utf8(const char *text, struct strobe_buf *out)
{
    const char *at = text, *end = text + strlen(text);

    while (at < end) {
        const char *start = at;

        if (strobe_utf8_next(&at, end) >= STROBE_BAD_BYTE)
            strobe_utf8_append(out, 0xfffd);
        else
            strobe_buf_put(out, start, (size_t)(at - start));
    }
}

void strobe_report_escape_json(const char *json, struct strobe_buf *out)
{
    const char *at = json, *end = json + strlen(json), *from = json; /* what is not written yet */

    while (at < end) {
        const char *start = at;
        uint32_t cp;

        if ((unsigned char)*at < 0x7f) { /* nearly all there is; what JSON forbids inside strings is only between them */
            at++;
            continue;
        }
        cp = strobe_utf8_next(&at, end); /* strings were made valid before */
        if (cp >= STROBE_BAD_BYTE || !is_control(cp))
            continue;
        strobe_buf_put(out, from, (size_t)(start - from));
        strobe_buf_printf(out, "\\u%04x", (unsigned)cp);
        from = at;
    }
    strobe_buf_put(out, from, (size_t)(end - from));
}
