/* SPDX-License-Identifier: Apache-2.0 */
/* tasktails: what stands below a task's own frames in a profile: "[waiting: Semaphore PriceClient._price_semaphore]", "[ready: loop
 * busy]"; with --blame not the wait but its cause:
 *
 *   [Semaphore PriceClient._price_semaphore] ── [held by request-*] ── [ThreadPoolExecutor pricing 4/4] ── _blocking_lookup
 *
 * With k holders each gets 1/k; a call that is queued blames the calls that its pool is in, equally.  Names that differ in digits only
 * are one; holders beyond STROBE_FEWMARKS_MAX distinct names are "[held by (other)]".
 * May include: naming, agg, walk, runtime, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_BILLING_TASKTAILS_H
#define STROBE_BILLING_TASKTAILS_H

#include "agg/await.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/htab.h"
#include "base/names.h"
#include "billing/fewmarks.h"
#include "naming/callnames.h"
#include "runtime/code.h"
#include "walk/pools.h"
#include "walk/taskreader.h"

/* Tails of one wait or task: at most STROBE_TAILS_MAX, equal ones together. */
enum { STROBE_TAILS_MAX = 64 };
struct strobe_tail_list {
    struct strobe_await_tail *tails;
    uint32_t n, cap;
    bool known, open; /* of this tick; open: being made, so whoever meets it again has found a circle */
};

struct strobe_tails {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_names *names;
    struct strobe_codes *codes;
    struct strobe_taskreader *reader;
    bool blame;
    struct strobe_pools pools;
    struct strobe_callnames calls;
    struct strobe_htab labels, labels_before; /* of waits -> marker: of this tick and the one before, what is not met again is forgotten */
    struct strobe_htab counts, before; /* (task, future) -> tasks it waits for, when that was first seen */
    struct strobe_fewmarks holder_marks;  /* tasks may be named by random letters */
    struct strobe_buf text, name;      /* scratch, for markers */
    struct strobe_arena arena;         /* of this tick */
    const struct strobe_sample *threads;
    const struct strobe_task_sample *sample;
    uint32_t *awaited;                 /* by task: how many tasks it waits for */
    uint32_t *first_holder, *holders;  /* by wait: tasks that hold it, in `holders` */
    struct strobe_tail_list **waits;   /* with blame: by wait, then by how deep it is met; NULL = not met yet */
    struct strobe_tail_list *pool_tails; /* by pool: what its busy workers do */
    uint32_t ready_marker;
};

/* All borrowed. */
void strobe_tails_init(struct strobe_tails *tails, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_names *names,
                       struct strobe_codes *codes, struct strobe_taskreader *reader, bool blame);
void strobe_tails_release(struct strobe_tails *tails);
/* A tick's samples, borrowed until the next. */
int strobe_tails_begin(struct strobe_tails *tails, const struct strobe_sample *threads, const struct strobe_task_sample *sample);
/* The tails of a task, valid until the next tick; of one that runs the C function that it is blocked in, or none. */
int strobe_tails_of(struct strobe_tails *tails, uint32_t task, const struct strobe_await_tail **ret_tails, uint32_t *ret_n);
/* Those of one that is ready, whatever it was waiting for. */
int strobe_tails_ready(struct strobe_tails *tails, const struct strobe_await_tail **ret_tails, uint32_t *ret_n);

#endif
