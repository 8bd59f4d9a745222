/* SPDX-License-Identifier: Apache-2.0 */
/* Members of sets.  A table of {key, hash}, a power of two of them; NULL is a free one, hash -1 the mark of one that was removed (CPython:
 * Include/cpython/setobject.h, Objects/setobject.c). */
#include "runtime/pyobj.h"
#include "runtime/pyspan.h"

enum { ENTRY = 16, CHUNK = 1024 /* entries read at a time */ };

int strobe_py_set_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t set, uint64_t most, strobe_py_each_fn *each,
                       void *ctx)
{
    unsigned char chunk[CHUNK * ENTRY];
    enum strobe_py_kind kind;
    uint64_t mask, table, some;
    int err = strobe_py_kind(mem, lay, set, &kind);

    if (err || kind != STROBE_PY_SET)
        return err ? err : STROBE_ERR_OBJECT;
    if ((err = strobe_mem_u64(mem, set + lay->set_mask, &mask)) || (err = strobe_mem_u64(mem, set + lay->set_table, &table)))
        return err;
    if ((mask & (mask + 1)) || mask >= most)
        return STROBE_ERR_TORN;
    for (uint64_t at = 0; at <= mask; at += some) {
        some = mask + 1 - at < CHUNK ? mask + 1 - at : CHUNK;
        if ((err = strobe_mem_read(mem, table + at * ENTRY, chunk, some * ENTRY)))
            return err;
        for (uint64_t i = 0; i < some; i++) {
            uint64_t key = strobe_span_u64(chunk, i * ENTRY);

            if (key && strobe_span_u64(chunk, i * ENTRY + 8) != UINT64_MAX && (err = each(ctx, key)))
                return err;
        }
    }
    return 0;
}
