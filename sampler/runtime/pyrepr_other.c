/* SPDX-License-Identifier: Apache-2.0 */
/* pyrepr_other: repr() of objects that have no value of their own: classes, functions, modules, everything else. */
#include "runtime/pyrepr.h"

#include <stdio.h>

/* <class 'module.Name'>: a heap type's module stands in its dict; a static type's in its name, where C code wrote one. */
int strobe_repr_type(struct strobe_repr *r, uint64_t obj)
{
    char name[STROBE_REPR_NAME], module[STROBE_REPR_NAME];
    struct strobe_pytype type;
    uint64_t qualname, owner;
    int err = strobe_pytype_read(r->mem, r->lay, obj, &type);

    if (err)
        return err;
    module[0] = '\0';
    if (strobe_pytype_has(&type, STROBE_TPFLAG_HEAPTYPE) && r->lay->ty_qualname != STROBE_NONE) {
        err = strobe_mem_u64(r->mem, obj + r->lay->ty_qualname, &qualname);
        if (!err)
            err = strobe_pystr_copy(r->mem, r->lay, qualname, NULL, name, sizeof name);
        if (!err && strobe_py_dict_get(r->mem, r->lay, type.dict, "__module__", &owner) == 0 &&
            strobe_pystr_copy(r->mem, r->lay, owner, NULL, module, sizeof module) != 0)
            module[0] = '\0';
    } else {
        err = strobe_py_type_name(r->mem, r->lay, obj, name, sizeof name);
    }
    if (err)
        return err;
    strobe_repr_puts(r, "<class '");
    if (module[0] != '\0' && strcmp(module, "builtins") != 0) {
        strobe_repr_puts(r, module);
        strobe_repr_put(r, ".", 1);
    }
    strobe_repr_puts(r, name);
    strobe_repr_puts(r, "'>");
    return 0;
}

static int repr_function(struct strobe_repr *r, uint64_t obj)
{
    char name[STROBE_REPR_NAME];
    uint64_t qualname;
    int err = strobe_mem_u64(r->mem, obj + r->lay->func_qualname, &qualname);

    if (!err)
        err = strobe_pystr_copy(r->mem, r->lay, qualname, NULL, name, sizeof name);
    if (err)
        return err;
    strobe_repr_puts(r, "<function ");
    strobe_repr_puts(r, name);
    strobe_repr_address(r, obj);
    return 0;
}

static int repr_module(struct strobe_repr *r, uint64_t obj)
{
    uint64_t dict, name;
    int err = strobe_mem_u64(r->mem, obj + r->lay->module_dict, &dict);

    if (!err)
        err = strobe_py_dict_get(r->mem, r->lay, dict, "__name__", &name);
    if (err)
        return err;
    strobe_repr_puts(r, "<module ");
    if (strobe_repr_str(r, name) != 0) /* no str, or unreadable */
        strobe_repr_puts(r, "?");
    strobe_repr_puts(r, ">");
    return 0;
}

static int repr_builtin(struct strobe_repr *r, uint64_t obj)
{
    char name[STROBE_REPR_NAME], owner[STROBE_REPR_NAME] = "module";
    uint64_t word[2], text, type; /* m_ml, m_self */
    int err = strobe_mem_read(r->mem, obj + r->lay->cfunc_def, word, sizeof word);

    if (!err)
        err = strobe_mem_u64(r->mem, word[0], &text); /* PyMethodDef.ml_name */
    if (!err)
        err = strobe_mem_cstr(r->mem, text, name, sizeof name);
    if (!err && word[1] != 0) {
        err = strobe_py_type(r->mem, r->lay, word[1], &type);
        if (!err)
            err = strobe_py_type_name(r->mem, r->lay, type, owner, sizeof owner);
    }
    if (err)
        return err;
    for (size_t i = 0; name[i] != '\0'; i++)
        name[i] = name[i] >= ' ' && name[i] < 0x7f ? name[i] : '?';
    if (strcmp(owner, "module") == 0) {
        strobe_repr_puts(r, "<built-in function ");
        strobe_repr_puts(r, name);
        strobe_repr_puts(r, ">");
        return 0;
    }
    strobe_repr_puts(r, "<built-in method ");
    strobe_repr_puts(r, name);
    strobe_repr_puts(r, " of ");
    strobe_repr_puts(r, owner);
    strobe_repr_puts(r, " object");
    strobe_repr_address(r, word[1]);
    return 0;
}

int strobe_repr_other(struct strobe_repr *r, uint64_t obj, const struct strobe_pytype *type, const char *type_name)
{
    static const struct {
        const char *name;
        int (*repr)(struct strobe_repr *r, uint64_t obj);
        const char *text;
    } known[] = {
        {"function", repr_function, NULL}, {"module", repr_module, NULL}, {"builtin_function_or_method", repr_builtin, NULL},
        {"ellipsis", NULL, "Ellipsis"}, {"NotImplementedType", NULL, "NotImplemented"},
    };

    /* A class of the target's own program may bear any of these names. */
    for (size_t i = 0; i < sizeof known / sizeof known[0] && !strobe_pytype_has(type, STROBE_TPFLAG_HEAPTYPE); i++) {
        if (strcmp(type_name, known[i].name) != 0)
            continue;
        if (known[i].repr != NULL)
            return known[i].repr(r, obj);
        strobe_repr_puts(r, known[i].text);
        return 0;
    }
    strobe_repr_puts(r, "<");
    strobe_repr_puts(r, type_name);
    strobe_repr_address(r, obj);
    return 0;
}

