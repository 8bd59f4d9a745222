/* SPDX-License-Identifier: Apache-2.0 */
/* say: lines on stderr for people.  Text of a target may be among them, so control characters are escaped.
 * Each is one write, so that lines of a launched program do not mix into it.  May include: base, report. */
#ifndef STROBE_TOOLS_SAY_H
#define STROBE_TOOLS_SAY_H

#include <stdbool.h>

/* "strobe> ..." : what goes on. */
void strobe_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "strobe: ..." : why it did not work. */
void strobe_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Is standard output to be coloured? */
bool strobe_want_color(void);
/* Does the locale's text take UTF-8, so that lines may be drawn in it? */
bool strobe_speaks_utf8(void);

#endif
