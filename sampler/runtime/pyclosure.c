/* SPDX-License-Identifier: Apache-2.0 */
/* pyclosure: the cells of a function (Objects/funcobject.c). */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

int strobe_py_closure(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t function, size_t index, uint64_t *ret_value)
{
    enum { MAX_CELLS = 64 };
    uint64_t tuple, cells[MAX_CELLS], value;
    enum strobe_py_kind kind;
    size_t n;
    int err = strobe_mem_u64(mem, function + lay->func_closure, &tuple);

    if (err)
        return err;
    if (!tuple)
        return STROBE_ERR_MISSING;
    err = strobe_py_items(mem, lay, tuple, cells, MAX_CELLS, &n);
    if (err)
        return err;
    if (index >= n || index >= MAX_CELLS)
        return STROBE_ERR_MISSING;
    err = strobe_py_kind(mem, lay, cells[index], &kind);
    if (err || kind != STROBE_PY_CELL)
        return err ? err : STROBE_ERR_OBJECT;
    err = strobe_mem_u64(mem, cells[index] + lay->cell_ref, &value);
    if (err)
        return err;
    if (!value)
        return STROBE_ERR_MISSING;
    *ret_value = value;
    return 0;
}
