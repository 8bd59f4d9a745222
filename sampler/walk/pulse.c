/* SPDX-License-Identifier: Apache-2.0 */
/* The small words that tell whether anything moved. */
#include "walk/walk.h"

#include <string.h>

static void parse_gil(const struct strobe_layout *lay, const unsigned char *span, struct strobe_gil_words *ret_words)
{
    ret_words->last_holder = strobe_span_u64(span, lay->gil_last_holder);
    ret_words->switch_number = strobe_span_u64(span, lay->gil_switch_number);
    ret_words->locked = (int32_t)strobe_span_u32(span, lay->gil_locked);
    ret_words->enabled = lay->gil_enabled == STROBE_NONE ? 1 : (int32_t)strobe_span_u32(span, lay->gil_enabled);
}

int strobe_walk_gil(struct strobe_walk *walk, uint64_t gil, struct strobe_gil_words *ret_words)
{
    unsigned char span[STROBE_GIL_SPAN];
    int err = strobe_mem_readv(walk->mem, &(struct strobe_mem_seg){gil, span, walk->lay->gil_switch_number + 8}, 1);

    if (!err)
        parse_gil(walk->lay, span, ret_words);
    return err;
}

/* The words of one interpreter that a pulse reads. */
struct beat {
    uint64_t head, code_generation;
    int32_t collecting;
};

static size_t add_beat(const struct strobe_walk *walk, uint64_t interp, struct beat *beat, struct strobe_mem_seg *segs)
{
    const struct strobe_layout *lay = walk->lay;
    size_t n = 0;

    *beat = (struct beat){0, 0, 0};
    segs[n++] = (struct strobe_mem_seg){interp + lay->in_threads_head, &beat->head, 8};
    if (lay->in_gc_collecting != STROBE_NONE)
        segs[n++] = (struct strobe_mem_seg){interp + lay->in_gc_collecting, &beat->collecting, 4};
    else
        segs[n++] = (struct strobe_mem_seg){lay->runtime + lay->rt_gc_collecting, &beat->collecting, 4};
    if (lay->in_code_generation != STROBE_NONE)
        segs[n++] = (struct strobe_mem_seg){interp + lay->in_code_generation, &beat->code_generation, 8};
    return n;
}

/* The interpreters' beats from `first` on, the GIL's words, then `ahead` and the words again.
 * Returns how many interpreters were read, or an error. */
static int read_beats(struct strobe_walk *walk, uint64_t gil, uint32_t first, struct strobe_slot *ahead, struct strobe_gil_words *ret_words,
                      bool *ret_same)
{
    enum { BATCH = 16 };
    const struct strobe_layout *lay = walk->lay;
    struct beat beats[BATCH];
    struct strobe_mem_seg segs[3 * BATCH + 3 + STROBE_COPY_SEGS];
    unsigned char before[STROBE_GIL_SPAN], after[STROBE_GIL_SPAN];
    uint32_t span = lay->gil_switch_number + 8, n = 0;
    uint64_t runtime_head;
    size_t n_segs = 0;
    int err;

    segs[n_segs++] = (struct strobe_mem_seg){lay->runtime + lay->rt_interpreters_head, &runtime_head, 8};
    for (; n < BATCH && first + n < walk->n_interps; n++)
        n_segs += add_beat(walk, walk->interps[first + n].addr, &beats[n], segs + n_segs);
    segs[n_segs++] = (struct strobe_mem_seg){gil, before, span};
    if (ahead) {
        n_segs += strobe_walk_plan_copy(walk, ahead, segs + n_segs);
        segs[n_segs++] = (struct strobe_mem_seg){gil, after, span};
    }
    if ((err = strobe_mem_readv(walk->mem, segs, n_segs)))
        return err;
    walk->ahead = ahead && !memcmp(before, after, span) ? ahead : NULL;
    parse_gil(lay, before, ret_words);
    *ret_same = runtime_head == walk->runtime_head;
    for (uint32_t i = 0; i < n; i++) {
        struct strobe_interp *interp = &walk->interps[first + i];

        *ret_same = *ret_same && beats[i].head == interp->head;
        interp->collecting = beats[i].collecting;
        interp->code_generation = beats[i].code_generation;
    }
    return (int)n;
}

int strobe_walk_pulse(struct strobe_walk *walk, uint64_t gil, struct strobe_slot *ahead, struct strobe_gil_words *ret_words, bool *ret_same)
{
    struct strobe_gil_words later;
    const struct strobe_slot *copied;
    bool same;
    int n = STROBE_ERR_FAULT;

    if (ahead)
        n = read_beats(walk, gil, 0, ahead, ret_words, ret_same);
    if (n == STROBE_ERR_FAULT) /* with `ahead`: its stack has moved */
        n = read_beats(walk, gil, 0, NULL, ret_words, ret_same);
    if (n < 0)
        return n;
    copied = walk->ahead;
    for (uint32_t done = (uint32_t)n; done < walk->n_interps; done += (uint32_t)n) {
        n = read_beats(walk, gil, done, NULL, &later, &same);
        if (n < 0)
            return n;
        *ret_same = *ret_same && same;
    }
    walk->ahead = copied;
    return 0;
}
