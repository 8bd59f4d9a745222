/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/fewmarks.h"

#include "base/err.h"

void strobe_fewmarks_release(struct strobe_fewmarks *marks)
{
    strobe_htab_release(&marks->known);
    marks->other = 0;
}

int strobe_fewmarks_of(struct strobe_fewmarks *marks, struct strobe_names *names, strobe_fewmarks_make *make, const struct strobe_buf *text,
                       const char *other, uint32_t *ret)
{
    uint64_t key[2] = {strobe_hash_bytes(strobe_buf_str(text), text->len, 1), strobe_hash_bytes(strobe_buf_str(text), text->len, 2)};
    const uint64_t *known = strobe_htab_get(&marks->known, key[0], key[1]);
    int err = 0;

    if (text->failed)
        return STROBE_ERR_NOMEM;
    if (known) {
        *ret = (uint32_t)*known;
        return 0;
    }
    if (marks->known.count < STROBE_FEWMARKS_MAX) {
        err = make(names, strobe_buf_str(text), ret);
        return err ? err : strobe_htab_put(&marks->known, key[0], key[1], *ret);
    }
    if (!marks->other)
        err = make(names, other, &marks->other);
    if (!err)
        *ret = marks->other;
    return err;
}
