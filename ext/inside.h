/* SPDX-License-Identifier: Apache-2.0 */
/* inside: our own process as a place to make pictures of (place.h): its memory read guarded, by the kernel, so that an address that is no
 * longer valid is an error and no crash; its runtime found by the symbol; its threads read on themselves (onthread.h).
 *
 * May include: attach/proc, place.h, mem, runtime/layout.h, base, onthread.h.  Ownership: who opens one closes it.  Threads: one at a time
 * each. */
#ifndef STROBE_EXT_INSIDE_H
#define STROBE_EXT_INSIDE_H

#include <stdint.h>

#include "base/buf.h"
#include "place.h"

struct strobe_inside;

/* runtime: address of _PyRuntime; version: PY_VERSION_HEX of the interpreter that runs; text: "3.12.1" for people (copied).
 * Needs nothing of Python: no GIL.  On failure why (or NULL) gets one clause. */
int strobe_inside_open(uint64_t runtime, uint32_t version, const char *text, struct strobe_inside **ret, struct strobe_buf *why);
/* NULL is allowed. */
void strobe_inside_close(struct strobe_inside *inside);
struct strobe_place *strobe_inside_place(struct strobe_inside *inside); /* borrowed */
/* Reader and host are the caller's now (for strobe_session_add), the rest stays. */
void strobe_inside_detach_parts(struct strobe_inside *inside, struct strobe_mem **ret_mem, struct strobe_host **ret_host);

#endif
