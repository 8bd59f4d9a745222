/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the meter: when, how often, what they say. */
#include "tests/unit/meter_readings.h"

#include <jansson.h>

#include "base/err.h"
#include "tests/lib/alloc_fail.h"

static struct strobe_meter *meter;
static struct strobe_meter_target *target;

static void begin(const struct strobe_meter_opts *opts, const char *label)
{
    assert_int_equal(strobe_meter_new(opts, &meter), 0);
    assert_int_equal(strobe_meter_target_add(meter, label, &target), 0);
}

static int tear_down(void **state)
{
    strobe_meter_free(meter);
    return 0;
}

/* Readings every 100 ms from a moment until before another; the time of each is 1.7e9 and its ns. */
static void readings(uint64_t from_ms, uint64_t to_ms, const struct strobe_report_resource *at, uint32_t n)
{
    for (uint64_t ms = from_ms; ms < to_ms; ms += 100)
        assert_int_equal(reading_add(meter, target, ms * READINGS_MS, at, n), 0);
}

static struct strobe_meter_event next(void)
{
    struct strobe_meter_event event;

    assert_true(strobe_meter_next_event(meter, &event));
    return event;
}

static void assert_none(void)
{
    struct strobe_meter_event event;

    assert_false(strobe_meter_next_event(meter, &event));
}

static void test_a_semaphore_that_is_waited_for(void **state)
{
    struct strobe_report_resource at = reading_semaphore(1, "Client._gate", 0, 10, 4);
    struct strobe_meter_event event;

    begin(NULL, NULL);
    readings(10000, 10900, &at, 1);
    at.waiters = 0; /* for one reading */
    readings(10900, 11000, &at, 1);
    at.waiters = 4;
    readings(11000, 12000, &at, 1);
    assert_none();
    at.waiters = 6;
    readings(12000, 12100, &at, 1); /* since 11000, the first reading that found a waiter */
    event = next();
    assert_int_equal(event.kind, STROBE_METER_BULKHEAD_CONTENTION);
    assert_string_equal(event.name, "Client._gate");
    assert_string_equal(event.process, "");
    assert_false(event.of_wait);
    assert_true(event.duration_ms == 1000 && event.unix_s == 1.7e9 + 12);
    assert_int_equal(event.waiters, 6);
    assert_int_equal(event.available, 0);
    assert_int_equal(event.capacity, 10);
    readings(12100, 72000, &at, 1); /* one a minute */
    assert_none();
    readings(72000, 73000, &at, 1);
    assert_true(next().duration_ms == 61000);
    assert_none();
}

static void test_the_longest_wait_that_is_known(void **state)
{
    struct strobe_report_resource at[] = {reading_semaphore(1, "app.A", 0, 10, 4), reading_semaphore(2, "app.B", 0, 10, 4)};
    struct strobe_report_resources resources = {.at = at, .n = 2};
    struct strobe_meter_wait waits[] = {{2, 0.3}, {1, 0.4}, {2, 2.5}, {99, 100}}; /* at least so long */
    struct strobe_meter_reading reading = {.ns = READINGS_S, .resources = &resources, .waits = waits, .n_waits = 4};
    struct strobe_meter_event event;

    begin(NULL, NULL);
    assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    event = next();
    assert_string_equal(event.name, "app.B");
    assert_true(event.of_wait && event.duration_ms == 2500);
    assert_none();
    /* many wait, each in turn and not for long: no event, however long there is a waiter, of threads as well */
    waits[2].seconds = 0; /* nothing is known: not that it is long */
    for (int i = 0; i < 1000; i++) {
        at[0].of_threads = i >= 500;
        reading.ns += 100 * READINGS_MS;
        assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    }
    assert_none();
    /* one that is not timed in some reading is not said to have been waited for all the time before */
    reading.n_waits = 1;
    reading.ns += 100 * READINGS_MS;
    assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    assert_none();
    for (int i = 0; i < 10; i++) {
        reading.ns += 100 * READINGS_MS;
        assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    }
    event = next();
    assert_string_equal(event.name, "app.A");
    assert_true(!event.of_wait && event.duration_ms == 1000);
    assert_none();
}

static void test_a_saturated_executor(void **state)
{
    struct strobe_report_resource at = reading_pool(1, "app.POOL", 4, 4, 0);
    struct strobe_meter_event event;

    begin(&(struct strobe_meter_opts){.saturated_threshold_s = 0.5, .event_every_s = 2}, "app");
    readings(1000, 3000, &at, 1); /* all busy: that is what they are for */
    assert_none();
    at.queued = 9;
    readings(3000, 3600, &at, 1);
    event = next();
    assert_int_equal(event.kind, STROBE_METER_EXECUTOR_SATURATED);
    assert_string_equal(event.name, "app.POOL");
    assert_string_equal(event.process, "app");
    assert_string_equal(event.pool_type, "thread");
    assert_true(event.duration_ms == 500);
    assert_int_equal(event.active_workers, 4);
    assert_int_equal(event.max_workers, 4);
    assert_int_equal(event.pending_tasks, 9);
    readings(3600, 5500, &at, 1);
    assert_none();
    readings(5500, 5600, &at, 1);
    assert_true(next().duration_ms == 2500);
}

/* Its threads know an executor by its queue, when the executor itself was collected and its address is another object's. */
static void test_an_executor_is_known_by_its_queue(void **state)
{
    struct strobe_report_resource at = reading_pool(1, "app.POOL", 4, 4, 3);
    struct strobe_meter_event event;

    at.queue = 77;
    begin(NULL, NULL);
    readings(1000, 1500, &at, 1);
    at.address = 0; /* collected */
    readings(1500, 2100, &at, 1);
    event = next();
    assert_int_equal(event.kind, STROBE_METER_EXECUTOR_SATURATED);
    assert_true(event.duration_ms == 1000);
    at.queue = 78; /* another one of that name */
    readings(2100, 2200, &at, 1);
    assert_none();
}

/* What was between two readings that lie far apart is not known. */
static void test_a_gap_begins_anew(void **state)
{
    struct strobe_report_resource at = reading_pool(1, "app.POOL", 4, 4, 3);

    begin(NULL, NULL);
    readings(1000, 1500, &at, 1);
    readings(9000, 10000, &at, 1);
    assert_none();
    readings(10000, 10100, &at, 1);
    assert_true(next().duration_ms == 1000);
}

/* Objects of one name share their events, as a log is read by names. */
static void test_many_objects_of_one_name(void **state)
{
    struct strobe_report_resource at[50];

    begin(NULL, NULL);
    for (uint32_t i = 0; i < 50; i++)
        at[i] = reading_semaphore(i + 1, "request.gate", 0, 1, 1);
    readings(1000, 3000, at, 50);
    next();
    assert_none();
}

static void test_events_that_nobody_fetches(void **state)
{
    enum { MORE = STROBE_METER_EVENTS + 44 };
    struct strobe_report_resource at[MORE];
    struct strobe_metrics metrics = STROBE_METRICS_INIT;
    char names[MORE][16];

    begin(&(struct strobe_meter_opts){.max_series = MORE}, NULL);
    for (uint32_t i = 0; i < MORE; i++) {
        snprintf(names[i], sizeof names[i], "g%u", (unsigned)i);
        at[i] = reading_semaphore(i + 1, names[i], 0, 1, 1);
    }
    readings(1000, 2100, at, MORE);
    assert_int_equal(strobe_meter_metrics(meter, 2100 * READINGS_MS, &metrics), 0);
    assert_true(VALUE(&metrics, "strobe_events_total", "event", "bulkhead_contention") == MORE);
    assert_true(VALUE(&metrics, "strobe_events_lost_total") == MORE - STROBE_METER_EVENTS);
    strobe_metrics_release(&metrics);
    for (uint32_t i = MORE - STROBE_METER_EVENTS; i < MORE; i++)
        assert_string_equal(next().name, names[i]);
    assert_none();
}

static void test_lines_of_json(void **state)
{
    struct strobe_meter_event event = {.kind = STROBE_METER_BULKHEAD_CONTENTION, .unix_s = 1700000000.25, .duration_ms = 1234.56,
                                       .name = "a\"b\\", .waiters = 3, .available = 0, .capacity = -1, .of_wait = true};
    struct strobe_buf out = STROBE_BUF_INIT;
    json_t *json;
    uint64_t n;

    assert_int_equal(strobe_meter_event_json(&event, &out), 0);
    assert_true(out.len && strchr(out.data, '\n') == out.data + out.len - 1);
    json = json_loads(out.data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "event")), "bulkhead_contention");
    assert_string_equal(json_string_value(json_object_get(json, "resilience_event")), "bulkhead_contention");
    assert_string_equal(json_string_value(json_object_get(json, "dependency")), "a\"b\\");
    assert_string_equal(json_string_value(json_object_get(json, "duration_of")), "wait");
    assert_true(json_number_value(json_object_get(json, "time")) == 1700000000.25);
    assert_true(json_number_value(json_object_get(json, "duration_ms")) == 1235);
    assert_int_equal(json_integer_value(json_object_get(json, "waiters")), 3);
    assert_true(json_is_null(json_object_get(json, "capacity")));
    assert_null(json_object_get(json, "process"));
    json_decref(json);
    strobe_buf_clear(&out);
    event = (struct strobe_meter_event){.kind = STROBE_METER_EXECUTOR_SATURATED, .name = "app.POOL", .process = "app",
                                        .pool_type = "thread", .active_workers = 4, .max_workers = 4, .pending_tasks = 17};
    assert_int_equal(strobe_meter_event_json(&event, &out), 0);
    json = json_loads(out.data, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "event")), "executor_saturated");
    assert_string_equal(json_string_value(json_object_get(json, "resilience_event")), "executor_saturated");
    assert_string_equal(json_string_value(json_object_get(json, "pool_type")), "thread");
    assert_string_equal(json_string_value(json_object_get(json, "process")), "app");
    assert_int_equal(json_integer_value(json_object_get(json, "pending_tasks")), 17);
    json_decref(json);
    strobe_buf_release(&out);
    alloc_fail_arm(0);
    assert_int_equal(strobe_meter_event_json(&event, &out), 0);
    n = alloc_fail_disarm();
    strobe_buf_release(&out);
    for (uint64_t i = 1; i <= n; i++) {
        alloc_fail_arm(i);
        assert_int_equal(strobe_meter_event_json(&event, &out), STROBE_ERR_NOMEM);
        alloc_fail_disarm();
        strobe_buf_release(&out);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_semaphore_that_is_waited_for), TEST(test_the_longest_wait_that_is_known), TEST(test_a_saturated_executor),
        TEST(test_an_executor_is_known_by_its_queue),
        TEST(test_a_gap_begins_anew), TEST(test_many_objects_of_one_name), TEST(test_events_that_nobody_fetches),
        cmocka_unit_test(test_lines_of_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
