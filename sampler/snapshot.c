/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <stdlib.h>

#include "snapshot_parts.h"

int strobe_snapshot_new(struct strobe_mem *mem, struct strobe_host *host, const struct strobe_layout *lay, struct strobe_clock *clock,
                        const struct strobe_snapshot_opts *opts, struct strobe_snapshot **ret)
{
    struct strobe_snapshot *snap = calloc(1, sizeof *snap);
    int err;

    if (!snap)
        return STROBE_ERR_NOMEM;
    snap->mem = mem;
    snap->host = host;
    snap->lay = lay;
    snap->clock = clock;
    snap->opts = *opts;
    snap->relist = true;
    err = strobe_walk_init(&snap->walk, mem, lay, clock);
    if (err) {
        free(snap);
        return err;
    }
    *ret = snap;
    return 0;
}

void strobe_snapshot_free(struct strobe_snapshot *snap)
{
    if (!snap)
        return;
    strobe_threadnames_release(&snap->names);
    strobe_walk_release(&snap->walk);
    strobe_arena_release(&snap->arena);
    free(snap);
}

void strobe_snapshot_forget(struct strobe_snapshot *snap)
{
    strobe_reading_forget_proofs(snap);
}

bool strobe_snapshot_settle(struct strobe_snapshot *snap)
{
    if (snap->host->n_stuck)
        snap->host->ops->release(snap->host);
    return !snap->host->n_stuck;
}

void strobe_snapshot_set_visitor(struct strobe_snapshot *snap, strobe_snapshot_visit *visit, void *ctx)
{
    snap->visit = visit;
    snap->visit_ctx = ctx;
}

void strobe_snapshot_set_second_visitor(struct strobe_snapshot *snap, strobe_snapshot_visit *visit, void *ctx)
{
    snap->second_visit = visit;
    snap->second_ctx = ctx;
}

void strobe_snapshot_stats(const struct strobe_snapshot *snap, struct strobe_snapshot_stats *ret)
{
    *ret = snap->stats;
}

const struct strobe_pause_log *strobe_snapshot_pauses(const struct strobe_snapshot *snap)
{
    return &snap->pauses;
}

const char *strobe_snapshot_thread_name(struct strobe_snapshot *snap, const struct strobe_thread *thread)
{
    const char *name = strobe_threadnames_get(&snap->names, snap->mem, snap->lay, snap->walk.interps, snap->walk.n_interps, thread,
                                              snap->clock->now(snap->clock));

    if (*name || !thread->tid || snap->host->ops->thread_name(snap->host, thread->tid, snap->system_name, sizeof snap->system_name))
        return name;
    return snap->system_name;
}

/* Without a pause the small words and the kernel's view need not be younger than this: they are no proof there. */
static bool pulse_is_fresh(const struct strobe_snapshot *snap, bool exact)
{
    return !exact && !snap->relist && snap->sample.time_ns - snap->pulse_ns < PULSE_NS;
}

/* Without a pause a running thread is copied twice, because the first copy after a sleep shows more than one moment: the pulse, which is
 * to be read anyway, takes that one along. */
static struct strobe_slot *first_running(struct strobe_snapshot *snap, uint64_t gil)
{
    for (uint32_t i = 0; i < snap->walk.n_order; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        if (strobe_reading_on_gil(snap, slot, gil) && !strobe_reading_asleep(slot))
            return slot;
    }
    return NULL;
}

/* An interpreter whose GIL's threads are still to be read in this sample; NULL = there is none.  Reading one may list anew. */
static struct strobe_interp *unread(struct strobe_snapshot *snap)
{
    for (uint32_t i = 0; i < snap->walk.n_interps; i++)
        if (!snap->walk.interps[i].read)
            return &snap->walk.interps[i];
    return NULL;
}

static void mark_read(struct strobe_snapshot *snap, uint64_t gil)
{
    for (uint32_t i = 0; i < snap->walk.n_interps; i++)
        if (snap->walk.interps[i].gil == gil)
            snap->walk.interps[i].read = true;
}

/* Reads everything once.  STROBE_ERR_LIMIT: make room and come again. */
static int read_all(struct strobe_snapshot *snap)
{
    enum { MOST = 1 << 13 }; /* GILs; interpreters that come as fast as they are read end this */
    bool exact = snap->opts.mode == STROBE_MODE_EXACT, fresh = pulse_is_fresh(snap, exact), by_gil = exact && !snap->lay->free_threaded;
    struct strobe_interp *interp;
    int err = 0;

    if (!fresh) {
        if ((err = strobe_reading_list(snap)))
            return err;
        if (!by_gil) /* else each GIL's when its turn has come */
            strobe_reading_ask_states(snap, 0);
        snap->pulse_ns = snap->sample.time_ns;
    }
    for (uint32_t i = 0; i < snap->walk.n_order; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        slot->read = slot->same = false;
    }
    for (uint32_t i = 0; i < snap->walk.n_interps; i++)
        snap->walk.interps[i].read = false;
    for (int i = 0; i < MOST && !err && (interp = unread(snap)); i++) {
        uint64_t gil = interp->gil;
        struct strobe_gil_words words = interp->words;
        bool same = true;

        mark_read(snap, gil);
        if (!fresh && !by_gil) {
            struct strobe_slot *ahead = snap->opts.mode == STROBE_MODE_NONBLOCKING ? first_running(snap, gil) : NULL;

            if ((err = strobe_walk_pulse(&snap->walk, gil, ahead, &words, &same)))
                return err;
            strobe_walk_warmed(&snap->walk);
            strobe_reading_note_words(snap, gil, &words);
            snap->relist = snap->relist || !same;
        }
        if (snap->lay->free_threaded && !words.enabled)
            return strobe_exact_free_threads(snap, exact);
        err = exact ? strobe_exact_gil(snap, gil) : strobe_reading_gil_unheld(snap, gil);
    }
    return err;
}

static uint32_t flags_of(const struct strobe_snapshot *snap, const struct strobe_slot *slot)
{
    const struct strobe_layout *lay = snap->lay;
    const struct strobe_interp *interp = &snap->walk.interps[slot->interp];
    const struct strobe_gil_words *words = &interp->words;
    uint32_t flags = 0;

    if (words->enabled && words->locked == 1 && words->last_holder == slot->tstate)
        flags |= STROBE_THREAD_GIL;
    else if (words->enabled && (slot->gil_requested || slot->state.futex - interp->gil < lay->gil_size))
        flags |= STROBE_THREAD_GIL_WAIT;
    if (slot->attached)
        flags |= STROBE_THREAD_ATTACHED;
    if (slot->state.run == STROBE_RUN_RUNNING || slot->state.run == STROBE_RUN_FAULTING ||
        (flags & STROBE_THREAD_GIL && slot->state.run != STROBE_RUN_STOPPED) ||
        (flags & STROBE_THREAD_ATTACHED && slot->state.run == STROBE_RUN_UNKNOWN && !words->enabled))
        flags |= STROBE_THREAD_ACTIVE;
    if (interp->id == 0 && slot->pthread == snap->walk.main_pthread)
        flags |= STROBE_THREAD_MAIN;
    if (interp->collecting && (flags & STROBE_THREAD_GIL || (lay->free_threaded && slot->attached)))
        flags |= STROBE_THREAD_GC;
    if (slot->same)
        flags |= STROBE_THREAD_SAME;
    return flags;
}

static int fill_sample(struct strobe_snapshot *snap)
{
    struct strobe_sample *sample = &snap->sample;

    sample->threads = strobe_arena_alloc(&snap->arena, (snap->walk.n_order + 1) * sizeof *sample->threads);
    if (!sample->threads)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < snap->walk.n_order; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];
        struct strobe_thread *thread = &sample->threads[sample->n_threads];

        if (slot->error == STROBE_ERR_MISSING || slot->error == STROBE_ERR_GONE)
            continue; /* it has ended */
        if (!slot->error && !slot->read && !slot->same) { /* nobody came by: the lists moved under the reading */
            slot->error = STROBE_ERR_TORN;
            slot->frames.n = 0;
        }
        sample->n_threads++;
        strobe_reading_describe(snap, slot, thread);
        thread->flags = flags_of(snap, slot);
        if (slot->error)
            sample->n_dropped++;
    }
    snap->stats.sweeps++;
    snap->stats.dropped += sample->n_dropped;
    return 0;
}

int strobe_snapshot_run_count(struct strobe_snapshot *snap, uint64_t tstate, uint64_t *ret)
{
    struct strobe_slot *slot = strobe_walk_find(&snap->walk, tstate);

    if (!slot || !slot->tid || strobe_reading_ask_state(snap, slot) || !strobe_reading_asleep(slot))
        return STROBE_ERR_MISSING;
    *ret = slot->state.run_count;
    return 0;
}

bool strobe_snapshot_missed(const struct strobe_snapshot *snap)
{
    return snap->relist;
}

bool strobe_snapshot_rests(struct strobe_snapshot *snap)
{
    for (uint32_t i = 0; i < snap->walk.n_order; i++) {
        struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        if (!slot->tid || strobe_reading_ask_state(snap, slot) || !strobe_reading_has_not_run(slot))
            return false;
    }
    return snap->walk.n_order > 0;
}

uint64_t strobe_snapshot_changes(const struct strobe_snapshot *snap)
{
    uint64_t mix = snap->n_read;

    for (uint32_t i = 0; i < snap->walk.n_order; i++) {
        const struct strobe_slot *slot = &snap->walk.slots[snap->walk.order[i]];

        mix += slot->error != 0;
        mix = (mix ^ slot->tstate ^ slot->id) * 0x9e3779b97f4a7c15ull;
    }
    return mix;
}

const struct strobe_walk *strobe_snapshot_walk(const struct strobe_snapshot *snap)
{
    return &snap->walk;
}

uint64_t strobe_snapshot_code_generation(const struct strobe_snapshot *snap)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < snap->walk.n_interps; i++)
        sum += snap->walk.interps[i].code_generation;
    return sum;
}

int strobe_snapshot_take(struct strobe_snapshot *snap, const struct strobe_sample **ret_sample)
{
    enum { GROWTHS = 64 };
    int err = STROBE_ERR_LIMIT;

    strobe_snapshot_settle(snap);
    strobe_arena_reset(&snap->arena);
    snap->sample = (struct strobe_sample){.time_ns = snap->clock->now(snap->clock)};
    for (int i = 0; err == STROBE_ERR_LIMIT && i < GROWTHS; i++) {
        if (i) {
            strobe_reading_forget_proofs(snap);
            snap->relist = snap->relist || !snap->cramped;
            if ((err = strobe_walk_grow(&snap->walk)))
                return err;
        }
        snap->cramped = false;
        err = read_all(snap);
        if (!err && snap->cramped)
            err = STROBE_ERR_LIMIT;
    }
    if (!err)
        err = fill_sample(snap);
    if (err)
        strobe_reading_forget_proofs(snap);
    else
        *ret_sample = &snap->sample;
    return err;
}
