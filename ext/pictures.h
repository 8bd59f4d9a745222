/* SPDX-License-Identifier: Apache-2.0 */
/* pictures: our own process looked at once: its threads and tasks as JSON, as `strobe dump --asyncio|ps --json` print them, and as text.
 * May include: inside.h, picture, report, base.  Threads: any, one at a time (they wait for each other); without the GIL. */
#ifndef STROBE_EXT_PICTURES_H
#define STROBE_EXT_PICTURES_H

#include <stdint.h>

#include "base/buf.h"

enum strobe_picture {
    STROBE_PICTURE_DUMP,     /* threads and tasks, JSON */
    STROBE_PICTURE_TASKS,    /* JSON of ps */
    STROBE_PICTURE_TEXT,     /* `strobe dump` for people */
};

/* runtime, version, text: see inside.h.  Appends to out; on failure one clause to why. */
int strobe_pictures_take(enum strobe_picture which, uint64_t runtime, uint32_t version, const char *text, struct strobe_buf *out,
                         struct strobe_buf *why);

#endif
