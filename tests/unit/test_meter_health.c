/* SPDX-License-Identifier: Apache-2.0 */
/* The pools as health routes show them. */
#include "tests/unit/meter_readings.h"

#include <jansson.h>

#include "base/err.h"
#include "meter/health.h"
#include "tests/lib/alloc_fail.h"

static struct strobe_meter *meter;
static struct strobe_meter_target *target;

static int set_up(void **state)
{
    return strobe_meter_new(NULL, &meter) || strobe_meter_target_add(meter, NULL, &target);
}

static int tear_down(void **state)
{
    strobe_meter_free(meter);
    return 0;
}

static void read_one(struct strobe_report_resource r)
{
    assert_int_equal(reading_add(meter, target, READINGS_S, &r, 1), 0);
}

static json_t *pools(void)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    json_t *json;

    assert_int_equal(strobe_meter_pools_json(meter, &out), 0);
    json = json_loads(strobe_buf_str(&out), 0, NULL);
    assert_non_null(json);
    strobe_buf_release(&out);
    return json;
}

static void assert_json(json_t *have, const char *expected)
{
    json_t *want = json_loads(expected, JSON_DECODE_ANY, NULL);

    assert_non_null(want);
    if (!json_equal(have, want)) {
        char *text = json_dumps(have, JSON_SORT_KEYS);

        fail_msg("%s is not %s", text, expected);
    }
    json_decref(want);
    json_decref(have);
}

static void test_the_shape(void **state)
{
    struct strobe_report_resource at[] = {
        reading_pool(1, "app.POOL", 4, 3, 2), reading_pool(2, "app.MORE", 8, 0, 0),
        reading_thing(STROBE_RESOURCE_PROCESS_POOL, 3, "app.POOL"),
        reading_thing(STROBE_RESOURCE_INTERPRETER_POOL, 4, "app.SUBS"), reading_semaphore(5, "Client._gate", 2, 10, 0),
        reading_semaphore(6, "Client._gate", 3, 10, 0), reading_thing(STROBE_RESOURCE_LIMITER, 7, "app.LIMIT"),
        reading_thing(STROBE_RESOURCE_QUEUE, 8, "app.JOBS"),
    };

    assert_json(pools(), "{\"thread_pool\": {\"max_workers\": 0, \"active_workers\": 0, \"pending_tasks\": 0},"
                         " \"process_pool\": {\"max_workers\": 0, \"active_workers\": 0, \"pending_tasks\": 0},"
                         " \"semaphores\": {}, \"executors\": []}");
    at[2].max = 2; /* what it is in is not known */
    at[3].max = at[3].busy = 1;
    at[6].free = at[6].capacity = STROBE_UNLIMITED;
    assert_int_equal(reading_add(meter, target, READINGS_S, at, 8), 0);
    assert_json(pools(),
                "{\"thread_pool\": {\"max_workers\": 12, \"active_workers\": 3, \"pending_tasks\": 2},"
                " \"process_pool\": {\"max_workers\": 2, \"active_workers\": null, \"pending_tasks\": null},"
                " \"semaphores\": {\"Client._gate\": {\"capacity\": 20, \"available\": 5},"
                "                  \"app.LIMIT\": {\"capacity\": \"unlimited\", \"available\": \"unlimited\"}},"
                " \"executors\": ["
                "  {\"name\": \"app.POOL\", \"pool_type\": \"thread\", \"max_workers\": 4, \"active_workers\": 3, \"pending_tasks\": 2},"
                "  {\"name\": \"app.MORE\", \"pool_type\": \"thread\", \"max_workers\": 8, \"active_workers\": 0, \"pending_tasks\": 0},"
                "  {\"name\": \"app.POOL\", \"pool_type\": \"process\", \"max_workers\": 2, \"active_workers\": null,"
                "   \"pending_tasks\": null},"
                "  {\"name\": \"app.SUBS\", \"pool_type\": \"interpreter\", \"max_workers\": 1, \"active_workers\": 1,"
                "   \"pending_tasks\": null}]}");
    assert_int_equal(strobe_meter_health(meter), STROBE_HEALTHY);
}

static void test_when_it_is_degraded(void **state)
{
    static const struct {
        int64_t max, active, pending;
        enum strobe_health expected;
    } executors[] = {
        {10, 9, 5, STROBE_HEALTHY} /* not more than 0.9 */, {10, 10, 0, STROBE_HEALTHY}, {10, 10, 1, STROBE_DEGRADED},
        {11, 10, 1, STROBE_DEGRADED}, {-1, 10, 1, STROBE_HEALTHY}, {10, -1, 1, STROBE_HEALTHY}, {0, 0, 1, STROBE_HEALTHY},
    };
    static const struct {
        int64_t free, capacity, waiters;
        enum strobe_health expected;
    } semaphores[] = {
        {1, 10, 5, STROBE_HEALTHY} /* not less than 0.1 */, {0, 10, 0, STROBE_HEALTHY}, {0, 10, 1, STROBE_DEGRADED},
        {1, 11, 1, STROBE_DEGRADED}, {0, 0, 1, STROBE_DEGRADED}, {0, -1, 1, STROBE_DEGRADED}, {-1, 10, 1, STROBE_HEALTHY},
        {STROBE_UNLIMITED, STROBE_UNLIMITED, 1, STROBE_HEALTHY},
    };

    assert_int_equal(strobe_meter_health(meter), STROBE_HEALTHY);
    for (size_t i = 0; i < sizeof executors / sizeof *executors; i++) {
        read_one(reading_pool(1, "app.POOL", executors[i].max, executors[i].active, executors[i].pending));
        assert_int_equal(strobe_meter_health(meter), executors[i].expected);
    }
    for (size_t i = 0; i < sizeof semaphores / sizeof *semaphores; i++) {
        read_one(reading_semaphore(100 + i, "gate", semaphores[i].free, semaphores[i].capacity, semaphores[i].waiters));
        assert_int_equal(strobe_meter_health(meter), semaphores[i].expected);
    }
}

/* One semaphore of a name is exhausted, another free: the sum would be healthy. */
static void test_a_sum_hides_nothing(void **state)
{
    struct strobe_report_resource at[] = {reading_semaphore(1, "gate", 0, 10, 5), reading_semaphore(2, "gate", 10, 10, 0)};

    assert_int_equal(reading_add(meter, target, READINGS_S, at, 2), 0);
    assert_int_equal(strobe_meter_health(meter), STROBE_DEGRADED);
}

static void test_the_detailed_form(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    json_t *json, *shape = pools(), *unsaid = json_loads("{\"name\": null, \"env\": null, \"version\": null}", 0, NULL);

    assert_int_equal(strobe_meter_health_json(meter, 1700000000.9, &out), 0);
    json = json_loads(strobe_buf_str(&out), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "status")), "healthy");
    assert_string_equal(json_string_value(json_object_get(json, "timestamp")), "2023-11-14T22:13:20Z");
    assert_int_equal(json_object_size(json), 6);
    assert_true(json_equal(json_object_get(json, "application"), unsaid));
    assert_true(json_equal(json_object_get(json, "pools"), shape));
    assert_int_equal(json_object_size(json_object_get(json, "checks")), 0);
    assert_int_equal(json_object_size(json_object_get(json, "circuit_breakers")), 0);
    json_decref(json);
    json_decref(shape);
    json_decref(unsaid);
    strobe_buf_clear(&out);
    read_one(reading_semaphore(1, "gate", 0, 10, 5));
    assert_int_equal(strobe_meter_health_json(meter, 1700000000.9, &out), 0);
    json = json_loads(strobe_buf_str(&out), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "status")), "degraded");
    json_decref(json);
    strobe_buf_release(&out);
}

static void test_each_allocation_fails_once(void **state)
{
    struct strobe_report_resource at[] = {reading_pool(1, "app.POOL", 4, 3, 2), reading_semaphore(5, "Client._gate", 2, 10, 0),
                                          reading_thing(STROBE_RESOURCE_PROCESS_POOL, 3, "app.POOL")};
    struct strobe_buf out = STROBE_BUF_INIT;
    uint64_t n;

    assert_int_equal(reading_add(meter, target, READINGS_S, at, 3), 0);
    alloc_fail_arm(0);
    assert_int_equal(strobe_meter_health_json(meter, 0, &out), 0);
    n = alloc_fail_disarm();
    strobe_buf_release(&out);
    assert_true(n >= 5);
    for (uint64_t i = 1; i <= n; i++) {
        alloc_fail_arm(i);
        assert_int_equal(strobe_meter_health_json(meter, 0, &out), STROBE_ERR_NOMEM);
        alloc_fail_disarm();
        strobe_buf_release(&out);
        assert_int_equal(alloc_fail_live(), 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_shape), TEST(test_when_it_is_degraded), TEST(test_a_sum_hides_nothing), TEST(test_the_detailed_form),
        TEST(test_each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
