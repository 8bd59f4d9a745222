/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages of a map are passed over, by a pagemap that the test writes (Documentation/admin-guide/mm/pagemap.rst). */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach/proc/heapmap.h"

enum { PAGE = 4096 };
#define PRESENT (UINT64_C(1) << 63)
#define SWAPPED (UINT64_C(1) << 62)
#define START UINT64_C(0x10000000)

/* Pages of the one mapping with objects in it; of the others all are present. */
static void open_map(struct strobe_heapmap *map, const uint64_t *pages, size_t n)
{
    static const char text[] = "10000000-10008000 rw-p 00000000 00:00 0 \n"
                               "10008000-1000a000 r--p 00000000 00:00 0 \n"
                               "1000a000-1000c000 rw-p 00000000 08:01 77 /lib/a.so\n";
    static const uint64_t all = PRESENT;

    *map = (struct strobe_heapmap)STROBE_HEAPMAP_INIT;
    assert_int_equal(strobe_procmaps_parse(text, sizeof text - 1, &map->maps), 0);
    map->entries = malloc(STROBE_HEAPMAP_PAGES * sizeof *map->entries);
    map->pagemap = strobe_ownfile_keep(memfd_create("pagemap", MFD_CLOEXEC));
    assert_true(map->entries && map->pagemap.fd >= 0);
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(pwrite(map->pagemap.fd, i < n ? &pages[i] : &all, 8, (off_t)((START / PAGE + i) * 8)), 8);
}

static void assert_next(struct strobe_heapmap *map, uint64_t most, uint64_t first, uint64_t n)
{
    uint64_t addr, bytes;

    assert_true(strobe_heapmap_next(map, most, &addr, &bytes));
    assert_int_equal(addr, START + first * PAGE);
    assert_int_equal(bytes, n * PAGE);
}

static void test_present_pages(void **state)
{
    /* never touched; in RAM; in RAM; swapped out; in RAM; swapped out; never touched; in RAM */
    static const uint64_t pages[] = {0, PRESENT, PRESENT | 5, SWAPPED | 9, PRESENT, SWAPPED, 0, PRESENT};
    struct strobe_heapmap map;
    uint64_t addr, bytes;

    open_map(&map, pages, 8);
    assert_next(&map, UINT64_MAX, 1, 2);
    assert_next(&map, UINT64_MAX, 4, 1);
    assert_next(&map, UINT64_MAX, 7, 1);
    assert_false(strobe_heapmap_next(&map, UINT64_MAX, &addr, &bytes));
    strobe_heapmap_release(&map);
}

static void test_in_parts(void **state)
{
    static const uint64_t pages[] = {PRESENT, PRESENT, PRESENT, PRESENT, PRESENT, SWAPPED, SWAPPED, SWAPPED};
    struct strobe_heapmap map;
    uint64_t addr, bytes;

    open_map(&map, pages, 8);
    assert_next(&map, 2 * PAGE, 0, 2);
    assert_next(&map, 2 * PAGE, 2, 2);
    assert_next(&map, 2 * PAGE, 4, 1);
    assert_false(strobe_heapmap_next(&map, 2 * PAGE, &addr, &bytes));
    strobe_heapmap_release(&map);
}

/* Where it may not be read every page counts. */
static void test_unknown(void **state)
{
    struct strobe_heapmap map;

    open_map(&map, NULL, 0);
    strobe_ownfile_close(&map.pagemap);
    assert_next(&map, UINT64_MAX, 0, 8);
    strobe_heapmap_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_present_pages),
        cmocka_unit_test(test_in_parts),
        cmocka_unit_test(test_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
