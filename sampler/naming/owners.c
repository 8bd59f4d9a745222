/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/owners.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "naming/owners_parts.h"
#include "runtime/pyspan.h"

enum {
    MAX_NODES = 1 << 19,
    MAX_LOOKED = 4000000,  /* things looked at: some seconds' work */
    MAX_DEPTH = 6,         /* attributes of attributes of ... */
    MAX_ENTERED = 1 << 16, /* items of one list or dict that are looked into */
    MAX_ITEMS = 1 << 17,   /* items that are asked whether they are wanted */
    MAX_CELLS = 64,        /* of a closure */
};

/* What an object of a class is to the search. */
enum type_kind { TYPE_NOTHING = 1, TYPE_INSTANCE, TYPE_CLASS, TYPE_LIST, TYPE_DEQUE, TYPE_SET, TYPE_DICT, TYPE_FUNCTION };

void strobe_owners_init(struct strobe_owners *owners, struct strobe_mem *mem, const struct strobe_layout *lay)
{
    *owners = (struct strobe_owners){.mem = mem, .lay = lay, .wanted = STROBE_HTAB_INIT, .seen = STROBE_HTAB_INIT,
                                     .types = STROBE_HTAB_INIT};
    for (int i = 0; i < STROBE_OWNERS_LEVELS; i++)
        owners->head[i] = owners->tail[i] = STROBE_NONE;
}

void strobe_owners_release(struct strobe_owners *owners)
{
    strobe_htab_release(&owners->wanted);
    strobe_htab_release(&owners->seen);
    strobe_htab_release(&owners->types);
    strobe_buf_release(&owners->texts);
    free(owners->nodes);
    owners->nodes = NULL;
    owners->n_nodes = owners->cap_nodes = 0;
    for (int i = 0; i < STROBE_OWNERS_LEVELS; i++)
        owners->head[i] = owners->tail[i] = STROBE_NONE;
}

int strobe_owners_want(struct strobe_owners *owners, uint64_t object)
{
    int err;

    if (strobe_htab_get(&owners->wanted, object, 0))
        return 0;
    err = strobe_htab_put(&owners->wanted, object, 0, 0);
    owners->n_left += !err;
    return err;
}

/* ---- nodes ---- */

/* At the end of its level's row of nodes that are to be looked into. */
static int add(struct strobe_owners *owners, struct strobe_owner_node node)
{
    uint32_t at = (uint32_t)owners->n_nodes;

    if (owners->n_nodes == MAX_NODES)
        return 0;
    if (strobe_grow(&owners->nodes, &owners->cap_nodes, owners->n_nodes + 1, sizeof *owners->nodes))
        return STROBE_ERR_NOMEM;
    node.next = STROBE_NONE;
    owners->nodes[owners->n_nodes++] = node;
    if (owners->tail[node.level] == STROBE_NONE)
        owners->head[node.level] = at;
    else
        owners->nodes[owners->tail[node.level]].next = at;
    owners->tail[node.level] = at;
    return 0;
}

static enum type_kind kind_of_type(struct strobe_owners *owners, uint64_t addr)
{
    const uint64_t *known = strobe_htab_get(&owners->types, addr, 0);
    enum type_kind ret = TYPE_NOTHING;
    enum strobe_py_kind kind;
    struct strobe_pytype type;
    char name[32];

    if (known)
        return (enum type_kind)*known;
    if (strobe_pytype_read(owners->mem, owners->lay, addr, &type) || strobe_pytype_kind(owners->mem, owners->lay, &type, &kind))
        return TYPE_NOTHING;
    if (kind == STROBE_PY_TYPE)
        ret = TYPE_CLASS;
    else if (kind == STROBE_PY_LIST || kind == STROBE_PY_TUPLE)
        ret = TYPE_LIST;
    else if (kind == STROBE_PY_DICT)
        ret = TYPE_DICT;
    else if (kind == STROBE_PY_SET)
        ret = TYPE_SET;
    else if (kind == STROBE_PY_OTHER && !strobe_py_type_name(owners->mem, owners->lay, addr, name, sizeof name) &&
             strcmp(strobe_py_last_name(name), "deque") == 0)
        ret = TYPE_DEQUE;
    else if (kind == STROBE_PY_OTHER && strobe_pytype_has(&type, STROBE_TPFLAG_HEAPTYPE))
        ret = TYPE_INSTANCE;
    else if (kind == STROBE_PY_OTHER && !strobe_py_type_name(owners->mem, owners->lay, addr, name, sizeof name) &&
             strcmp(name, "function") == 0)
        ret = TYPE_FUNCTION;
    strobe_htab_put(&owners->types, addr, 0, ret); /* without memory: read again */
    return ret;
}

static bool is_container(uint8_t kind)
{
    return kind == STROBE_OWNER_LIST || kind == STROBE_OWNER_DEQUE || kind == STROBE_OWNER_SET || kind == STROBE_OWNER_DICT;
}

/* How good a name is that says `from` has it.  A function in a container is a callback, which comes and goes. */
static uint8_t level_of_name(const struct strobe_owner_node *from)
{
    if (from->kind == STROBE_OWNER_VARIABLES || (from->kind == STROBE_OWNER_FUNCTION && from->level != STROBE_OWNERS_NAMES))
        return STROBE_OWNERS_VARIABLES;
    if (from->kind == STROBE_OWNER_DICT)
        return STROBE_OWNERS_KEYED;
    return is_container(from->kind) ? STROBE_OWNERS_ELEMENTS : STROBE_OWNERS_NAMES;
}

/* One of the things that `parent` has.  enter: it may have others. */
static int look_at(struct strobe_owners *owners, uint32_t parent, uint64_t key, uint64_t value, bool enter)
{
    static const uint8_t node_kinds[] = {
        [TYPE_INSTANCE] = STROBE_OWNER_INSTANCE, [TYPE_CLASS] = STROBE_OWNER_CLASS, [TYPE_LIST] = STROBE_OWNER_LIST,
        [TYPE_DEQUE] = STROBE_OWNER_DEQUE, [TYPE_SET] = STROBE_OWNER_SET, [TYPE_DICT] = STROBE_OWNER_DICT,
        [TYPE_FUNCTION] = STROBE_OWNER_FUNCTION};
    const struct strobe_owner_node *from = &owners->nodes[parent];
    struct strobe_owner_node node = {.addr = value, .key = key, .parent = parent, .kind = STROBE_OWNER_FOUND,
                                     .depth = (uint8_t)(from->depth + 1), .level = from->level};
    const uint64_t *wanted = strobe_htab_get(&owners->wanted, value, 0), *seen;
    enum type_kind kind;
    uint64_t type;
    int err = 0;

    if (++owners->looked > MAX_LOOKED)
        return STROBE_ERR_LIMIT;
    if (wanted && !*wanted) {
        node.level = level_of_name(from);
        return add(owners, node);
    }
    if (is_container(from->kind))
        node.level = STROBE_OWNERS_INSIDE;
    if (!enter || wanted || node.depth > MAX_DEPTH || strobe_py_type(owners->mem, owners->lay, value, &type) ||
        (kind = kind_of_type(owners, type)) == TYPE_NOTHING)
        return 0;
    seen = strobe_htab_get(&owners->seen, value, 0);
    if (!seen || *seen > node.level) {
        node.kind = node_kinds[kind];
        err = strobe_htab_put(&owners->seen, value, 0, node.level);
        err = err ? err : add(owners, node);
    }
    return err;
}

/* ---- what a node has ---- */

struct looking {
    struct strobe_owners *owners;
    uint32_t node;
    size_t n;
};

static int look_at_item(void *ctx, uint64_t key, uint64_t value)
{
    struct looking *l = ctx;

    if (++l->n > MAX_ITEMS)
        return STROBE_ERR_LIMIT;
    return look_at(l->owners, l->node, key, value, l->n <= MAX_ENTERED);
}

static int look_at_element(void *ctx, uint64_t value)
{
    return look_at_item(ctx, 0, value);
}

static int look_into_list(struct looking *l, uint64_t list)
{
    uint64_t *items, n;
    size_t got;
    int err = strobe_py_len(l->owners->mem, l->owners->lay, list, &n);

    if (err || !n)
        return err;
    n = n < MAX_ITEMS ? n : MAX_ITEMS;
    items = malloc(n * sizeof *items);
    if (!items)
        return STROBE_ERR_NOMEM;
    err = strobe_py_items(l->owners->mem, l->owners->lay, list, items, n, &got);
    for (size_t i = 0; !err && i < got && i < n; i++)
        err = look_at_element(l, items[i]);
    free(items);
    return err;
}

static int look_into_class(struct looking *l, uint64_t type)
{
    uint64_t dict;
    int err = strobe_mem_u64(l->owners->mem, type + l->owners->lay->ty_dict, &dict);

    return err || !dict ? err : strobe_py_dict_each(l->owners->mem, l->owners->lay, dict, look_at_item, l);
}

/* What a class has for a member of __slots__ says where in the instances its value lies. */
struct slots {
    struct looking *l;
    uint64_t instance;
    uint64_t member_type; /* once one was met; 0 = not yet */
};

static bool is_member(struct slots *s, uint64_t descriptor)
{
    const struct strobe_owners *owners = s->l->owners;
    char name[32];
    uint64_t type;

    if (strobe_py_type(owners->mem, owners->lay, descriptor, &type))
        return false;
    if (!s->member_type && !strobe_py_type_name(owners->mem, owners->lay, type, name, sizeof name) &&
        strcmp(name, "member_descriptor") == 0)
        s->member_type = type;
    return type == s->member_type;
}

static int look_at_slot(void *ctx, uint64_t key, uint64_t descriptor)
{
    struct slots *s = ctx;
    struct strobe_buf name = STROBE_BUF_INIT;
    uint64_t value;
    int err = 0;

    if (++s->l->n > MAX_ITEMS)
        return STROBE_ERR_LIMIT;
    if (is_member(s, descriptor) && !strobe_py_str(s->l->owners->mem, s->l->owners->lay, key, &name) &&
        !strobe_py_slot(s->l->owners->mem, s->l->owners->lay, s->instance, strobe_buf_str(&name), &value))
        err = look_at(s->l->owners, s->l->node, key, value, true);
    strobe_buf_release(&name);
    return err;
}

/* Of its class and those that it is made from, as far as they are class statements' and have any. */
static int look_into_slots(struct looking *l, uint64_t obj)
{
    const struct strobe_owners *owners = l->owners;
    struct slots s = {l, obj, 0};
    struct strobe_pytype type;
    int err = strobe_pytype_of(owners->mem, owners->lay, obj, &type);

    for (int i = 0; !err && i < STROBE_PY_MAX_MRO && strobe_pytype_has(&type, STROBE_TPFLAG_HEAPTYPE); i++) {
        if (type.dict && (err = strobe_py_dict_each(owners->mem, owners->lay, type.dict, look_at_slot, &s)))
            break;
        if (!type.base)
            break;
        err = strobe_pytype_read(owners->mem, owners->lay, type.base, &type);
    }
    return err;
}

static int look_into_instance(struct looking *l, uint64_t obj)
{
    int err = strobe_py_attr_each(l->owners->mem, l->owners->lay, obj, look_at_item, l);

    return err == STROBE_ERR_NOMEM ? err : look_into_slots(l, obj);
}

/* What a function made inside of another one keeps: a decorator's semaphore. */
static int look_into_function(struct looking *l, uint64_t function)
{
    uint64_t value;
    int err = 0;

    for (size_t i = 0; err != STROBE_ERR_MISSING && err != STROBE_ERR_NOMEM && i < MAX_CELLS; i++)
        if (!(err = strobe_py_closure(l->owners->mem, l->owners->lay, function, i, &value)))
            err = look_at(l->owners, l->node, i, value, true);
    return err;
}

static int look_into(struct strobe_owners *owners, uint32_t at)
{
    struct strobe_owner_node node = owners->nodes[at];
    struct looking l = {owners, at, 0};
    uint64_t *wanted;
    const uint64_t *seen = strobe_htab_get(&owners->seen, node.addr, 0);

    if (seen && *seen < node.level) /* a better way there was found meanwhile */
        return 0;
    switch (node.kind) {
    case STROBE_OWNER_FOUND:
        wanted = strobe_htab_get(&owners->wanted, node.addr, 0);
        if (wanted && !*wanted) {
            *wanted = (uint64_t)at + 1;
            owners->n_left--;
        }
        return 0;
    case STROBE_OWNER_MODULE:
    case STROBE_OWNER_DICT: return strobe_py_dict_each(owners->mem, owners->lay, node.addr, look_at_item, &l);
    case STROBE_OWNER_INSTANCE: return look_into_instance(&l, node.addr);
    case STROBE_OWNER_FUNCTION: return look_into_function(&l, node.addr);
    case STROBE_OWNER_CLASS: return look_into_class(&l, node.addr);
    case STROBE_OWNER_LIST: return look_into_list(&l, node.addr);
    case STROBE_OWNER_DEQUE: return strobe_py_deque_each(owners->mem, owners->lay, node.addr, look_at_element, &l);
    case STROBE_OWNER_SET: return strobe_py_set_each(owners->mem, owners->lay, node.addr, STROBE_PY_MAX_ITEMS, look_at_element, &l);
    default: return 0;
    }
}

int strobe_owners_run(struct strobe_owners *owners, enum strobe_owners_level most)
{
    int level = 0;

    while (level <= (int)most && owners->n_left && owners->looked <= MAX_LOOKED) {
        uint32_t at = owners->head[level];

        if (at == STROBE_NONE) {
            level++;
            continue;
        }
        owners->head[level] = owners->nodes[at].next;
        if (owners->head[level] == STROBE_NONE)
            owners->tail[level] = STROBE_NONE;
        if (look_into(owners, at) == STROBE_ERR_NOMEM)
            return STROBE_ERR_NOMEM;
        level = 0; /* what was found may be as good as what there was before */
    }
    return 0;
}

/* ---- where the search begins ---- */

struct modules {
    struct strobe_owners *owners;
    struct strobe_owner_node main; /* addr 0 = not met */
};

static int add_module_dict(struct strobe_owners *owners, struct strobe_owner_node node)
{
    if (strobe_htab_get(&owners->seen, node.addr, 0))
        return 0;
    return strobe_htab_put(&owners->seen, node.addr, 0, 0) ? STROBE_ERR_NOMEM : add(owners, node);
}

static int add_module(void *ctx, uint64_t key, uint64_t value)
{
    struct modules *m = ctx;
    struct strobe_owners *owners = m->owners;
    struct strobe_owner_node node = {.key = key, .parent = STROBE_NONE, .kind = STROBE_OWNER_MODULE};
    struct strobe_buf name = STROBE_BUF_INIT;
    enum strobe_py_kind kind;
    bool is_main, is_copy;

    if (strobe_mem_u64(owners->mem, value + owners->lay->module_dict, &node.addr) ||
        strobe_py_kind(owners->mem, owners->lay, node.addr, &kind) || kind != STROBE_PY_DICT)
        return 0;
    if (strobe_py_str(owners->mem, owners->lay, key, &name))
        strobe_buf_clear(&name);
    is_main = strcmp(strobe_buf_str(&name), "__main__") == 0;
    is_copy = strcmp(strobe_buf_str(&name), "__mp_main__") == 0; /* multiprocessing's name for the same module */
    strobe_buf_release(&name);
    if (is_main)
        m->main = node;
    return is_main || is_copy ? 0 : add_module_dict(owners, node);
}

/* The script last: what it imports from a module by name is that module's. */
int strobe_owners_add_modules(struct strobe_owners *owners, uint64_t interp)
{
    struct modules m = {.owners = owners};
    uint64_t modules;

    if (strobe_mem_u64(owners->mem, interp + owners->lay->in_modules, &modules))
        return 0;
    if (strobe_py_dict_each(owners->mem, owners->lay, modules, add_module, &m) == STROBE_ERR_NOMEM)
        return STROBE_ERR_NOMEM;
    return m.main.addr ? add_module_dict(owners, m.main) : 0;
}

static int add_variable(void *ctx, const struct strobe_local *local)
{
    struct looking *l = ctx;
    size_t before = l->owners->n_nodes, text = l->owners->texts.len;
    int err;

    strobe_buf_put(&l->owners->texts, local->name, strlen(local->name) + 1);
    if (l->owners->texts.failed)
        return STROBE_ERR_NOMEM;
    err = look_at(l->owners, l->node, text, local->value, true);
    if (l->owners->n_nodes == before)
        l->owners->texts.len = text;
    return err;
}

int strobe_owners_add_frame(struct strobe_owners *owners, const struct strobe_raw_frame *frame)
{
    struct looking l = {owners, (uint32_t)owners->n_nodes, 0};
    int err;

    if (frame->code <= STROBE_CODE_UNREADABLE || !frame->frame || owners->n_nodes == MAX_NODES)
        return 0;
    err = add(owners, (struct strobe_owner_node){.addr = frame->code, .parent = STROBE_NONE, .kind = STROBE_OWNER_VARIABLES});
    if (!err)
        err = strobe_py_locals(owners->mem, owners->lay, frame->frame, frame->code, add_variable, &l);
    return err == STROBE_ERR_NOMEM ? err : 0;
}
