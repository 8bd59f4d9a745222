/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/loopsteps.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "mem/mem.h"
#include "runtime/pyobj.h"

enum { MAX_THREADS = 256 }; /* that are remembered */

struct strobe_loopsteps_thread {
    uint64_t tstate, id;
    uint64_t frame, code; /* of _run_once(), when its variables were read; 0 = they were not */
    struct strobe_loopstep step;
};

void strobe_loopsteps_init(struct strobe_loopsteps *steps, const struct strobe_layout *lay, struct strobe_coderoles *codes)
{
    *steps = (struct strobe_loopsteps){.lay = lay, .codes = codes};
}

void strobe_loopsteps_release(struct strobe_loopsteps *steps)
{
    free(steps->at);
    *steps = (struct strobe_loopsteps){.lay = NULL};
}

static struct strobe_loopsteps_thread *find(struct strobe_loopsteps *steps, const struct strobe_thread *thread)
{
    for (size_t i = 0; i < steps->n; i++)
        if (steps->at[i].tstate == thread->tstate && steps->at[i].id == thread->tstate_id)
            return &steps->at[i];
    return NULL;
}

int strobe_loopsteps_add(struct strobe_loopsteps *steps, const struct strobe_thread *thread)
{
    if (find(steps, thread))
        return 0;
    if (steps->n == MAX_THREADS)
        steps->n = 0;
    if (strobe_grow(&steps->at, &steps->cap, steps->n + 1, sizeof *steps->at))
        return STROBE_ERR_NOMEM;
    steps->at[steps->n++] = (struct strobe_loopsteps_thread){.tstate = thread->tstate, .id = thread->tstate_id};
    return 0;
}

/* Past the reader's caches: two calls, the slots and what is in them. */
static int read_step(const struct strobe_layout *lay, struct strobe_mem *mem, const struct strobe_raw_frame *frame,
                     const struct strobe_code_entry *entry, struct strobe_loopstep *ret)
{
    uint64_t code, end_time, handles, bits, tag, slots = frame->frame + lay->fr_localsplus;
    uint32_t digit;
    struct strobe_mem_seg words[3] = {{frame->frame + lay->fr_code, &code, sizeof code},
                                      {slots + 8 * (uint64_t)entry->slot[0], &end_time, sizeof end_time},
                                      {slots + 8 * (uint64_t)entry->slot[1], &handles, sizeof handles}};
    int err = strobe_mem_readv(mem, words, 3);

    if (err)
        return err;
    end_time = strobe_py_untag(lay, end_time);
    handles = strobe_py_untag(lay, handles);
    if ((code & ~(uint64_t)lay->pointer_mask_low) != frame->code || !end_time || !handles)
        return STROBE_ERR_MISSING;
    words[0] = (struct strobe_mem_seg){end_time + lay->float_value, &bits, sizeof bits};
    words[1] = (struct strobe_mem_seg){handles + lay->long_tag, &tag, sizeof tag};
    words[2] = (struct strobe_mem_seg){handles + lay->long_digit, &digit, sizeof digit};
    err = strobe_mem_readv(mem, words, 3);
    if (err)
        return err;
    memcpy(&ret->end_time, &bits, sizeof bits);
    ret->handles = tag >> lay->long_shift ? digit : 0; /* no turn has more handles than one digit counts */
    return 0;
}

void strobe_loopsteps_visit(struct strobe_loopsteps *steps, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    struct strobe_loopsteps_thread *to = find(steps, thread);

    if (!to)
        return;
    to->code = 0;
    for (uint32_t i = 0; i < thread->n_frames; i++) {
        const struct strobe_code_entry *entry = strobe_coderoles_known(steps->codes, thread->frames[i].code);

        if (!entry || entry->role != STROBE_CODE_STEPS)
            continue;
        if (entry->slot[0] >= 0 && entry->slot[1] >= 0 && !read_step(steps->lay, mem, &thread->frames[i], entry, &to->step)) {
            to->frame = thread->frames[i].frame;
            to->code = thread->frames[i].code;
        }
        return;
    }
}

bool strobe_loopsteps_get(struct strobe_loopsteps *steps, const struct strobe_thread *thread, const struct strobe_raw_frame *run_once,
                          struct strobe_loopstep *ret)
{
    const struct strobe_code_entry *entry = strobe_coderoles_get(steps->codes, run_once->code); /* known from now on, to visits too */
    const struct strobe_loopsteps_thread *from = find(steps, thread);

    if (!from || !from->code || from->frame != run_once->frame || from->code != run_once->code || !entry ||
        entry->role != STROBE_CODE_STEPS)
        return false;
    *ret = from->step;
    return true;
}
