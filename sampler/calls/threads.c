/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a thread in a profile: it comes, is stopped, goes on, ends. */
#include "calls/calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "calls/stack.h"
#include "calls/state.h"

enum { ENDED_KEPT = 64 }; /* threads that have ended and are still told apart */

void strobe_calls_hold(struct strobe_calls_thread *thread)
{
    for (;;) {
        atomic_bool *guard = atomic_load(&thread->guard);

        strobe_calls_take(guard);
        if (guard == atomic_load(&thread->guard))
            return;
        strobe_calls_give_back(guard); /* another one guards it meanwhile */
    }
}

void strobe_calls_let_go(struct strobe_calls_thread *thread)
{
    strobe_calls_give_back(atomic_load(&thread->guard));
}

void strobe_calls_guard(struct strobe_calls_thread *thread, atomic_bool *guard)
{
    atomic_bool *before;

    strobe_calls_hold(thread);
    before = atomic_load(&thread->guard);
    atomic_store(&thread->guard, guard ? guard : &thread->busy);
    strobe_calls_give_back(before);
}

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

void strobe_calls_thread_free(struct strobe_calls_thread *thread)
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

static struct strobe_calls_thread *new_thread(struct strobe_calls *calls, const char *name)
{
    struct strobe_calls_thread *thread = calloc(1, sizeof *thread);

    if (!thread)
        return NULL;
    thread->calls = calls;
    thread->is_compensated = calls->opts.cost | calls->opts.activation_cost;
    atomic_init(&thread->guard, &thread->busy);
    if (strobe_calls_tables_init(&thread->tables) || set_name(thread, name) || strobe_calls_first_stack(thread)) {
        strobe_calls_thread_free(thread);
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

void strobe_calls_lose(struct strobe_calls_thread *thread)
{
    thread->lost++;
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
    strobe_calls_thread_free(thread);
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

void strobe_calls_thread_clear(struct strobe_calls_thread *thread, uint64_t wall)
{
    strobe_calls_tables_clear(&thread->tables, thread->last);
    for (struct strobe_calls_stack *stack = thread->stacks; stack; stack = stack->next) {
        size_t n = stack == thread->stack ? (size_t)(thread->top - stack->entries) + 1 : stack->n;

        if (stack != thread->stack && wall > stack->since)
            stack->since = wall;
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

static void pause_stack(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    while (thread->top != thread->stack->entries) {
        struct strobe_calls_entry entry = *thread->top;

        strobe_calls_take_off(thread, now);
        pause_entry(thread, &entry);
    }
}

void strobe_calls_pause(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    const struct strobe_calls_stack *present;

    now = strobe_calls_event(thread, now, 0);
    strobe_calls_pass(thread, now);
    thread->owed = (struct strobe_calls_time){0, 0};
    thread->suspended = NULL;
    thread->n_unseen = 0;
    present = thread->stack;
    pause_stack(thread, now);
    for (struct strobe_calls_stack *stack = thread->stacks; stack; stack = stack->next) {
        if (stack == present)
            continue;
        strobe_calls_stack_return(thread, stack, now);
        pause_stack(thread, now);
    }
    strobe_calls_stacks_free(thread);
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
