/* SPDX-License-Identifier: Apache-2.0 */
/* The two formats of Prometheus, letter by letter; tests/integration/test_metrics_formats.py reads them with others' parsers. */
#include "tests/unit/cm.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "meter/prometheus.h"
#include "tests/lib/alloc_fail.h"

static struct strobe_metrics metrics = STROBE_METRICS_INIT;
static struct strobe_buf out = STROBE_BUF_INIT;

static int tear_down(void **state)
{
    strobe_metrics_release(&metrics);
    strobe_buf_release(&out);
    return 0;
}

static void fill(struct strobe_metrics *to)
{
    struct strobe_metric_label labels[] = {{"pool_type", "thread"}, {"executor", "a\"b\\c\nd\xff\xc3\xa9"}, {"source", NULL}};

    strobe_metrics_family(to, "x_", "busy_seconds_total", STROBE_METRIC_COUNTER, "seconds", "A \"help\" with \\ and\na line.");
    strobe_metrics_sample(to, 0.1, 3, labels);
    strobe_metrics_sample(to, 1e20, 1, labels);
    strobe_metrics_family(to, "x_", "nothing", STROBE_METRIC_GAUGE, "", "No sample.");
    strobe_metrics_family(to, "x_", "free", STROBE_METRIC_GAUGE, "", "Help.");
    strobe_metrics_sample(to, INFINITY, 0, NULL);
}

static void test_text(void **state)
{
    fill(&metrics);
    assert_int_equal(strobe_prometheus_text(&metrics, &out), 0);
    assert_string_equal(out.data, "# HELP x_busy_seconds_total A \"help\" with \\\\ and\\na line.\n"
                                  "# TYPE x_busy_seconds_total counter\n"
                                  "x_busy_seconds_total{pool_type=\"thread\",executor=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa9\"} 0.1\n"
                                  "x_busy_seconds_total{pool_type=\"thread\"} 1e+20\n"
                                  "# HELP x_free Help.\n"
                                  "# TYPE x_free gauge\n"
                                  "x_free +Inf\n");
}

static void test_openmetrics(void **state)
{
    fill(&metrics);
    assert_int_equal(strobe_prometheus_openmetrics(&metrics, &out), 0);
    assert_string_equal(out.data, "# HELP x_busy_seconds A \\\"help\\\" with \\\\ and\\na line.\n"
                                  "# TYPE x_busy_seconds counter\n"
                                  "# UNIT x_busy_seconds seconds\n"
                                  "x_busy_seconds_total{pool_type=\"thread\",executor=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa9\"} 0.1\n"
                                  "x_busy_seconds_total{pool_type=\"thread\"} 1e+20\n"
                                  "# HELP x_free Help.\n"
                                  "# TYPE x_free gauge\n"
                                  "x_free +Inf\n"
                                  "# EOF\n");
}

static void write_number(double value)
{
    strobe_metrics_clear(&metrics);
    strobe_metrics_family(&metrics, "", "n", STROBE_METRIC_GAUGE, "", "");
    strobe_metrics_sample(&metrics, value, 0, NULL);
    strobe_buf_clear(&out);
    assert_int_equal(strobe_prometheus_text(&metrics, &out), 0);
}

static const char *number(double value)
{
    static char text[64];

    write_number(value);
    snprintf(text, sizeof text, "%s", strrchr(out.data, ' ') + 1);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void test_numbers(void **state)
{
    static const double all[] = {0, 1, -1, 12, 1e15, 123456789012345678.0, 0.1, 1.0 / 3, DBL_MAX, DBL_MIN, 5e-324, 1e-7, 1234.5678};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_true(strtod(number(all[i]), NULL) == all[i]);
    assert_string_equal(number(0.1), "0.1");
    assert_string_equal(number(3), "3");
    assert_string_equal(number(-INFINITY), "-Inf");
    assert_string_equal(number(NAN), "NaN");
}

static void test_what_a_client_wants(void **state)
{
    static const struct {
        const char *accept;
        bool openmetrics;
    } cases[] = {
        {NULL, false}, {"", false}, {"*/*", false}, {"text/plain", false}, {",,;;,", false},
        {"application/openmetrics-text; version=1.0.0", true}, {"Application/OpenMetrics-Text;version=1.0.0;charset=utf-8", true},
        {"application/openmetrics-textual", false},
        /* Prometheus 2.42 */
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true},
        {"application/openmetrics-text;q=0.5,text/plain;q=0.75", false}, {"text/plain;q=0.2 , application/openmetrics-text ; q=0.21", true},
        {"application/openmetrics-text;q=0", false}, {"application/openmetrics-text;q=0.", false},
        {"application/openmetrics-text;q", true}, {"application/openmetrics-text;q=", true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strobe_prometheus_wants_openmetrics(cases[i].accept) != cases[i].openmetrics)
            fail_msg("%s", cases[i].accept);
}

static int all_of_it(void)
{
    struct strobe_metrics m = STROBE_METRICS_INIT;
    struct strobe_buf b = STROBE_BUF_INIT;
    int err;

    for (int i = 0; i < 20; i++)
        fill(&m);
    err = strobe_prometheus_text(&m, &b);
    strobe_buf_release(&b);
    strobe_metrics_release(&m);
    return err;
}

static void test_each_allocation_fails_once(void **state)
{
    uint64_t n;

    alloc_fail_arm(0);
    assert_int_equal(all_of_it(), 0);
    n = alloc_fail_disarm();
    assert_true(n >= 6);
    for (uint64_t i = 1; i <= n; i++) {
        alloc_fail_arm(i);
        assert_int_equal(all_of_it(), STROBE_ERR_NOMEM);
        alloc_fail_disarm();
        assert_true(alloc_fail_hit());
        assert_int_equal(alloc_fail_live(), 0);
    }
}

/* Metrics that are filled again and again keep their memory. */
static void test_filled_again(void **state)
{
    fill(&metrics);
    assert_int_equal(strobe_prometheus_text(&metrics, &out), 0);
    alloc_fail_arm(0);
    for (int i = 0; i < 50; i++) {
        strobe_metrics_clear(&metrics);
        strobe_buf_clear(&out);
        fill(&metrics);
        assert_int_equal(strobe_prometheus_text(&metrics, &out), 0);
    }
    assert_int_equal(alloc_fail_disarm(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_text), TEST(test_openmetrics), TEST(test_numbers), TEST(test_what_a_client_wants),
        TEST(test_each_allocation_fails_once), TEST(test_filled_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
