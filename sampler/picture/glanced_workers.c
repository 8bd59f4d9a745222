/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/glanced_workers.h"

#include "base/err.h"

/* What a thread is, in one word: the address of its executor's work queue (0 for anyio's), which leaves the lowest bits free. */
enum { BUSY = 1, WAS_TORN = 2, WORKS = 4 };
#define QUEUE_BITS (~UINT64_C(7))
/* Torn workers of an executor, in one word: all, busy, unknown. */
enum { PART = 21 };
#define PART_MASK ((UINT64_C(1) << PART) - 1)

void strobe_glanced_workers_release(struct strobe_glanced_workers *workers)
{
    strobe_htab_release(&workers->before);
    strobe_htab_release(&workers->now);
    strobe_htab_release(&workers->torn);
    workers->n_strangers = 0;
}

static int note_worker(struct strobe_glanced_workers *workers, const struct strobe_thread *thread, const struct strobe_pool *pool,
                       const struct strobe_pool_worker *worker)
{
    uint64_t what = (pool->kind == STROBE_POOL_ANYIO ? 0 : pool->queue & QUEUE_BITS) | WORKS | (worker->busy ? BUSY : 0);

    return strobe_htab_put(&workers->now, thread->tstate, thread->tstate_id, what);
}

/* A thread that was not read is what it was. */
static int note_torn(struct strobe_glanced_workers *workers, const struct strobe_thread *thread)
{
    const uint64_t *known = strobe_htab_get(&workers->before, thread->tstate, thread->tstate_id);
    bool runs = thread->flags & (STROBE_THREAD_ACTIVE | STROBE_THREAD_GIL);
    uint64_t what, *sum, add;
    int err;

    if (!known) {
        workers->n_strangers++;
        return 0;
    }
    what = *known;
    err = strobe_htab_put(&workers->now, thread->tstate, thread->tstate_id, (what & ~(uint64_t)WAS_TORN) | (runs ? 0 : WAS_TORN));
    if (err || !(what & WORKS))
        return err;
    add = 1;
    if (runs || (what & (BUSY | WAS_TORN)) == BUSY)
        add |= UINT64_C(1) << PART;
    else if (what & WAS_TORN)
        add |= UINT64_C(1) << 2 * PART;
    sum = strobe_htab_get(&workers->torn, what & QUEUE_BITS, 0);
    return strobe_htab_put(&workers->torn, what & QUEUE_BITS, 0, (sum ? *sum : 0) + add);
}

int strobe_glanced_workers_note(struct strobe_glanced_workers *workers, const struct strobe_sample *threads,
                                const struct strobe_pools *pools)
{
    struct strobe_htab swap;
    int err = 0;

    strobe_htab_clear(&workers->now);
    strobe_htab_clear(&workers->torn);
    workers->n_strangers = 0;
    for (uint32_t i = 0; i < threads->n_threads && !err; i++) {
        const struct strobe_thread *thread = &threads->threads[i];

        err = thread->error ? note_torn(workers, thread) : strobe_htab_put(&workers->now, thread->tstate, thread->tstate_id, 0);
    }
    for (size_t p = 0; p < pools->n; p++) {
        const struct strobe_pool *pool = &pools->at[p];

        for (uint32_t i = pool->first_worker; i < pool->first_worker + pool->n_workers && !err; i++)
            if (pools->workers[i].thread != STROBE_NO_INDEX)
                err = note_worker(workers, &threads->threads[pools->workers[i].thread], pool, &pools->workers[i]);
    }
    if (err)
        return err;
    swap = workers->before;
    workers->before = workers->now;
    workers->now = swap;
    return 0;
}

struct strobe_glanced_torn strobe_glanced_workers_torn(const struct strobe_glanced_workers *workers, enum strobe_pool_kind kind,
                                                       uint64_t queue)
{
    const uint64_t *sum = strobe_htab_get(&workers->torn, kind == STROBE_POOL_ANYIO ? 0 : queue & QUEUE_BITS, 0);

    if (!sum)
        return (struct strobe_glanced_torn){0, 0, 0};
    return (struct strobe_glanced_torn){(uint32_t)(*sum & PART_MASK), (uint32_t)(*sum >> PART & PART_MASK), (uint32_t)(*sum >> 2 * PART)};
}
