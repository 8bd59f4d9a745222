/* SPDX-License-Identifier: Apache-2.0 */
/* pycontext: the variables of a contextvars.Context of a target, and their values.
 * Everything is hostile, as in pyobj.h.  May include: mem, layout, pyobj.h, base.  Nothing is kept, nothing allocated. */
#ifndef STROBE_RUNTIME_PYCONTEXT_H
#define STROBE_RUNTIME_PYCONTEXT_H

#include "runtime/pyobj.h"

/* Calls each(ctx, var, value) for every variable that is set in a Context: addresses of the ContextVar and the value, in no order
 * that means anything; stops early when it returns non-zero and returns that.  STROBE_ERR_OBJECT when it is no Context, or one that
 * changed meanwhile (found out after variables were passed on, maybe); STROBE_ERR_LIMIT. */
int strobe_py_context_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t context, strobe_py_item_fn *each, void *ctx);
/* The value of the variable of that name (UTF-8) in a Context; STROBE_ERR_MISSING when it is not set there (its default is not
 * looked at).  Several variables may have one name: the first met wins. */
int strobe_py_context_get(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t context, const char *name,
                          uint64_t *ret_value);
/* Appends a variable's value as it is shown beside a task: a str and an int as they are, None, True and False; of other objects the repr,
 * or with `stable`, where the same value must give the same text in every process and at every time, the type.  At most
 * STROBE_CONTEXT_TEXT bytes, then "..."; nothing is cut inside of a character.  UTF-8, unescaped. */
enum { STROBE_CONTEXT_TEXT = 128 };
void strobe_py_context_text(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t value, bool stable, struct strobe_buf *out);
/* Name of a ContextVar, at most size - 1 bytes of UTF-8. */
int strobe_py_contextvar_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t var, char *name, size_t size);

#endif
