/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are the libraries'. */
#include "tests/unit/cm.h"

#include <string.h>

#include "base/libfile.h"

static const struct strobe_libhomes homes = {.asyncio = "/usr/lib/python3.12", .anyio = "/venv/site-packages"};

static void check(const struct strobe_libhomes *known, const char *path, enum strobe_libfile expected)
{
    if (strobe_libfile_of(known, path) != expected)
        fail_msg("%s is %d, not %d", path, (int)strobe_libfile_of(known, path), (int)expected);
}

static void test_where_the_packages_lie_is_known(void **state)
{
    check(&homes, "/usr/lib/python3.12/asyncio/locks.py", STROBE_LIBFILE_WAITS);
    check(&homes, "/usr/lib/python3.12/asyncio/of_a_later_version.py", STROBE_LIBFILE_WAITS);
    check(&homes, "/usr/lib/python3.12/contextlib.py", STROBE_LIBFILE_WAITS);
    check(&homes, "/venv/site-packages/anyio/_backends/_asyncio.py", STROBE_LIBFILE_WAITS);
    check(&homes, "/venv/site-packages/anyio/new/thing.py", STROBE_LIBFILE_WAITS);
    check(&homes, "/usr/lib/python3.12/concurrent/futures/thread.py", STROBE_LIBFILE_FUTURES);
    check(&homes, "/srv/asyncio/locks.py", STROBE_LIBFILE_NONE);
    check(&homes, "/srv/anyio/_core/_tasks.py", STROBE_LIBFILE_NONE);
    check(&homes, "/srv/contextlib.py", STROBE_LIBFILE_NONE);
    check(&homes, "/usr/lib/python3.12/xcontextlib.py", STROBE_LIBFILE_NONE);
    check(&homes, "/usr/lib/python3.12/asyncio/deeper/locks.py", STROBE_LIBFILE_NONE);
    check(&homes, "/usr/lib/python3.123/asyncio/locks.py", STROBE_LIBFILE_NONE);
    check(&homes, "/srv/concurrent/futures/thread.py", STROBE_LIBFILE_NONE);
    check(&homes, "", STROBE_LIBFILE_NONE);
}

static void test_where_they_lie_is_not_known(void **state)
{
    check(NULL, "/anywhere/asyncio/asyncio/locks.py", STROBE_LIBFILE_WAITS);
    check(NULL, "/anywhere/anyio/_core/_tasks.py", STROBE_LIBFILE_WAITS);
    check(NULL, "/anywhere/anyio/to_thread.py", STROBE_LIBFILE_WAITS);
    check(NULL, "/anywhere/contextlib.py", STROBE_LIBFILE_WAITS);
    check(NULL, "/srv/asyncio/app.py", STROBE_LIBFILE_NONE);
    check(NULL, "/srv/asyncio/web/locks.py", STROBE_LIBFILE_NONE);
    check(NULL, "/srv/anyio/app.py", STROBE_LIBFILE_NONE);
    check(NULL, "/srv/myasyncio/locks.py", STROBE_LIBFILE_NONE);
    check(NULL, "<string>", STROBE_LIBFILE_NONE);
    /* of a program that was packed into one file */
    check(NULL, "asyncio/locks.py", STROBE_LIBFILE_WAITS);
    check(NULL, "asyncio/asyncio/locks.py", STROBE_LIBFILE_WAITS);
    check(NULL, "anyio/_backends/_asyncio.py", STROBE_LIBFILE_WAITS);
    check(NULL, "contextlib.py", STROBE_LIBFILE_WAITS);
    check(NULL, "concurrent/futures/thread.py", STROBE_LIBFILE_FUTURES);
    check(NULL, "asyncio/app.py", STROBE_LIBFILE_NONE);
    check(NULL, "myasyncio/locks.py", STROBE_LIBFILE_NONE);
    check(NULL, "xcontextlib.py", STROBE_LIBFILE_NONE);
    check(&homes, "asyncio/locks.py", STROBE_LIBFILE_NONE);
}

static void test_homes(void **state)
{
    char dir[STROBE_LIBHOME_MAX] = "", longer[STROBE_LIBHOME_MAX + 64];

    assert_true(strobe_libhome_set(dir, "asyncio", "/usr/lib/python3.12/asyncio/__init__.py"));
    assert_string_equal(dir, "/usr/lib/python3.12");
    assert_false(strobe_libhome_set(dir, "asyncio", "/app.zip/asyncio/__init__.pyc"));
    assert_false(strobe_libhome_set(dir, "asyncio", "/usr/lib/xasyncio/__init__.py"));
    assert_false(strobe_libhome_set(dir, "anyio", ""));
    memset(longer, 'a', sizeof longer);
    strcpy(longer + STROBE_LIBHOME_MAX, "/asyncio/__init__.py");
    assert_false(strobe_libhome_set(dir, "asyncio", longer));
    assert_string_equal(dir, "/usr/lib/python3.12");
}

static void test_ends(void **state)
{
    assert_true(strobe_libfile_ends("/x/asyncio/locks.py", "asyncio/locks.py"));
    assert_true(strobe_libfile_ends("locks.py", "locks.py"));
    assert_false(strobe_libfile_ends("/x/asyncio/xlocks.py", "locks.py"));
    assert_false(strobe_libfile_ends("py", "locks.py"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_the_packages_lie_is_known),
        cmocka_unit_test(test_where_they_lie_is_not_known),
        cmocka_unit_test(test_homes),
        cmocka_unit_test(test_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
