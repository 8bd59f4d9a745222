/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/callables.h"

#include <string.h>

#include "runtime/pyobj.h"

enum {
    MAX_PARTIALS = 4, /* partials of partials, Context.run() of them (asyncio.to_thread) */
    MAX_NAME = 128,
};

struct callable {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    uint64_t obj;
    char type[MAX_NAME]; /* name of its class */
};

static bool look_at(struct callable *c, uint64_t obj)
{
    uint64_t type;

    c->obj = obj;
    return obj && !strobe_py_type(c->mem, c->lay, obj, &type) && !strobe_py_type_name(c->mem, c->lay, type, c->type, sizeof c->type);
}

/* A C string of the target: names of functions are ASCII but for what somebody means ill. */
static bool is_name(const char *text)
{
    const char *at = text;

    while (*at > ' ' && *at < 0x7f)
        at++;
    return at != text && !*at;
}

/* A PyCFunctionObject (Include/cpython/methodobject.h): m_ml, whose first word is ml_name; m_self; m_module. */
static bool builtin_parts(const struct callable *c, char name[MAX_NAME], uint64_t *ret_self, uint64_t *ret_module)
{
    uint64_t words[3], text;

    if (strobe_mem_read(c->mem, c->obj + c->lay->cfunc_def, words, sizeof words) || !words[0] ||
        strobe_mem_u64(c->mem, words[0], &text) || strobe_mem_cstr(c->mem, text, name, MAX_NAME) || !is_name(name))
        return false;
    *ret_self = words[1];
    *ret_module = words[2];
    return true;
}

/* A partialobject (Modules/_functoolsmodule.c): after the header what it calls, and the tuple of its arguments. */
static bool of_partial(struct callable *c)
{
    char name[MAX_NAME];
    uint64_t words[2], self, module, first;
    size_t n;

    if (strobe_mem_read(c->mem, c->obj + c->lay->ob_header, words, sizeof words) || !look_at(c, words[0]))
        return false;
    if (strcmp(c->type, "builtin_function_or_method") != 0 || !builtin_parts(c, name, &self, &module) || strcmp(name, "run") != 0)
        return true;
    /* Context.run(function, ...): contextvars are passed on by it. */
    if (strobe_py_type(c->mem, c->lay, self, &self) || strobe_py_type_name(c->mem, c->lay, self, name, sizeof name) ||
        !strstr(name, "Context") || strobe_py_items(c->mem, c->lay, words[1], &first, 1, &n) || !n)
        return true;
    return look_at(c, first);
}

/* "time.sleep" by its module; a method "lock.acquire" by its object's class. */
static bool put_builtin(const struct callable *c, struct strobe_buf *out)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    char name[MAX_NAME], type_name[MAX_NAME];
    enum strobe_py_kind kind;
    uint64_t self, module, type;
    bool ok = builtin_parts(c, name, &self, &module);

    if (!ok)
        return false;
    if (module && !strobe_py_kind(c->mem, c->lay, module, &kind) && kind == STROBE_PY_STR && !strobe_py_str(c->mem, c->lay, module, &text))
        strobe_buf_printf(out, "%s.", strobe_buf_str(&text));
    else if (self && !strobe_py_type(c->mem, c->lay, self, &type) &&
             !strobe_py_type_name(c->mem, c->lay, type, type_name, sizeof type_name) && strcmp(type_name, "module") != 0)
        strobe_buf_printf(out, "%s.", strobe_py_last_name(type_name));
    strobe_buf_puts(out, name);
    strobe_buf_release(&text);
    return true;
}

bool strobe_callable_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, struct strobe_buf *out)
{
    struct callable c = {.mem = mem, .lay = lay};
    char name[MAX_NAME];

    if (!look_at(&c, obj))
        return false;
    for (int i = 0; i < MAX_PARTIALS && strcmp(c.type, "functools.partial") == 0; i++)
        if (!of_partial(&c))
            return false;
    if (strcmp(c.type, "builtin_function_or_method") == 0)
        return put_builtin(&c, out);
    if (strcmp(c.type, "type") != 0 || strobe_py_type_name(mem, lay, c.obj, name, sizeof name))
        return false;
    strobe_buf_puts(out, name);
    return true;
}
