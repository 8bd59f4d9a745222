/* SPDX-License-Identifier: Apache-2.0 */
/* stackids: from the raw frames of one target's threads to leaves of the tree of stacks, and back to nothing when a code
 * object's address was used again.
 *
 * A stack that was resolved before is found by a hash of its (code, instruction) pairs.  It is believed when all its code
 * objects are known to be the ones they were: by the interpreter's count of freed code objects (3.14+), else by their
 * fingerprints, read together with the stack.  May include: snapshot.h, runtime/code.h, agg. */
#ifndef STROBE_STACKIDS_H
#define STROBE_STACKIDS_H

#include "agg/agg.h"
#include "base/htab.h"
#include "base/names.h"
#include "prints.h"
#include "runtime/code.h"
#include "walk/sample.h"

struct strobe_stackids {
    struct strobe_codes *codes;
    struct strobe_names *names;
    struct strobe_agg *agg;
    struct strobe_htab known;      /* hash of a stack -> position in stacks */
    struct strobe_known_stack *stacks;
    uint32_t n_stacks;
    size_t cap_stacks;
    uint64_t epoch;                /* of codes, when the table was last emptied */
    uint32_t *ids;                 /* a stack being resolved, outermost first */
    uint32_t n_ids;
    size_t cap_ids;

    struct strobe_prints prints;   /* what the visitor asked for in this sample */
};

/* All borrowed.  0 or STROBE_ERR_NOMEM. */
int strobe_stackids_init(struct strobe_stackids *ids, struct strobe_codes *codes, struct strobe_names *names, struct strobe_agg *agg);
void strobe_stackids_release(struct strobe_stackids *ids);

/* Before a sample is taken: forgets the fingerprints of the one before. */
void strobe_stackids_clear(struct strobe_stackids *ids);
/* While the target stands still: reads the fingerprints of a thread's code objects, unless the stack was verified at this
 * stamp.  No malloc. */
void strobe_stackids_visit(struct strobe_stackids *ids, const struct strobe_thread *thread, uint64_t stamp);
/* After the sample was taken, before the first leaf is asked for: drops what the fingerprints disprove. */
void strobe_stackids_begin(struct strobe_stackids *ids);
/* The leaf of a thread's stack below the given roots (outermost first); `inner` (0 = none) is a marker put innermost.
 * `second` (or NULL): a stack of the same thread in another interpreter, inside the first.
 * STROBE_ERR_TORN when a code object changed between reading and resolving. */
int strobe_stackids_leaf(struct strobe_stackids *ids, const uint32_t *roots, uint32_t n_roots, const struct strobe_thread *thread,
                         const struct strobe_thread *second, uint32_t inner, uint64_t stamp, uint32_t *ret_leaf);

#endif
