/* SPDX-License-Identifier: Apache-2.0 */
/* code: (code object, instruction) -> resolved frame id, cached with validation against address reuse.
 * A code object is freed and its address used again: an entry is believed only while its fingerprint (version number,
 * or the code object's own words and its name's hash) still reads the same.
 * May include: mem, layout, linetable, pyobj, base.  Memory: own cache; strings go to the names table. */
#ifndef STROBE_RUNTIME_CODE_H
#define STROBE_RUNTIME_CODE_H

#include "base/names.h"
#include "runtime/layout.h"

struct strobe_codes;

/* mem, lay and names are borrowed and must outlive the cache. */
int strobe_codes_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_names *names, struct strobe_codes **ret_codes);
void strobe_codes_free(struct strobe_codes *codes);

/* What may be drawn of each frame's line. */
enum strobe_line_mode { STROBE_LINE_CURRENT, STROBE_LINE_FUNCTION, STROBE_LINE_NONE };
void strobe_codes_set_line_mode(struct strobe_codes *codes, enum strobe_line_mode mode);

/* Frames known already cost one lookup and no reading.  `instr` as in struct strobe_raw_frame.
 * ret_frame: id in the names table.  STROBE_ERR_OBJECT when there is no code object at that address (any more);
 * STROBE_ERR_MISSING for a frame that is not set up yet (3.11+: before co_firsttraceable, as _PyFrame_IsIncomplete in
 * Include/internal/pycore_frame.h says; also the interpreter's own frame around __init__): to be passed over, as CPython does. */
int strobe_codes_resolve(struct strobe_codes *codes, uint64_t code, int64_t instr, uint32_t *ret_frame);

/* Is a resolved frame this function of a file that ends so?  By its name, or the last part of its qualified one (3.11+). */
bool strobe_code_frame_is(const struct strobe_names *names, const struct strobe_frame *frame, const char *name, const char *file);

/* The bytes that must be unchanged for a cached code object to be believed.  Read them where the target stands still
 * (they come in one readv), compare with what the cache knows: */
enum { STROBE_CODE_PRINT = 4 }; /* words of a fingerprint */
struct strobe_code_print {
    uint64_t word[STROBE_CODE_PRINT];
};
/* Fingerprints of n code objects, in as few reads as the memory allows.  ret[i] is all zero where there is no code object. */
int strobe_codes_prints(struct strobe_codes *codes, const uint64_t *code, size_t n, struct strobe_code_print *ret);
/* Forgets the entry of a code object unless its fingerprint is this one. */
void strobe_codes_expect(struct strobe_codes *codes, uint64_t code, const struct strobe_code_print *print);
/* Forgets every code object (the names stay). */
void strobe_codes_flush(struct strobe_codes *codes);
/* Changes whenever any cached resolution was forgotten: who keeps frame ids of raw frames must then ask again. */
uint64_t strobe_codes_epoch(const struct strobe_codes *codes);

#endif
