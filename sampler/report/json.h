/* SPDX-License-Identifier: Apache-2.0 */
/* json: values that the JSON forms share.  Each is a new reference, NULL when out of memory.  For report and meter.
 * May include: report/report.h, jansson. */
#ifndef STROBE_REPORT_JSON_H
#define STROBE_REPORT_JSON_H

#include <jansson.h>

#include "report/report.h"

/* A string; text that is not UTF-8 is made so.  NULL text: null. */
json_t *strobe_json_text(const char *text);
/* A frame as in `dump --json`. */
json_t *strobe_json_frame(const struct strobe_report_process *process, const struct strobe_report_frame *frame);
/* The array of `dump --json`. */
json_t *strobe_json_threads(const struct strobe_report_process *processes, uint32_t n, bool with_process_info);
/* Takes the value over.  False when it is NULL, or when memory is short. */
bool strobe_json_append(json_t *list, json_t *value);
/* Writes the value, which it takes over, and a line feed.  STROBE_ERR_NOMEM, also for NULL. */
int strobe_json_write(json_t *value, struct strobe_buf *out);
/* The same as one line; numbers with 15 digits, so that a time of day has its microseconds. */
int strobe_json_write_line(json_t *value, struct strobe_buf *out);

#endif
