/* SPDX-License-Identifier: Apache-2.0 */
#include "calls/calls.h"

#include "base/grow.h"
#include "calls/stack.h"
#include "calls/state.h"

enum { LEFT_OUT_MAX = 1 << 16 }; /* functions that are known to be left out; of more each start is looked at anew */

/* ---- what a key means ---- */

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

static struct strobe_calls_function function_of(struct strobe_calls *calls, const void *key)
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

static bool is_left_out(struct strobe_calls *calls, const void *key)
{
    struct strobe_calls_function function;

    return look_up(calls, key, &function) && function.kind == STROBE_CALLS_LEFT_OUT;
}

/* A node's key.  Functions beyond the limit share their nodes by kind: nobody keeps their keys, which may stand for others soon. */
static const void *key_of_node(const void *key, struct strobe_calls_function function)
{
    static const char of_others[STROBE_CALLS_KINDS];

    return function.number == STROBE_CALLS_OTHER ? &of_others[function.kind] : key;
}

/* The child of the innermost frame's node, and what it is; made when it is new and of a kind that may be.  NULL: it may not be, or there
 * is no memory. */
static struct strobe_calls_node *child_of(struct strobe_calls_thread *thread, const void *key, uint32_t group, bool may_activate,
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
    function = function_of(thread->calls, key);
    *ret_kind = function.kind;
    if (function.kind == STROBE_CALLS_LEFT_OUT || (!may_activate && function.kind != STROBE_CALLS_FUNCTION))
        return NULL;
    return strobe_calls_child(&thread->tables, parent, key_of_node(key, function), function, group, &thread->calls->room);
}

/* A call has begun in this node; NULL: it could not be made. */
static void count_beyond(struct strobe_calls *calls, const struct strobe_calls_node *node)
{
    if (node && node->edge->callee->function == STROBE_CALLS_OTHER)
        atomic_fetch_add(&calls->beyond, 1);
}

/* ---- plain functions ---- */

static __attribute__((noinline)) enum strobe_calls_verdict enter_slowly(struct strobe_calls_thread *thread, const void *key, uint32_t group,
                                                                        struct strobe_calls_time now)
{
    enum strobe_calls_kind kind;
    struct strobe_calls_node *node = child_of(thread, key, group, false, &kind);

    if (kind == STROBE_CALLS_LEFT_OUT)
        return STROBE_CALLS_IGNORED;
    if (kind != STROBE_CALLS_FUNCTION)
        return STROBE_CALLS_ACTIVATES;
    now = strobe_calls_event(thread, now, thread->calls->opts.cost);
    count_beyond(thread->calls, node);
    if (!node || strobe_calls_push(thread, key, node, NULL, true, now))
        thread->lost++;
    return STROBE_CALLS_NOTED;
}

enum strobe_calls_verdict strobe_calls_enter(struct strobe_calls_thread *thread, const void *key, uint32_t wanted,
                                             struct strobe_calls_time now)
{
    const struct strobe_calls_node *parent = thread->top->node;
    struct strobe_calls_node *node = parent->last;
    uint32_t group = wanted == STROBE_CALLS_SAME ? parent->group : wanted;

    thread->suspended = NULL;
    if (!node || !strobe_calls_is_of(node, key, group))
        return enter_slowly(thread, key, group, now);
    if (node->kind != STROBE_CALLS_FUNCTION)
        return STROBE_CALLS_ACTIVATES;
    now = strobe_calls_event(thread, now, thread->calls->opts.cost);
    if (strobe_calls_push(thread, key, node, NULL, true, now))
        thread->lost++;
    return STROBE_CALLS_NOTED;
}

static struct strobe_calls_time event_of_innermost(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    const struct strobe_calls_opts *opts = &thread->calls->opts;

    return strobe_calls_event(thread, now, thread->top->activation ? opts->activation_cost : opts->cost);
}

/* What is innermost becomes the frame of the key.  false: it is not on the stack. */
static __attribute__((noinline)) bool unwind(struct strobe_calls_thread *thread, const void *key, struct strobe_calls_time now)
{
    struct strobe_calls_entry *entry = thread->top;

    while (entry != thread->stack->entries && entry->key != key)
        entry--;
    if (entry == thread->stack->entries)
        return false;
    while (thread->top != entry)
        strobe_calls_finish(thread, now);
    return true;
}

enum strobe_calls_verdict strobe_calls_leave(struct strobe_calls_thread *thread, const void *key, struct strobe_calls_time now)
{
    thread->suspended = NULL;
    now = event_of_innermost(thread, now);
    if (thread->top->key != key) {
        if (is_left_out(thread->calls, key))
            return STROBE_CALLS_IGNORED;
        if (!unwind(thread, key, now))
            return STROBE_CALLS_NOTED;
    }
    strobe_calls_finish(thread, now);
    return STROBE_CALLS_NOTED;
}

const void *strobe_calls_innermost(const struct strobe_calls_thread *thread)
{
    return thread->top->key;
}

void strobe_calls_charge(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    strobe_calls_pass(thread, strobe_calls_event(thread, now, 0));
}

bool strobe_calls_in_await(const struct strobe_calls_thread *thread)
{
    uint8_t kind = thread->top->node->kind;

    return kind == STROBE_CALLS_COROUTINE || kind == STROBE_CALLS_ASYNC_GENERATOR;
}

/* ---- activations ---- */

/* Is an activation on this thread's present stack?  Then that ends it, and what is above it: its end was not seen. */
static void end_unseen(struct strobe_calls_thread *thread, const struct strobe_calls_activation *activation, struct strobe_calls_time now)
{
    for (struct strobe_calls_entry *entry = thread->top; entry != thread->stack->entries; entry--)
        if (entry->activation == activation) {
            while (thread->top >= entry)
                strobe_calls_finish(thread, now);
            return;
        }
}

static struct strobe_calls_activation *activation_at(struct strobe_calls *calls, const void *frame)
{
    struct strobe_calls_activation *activation;

    strobe_calls_lock(calls);
    activation = strobe_calls_activations_get(&calls->activations, frame);
    strobe_calls_unlock(calls);
    return activation;
}

/* The one of a frame, if it is this function's and is not on a stack; an older one of that frame, of which the end was not seen, ends.
 * ret_is_free: another one may be put there. */
static struct strobe_calls_activation *known(struct strobe_calls_thread *thread, const void *key, const void *frame, bool is_new,
                                             struct strobe_calls_time now, bool *ret_is_free)
{
    struct strobe_calls_activation *activation = activation_at(thread->calls, frame);

    *ret_is_free = !activation;
    if (activation && activation->is_on_stack) {
        end_unseen(thread, activation, now); /* which frees it */
        *ret_is_free = !activation_at(thread->calls, frame); /* or it is on another thread's */
        return NULL;
    }
    if (activation && (is_new || activation->key != key)) {
        if (activation->thread == thread)
            activation->origin->finished++;
        strobe_calls_drop(thread, activation);
        *ret_is_free = true;
        return NULL;
    }
    return activation;
}

static struct strobe_calls_activation *new_activation(struct strobe_calls_thread *thread, const void *key, const void *frame,
                                                      uint32_t group)
{
    struct strobe_calls_activation *activation;

    strobe_calls_lock(thread->calls);
    activation = strobe_calls_activations_add(&thread->calls->activations, frame);
    if (activation) {
        activation->key = key;
        activation->group = group;
        activation->thread = thread;
        thread->n_alive++;
    }
    strobe_calls_unlock(thread->calls);
    return activation;
}

/* How an activation comes onto a stack.  now: by the thread's own clock. */
enum coming { STARTS, GOES_ON, WAS_THERE };

static enum strobe_calls_verdict put(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                                     enum coming how, struct strobe_calls_time now)
{
    bool is_free, is_new;
    struct strobe_calls_activation *activation = known(thread, key, frame, how == STARTS, now, &is_free);
    enum strobe_calls_kind kind;
    struct strobe_calls_node *node;
    uint32_t group;

    thread->suspended = NULL;
    is_new = !activation;
    if (is_new && wanted == STROBE_CALLS_TELL)
        return is_left_out(thread->calls, key) ? STROBE_CALLS_IGNORED : STROBE_CALLS_UNKNOWN;
    group = activation ? activation->group : wanted == STROBE_CALLS_SAME ? thread->top->node->group : wanted;
    node = child_of(thread, key, group, true, &kind);
    if (kind == STROBE_CALLS_LEFT_OUT)
        return STROBE_CALLS_IGNORED;
    if (node && is_new && is_free && !(activation = new_activation(thread, key, frame, group)))
        thread->lost++;
    if (how == STARTS)
        count_beyond(thread->calls, node);
    if (!node || strobe_calls_push(thread, key, node, activation, how == STARTS, now)) {
        thread->lost++;
        if (is_new && activation)
            strobe_calls_drop(thread, activation); /* it is in no node */
        return STROBE_CALLS_NOTED;
    }
    if (how == GOES_ON && !is_new) {
        node->resumes++;
        node->edge->primitive_resumes += node->edge->span.depth == 1;
        node->edge->callee->primitive_resumes += node->edge->callee->span.depth == 1;
    }
    if (how != STARTS && is_new)
        node->seeded++;
    return STROBE_CALLS_NOTED;
}

enum strobe_calls_verdict strobe_calls_activate(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                                                struct strobe_calls_time now)
{
    return put(thread, key, frame, wanted, STARTS, strobe_calls_event(thread, now, thread->calls->opts.activation_cost));
}

enum strobe_calls_verdict strobe_calls_resume(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                                              struct strobe_calls_time now)
{
    uint64_t cost = thread->calls->opts.activation_cost;
    enum strobe_calls_verdict verdict = put(thread, key, frame, wanted, GOES_ON, strobe_calls_event(thread, now, cost));

    if (verdict == STROBE_CALLS_UNKNOWN && thread->is_compensated) { /* it comes once more */
        thread->owed.wall -= cost;
        thread->owed.cpu -= cost;
    }
    return verdict;
}

enum strobe_calls_verdict strobe_calls_suspend(struct strobe_calls_thread *thread, const void *key, bool parked, const void *value,
                                               struct strobe_calls_time now)
{
    struct strobe_calls_activation *inner = thread->suspended, *activation;
    uint8_t kind;

    if (thread->passed && thread->passed != value)
        inner = NULL;
    now = event_of_innermost(thread, now);
    if (thread->top->key != key) {
        inner = NULL;
        if (is_left_out(thread->calls, key))
            return STROBE_CALLS_IGNORED;
        if (!unwind(thread, key, now))
            return STROBE_CALLS_NOTED;
    }
    activation = thread->top->activation;
    kind = thread->top->node->kind;
    if (!activation) { /* for want of memory */
        thread->suspended = NULL;
        strobe_calls_finish(thread, now);
        return STROBE_CALLS_NOTED;
    }
    strobe_calls_take_off(thread, now);
    if (inner)
        inner->with_caller = true;
    else
        thread->generators = NULL;
    activation->with_caller = false;
    activation->waits_itself = !inner;
    activation->waits = !parked && (kind == STROBE_CALLS_COROUTINE || kind == STROBE_CALLS_ASYNC_GENERATOR);
    if (kind == STROBE_CALLS_GENERATOR) { /* whoever it yields to decides what that is */
        activation->inner = thread->generators;
        thread->generators = activation;
    } else {
        for (; thread->generators; thread->generators = thread->generators->inner)
            thread->generators->waits = activation->waits;
    }
    thread->suspended = activation;
    thread->passed = value;
    return STROBE_CALLS_NOTED;
}

/* ---- what was there before ---- */

void strobe_calls_learn(struct strobe_calls *calls, const void *key)
{
    (void)function_of(calls, key);
}

void strobe_calls_seed(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                       struct strobe_calls_time now)
{
    struct strobe_calls_node *node;
    enum strobe_calls_kind kind;

    now = strobe_calls_event(thread, now, 0);
    node = child_of(thread, key, wanted == STROBE_CALLS_SAME ? thread->top->node->group : wanted, false, &kind);
    if (kind == STROBE_CALLS_LEFT_OUT)
        return;
    if (kind != STROBE_CALLS_FUNCTION) {
        put(thread, key, frame, wanted, WAS_THERE, now);
        return;
    }
    if (!node || strobe_calls_push(thread, key, node, NULL, false, now))
        thread->lost++;
    else
        node->seeded++;
}

void strobe_calls_seed_unseen(struct strobe_calls_thread *thread, const void *frame)
{
    size_t depth = (size_t)(thread->top - thread->stack->entries);

    if (depth == thread->n_unseen + 1 && !strobe_grow(&thread->unseen, &thread->cap_unseen, depth, sizeof *thread->unseen))
        thread->unseen[thread->n_unseen++] = frame; /* else it was left out, and is not on the stack */
}

const void *strobe_calls_unseen(struct strobe_calls_thread *thread)
{
    size_t depth = (size_t)(thread->top - thread->stack->entries);

    if (!thread->n_unseen || thread->stack != &thread->first)
        return NULL;
    if (thread->n_unseen > depth)
        thread->n_unseen = depth;
    return depth && thread->n_unseen == depth ? thread->unseen[depth - 1] : NULL;
}

const void *strobe_calls_seen(struct strobe_calls_thread *thread)
{
    return thread->n_unseen ? thread->unseen[--thread->n_unseen] : NULL;
}

void strobe_calls_settle(struct strobe_calls_thread *thread, bool is_suspended, struct strobe_calls_time now)
{
    struct strobe_calls_activation *activation = thread->top->activation, *inner = thread->suspended;
    uint8_t kind = thread->top->node->kind;

    now = strobe_calls_event(thread, now, 0);
    thread->suspended = NULL;
    thread->generators = NULL;
    thread->n_unseen--;
    if (!activation || !is_suspended) {
        strobe_calls_finish(thread, now);
        return;
    }
    strobe_calls_take_off(thread, now);
    activation->waits = kind == STROBE_CALLS_COROUTINE || kind == STROBE_CALLS_ASYNC_GENERATOR;
    activation->with_caller = false;
    activation->waits_itself = !inner;
    if (inner)
        inner->with_caller = true;
    thread->suspended = activation;
    thread->passed = NULL;
}

/* A node that lies below another one than the innermost frame's. */
static struct strobe_calls_node *below(struct strobe_calls_thread *thread, struct strobe_calls_node *parent, const void *key,
                                       uint32_t group)
{
    struct strobe_calls_function function = function_of(thread->calls, key);

    if (function.kind == STROBE_CALLS_LEFT_OUT || function.kind == STROBE_CALLS_FUNCTION)
        return NULL;
    return strobe_calls_child(&thread->tables, parent, key_of_node(key, function), function, group, &thread->calls->room);
}

void strobe_calls_seed_suspended(struct strobe_calls_thread *thread, const void *const *keys, const void *const *frames, size_t n,
                                 uint32_t wanted, struct strobe_calls_time now)
{
    struct strobe_calls_node *parent = thread->tables.root, *node;
    struct strobe_calls_activation *activation, *outer = NULL;

    for (size_t i = 0; i < n; i++) {
        bool is_known;

        if (!(node = below(thread, parent, keys[i], wanted)))
            continue;
        activation = activation_at(thread->calls, frames[i]);
        is_known = activation && activation->key == keys[i];
        if (activation && activation->is_on_stack)
            return; /* it runs */
        if (activation && !is_known)
            strobe_calls_drop(thread, activation);
        if (!is_known && (activation = new_activation(thread, keys[i], frames[i], wanted))) {
            activation->is_outermost = strobe_calls_is_outermost(node, false, false);
            activation->is_edge_outermost = strobe_calls_is_outermost(node, true, false);
            activation->node = activation->origin = node;
            node->seeded++;
        }
        if (!activation)
            return;
        activation->waits = activation->waits_itself = true;
        if (outer)
            outer->waits_itself = false;
        activation->with_caller = outer != NULL;
        activation->since = now.wall;
        outer = activation;
        parent = activation->thread == thread ? activation->node : parent;
    }
}
