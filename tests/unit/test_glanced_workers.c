/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that could not be read in one glance, by what they were in the glances before. */
#include "tests/unit/cm.h"

#include "base/err.h"
#include "picture/glanced_workers.h"

enum { THREADS = 6, QUEUE = 0x1000, OTHER = 0x2000 };

/* Threads 0 and 1 work for QUEUE, 2 for OTHER, 3 for anyio; 4 works for nobody; 5 has not been there before the last test. */
struct world {
    struct strobe_thread threads[THREADS];
    struct strobe_sample sample;
    struct strobe_pool_worker list[4];
    struct strobe_pool at[3];
    struct strobe_pools pools;
    struct strobe_glanced_workers workers;
};

/* A glance in which the threads of these bits are torn and those of these others run; the calls that threads 0 to 3 are in. */
static void glance(struct world *w, uint32_t n_threads, unsigned torn, unsigned run, unsigned busy)
{
    static const uint64_t queues[] = {QUEUE, OTHER, 0};
    static const int pool_of[] = {0, 0, 1, 2};
    uint32_t n = 0;

    w->sample = (struct strobe_sample){.n_threads = n_threads, .threads = w->threads};
    for (uint32_t i = 0; i < n_threads; i++)
        w->threads[i] = (struct strobe_thread){.tstate = 0x100 * (i + 1), .tstate_id = i, .error = torn >> i & 1 ? STROBE_ERR_TORN : 0,
                                               .flags = run >> i & 1 ? STROBE_THREAD_ACTIVE : 0};
    for (int p = 0; p < 3; p++) {
        w->at[p] = (struct strobe_pool){.kind = p == 2 ? STROBE_POOL_ANYIO : STROBE_POOL_THREADS, .queue = queues[p], .first_worker = n};
        for (uint32_t i = 0; i < 4; i++)
            if (pool_of[i] == p && !w->threads[i].error) {
                w->list[n++] = (struct strobe_pool_worker){.thread = i, .busy = busy >> i & 1};
                w->at[p].n_workers++;
            }
    }
    w->pools = (struct strobe_pools){.at = w->at, .n = 3, .workers = w->list, .n_workers = n};
    assert_int_equal(strobe_glanced_workers_note(&w->workers, &w->sample, &w->pools), 0);
}

static void assert_torn(const struct world *w, enum strobe_pool_kind kind, uint64_t queue, uint32_t n, uint32_t busy, uint32_t unknown)
{
    struct strobe_glanced_torn torn = strobe_glanced_workers_torn(&w->workers, kind, queue);

    assert_int_equal(torn.n, n);
    assert_int_equal(torn.n_busy, busy);
    assert_int_equal(torn.n_unknown, unknown);
}

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.workers = STROBE_GLANCED_WORKERS_INIT};
    glance(&w, 5, 0, 0, 0);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    strobe_glanced_workers_release(&((struct world *)*state)->workers);
    return 0;
}

static void test_who_works_for_nobody(void **state)
{
    struct world *w = *state;

    glance(w, 5, 1 << 4, 1 << 4, 0);
    assert_int_equal(w->workers.n_strangers, 0);
    assert_torn(w, STROBE_POOL_THREADS, QUEUE, 0, 0, 0);
    assert_torn(w, STROBE_POOL_ANYIO, 0, 0, 0, 0);
}

static void test_who_runs_is_busy(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++) { /* for as long as it runs */
        glance(w, 5, 1 << 1 | 1 << 3, 1 << 1 | 1 << 3, 0);
        assert_torn(w, STROBE_POOL_THREADS, QUEUE, 1, 1, 0);
        assert_torn(w, STROBE_POOL_THREADS, OTHER, 0, 0, 0);
        assert_torn(w, STROBE_POOL_ANYIO, 0, 1, 1, 0);
        assert_int_equal(w->workers.n_strangers, 0);
    }
    glance(w, 5, 0, 0, 0);
    assert_torn(w, STROBE_POOL_THREADS, QUEUE, 0, 0, 0);
}

/* One that does not run is what it was, once. */
static void test_who_does_not_run(void **state)
{
    struct world *w = *state;

    glance(w, 5, 0, 0, 1);
    glance(w, 5, 3, 0, 0);
    assert_torn(w, STROBE_POOL_THREADS, QUEUE, 2, 1, 0);
    glance(w, 5, 3, 0, 0);
    assert_torn(w, STROBE_POOL_THREADS, QUEUE, 2, 0, 2);
    glance(w, 5, 3, 2, 0);
    assert_torn(w, STROBE_POOL_THREADS, QUEUE, 2, 1, 1);
}

static void test_strangers(void **state)
{
    struct world *w = *state;

    glance(w, 6, 1 << 5, 1 << 5, 0);
    assert_int_equal(w->workers.n_strangers, 1);
    assert_torn(w, STROBE_POOL_THREADS, QUEUE, 0, 0, 0);
    glance(w, 6, 0, 0, 0);
    glance(w, 6, 1 << 5, 1 << 5, 0);
    assert_int_equal(w->workers.n_strangers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_works_for_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_runs_is_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_does_not_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
