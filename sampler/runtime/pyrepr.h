/* SPDX-License-Identifier: Apache-2.0 */
/* pyrepr: a repr() that is being written.  Private to runtime/pyrepr*.c.  May include: pyspan. */
#ifndef STROBE_RUNTIME_PYREPR_H
#define STROBE_RUNTIME_PYREPR_H

#include "runtime/pyspan.h"

enum {
    STROBE_REPR_DEPTH = 8,  /* containers inside containers; also bounds the stack used here (10 kB a level) */
    STROBE_REPR_NAME = 256, /* bytes of a name; longer ones are cut */
};

struct strobe_repr {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_buf *out;
    size_t left;  /* bytes that may still be written */
    bool full;    /* something did not fit: nothing more is written */
    size_t slots; /* of dicts and sets that may still be looked at */
    unsigned depth;
    uint64_t path[STROBE_REPR_DEPTH]; /* containers that are being written: a cycle leads to one of them */
};

/* All or nothing, so that neither an escape nor a UTF-8 sequence is cut in two. */
void strobe_repr_put(struct strobe_repr *r, const char *text, size_t len);
/* As much as fits; text is valid UTF-8. */
void strobe_repr_puts(struct strobe_repr *r, const char *text);
/* " at 0x...>" */
void strobe_repr_address(struct strobe_repr *r, uint64_t addr);

/* These write nothing when they fail. */
int strobe_repr_str(struct strobe_repr *r, uint64_t obj);
int strobe_repr_type(struct strobe_repr *r, uint64_t obj);
int strobe_repr_other(struct strobe_repr *r, uint64_t obj, const struct strobe_pytype *type, const char *type_name);

#endif
