/* SPDX-License-Identifier: Apache-2.0 */
/* tasktails_parts: what joins the files of the tasktails.
 *
 *   tasktails   what a task does, and with --blame what its holders do
 *   taillists   lists of tails with their parts of the whole
 *   tailmarks   the words in brackets
 *
 * May include: tasktails.h.  Memory: the tails' arena, of this tick.  Threads: one. */
#ifndef STROBE_BILLING_TASKTAILS_PARTS_H
#define STROBE_BILLING_TASKTAILS_PARTS_H

#include "billing/tasktails.h"

enum {
    STROBE_TAIL_WHOLE = 1 << 20, /* parts of a list of tails */
    STROBE_TAIL_FRAMES = 256,    /* frames of one tail */
};

int strobe_tail_list_init(struct strobe_tails *tails, struct strobe_tail_list *list, uint32_t cap);
/* Appends head followed by tail; equal ones are added up, those beyond the room are one, "[others]" below head[0]. */
int strobe_tail_list_add(struct strobe_tails *tails, struct strobe_tail_list *list, const uint32_t *head, uint32_t n_head,
                         const struct strobe_await_tail *tail, uint64_t parts);
/* Appends all of `from` behind head, as `parts` of the whole. */
int strobe_tail_list_append(struct strobe_tails *tails, struct strobe_tail_list *list, const uint32_t *head, uint32_t n_head,
                            const struct strobe_tail_list *from, uint64_t parts);
/* A list of this marker alone. */
int strobe_tail_list_of(struct strobe_tails *tails, struct strobe_tail_list *list, uint32_t id);

/* ret: the id of an interned marker. */
int strobe_tails_mark(struct strobe_tails *tails, const char *text, uint32_t *ret);
/* "[waiting: LABEL]", or "[LABEL]" where the blame goes on below it. */
int strobe_tails_mark_wait(struct strobe_tails *tails, uint32_t wait, bool goes_on, uint32_t *ret);
/* The number of tasks is that of the moment when the wait was first seen, so that one wait is one leaf while its tasks end one by one. */
int strobe_tails_mark_tasks(struct strobe_tails *tails, uint32_t index, uint32_t *ret);
/* "[waiting: ThreadPoolExecutor pricing]", or "[ThreadPoolExecutor pricing 4/4]" where the blame goes on below it. */
int strobe_tails_mark_pool(struct strobe_tails *tails, uint32_t index, bool goes_on, uint32_t *ret);
/* "[held by request-*]"; see tasktails.h. */
int strobe_tails_mark_holder(struct strobe_tails *tails, const struct strobe_task *task, uint32_t *ret);

#endif
