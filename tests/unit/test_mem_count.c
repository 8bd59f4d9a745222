/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <string.h>

#include "mem/mem.h"
#include "tests/lib/alloc_fail.h"
#include "tests/lib/mem_image.h"

static struct strobe_mem *counting(struct image **ret_image, uint64_t fail_at)
{
    static const char bytes[4096];
    struct strobe_mem *inner = NULL, *mem = NULL;

    assert_int_equal(image_new(ret_image), 0);
    assert_int_equal(image_add(*ret_image, 4096, bytes, sizeof bytes), 0);
    assert_int_equal(image_mem_new(*ret_image, &inner), 0);
    assert_int_equal(strobe_mem_count_new(inner, fail_at, &mem), 0);
    return mem;
}

static void test_counts(void **state)
{
    struct image *image;
    struct strobe_mem *mem = counting(&image, 0);
    const struct strobe_mem_stats *stats = strobe_mem_count_stats(mem);
    char buf[100];
    struct strobe_mem_seg segs[] = {{4096, buf, 10}, {4200, buf, 20}, {5000, buf, 30}};

    assert_int_equal(strobe_mem_read(mem, 4096, buf, 100), 0);
    assert_int_equal(strobe_mem_readv(mem, segs, 3), 0);
    assert_int_equal(strobe_mem_read(mem, 1, buf, 1), STROBE_ERR_FAULT);
    segs[1].addr = 0;
    assert_int_equal(strobe_mem_readv(mem, segs, 3), STROBE_ERR_FAULT);
    assert_int_equal(stats->calls, 4);
    assert_int_equal(stats->segments, 8);
    assert_int_equal(stats->bytes, 160);
    assert_int_equal(stats->failures, 2);
    strobe_mem_epoch(mem);
    assert_int_equal(stats->calls, 4);
    strobe_mem_close(mem);
    image_free(image);
}

static void test_fails_exactly_once(void **state)
{
    for (uint64_t n = 1; n <= 6; n++) {
        struct image *image;
        struct strobe_mem *mem = counting(&image, n);
        uint64_t word;

        for (uint64_t i = 1; i <= 6; i++) {
            struct strobe_mem_seg seg = {4096, &word, sizeof word};
            int err = i % 2 ? strobe_mem_u64(mem, 4096, &word) : strobe_mem_readv(mem, &seg, 1);

            assert_int_equal(err, i == n ? STROBE_ERR_FAULT : 0);
        }
        assert_int_equal(strobe_mem_count_stats(mem)->failures, 1);
        assert_int_equal(strobe_mem_count_stats(mem)->bytes, 5 * sizeof word);
        strobe_mem_close(mem);
        image_free(image);
    }
}

/* When the wrapper cannot be made, the inner reader stays with the caller. */
static void test_no_memory(void **state)
{
    struct image *image;
    struct strobe_mem *mem = counting(&image, 0), *outer = NULL;
    uint64_t word;

    alloc_fail_arm(1);
    assert_int_equal(strobe_mem_count_new(mem, 0, &outer), STROBE_ERR_NOMEM);
    alloc_fail_disarm();
    assert_null(outer);
    assert_int_equal(strobe_mem_u64(mem, 4096, &word), 0);
    strobe_mem_close(mem);
    image_free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_fails_exactly_once),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
