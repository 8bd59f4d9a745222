/* SPDX-License-Identifier: Apache-2.0 */
/* tasks: what people read of the asyncio tasks of one moment: `ps` (a row a task), `pstree` (equal tasks together), JSON.
 * Everything here is text and numbers; who fills it has read the target.  Text is UTF-8 as the target had it, NOT escaped: the text
 * forms escape it, the JSON form is written by a JSON library.
 * May include: walk/tasks.h, walk/waitfacts.h, walk/pools.h (their plain structs only), report.h, base.  Memory: all borrowed. */
#ifndef STROBE_REPORT_TASKS_H
#define STROBE_REPORT_TASKS_H

#include "report/report.h"
#include "walk/pools.h"
#include "walk/tasks.h"
#include "walk/waitfacts.h"

struct strobe_report_wait {
    const struct strobe_wait *wait;
    struct strobe_wait_facts facts;
    const char *type;        /* class: "Semaphore"; "" = unknown */
    const char *module;      /* "asyncio.locks"; "" = unknown */
    const char *name;        /* as the code names it: "PriceClient._price_semaphore"; "" = unknown */
    const char *name_source; /* "code", "attribute", "global"; "" = no name */
    bool alike;              /* another object has that name too: its address tells them apart (strobe_report_alike) */
    const char *peer;        /* of a socket or stream: "127.0.0.1:80"; "" = unknown */
    uint32_t pool;           /* of STROBE_WAIT_EXECUTOR: index in pools; STROBE_NO_INDEX */
    /* of a future made by hand: a variable that has it of a task that does not wait for it, "producer.fut"; or NULL */
    const char *known_as;
    uint32_t known_to;       /* that task */
};

enum strobe_report_loop { STROBE_LOOP_RUNS /* or: not known */, STROBE_LOOP_IDLE /* no thread runs it */, STROBE_LOOP_CLOSED };

struct strobe_report_task {
    const struct strobe_task *task;
    const char *name;        /* "" when it has none */
    const struct strobe_report_frame *frames; /* innermost first; those of task->frames that are shown */
    uint32_t n_frames, n_sync;
    const char *leaf;        /* running: the C function that its innermost frame is in, as of a worker */
    uint32_t wait;           /* index in the report's waits, STROBE_NO_INDEX = none.  Not task->wait: an executor's is one a pool */
    double due_in;           /* seconds until a sleep ends (negative: overdue); NAN = does not apply */
    double waiting;          /* seconds since it was first seen in this wait; NAN = one look only */
    uint32_t pool, worker;   /* of its executor call: index in pools, and in the pool's workers; STROBE_NO_INDEX */
    uint32_t queue_place;    /* 1 = next; 0 = not queued, or unknown */
    const char *exception;   /* done: class of what it raised; "" = nothing, or unknown */
    const char *context;     /* value of the context variable that was asked for; NULL = none was, or it is not set */
    int32_t loop_tid;        /* of the thread that runs its loop; 0 = unknown, or the loop does not run */
    enum strobe_report_loop loop_state;
    uint32_t loop_thread;    /* that thread's index in process->threads; STROBE_NO_INDEX */
};

struct strobe_report_worker {
    const struct strobe_pool_worker *worker;
    int32_t tid;             /* of its thread, or the process id; 0 = unknown */
    const char *name;        /* of its thread; "" */
    uint32_t task;           /* whose call it is in: index in tasks, STROBE_NO_INDEX */
    const struct strobe_report_frame *frames; /* of the thread, innermost first, down to the call's first frame */
    uint32_t n_frames;
    const char *leaf;        /* C function that its innermost frame is in, as the code names it: "time.sleep"; NULL or "" = none, or
                              * unknown */
};

struct strobe_report_pool {
    const struct strobe_pool *pool;
    const char *type;        /* "ThreadPoolExecutor" */
    const char *name;        /* thread name prefix; "" */
    const struct strobe_report_worker *workers;
    uint32_t n_workers;
};

/* A thread that waits in future.result(): for a task (run_coroutine_threadsafe(...).result()); for a call of a pool; or for a coroutine
 * that a loop was handed and has not begun.  STROBE_NO_INDEX: not that. */
struct strobe_report_link {
    uint32_t thread, task;   /* indices in process->threads and in tasks */
    bool ends;               /* it waits with a timeout */
    uint32_t pool, worker;   /* indices in pools and in the pool's workers; no worker: the call is queued */
    uint32_t loop_thread;    /* that runs that loop: index in process->threads */
};

struct strobe_report_tasks {
    const struct strobe_report_process *process; /* pid, version, names; threads, may be none */
    const struct strobe_task_sample *sample;
    const struct strobe_report_task *tasks; /* sample->n_tasks of them, in its order */
    const struct strobe_report_wait *waits;
    uint32_t n_waits;
    const struct strobe_report_pool *pools;
    uint32_t n_pools;
    const struct strobe_report_link *links;
    uint32_t n_links;
    const char *context_name; /* of --by contextvar:NAME; NULL */
    bool moving;              /* a loop ran while it was read: tasks may be of moments that lie a little apart */
    bool stopped;             /* by a signal: nothing of the process runs */
    bool ascii;               /* the tree is drawn in ASCII; names stay as they are */
};

/* A row a task: running, ready, waiting, done. */
void strobe_report_ps(const struct strobe_report_tasks *report, bool color, struct strobe_buf *out);
/* Equal tasks together, below those that wait for them; expand: each for itself, in the style of `python -m asyncio pstree`.
 * STROBE_ERR_NOMEM. */
int strobe_report_pstree(const struct strobe_report_tasks *report, bool expand, bool color, struct strobe_buf *out);
/* The section of `dump` that follows the threads: the tree of pstree under a headline; nothing where there is no task.
 * out->failed tells when memory was short. */
void strobe_report_tasks_section(const struct strobe_report_tasks *report, bool color, struct strobe_buf *out);
/* The JSON of `ps --json` (docs/asyncio.md); pstree: with the groups of the tree besides.  STROBE_ERR_NOMEM. */
int strobe_report_tasks_json(const struct strobe_report_tasks *report, bool pstree, struct strobe_buf *out);

/* Finds which names several objects have.  STROBE_ERR_NOMEM. */
int strobe_report_alike(struct strobe_report_wait *waits, uint32_t n);

/* Words of an enum, as texts and JSON have them: "semaphore", "waiting", ... (static). */
const char *strobe_report_wait_word(enum strobe_wait_kind kind);
const char *strobe_report_state_word(enum strobe_task_state state);
const char *strobe_report_outcome_word(enum strobe_task_outcome outcome);
const char *strobe_report_loop_word(enum strobe_report_loop state);

#endif
