/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and stacks of a look at tasks: each distinct stack is resolved once. */
#include "picture/tasked_parts.h"

#include <string.h>

#include "base/grow.h"

const char *strobe_tasked_keep(struct strobe_tasked *tasked, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = size > 1 ? strobe_arena_alloc(&tasked->arena, size) : NULL;

    return kept ? memcpy(kept, text, size) : "";
}

const char *strobe_tasked_keep_buf(struct strobe_tasked *tasked, struct strobe_buf *text)
{
    const char *kept = strobe_tasked_keep(tasked, strobe_buf_str(text));

    strobe_buf_release(text);
    return kept;
}

static const char *mark_of(struct strobe_tasked *tasked, const struct strobe_raw_frame *raw)
{
    struct strobe_buf text = STROBE_BUF_INIT;

    if (raw->code != STROBE_CODE_ELIDED)
        return "<unreadable>";
    strobe_buf_puts(&text, "... ");
    strobe_buf_grouped(&text, raw->instr);
    strobe_buf_printf(&text, " frame%s left out ...", raw->instr == 1 ? "" : "s");
    return strobe_tasked_keep_buf(tasked, &text);
}

static int resolve_stack(struct strobe_tasked *tasked, struct strobe_tasked_stack *stack)
{
    stack->ids = strobe_arena_alloc(&tasked->arena, (stack->n_raw + 1) * sizeof *stack->ids);
    stack->frames = strobe_arena_alloc(&tasked->arena, (stack->n_raw + 1) * sizeof *stack->frames);
    if (!stack->ids || !stack->frames)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < stack->n_raw; i++) {
        const struct strobe_raw_frame *raw = &stack->raw[i];
        int err = raw->code <= STROBE_CODE_UNREADABLE
                      ? STROBE_ERR_OBJECT : strobe_codes_resolve(tasked->codes, raw->code, (int64_t)raw->instr, &stack->ids[stack->n]);

        if (err == STROBE_ERR_NOMEM)
            return err;
        if (err == STROBE_ERR_MISSING)
            continue;
        stack->frames[stack->n++] = (struct strobe_report_frame){.mark = err ? mark_of(tasked, raw) : NULL};
    }
    return 0;
}

/* The index of a stack among the resolved; frames point into the table of names only after strobe_tasked_finish_stacks(). */
int strobe_tasked_stack(struct strobe_tasked *tasked, const struct strobe_raw_frame *raw, uint32_t n, const uint64_t hash[2], uint32_t *ret)
{
    uint64_t *known = strobe_htab_get(&tasked->stacks, hash[0], hash[1]);
    struct strobe_tasked_stack *stack;

    if (known) {
        *ret = (uint32_t)*known;
        return 0;
    }
    if (strobe_grow(&tasked->resolved, &tasked->cap_resolved, tasked->n_resolved + 1, sizeof *tasked->resolved) ||
        strobe_htab_put(&tasked->stacks, hash[0], hash[1], tasked->n_resolved))
        return STROBE_ERR_NOMEM;
    stack = &tasked->resolved[tasked->n_resolved];
    *stack = (struct strobe_tasked_stack){.raw = raw, .n_raw = n};
    *ret = (uint32_t)tasked->n_resolved++;
    return resolve_stack(tasked, stack);
}

/* The table of frames moves while it grows: addresses into it are taken when all is in. */
void strobe_tasked_finish_stacks(struct strobe_tasked *tasked)
{
    for (size_t s = 0; s < tasked->n_resolved; s++)
        for (uint32_t i = 0; i < tasked->resolved[s].n; i++)
            if (!tasked->resolved[s].frames[i].mark)
                tasked->resolved[s].frames[i].frame = strobe_names_get(tasked->names, tasked->resolved[s].ids[i]);
}

/* The C function that the innermost of n frames of a thread is in. */
const char *strobe_tasked_leaf(struct strobe_tasked *tasked, const struct strobe_raw_frame *frames, uint32_t n)
{
    const char *text;

    return n && !strobe_callnames_of(&tasked->calls, frames, &text) ? strobe_tasked_keep(tasked, text) : "";
}
