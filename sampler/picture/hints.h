/* SPDX-License-Identifier: Apache-2.0 */
/* hints: what somebody knows of a process's resources beforehand: the program itself, which saw them being made, or its author.
 * May include: base.  Plain data. */
#ifndef STROBE_PICTURE_HINTS_H
#define STROBE_PICTURE_HINTS_H

#include <stddef.h>
#include <stdint.h>

struct strobe_hint {
    uint64_t address;  /* of the object */
    const char *name;  /* what it is to be called; NULL = as it would be */
    int64_t capacity;  /* of a semaphore that does not keep it; -1 = unknown */
};

struct strobe_hints {
    const struct strobe_hint *at;
    size_t n;
};

#endif
