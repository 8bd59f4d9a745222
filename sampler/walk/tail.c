/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/tail.h"

#include <string.h>

enum {
    MATCH = STROBE_KEEP_INNER / 2, /* frames in a row that must be as before */
    STRIDE = 64,                   /* of the frames before, every 64th is looked for */
    CHECK_OUTER = 64,              /* outermost frames that are read again */
};

static bool same_frame(const struct strobe_raw_frame *a, const struct strobe_raw_frame *b)
{
    return a->frame == b->frame && a->code == b->code && a->instr == b->instr;
}

bool strobe_tail_is_known(struct strobe_tail *tail, const struct strobe_frames *frames)
{
    const struct strobe_raw_frame *last = &frames->at[frames->depth - 1];

    if (!tail->before || frames->depth > STROBE_KEEP_INNER)
        return false;
    if (tail->run && tail->next < STROBE_KEEP_INNER && same_frame(last, &tail->before->at[tail->next])) {
        tail->run++;
        tail->next++;
    } else {
        tail->run = 0;
        for (uint32_t i = 0; i < STROBE_KEEP_INNER && !tail->run; i += STRIDE)
            if (same_frame(last, &tail->before->at[i])) {
                tail->run = 1;
                tail->next = i + 1;
            }
    }
    return frames->depth == STROBE_KEEP_INNER && tail->run >= MATCH;
}

bool strobe_tail_reuse(struct strobe_frames_source *src, const struct strobe_tail *tail, struct strobe_frames *frames)
{
    const struct strobe_frames *before = tail->before;
    const struct strobe_raw_frame *outer = before->at + STROBE_KEEP_INNER + 1;
    struct strobe_raw_frame now;

    for (uint32_t i = STROBE_KEEP_OUTER - CHECK_OUTER; i < STROBE_KEEP_OUTER; i++)
        if (outer[i].code != STROBE_CODE_UNREADABLE && (strobe_frames_read_one(src, outer[i].frame, &now) || !same_frame(&now, &outer[i])))
            return false;
    if (frames->cap < STROBE_KEEP_FRAMES)
        return false;
    frames->depth = STROBE_KEEP_INNER + before->depth - tail->next;
    frames->n = STROBE_KEEP_FRAMES;
    frames->at[STROBE_KEEP_INNER] =
        (struct strobe_raw_frame){STROBE_CODE_ELIDED, frames->depth - STROBE_KEEP_INNER - STROBE_KEEP_OUTER, 0};
    memcpy(frames->at + STROBE_KEEP_INNER + 1, outer, STROBE_KEEP_OUTER * sizeof *outer);
    return true;
}
