/* SPDX-License-Identifier: Apache-2.0 */
/* prints: fingerprints of a sample's code objects, read while the target stands still, to be compared with what names are made of
 * after it runs again: code objects are freed, and their addresses used for others.
 * May include: runtime/code.h, walk/sample.h. */
#ifndef STROBE_PRINTS_H
#define STROBE_PRINTS_H

#include <stdbool.h>

#include "runtime/code.h"
#include "walk/sample.h"

enum { STROBE_PRINTS = 1024 }; /* code objects whose fingerprints are taken in one sample; of more, the rest is believed */

/* Begins as zeros. */
struct strobe_prints {
    uint64_t code[STROBE_PRINTS];
    struct strobe_code_print print[STROBE_PRINTS];
    uint32_t n;
};

/* Before a sample is taken. */
void strobe_prints_clear(struct strobe_prints *prints);
/* In a visitor: the fingerprints of a thread's code objects.  No malloc. */
void strobe_prints_take(struct strobe_prints *prints, struct strobe_codes *codes, const struct strobe_thread *thread);
/* Makes codes forget what the fingerprints disprove.  True: there was nothing to forget. */
bool strobe_prints_hold(const struct strobe_prints *prints, struct strobe_codes *codes);

#endif
