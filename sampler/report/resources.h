/* SPDX-License-Identifier: Apache-2.0 */
/* resources: what people read of a process's executors, semaphores, limiters and bounded queues at one moment: those in use and those
 * that lie idle.  Text is UTF-8 as the target had it, NOT escaped: the text form escapes it, the JSON form is written by a JSON library.
 * May include: walk/pools.h, walk/waitfacts.h (their plain structs only), report.h, base.  Memory: all borrowed. */
#ifndef STROBE_REPORT_RESOURCES_H
#define STROBE_REPORT_RESOURCES_H

#include "report/report.h"
#include "walk/pools.h"
#include "walk/waitfacts.h"

enum strobe_resource_kind {
    STROBE_RESOURCE_THREAD_POOL, STROBE_RESOURCE_PROCESS_POOL, STROBE_RESOURCE_INTERPRETER_POOL, STROBE_RESOURCE_ANYIO_POOL,
    STROBE_RESOURCE_SEMAPHORE, STROBE_RESOURCE_LIMITER, STROBE_RESOURCE_QUEUE,
    STROBE_RESOURCE_KINDS
};

/* Numbers: -1 = unknown, or not of this kind. */
struct strobe_report_resource {
    enum strobe_resource_kind kind;
    bool of_threads;         /* a semaphore or queue of the module threading or queue, rather than of asyncio or anyio */
    const char *type;        /* class: "BoundedSemaphore" */
    const char *module;      /* "asyncio.locks" */
    const char *name;        /* as the code names it: "PriceClient._price_semaphore"; "" = unknown */
    const char *name_source; /* "owner", "code", "attribute", "global", "loop", "library"; "" = no name */
    const char *prefix;      /* of an executor: of its threads' names; "" */
    uint64_t address;        /* 0: anyio's worker threads have no object */
    uint64_t class_address;  /* of its class, in the process; 0 = unknown */
    uint64_t queue;          /* of an executor: its work queue (see struct strobe_pool), by which its threads know it when it was collected
                              * itself; 0 = unknown, or anyio's */
    /* executors */
    int64_t max, workers, busy, queued;
    bool shutdown;
    /* semaphores, limiters */
    int64_t free, capacity;  /* STROBE_UNLIMITED */
    int64_t over;            /* of a limiter that was made smaller while in use: tokens lent beyond its capacity; else 0 */
    enum strobe_capacity_source capacity_source;
    int64_t made;            /* what it was made with, where somebody saw that; -1 */
    int64_t holders;         /* a limiter's borrowers; of a semaphore for tasks those that were seen inside of an `async with` of it */
    /* semaphores, limiters, queues */
    int64_t waiters;
    /* queues */
    int64_t size, maxsize;
};

struct strobe_report_resources {
    const struct strobe_report_process *process;
    const struct strobe_report_resource *at; /* by kind, then by name */
    uint32_t n;
    bool moving;   /* see report/tasks.h */
    bool scanned;  /* idle ones were looked for */
    uint32_t n_copies; /* of a process made by fork: copies of its parent's that nothing of it uses; left out */
};

/* Tables, a line a resource, equal ones together, at most a screen of what is not saturated; at the end the one that most wait for. */
void strobe_report_resources(const struct strobe_report_resources *report, bool color, struct strobe_buf *out);
/* STROBE_ERR_NOMEM. */
int strobe_report_resources_json(const struct strobe_report_resources *report, struct strobe_buf *out);
/* How many wait because all of it is in use: calls that are queued, tasks, threads; 0 = it is not saturated. */
int64_t strobe_report_resource_pressure(const struct strobe_report_resource *resource);
/* Which table it stands in: 0 executors, 1 semaphores and limiters, 2 queues. */
int strobe_report_resource_group(enum strobe_resource_kind kind);
/* "thread_pool", "semaphore", ... (static). */
const char *strobe_report_resource_word(enum strobe_resource_kind kind);
/* "bounded", "counted", "construction"; "" = unknown (static). */
const char *strobe_report_capacity_word(enum strobe_capacity_source source);

#endif
