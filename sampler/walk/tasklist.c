/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/tasklist.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"
#include "runtime/pyspan.h"

enum {
    MAX_TASKS = 1 << 22,   /* tasks of all interpreters: a process with more has run out of memory (a task takes some kilobytes) */
    LEAST_SEEN = 8,        /* bits */
    RADIX_BITS = 11, RADIX = 1 << RADIX_BITS,
};

void strobe_tasklist_init(struct strobe_tasklist *list, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles)
{
    *list = (struct strobe_tasklist){.mem = mem, .lay = lay, .roles = roles};
}

void strobe_tasklist_release(struct strobe_tasklist *list)
{
    free(list->seen);
    free(list->at);
    free(list->keys);
    list->seen = NULL;
    list->seen_bits = 0;
    list->at = NULL;
    list->keys = NULL;
    list->n = list->cap = 0;
}

static void forget(struct strobe_tasklist *list)
{
    if (list->seen_bits)
        memset(list->seen, 0, sizeof *list->seen << list->seen_bits);
}

void strobe_tasklist_clear(struct strobe_tasklist *list)
{
    list->n = 0;
    forget(list);
}

/* The place of a task in `seen`, or the free one where it belongs. */
static uint32_t *place(const struct strobe_tasklist *list, uint64_t addr)
{
    size_t i = addr * 0x9e3779b97f4a7c15ull >> (64 - list->seen_bits), mask = ((size_t)1 << list->seen_bits) - 1;

    while (list->seen[i] && list->at[list->seen[i] - 1].addr != addr)
        i = (i + 1) & mask;
    return &list->seen[i];
}

static void note_all(struct strobe_tasklist *list)
{
    forget(list);
    for (size_t i = 0; i < list->n; i++)
        *place(list, list->at[i].addr) = (uint32_t)i + 1;
}

/* Room for one more. */
static int grow_seen(struct strobe_tasklist *list)
{
    unsigned bits = list->seen_bits ? list->seen_bits + 2 : LEAST_SEEN;
    uint32_t *seen;

    if (list->seen_bits && 2 * (list->n + 1) <= (size_t)1 << list->seen_bits)
        return 0;
    seen = malloc(sizeof *seen << bits);
    if (!seen)
        return STROBE_ERR_NOMEM;
    free(list->seen);
    list->seen = seen;
    list->seen_bits = bits;
    note_all(list);
    return 0;
}

static int add(struct strobe_tasklist *list, uint64_t task, uint64_t type)
{
    struct strobe_tasklist_item item = {.addr = task, .type = type};
    uint32_t *seen;

    item.role = strobe_roles_of_type(list->roles, item.type);
    if (grow_seen(list) || strobe_grow(&list->at, &list->cap, list->n + 1, sizeof *list->at))
        return STROBE_ERR_NOMEM;
    seen = place(list, task);
    if (*seen)
        return 0;
    if (list->n == MAX_TASKS)
        return STROBE_ERR_LIMIT;
    list->at[list->n++] = item;
    *seen = (uint32_t)list->n;
    return 0;
}

/* 3.14+: {next, prev} in each task, a circle through the head.  A task that leaves sets its words to 0. */
static int add_llist(struct strobe_tasklist *list, const struct strobe_aio_layout *aio, uint64_t head)
{
    unsigned char span[STROBE_AIO_MAX_TASK]; /* from a task's start to its node */
    uint64_t node, met = 0;
    size_t at;
    int err = strobe_mem_u64(list->mem, head, &node);

    for (size_t i = 0; !err && node != head; i++) {
        uint64_t task = node - aio->task_node, type;

        if (!node)
            return i ? STROBE_ERR_TORN : 0; /* a head that is not initialised */
        if (node == met)
            return STROBE_ERR_TORN; /* a circle beside the head */
        if ((i & (i - 1)) == 0)
            met = node; /* the first, second, fourth, eighth, ...: one of them lies on the circle, and the next is not before it is round */
        if (i == MAX_TASKS)
            return STROBE_ERR_LIMIT;
        if (strobe_mem_read(list->mem, task, span, aio->task_node + 8))
            return STROBE_ERR_TORN;
        type = strobe_span_u64(span, list->lay->ob_type);
        err = strobe_py_plausible(task) && strobe_py_plausible(type) ? add(list, task, type) : STROBE_ERR_TORN;
        if (err)
            return err == STROBE_ERR_NOMEM || err == STROBE_ERR_LIMIT ? err : STROBE_ERR_TORN;
        if ((at = strobe_tasklist_find(list, task)) >= list->n || list->at[at].role != STROBE_ROLE_TASK)
            return STROBE_ERR_TORN; /* no task any more */
        node = strobe_span_u64(span, aio->task_node);
    }
    return err;
}

static int add_key(void *ctx, uint64_t key)
{
    struct strobe_tasklist *list = ctx;

    if (strobe_grow(&list->keys, &list->cap_keys, 2 * (list->n_keys + 1), sizeof *list->keys)) /* sort() needs as much again */
        return STROBE_ERR_NOMEM;
    list->keys[list->n_keys++] = key;
    return 0;
}

/* By 11 bits at a time, the lowest first; the second half of the array is the room for it. */
static void sort(uint64_t *keys, size_t n)
{
    uint64_t *from = keys, *to = keys + n, all = 0, same = UINT64_MAX, *swap;
    size_t first[RADIX + 1];

    for (size_t i = 0; i < n; i++) {
        all |= keys[i];
        same &= keys[i];
    }
    for (int shift = 0; shift < 64; shift += RADIX_BITS) {
        if (!((all ^ same) >> shift & (RADIX - 1)))
            continue; /* these bits are the same in all */
        memset(first, 0, sizeof first);
        for (size_t i = 0; i < n; i++)
            first[(from[i] >> shift & (RADIX - 1)) + 1]++;
        for (size_t i = 0; i < RADIX; i++)
            first[i + 1] += first[i];
        for (size_t i = 0; i < n; i++)
            to[first[from[i] >> shift & (RADIX - 1)]++] = from[i];
        swap = from;
        from = to;
        to = swap;
    }
    if (from != keys)
        memcpy(keys, from, n * sizeof *keys);
}

/* What a member that cannot be read means for the whole list. */
static int of_member(int err)
{
    return strobe_err_class(err) == STROBE_CLASS_FRAME && err != STROBE_ERR_LIMIT ? 0 : err;
}

/* What the weak references among the keys lead to. */
static int follow(struct strobe_tasklist *list, size_t *n)
{
    size_t kept = 0;
    int err, ret_err = 0;

    for (size_t i = 0; i < *n; i++) {
        err = strobe_mem_u64(list->mem, list->keys[i] + list->lay->weakref_object, &list->keys[kept]);
        kept += !err;
        ret_err = ret_err ? ret_err : of_member(err);
    }
    *n = kept;
    sort(list->keys, kept);
    return ret_err;
}

/* The members of a set, through weak references when they are such, in the order of their addresses: in that of the set, which is a hash's,
 * each would lie elsewhere.  One that cannot be read keeps none of the others out; the error is
 * returned in the end. */
static int add_set(struct strobe_tasklist *list, uint64_t set, bool weak)
{
    const struct strobe_layout *lay = list->lay;
    uint64_t used, type;
    size_t n;
    int ret_err = 0, err = strobe_mem_u64(list->mem, set + lay->set_used, &used);

    list->n_keys = 0;
    if (!err)
        err = strobe_py_set_each(list->mem, lay, set, 8 * (uint64_t)MAX_TASKS, add_key, list);
    if (err)
        return err;
    n = list->n_keys;
    if (n != used) /* it changed meanwhile; or its thread stands still in the middle of set_table_resize (CPython: Objects/setobject.c) */
        ret_err = STROBE_ERR_TORN;
    sort(list->keys, n);
    if (weak && (err = follow(list, &n)))
        ret_err = err;
    for (size_t i = 0; i < n; i++) {
        err = strobe_py_type(list->mem, list->lay, list->keys[i], &type);
        err = of_member(err ? err : add(list, list->keys[i], type)); /* a dead reference leads to None, which is dropped by its role */
        if (err == STROBE_ERR_NOMEM || err == STROBE_ERR_LIMIT)
            return err;
        ret_err = ret_err ? ret_err : err;
    }
    return ret_err;
}

/* A set or WeakSet that is an attribute of asyncio.tasks; absent in some versions, and then as long as the module's names stay as many. */
static int add_attribute(struct strobe_tasklist *list, uint64_t dict, const char *text, struct strobe_tasklist_name *name, bool weak)
{
    uint64_t value, n;
    int err = strobe_py_len(list->mem, list->lay, dict, &n);

    if (err || (name->dict == dict && name->n == n))
        return err;
    err = strobe_py_dict_get_again(list->mem, list->lay, dict, text, &name->known, &value);
    name->dict = err == STROBE_ERR_MISSING ? dict : 0;
    name->n = n;
    if (!err && weak)
        err = strobe_py_attr(list->mem, list->lay, value, "data", &value);
    if (!err)
        err = add_set(list, value, weak);
    return err == STROBE_ERR_MISSING ? 0 : err;
}

/* Drops what is no task: classes unknown to us stay, None does not. */
static void drop_others(struct strobe_tasklist *list, size_t from)
{
    size_t kept = from;

    for (size_t i = from; i < list->n; i++) {
        enum strobe_py_kind kind;

        if (list->at[i].role == STROBE_ROLE_NONE &&
            (strobe_py_kind(list->mem, list->lay, list->at[i].addr, &kind) || kind != STROBE_PY_OTHER))
            continue;
        list->at[kept++] = list->at[i];
    }
    if (kept == list->n)
        return;
    list->n = kept;
    note_all(list);
}

size_t strobe_tasklist_find(const struct strobe_tasklist *list, uint64_t addr)
{
    uint32_t index = list->seen_bits ? *place(list, addr) : 0;

    return index ? index - 1 : SIZE_MAX;
}

int strobe_tasklist_add(struct strobe_tasklist *list, const struct strobe_aio_layout *aio, uint64_t interp, const uint64_t *tstates,
                        size_t n_tstates)
{
    size_t from = list->n;
    uint64_t dict;
    int err = strobe_py_module_dict_again(list->mem, list->lay, interp, "asyncio.tasks", &list->module, &dict);

    if (err)
        return err;
    if (aio && aio->interp_tasks_head != STROBE_NONE) {
        err = add_llist(list, aio, interp + aio->interp_tasks_head);
        for (size_t i = 0; !err && i < n_tstates; i++)
            err = add_llist(list, aio, tstates[i] + aio->thread_tasks_head);
    }
    if (!err)
        err = add_attribute(list, dict, "_all_tasks", &list->names[0], true);
    if (!err)
        err = add_attribute(list, dict, "_scheduled_tasks", &list->names[1], true);
    if (!err)
        err = add_attribute(list, dict, "_eager_tasks", &list->names[2], false);
    drop_others(list, from);
    return err;
}
