/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/awaiters.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"

enum {
    MAX_HOPS = 8,            /* futures behind futures: shield(gather(...)) is three */
    MAX_CALLBACKS = 100000,  /* of one future: a gather that 100,000 await one by one */
    MAX_FOUND = 1 << 24,     /* edges of one sample */
    MAX_LOOKED = 1 << 22,    /* callbacks of one sample, and what stands in their place in lists: futures whose callbacks lead to each
                              * other, many times, have paths without end, and many futures may have one list */
    ANSWERED = 1 << 30,      /* in the value of a callback in `known`, beside their number: see there */
    PARENT = 1,              /* second half of the key of a group's parent in `known` */
};

void strobe_awaiters_init(struct strobe_awaiters *a, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                          struct strobe_coderoles *codes)
{
    *a = (struct strobe_awaiters){.mem = mem, .lay = lay, .roles = roles, .codes = codes, .known = STROBE_HTAB_INIT};
}

void strobe_awaiters_release(struct strobe_awaiters *a)
{
    strobe_htab_release(&a->known);
    free(a->tasks);
    free(a->by);
    a->tasks = a->by = NULL;
    a->n = a->cap = a->cap_by = 0;
}

void strobe_awaiters_begin(struct strobe_awaiters *a, const struct strobe_aio_layout *aio)
{
    strobe_htab_clear(&a->known);
    a->aio = aio;
    a->n = a->n_looked = 0;
    a->cut = false;
    a->question = PARENT;
}

static int of_future(struct strobe_awaiters *a, uint64_t future, enum strobe_role role, int hops);

/* What could not be read or kept so far, or was left out: an answer is remembered only when nothing was. */
static uint64_t failures(const struct strobe_awaiters *a)
{
    return a->mem->faults + a->roles->failures + a->codes->failures + a->skipped;
}

/* Each future is looked at once for a question, whatever ways lead to it: there may be no end of ways. */
static int visit(struct strobe_awaiters *a, uint64_t future, bool *ret_new)
{
    *ret_new = !strobe_htab_get(&a->known, future, a->question);
    a->skipped += !*ret_new;
    return *ret_new ? strobe_htab_put(&a->known, future, a->question, 0) : 0;
}

static int found(struct strobe_awaiters *a, uint64_t task, uint64_t by)
{
    if (a->n == MAX_FOUND) {
        a->cut = true;
        return STROBE_ERR_LIMIT;
    }
    if (strobe_grow(&a->tasks, &a->cap, a->n + 1, sizeof *a->tasks) || strobe_grow(&a->by, &a->cap_by, a->n + 1, sizeof *a->by))
        return STROBE_ERR_NOMEM;
    a->by[a->n] = by;
    a->tasks[a->n++] = task;
    return 0;
}

/* One more thing is looked at. */
static int look(struct strobe_awaiters *a)
{
    if (a->n_looked++ < MAX_LOOKED)
        return 0;
    a->cut = true;
    return STROBE_ERR_LIMIT;
}

static int found_if_task(struct strobe_awaiters *a, uint64_t obj)
{
    return strobe_role_is_task(strobe_roles_of(a->roles, obj)) ? found(a, obj, a->future) : 0;
}

/* Of a group's parent, or one that is only named: it waits for something else. */
static int found_elsewhere(struct strobe_awaiters *a, uint64_t obj)
{
    uint64_t future = a->future;
    int err;

    a->future = 0;
    err = found_if_task(a, obj);
    a->future = future;
    return err;
}

struct takers {
    struct strobe_awaiters *a;
    int hops;
};

static int each_getter(void *ctx, uint64_t future)
{
    struct takers *t = ctx;

    return of_future(t->a, future, strobe_roles_of(t->a->roles, future), t->hops + 1);
}

/* The tasks that wait in Queue.get(). */
static int takers_of(struct strobe_awaiters *a, uint64_t queue, int hops)
{
    struct takers t = {a, hops};
    uint64_t getters;
    int err;

    if (strobe_py_attr(a->mem, a->lay, queue, "_getters", &getters))
        return 0;
    err = strobe_py_deque_each(a->mem, a->lay, getters, each_getter, &t);
    return err == STROBE_ERR_NOMEM ? err : 0;
}

/* The task that a group belongs to: looked for once a sample, for its children all come by here. */
static int parent_of_group(struct strobe_awaiters *a, uint64_t group, bool anyio)
{
    uint64_t *known = strobe_htab_get(&a->known, group, PARENT), value = 0, before = failures(a);
    int err;

    if (known)
        return *known ? found_elsewhere(a, *known) : 0;
    if (anyio ? strobe_py_attr(a->mem, a->lay, group, "cancel_scope", &value) || strobe_py_attr(a->mem, a->lay, value, "_host_task", &value)
              : strobe_py_attr(a->mem, a->lay, group, "_parent_task", &value))
        value = 0;
    if (failures(a) == before && (err = strobe_htab_put(&a->known, group, PARENT, value)))
        return err;
    return value ? found_elsewhere(a, value) : 0;
}

/* A function's code and what its closure has in the cell that its role names. */
static const struct strobe_code_entry *function_code(struct strobe_awaiters *a, uint64_t function)
{
    uint64_t code;

    if (strobe_mem_u64(a->mem, function + a->lay->func_code, &code))
        return NULL;
    return strobe_coderoles_get(a->codes, code);
}

static bool cell(struct strobe_awaiters *a, uint64_t function, const struct strobe_code_entry *code, int which, uint64_t *ret)
{
    return code->slot[which] >= 0 && !strobe_py_closure(a->mem, a->lay, function, (size_t)code->slot[which], ret);
}

/* ret_same: it leads to the same tasks whoever asks. */
static int of_function(struct strobe_awaiters *a, uint64_t function, int hops, bool *ret_same)
{
    const struct strobe_code_entry *code = function_code(a, function);
    uint64_t value;

    *ret_same = true;
    if (!code)
        return 0;
    switch (code->role) {
    case STROBE_CODE_WAKES:
        if (cell(a, function, code, 0, &value)) {
            int err = of_future(a, value, strobe_roles_of(a->roles, value), hops + 1);

            a->answered = true;
            return err;
        }
        return cell(a, function, code, 1, &value) ? takers_of(a, value, hops) : 0;
    case STROBE_CODE_WAKES_GROUP:
        return cell(a, function, code, 0, &value) ? parent_of_group(a, value, true) : 0;
    case STROBE_CODE_SHIELDS:
        *ret_same = false;
        a->how = hops == 0 ? code->how : a->how;
        return 0;
    case STROBE_CODE_CHAINS:
    case STROBE_CODE_CHAINS_BACK:
        *ret_same = false;
        if (cell(a, function, code, 0, &value) && hops == 0) {
            a->chained = value;
            a->chained_back = code->role == STROBE_CODE_CHAINS_BACK;
        }
        return 0;
    default:
        return 0;
    }
}

static int of_method(struct strobe_awaiters *a, uint64_t method, int hops)
{
    const struct strobe_code_entry *code;
    uint64_t function, self, queue;

    if (strobe_mem_u64(a->mem, method + a->lay->method_func, &function) || strobe_mem_u64(a->mem, method + a->lay->method_self, &self) ||
        strobe_roles_of(a->roles, function) != STROBE_ROLE_FUNCTION || !(code = function_code(a, function)))
        return 0;
    switch (code->role) {
    case STROBE_CODE_WAKES_TASK: return found_if_task(a, self);
    case STROBE_CODE_WAKES_GROUP: return parent_of_group(a, self, false);
    case STROBE_CODE_WAKES_TAKER:
        return strobe_py_attr(a->mem, a->lay, self, "_done", &queue) ? 0 : takers_of(a, queue, hops);
    default: return 0;
    }
}

/* functools.partial: {fn, args, ...} right after the header (Modules/_functoolsmodule.c). */
static int of_partial(struct strobe_awaiters *a, uint64_t partial, int hops)
{
    uint64_t args, first[1];
    enum strobe_role role;
    size_t n;

    if (strobe_mem_u64(a->mem, partial + a->lay->ob_header + 8, &args) || strobe_py_items(a->mem, a->lay, args, first, 1, &n) || !n)
        return 0;
    role = strobe_roles_of(a->roles, first[0]);
    return strobe_role_is_future(role) ? of_future(a, first[0], role, hops + 1) : 0;
}

static int of_callback(struct strobe_awaiters *a, uint64_t callback, int hops)
{
    uint64_t *known, task, before = failures(a);
    size_t from = a->n;
    bool same, answered = a->answered;
    int err = 0;

    if (callback < 4096 || callback % 8)
        return 0;
    known = strobe_htab_get(&a->known, callback, 0);
    if (known) {
        a->answered |= (*known & ANSWERED) != 0;
        for (size_t i = 0; !err && i < (*known & (ANSWERED - 1)); i++)
            err = found(a, a->tasks[(*known >> 32) + i], a->by[(*known >> 32) + i]);
        return err;
    }
    switch (strobe_roles_of(a->roles, callback)) {
    case STROBE_ROLE_WAKEUP: /* the task right after the header */
        return strobe_mem_u64(a->mem, callback + a->lay->ob_header, &task) ? 0 : found_if_task(a, task);
    case STROBE_ROLE_BUILTIN: /* task_wakeup, bound to its task */
        return strobe_mem_u64(a->mem, callback + a->lay->cfunc_def + 8, &task) ? 0 : found_if_task(a, task);
    case STROBE_ROLE_METHOD: return of_method(a, callback, hops);
    case STROBE_ROLE_PARTIAL: return of_partial(a, callback, hops);
    case STROBE_ROLE_FUNCTION:
        a->answered = false;
        err = of_function(a, callback, hops, &same);
        /* The same function object may be the callback of many. */
        if (!err && same && failures(a) == before)
            err = strobe_htab_put(&a->known, callback, 0, (uint64_t)from << 32 | (a->answered ? ANSWERED : 0) | (a->n - from));
        a->answered |= answered;
        return err;
    default: return 0;
    }
}

/* Items of a list of (callback, context). */
static int of_list(struct strobe_awaiters *a, uint64_t list, int hops)
{
    uint64_t *pairs, pair[1], none[1];
    size_t n, got, width;
    int err;

    if (strobe_py_items(a->mem, a->lay, list, none, 1, &n) || !n)
        return 0;
    if (n > MAX_CALLBACKS || a->n_looked >= MAX_LOOKED) {
        a->cut = true;
        return n > MAX_CALLBACKS ? 0 : STROBE_ERR_LIMIT;
    }
    pairs = malloc(n * sizeof *pairs);
    if (!pairs)
        return STROBE_ERR_NOMEM;
    err = strobe_py_items(a->mem, a->lay, list, pairs, n, &got) ? STROBE_ERR_OBJECT : 0;
    for (size_t i = 0; !err && i < n && i < got; i++)
        if (!(err = look(a)) && !strobe_py_items(a->mem, a->lay, pairs[i], pair, 1, &width) && width)
            err = of_callback(a, pair[0], hops);
    free(pairs);
    return err == STROBE_ERR_OBJECT ? 0 : err;
}

/* 3.14+: a task, or a set of them.  Of the children of gather() it is the task that called it, whoever awaits what it returned, if
 * anybody does: where a callback leads there, that is asked instead. */
static int of_awaited_by(struct strobe_awaiters *a, const unsigned char *span)
{
    uint64_t by;

    if (a->aio->fut_awaited_by == STROBE_NONE)
        return 0;
    by = strobe_span_u64(span, a->aio->fut_awaited_by);
    if (!by || strobe_span_u8(span, a->aio->fut_awaited_by_is_set))
        return 0; /* a set has the same tasks as the callbacks, in more memory */
    return found_elsewhere(a, by);
}

static int of_span(struct strobe_awaiters *a, const unsigned char *span, int hops)
{
    uint64_t first = strobe_span_u64(span, a->aio->fut_callback0), list = strobe_span_u64(span, a->aio->fut_callbacks);
    bool answered = a->answered;
    int err = first ? look(a) : 0;

    a->answered = false;
    if (!err)
        err = of_callback(a, first, hops);
    if (!err && list)
        err = of_list(a, list, hops);
    if (!err && !a->answered)
        err = of_awaited_by(a, span);
    a->answered = answered;
    return err;
}

static int of_future(struct strobe_awaiters *a, uint64_t future, enum strobe_role role, int hops)
{
    unsigned char span[STROBE_AIO_MAX_TASK];
    uint64_t list, outer = a->future;
    bool new = true;
    int err = 0;

    if (!strobe_role_is_future(role))
        return 0;
    if (hops > MAX_HOPS) {
        a->skipped++;
        a->cut = true;
        return 0;
    }
    if (hops)
        err = visit(a, future, &new);
    if (err || !new)
        return err;
    a->future = future;
    if (role == STROBE_ROLE_PY_FUTURE || role == STROBE_ROLE_PY_TASK)
        err = strobe_py_attr(a->mem, a->lay, future, "_callbacks", &list) ? 0 : of_list(a, list, hops);
    else if (a->aio)
        err = strobe_mem_read(a->mem, future, span, a->aio->fut_size) ? 0 : of_span(a, span, hops);
    a->future = outer;
    return err;
}

static void begin(struct strobe_awaiters *a)
{
    a->question++;
    a->chained = 0;
    a->chained_back = false;
    a->how = NULL;
}

int strobe_awaiters_of_span(struct strobe_awaiters *a, uint64_t future, const unsigned char *span)
{
    int err;

    begin(a);
    a->future = future;
    err = of_span(a, span, 0);
    return err == STROBE_ERR_LIMIT ? 0 : err;
}

int strobe_awaiters_of(struct strobe_awaiters *a, uint64_t future, enum strobe_role role)
{
    int err;

    begin(a);
    err = of_future(a, future, role, 0);
    return err == STROBE_ERR_LIMIT ? 0 : err;
}
