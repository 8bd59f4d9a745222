/* SPDX-License-Identifier: Apache-2.0 */
/* callnames: the C function that a thread's innermost Python frame is in, as the code there names it: "time.sleep", "self._gate.acquire".
 * In the frame that makes a pool's calls, as the callable names itself.
 *
 * What the code says is kept by (code, instr).  What really lies on the frame's value stack is read each time: a frame that calls Python
 * code, or whose call is over, is in no C function.  To be asked right after the sample was taken.
 * May include: walk, runtime, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_NAMING_CALLNAMES_H
#define STROBE_NAMING_CALLNAMES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/htab.h"
#include "walk/coderoles.h"
#include "walk/sample.h"

struct strobe_callnames {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_coderoles *codes;
    struct strobe_htab known;  /* (code, instr) -> struct strobe_callname */
    struct strobe_arena arena; /* of those */
    struct strobe_buf text;    /* the answer, where the callable itself says it */
    uint64_t changes;          /* of codes, when they were found */
    uint64_t c_type;           /* the type of callable last seen that is made in C */
};

/* All borrowed.  strobe_coderoles_begin() is the caller's. */
void strobe_callnames_init(struct strobe_callnames *names, struct strobe_mem *mem, const struct strobe_layout *lay,
                           struct strobe_coderoles *codes);
void strobe_callnames_release(struct strobe_callnames *names);
/* Of an innermost frame.  ret_text: UTF-8, unescaped, "" = in none, or not known; valid until the next call.  STROBE_ERR_NOMEM. */
int strobe_callnames_of(struct strobe_callnames *names, const struct strobe_raw_frame *frame, const char **ret_text);

#endif
