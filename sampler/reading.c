/* SPDX-License-Identifier: Apache-2.0 */
/* Single threads: who is held, how each fares, what its stack is; and readings without a pause. */
#include "snapshot_parts.h"

static void note_pause(struct strobe_snapshot *snap)
{
    uint64_t pause = snap->host->released_ns - snap->host->held_since_ns;

    snap->held = NULL;
    snap->sample.n_pauses++;
    snap->sample.pause_ns += pause;
    strobe_pause_log_note(&snap->pauses, pause);
}

void strobe_reading_let_go(struct strobe_snapshot *snap)
{
    if (!snap->held)
        return;
    snap->host->ops->release(snap->host);
    note_pause(snap);
}

int strobe_reading_hold(struct strobe_snapshot *snap, struct strobe_slot *slot)
{
    int err;

    strobe_reading_let_go(snap);
    err = snap->host->ops->hold(snap->host, slot->tid);
    if (!err)
        snap->held = slot;
    return err;
}

bool strobe_reading_is_held(const struct strobe_snapshot *snap, const struct strobe_slot *slot)
{
    return snap->held && (snap->held == slot || (slot->tid && snap->held->tid == slot->tid));
}

int strobe_reading_ask_state(struct strobe_snapshot *snap, struct strobe_slot *slot)
{
    struct strobe_host *host = snap->host;
    int err = 0;

    /* One whose tid cannot be found is looked for again when the lists are. */
    if (!slot->tid && slot->sought != snap->walk.listings) {
        slot->sought = snap->walk.listings;
        err = host->ops->thread_id(host, slot->native, slot->pthread, &slot->tid);
    }
    slot->state = (struct strobe_thread_state){STROBE_RUN_UNKNOWN, 0, 0};
    if (!err && slot->tid)
        err = host->ops->thread_state(host, slot->tid, &slot->state);
    if (err == STROBE_ERR_GONE)
        snap->relist = true;
    return err;
}

void strobe_reading_ask_states(struct strobe_snapshot *snap, uint64_t gil)
{
    for (uint32_t i = 0; i < snap->walk.n_order; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        if ((!gil || strobe_reading_on_gil(snap, slot, gil)) && !strobe_reading_is_held(snap, slot))
            strobe_reading_ask_state(snap, slot);
    }
}

bool strobe_reading_asleep(const struct strobe_slot *slot)
{
    return slot->state.run == STROBE_RUN_SLEEPING || slot->state.run == STROBE_RUN_FAULTING || slot->state.run == STROBE_RUN_STOPPED;
}

bool strobe_reading_has_not_run(const struct strobe_slot *slot)
{
    return slot->proven && strobe_reading_asleep(slot) && slot->state.run_count == slot->run_count;
}

void strobe_reading_describe(const struct strobe_snapshot *snap, const struct strobe_slot *slot, struct strobe_thread *ret)
{
    *ret = (struct strobe_thread){
        .tstate = slot->tstate,
        .tstate_id = slot->id,
        .pthread = slot->pthread,
        .context = slot->context,
        .tid = slot->tid,
        .native = slot->native,
        .interp = snap->walk.interps[slot->interp].id,
        .error = slot->error,
        .slot = (uint32_t)(slot - snap->walk.slots),
        .n_frames = slot->frames.n,
        .frames = slot->frames.at,
        .hash = {slot->frames.hash[0], slot->frames.hash[1]},
    };
}

/* ---- our own process: a thread that runs is read on itself ---- */

struct on_itself {
    struct strobe_walk *walk;
    struct strobe_slot *slot;
    struct strobe_mem *mem;
    int err;
};

static void read_on_itself(void *ctx)
{
    struct on_itself *on = ctx;
    struct strobe_mem *outer = on->walk->mem;

    on->walk->mem = on->mem;
    on->err = strobe_walk_read(on->walk, on->slot, false);
    on->walk->mem = outer;
}

/* Only who holds the GIL, or is attached where there is none, changes its stack; and who has let go of that is perhaps about to sleep in
 * the kernel, where a signal would be noticed.  What was asked at the beginning of the look is too old: the slow question first, the one
 * whose answer changes fastest last. */
static bool changes_its_stack(struct strobe_snapshot *snap, const struct strobe_slot *slot)
{
    const struct strobe_interp *interp = &snap->walk.interps[slot->interp];
    const struct strobe_layout *lay = snap->lay;
    struct strobe_thread_state state;
    struct strobe_gil_words words;
    uint32_t attached;

    if (slot->state.run != STROBE_RUN_RUNNING || snap->host->ops->thread_state(snap->host, slot->tid, &state) ||
        state.run != STROBE_RUN_RUNNING)
        return false;
    if (!interp->words.enabled)
        return !strobe_mem_read(snap->host->inside->mem, slot->tstate + lay->ts_state, &attached, sizeof attached) &&
               attached == lay->state_attached;
    return !strobe_walk_gil(&snap->walk, interp->gil, &words) && words.locked == 1 && words.last_holder == slot->tstate;
}

/* A thread that did not come by, because it waits for a CPU or has just fallen asleep, is read as any that is not paused. */
static int read_stack(struct strobe_snapshot *snap, struct strobe_slot *slot, bool strict)
{
    const struct strobe_host_inside *inside = snap->host->inside;

    if (strict && snap->opts.mode == STROBE_MODE_INSIDE && inside && slot->tid && changes_its_stack(snap, slot)) {
        struct on_itself on = {.walk = &snap->walk, .slot = slot, .mem = inside->mem};

        if (!inside->visit(snap->host, slot->tid, read_on_itself, &on)) {
            snap->stats.visits++;
            return on.err;
        }
        snap->stats.fallbacks++;
    }
    return strobe_walk_read(&snap->walk, slot, strict);
}

int strobe_reading_slot(struct strobe_snapshot *snap, struct strobe_slot *slot, bool strict)
{
    int err;

    slot->same = strobe_reading_has_not_run(slot); /* anew at each try: it may have run since the last one */
    if (slot->same)
        return 0;
    snap->n_read++;
    err = read_stack(snap, slot, strict);
    slot->read = !err;
    /* Without a tid the state was another thread's; without frames it may be, of a thread that has yet to start. */
    slot->proven = !err && slot->tid && slot->frames.n && strobe_reading_asleep(slot);
    slot->run_count = slot->state.run_count;
    if (!err && (snap->visit || snap->second_visit)) {
        struct strobe_thread thread;

        strobe_reading_describe(snap, slot, &thread);
        if (snap->visit)
            snap->visit(snap->visit_ctx, snap->mem, &thread);
        if (snap->second_visit && (!snap->unheld || slot->proven))
            snap->second_visit(snap->second_ctx, snap->mem, &thread);
    }
    return err;
}

bool strobe_reading_on_gil(const struct strobe_snapshot *snap, const struct strobe_slot *slot, uint64_t gil)
{
    return snap->walk.interps[slot->interp].gil == gil;
}

void strobe_reading_note_words(struct strobe_snapshot *snap, uint64_t gil, const struct strobe_gil_words *words)
{
    for (uint32_t i = 0; i < snap->walk.n_interps; i++)
        if (snap->walk.interps[i].gil == gil)
            snap->walk.interps[i].words = *words;
}

void strobe_reading_discard(struct strobe_snapshot *snap, uint64_t gil)
{
    for (uint32_t i = 0; i < snap->walk.n_order; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        if (strobe_reading_on_gil(snap, slot, gil) && slot->read) {
            slot->read = slot->proven = false;
            slot->frames.n = 0;
            slot->error = STROBE_ERR_TORN;
        }
    }
}

void strobe_reading_give_up(struct strobe_snapshot *snap, uint64_t gil)
{
    for (uint32_t i = 0; i < snap->walk.n_order; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        if (!strobe_reading_on_gil(snap, slot, gil) || (slot->same = strobe_reading_has_not_run(slot)))
            continue;
        slot->read = slot->proven = false;
        slot->frames.n = 0;
        slot->error = STROBE_ERR_TORN;
    }
}

void strobe_reading_forget_proofs(struct strobe_snapshot *snap)
{
    for (uint32_t i = 0; i < snap->walk.n_order; i++)
        snap->walk.slots[snap->walk.order[i]].proven = false;
}

int strobe_reading_list(struct strobe_snapshot *snap)
{
    uint64_t now = snap->clock->now(snap->clock);
    uint64_t every = snap->opts.listing_ns ? snap->opts.listing_ns : LISTING_NS;
    int err;

    if (!snap->relist && now - snap->listed_ns < every)
        return 0;
    for (int tries = 0; tries < MAX_RETRIES; tries++) {
        strobe_mem_epoch(snap->mem);
        err = strobe_walk_list(&snap->walk);
        if (err != STROBE_ERR_TORN && err != STROBE_ERR_FAULT)
            break;
    }
    if (!err) {
        snap->relist = false;
        snap->listed_ns = now;
    }
    return err;
}

int strobe_reading_slot_unheld(struct strobe_snapshot *snap, struct strobe_slot *slot)
{
    enum { TRIES = 3 };
    int err = 0;

    for (int i = 0; i < TRIES; i++) {
        struct strobe_thread_state state;

        strobe_mem_epoch(snap->mem);
        snap->unheld = true;
        err = strobe_reading_slot(snap, slot, !strobe_reading_asleep(slot));
        snap->unheld = false;
        if (!err && slot->read && strobe_reading_asleep(slot) && slot->tid &&
            !snap->host->ops->thread_state(snap->host, slot->tid, &state) && state.run_count != slot->run_count) {
            slot->state = state; /* it woke meanwhile and may have changed anything */
            slot->read = slot->proven = false;
            slot->error = err = STROBE_ERR_TORN;
        }
        if (err != STROBE_ERR_TORN)
            break;
        snap->stats.retries++;
    }
    if (err == STROBE_ERR_TORN)
        slot->frames.n = 0;
    if (err == STROBE_ERR_MISSING)
        snap->relist = true;
    return strobe_err_class(err) == STROBE_CLASS_FATAL ? err : 0;
}

int strobe_reading_gil_unheld(struct strobe_snapshot *snap, uint64_t gil)
{
    int err = 0;

    for (uint32_t i = 0; i < snap->walk.n_order && !err; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        if (!strobe_reading_on_gil(snap, slot, gil))
            continue;
        err = strobe_reading_slot_unheld(snap, slot);
        snap->cramped = snap->cramped || slot->error == STROBE_ERR_LIMIT;
    }
    return err;
}
