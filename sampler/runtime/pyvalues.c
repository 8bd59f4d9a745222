/* SPDX-License-Identifier: Apache-2.0 */
/* pyvalues: small questions to an object: how long, which number, what it refers to. */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

int strobe_py_len(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *ret_len)
{
    enum strobe_py_kind kind;
    uint64_t len;
    size_t n;
    int err = strobe_py_kind(mem, lay, obj, &kind);

    if (err)
        return err;
    switch (kind) {
    case STROBE_PY_LIST:
    case STROBE_PY_TUPLE:
        err = strobe_py_items(mem, lay, obj, NULL, 0, &n);
        len = err ? 0 : n;
        break;
    case STROBE_PY_DICT: err = strobe_mem_u64(mem, obj + lay->dict_used, &len); break;
    case STROBE_PY_SET: err = strobe_mem_u64(mem, obj + lay->set_used, &len); break;
    default: return strobe_py_deque_len(mem, lay, obj, ret_len);
    }
    if (!err && len > INT64_MAX)
        err = STROBE_ERR_OBJECT;
    if (!err)
        *ret_len = len;
    return err;
}

int strobe_py_float(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, double *ret)
{
    enum strobe_py_kind kind;
    uint64_t word;
    int64_t value;
    int err = strobe_py_kind(mem, lay, obj, &kind);

    if (err)
        return err;
    if (kind == STROBE_PY_INT) {
        err = strobe_py_int(mem, lay, obj, &value);
        if (!err)
            *ret = (double)value;
        return err;
    }
    if (kind != STROBE_PY_FLOAT)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_u64(mem, obj + lay->float_value, &word);
    if (!err)
        memcpy(ret, &word, sizeof word);
    return err;
}

/* tp_name of the class: "weakref" up to 3.9, then "weakref.ReferenceType"; what a weakref is not may have a word there, too. */
int strobe_py_weakref(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t ref, uint64_t *ret_obj)
{
    enum strobe_py_kind kind;
    char name[32];
    uint64_t type, obj;
    int err = strobe_py_type(mem, lay, ref, &type);

    if (!err)
        err = strobe_py_type_name(mem, lay, type, name, sizeof name);
    if (err)
        return err;
    if (strncmp(name, "weakref", strlen("weakref")) != 0)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_u64(mem, ref + lay->weakref_object, &obj);
    if (!err)
        err = strobe_py_kind(mem, lay, obj, &kind);
    if (err)
        return err;
    if (kind == STROBE_PY_NONE)
        return STROBE_ERR_MISSING;
    *ret_obj = obj;
    return 0;
}

struct subclasses {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    strobe_py_each_fn *each;
    void *ctx;
};

/* {address as an int: weakref}, Objects/typeobject.c, add_subclass(). */
static int subclass(void *ctx, uint64_t key, uint64_t value)
{
    const struct subclasses *s = ctx;
    enum strobe_py_kind kind;
    uint64_t type;

    (void)key;
    if (strobe_py_weakref(s->mem, s->lay, value, &type) || strobe_py_kind(s->mem, s->lay, type, &kind) || kind != STROBE_PY_TYPE)
        return 0; /* collected meanwhile */
    return s->each(s->ctx, type);
}

int strobe_py_subclasses_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, strobe_py_each_fn *each, void *ctx)
{
    struct subclasses s = {mem, lay, each, ctx};
    uint64_t dict;
    int err = strobe_mem_u64(mem, type + lay->ty_subclasses, &dict);

    return err || !dict ? err : strobe_py_dict_each(mem, lay, dict, subclass, &s);
}
