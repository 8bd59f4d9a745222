/* SPDX-License-Identifier: Apache-2.0 */
/* waitlook: names of things that tasks wait for by looking at what is around: who has this very object? */
#include "naming/waitnames_parts.h"

#include <string.h>

#include "runtime/pyobj.h"

enum {
    MAX_LOOKED = 4096, /* variables and attributes looked at for one name */
    MAX_BASES = 4,     /* classes of an object whose attributes are looked at */
    MAX_ATTRIBUTE = 128,
};

struct search {
    struct strobe_naming *n;
    char owner[STROBE_NAMING_CLASS]; /* class of the object whose attributes are looked at, or "" */
    uint64_t type;                   /* that class; 0 = none */
    uint64_t instance;               /* of the class whose attributes are looked at; 0 = none */
    uint64_t member_type;            /* type of what a class has for each of its slots */
    uint32_t looked;
};

/* The result of looking at several things. */
static bool found(struct search *s, int result)
{
    strobe_naming_read(s->n, result);
    return result == 1;
}

/* 0 = go on, 1 = found, else an error. */
static int search_item(void *ctx, uint64_t key, uint64_t value)
{
    struct strobe_buf name = STROBE_BUF_INIT;
    struct search *s = ctx;
    const char *attribute;

    if (++s->looked > MAX_LOOKED)
        return STROBE_ERR_LIMIT;
    if (value != s->n->object)
        return 0;
    strobe_naming_read(s->n, strobe_py_str(s->n->mem, s->n->lay, key, &name));
    attribute = strobe_naming_private(s->n, s->type, strobe_buf_str(&name), s->owner);
    strobe_buf_printf(s->n->name, "%s%s%s", s->owner, s->owner[0] ? "." : "", attribute ? attribute : strobe_buf_str(&name));
    strobe_buf_release(&name);
    return 1;
}

static bool is_slot(struct search *s, uint64_t descriptor)
{
    char name[32];
    uint64_t type;

    if (!strobe_naming_read(s->n, strobe_py_type(s->n->mem, s->n->lay, descriptor, &type)))
        return false;
    if (!s->member_type && strobe_naming_read(s->n, strobe_py_type_name(s->n->mem, s->n->lay, type, name, sizeof name)) &&
        strcmp(name, "member_descriptor") == 0)
        s->member_type = type;
    return type == s->member_type;
}

static int search_class_item(void *ctx, uint64_t key, uint64_t value)
{
    struct strobe_buf name = STROBE_BUF_INIT;
    struct search *s = ctx;
    int result = search_item(ctx, key, value);

    if (result || !s->instance || !is_slot(s, value))
        return result;
    if (strobe_naming_read(s->n, strobe_py_str(s->n->mem, s->n->lay, key, &name)) &&
        strobe_naming_read(s->n, strobe_py_slot(s->n->mem, s->n->lay, s->instance, strobe_buf_str(&name), &value)))
        result = search_item(ctx, key, value);
    strobe_buf_release(&name);
    return result;
}

/* A class and its bases. */
static bool search_class(struct search *s, uint64_t type, uint64_t instance)
{
    s->instance = instance;
    for (int i = 0; i < MAX_BASES && type; i++) {
        const char *dot;
        uint64_t dict;

        s->type = type;
        if (!strobe_naming_read(s->n, strobe_mem_u64(s->n->mem, type + s->n->lay->ty_dict, &dict)) ||
            !strobe_naming_read(s->n, strobe_py_type_name(s->n->mem, s->n->lay, type, s->owner, sizeof s->owner)))
            return false;
        dot = strrchr(s->owner, '.');
        if (dot || strcmp(s->owner, "object") == 0) /* made in C: keeps nothing of the program's */
            return false;
        if (dict && found(s, strobe_py_dict_each(s->n->mem, s->n->lay, dict, search_class_item, s)))
            return true;
        if (!strobe_naming_read(s->n, strobe_mem_u64(s->n->mem, type + s->n->lay->ty_base, &type)))
            return false;
    }
    return false;
}

static bool search_attributes(struct search *s, uint64_t obj, bool class_too)
{
    enum strobe_py_kind kind;

    if (obj == s->n->object || !strobe_naming_read(s->n, strobe_py_kind(s->n->mem, s->n->lay, obj, &kind)))
        return false;
    if (kind == STROBE_PY_TYPE)
        return class_too && search_class(s, obj, 0);
    if (kind != STROBE_PY_OTHER || strobe_naming_class(s->n, obj, s->owner) ||
        !strobe_naming_read(s->n, strobe_py_type(s->n->mem, s->n->lay, obj, &s->type)))
        return false;
    if (found(s, strobe_py_attr_each(s->n->mem, s->n->lay, obj, search_item, s)))
        return true;
    return class_too && search_class(s, s->type, obj);
}

static int search_local(void *ctx, const struct strobe_local *local)
{
    struct search *s = ctx;

    if (++s->looked > MAX_LOOKED)
        return STROBE_ERR_LIMIT;
    return search_attributes(s, local->value, true);
}

static int search_variable(void *ctx, const struct strobe_local *local)
{
    struct search *s = ctx;

    if (local->value != s->n->object)
        return 0;
    strobe_naming_put_function(s->n);
    strobe_buf_printf(s->n->name, ".%s", local->name);
    strobe_naming_variable(s->n, local);
    return 1;
}

static bool in_frames(struct strobe_naming *n, strobe_local_fn *each)
{
    uint32_t first = n->at, last = n->task->n_frames - first > STROBE_NAMING_OUTER ? first + STROBE_NAMING_OUTER : n->task->n_frames;
    struct search s = {.n = n};
    bool is_found = false;

    for (uint32_t i = first; i < last && !is_found; i++)
        is_found = strobe_naming_ask(n, i) && found(&s, strobe_py_locals(n->mem, n->lay, n->frame, n->code, each, &s));
    strobe_naming_ask(n, first);
    return is_found;
}

bool strobe_naming_by_attribute(struct strobe_naming *n)
{
    return in_frames(n, search_local);
}

bool strobe_naming_by_variable(struct strobe_naming *n)
{
    return in_frames(n, search_variable);
}

static int search_global_attributes(void *ctx, uint64_t key, uint64_t value)
{
    struct search *s = ctx;

    (void)key;
    if (++s->looked > MAX_LOOKED)
        return STROBE_ERR_LIMIT;
    return !strobe_naming_is_module(s->n, value) && search_attributes(s, value, false);
}

bool strobe_naming_by_global(struct strobe_naming *n, bool deep)
{
    struct search s = {.n = n};
    uint64_t globals;
    size_t before = n->name->len;

    if (!strobe_naming_globals(n, &globals))
        return false;
    strobe_naming_put_module(n, globals);
    if (n->name->len > before)
        strobe_buf_putc(n->name, '.');
    if (found(&s, strobe_py_dict_each(n->mem, n->lay, globals, search_item, &s)))
        return true;
    n->name->len = before;
    if (n->name->data)
        n->name->data[before] = '\0';
    return deep && found(&s, strobe_py_dict_each(n->mem, n->lay, globals, search_global_attributes, &s));
}
