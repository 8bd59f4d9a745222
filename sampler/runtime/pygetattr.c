/* SPDX-License-Identifier: Apache-2.0 */
/* pygetattr: attribute lookup as far as it needs no code of the target (CPython: Objects/object.c, PyObject_GenericGetAttr). */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

/* Through a class and its bases, by tp_base: the first line of inheritance.  Other bases of a class with several are not looked at. */
static int in_class(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, const char *name, uint64_t *ret_value)
{
    for (int i = 0; i < STROBE_PY_MAX_MRO && type; i++) {
        struct strobe_pytype t;
        int err = strobe_pytype_read(mem, lay, type, &t);

        if (err)
            return err;
        if (t.dict && !strobe_py_dict_get(mem, lay, t.dict, name, ret_value))
            return 0;
        type = t.base;
    }
    return STROBE_ERR_MISSING;
}

int strobe_py_getattr(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, const char *name, uint64_t *ret_value)
{
    struct strobe_pytype type;
    char class_name[16];
    uint64_t dict;
    int err = strobe_pytype_of(mem, lay, obj, &type);

    if (err)
        return err;
    if (strobe_pytype_has(&type, STROBE_TPFLAG_TYPE))
        return in_class(mem, lay, obj, name, ret_value);
    if (!strobe_py_type_name(mem, lay, type.addr, class_name, sizeof class_name) && strcmp(class_name, "module") == 0) {
        if (!(err = strobe_mem_u64(mem, obj + lay->module_dict, &dict)))
            err = strobe_py_dict_get(mem, lay, dict, name, ret_value);
        return err;
    }
    err = strobe_py_attr(mem, lay, obj, name, ret_value);
    return err ? in_class(mem, lay, type.addr, name, ret_value) : 0;
}
