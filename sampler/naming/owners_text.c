/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of the ways that the search found.  Of each function here: false: a part of the name cannot be read; half a name is none. */
#include "naming/owners_parts.h"

#include <string.h>

#include "runtime/pyspan.h"

enum {
    MAX_KEY = 64,   /* bytes of a key that a name shows */
    MAX_KEYS = 32,  /* a dict with more of them is keyed by the program's data */
    MAX_CLASS = 128,
};

static bool put_str(const struct strobe_owners *owners, uint64_t str, struct strobe_buf *out)
{
    return !strobe_py_str(owners->mem, owners->lay, str, out);
}

static bool put_class(const struct strobe_owners *owners, uint64_t type, struct strobe_buf *out)
{
    char name[MAX_CLASS];

    if (strobe_py_type_name(owners->mem, owners->lay, type, name, sizeof name) || !*name)
        return false;
    strobe_buf_puts(out, strobe_py_last_name(name));
    return true;
}

/* The attribute as its class writes it: _Client__lock is Client.__lock, in a subclass too. */
static bool put_attribute(const struct strobe_owners *owners, uint64_t type, uint64_t key, struct strobe_buf *out)
{
    struct strobe_buf attribute = STROBE_BUF_INIT;
    bool ok = put_str(owners, key, &attribute);
    const char *text = strobe_buf_str(&attribute);
    uint64_t of = type;

    for (int i = 0; text[0] == '_' && of && i < STROBE_PY_MAX_MRO; i++) {
        char name[MAX_CLASS];
        const char *bare = name;
        size_t len;

        if (strobe_py_type_name(owners->mem, owners->lay, of, name, sizeof name)) {
            ok = false;
            break;
        }
        bare += strspn(bare, "_");
        len = strlen(bare);
        if (len && strncmp(text + 1, bare, len) == 0 && strncmp(text + 1 + len, "__", 2) == 0) {
            text += 1 + len;
            type = of;
            break;
        }
        if (strobe_mem_u64(owners->mem, of + owners->lay->ty_base, &of)) {
            ok = false;
            break;
        }
    }
    ok = ok && put_class(owners, type, out);
    if (ok)
        strobe_buf_printf(out, ".%s", text);
    strobe_buf_release(&attribute);
    return ok;
}

/* A function's variable. */
static bool put_variable(const struct strobe_owners *owners, uint64_t code, const char *variable, struct strobe_buf *out)
{
    uint64_t function;

    if (strobe_mem_u64(owners->mem, code + owners->lay->co_name, &function) || !put_str(owners, function, out))
        return false;
    strobe_buf_printf(out, ".%s", variable);
    return true;
}

/* A variable that an inner function keeps, outer.<locals>.inner by __qualname__: outer's. */
static bool put_free_variable(const struct strobe_owners *owners, uint64_t function, uint64_t place, struct strobe_buf *out)
{
    static const char inside[] = ".<locals>.";
    struct strobe_buf outer = STROBE_BUF_INIT;
    uint64_t code, name, qualname;
    char *end = NULL;
    bool ok = !strobe_mem_u64(owners->mem, function + owners->lay->func_code, &code) &&
              !strobe_py_free_name(owners->mem, owners->lay, code, place, &name) &&
              !strobe_mem_u64(owners->mem, function + owners->lay->func_qualname, &qualname) && put_str(owners, qualname, &outer);

    for (char *next = ok && outer.len ? strstr(outer.data, inside) : NULL; next; next = strstr(next + 1, inside))
        end = next;
    if (end) {
        *end = '\0';
        strobe_buf_printf(out, "%s.", strobe_py_last_name(outer.data));
    }
    ok = ok && put_str(owners, name, out);
    strobe_buf_release(&outer);
    return ok;
}

/* anyio keeps the limiter of its worker threads, one for each event loop, under this name. */
static bool is_default_limiter(const struct strobe_owners *owners, uint64_t key)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    enum strobe_py_kind kind;
    uint64_t name = key;
    bool same;

    if (strobe_py_kind(owners->mem, owners->lay, key, &kind) ||
        (kind == STROBE_PY_OTHER && strobe_py_attr(owners->mem, owners->lay, key, "_name", &name)))
        return false;
    same = put_str(owners, name, &text) && strcmp(strobe_buf_str(&text), "_default_thread_limiter") == 0;
    strobe_buf_release(&text);
    return same;
}

/* Of a dict with few keys the text that leads to it; else all values are one thing's. */
static void put_key(const struct strobe_owners *owners, uint64_t dict, uint64_t key, struct strobe_buf *out)
{
    enum strobe_py_kind kind;
    uint64_t n;

    strobe_buf_putc(out, '[');
    if (!strobe_py_kind(owners->mem, owners->lay, key, &kind) && kind == STROBE_PY_STR &&
        !strobe_py_len(owners->mem, owners->lay, dict, &n) && n <= MAX_KEYS)
        strobe_py_repr(owners->mem, owners->lay, key, MAX_KEY, out);
    strobe_buf_putc(out, ']');
}

static bool put_node(const struct strobe_owners *owners, const struct strobe_owner_node *node, struct strobe_buf *out)
{
    const struct strobe_owner_node *parent = node->parent == STROBE_NONE ? NULL : &owners->nodes[node->parent];
    uint64_t type;

    if (!parent)
        return false;
    switch (parent->kind) {
    case STROBE_OWNER_MODULE:
        if (!put_str(owners, parent->key, out))
            return false;
        strobe_buf_putc(out, '.');
        return put_str(owners, node->key, out);
    case STROBE_OWNER_INSTANCE:
        return !strobe_py_type(owners->mem, owners->lay, parent->addr, &type) && put_attribute(owners, type, node->key, out);
    case STROBE_OWNER_CLASS: return put_attribute(owners, parent->addr, node->key, out);
    case STROBE_OWNER_VARIABLES: return put_variable(owners, parent->addr, owners->texts.data + node->key, out);
    case STROBE_OWNER_FUNCTION: return put_free_variable(owners, parent->addr, node->key, out);
    case STROBE_OWNER_LIST:
    case STROBE_OWNER_DEQUE:
    case STROBE_OWNER_SET:
        if (!put_node(owners, parent, out))
            return false;
        strobe_buf_puts(out, "[]");
        return true;
    case STROBE_OWNER_DICT:
        if (is_default_limiter(owners, node->key)) {
            strobe_buf_puts(out, "anyio.to_thread.current_default_thread_limiter()");
            return true;
        }
        if (!put_node(owners, parent, out))
            return false;
        put_key(owners, parent->addr, node->key, out);
        return true;
    default: return false;
    }
}

enum strobe_owners_level strobe_owners_name(const struct strobe_owners *owners, uint64_t object, struct strobe_buf *name)
{
    const uint64_t *found = strobe_htab_get(&owners->wanted, object, 0);
    size_t before = name->len;

    if (!found || !*found)
        return STROBE_OWNERS_LEVELS;
    if (put_node(owners, &owners->nodes[*found - 1], name))
        return owners->nodes[*found - 1].level;
    name->len = before;
    if (name->data)
        name->data[before] = '\0';
    return STROBE_OWNERS_LEVELS;
}
