/* SPDX-License-Identifier: Apache-2.0 */
/* The block cache over images, with a counting reader between the two.
 *
 *   BASE                          + 4 MiB
 *   | dense: wholly mapped ...... |  hole | one page | hole | 100 odd bytes | */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>

#include "mem/mem.h"
#include "tests/lib/alloc_fail.h"
#include "tests/lib/mem_image.h"

#define BASE UINT64_C(0x7f0000000000)

enum {
    PAGE = 4096,
    BLOCK = 4 * PAGE,
    DENSE = 8 << 20,
    LONELY = DENSE + BLOCK + PAGE, /* the second page of a block otherwise not mapped */
    ODD = DENSE + 4 * BLOCK + 5000,
    ODD_LEN = 100,
};

struct world {
    struct image *image;
    struct strobe_mem *count, *mem;
    const struct strobe_mem_stats *stats;
    unsigned char *dense; /* the image's own bytes: changing them changes the "target" */
};

static unsigned char expected(uint64_t off)
{
    return (unsigned char)(off * 31 + off / PAGE * 7 + off / BLOCK);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    unsigned char *bytes = malloc(DENSE);
    struct strobe_mem *inner = NULL;
    uint64_t addr;
    size_t len;

    assert_non_null(world);
    assert_non_null(bytes);
    assert_int_equal(image_new(&world->image), 0);
    for (size_t i = 0; i < DENSE; i++)
        bytes[i] = expected(i);
    assert_int_equal(image_add(world->image, BASE, bytes, DENSE), 0);
    for (size_t i = 0; i < PAGE; i++)
        bytes[i] = expected(LONELY + i);
    assert_int_equal(image_add(world->image, BASE + LONELY, bytes, PAGE), 0);
    for (size_t i = 0; i < ODD_LEN; i++)
        bytes[i] = expected(ODD + i);
    assert_int_equal(image_add(world->image, BASE + ODD, bytes, ODD_LEN), 0);
    free(bytes);
    assert_int_equal(image_mem_new(world->image, &inner), 0);
    assert_int_equal(strobe_mem_count_new(inner, 0, &world->count), 0);
    assert_int_equal(strobe_mem_paged_new(world->count, &world->mem), 0);
    world->stats = strobe_mem_count_stats(world->count);
    world->dense = image_range(world->image, 0, &addr, &len);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    strobe_mem_close(world->mem);
    image_free(world->image);
    free(world);
    return 0;
}

/* Reads and compares with the truth. */
static void check(struct world *world, uint64_t off, size_t len)
{
    static unsigned char buf[DENSE];

    memset(buf, 0x5a, len);
    assert_int_equal(strobe_mem_read(world->mem, BASE + off, buf, len), 0);
    for (size_t i = 0; i < len; i++)
        if (buf[i] != expected(off + i))
            fail_msg("byte %zu of %zu at offset %llu is wrong", i, len, (unsigned long long)off);
}

static void test_one_read_a_block(void **state)
{
    struct world *world = *state;

    for (uint64_t off = 0; off + 8 <= BLOCK; off += 8)
        check(world, off, 8);
    assert_int_equal(world->stats->calls, 1);
    assert_int_equal(world->stats->bytes, BLOCK);
    check(world, BLOCK - 3, 8); /* over the edge: the next block comes too */
    assert_int_equal(world->stats->calls, 2);
    check(world, 100, 2 * BLOCK - 100);
    assert_int_equal(world->stats->calls, 2);
}

static void test_any_read_is_right(void **state)
{
    struct world *world = *state;
    uint64_t seed = 12345;

    for (int i = 0; i < 30000; i++) {
        uint64_t off, len;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        off = (seed >> 33) % (DENSE - 70000);
        len = (seed >> 20) % (i % 100 ? 300 : 70000);
        check(world, off, len);
        if (i % 1000 == 0)
            strobe_mem_epoch(world->mem);
    }
}

/* What was read before an epoch is never shown after it. */
static void test_epoch_forgets(void **state)
{
    struct world *world = *state;
    uint8_t byte = 0;

    assert_int_equal(strobe_mem_u8(world->mem, BASE + 50, &byte), 0);
    assert_int_equal(byte, expected(50));
    world->dense[50] = 200;
    assert_int_equal(strobe_mem_u8(world->mem, BASE + 50, &byte), 0);
    assert_int_equal(byte, expected(50)); /* the same epoch: the same moment */
    strobe_mem_epoch(world->mem);
    assert_int_equal(strobe_mem_u8(world->mem, BASE + 50, &byte), 0);
    assert_int_equal(byte, 200);
    assert_int_equal(world->stats->calls, 2);
}

/* More blocks than slots: old ones make room, everything stays right, and a working set that fits comes from the cache. */
static void test_more_blocks_than_slots(void **state)
{
    struct world *world = *state;
    uint64_t calls;

    for (int round = 0; round < 2; round++)
        for (uint64_t off = 0; off + BLOCK <= DENSE; off += BLOCK)
            check(world, off + 77, 8);
    strobe_mem_epoch(world->mem);
    for (int round = 0; round < 2; round++)
        for (uint64_t off = 0; off < 32 * BLOCK; off += BLOCK)
            check(world, off, 8);
    calls = world->stats->calls;
    for (uint64_t off = 0; off < 32 * BLOCK; off += BLOCK)
        check(world, off + PAGE, 8);
    assert_int_equal(world->stats->calls, calls);
}

static void test_large_reads_bypass(void **state)
{
    struct world *world = *state;

    check(world, 0, 8);
    check(world, 4096, 5 * BLOCK);
    assert_int_equal(world->stats->calls, 2);
    assert_int_equal(world->stats->bytes, 6 * BLOCK);
    check(world, 16, 8); /* still cached */
    assert_int_equal(world->stats->calls, 2);
}

static void test_page_in_a_block_with_holes(void **state)
{
    struct world *world = *state;
    uint64_t calls;
    uint8_t byte = 7;

    check(world, LONELY, PAGE);
    calls = world->stats->calls;
    check(world, LONELY + 1000, 100);
    assert_int_equal(world->stats->calls, calls);
    assert_int_equal(strobe_mem_u8(world->mem, BASE + LONELY - 1, &byte), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_u8(world->mem, BASE + LONELY + PAGE, &byte), STROBE_ERR_FAULT);
    assert_int_equal(byte, 7);
    check(world, LONELY + PAGE - 8, 8);
}

/* A readable range never fails, whatever lies around it. */
static void test_exact_bytes(void **state)
{
    struct world *world = *state;
    unsigned char buf[ODD_LEN + 2];

    for (size_t from = 0; from < ODD_LEN; from += 9)
        check(world, ODD + from, ODD_LEN - from);
    assert_int_equal(strobe_mem_read(world->mem, BASE + ODD - 1, buf, 2), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_read(world->mem, BASE + ODD, buf, ODD_LEN + 1), STROBE_ERR_FAULT);
    check(world, DENSE - 5, 5);
    assert_int_equal(strobe_mem_read(world->mem, BASE + DENSE - 5, buf, 6), STROBE_ERR_FAULT);
}

static void test_edges_of_the_address_space(void **state)
{
    struct world *world = *state;
    uint64_t word = 3;

    assert_int_equal(strobe_mem_u64(world->mem, 0, &word), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_u64(world->mem, UINT64_MAX, &word), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_u64(world->mem, UINT64_MAX - 7, &word), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_read(world->mem, 0, &word, 0), 0);
    assert_int_equal(word, 3);
}

/* The caller of readv wants one moment: one call to the inner reader, whatever is cached, and nothing is learnt from it. */
static void test_readv_passes_through(void **state)
{
    struct world *world = *state;
    unsigned char one[8], two[8];
    struct strobe_mem_seg segs[] = {{BASE + 64, one, 8}, {BASE + 100000, two, 8}};

    check(world, 64, 8);
    world->dense[64] = 99;
    assert_int_equal(strobe_mem_readv(world->mem, segs, 2), 0);
    assert_int_equal(one[0], 99);
    assert_int_equal(world->stats->calls, 2);
    assert_int_equal(world->stats->segments, 3);
    check(world, 100000, 8);
    assert_int_equal(world->stats->calls, 3);
    strobe_mem_readv(world->mem, segs, 0);
}

/* A failure that passes (an error once) is not remembered. */
static void test_every_read_fails_once(void **state)
{
    struct world *world = *state;
    static const uint64_t offs[] = {0, BLOCK - 4, LONELY + 5, ODD, 3 * BLOCK, 5 * BLOCK + 9};

    for (uint64_t n = 1; n < 20; n++) {
        struct strobe_mem *inner = NULL, *count = NULL, *mem = NULL;

        assert_int_equal(image_mem_new(world->image, &inner), 0);
        assert_int_equal(strobe_mem_count_new(inner, n, &count), 0);
        assert_int_equal(strobe_mem_paged_new(count, &mem), 0);
        for (int round = 0; round < 2; round++) {
            for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
                unsigned char buf[8];

                /* Where a whole block is mapped, there are three ways to the bytes: one failure is not seen. */
                if (strobe_mem_read(mem, BASE + offs[i], buf, 8)) {
                    assert_true(offs[i] == ODD);
                    assert_int_equal(strobe_mem_read(mem, BASE + offs[i], buf, 8), 0);
                }
                for (int k = 0; k < 8; k++)
                    assert_int_equal(buf[k], expected(offs[i] + (unsigned)k));
            }
        }
        strobe_mem_close(mem);
    }
}

static int gone_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    return STROBE_ERR_GONE;
}

static void gone_close(struct strobe_mem *mem)
{
}

/* Other errors are passed on at once: a process that is gone is asked one time, not three. */
static void test_other_errors_are_passed_on(void **state)
{
    static const struct strobe_mem_ops ops = {gone_read, NULL, NULL, gone_close};
    struct strobe_mem gone = {.ops = &ops}, *count = NULL, *mem = NULL;
    uint64_t word;

    assert_int_equal(strobe_mem_count_new(&gone, 0, &count), 0);
    assert_int_equal(strobe_mem_paged_new(count, &mem), 0);
    assert_int_equal(strobe_mem_u64(mem, BASE, &word), STROBE_ERR_GONE);
    assert_int_equal(strobe_mem_count_stats(count)->calls, 1);
    assert_int_equal(strobe_mem_u64(mem, BASE, &word), STROBE_ERR_GONE);
    strobe_mem_close(mem);
}

static void test_no_allocation_after_creation(void **state)
{
    struct world *world = *state;

    alloc_fail_arm(1);
    for (uint64_t off = 0; off + BLOCK <= DENSE; off += BLOCK)
        check(world, off, 8);
    strobe_mem_epoch(world->mem);
    check(world, LONELY, 8);
    assert_int_equal(alloc_fail_disarm(), 0);
}

static void test_each_allocation_fails_once(void **state)
{
    struct world *world = *state;
    struct strobe_mem *inner = NULL, *mem = NULL;
    int err;

    assert_int_equal(image_mem_new(world->image, &inner), 0);
    for (uint64_t n = 1;; n++) {
        alloc_fail_arm(n);
        err = strobe_mem_paged_new(inner, &mem);
        alloc_fail_disarm();
        if (!err)
            break;
        assert_int_equal(err, STROBE_ERR_NOMEM);
        assert_null(mem);
        assert_int_equal(alloc_fail_live(), 0);
    }
    strobe_mem_close(mem); /* closes inner too */
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_one_read_a_block),
        WITH_WORLD(test_any_read_is_right),
        WITH_WORLD(test_epoch_forgets),
        WITH_WORLD(test_more_blocks_than_slots),
        WITH_WORLD(test_large_reads_bypass),
        WITH_WORLD(test_page_in_a_block_with_holes),
        WITH_WORLD(test_exact_bytes),
        WITH_WORLD(test_edges_of_the_address_space),
        WITH_WORLD(test_readv_passes_through),
        WITH_WORLD(test_every_read_fails_once),
        cmocka_unit_test(test_other_errors_are_passed_on),
        WITH_WORLD(test_no_allocation_after_creation),
        WITH_WORLD(test_each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
