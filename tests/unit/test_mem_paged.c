/* SPDX-License-Identifier: Apache-2.0 */
/* The block cache over images, with a counting reader between the two, and over a memory without end.
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

static uint8_t seen_byte(struct world *world, uint64_t off)
{
    uint8_t byte = 0;

    assert_int_equal(strobe_mem_u8(world->mem, BASE + off, &byte), 0);
    return byte;
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
    static const struct strobe_mem_ops ops = {gone_read, NULL, NULL, gone_close, NULL};
    struct strobe_mem gone = {.ops = &ops}, *count = NULL, *mem = NULL;
    uint64_t word;

    assert_int_equal(strobe_mem_count_new(&gone, 0, &count), 0);
    assert_int_equal(strobe_mem_paged_new(count, &mem), 0);
    assert_int_equal(strobe_mem_u64(mem, BASE, &word), STROBE_ERR_GONE);
    assert_int_equal(strobe_mem_count_stats(count)->calls, 1);
    assert_int_equal(strobe_mem_u64(mem, BASE, &word), STROBE_ERR_GONE);
    strobe_mem_close(mem);
}

/* ---- more blocks than the smallest cache holds ---- */

enum {
    LEAST = 64,   /* slots at first */
    MOST = 4096,
    MANY = 3000,  /* blocks of an epoch */
    HOLED = 7,    /* every so many-th block has only its second page */
};

/* A memory without end: each word is made of its address and a salt, which is the moment. */
struct endless {
    struct strobe_mem mem;
    uint64_t salt, blocks, pages;
    const char *low, *high; /* bounds of where blocks were read to */
};

static uint64_t made_word(const struct endless *endless, uint64_t addr)
{
    return (addr + endless->salt) * 0x9e3779b97f4a7c15u;
}

static int endless_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct endless *endless = (struct endless *)mem;
    uint64_t word;

    endless->blocks += len == BLOCK;
    endless->pages += len == PAGE;
    if (addr / BLOCK % HOLED == 0 && (addr % BLOCK / PAGE != 1 || (addr + len - 1) % BLOCK / PAGE != 1))
        return STROBE_ERR_FAULT;
    if (len == BLOCK) {
        endless->low = endless->low && endless->low < (char *)buf ? endless->low : buf;
        endless->high = endless->high > (char *)buf + len ? endless->high : (char *)buf + len;
    }
    for (size_t i = 0; i + 8 <= len; i += 8) {
        word = made_word(endless, addr + i);
        memcpy((char *)buf + i, &word, 8);
    }
    return 0;
}

static void endless_close(struct strobe_mem *mem)
{
}

static const struct strobe_mem_ops endless_ops = {.read = endless_read, .close = endless_close};

static struct strobe_mem *paged_over(struct endless *endless)
{
    struct strobe_mem *mem = NULL;

    *endless = (struct endless){.mem.ops = &endless_ops};
    assert_int_equal(strobe_mem_paged_new(&endless->mem, &mem), 0);
    return mem;
}

/* Looks at both ends of the second page of n blocks from the given one on. */
static void look(struct strobe_mem *mem, const struct endless *endless, uint64_t from, uint64_t n)
{
    uint64_t addr, word;

    for (uint64_t block = from; block < from + n; block++) {
        for (int end = 0; end < 2; end++) {
            addr = BASE + block * BLOCK + PAGE + (end ? PAGE - 8 : 0);
            assert_int_equal(strobe_mem_u64(mem, addr, &word), 0);
            if (word != made_word(endless, addr))
                fail_msg("block %llu is wrong", (unsigned long long)block);
        }
    }
}

/* Looks at blocks over and over until all of them stay; the data is right, and no block is read more than once a time. */
static void look_until_kept(struct strobe_mem *mem, struct endless *endless, uint64_t n)
{
    int times = 0;

    do {
        assert_true(times++ < 5);
        endless->blocks = 0;
        look(mem, endless, 0, n);
        assert_true(endless->blocks <= n);
    } while (endless->blocks);
}

/* What one epoch asks for again is kept, a block with holes too; nothing is kept longer than that. */
static void test_grows(void **state)
{
    struct endless endless;
    struct strobe_mem *mem = paged_over(&endless);

    for (int epoch = 0; epoch < 3; epoch++) {
        look_until_kept(mem, &endless, MANY);
        strobe_mem_epoch(mem);
        endless.salt++;
    }
    endless.blocks = endless.pages = 0;
    look(mem, &endless, 0, MANY);
    look(mem, &endless, 0, MANY);
    assert_int_equal(endless.blocks, MANY); /* once grown, always */
    assert_in_range(endless.pages, MANY / HOLED, MANY / HOLED + 1);
    strobe_mem_close(mem);
}

/* A scan that never comes back goes through a small ring. */
static void test_scans_stay_small(void **state)
{
    struct endless endless;
    struct strobe_mem *mem = paged_over(&endless);

    for (int epoch = 0; epoch < 3; epoch++) {
        look(mem, &endless, 0, MANY);
        strobe_mem_epoch(mem);
    }
    assert_int_equal(endless.blocks, 3 * MANY);
    assert_true(endless.high - endless.low <= LEAST * BLOCK);
    strobe_mem_close(mem);
}

/* More than the largest cache holds: right, no block read more often than without a cache, and what is wanted all the time stays. */
static void test_more_than_it_can_hold(void **state)
{
    enum { N = 3 * MOST };
    struct endless endless;
    struct strobe_mem *mem = paged_over(&endless);

    for (int round = 0; round < 2; round++)
        look(mem, &endless, 0, N);
    assert_in_range(endless.blocks, N, 2 * N);
    endless.blocks = 0;
    for (uint64_t n = 0; n < N; n++) {
        look(mem, &endless, n, 1);
        look(mem, &endless, 2 * N, 8);
    }
    assert_in_range(endless.blocks, N, N + 5 * 8);
    strobe_mem_close(mem);
}

/* Epochs that read little stay where they are in our memory, however far the addresses move; and nothing is allocated. */
static void test_small_stays_small(void **state)
{
    struct endless endless;
    struct strobe_mem *mem = paged_over(&endless);

    alloc_fail_arm(0);
    for (uint64_t epoch = 0; epoch < 500; epoch++) {
        look(mem, &endless, epoch * 10007, 20);
        strobe_mem_epoch(mem);
    }
    assert_true(endless.high - endless.low <= 20 * BLOCK);
    look(mem, &endless, 1, LEAST);
    look(mem, &endless, 1, LEAST);
    assert_int_equal(alloc_fail_disarm(), 0);
    assert_true(endless.high - endless.low <= LEAST * BLOCK);
    strobe_mem_close(mem);
}

/* Once grown, always: the next epoch of that size allocates nothing. */
static void test_grows_once(void **state)
{
    struct endless endless;
    struct strobe_mem *mem = paged_over(&endless);

    look_until_kept(mem, &endless, MANY);
    alloc_fail_arm(0);
    strobe_mem_epoch(mem);
    look(mem, &endless, 5 * MANY, MANY);
    look(mem, &endless, 5 * MANY, MANY);
    assert_int_equal(alloc_fail_disarm(), 0);
    strobe_mem_close(mem);
}

/* No memory to grow: it goes on with what it has, nothing is lost, and it grows when there is memory again. */
static void test_growth_fails(void **state)
{
    bool all = false;

    for (uint64_t n = 1; !all; n++) {
        struct endless endless;
        struct strobe_mem *mem = paged_over(&endless);

        alloc_fail_arm(n);
        for (int times = 0; times < 3; times++)
            look(mem, &endless, 0, MANY);
        all = !alloc_fail_hit();
        alloc_fail_disarm();
        look_until_kept(mem, &endless, MANY);
        strobe_mem_close(mem);
    }
}

/* Blocks that the last round of a turn read are read again many a call, wherever the ring has room; what is shown is this moment's. */
static void test_again_reads_ahead(void **state)
{
    enum { N = 300 };
    struct world *world = *state;
    uint64_t calls;

    for (int round = 0; round < 4; round++) {
        strobe_mem_again(world->mem, 0);
        calls = world->stats->calls;
        for (uint64_t i = 0; i < N; i++)
            check(world, (i * 7 % N) * BLOCK + 100, 50);
        if (round)
            assert_true(world->stats->calls - calls < N / 8);
        else
            assert_int_equal(world->stats->calls - calls, N);
        strobe_mem_again(world->mem, 1); /* another turn is none of the first's business */
        for (uint64_t i = 0; i < 40; i++)
            check(world, (i * 11 % 40) * BLOCK + 5, 50);
        world->dense[105] ^= 0xff; /* put back below */
        strobe_mem_again(world->mem, 0);
        assert_int_equal(seen_byte(world, 105), (uint8_t)~expected(105));
        world->dense[105] ^= 0xff;
        for (uint64_t i = N; i-- > 0;) /* in another order, and only some */
            if (i % 3 && i * 7 % N)
                check(world, (i * 7 % N) * BLOCK + 6000, 50);
        strobe_mem_again(world->mem, 0);
        for (uint64_t i = 0; i < N; i++)
            check(world, (i * 7 % N) * BLOCK + 100, 50);
    }
}

/* A block of the last round that is gone does not take others with it. */
static void test_again_without_what_is_gone(void **state)
{
    struct world *world = *state;
    static const uint64_t offs[] = {0, LONELY + 5, 2 * BLOCK, ODD, 3 * BLOCK};

    for (int round = 0; round < 3; round++) {
        strobe_mem_again(world->mem, 0);
        for (size_t i = 0; i < sizeof offs / sizeof *offs; i++)
            check(world, offs[i], 8);
    }
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
        WITH_WORLD(test_large_reads_bypass),
        WITH_WORLD(test_page_in_a_block_with_holes),
        WITH_WORLD(test_exact_bytes),
        WITH_WORLD(test_edges_of_the_address_space),
        WITH_WORLD(test_readv_passes_through),
        WITH_WORLD(test_every_read_fails_once),
        cmocka_unit_test(test_other_errors_are_passed_on),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_scans_stay_small),
        cmocka_unit_test(test_more_than_it_can_hold),
        cmocka_unit_test(test_small_stays_small),
        cmocka_unit_test(test_grows_once),
        cmocka_unit_test(test_growth_fails),
        WITH_WORLD(test_again_reads_ahead),
        WITH_WORLD(test_again_without_what_is_gone),
        WITH_WORLD(test_each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
