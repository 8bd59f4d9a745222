/* SPDX-License-Identifier: Apache-2.0 */
#include "prints.h"

void strobe_prints_clear(struct strobe_prints *prints)
{
    prints->n = 0;
}

void strobe_prints_take(struct strobe_prints *prints, struct strobe_codes *codes, const struct strobe_thread *thread)
{
    enum { BACK = 8 }; /* recursion repeats a code object after a few frames */
    uint32_t first = prints->n, n = first;

    for (uint32_t i = 0; i < thread->n_frames && n < STROBE_PRINTS; i++) {
        uint64_t code = thread->frames[i].code;
        bool seen = code <= STROBE_CODE_UNREADABLE;

        for (uint32_t k = n; !seen && k > first && n - k < BACK; k--)
            seen = prints->code[k - 1] == code;
        if (!seen)
            prints->code[n++] = code;
    }
    if (n > first && !strobe_codes_prints(codes, prints->code + first, n - first, prints->print + first))
        prints->n = n;
}

bool strobe_prints_hold(const struct strobe_prints *prints, struct strobe_codes *codes)
{
    uint64_t before = strobe_codes_epoch(codes);

    for (uint32_t i = 0; i < prints->n; i++)
        strobe_codes_expect(codes, prints->code[i], &prints->print[i]);
    return strobe_codes_epoch(codes) == before;
}
