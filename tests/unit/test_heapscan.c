/* SPDX-License-Identifier: Apache-2.0 */
/* Words that are looked for in a memory: all of them, and nothing else. */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/mem_image.h"
#include "walk/heapscan.h"

#define BASE UINT64_C(0x7f1200000000)
enum { SIZE = 600 * 1024, PAGE = 4096 };

struct memory {
    struct image *image;
    struct strobe_mem *mem;
    struct strobe_heapscan scan;
    unsigned char *bytes;
};

/* `hole`: a page that is not there. */
static void open_memory(struct memory *m, const uint64_t *words, const size_t *at, size_t n, size_t hole)
{
    m->bytes = calloc(1, SIZE);
    for (size_t i = 0; i < n; i++)
        memcpy(m->bytes + at[i], &words[i], 8);
    assert_int_equal(image_new(&m->image), 0);
    assert_int_equal(image_add(m->image, BASE, m->bytes, hole ? hole : SIZE), 0);
    if (hole)
        assert_int_equal(image_add(m->image, BASE + hole + PAGE, m->bytes + hole + PAGE, SIZE - hole - PAGE), 0);
    assert_int_equal(image_mem_new(m->image, &m->mem), 0);
    strobe_heapscan_init(&m->scan, m->mem);
}

static void close_memory(struct memory *m)
{
    strobe_heapscan_release(&m->scan);
    strobe_mem_close(m->mem);
    image_free(m->image);
    free(m->bytes);
}

static const uint64_t one = 0x55aa00112230, two = 0x7f00cafe0040;

static void test_finds_each_at_its_place(void **state)
{
    /* first and last word, both sides of a block's end; one at an odd place is none */
    const size_t at[] = {0, 4096, STROBE_HEAPSCAN_BLOCK - 8, STROBE_HEAPSCAN_BLOCK, 300004, SIZE - 8};
    const uint64_t words[] = {one, two, one, two, one, two};
    const size_t want[] = {0, 4096, STROBE_HEAPSCAN_BLOCK - 8, STROBE_HEAPSCAN_BLOCK, SIZE - 8};
    struct memory m;

    open_memory(&m, words, at, 6, 0);
    assert_int_equal(strobe_heapscan_run(&m.scan, BASE, SIZE), 0);
    assert_int_equal(m.scan.n_hits, 0); /* nothing is wanted */
    assert_int_equal(strobe_heapscan_want(&m.scan, one), 0);
    assert_int_equal(strobe_heapscan_want(&m.scan, two), 0);
    assert_int_equal(strobe_heapscan_run(&m.scan, BASE, SIZE), 0);
    assert_int_equal(m.scan.n_hits, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(m.scan.hits[i] == BASE + want[i]);
    assert_true(m.scan.unread == 0);
    strobe_heapscan_clear(&m.scan);
    assert_int_equal(m.scan.n_hits, 0);
    assert_int_equal(strobe_heapscan_run(&m.scan, BASE + 8, 4096), 0); /* a part: [8, 4104) */
    assert_int_equal(m.scan.n_hits, 1);
    assert_true(m.scan.hits[0] == BASE + 4096);
    close_memory(&m);
}

/* Against a search word by word, in memory full of words that share bits with what is wanted. */
static void test_as_a_plain_search(void **state)
{
    uint64_t random = 88172645463325252u, wanted[40];
    size_t n = 0;
    struct memory m;

    open_memory(&m, NULL, NULL, 0, 0);
    for (int i = 0; i < 40; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        wanted[i] = BASE + (random % 100000) * 16;
        assert_int_equal(strobe_heapscan_want(&m.scan, wanted[i]), 0);
    }
    image_free(m.image);
    strobe_mem_close(m.mem);
    for (size_t i = 0; i < SIZE; i += 8) {
        uint64_t word;

        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        word = random % 5 ? BASE + (random % 100000) * 8 : wanted[random % 40];
        memcpy(m.bytes + i, &word, 8);
    }
    assert_int_equal(image_new(&m.image), 0);
    assert_int_equal(image_add(m.image, BASE, m.bytes, SIZE), 0);
    assert_int_equal(image_mem_new(m.image, &m.mem), 0);
    m.scan.mem = m.mem;
    assert_int_equal(strobe_heapscan_run(&m.scan, BASE, SIZE), 0);
    for (size_t i = 0; i < SIZE; i += 8)
        for (int k = 0; k < 40; k++)
            if (strobe_span_u64(m.bytes, i) == wanted[k]) {
                assert_true(n < m.scan.n_hits && m.scan.hits[n] == BASE + i);
                n++;
                break;
            }
    assert_int_equal(n, m.scan.n_hits);
    assert_true(n > SIZE / 8 / 6);
    close_memory(&m);
}

/* Memory is given back at any moment: what is there is looked at all the same. */
static void test_a_hole_is_passed_over(void **state)
{
    const size_t hole = 100 * 1024, at[] = {hole - 8, hole, hole + PAGE, SIZE - 8};
    const uint64_t words[] = {one, one, one, one};
    struct memory m;

    open_memory(&m, words, at, 4, hole);
    assert_int_equal(strobe_heapscan_want(&m.scan, one), 0);
    assert_int_equal(strobe_heapscan_run(&m.scan, BASE, SIZE), 0);
    assert_int_equal(m.scan.n_hits, 3);
    assert_true(m.scan.hits[0] == BASE + hole - 8 && m.scan.hits[1] == BASE + hole + PAGE && m.scan.hits[2] == BASE + SIZE - 8);
    assert_true(m.scan.unread == PAGE);
    strobe_heapscan_clear(&m.scan);
    assert_int_equal(strobe_heapscan_run(&m.scan, BASE - 2 * STROBE_HEAPSCAN_BLOCK, STROBE_HEAPSCAN_BLOCK), 0);
    assert_int_equal(m.scan.n_hits, 0);
    assert_true(m.scan.unread == STROBE_HEAPSCAN_BLOCK);
    close_memory(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_each_at_its_place),
        cmocka_unit_test(test_as_a_plain_search),
        cmocka_unit_test(test_a_hole_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
