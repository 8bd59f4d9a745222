/* SPDX-License-Identifier: Apache-2.0 */
#include "calls/functions.h"

#include "calls/stack.h"
#include "calls/state.h"

enum { LEFT_OUT_MAX = 1 << 16 }; /* functions that are known to be left out; of more each start is looked at anew */

/* With the lock. */
static struct strobe_calls_function adopt(struct strobe_calls *calls, const void *key, enum strobe_calls_kind kind)
{
    const struct strobe_calls_ops *ops = &calls->opts.ops;
    struct strobe_calls_function function = {STROBE_CALLS_OTHER, kind};
    bool is_out = function.kind == STROBE_CALLS_LEFT_OUT;
    uint32_t *count = is_out ? &calls->n_left_out : &calls->n_functions, limit = is_out ? LEFT_OUT_MAX : calls->opts.max_functions;
    uint64_t value = (uint64_t)(is_out ? STROBE_CALLS_OTHER : *count) << 8 | function.kind;

    if (*count > limit || strobe_htab_put(&calls->functions, (uintptr_t)key, 0, value))
        return function;
    if (ops->adopt(ops->ctx, key, is_out ? STROBE_CALLS_OTHER : *count)) {
        *strobe_htab_get(&calls->functions, (uintptr_t)key, 0) = function.kind; /* a put could fail */
        return function;
    }
    function.number = is_out ? STROBE_CALLS_OTHER : *count;
    ++*count;
    return function;
}

/* With the lock. */
static bool is_known(struct strobe_calls *calls, const void *key, struct strobe_calls_function *ret)
{
    uint64_t *known = strobe_htab_get(&calls->functions, (uintptr_t)key, 0);

    if (known)
        *ret = (struct strobe_calls_function){(uint32_t)(*known >> 8), (enum strobe_calls_kind)(*known & 0xff)};
    return known;
}

static bool look_up(struct strobe_calls *calls, const void *key, struct strobe_calls_function *ret)
{
    bool known;

    strobe_calls_lock(calls);
    known = is_known(calls, key, ret);
    strobe_calls_unlock(calls);
    return known;
}

struct strobe_calls_function strobe_calls_function_of(struct strobe_calls *calls, const void *key)
{
    struct strobe_calls_function function;
    enum strobe_calls_kind kind;

    if (look_up(calls, key, &function))
        return function;
    kind = calls->opts.ops.kind(calls->opts.ops.ctx, key);
    strobe_calls_lock(calls);
    if (!is_known(calls, key, &function))
        function = adopt(calls, key, kind);
    strobe_calls_unlock(calls);
    return function;
}

bool strobe_calls_is_left_out(struct strobe_calls *calls, const void *key)
{
    struct strobe_calls_function function;

    return look_up(calls, key, &function) && function.kind == STROBE_CALLS_LEFT_OUT;
}

const void *strobe_calls_key_of_node(const void *key, struct strobe_calls_function function)
{
    static const char of_others[STROBE_CALLS_KINDS];

    return function.number == STROBE_CALLS_OTHER ? &of_others[function.kind] : key;
}

struct strobe_calls_node *strobe_calls_child_of(struct strobe_calls_thread *thread, const void *key, uint32_t group, bool may_activate,
                                                enum strobe_calls_kind *ret_kind)
{
    struct strobe_calls_node *parent = thread->top->node, *node = parent->last;
    struct strobe_calls_function function;

    if (!node || !strobe_calls_is_of(node, key, group))
        node = parent->is_beyond ? NULL : strobe_calls_find_child(&thread->tables, parent, key, group);
    if (node) {
        *ret_kind = (enum strobe_calls_kind)node->kind;
        return node;
    }
    function = strobe_calls_function_of(thread->calls, key);
    *ret_kind = function.kind;
    if (function.kind == STROBE_CALLS_LEFT_OUT || (!may_activate && function.kind != STROBE_CALLS_FUNCTION))
        return NULL;
    return strobe_calls_child(&thread->tables, parent, strobe_calls_key_of_node(key, function), function, group, &thread->calls->room);
}
