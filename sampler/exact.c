/* SPDX-License-Identifier: Apache-2.0 */
/* How a reading becomes the truth of one moment.
 *
 * In a build with a GIL, only the holder of an interpreter's GIL can change Python stacks there.  For each GIL:
 *   1. read its words (locked, last holder, switch number), then ask the kernel how its threads fare;
 *   2. the last holder runs: hold it, and read the words again (it may have let the GIL go before it stopped: whoever has it now is
 *      held in its place);
 *      it does not run: it is left alone (a wait in the kernel would see EINTR), but its run count is noted;
 *   3. if the words have moved since the kernel was asked, it is asked again: a thread that slept then may have run;
 *   4. read the stacks; threads that have not run since their last reading (run count) keep the stack they had;
 *   5. the words must be the same, the watched thread's run count and the last holder's identity too; else the reading is
 *      thrown away.
 * Why 5 is enough: any other thread that took the GIL meanwhile has changed last_holder and switch_number before it ran Python;
 * the last holder itself, which moves neither, cannot have run while it is held or with an unchanged run count.
 * Why 5 is needed even when the last holder is held and the GIL is locked: who takes the GIL sets `locked` first and last_holder
 * a moment later (take_gil in CPython's ceval_gil.c), so the words of 2 may name a thread that has just let go.
 * Why 5 may be left out when nothing was read after the words of 2: either every thread keeps a stack that its run count proves, or
 * the holder's was copied in the same read as the words of 2, before they were read a second time (strobe_walk_pulse).
 * Why the identity: a thread state is in the lists before its thread has started, with its creator's ids (3.8-3.11) or none.
 *
 * In a free-threaded build each thread changes its own stack only: every one that runs is held for its own reading. */
#include "snapshot_parts.h"

/* What must still be true at the end of a reading. */
struct guard {
    struct strobe_gil_words asked; /* when the kernel was asked for the threads' states */
    struct strobe_gil_words words;
    struct strobe_slot *holder;    /* the last holder; NULL = it has ended */
    uint64_t pthread;              /* by which its tid was found */
    int32_t native;
    bool watch;                    /* it is not held: its run count */
    uint64_t reads;                /* of the reader, when the words had been read */
};

static bool nobody_took_it(const struct strobe_gil_words *then, const struct strobe_gil_words *now)
{
    return then->last_holder == now->last_holder && then->switch_number == now->switch_number;
}

/* Lists anew where the one who could change the lists is held, or sleeps: threads that come and go faster than we look. */
static int list_in_place(struct strobe_snapshot *snap)
{
    int err;

    strobe_mem_epoch(snap->mem);
    err = strobe_walk_list(&snap->walk);
    if (!err)
        snap->listed_ns = snap->sample.time_ns;
    snap->relist = err != 0;
    return err == STROBE_ERR_FAULT ? STROBE_ERR_TORN : err;
}

/* The words, then the states of the threads under this GIL. */
static int ask(struct strobe_snapshot *snap, uint64_t gil, struct guard *guard, bool *ret_same)
{
    int err = strobe_walk_pulse(&snap->walk, gil, NULL, &guard->words, ret_same);

    if (err)
        return err;
    guard->reads = snap->mem->reads;
    guard->asked = guard->words;
    strobe_reading_ask_states(snap, gil);
    return 0;
}

/* Holds the last holder if it runs, or watches it.  ret_again: someone is held since, so the words must be read again. */
static int stop_holder(struct strobe_snapshot *snap, struct guard *guard, bool asked_now, bool *ret_again)
{
    struct strobe_slot *holder = guard->holder;
    int err = 0;

    *ret_again = guard->watch = false;
    guard->pthread = holder->pthread;
    guard->native = holder->native;
    if (strobe_reading_is_held(snap, holder))
        return 0;
    /* It may have fallen asleep since it was asked, and must not be interrupted then.  Nor must one whose state cannot be had. */
    if (!asked_now)
        err = strobe_reading_ask_state(snap, holder);
    guard->watch = err != STROBE_ERR_GONE && holder->state.run != STROBE_RUN_RUNNING;
    if (!guard->watch && !err && !(err = strobe_reading_hold(snap, holder)))
        *ret_again = true;
    /* A thread may have ended and left its state in the lists: it cannot run any more. */
    return err == STROBE_ERR_GONE || guard->watch ? 0 : err;
}

/* Whoever could change stacks under this GIL stands still after this, or is watched. */
static int still(struct strobe_snapshot *snap, uint64_t gil, struct guard *guard)
{
    enum { ROUNDS = 12 };
    bool same, again;
    int err = ask(snap, gil, guard, &same);

    for (int round = 0; !err && round < ROUNDS; round++) {
        if (round) {
            err = strobe_walk_pulse(&snap->walk, gil, snap->held, &guard->words, &same);
            guard->reads = snap->mem->reads;
            if (err)
                break;
        }
        guard->holder = guard->words.last_holder ? strobe_walk_find(&snap->walk, guard->words.last_holder) : NULL;
        again = guard->watch = false;
        /* Else: a thread that is newer than our lists holds it. */
        if (guard->holder || guard->words.locked != 1) {
            if (guard->holder && (err = stop_holder(snap, guard, !round && snap->walk.n_order <= FEW, &again)))
                break;
            if (again)
                continue;
            if (same) {
                if (!nobody_took_it(&guard->asked, &guard->words))
                    strobe_reading_ask_states(snap, gil);
                return 0;
            }
        }
        if (!(err = list_in_place(snap)))
            strobe_reading_ask_states(snap, gil);
    }
    snap->relist = true;
    return err ? err : STROBE_ERR_TORN;
}

static int unchanged(struct strobe_snapshot *snap, uint64_t gil, const struct guard *guard)
{
    const struct strobe_slot *holder = guard->holder;
    struct strobe_gil_words now;
    struct strobe_thread_state state;
    int err;

    /* Its ids were read again with its stack. */
    if (holder && (holder->pthread != guard->pthread || holder->native != guard->native))
        return STROBE_ERR_TORN;
    if (snap->mem->reads == guard->reads)
        return 0; /* nothing was read behind the words: see the head of this file */
    if ((err = strobe_walk_gil(&snap->walk, gil, &now)))
        return err;
    if (now.locked != guard->words.locked || !nobody_took_it(&guard->words, &now))
        return STROBE_ERR_TORN;
    if (!guard->watch || !holder->tid)
        return 0;
    err = snap->host->ops->thread_state(snap->host, holder->tid, &state);
    if (err)
        return err == STROBE_ERR_GONE ? STROBE_ERR_TORN : err;
    return state.run_count == holder->state.run_count ? 0 : STROBE_ERR_TORN;
}

/* One unreadable thread does not cost the others their stacks; its error stays in its slot. */
static int read_under_guard(struct strobe_snapshot *snap, struct strobe_slot *slot)
{
    int err = strobe_reading_slot(snap, slot, false);

    snap->cramped = snap->cramped || err == STROBE_ERR_LIMIT;
    return err == STROBE_ERR_MISSING || strobe_err_class(err) == STROBE_CLASS_FATAL ? err : 0;
}

/* Reads all threads of one GIL under the protocol above. */
static int read_gil_once(struct strobe_snapshot *snap, uint64_t gil)
{
    struct guard guard = {.holder = NULL};
    int err = still(snap, gil, &guard);

    if (err)
        goto done;
    strobe_reading_note_words(snap, gil, &guard.words);
    strobe_mem_epoch(snap->mem);
    if (guard.holder && strobe_reading_on_gil(snap, guard.holder, gil)) /* first: its copy is there already */
        err = read_under_guard(snap, guard.holder);
    for (uint32_t i = 0; i < snap->walk.n_order && !err; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        if (slot != guard.holder && strobe_reading_on_gil(snap, slot, gil))
            err = read_under_guard(snap, slot);
    }
    if (!err)
        err = unchanged(snap, gil, &guard);
    if (err == STROBE_ERR_MISSING) {
        snap->relist = true;
        err = STROBE_ERR_TORN;
    }
done:
    strobe_reading_let_go(snap);
    if (err)
        strobe_reading_discard(snap, gil);
    return err;
}

/* A free-threaded build: a thread that runs is held for its own reading. */
static int read_slot_free(struct strobe_snapshot *snap, struct strobe_slot *slot)
{
    int err = 0;

    for (int i = 0; i < MAX_RETRIES; i++) {
        struct strobe_thread_state state;
        uint64_t pthread = slot->pthread;
        int32_t native = slot->native;
        bool renamed;

        /* The others' readings took time: a thread that has fallen asleep since must not be interrupted. */
        if (slot->state.run == STROBE_RUN_RUNNING && (err = strobe_reading_ask_state(snap, slot)))
            break;
        if (slot->state.run == STROBE_RUN_RUNNING && (err = strobe_reading_hold(snap, slot)))
            break;
        strobe_mem_epoch(snap->mem);
        err = strobe_reading_slot(snap, slot, false);
        strobe_reading_let_go(snap);
        /* It has started meanwhile: another thread was held, or none. */
        renamed = slot->pthread != pthread || slot->native != native;
        if (err || slot->same || (!renamed && (!strobe_reading_asleep(slot) || !slot->tid)))
            break;
        if (!renamed && ((err = snap->host->ops->thread_state(snap->host, slot->tid, &state)) || state.run_count == slot->run_count))
            break;
        slot->proven = slot->read = false;
        if ((err = strobe_reading_ask_state(snap, slot)))
            break;
        err = STROBE_ERR_TORN;
        snap->stats.retries++;
    }
    if (err == STROBE_ERR_BUSY || err == STROBE_ERR_PERM) {
        snap->stats.fallbacks++;
        return strobe_reading_slot_unheld(snap, slot);
    }
    if (err == STROBE_ERR_MISSING || err == STROBE_ERR_GONE)
        snap->relist = true;
    if (err) {
        slot->error = err;
        slot->frames.n = 0;
    }
    return err == STROBE_ERR_GONE || strobe_err_class(err) != STROBE_CLASS_FATAL ? 0 : err;
}

/* ---- one sample ---- */

/* No reading is exact: the words and states of now go with what can be had. */
static int ask_and_note(struct strobe_snapshot *snap, uint64_t gil)
{
    struct guard guard;
    bool same;
    int err = ask(snap, gil, &guard, &same);

    if (!err)
        strobe_reading_note_words(snap, gil, &guard.words);
    return err;
}

int strobe_exact_gil(struct strobe_snapshot *snap, uint64_t gil)
{
    int err;

    for (int tries = 0; tries < MAX_RETRIES; tries++) {
        err = read_gil_once(snap, gil);
        if (err == STROBE_ERR_BUSY || err == STROBE_ERR_PERM) {
            snap->stats.fallbacks++;
            err = ask_and_note(snap, gil);
            return err ? err : strobe_reading_gil_unheld(snap, gil);
        }
        if (err != STROBE_ERR_TORN && err != STROBE_ERR_STUCK)
            return err;
        snap->stats.retries++;
        if ((err = strobe_reading_list(snap)))
            return err;
    }
    err = ask_and_note(snap, gil);
    if (!err)
        strobe_reading_give_up(snap, gil);
    return err;
}

int strobe_exact_free_threads(struct strobe_snapshot *snap, bool exact)
{
    int err = 0;

    for (uint32_t i = 0; i < snap->walk.n_order && !err; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        err = exact ? read_slot_free(snap, slot) : strobe_reading_slot_unheld(snap, slot);
        snap->cramped = snap->cramped || slot->error == STROBE_ERR_LIMIT;
    }
    return err;
}
