/* SPDX-License-Identifier: Apache-2.0 */
/* One thread: its state and its stack, copied in one read where it was last found, then walked. */
#include "walk/walk.h"

#include <string.h>

/* Chunks to copy: from the innermost on, at most max and as many as fit (of a thread that runs only few: what lies further out
 * does not move while a copy is made, and a short copy is nearer to one moment).  len is what was in use, and some more for what may be
 * pushed until the next sample.  _PyStackChunk (Include/cpython/pystate.h): previous, size in bytes, top (in words; of older
 * ones). */
static void predict_chunks(struct strobe_walk *walk, struct strobe_slot *slot, uint64_t chunk, uint64_t chunk_top, uint32_t max)
{
    enum { SLACK = 1024 };
    const struct strobe_layout *lay = walk->lay;
    uint64_t used = chunk_top - chunk, total = 0;
    unsigned char head[32];
    uint32_t n = 0;

    while (chunk && n < max) {
        uint64_t size, len;

        if (strobe_mem_readv(walk->mem, &(struct strobe_mem_seg){chunk, head, sizeof head}, 1))
            break;
        size = strobe_span_u64(head, lay->chunk_size);
        if (n)
            used = lay->chunk_data + 8 * strobe_span_u64(head, lay->chunk_top);
        if (size < sizeof head || used > size)
            break;
        len = used + (n ? 0 : SLACK) < size ? used + (n ? 0 : SLACK) : size;
        if (len > STROBE_WINDOW_BYTES - total) /* sizes are the target's word: nothing may wrap */
            break;
        slot->chunks[n].addr = chunk;
        slot->chunks[n++].len = (uint32_t)len;
        total += len;
        chunk = strobe_span_u64(head, lay->chunk_previous);
    }
    slot->n_chunks = n;
}

/* Turns the frames outside of chunks into as few windows as they lie near each other. */
static size_t add_outside(struct strobe_walk *walk, const struct strobe_slot *slot, struct strobe_window *windows, unsigned char *bytes,
                          size_t room)
{
    enum { NEAR = 1024 }; /* copying so much more is cheaper than another element of the read */
    uint32_t span = strobe_frames_span(walk->lay);
    size_t n = 0;

    for (uint32_t i = 0; i < slot->n_outside; i++) {
        uint64_t addr = slot->outside[i].addr, grown;

        if (n && addr - windows[n - 1].addr < windows[n - 1].len + NEAR) {
            grown = addr + span - windows[n - 1].addr;
            if (grown <= windows[n - 1].len)
                continue;
            if (grown - windows[n - 1].len > room)
                break;
            room -= grown - windows[n - 1].len;
            bytes += grown - windows[n - 1].len;
            windows[n - 1].len = grown;
            continue;
        }
        if (n == STROBE_COPY_WINDOWS - STROBE_WINDOWS || span > room)
            break;
        windows[n++] = (struct strobe_window){addr, span, bytes};
        bytes += span;
        room -= span;
    }
    return n;
}

/* Remembers where frames were met outside of chunks, sorted by address; of too many, those not met for longest are forgotten. */
static void note_outside(struct strobe_slot *slot, const uint64_t *met, uint32_t n_met)
{
    slot->readings++;
    for (uint32_t k = 0; k < n_met; k++) {
        uint32_t at = 0, oldest = 0;

        while (at < slot->n_outside && slot->outside[at].addr < met[k])
            at++;
        if (at < slot->n_outside && slot->outside[at].addr == met[k]) {
            slot->outside[at].met = slot->readings;
            continue;
        }
        if (slot->n_outside == STROBE_OUTSIDE) {
            for (uint32_t i = 1; i < slot->n_outside; i++)
                if (slot->outside[i].met < slot->outside[oldest].met)
                    oldest = i;
            memmove(&slot->outside[oldest], &slot->outside[oldest + 1], (--slot->n_outside - oldest) * sizeof slot->outside[0]);
            at -= at > oldest;
        }
        memmove(&slot->outside[at + 1], &slot->outside[at], (slot->n_outside++ - at) * sizeof slot->outside[0]);
        slot->outside[at].addr = met[k];
        slot->outside[at].met = slot->readings;
    }
}

/* The predicted chunks and frames, the head pointer and the thread state, in this order and in one read: what the chunks show
 * is then at most a moment older than the head that points into them. */
size_t strobe_walk_plan_copy(struct strobe_walk *walk, struct strobe_slot *slot, struct strobe_mem_seg *segs)
{
    const struct strobe_layout *lay = walk->lay;
    struct strobe_copy *copy = &walk->copy;
    size_t n = 0, room = STROBE_WINDOW_BYTES;
    unsigned char *bytes = walk->bytes;

    copy->n_windows = slot->n_chunks;
    for (uint32_t i = slot->n_chunks; i-- > 0;) {
        copy->windows[i] = (struct strobe_window){slot->chunks[i].addr, slot->chunks[i].len, bytes};
        bytes += slot->chunks[i].len;
        room -= slot->chunks[i].len;
    }
    copy->n_windows += add_outside(walk, slot, copy->windows + copy->n_windows, bytes, room);
    for (size_t i = copy->n_windows; i-- > 0;)
        segs[n++] = (struct strobe_mem_seg){copy->windows[i].addr, (void *)copy->windows[i].bytes, copy->windows[i].len};
    if (slot->cframe)
        segs[n++] = (struct strobe_mem_seg){slot->cframe + lay->cframe_current, &copy->cframe_head, 8};
    segs[n++] = (struct strobe_mem_seg){slot->tstate, walk->ts, lay->ts_size};
    return n;
}

static int copy_thread(struct strobe_walk *walk, struct strobe_slot *slot)
{
    struct strobe_mem_seg segs[STROBE_COPY_SEGS];
    size_t n = strobe_walk_plan_copy(walk, slot, segs);

    return strobe_mem_readv(walk->mem, segs, n);
}

/* The first copy after a sleep is slow, with cold caches on the way to the target's memory, and so shows more than one moment: it is
 * made for nothing.  Returns the time at which the copy that counts begins. */
static uint64_t warm_up(struct strobe_walk *walk, struct strobe_slot *slot)
{
    enum { COLD_NS = 20000 };
    uint64_t now = walk->clock->now(walk->clock);

    if (now - walk->copied_ns > COLD_NS) {
        copy_thread(walk, slot);
        now = walk->clock->now(walk->clock);
    }
    walk->copied_ns = now;
    return now;
}

void strobe_walk_warmed(struct strobe_walk *walk)
{
    if (walk->ahead)
        walk->copied_ns = walk->clock->now(walk->clock);
    walk->ahead = NULL;
}

/* A copy during which we lost the CPU shows several moments at once.  It takes much longer than copies usually do. */
static bool interrupted(struct strobe_walk *walk, const struct strobe_slot *slot, uint64_t start_ns)
{
    enum { HICCUP_NS = 1000 };
    uint64_t took = walk->clock->now(walk->clock) - start_ns, large = 0;

    for (uint32_t i = 0; i < slot->n_chunks; i++)
        large += slot->chunks[i].len / 4; /* 4 bytes a nanosecond: slower than any copy */
    if (!walk->copy_ns)
        walk->copy_ns = took;
    else if (took > walk->copy_ns) /* a step up or down each time: this settles at the median */
        walk->copy_ns += walk->copy_ns / 32 + 1;
    else
        walk->copy_ns -= walk->copy_ns / 32;
    return took > 2 * walk->copy_ns + HICCUP_NS + large;
}

/* Do the copied chunks cover the stack as the thread state, copied after them, describes it? */
static bool covered(const struct strobe_walk *walk, const struct strobe_slot *slot)
{
    const struct strobe_layout *lay = walk->lay;
    uint64_t chunk, top;

    if (lay->frames == STROBE_FRAMES_CFRAME && strobe_span_u64(walk->ts, lay->ts_frame) != slot->cframe)
        return false;
    if (lay->ts_chunk == STROBE_NONE)
        return true;
    chunk = strobe_span_u64(walk->ts, lay->ts_chunk);
    top = strobe_span_u64(walk->ts, lay->ts_chunk_top);
    if (!chunk)
        return true;
    return slot->n_chunks && slot->chunks[0].addr == chunk && top - chunk <= slot->chunks[0].len;
}

static bool is_that_thread(const struct strobe_walk *walk, const struct strobe_slot *slot)
{
    return strobe_span_u64(walk->ts, walk->lay->ts_interp) == slot->interp_addr && strobe_span_u64(walk->ts, walk->lay->ts_id) == slot->id;
}

/* Without windows: the thread state alone, of a thread that stands still; its frames are read one by one. */
static int read_state(struct strobe_walk *walk, struct strobe_slot *slot)
{
    int err = strobe_mem_read(walk->mem, slot->tstate, walk->ts, walk->lay->ts_size);

    if (err)
        return err == STROBE_ERR_FAULT ? STROBE_ERR_MISSING : err;
    if (!is_that_thread(walk, slot))
        return STROBE_ERR_MISSING;
    walk->copy.cframe_head = 0;
    if (walk->lay->frames != STROBE_FRAMES_CFRAME)
        return 0;
    slot->cframe = strobe_span_u64(walk->ts, walk->lay->ts_frame);
    return slot->cframe ? strobe_mem_u64(walk->mem, slot->cframe + walk->lay->cframe_current, &walk->copy.cframe_head) : 0;
}

static int read_thread(struct strobe_walk *walk, struct strobe_slot *slot, bool strict)
{
    enum { TRIES = 4 };
    const struct strobe_layout *lay = walk->lay;

    for (int i = 0; i < TRIES; i++) {
        bool copied = walk->ahead == slot;
        uint64_t start = strict ? warm_up(walk, slot) : 0;
        int err = copied ? 0 : copy_thread(walk, slot);

        walk->ahead = NULL;
        if (err == STROBE_ERR_FAULT && (slot->n_chunks || slot->cframe || slot->n_outside)) {
            slot->n_chunks = slot->n_outside = 0; /* a chunk was freed */
            slot->cframe = 0;
            continue;
        }
        if (err)
            return err == STROBE_ERR_FAULT ? STROBE_ERR_MISSING : err;
        if (strict && interrupted(walk, slot, start))
            continue;
        if (!is_that_thread(walk, slot))
            return STROBE_ERR_MISSING;
        if (covered(walk, slot))
            return 0;
        if (lay->frames == STROBE_FRAMES_CFRAME)
            slot->cframe = strobe_span_u64(walk->ts, lay->ts_frame);
        if (lay->ts_chunk != STROBE_NONE)
            predict_chunks(walk, slot, strobe_span_u64(walk->ts, lay->ts_chunk), strobe_span_u64(walk->ts, lay->ts_chunk_top),
                           strict ? 2 : STROBE_WINDOWS);
    }
    /* The last prediction was not copied. */
    slot->n_chunks = 0;
    walk->copy.n_windows = 0;
    return STROBE_ERR_TORN;
}

int strobe_walk_read(struct strobe_walk *walk, struct strobe_slot *slot, bool strict)
{
    const struct strobe_layout *lay = walk->lay;
    uint64_t outside[STROBE_OUTSIDE], known[STROBE_OUTSIDE];
    struct strobe_copy *copy = &walk->copy;
    struct strobe_frames_source source = {
        .mem = walk->mem, .lay = lay, .windows = copy->windows, .known = known, .outside = outside, .strict = strict,
    };
    int err = read_thread(walk, slot, strict);

    if (err == STROBE_ERR_TORN && !strict)
        err = read_state(walk, slot);
    if (err)
        goto done;
    if (strict && lay->frames == STROBE_FRAMES_HEAP && copy->n_windows)
        for (; source.n_known < slot->n_outside; source.n_known++)
            known[source.n_known] = slot->outside[source.n_known].addr;
    source.n_windows = copy->n_windows;
    source.n_chunks = copy->n_windows ? slot->n_chunks : 0;
    strobe_walk_identify(walk, slot);
    source.head = lay->frames == STROBE_FRAMES_CFRAME ? copy->cframe_head : strobe_span_u64(walk->ts, lay->ts_frame);
    source.base = lay->ts_base_frame == STROBE_NONE ? 0 : strobe_span_u64(walk->ts, lay->ts_base_frame);
    slot->context = lay->ts_context == STROBE_NONE ? 0 : strobe_span_u64(walk->ts, lay->ts_context);
    slot->attached = lay->ts_state != STROBE_NONE && strobe_span_u32(walk->ts, lay->ts_state) == lay->state_attached;
    slot->gil_requested = lay->ts_gil_requested != STROBE_NONE && strobe_span_u32(walk->ts, lay->ts_gil_requested);
    if (slot->frames.n && slot->frames.depth > STROBE_KEEP_INNER + STROBE_KEEP_OUTER && slot->before.cap == slot->frames.cap) {
        struct strobe_frames before = slot->frames;

        slot->frames = slot->before;
        slot->before = before;
    }
    /* Also where the last reading was thrown away: the one before it is as good to compare with. */
    if (slot->before.n && slot->before.depth > STROBE_KEEP_INNER + STROBE_KEEP_OUTER)
        source.before = &slot->before;
    err = strobe_frames_walk(&source, &slot->frames);
    note_outside(slot, outside, source.n_outside);
    slot->cramped = err == STROBE_ERR_LIMIT;
done:
    slot->error = err;
    if (err)
        slot->frames.n = 0;
    return err;
}
