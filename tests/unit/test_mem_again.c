/* SPDX-License-Identifier: Apache-2.0 */
/* strobe_mem_again of the block cache: what the last epoch of a turn read is read again in few calls, and is never old, wrong or in
 * anyone's way.  The memory below is without end; each word is made of its address and the moment. */
#include "tests/unit/cm.h"

#include <string.h>

#include "mem/mem.h"
#include "tests/lib/alloc_fail.h"

#define BASE UINT64_C(0x7f0000000000)

enum { PAGE = 4096, BLOCK = 4 * PAGE, APART = 5 /* blocks between those that are read */, N = 200, MANY = 6000 };

struct endless {
    struct strobe_mem mem;
    uint64_t moment, calls, pages;
    uint64_t gone; /* a page that is not mapped; 0 = none */
};

static int read_some(struct endless *e, uint64_t addr, void *buf, size_t len)
{
    e->pages += (len + PAGE - 1) / PAGE;
    if (e->gone && addr < e->gone + PAGE && addr + len > e->gone)
        return STROBE_ERR_FAULT;
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t word = (addr + i + e->moment) * 0x9e3779b97f4a7c15u;

        memcpy((char *)buf + i, &word, 8);
    }
    return 0;
}

static int endless_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    ((struct endless *)mem)->calls++;
    return read_some((struct endless *)mem, addr, buf, len);
}

static int endless_readv(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n)
{
    int err = 0;

    ((struct endless *)mem)->calls++;
    for (size_t i = 0; !err && i < n; i++)
        err = read_some((struct endless *)mem, segs[i].addr, segs[i].buf, segs[i].len);
    return err;
}

static void endless_close(struct strobe_mem *mem)
{
}

static struct strobe_mem *open_over(struct endless *e)
{
    static const struct strobe_mem_ops ops = {.read = endless_read, .readv = endless_readv, .close = endless_close};
    struct strobe_mem *mem = NULL;

    *e = (struct endless){.mem.ops = &ops};
    assert_int_equal(strobe_mem_paged_new(&e->mem, &mem), 0);
    return mem;
}

static uint64_t place(uint64_t i)
{
    return BASE + i * APART * BLOCK + PAGE + 64;
}

static void look_at(struct strobe_mem *mem, const struct endless *e, uint64_t addr)
{
    uint64_t word = 0;

    assert_int_equal(strobe_mem_u64(mem, addr, &word), 0);
    assert_int_equal(word, (addr + e->moment) * 0x9e3779b97f4a7c15u);
}

/* Looks at places from, from + step, ... */
static void look(struct strobe_mem *mem, const struct endless *e, uint64_t from, uint64_t n, uint64_t step)
{
    for (uint64_t i = 0; i < n; i++)
        look_at(mem, e, place(from + i * step));
}

static void again(struct strobe_mem *mem, struct endless *e, unsigned turn)
{
    strobe_mem_again(mem, turn);
    e->moment += 8;
    e->calls = e->pages = 0;
}

/* Few calls, only the pages that were asked for, and of this moment. */
static void test_in_few_calls(void **state)
{
    struct endless e;
    struct strobe_mem *mem = open_over(&e);

    again(mem, &e, 0);
    look(mem, &e, 0, N, 1);
    assert_int_equal(e.calls, N);
    for (int round = 0; round < 4; round++) {
        again(mem, &e, 0);
        look(mem, &e, 0, N, 1);
        assert_true(e.calls <= N / 8);
        assert_true(e.pages <= N + N / 8 * 4);
    }
    strobe_mem_close(mem);
}

/* An epoch of its own in between reads as ever, and changes nothing for the turn. */
static void test_plain_epochs_between(void **state)
{
    struct endless e;
    struct strobe_mem *mem = open_over(&e);

    again(mem, &e, 0);
    look(mem, &e, 0, N, 1);
    strobe_mem_epoch(mem);
    e.moment += 8;
    look(mem, &e, 5, 3, 1);
    again(mem, &e, 0);
    look(mem, &e, 0, N, 1);
    assert_true(e.calls <= N / 8);
    strobe_mem_close(mem);
}

/* Two turns, each with places of its own. */
static void test_turns(void **state)
{
    struct endless e;
    struct strobe_mem *mem = open_over(&e);

    for (int round = 0; round < 4; round++) {
        again(mem, &e, 0);
        look(mem, &e, 0, N, 1);
        assert_true(round == 0 || e.calls <= N / 8);
        again(mem, &e, 1);
        look(mem, &e, 10000, N, 1);
        assert_true(round == 0 || e.calls <= N / 8);
    }
    strobe_mem_close(mem);
}

/* Places that went, came, or are asked for in another order: all right, and what still is in order still is quick. */
static void test_other_places_and_order(void **state)
{
    struct endless e;
    struct strobe_mem *mem = open_over(&e);

    again(mem, &e, 0);
    look(mem, &e, 0, N, 1);
    again(mem, &e, 0);
    look(mem, &e, 0, N / 2, 1);
    look(mem, &e, 5000, 10, 1);
    look(mem, &e, N / 2 + 10, N / 2 - 10, 1);
    assert_true(e.calls <= N / 4);
    again(mem, &e, 0);
    for (uint64_t i = N; i-- > 0;)
        look_at(mem, &e, place(i));
    again(mem, &e, 0);
    look(mem, &e, 0, N / 7, 7);
    look(mem, &e, 0, N, 1);
    look(mem, &e, 0, N, 1);
    strobe_mem_close(mem);
}

/* Another page of a block that was read ahead: it is fetched, not made up. */
static void test_other_pages_of_a_block(void **state)
{
    struct endless e;
    struct strobe_mem *mem = open_over(&e);

    again(mem, &e, 0);
    look(mem, &e, 0, N, 1);
    again(mem, &e, 0);
    for (uint64_t i = 0; i < N; i++) {
        look_at(mem, &e, place(i));
        look_at(mem, &e, place(i) + PAGE);
        look_at(mem, &e, place(i) - PAGE);
    }
    again(mem, &e, 0);
    look(mem, &e, 0, N, 1);
    strobe_mem_close(mem);
}

/* A page that is gone by the next round: its own bytes fail, nobody else's. */
static void test_a_page_goes(void **state)
{
    struct endless e;
    struct strobe_mem *mem = open_over(&e);
    uint64_t word = 3;

    again(mem, &e, 0);
    look(mem, &e, 0, N, 1);
    e.gone = place(17) - 64;
    for (int round = 0; round < 3; round++) {
        again(mem, &e, 0);
        for (uint64_t i = 0; i < N; i++) {
            if (i != 17)
                look_at(mem, &e, place(i));
            else
                assert_int_equal(strobe_mem_u64(mem, place(i), &word), STROBE_ERR_FAULT);
        }
        look_at(mem, &e, place(17) + PAGE); /* its neighbour is there */
    }
    assert_int_equal(word, 3);
    e.gone = 0;
    again(mem, &e, 0);
    look(mem, &e, 0, N, 1);
    strobe_mem_close(mem);
}

/* More than the cache holds at first, and at all. */
static void test_many(void **state)
{
    struct endless e;
    struct strobe_mem *mem = open_over(&e);

    for (int round = 0; round < 3; round++) {
        again(mem, &e, 0);
        look(mem, &e, 0, MANY, 1);
        assert_true(round == 0 || e.calls <= MANY / 8);
        look(mem, &e, 0, MANY, 3);
    }
    strobe_mem_close(mem);
}

/* Without memory to remember or to grow it is as right, only slower. */
static void test_each_allocation_fails_once(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct endless e;
        struct strobe_mem *mem = open_over(&e);
        bool hit;

        alloc_fail_arm(n);
        for (int round = 0; round < 3; round++) {
            again(mem, &e, round % 2);
            look(mem, &e, 0, 1000, 1);
            look(mem, &e, 0, 1000, 1);
        }
        hit = alloc_fail_hit();
        strobe_mem_close(mem);
        alloc_fail_disarm();
        assert_int_equal(alloc_fail_live(), 0);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_few_calls),           cmocka_unit_test(test_plain_epochs_between),
        cmocka_unit_test(test_turns),                  cmocka_unit_test(test_other_places_and_order),
        cmocka_unit_test(test_other_pages_of_a_block), cmocka_unit_test(test_a_page_goes),
        cmocka_unit_test(test_many),                   cmocka_unit_test(test_each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
