/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at recorded processes again and again: what a look that fails leaves behind. */
#include "tests/unit/cm.h"

#include <string.h>

#include "tests/lib/alloc_fail.h"
#include "tests/unit/picture_images.h"

enum { ROWS = 64, TEXT = 96, FAILURES = 400, PRIME = 7 };

struct kept {
    uint32_t n;
    struct {
        uint64_t address;
        char type[TEXT], module[TEXT], name[TEXT], prefix[TEXT];
    } at[ROWS];
};

static void keep(const struct strobe_report_resources *report, struct kept *kept)
{
    kept->n = report->n;
    assert_in_range(report->n, 1, ROWS);
    for (uint32_t i = 0; i < report->n; i++) {
        kept->at[i].address = report->at[i].address;
        snprintf(kept->at[i].type, TEXT, "%s", report->at[i].type);
        snprintf(kept->at[i].module, TEXT, "%s", report->at[i].module);
        snprintf(kept->at[i].name, TEXT, "%s", report->at[i].name);
        snprintf(kept->at[i].prefix, TEXT, "%s", report->at[i].prefix);
    }
}

static void assert_kept(const struct strobe_report_resources *report, const struct kept *kept)
{
    assert_int_equal(report->n, kept->n);
    for (uint32_t i = 0; i < kept->n; i++) {
        assert_int_equal(report->at[i].address, kept->at[i].address);
        assert_string_equal(report->at[i].type, kept->at[i].type);
        assert_string_equal(report->at[i].module, kept->at[i].module);
        assert_string_equal(report->at[i].name, kept->at[i].name);
        assert_string_equal(report->at[i].prefix, kept->at[i].prefix);
    }
}

/* Each allocation of a look fails once: the picture before it stays, and the look after it is whole. */
static void test_failed_look(void **state)
{
    struct picture_image picture;
    struct strobe_tasked_opts opts = {.nonblocking = true};
    struct strobe_pooled pooled;
    struct kept kept;
    int failed = 0;

    picture_open(&picture, *state);
    assert_int_equal(strobe_pooled_open(&picture.place, &opts, &pooled), 0);
    strobe_pooled_set_steady(&pooled);
    assert_int_equal(strobe_pooled_take(&pooled), 0);
    keep(&pooled.report, &kept);
    for (uint64_t n = 1; n < FAILURES; n++) {
        int err;

        pooled.rename = n % PRIME == 0; /* as after a scan */
        alloc_fail_arm(n);
        err = strobe_pooled_take(&pooled);
        alloc_fail_disarm();
        failed += err != 0;
        if (err) /* a look may also go well without one of its texts */
            assert_kept(&pooled.report, &kept);
        pooled.rename = true;
        assert_int_equal(strobe_pooled_take(&pooled), 0);
        assert_kept(&pooled.report, &kept);
    }
    assert_true(failed > 0);
    strobe_pooled_release(&pooled);
    picture_close(&picture);
}

/* A glance counts what queues by its length; each executor is found by its queue. */
static void test_counted_only(void **state)
{
    struct picture_image picture;
    struct strobe_tasked_opts opts = {.nonblocking = true};
    struct strobe_taskreader *reader;
    struct strobe_pooled pooled;
    struct strobe_pools pools;
    uint32_t queued = 0;

    picture_open(&picture, *state);
    assert_int_equal(strobe_pooled_open(&picture.place, &opts, &pooled), 0);
    assert_int_equal(strobe_pooled_take(&pooled), 0);
    reader = strobe_tasklook_reader(pooled.tasked.look);
    strobe_pools_init(&pools, picture.place.mem, &picture.layout, &reader->roles, &reader->codes);
    pools.count_only = true;
    for (int i = 0; i < 2; i++) { /* a second reading begins from nothing */
        assert_int_equal(strobe_pools_read(&pools, pooled.tasked.threads), 0);
        assert_int_equal(pools.n, pooled.tasked.pools.n);
        assert_int_equal(pools.n_queued, 0);
    }
    assert_true(pools.n > 0);
    for (size_t i = 0; i < pools.n; i++) {
        assert_int_equal(pools.at[i].n_queued, pooled.tasked.pools.at[i].n_queued);
        assert_int_equal(pools.at[i].n_busy, pooled.tasked.pools.at[i].n_busy);
        assert_ptr_equal(strobe_pools_of_queue(&pools, pools.at[i].kind, pools.at[i].queue), &pools.at[i]);
        queued += pools.at[i].n_queued;
    }
    assert_true(queued > 0);
    assert_null(strobe_pools_of_queue(&pools, STROBE_POOL_THREADS, 0x10));
    strobe_pools_release(&pools);
    strobe_pooled_release(&pooled);
    picture_close(&picture);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_look),
        cmocka_unit_test(test_counted_only),
    };

    return picture_images_run("pooled", tests, sizeof tests / sizeof tests[0]);
}
