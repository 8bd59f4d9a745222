/* SPDX-License-Identifier: Apache-2.0 */
/* escape: text of a target made harmless: for a terminal (strobe_report_escape in report.h) and for JSON.
 * May include: base.  Private to report.  No state. */
#ifndef STROBE_REPORT_ESCAPE_H
#define STROBE_REPORT_ESCAPE_H

#include "base/buf.h"

/* Appends text as valid UTF-8: each byte that is not part of a code point becomes U+FFFD. */
void strobe_report_utf8(const char *text, struct strobe_buf *out);

/* Appends JSON text with the controls that JSON lets through (DEL, C1, bidirectional controls) as \uNNNN, so that it may
 * be shown on a terminal; they can only stand inside strings, so the value is the same. */
void strobe_report_escape_json(const char *json, struct strobe_buf *out);

#endif
