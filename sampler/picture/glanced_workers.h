/* SPDX-License-Identifier: Apache-2.0 */
/* glanced_workers: which threads work for which executor, from glance to glance, so that a thread that could not be read consistently is
 * counted where it belongs:
 *
 *   torn, known to work for an executor     it runs: busy, as who moves too fast to be read is in a call
 *                                           it does not: as it was at the glance before; torn twice in a row: unknown
 *   torn, known to work for none            says nothing of any executor
 *   torn, never read yet                    may work for any executor that has fewer workers than it may have
 *
 * May include: walk/sample.h, walk/pools.h, base.  Memory: its own, kept from glance to glance.  Threads: one. */
#ifndef STROBE_PICTURE_GLANCED_WORKERS_H
#define STROBE_PICTURE_GLANCED_WORKERS_H

#include "base/htab.h"
#include "walk/pools.h"
#include "walk/sample.h"

struct strobe_glanced_workers {
    struct strobe_htab before, now; /* (thread state, its id) -> what it is */
    struct strobe_htab torn;        /* (work queue, kind) -> torn workers of it */
    uint32_t n_strangers;           /* torn threads that were never read */
};

/* Workers of one executor that could not be read in this glance. */
struct strobe_glanced_torn {
    uint32_t n, n_busy, n_unknown;
};

#define STROBE_GLANCED_WORKERS_INIT {STROBE_HTAB_INIT, STROBE_HTAB_INIT, STROBE_HTAB_INIT, 0}

void strobe_glanced_workers_release(struct strobe_glanced_workers *workers);
/* After each glance: the threads of it, and the pools that they work for.  STROBE_ERR_NOMEM, and it is as after the glance before. */
int strobe_glanced_workers_note(struct strobe_glanced_workers *workers, const struct strobe_sample *threads,
                                const struct strobe_pools *pools);
struct strobe_glanced_torn strobe_glanced_workers_torn(const struct strobe_glanced_workers *workers, enum strobe_pool_kind kind,
                                                       uint64_t queue);

#endif
