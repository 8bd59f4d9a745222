/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a profile and of its threads. */
#include "calls/calls.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "calls/stack.h"
#include "calls/state.h"

enum { ENDED_KEPT = 64 }; /* threads that have ended and are still told apart */

static void take(atomic_bool *busy)
{
    while (atomic_exchange_explicit(busy, true, memory_order_acquire))
        sched_yield();
}

static void give_back(atomic_bool *busy)
{
    atomic_store_explicit(busy, false, memory_order_release);
}

void strobe_calls_lock(struct strobe_calls *calls)
{
    if (calls->opts.is_shared)
        take(&calls->busy);
}

void strobe_calls_unlock(struct strobe_calls *calls)
{
    if (calls->opts.is_shared)
        give_back(&calls->busy);
}

void strobe_calls_list(struct strobe_calls *calls)
{
    take(&calls->listed);
}

void strobe_calls_unlist(struct strobe_calls *calls)
{
    give_back(&calls->listed);
}

void strobe_calls_hold(struct strobe_calls_thread *thread)
{
    for (;;) {
        atomic_bool *guard = atomic_load(&thread->guard);

        take(guard);
        if (guard == atomic_load(&thread->guard))
            return;
        give_back(guard); /* another one guards it meanwhile */
    }
}

void strobe_calls_let_go(struct strobe_calls_thread *thread)
{
    give_back(atomic_load(&thread->guard));
}

void strobe_calls_guard(struct strobe_calls_thread *thread, atomic_bool *guard)
{
    atomic_bool *before;

    strobe_calls_hold(thread);
    before = atomic_load(&thread->guard);
    atomic_store(&thread->guard, guard ? guard : &thread->busy);
    give_back(before);
}

/* ---- profiles ---- */

int strobe_calls_new(const struct strobe_calls_opts *opts, struct strobe_calls **ret)
{
    struct strobe_calls *calls = calloc(1, sizeof *calls);
    uint32_t none;

    if (!calls)
        return STROBE_ERR_NOMEM;
    calls->opts = *opts;
    calls->n_functions = STROBE_CALLS_OTHER + 1;
    atomic_init(&calls->room, STROBE_CALLS_MAX_NODES);
    if (strobe_calls_group(calls, "", &none)) {
        strobe_calls_free(calls);
        return STROBE_ERR_NOMEM;
    }
    *ret = calls;
    return 0;
}

static void free_thread(struct strobe_calls_thread *thread)
{
    for (struct strobe_calls_stack *stack = thread->stacks, *next; stack; stack = next) {
        next = stack->next;
        free(stack->entries);
        if (stack != &thread->first)
            free(stack);
    }
    strobe_calls_tables_release(&thread->tables);
    free(thread->paused);
    free(thread->unseen);
    free(thread);
}

void strobe_calls_free(struct strobe_calls *calls)
{
    if (!calls)
        return;
    for (struct strobe_calls_thread *thread = calls->threads, *next; thread; thread = next) {
        next = thread->next;
        free_thread(thread);
    }
    for (size_t i = 0; i < calls->n_groups; i++)
        free(calls->groups[i]);
    free(calls->groups);
    strobe_calls_activations_release(&calls->activations);
    strobe_htab_release(&calls->functions);
    free(calls);
}

/* What is alive counts as there from the start. */
static void clear_thread(struct strobe_calls_thread *thread)
{
    strobe_calls_tables_clear(&thread->tables, thread->last);
    for (struct strobe_calls_stack *stack = thread->stacks; stack; stack = stack->next) {
        size_t n = stack == thread->stack ? (size_t)(thread->top - stack->entries) + 1 : stack->n;

        for (size_t i = 1; i < n; i++) {
            stack->entries[i].node->seeded++;
            stack->entries[i].since = thread->last.wall;
            if (stack->entries[i].activation)
                stack->entries[i].activation->origin = stack->entries[i].node;
        }
    }
    for (size_t i = 0; i < thread->n_paused; i++)
        thread->paused[i]->seeded++;
    thread->lost = 0;
}

/* With the list, and all threads held. */
static void clear_all(struct strobe_calls *calls, uint64_t wall)
{
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        clear_thread(thread);
    strobe_calls_lock(calls);
    for (size_t i = 0; calls->activations.slots && i <= calls->activations.mask; i++) {
        struct strobe_calls_activation *activation = calls->activations.slots[i];

        if (!activation)
            continue;
        activation->on_thread = activation->awaited = 0;
        if (activation->is_on_stack)
            continue;
        activation->node->seeded++;
        activation->origin = activation->node;
        if (wall > activation->since)
            activation->since = wall;
    }
    strobe_calls_unlock(calls);
    atomic_store(&calls->beyond, 0);
}

void strobe_calls_clear(struct strobe_calls *calls, bool runs, strobe_calls_clock *clock, void *ctx, uint64_t wall)
{
    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next) {
        strobe_calls_hold(thread);
        if (runs && !thread->ended && !thread->is_past)
            strobe_calls_charge(thread, clock(ctx, thread));
    }
    clear_all(calls, wall);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        strobe_calls_let_go(thread);
    strobe_calls_unlist(calls);
}

void strobe_calls_forked(struct strobe_calls *calls)
{
    atomic_store(&calls->listed, false);
    atomic_store(&calls->busy, false);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next) {
        atomic_store(&thread->busy, false);
        atomic_store(&thread->guard, &thread->busy);
    }
}

uint32_t strobe_calls_function_count(struct strobe_calls *calls)
{
    uint32_t count;

    strobe_calls_lock(calls);
    count = calls->n_functions;
    strobe_calls_unlock(calls);
    return count;
}

struct strobe_calls_lost strobe_calls_lost(struct strobe_calls *calls)
{
    struct strobe_calls_lost lost = {.functions = atomic_load(&calls->beyond), .paths = atomic_load(&calls->room) <= 0};

    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next) {
        strobe_calls_hold(thread);
        lost.events += thread->lost;
        strobe_calls_let_go(thread);
    }
    strobe_calls_unlist(calls);
    return lost;
}

int strobe_calls_group(struct strobe_calls *calls, const char *name, uint32_t *ret_group)
{
    int err = 0;
    size_t i;

    strobe_calls_lock(calls);
    for (i = 0; i < calls->n_groups && strcmp(calls->groups[i], name) != 0; i++)
        ;
    if (i == calls->n_groups) {
        if (i == STROBE_CALLS_MAX_GROUPS)
            name = "(other)";
        if (i > STROBE_CALLS_MAX_GROUPS)
            i = STROBE_CALLS_MAX_GROUPS;
        else if (strobe_grow(&calls->groups, &calls->cap_groups, i + 1, sizeof *calls->groups) || !(calls->groups[i] = strdup(name)))
            err = STROBE_ERR_NOMEM;
        else
            calls->n_groups++;
    }
    strobe_calls_unlock(calls);
    if (!err)
        *ret_group = (uint32_t)i;
    return err;
}

/* ---- threads ---- */

static int set_name(struct strobe_calls_thread *thread, const char *name)
{
    size_t size = strlen(name) + 1;
    char *copy;

    if (thread->name && strcmp(thread->name, name) == 0)
        return 0;
    if (!(copy = strobe_arena_alloc(&thread->tables.arena, size)))
        return STROBE_ERR_NOMEM;
    thread->name = memcpy(copy, name, size);
    return 0;
}

static struct strobe_calls_thread *new_thread(struct strobe_calls *calls, const char *name)
{
    struct strobe_calls_thread *thread = calloc(1, sizeof *thread);

    if (!thread)
        return NULL;
    thread->calls = calls;
    thread->is_compensated = calls->opts.cost | calls->opts.activation_cost;
    atomic_init(&thread->guard, &thread->busy);
    if (strobe_calls_tables_init(&thread->tables) || set_name(thread, name) || strobe_calls_first_stack(thread)) {
        free_thread(thread);
        return NULL;
    }
    return thread;
}

/* With the list.  From now on others see it. */
static void enlist(struct strobe_calls *calls, struct strobe_calls_thread *thread)
{
    struct strobe_calls_thread **link;

    thread->number = ++calls->n_made;
    for (link = &calls->threads; *link; link = &(*link)->next)
        ;
    *link = thread;
}

int strobe_calls_thread_new(struct strobe_calls *calls, uint64_t ident, int32_t tid, const char *name, struct strobe_calls_thread **ret)
{
    struct strobe_calls_thread *thread = new_thread(calls, name);

    if (!thread)
        return STROBE_ERR_NOMEM;
    thread->ident = ident;
    thread->tid = tid;
    strobe_calls_list(calls);
    enlist(calls, thread);
    strobe_calls_unlist(calls);
    *ret = thread;
    return 0;
}

struct strobe_calls_thread *strobe_calls_thread_find(struct strobe_calls *calls, uint64_t ident, int32_t tid)
{
    struct strobe_calls_thread *thread;

    strobe_calls_list(calls);
    for (thread = calls->threads; thread && (thread->ended || thread->is_past || thread->ident != ident); thread = thread->next)
        ;
    strobe_calls_unlist(calls);
    if (!thread || !tid || !thread->tid || thread->tid == tid)
        return thread;
    strobe_calls_thread_end(thread);
    return NULL;
}

void strobe_calls_each_thread(struct strobe_calls *calls, strobe_calls_clock *clock, void *ctx,
                              void (*fn)(struct strobe_calls_thread *thread, struct strobe_calls_time now))
{
    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        if (!thread->ended && !thread->is_past)
            fn(thread, clock(ctx, thread));
    strobe_calls_unlist(calls);
}

int32_t strobe_calls_tid(const struct strobe_calls_thread *thread)
{
    return thread->tid;
}

struct strobe_calls_time strobe_calls_latest(const struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    struct strobe_calls_time last = {thread->last.wall + thread->taken.wall, thread->last.cpu + thread->taken.cpu};

    return (struct strobe_calls_time){now.wall > last.wall ? now.wall : last.wall, now.cpu > last.cpu ? now.cpu : last.cpu};
}

void strobe_calls_owe(struct strobe_calls_thread *thread, struct strobe_calls_time cost)
{
    if (!thread->is_compensated)
        return;
    thread->owed.wall += cost.wall;
    thread->owed.cpu += cost.cpu;
}

uint32_t strobe_calls_innermost_group(const struct strobe_calls_thread *thread)
{
    return thread->top->node->group;
}

int strobe_calls_thread_rename(struct strobe_calls_thread *thread, const char *name)
{
    int err;

    strobe_calls_hold(thread);
    err = set_name(thread, name);
    strobe_calls_let_go(thread);
    return err;
}

/* With the list. */
static bool has_past(struct strobe_calls *calls)
{
    if (!calls->past && (calls->past = new_thread(calls, "(ended threads)"))) {
        calls->past->is_past = true;
        enlist(calls, calls->past);
    }
    return calls->past;
}

/* With the list: the one that has ended first becomes part of the past; not one whose activations live on. */
static void absorb_oldest(struct strobe_calls *calls)
{
    struct strobe_calls_thread **link = NULL, *thread;

    if (!has_past(calls))
        return;
    strobe_calls_lock(calls);
    for (struct strobe_calls_thread **at = &calls->threads; *at; at = &(*at)->next)
        if ((*at)->ended && !(*at)->n_alive && (!link || (*at)->ended < (*link)->ended))
            link = at;
    strobe_calls_unlock(calls);
    thread = link ? *link : NULL;
    if (!thread || strobe_calls_absorb(&calls->past->tables, &thread->tables, &calls->room))
        return;
    atomic_fetch_add(&calls->room, thread->tables.n_taken);
    calls->past->lost += thread->lost;
    *link = thread->next;
    free_thread(thread);
    calls->n_ended--;
}

void strobe_calls_thread_end(struct strobe_calls_thread *thread)
{
    struct strobe_calls *calls = thread->calls;

    strobe_calls_hold(thread);
    while (thread->top != thread->stack->entries)
        strobe_calls_finish(thread, thread->last);
    for (struct strobe_calls_stack *stack = thread->stacks, *next; stack; stack = next) {
        next = stack->next;
        strobe_calls_stack_end(thread, stack);
    }
    strobe_calls_let_go(thread);
    strobe_calls_list(calls);
    thread->ended = ++calls->n_ends;
    if (++calls->n_ended > ENDED_KEPT)
        absorb_oldest(calls);
    strobe_calls_unlist(calls);
}

void strobe_calls_end_gone(struct strobe_calls *calls, bool (*is_gone)(int32_t tid))
{
    struct strobe_calls_thread **gone = NULL;
    size_t n = 0, cap = 0;

    strobe_calls_list(calls);
    for (struct strobe_calls_thread *thread = calls->threads; thread; thread = thread->next)
        if (!thread->ended && !thread->is_past && thread->tid && is_gone(thread->tid) && !strobe_grow(&gone, &cap, n + 1, sizeof *gone))
            gone[n++] = thread;
    strobe_calls_unlist(calls);
    for (size_t i = 0; i < n; i++)
        strobe_calls_thread_end(gone[i]); /* which frees none but such as have ended */
    free(gone);
}

/* ---- stop and start ---- */

static void pause_entry(struct strobe_calls_thread *thread, const struct strobe_calls_entry *entry)
{
    if (entry->activation) {
        entry->activation->is_on_stack = false;
        entry->activation->waits = false;
    } else if (!strobe_grow(&thread->paused, &thread->cap_paused, thread->n_paused + 1, sizeof *thread->paused)) {
        thread->paused[thread->n_paused++] = entry->node;
    } else {
        thread->lost++;
    }
}

void strobe_calls_pause(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    now = strobe_calls_event(thread, now, 0);
    strobe_calls_pass(thread, now);
    thread->owed = (struct strobe_calls_time){0, 0};
    thread->suspended = NULL;
    thread->n_unseen = 0;
    while (thread->top != thread->stack->entries) {
        struct strobe_calls_entry entry = *thread->top;

        strobe_calls_take_off(thread, now);
        pause_entry(thread, &entry);
    }
    for (struct strobe_calls_stack *stack = thread->stacks; stack; stack = stack->next) {
        if (stack == thread->stack)
            continue;
        for (; stack->n > 1; stack->n--)
            pause_entry(thread, &stack->entries[stack->n - 1]);
    }
}

void strobe_calls_pause_waits(struct strobe_calls *calls, uint64_t wall)
{
    strobe_calls_lock(calls);
    for (size_t i = 0; calls->activations.slots && i <= calls->activations.mask; i++) {
        struct strobe_calls_activation *activation = calls->activations.slots[i];

        if (activation && !activation->is_on_stack && wall > activation->since) /* another thread may have suspended it since */
            strobe_calls_end_wait(activation->thread, activation, activation->node, wall);
    }
    strobe_calls_unlock(calls);
}

void strobe_calls_meet(struct strobe_calls_thread *thread, int32_t tid, uint64_t cpu)
{
    if (thread->tid)
        return;
    thread->tid = tid;
    thread->last.cpu = cpu - thread->taken.cpu;
}

void strobe_calls_go_on(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    for (size_t i = 0; i < thread->n_paused; i++)
        thread->paused[i]->seeded--; /* what is still there is seeded anew */
    thread->n_paused = 0;
    thread->last = (struct strobe_calls_time){now.wall - thread->taken.wall, now.cpu - thread->taken.cpu};
}
