/* SPDX-License-Identifier: Apache-2.0 */
#include "stackids.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"

enum { MAX_KNOWN = 50000 }; /* stacks remembered; then the memory starts over */

struct strobe_known_stack {
    uint32_t leaf;
    uint64_t stamp; /* when its code objects were last verified */
};

int strobe_stackids_init(struct strobe_stackids *ids, struct strobe_codes *codes, struct strobe_names *names, struct strobe_agg *agg)
{
    *ids = (struct strobe_stackids){.codes = codes, .names = names, .agg = agg, .epoch = strobe_codes_epoch(codes)};
    return 0;
}

void strobe_stackids_release(struct strobe_stackids *ids)
{
    strobe_htab_release(&ids->known);
    free(ids->stacks);
    free(ids->ids);
}

struct stack_key {
    uint64_t a, b;
};

/* The key of a stack alone is its hash; with roots, a marker or a second stack around it, all of those. */
static struct stack_key key_of(const struct strobe_thread *thread)
{
    return (struct stack_key){thread->hash[0], thread->hash[1]};
}

static void add_to_key(struct stack_key *key, uint64_t a, uint64_t b)
{
    key->a = (key->a ^ (a + 1)) * 0x9e3779b97f4a7c15ull;
    key->a ^= key->a >> 29;
    key->b = (key->b ^ (b + 1)) * 0xc2b2ae3d27d4eb4full;
    key->b ^= key->b >> 29;
}

static struct strobe_known_stack *find(const struct strobe_stackids *ids, struct stack_key key)
{
    uint64_t *at = strobe_htab_get(&ids->known, key.a, key.b);

    return at ? &ids->stacks[*at] : NULL;
}

void strobe_stackids_clear(struct strobe_stackids *ids)
{
    strobe_prints_clear(&ids->prints);
}

void strobe_stackids_visit(struct strobe_stackids *ids, const struct strobe_thread *thread, uint64_t stamp)
{
    const struct strobe_known_stack *known = find(ids, key_of(thread));

    if (known && known->stamp == stamp && ids->epoch == strobe_codes_epoch(ids->codes))
        return;
    strobe_prints_take(&ids->prints, ids->codes, thread);
}

static void forget_stale(struct strobe_stackids *ids)
{
    if (ids->epoch == strobe_codes_epoch(ids->codes) && ids->n_stacks < MAX_KNOWN)
        return;
    strobe_htab_clear(&ids->known);
    ids->n_stacks = 0;
    ids->epoch = strobe_codes_epoch(ids->codes);
}

void strobe_stackids_begin(struct strobe_stackids *ids)
{
    strobe_prints_hold(&ids->prints, ids->codes);
    forget_stale(ids);
}

static int remember(struct strobe_stackids *ids, struct stack_key key, uint32_t leaf, uint64_t stamp)
{
    struct strobe_known_stack *known = find(ids, key);

    if (known) {
        *known = (struct strobe_known_stack){leaf, stamp};
        return 0;
    }
    if (strobe_grow(&ids->stacks, &ids->cap_stacks, ids->n_stacks + 1, sizeof *ids->stacks))
        return STROBE_ERR_NOMEM;
    ids->stacks[ids->n_stacks] = (struct strobe_known_stack){leaf, stamp};
    return strobe_htab_put(&ids->known, key.a, key.b, ids->n_stacks++);
}

static int push_id(struct strobe_stackids *ids, uint32_t id)
{
    if (strobe_grow(&ids->ids, &ids->cap_ids, ids->n_ids + 1, sizeof *ids->ids))
        return STROBE_ERR_NOMEM;
    ids->ids[ids->n_ids++] = id;
    return 0;
}

static int resolve_frame(struct strobe_stackids *ids, const struct strobe_raw_frame *frame, uint32_t *ret_id)
{
    int err;

    if (frame->code == STROBE_CODE_ELIDED)
        return strobe_names_marker(ids->names, "(frames left out)", ret_id);
    if (frame->code == STROBE_CODE_UNREADABLE)
        return strobe_names_marker(ids->names, "(unreadable)", ret_id);
    err = strobe_codes_resolve(ids->codes, frame->code, (int64_t)frame->instr, ret_id);
    return err == STROBE_ERR_OBJECT ? STROBE_ERR_TORN : err;
}

static int resolve_stack(struct strobe_stackids *ids, const struct strobe_thread *thread)
{
    uint32_t id = 0;
    int err = 0;

    for (uint32_t i = thread->n_frames; i-- > 0 && !err;) {
        err = resolve_frame(ids, &thread->frames[i], &id);
        if (!err)
            err = push_id(ids, id);
        else if (err == STROBE_ERR_MISSING)
            err = 0; /* not set up yet */
    }
    return err;
}

int strobe_stackids_leaf(struct strobe_stackids *ids, const uint32_t *roots, uint32_t n_roots, const struct strobe_thread *thread,
                         const struct strobe_thread *second, uint32_t inner, uint64_t stamp, uint32_t *ret_leaf)
{
    struct stack_key key = key_of(thread);
    struct strobe_known_stack *known;
    bool alone = !n_roots && !inner && !second;
    uint32_t leaf;
    int err = 0;

    for (uint32_t i = 0; i < n_roots; i++)
        add_to_key(&key, roots[i], roots[i]);
    if (inner)
        add_to_key(&key, ~(uint64_t)inner, ~(uint64_t)inner);
    if (second)
        add_to_key(&key, second->hash[0], second->hash[1]);
    known = find(ids, key);
    if (known) {
        known->stamp = stamp;
        *ret_leaf = known->leaf;
        return alone ? 0 : remember(ids, key_of(thread), known->leaf, stamp);
    }
    ids->n_ids = 0;
    for (uint32_t i = 0; i < n_roots && !err; i++)
        err = push_id(ids, roots[i]);
    if (!err)
        err = resolve_stack(ids, thread);
    if (!err && second)
        err = resolve_stack(ids, second);
    if (!err && inner)
        err = push_id(ids, inner);
    /* What was resolved just now was read after the target ran on: the fingerprints say whether it is still the same. */
    if (!err && !strobe_prints_hold(&ids->prints, ids->codes))
        err = STROBE_ERR_TORN;
    if (err) {
        forget_stale(ids);
        return err;
    }
    if ((err = strobe_agg_stack(ids->agg, ids->ids, ids->n_ids, &leaf)) || (err = remember(ids, key, leaf, stamp)))
        return err;
    *ret_leaf = leaf;
    /* The next visit asks for the stack alone: it was verified at this stamp. */
    return alone ? 0 : remember(ids, key_of(thread), leaf, stamp);
}
