/* SPDX-License-Identifier: Apache-2.0 */
/* linetable: pure decoders: bytes of a line table in, line out.  All input is hostile.  May include: layout.h. */
#ifndef STROBE_RUNTIME_LINETABLE_H
#define STROBE_RUNTIME_LINETABLE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/layout.h"

/* The line of the instruction at byte offset lasti (negative = before the first instruction: firstlineno).
 * ret_line: 1-based; 0 when the table says "no line" there.  0, or STROBE_ERR_FORMAT for a damaged table, with firstlineno
 * in ret_line all the same, so that a caller may print it. */
int strobe_linetable_line(enum strobe_lines_kind kind, const unsigned char *table, size_t len, int32_t firstlineno,
                          int64_t lasti, int32_t *ret_line);

#endif
