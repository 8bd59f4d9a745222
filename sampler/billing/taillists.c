/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/tasktails_parts.h"

#include <string.h>

#include "base/err.h"

int strobe_tail_list_init(struct strobe_tails *tails, struct strobe_tail_list *list, uint32_t cap)
{
    *list = (struct strobe_tail_list){.tails = strobe_arena_alloc(&tails->arena, cap * sizeof *list->tails), .cap = cap};
    return list->tails ? 0 : STROBE_ERR_NOMEM;
}

int strobe_tail_list_add(struct strobe_tails *tails, struct strobe_tail_list *list, const uint32_t *head, uint32_t n_head,
                         const struct strobe_await_tail *tail, uint64_t parts)
{
    uint32_t n = n_head + (tail ? tail->n : 0), others[2], *frames;

    if (!parts)
        parts = 1;
    if (n > STROBE_TAIL_FRAMES)
        n = STROBE_TAIL_FRAMES;
    for (uint32_t i = 0; i < list->n; i++) {
        struct strobe_await_tail *at = &list->tails[i];

        if (at->n == n && (!n_head || memcmp(at->frames, head, n_head * sizeof *head) == 0) &&
            (!tail || memcmp(at->frames + n_head, tail->frames, (n - n_head) * sizeof *head) == 0)) {
            at->parts += (uint32_t)parts;
            return 0;
        }
    }
    if (list->n == list->cap) {
        list->tails[list->n - 1].parts += (uint32_t)parts;
        return 0;
    }
    if (list->cap > 1 && list->n == list->cap - 1) { /* the last place is that of all that find none */
        int err = strobe_tails_mark(tails, "[others]", &others[n_head > 0]);

        if (err)
            return err;
        if (n_head)
            others[0] = head[0];
        head = others;
        n = n_head = 1 + (n_head > 0);
        tail = NULL;
    }
    frames = strobe_arena_alloc(&tails->arena, (n + 1) * sizeof *frames);
    if (!frames)
        return STROBE_ERR_NOMEM;
    if (n_head)
        memcpy(frames, head, n_head * sizeof *frames);
    if (tail)
        memcpy(frames + n_head, tail->frames, (n - n_head) * sizeof *frames);
    list->tails[list->n++] = (struct strobe_await_tail){frames, n, (uint32_t)parts};
    return 0;
}

int strobe_tail_list_append(struct strobe_tails *tails, struct strobe_tail_list *list, const uint32_t *head, uint32_t n_head,
                            const struct strobe_tail_list *from, uint64_t parts)
{
    uint64_t total = 0;
    int err = 0;

    for (uint32_t i = 0; i < from->n; i++)
        total += from->tails[i].parts;
    if (!from->n)
        return strobe_tail_list_add(tails, list, head, n_head, NULL, parts);
    for (uint32_t i = 0; !err && i < from->n; i++)
        err = strobe_tail_list_add(tails, list, head, n_head, &from->tails[i], parts * from->tails[i].parts / total);
    return err;
}

int strobe_tail_list_of(struct strobe_tails *tails, struct strobe_tail_list *list, uint32_t id)
{
    int err = strobe_tail_list_init(tails, list, 1);

    return err ? err : strobe_tail_list_add(tails, list, &id, 1, NULL, STROBE_TAIL_WHOLE);
}
