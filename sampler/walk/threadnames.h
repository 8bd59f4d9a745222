/* SPDX-License-Identifier: Apache-2.0 */
/* threadnames: Python's names of threads, from threading._active of each interpreter; cached, since names rarely change.
 * May include: walk.h, runtime/pyobj.h, base. */
#ifndef STROBE_WALK_THREADNAMES_H
#define STROBE_WALK_THREADNAMES_H

#include <stdint.h>

#include "runtime/layout.h"
#include "walk/sample.h"
#include "walk/walk.h"

struct strobe_threadname {
    uint64_t interp, ident;
    char *text;
};

struct strobe_threadnames {
    struct strobe_threadname *at;
    uint32_t n;
    size_t cap;
    uint64_t read_ns; /* when last read; 0 = never */
};

void strobe_threadnames_release(struct strobe_threadnames *names);
/* The name (UTF-8, unescaped), borrowed until the next call; "" when Python has none.  Reads the target when the names are
 * older than a second, or when a thread is missing and they are older than a tenth. */
const char *strobe_threadnames_get(struct strobe_threadnames *names, struct strobe_mem *mem, const struct strobe_layout *lay,
                                   const struct strobe_interp *interps, uint32_t n_interps, const struct strobe_thread *thread,
                                   uint64_t now_ns);

#endif
