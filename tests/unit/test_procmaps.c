/* SPDX-License-Identifier: Apache-2.0 */
/* procmaps: the text of /proc/PID/maps, well-formed, strange and damaged; and our own against what the linker says. */
#include "attach/proc/procmaps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static const char sample[] =
    "00400000-0041f000 r--p 00000000 fe:01 1234                               /usr/bin/python3.11\n"
    "0041f000-006c0000 r-xp 0001f000 fe:01 1234                               /usr/bin/python3.11\n"
    "00a00000-00b00000 rw-p 00000000 00:00 0 \n"
    "01c3a000-01d00000 rw-p 00000000 00:00 0                                  [heap]\n"
    "7f0000000000-7f0000001000 r--s 00002000 103:12 99                        /a b/new\\012line (deleted)\n"
    "7f0000001000-7f0000002000 ---p 00000000 fe:01 7                          (deleted)\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static void test_fields(void **state)
{
    struct strobe_procmaps maps;

    assert_int_equal(strobe_procmaps_parse(sample, sizeof sample - 1, &maps), 0);
    assert_int_equal(maps.n, 7);
    assert_int_equal(maps.maps[0].start, 0x400000);
    assert_int_equal(maps.maps[0].end, 0x41f000);
    assert_int_equal(maps.maps[0].perms, STROBE_MAP_READ);
    assert_int_equal(maps.maps[0].dev, makedev(0xfe, 1));
    assert_int_equal(maps.maps[0].ino, 1234);
    assert_string_equal(maps.maps[0].path, "/usr/bin/python3.11");
    assert_int_equal(maps.maps[1].perms, STROBE_MAP_READ | STROBE_MAP_EXEC);
    assert_int_equal(maps.maps[1].offset, 0x1f000);
    assert_string_equal(maps.maps[2].path, "");
    assert_int_equal(maps.maps[2].perms, STROBE_MAP_READ | STROBE_MAP_WRITE);
    assert_string_equal(maps.maps[3].path, "[heap]");
    assert_string_equal(maps.maps[4].path, "/a b/new\nline");
    assert_true(maps.maps[4].deleted);
    assert_int_equal(maps.maps[4].dev, makedev(0x103, 0x12));
    assert_false(maps.maps[5].deleted); /* a file of that name: nothing is left when the mark is cut off */
    assert_int_equal(maps.maps[6].start, 0xffffffffff600000);
    strobe_procmaps_release(&maps);
    strobe_procmaps_release(&maps);
}

static void test_find(void **state)
{
    struct strobe_procmaps maps;

    assert_int_equal(strobe_procmaps_parse(sample, sizeof sample - 1, &maps), 0);
    assert_null(strobe_procmaps_find(&maps, 0x3fffff));
    assert_ptr_equal(strobe_procmaps_find(&maps, 0x400000), &maps.maps[0]);
    assert_ptr_equal(strobe_procmaps_find(&maps, 0x41efff), &maps.maps[0]);
    assert_ptr_equal(strobe_procmaps_find(&maps, 0x41f000), &maps.maps[1]);
    assert_null(strobe_procmaps_find(&maps, 0x6c0000));
    assert_null(strobe_procmaps_find(&maps, UINT64_MAX));
    strobe_procmaps_release(&maps);
}

static void test_empty(void **state)
{
    struct strobe_procmaps maps;

    assert_int_equal(strobe_procmaps_parse("", 0, &maps), 0);
    assert_int_equal(maps.n, 0);
    assert_null(strobe_procmaps_find(&maps, 1));
    strobe_procmaps_release(&maps);
}

static void test_damaged(void **state)
{
    static const char *const bad[] = {
        "\n", "x\n", "400000\n", "400000-\n", "400000-3ff000 r--p 0 0:0 0\n", "400000-400000 r--p 0 0:0 0\n", "400000-500000 r--\n",
        "400000-500000 r--p\n", "400000-500000 r--p 0 0:0\n", "400000-500000 r--p 0 0:0 x\n", "400000-500000 r--p 0 00 1\n",
        "10000000000000000-20000000000000000 r--p 0 0:0 0\n", "400000-500000 r--p 0 100000000:0 0\n",
        "400000-500000 r--p 0 0:0 99999999999999999999\n",
    };
    struct strobe_procmaps maps;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(strobe_procmaps_parse(bad[i], strlen(bad[i]), &maps), STROBE_ERR_FORMAT);
}

/* Every prefix, in memory of exactly its size: an error or a parse, never a read beyond. */
static void test_cut_anywhere(void **state)
{
    for (size_t len = 0; len < sizeof sample; len++) {
        char *text = malloc(len ? len : 1);
        struct strobe_procmaps maps;
        int err;

        memcpy(text, sample, len);
        err = strobe_procmaps_parse(text, len, &maps);
        free(text);
        if (!err) {
            assert_in_range(maps.n, 0, 8);
            strobe_procmaps_release(&maps);
        } else {
            assert_int_equal(err, STROBE_ERR_FORMAT);
        }
    }
}

static void test_merged_meanwhile(void **state)
{
    static const char text[] = "1000-3000 r--p 0 0:0 0 \n2000-4000 r--p 0 0:0 0 \n4000-5000 r--p 0 0:0 0 \n";
    struct strobe_procmaps maps;

    assert_int_equal(strobe_procmaps_parse(text, sizeof text - 1, &maps), 0);
    assert_int_equal(maps.n, 2);
    assert_int_equal(maps.maps[1].start, 0x4000);
    strobe_procmaps_release(&maps);
}

static void test_own(void **state)
{
    struct strobe_procmaps maps;
    const struct strobe_map *code, *stack;

    assert_int_equal(strobe_procmaps_read(getpid(), &maps), 0);
    code = strobe_procmaps_find(&maps, (uint64_t)(uintptr_t)test_own);
    assert_non_null(code);
    assert_int_equal(code->perms & (STROBE_MAP_EXEC | STROBE_MAP_WRITE), STROBE_MAP_EXEC);
    assert_string_equal(strobe_path_base(code->path), "test_procmaps");
    stack = strobe_procmaps_find(&maps, (uint64_t)(uintptr_t)&maps);
    assert_non_null(stack);
    assert_string_equal(stack->path, "[stack]");
    strobe_procmaps_release(&maps);
    assert_int_equal(strobe_procmaps_read(0x7fffffff, &maps), STROBE_ERR_NOPROC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields), cmocka_unit_test(test_find), cmocka_unit_test(test_empty), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_merged_meanwhile), cmocka_unit_test(test_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
