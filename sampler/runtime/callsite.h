/* SPDX-License-Identifier: Apache-2.0 */
/* callsite: how the source code names what a suspended frame awaits, what it holds by `async with`, and what a frame calls.
 *
 * Decoded from the bytecode, so nothing of the target runs.  The answer depends on (code, instr) alone: cache it by these.
 * Everything read is hostile.  May include: mem, layout, pyobj, base.  Plain data, no ownership, no state. */
#ifndef STROBE_RUNTIME_CALLSITE_H
#define STROBE_RUNTIME_CALLSITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "runtime/layout.h"

enum strobe_site_base {
    STROBE_SITE_NONE,   /* has no name */
    STROBE_SITE_LOCAL,  /* a local variable */
    STROBE_SITE_DEREF,  /* a local variable that lies in a cell, or a variable of a function around */
    STROBE_SITE_GLOBAL, /* a global or built-in name; at module level a name */
    STROBE_SITE_CALL,   /* what a call gave: base_name is the callee's name; "super" too */
};

enum strobe_site_role {
    STROBE_SITE_AWAIT, /* await EXPR, await EXPR.method(...), yield from EXPR */
    STROBE_SITE_ENTER, /* async with EXPR: in __aenter__ */
    STROBE_SITE_BODY,  /* async with EXPR: in its body */
    STROBE_SITE_EXIT,  /* async with EXPR: in __aexit__ */
    STROBE_SITE_FOR,   /* async for x in EXPR: in __anext__ */
    STROBE_SITE_CALLS, /* EXPR(...), EXPR.method(...): in the call */
    STROBE_SITE_WITH,  /* with EXPR: in __enter__, which is the method */
};

/* EXPR is base_name, then path: attributes with dots between, "[...]" for a subscript or slice, "()" for a call:
 *   self.pool.get("a").locks[0].lock  ->  base_name "self", path "pool.get().locks[...].lock"
 * A path without '(' and '[' can be followed from object to object.  Names are those of the bytecode: __x of class C is _C__x. */
struct strobe_site {
    enum strobe_site_base base;
    enum strobe_site_role role;
    uint32_t slot;      /* LOCAL, DEREF: index in localsplus (up to 3.10: varnames, cellvars, freevars); else UINT32_MAX */
    uint32_t stack;     /* ENTER, BODY, EXIT of strobe_site_enclosing: index in the frame's value stack of the exit function (from 3.14
                         * its self follows); in a `finally` of 3.8 it may lie lower, the order holds.  CALLS: of what is called, or
                         * that holds NULL and the next one what is called; WITH: likewise (from 3.14), or of the context manager,
                         * or its __exit__.  Else UINT32_MAX */
    char base_name[64]; /* "self", "G"; "" = NONE */
    char path[192];     /* "a.b._lock"; "" = the base itself */
    char method[64];    /* AWAIT, CALLS: EXPR.method(...) is awaited, or called; "" = EXPR itself is */
};

enum { STROBE_SITE_MAX_HELD = 8 }; /* `async with` around one place; more are not written */

/* What the frame awaits.  instr: as in struct strobe_raw_frame.
 * STROBE_ERR_MISSING: it awaits nothing there, or nothing with a name.  _LIMIT: the function or a name is too long. */
int strobe_site_find(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr,
                     struct strobe_site *ret_site);

/* Where what is awaited is a call: what its first argument is, or is called by (`wait_for(self._gate.wait(), 5)`: self._gate, method
 * "wait"); when that argument is a call itself, that call's first argument next, and so on, at most max and STROBE_SITE_MAX_ARGUMENTS.
 * Those without a name are left out.  Role and stack say nothing. */
enum { STROBE_SITE_MAX_ARGUMENTS = 3 };
int strobe_site_arguments(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr,
                          struct strobe_site *ret_sites, size_t max, size_t *ret_n);

/* Every `async with` whose exit function lies on the frame's value stack, innermost first, at most max and STROBE_SITE_MAX_HELD.
 * An ENTER (only ever the first) is not held yet; one whose EXPR cannot be named has base NONE, so that the order holds.
 * ret_n: how many were filled, 0 = none.  STROBE_ERR_MISSING: the code cannot be followed to that place. */
int strobe_site_enclosing(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr,
                          struct strobe_site *ret_sites, size_t max, size_t *ret_n);

/* What the frame calls by the instruction it is at.  STROBE_ERR_MISSING: that is no call, or of nothing with a name. */
int strobe_site_call(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr, struct strobe_site *ret_site);

/* Appends it as it stands in the code: "self.pool.get().locks[...].acquire". */
void strobe_site_text(const struct strobe_site *site, struct strobe_buf *out);

#endif
