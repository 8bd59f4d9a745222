/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

/* A list longer than this is a loop, or not a list. */
enum { MAX_INTERPS = 4096, MAX_THREADS = 16384 /* of all interpreters; a slot takes some 9 KiB */ };

enum { USUAL_FRAMES = 256 }; /* room that each thread has from the start: 6 KiB */

int strobe_walk_init(struct strobe_walk *walk, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_clock *clock)
{
    *walk = (struct strobe_walk){.mem = mem, .lay = lay, .clock = clock};
    if (lay->gil_switch_number + 8 > STROBE_GIL_SPAN)
        return STROBE_ERR_LAYOUT;
    walk->bytes = malloc(STROBE_WINDOW_BYTES);
    walk->ts = malloc(lay->ts_size);
    if (!walk->bytes || !walk->ts || strobe_walk_grow(walk)) {
        strobe_walk_release(walk);
        return STROBE_ERR_NOMEM;
    }
    return 0;
}

static void free_frames(struct strobe_slot *slot)
{
    strobe_frames_release(&slot->frames);
    strobe_frames_release(&slot->before);
}

void strobe_walk_release(struct strobe_walk *walk)
{
    for (uint32_t i = 0; i < walk->cap_slots; i++)
        free_frames(&walk->slots[i]);
    free(walk->slots);
    free(walk->interps);
    free(walk->new_interps);
    free(walk->order);
    free(walk->old_order);
    free(walk->bytes);
    free(walk->ts);
    *walk = (struct strobe_walk){0};
}

static int grow_slots(struct strobe_walk *walk, uint32_t cap)
{
    struct strobe_slot *slots = realloc(walk->slots, cap * sizeof *slots);
    uint32_t *order, *old_order;

    if (!slots)
        return STROBE_ERR_NOMEM;
    walk->slots = slots;
    order = realloc(walk->order, cap * sizeof *order);
    if (order)
        walk->order = order;
    old_order = realloc(walk->old_order, cap * sizeof *old_order);
    if (old_order)
        walk->old_order = old_order;
    if (!order || !old_order)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = walk->cap_slots; i < cap; i++)
        walk->slots[i] = (struct strobe_slot){0};
    walk->cap_slots = cap;
    return 0;
}

/* Four times the room: the deepest stacks need two growths. */
static int grow_frames(struct strobe_slot *slot)
{
    int err = strobe_frames_reserve(&slot->frames, slot->frames.cap ? slot->frames.cap * 4 : USUAL_FRAMES);

    slot->cramped = false;
    /* A deep stack gets a second array, to be compared with at the next reading. */
    return err || slot->frames.cap <= STROBE_KEEP_INNER ? err : strobe_frames_reserve(&slot->before, slot->frames.cap);
}

int strobe_walk_grow(struct strobe_walk *walk)
{
    uint32_t interps = (walk->n_interps > walk->want_interps ? walk->n_interps : walk->want_interps) + 4;
    int err = 0;

    for (uint32_t i = 0; i < walk->n_slots && !err; i++)
        if (walk->slots[i].cramped)
            err = grow_frames(&walk->slots[i]);
    if (!err)
        err = strobe_grow_two(&walk->interps, &walk->new_interps, &walk->cap_interps, interps, sizeof *walk->interps);
    if (!err && walk->n_order + 8 > walk->cap_slots)
        err = grow_slots(walk, walk->cap_slots ? walk->cap_slots * 2 : 16);
    for (uint32_t i = 0; !err && i < walk->cap_slots && i < walk->n_order + 8; i++)
        err = strobe_frames_reserve(&walk->slots[i].frames, USUAL_FRAMES);
    return err;
}

struct strobe_slot *strobe_walk_find(struct strobe_walk *walk, uint64_t tstate)
{
    for (uint32_t i = 0; i < walk->n_order; i++)
        if (walk->slots[walk->order[i]].tstate == tstate)
            return &walk->slots[walk->order[i]];
    return NULL;
}

/* ---- listing ---- */

/* What was known of an interpreter at the last listing stays known. */
static void carry_over(const struct strobe_walk *walk, struct strobe_interp *interp)
{
    for (uint32_t i = 0; i < walk->n_interps; i++) {
        const struct strobe_interp *old = &walk->interps[i];

        if (old->addr != interp->addr || old->id != interp->id || old->gil != interp->gil)
            continue;
        interp->words = old->words;
        interp->collecting = old->collecting;
        interp->code_generation = old->code_generation;
        interp->read = old->read;
    }
}

static int list_interps(struct strobe_walk *walk)
{
    const struct strobe_layout *lay = walk->lay;
    struct strobe_interp *list = walk->new_interps;
    uint64_t addr, head;
    uint32_t n = 0;
    int err = strobe_mem_u64(walk->mem, lay->runtime + lay->rt_interpreters_head, &head);

    if (err)
        return err;
    if (!head)
        return STROBE_ERR_NOTREADY;
    for (addr = head; addr;) {
        struct strobe_interp interp = {.addr = addr};
        uint64_t id;

        if (n == MAX_INTERPS)
            return STROBE_ERR_TORN;
        if (n == walk->cap_interps) {
            walk->want_interps = n + 1;
            return STROBE_ERR_LIMIT;
        }
        interp.gil = lay->runtime + lay->rt_gil;
        if ((err = strobe_mem_u64(walk->mem, addr + lay->in_id, &id)) ||
            (err = strobe_mem_u64(walk->mem, addr + lay->in_threads_head, &interp.head)) ||
            (lay->rt_gil == STROBE_NONE && (err = strobe_mem_u64(walk->mem, addr + lay->in_ceval_gil, &interp.gil))) ||
            (err = strobe_mem_u64(walk->mem, addr + lay->in_next, &addr)))
            return err;
        interp.id = (int64_t)id;
        carry_over(walk, &interp);
        list[n++] = interp;
    }
    walk->new_interps = walk->interps;
    walk->interps = list;
    walk->n_interps = n;
    walk->runtime_head = head;
    return 0;
}

/* The slot that this thread state had at the last listing, or a free one.  Lists mostly keep their order, so the search
 * begins behind the last one found. */
static struct strobe_slot *slot_for(struct strobe_walk *walk, uint64_t tstate, uint64_t id, uint64_t interp)
{
    for (uint32_t i = 0; i < walk->n_old; i++) {
        uint32_t at = (walk->next_order + i) % walk->n_old;
        struct strobe_slot *slot = &walk->slots[walk->old_order[at]];

        if (slot->tstate == tstate && slot->id == id && slot->interp_addr == interp) {
            walk->next_order = at + 1;
            return slot;
        }
    }
    for (uint32_t i = walk->next_free; i < walk->cap_slots; i++)
        if (!walk->slots[i].live && walk->slots[i].started != walk->listings) {
            struct strobe_frames frames = walk->slots[i].frames, before = walk->slots[i].before;

            frames.n = before.n = 0;
            walk->slots[i] = (struct strobe_slot){.live = true, .tstate = tstate, .id = id, .interp_addr = interp,
                                                  .started = walk->listings, .frames = frames, .before = before};
            if (i >= walk->n_slots)
                walk->n_slots = i + 1;
            walk->next_free = i + 1;
            return &walk->slots[i];
        }
    return NULL;
}

void strobe_walk_identify(const struct strobe_walk *walk, struct strobe_slot *slot)
{
    const struct strobe_layout *lay = walk->lay;
    uint64_t pthread = strobe_span_u64(walk->ts, lay->ts_thread_id);
    int32_t native = lay->ts_native_id == STROBE_NONE ? 0 : (int32_t)strobe_span_u64(walk->ts, lay->ts_native_id);

    if (slot->pthread != pthread || slot->native != native) {
        slot->pthread = pthread;
        slot->native = native;
        slot->tid = 0; /* to be asked of the host again */
        slot->sought = 0;
        slot->proven = false;
    }
}

static int list_threads(struct strobe_walk *walk, uint32_t interp)
{
    const struct strobe_layout *lay = walk->lay;
    uint64_t addr = walk->interps[interp].head, hops = 0;
    int err;

    for (; addr; addr = strobe_span_u64(walk->ts, lay->ts_next)) {
        struct strobe_slot *slot;

        if (++hops > MAX_THREADS || walk->n_order >= MAX_THREADS)
            return STROBE_ERR_TORN;
        if ((err = strobe_mem_read(walk->mem, addr, walk->ts, lay->ts_size)))
            return err;
        /* A thread state that was freed meanwhile holds anything. */
        if (strobe_span_u64(walk->ts, lay->ts_interp) != walk->interps[interp].addr)
            return STROBE_ERR_TORN;
        if (walk->n_order == walk->cap_slots)
            return STROBE_ERR_LIMIT;
        slot = slot_for(walk, addr, strobe_span_u64(walk->ts, lay->ts_id), walk->interps[interp].addr);
        if (!slot)
            return STROBE_ERR_LIMIT;
        slot->interp = interp;
        strobe_walk_identify(walk, slot);
        walk->order[walk->n_order++] = (uint32_t)(slot - walk->slots);
    }
    return 0;
}

int strobe_walk_list(struct strobe_walk *walk)
{
    uint32_t *order = walk->old_order;
    int err = list_interps(walk);

    if (err)
        return err;
    if (walk->lay->rt_main_thread != STROBE_NONE)
        strobe_mem_u64(walk->mem, walk->lay->runtime + walk->lay->rt_main_thread, &walk->main_pthread);
    walk->listings++;
    walk->ahead = NULL; /* its thread state is overwritten */
    walk->old_order = walk->order;
    walk->n_old = walk->n_order;
    walk->order = order;
    walk->n_order = 0;
    walk->next_order = walk->next_free = 0;
    for (uint32_t i = walk->n_interps; i-- > 0 && !err;) /* the list is newest first: the main interpreter is its last */
        err = list_threads(walk, i);
    for (uint32_t i = 0; i < walk->n_old; i++)
        walk->slots[walk->old_order[i]].live = false;
    for (uint32_t i = 0; i < walk->n_order; i++)
        walk->slots[walk->order[i]].live = true;
    if (!err && walk->n_order + 4 > walk->cap_slots)
        return STROBE_ERR_LIMIT; /* keep some spare, so that a new thread does not need a second visit */
    return err;
}
