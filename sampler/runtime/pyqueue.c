/* SPDX-License-Identifier: Apache-2.0 */
/* pyqueue: _queue.SimpleQueue (Modules/_queuemodule.c): the end of a list (to 3.12), or a ring of places.
 *
 *   list:  items[pos ...]                     ring:  ... | get, get + 1, ... count of them, modulo capacity | ... */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

enum {
    CHUNK = 512,     /* items read at a time */
    MAX_BITS = 40,   /* of a ring's capacity: more than any memory holds */
};

/* A row of places, of which some are looked at. */
struct places {
    uint64_t addr;
    uint64_t first, n, size;
};

static int is_simplequeue(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj)
{
    char name[32];
    uint64_t type;
    int err = strobe_py_type(mem, lay, obj, &type);

    if (!err)
        err = strobe_py_type_name(mem, lay, type, name, sizeof name);
    if (err)
        return err;
    return strcmp(name, "_queue.SimpleQueue") == 0 ? 0 : STROBE_ERR_OBJECT;
}

static int open_list(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t queue, struct places *ret)
{
    uint64_t list, pos;
    int err = strobe_mem_u64(mem, queue + lay->simplequeue_list, &list);

    if (!err)
        err = strobe_mem_u64(mem, queue + lay->simplequeue_pos, &pos);
    if (!err)
        err = strobe_pyitems_open(mem, lay, list, &ret->addr, &ret->size);
    if (err)
        return err;
    if (pos > ret->size)
        return STROBE_ERR_OBJECT;
    ret->first = pos;
    ret->n = ret->size - pos;
    return 0;
}

static int open_ring(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t queue, struct places *ret)
{
    int err = strobe_mem_u64(mem, queue + lay->simplequeue_items, &ret->addr);

    if (!err)
        err = strobe_mem_u64(mem, queue + lay->simplequeue_get, &ret->first);
    if (!err)
        err = strobe_mem_u64(mem, queue + lay->simplequeue_count, &ret->n);
    if (!err)
        err = strobe_mem_u64(mem, queue + lay->simplequeue_capacity, &ret->size);
    if (err)
        return err;
    return ret->size >> MAX_BITS || ret->n > ret->size || (ret->n && ret->first >= ret->size) ? STROBE_ERR_OBJECT : 0;
}

static int open_places(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t queue, struct places *ret)
{
    int err = is_simplequeue(mem, lay, queue);

    if (err)
        return err;
    return lay->simplequeue_list != STROBE_NONE ? open_list(mem, lay, queue, ret) : open_ring(mem, lay, queue, ret);
}

int strobe_py_simplequeue_len(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t queue, uint64_t *ret_len)
{
    struct places p;
    int err = open_places(mem, lay, queue, &p);

    if (!err)
        *ret_len = p.n;
    return err;
}

int strobe_py_simplequeue_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t queue, strobe_py_each_fn *each, void *ctx)
{
    struct places p;
    uint64_t chunk[CHUNK], n;
    int err = open_places(mem, lay, queue, &p);

    if (err)
        return err;
    if (p.n && !strobe_py_plausible(p.addr))
        return STROBE_ERR_OBJECT;
    if (p.n > STROBE_PY_MAX_ITEMS)
        p.n = STROBE_PY_MAX_ITEMS;
    for (; p.n; p.n -= n, p.first += n) {
        p.first = p.first == p.size ? 0 : p.first;
        n = p.n < CHUNK ? p.n : CHUNK;
        n = n < p.size - p.first ? n : p.size - p.first;
        err = strobe_mem_read(mem, p.addr + p.first * sizeof chunk[0], chunk, n * sizeof chunk[0]);
        for (uint64_t i = 0; !err && i < n; i++)
            err = chunk[i] ? each(ctx, chunk[i]) : STROBE_ERR_OBJECT;
        if (err)
            return err;
    }
    return 0;
}
