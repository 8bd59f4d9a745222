/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/served.h"

#define WORDS(...) \
    (const char *[]) { __VA_ARGS__, NULL }

/* What a service is called whose command line has these words. */
static const char *name(const char *const *words, bool *ret_named)
{
    static char ret[64];
    char line[4096];
    size_t len = 0;

    for (; *words; words++) {
        memcpy(line + len, *words, strlen(*words) + 1);
        len += strlen(*words) + 1;
    }
    *ret_named = strobe_served_name(line, len, ret, sizeof ret);
    return ret;
}

static void test_names(void **state)
{
    bool named;

    assert_string_equal(name(WORDS("python3", "/srv/shop/orders.py", "--port", "80"), &named), "orders");
    assert_true(named);
    assert_string_equal(name(WORDS("/usr/bin/python3.12", "-u", "-W", "ignore", "-X", "dev", "app.py"), &named), "app");
    assert_string_equal(name(WORDS("python3", "-m", "uvicorn", "shop:app"), &named), "uvicorn");
    assert_string_equal(name(WORDS("/venv/bin/python", "/venv/bin/gunicorn", "shop:app"), &named), "gunicorn");
    assert_true(named);
    assert_string_equal(name(WORDS("gunicorn: worker [shop]"), &named), "gunicorn");
    assert_string_equal(name(WORDS("/opt/app/embedder", "x.py"), &named), "embedder");
    assert_string_equal(name(WORDS("python3", "-c", "from multiprocessing.spawn import spawn_main"), &named), "python3");
    assert_false(named);
    assert_string_equal(name(WORDS("python3", "-m"), &named), "python3");
    assert_string_equal(name(WORDS("python3", "-"), &named), "python3");
}

static void test_hostile_names(void **state)
{
    char ret[8], line[300];

    memset(line, 'x', sizeof line);
    assert_false(strobe_served_name("", 0, ret, sizeof ret));
    assert_string_equal(ret, "python");
    assert_false(strobe_served_name("\0\0\0", 3, ret, sizeof ret));
    memcpy(line, "python3\0-X", 11);
    line[sizeof line - 1] = '\0';
    strobe_served_name(line, sizeof line, ret, sizeof ret);
    assert_int_equal(strlen(ret), sizeof ret - 1);
}

/* ---- a process that cannot be read ---- */

/* All memory is ones, enough for a runtime that has begun; and then it cannot be read. */
static bool torn;

static int read_ones(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    memset(buf, 1, len);
    return torn ? STROBE_ERR_TORN : 0;
}

/* One that was attached to while it starts, or that changes too fast: no look at it has ever succeeded.  There is no list of tasks then,
 * and nothing to make one of. */
static void test_no_tasks_before_a_look(void **state)
{
    static const struct strobe_mem_ops reads = {.read = read_ones};
    static const struct strobe_place_ops asks = {NULL};
    struct strobe_layout_hint hint = {.runtime = 0x1000, .version = 0x030c01f0};
    struct strobe_layout layout;
    char why[160];
    struct strobe_mem mem = {.ops = &reads};
    struct strobe_place place = {.ops = &asks, .mem = &mem, .host = strobe_host_null(), .layout = &layout, .cmdline = "", .exe = "",
                                 .version = ""};
    struct strobe_metered_opts opts = {.nonblocking = true};
    const struct strobe_report_tasks *report = NULL;
    struct strobe_served served = {.pid = 1};

    assert_int_equal(strobe_layout_init(&mem, &hint, &layout, why), 0);
    torn = true;
    assert_int_equal(strobe_meter_new(NULL, &opts.meter), 0);
    assert_int_equal(strobe_metered_open(&place, NULL, &opts, &served.metered), 0);
    assert_true(strobe_served_tasks(&served, &report) < 0);
    assert_null(report);
    assert_int_equal(served.metered.errors, 1);
    strobe_metered_release(&served.metered);
    strobe_meter_free(opts.meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_no_tasks_before_a_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
