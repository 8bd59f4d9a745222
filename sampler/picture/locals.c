/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/locals.h"

#include <string.h>

#include "base/clock.h"
#include "runtime/pyobj.h"

enum {
    REPR_PER_LEVEL = 128, /* py-spy's measure: characters of a value for each -l */
    MAX_REPR = 64 * 1024,
    MAX_LOCALS = 1000,    /* of one frame: a module's namespace may hold any number */
};

/* All reading of locals together, since the target may be paused meanwhile.  A frame of twenty variables takes some 100 us. */
static const uint64_t max_spent_ns = 200 * 1000 * 1000;

struct frame_locals {
    struct strobe_report_local *items;
    uint32_t n, cap;
    bool known;
};

struct strobe_locals_thread {
    struct strobe_locals_thread *next;
    uint64_t tstate;
    uint32_t n_frames;
    struct frame_locals *frames;
};

/* What a walk over one frame's variables needs. */
struct visit {
    struct strobe_locals *locals;
    struct strobe_mem *mem;
    struct frame_locals *frame;
    struct strobe_buf text; /* scratch */
};

void strobe_locals_init(struct strobe_locals *locals, const struct strobe_layout *layout, unsigned level)
{
    *locals = (struct strobe_locals){.layout = layout, .max_repr = (size_t)level * REPR_PER_LEVEL};
    if (level > MAX_REPR / REPR_PER_LEVEL)
        locals->max_repr = MAX_REPR;
}

void strobe_locals_release(struct strobe_locals *locals)
{
    strobe_arena_release(&locals->arena);
    locals->threads = NULL;
}

void strobe_locals_reset(struct strobe_locals *locals)
{
    strobe_arena_reset(&locals->arena);
    locals->threads = NULL;
    locals->cut_frames = 0;
    locals->spent_ns = 0;
}

static char *copy(struct strobe_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = strobe_arena_alloc(arena, size);

    return kept ? memcpy(kept, text, size) : NULL;
}

static int add_local(void *ctx, const struct strobe_local *local)
{
    struct visit *visit = ctx;
    struct frame_locals *frame = visit->frame;
    struct strobe_arena *arena = &visit->locals->arena;
    struct strobe_report_local item = {.addr = local->value, .is_arg = local->is_arg};

    if (frame->n == MAX_LOCALS)
        return 1;
    if (frame->n == frame->cap) {
        uint32_t cap = frame->cap ? 2 * frame->cap : 16;
        struct strobe_report_local *items = strobe_arena_alloc(arena, cap * sizeof *items);

        if (!items)
            return STROBE_ERR_NOMEM;
        if (frame->n)
            memcpy(items, frame->items, frame->n * sizeof *items);
        frame->items = items;
        frame->cap = cap;
    }
    strobe_buf_clear(&visit->text);
    strobe_py_repr(visit->mem, visit->locals->layout, local->value, visit->locals->max_repr, &visit->text);
    item.name = copy(arena, local->name);
    item.repr = copy(arena, strobe_buf_str(&visit->text));
    if (!item.name || !item.repr)
        return STROBE_ERR_NOMEM;
    frame->items[frame->n++] = item;
    return 0;
}

void strobe_locals_visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    struct strobe_locals *locals = ctx;
    struct strobe_clock *clock = strobe_clock_system();
    struct visit visit = {.locals = locals, .mem = mem, .text = STROBE_BUF_INIT};
    struct strobe_locals_thread *kept = strobe_arena_alloc(&locals->arena, sizeof *kept);
    uint64_t start = clock->now(clock), before = locals->spent_ns;

    if (!kept || !thread->n_frames)
        return;
    *kept = (struct strobe_locals_thread){.next = locals->threads, .tstate = thread->tstate, .n_frames = thread->n_frames};
    kept->frames = strobe_arena_alloc(&locals->arena, thread->n_frames * sizeof *kept->frames);
    if (!kept->frames)
        return;
    memset(kept->frames, 0, thread->n_frames * sizeof *kept->frames);
    for (uint32_t i = 0; i < thread->n_frames; i++) {
        const struct strobe_raw_frame *raw = &thread->frames[i];

        if (raw->code <= STROBE_CODE_UNREADABLE)
            continue;
        if (locals->spent_ns > max_spent_ns) {
            locals->cut_frames++;
            continue;
        }
        visit.frame = &kept->frames[i];
        visit.frame->known = strobe_py_locals(mem, locals->layout, raw->frame, raw->code, add_local, &visit) >= 0;
        locals->spent_ns = before + (clock->now(clock) - start);
    }
    strobe_buf_release(&visit.text);
    locals->threads = kept;
}

void strobe_locals_fill(const struct strobe_locals *locals, const struct strobe_thread *thread, uint32_t index,
                        struct strobe_report_frame *frame)
{
    const struct strobe_locals_thread *kept = locals->threads;

    /* The newest: a thread may have been read more than once until the reading was consistent. */
    while (kept && kept->tstate != thread->tstate)
        kept = kept->next;
    if (!kept || index >= kept->n_frames || kept->n_frames != thread->n_frames)
        return;
    frame->locals = kept->frames[index].items;
    frame->n_locals = kept->frames[index].n;
    frame->locals_known = kept->frames[index].known;
}
