/* SPDX-License-Identifier: Apache-2.0 */
/* codeprint: fingerprints of code objects, many at a time.  Private to code.c and its tests.
 *
 * From 3.12 on: co_version, which every new code object of an interpreter gets from a counter that never returns to a value
 * (CPython: Objects/codeobject.c, init_code; 0 = the counter overflowed after 2^32), the first line, and the addresses of
 * name, line table and file.  Before 3.12, and for version 0: flags and first line, those addresses and that of the code,
 * the hash of the name's text, size and first bytes of the line table.
 * May include: mem, layout, code.h, base.  Memory: its own scratch, taken at creation. */
#ifndef STROBE_RUNTIME_CODEPRINT_H
#define STROBE_RUNTIME_CODEPRINT_H

#include "runtime/code.h"

struct strobe_codeprint;

/* mem and lay are borrowed.  ret: owned by the caller. */
int strobe_codeprint_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_codeprint **ret);
void strobe_codeprint_free(struct strobe_codeprint *prints);

/* As strobe_codes_prints: reads past any cache.  0, or an error that ends everything (the process is gone). */
int strobe_codeprint_read(struct strobe_codeprint *prints, const uint64_t *code, size_t n, struct strobe_code_print *ret);

static inline bool strobe_codeprint_equal(const struct strobe_code_print *a, const struct strobe_code_print *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline bool strobe_codeprint_none(const struct strobe_code_print *print)
{
    return !print->word[0] && !print->word[1] && !print->word[2] && !print->word[3];
}

#endif
