/* SPDX-License-Identifier: Apache-2.0 */
/* pydeque: collections.deque (Modules/_collectionsmodule.c): a list of blocks {leftlink, data[64], rightlink}. */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

enum { BLOCK_ITEMS = 64, BLOCK_DATA = 8, BLOCK_RIGHT = BLOCK_DATA + BLOCK_ITEMS * 8, BLOCK_SIZE = BLOCK_RIGHT + 8 };

static int is_deque(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj)
{
    char name[32];
    uint64_t type;
    int err = strobe_py_type(mem, lay, obj, &type);

    if (!err)
        err = strobe_py_type_name(mem, lay, type, name, sizeof name);
    if (err)
        return err;
    return strcmp(name, "collections.deque") == 0 ? 0 : STROBE_ERR_OBJECT;
}

int strobe_py_deque_len(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t deque, uint64_t *ret_len)
{
    uint64_t len;
    int err = is_deque(mem, lay, deque);

    if (!err)
        err = strobe_mem_u64(mem, deque + lay->ob_size, &len);
    if (err)
        return err;
    if (len > INT64_MAX)
        return STROBE_ERR_OBJECT;
    *ret_len = len;
    return 0;
}

int strobe_py_deque_head(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t deque, struct strobe_py_deque *ret)
{
    struct strobe_py_deque head;
    int err = strobe_py_deque_len(mem, lay, deque, &head.len);

    if (!err)
        err = strobe_mem_u64(mem, deque + lay->deque_state, &head.state);
    if (!err)
        *ret = head;
    return err;
}

int strobe_py_deque_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t deque, strobe_py_each_fn *each, void *ctx)
{
    unsigned char block[BLOCK_SIZE];
    uint64_t len, left, index;
    int err = strobe_py_deque_len(mem, lay, deque, &len);

    if (!err)
        err = strobe_mem_u64(mem, deque + lay->deque_left, &left);
    if (!err)
        err = strobe_mem_u64(mem, deque + lay->deque_index, &index);
    if (err)
        return err;
    if (index >= BLOCK_ITEMS && len)
        return STROBE_ERR_OBJECT;
    if (len > STROBE_PY_MAX_ITEMS)
        len = STROBE_PY_MAX_ITEMS;
    for (bool fresh = true; len; len--) {
        if (fresh) {
            if (!strobe_py_plausible(left))
                return STROBE_ERR_OBJECT;
            err = strobe_mem_read(mem, left, block, sizeof block);
            if (err)
                return err;
        }
        err = each(ctx, strobe_span_u64(block, BLOCK_DATA + index * 8));
        if (err)
            return err;
        fresh = ++index == BLOCK_ITEMS;
        if (fresh) {
            left = strobe_span_u64(block, BLOCK_RIGHT);
            index = 0;
        }
    }
    return 0;
}
