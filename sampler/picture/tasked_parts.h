/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a look at tasks, private to tools/tasked*.c: texts and stacks (tasked_stacks.c), what is waited for and the pools
 * (tasked_things.c), which of their names hold (tasked_names.c), futures made by hand (tasked_futures.c), the tasks (tasked_tasks.c), the
 * threads that wait for them (tasked_links.c).  May include: what tasked.h may. */
#ifndef STROBE_PICTURE_TASKED_PARTS_H
#define STROBE_PICTURE_TASKED_PARTS_H

#include "naming/waitnames.h"
#include "picture/tasked.h"

/* A stack that was resolved: tasks with equal stacks share it. */
struct strobe_tasked_stack {
    const struct strobe_raw_frame *raw;
    uint32_t n_raw, n;
    uint32_t *ids;
    struct strobe_report_frame *frames;
};

/* Copies of texts in the arena; "" when memory is short.  keep_buf releases the buffer. */
const char *strobe_tasked_keep(struct strobe_tasked *tasked, const char *text);
const char *strobe_tasked_keep_buf(struct strobe_tasked *tasked, struct strobe_buf *text);
/* The last part of a type's name, and its module; "" = unknown. */
void strobe_tasked_type_name(struct strobe_tasked *tasked, uint64_t type, const char **ret_name, const char **ret_module);
/* The index of a stack among the resolved; its frames point into the table of names only after finish_stacks. */
int strobe_tasked_stack(struct strobe_tasked *tasked, const struct strobe_raw_frame *raw, uint32_t n, const uint64_t hash[2],
                        uint32_t *ret);
/* The table of frames moves while it grows: addresses into it are taken when all is in. */
void strobe_tasked_finish_stacks(struct strobe_tasked *tasked);
/* The C function that the innermost of these frames is in; "" = none, or not known. */
const char *strobe_tasked_leaf(struct strobe_tasked *tasked, const struct strobe_raw_frame *frames, uint32_t n);

/* The values of the context variable that is asked for, before the tasks go on: first as it was read with them; where there is none then,
 * that may be older than the task, and is read anew. */
int strobe_tasked_read_contexts(struct strobe_tasked *tasked);
/* Each fills its part of the report; pools before waits before futures before tasks before links. */
int strobe_tasked_fill_pools(struct strobe_tasked *tasked, const struct strobe_sample *threads);
int strobe_tasked_fill_waits(struct strobe_tasked *tasked);
/* Takes the names away that are not true wherever they would be shown, and marks those that several things have.  variables: by wait,
 * what each name begins with.  STROBE_ERR_NOMEM. */
int strobe_tasked_check_names(struct strobe_tasked *tasked, struct strobe_report_wait *waits, const struct strobe_wait_variable *variables);
int strobe_tasked_fill_futures(struct strobe_tasked *tasked);
int strobe_tasked_fill_tasks(struct strobe_tasked *tasked, const struct strobe_sample *threads);
int strobe_tasked_fill_links(struct strobe_tasked *tasked, const struct strobe_sample *threads);
/* Which loops the threads run (tasked->loops): before tasks and links. */
int strobe_tasked_list_loops(struct strobe_tasked *tasked, const struct strobe_sample *threads);
void strobe_tasked_finish_workers(struct strobe_tasked *tasked);

#endif
