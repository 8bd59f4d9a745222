/* SPDX-License-Identifier: Apache-2.0 */
/* tail: the known outer part of a deep stack, which is not read again.  Private to walk/.  No allocation. */
#ifndef STROBE_WALK_TAIL_H
#define STROBE_WALK_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "walk/frames.h"

struct strobe_tail {
    const struct strobe_frames *before; /* the same thread's frames as read before; NULL: nothing to compare with */
    uint32_t run, next;                 /* frames matched in a row; position in before of the next one */
};

/* Called after each frame.  True: the inner end is full, and its outer half is what it was. */
bool strobe_tail_is_known(struct strobe_tail *tail, const struct strobe_frames *frames);
/* Completes a stack whose inner end was read with the outer end it had before.  False: that end has changed; frames is as it was. */
bool strobe_tail_reuse(struct strobe_frames_source *source, const struct strobe_tail *tail, struct strobe_frames *frames);

#endif
