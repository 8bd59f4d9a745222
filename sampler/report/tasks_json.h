/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_json: `ps --json` and `pstree --json`; for those and for `dump --json --asyncio`, values made as tasks are gone through.  Equal
 * stacks and ids are one JSON value that is referred to from many places.
 * Private to report.  May include: report/tasks_parts.h, jansson.  Memory: the writer's own; values are new references, NULL when
 * memory is short. */
#ifndef STROBE_REPORT_TASKS_JSON_H
#define STROBE_REPORT_TASKS_JSON_H

#include "report/json.h"
#include "report/tasks_parts.h"

struct strobe_tasks_writer {
    const struct strobe_tasks_index *index;
    json_t **ids;    /* by task: "0x7f..." */
    json_t **stacks; /* by class of stacks */
    bool failed;     /* memory was short */
};

/* index: borrowed.  0 or STROBE_ERR_NOMEM; release in any case. */
int strobe_tasks_writer_init(struct strobe_tasks_writer *w, const struct strobe_tasks_index *index);
void strobe_tasks_writer_release(struct strobe_tasks_writer *w);
/* Take the value over. */
void strobe_tasks_json_set(struct strobe_tasks_writer *w, json_t *object, const char *key, json_t *value);
void strobe_tasks_json_append(struct strobe_tasks_writer *w, json_t *list, json_t *value);

json_t *strobe_tasks_json_id(struct strobe_tasks_writer *w, uint32_t task);
/* Ids of the tasks that wait for it. */
json_t *strobe_tasks_json_awaiters(struct strobe_tasks_writer *w, uint32_t task);
/* Each null for what is not there: 0; NULL or ""; 0 and below. */
json_t *strobe_tasks_json_hex(uint64_t address);
json_t *strobe_tasks_json_text(const char *text);
json_t *strobe_tasks_json_positive(int64_t n);

#endif
