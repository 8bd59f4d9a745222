/* SPDX-License-Identifier: Apache-2.0 */
/* fold: names that differ in a number only, as one name: "request-12" is "request-*"; of UUIDs and hexadecimal numbers too.  No state. */
#ifndef STROBE_BASE_FOLD_H
#define STROBE_BASE_FOLD_H

#include "base/buf.h"

void strobe_fold(const char *name, struct strobe_buf *out);

#endif
