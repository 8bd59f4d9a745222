/* SPDX-License-Identifier: Apache-2.0 */
/* trace_code: what a function is, whether it is wanted, and what its frame says.
 * May include: trace.h. */
#ifndef STROBE_EXT_TRACE_CODE_H
#define STROBE_EXT_TRACE_CODE_H

#include "ext/trace.h"

/* What the core asks. */
enum strobe_calls_kind strobe_trace_kind(void *ctx, const void *key);
int strobe_trace_adopt(void *ctx, const void *key, uint32_t function);

/* Flags of a code object (Include/code.h). */
static inline int strobe_trace_flags(const struct strobe_trace *trace, const void *code)
{
    return *(const int *)((const char *)code + trace->layout.co_flags);
}

enum {
    STROBE_CODE_GENERATOR = 0x20,
    STROBE_CODE_COROUTINE = 0x80,
    STROBE_CODE_ITERABLE_COROUTINE = 0x100, /* types.coroutine */
    STROBE_CODE_ASYNC_GENERATOR = 0x200,
};

/* Do calls of it make something that suspends itself and goes on?  flags: co_flags. */
static inline bool strobe_trace_makes_activation(int flags)
{
    return flags & (STROBE_CODE_GENERATOR | STROBE_CODE_COROUTINE | STROBE_CODE_ASYNC_GENERATOR | STROBE_CODE_ITERABLE_COROUTINE);
}

/* The frame behind a frame object: as events have it. */
const char *strobe_trace_inner_frame(const struct strobe_trace *trace, const void *object);
/* The frame that runs on this thread: of _PyInterpreterFrame (3.11 and newer). */
const char *strobe_trace_frame(const struct strobe_trace *trace);
/* Has that frame, a generator's, come to the first instruction that is traced?  (co_firsttraceable, 3.11 and newer) */
bool strobe_trace_has_begun(const struct strobe_trace *trace, const char *frame, const void *code);
/* Is it a value that an asynchronous generator yields, rather than one that it awaits?  (Objects/genobject.c wraps it.) */
bool strobe_trace_is_wrapped(struct strobe_trace *trace, PyObject *value);

#endif
