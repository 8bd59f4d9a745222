/* SPDX-License-Identifier: Apache-2.0 */
/* The meter: gauges, labels and their bounds, gaps, targets that come and go, memory that is short.  How exact its counters are is in
 * test_meter_truth.c; its events in test_meter_events.c. */
#include "tests/unit/meter_readings.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "tests/lib/alloc_fail.h"

static struct strobe_meter *meter;
static struct strobe_meter_target *target;
static struct strobe_metrics metrics = STROBE_METRICS_INIT;

static void begin(const struct strobe_meter_opts *opts)
{
    assert_int_equal(strobe_meter_new(opts, &meter), 0);
    assert_int_equal(strobe_meter_target_add(meter, NULL, &target), 0);
}

static int set_up(void **state)
{
    meter = NULL;
    return 0;
}

static int tear_down(void **state)
{
    strobe_metrics_release(&metrics);
    strobe_meter_free(meter);
    return 0;
}

static void add(uint64_t ns, const struct strobe_report_resource *at, uint32_t n)
{
    assert_int_equal(reading_add(meter, target, ns, at, n), 0);
}

/* The metrics as of now. */
static const struct strobe_metrics *now(uint64_t ns)
{
    assert_int_equal(strobe_meter_metrics(meter, ns, &metrics), 0);
    return &metrics;
}

static double semaphore(const char *family, const char *dependency)
{
    return VALUE(&metrics, family, "dependency", dependency);
}

static double capacity(const char *dependency, const char *source)
{
    return VALUE(&metrics, "semaphore_capacity", "dependency", dependency, "source", source);
}

static double executor(const char *family, const char *type, const char *name)
{
    return VALUE(&metrics, family, "pool_type", type, "executor", name);
}

static void assert_value(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-9 * fmax(1, fabs(expected))))
        fail_msg("%.12g is not %.12g", value, expected);
}

/* ---- gauges ---- */

static void test_gauges_are_sums_of_a_label_set(void **state)
{
    struct strobe_report_resource at[] = {
        reading_pool(1, "app.POOL", 4, 3, 0), reading_pool(2, "app.POOL", 8, 8, 5), reading_pool(3, "app.OTHER", 2, 0, 0),
        reading_semaphore(4, "Client._gate", 0, 10, 7), reading_semaphore(5, "Client._gate", 9, 10, 0),
        reading_thing(STROBE_RESOURCE_QUEUE, 6, "app.JOBS"), reading_thing(STROBE_RESOURCE_ANYIO_POOL, 0, ""),
        reading_thing(STROBE_RESOURCE_PROCESS_POOL, 7, "app.POOL"), reading_thing(STROBE_RESOURCE_LIMITER, 8, "app.LIMIT"),
    };

    begin(NULL);
    at[5].size = 3;
    at[5].maxsize = 100;
    at[6].max = 40;
    at[6].busy = 1;
    at[7].max = 2;
    at[8].free = at[8].capacity = STROBE_UNLIMITED;
    at[8].capacity_source = STROBE_CAPACITY_STORED;
    add(READINGS_S, at, 9);
    now(READINGS_S);
    assert_value(executor("executor_active_workers", "thread", "app.POOL"), 11);
    assert_value(executor("executor_max_workers", "thread", "app.POOL"), 12);
    assert_value(executor("executor_pending_tasks", "thread", "app.POOL"), 5);
    assert_value(executor("executor_active_workers", "thread", "app.OTHER"), 0);
    assert_value(executor("executor_active_workers", "thread", "anyio"), 1);
    assert_true(isnan(executor("executor_pending_tasks", "thread", "anyio"))); /* not known, so neither is when it is saturated */
    assert_true(isnan(executor("executor_saturated_seconds_total", "thread", "anyio")));
    assert_value(executor("executor_busy_worker_seconds_total", "thread", "anyio"), 0);
    assert_value(executor("executor_max_workers", "process", "app.POOL"), 2);
    assert_value(semaphore("semaphore_available", "Client._gate"), 9);
    assert_value(semaphore("semaphore_waiters", "Client._gate"), 7);
    assert_value(capacity("Client._gate", "bounded"), 20);
    assert_true(isinf(semaphore("semaphore_available", "app.LIMIT")) && isinf(capacity("app.LIMIT", "bounded")));
    assert_value(VALUE(&metrics, "queue_size", "queue", "app.JOBS"), 3);
    assert_value(VALUE(&metrics, "queue_maxsize", "queue", "app.JOBS"), 100);
    assert_true(isnan(VALUE(&metrics, "active_async_tasks"))); /* nobody looked at tasks */
    assert_true(isnan(VALUE(&metrics, "event_loop_lag_seconds")));
}

static void test_what_is_gone_has_no_gauge_and_keeps_its_counters(void **state)
{
    struct strobe_report_resource at[] = {reading_pool(1, "app.POOL", 4, 4, 1), reading_semaphore(2, "app.GATE", 0, 1, 2)};

    begin(NULL);
    for (uint64_t i = 1; i <= 11; i++)
        add(i * 100 * READINGS_MS, at, 2);
    add(1200 * READINGS_MS, at, 1); /* the semaphore is gone: it was there for half of that gap */
    now(1200 * READINGS_MS);
    assert_true(isnan(semaphore("semaphore_available", "app.GATE")) && isnan(semaphore("semaphore_waiters", "app.GATE")));
    assert_true(isnan(capacity("app.GATE", "bounded")));
    assert_value(semaphore("semaphore_exhausted_seconds_total", "app.GATE"), 1.05);
    assert_value(semaphore("semaphore_wait_seconds_total", "app.GATE"), 2.1);
    assert_value(executor("executor_busy_worker_seconds_total", "thread", "app.POOL"), 4.4);
    assert_value(executor("executor_saturated_seconds_total", "thread", "app.POOL"), 1.1);
    at[0].shutdown = true; /* and works on */
    add(1300 * READINGS_MS, at, 1);
    now(1300 * READINGS_MS);
    assert_value(executor("executor_active_workers", "thread", "app.POOL"), 4);
    at[0].busy = at[0].queued = 0;
    add(1400 * READINGS_MS, at, 1);
    now(1400 * READINGS_MS);
    assert_true(isnan(executor("executor_max_workers", "thread", "app.POOL")));
    assert_value(executor("executor_busy_worker_seconds_total", "thread", "app.POOL"), 5);
}

static void test_gaps_are_counted_and_not_integrated_over(void **state)
{
    struct strobe_report_resource at = reading_pool(1, "app.POOL", 4, 4, 1);

    begin(&(struct strobe_meter_opts){.max_gap_s = 0.5});
    add(1000 * READINGS_MS, &at, 1);
    add(1500 * READINGS_MS, &at, 1); /* just within */
    add(2100 * READINGS_MS, &at, 1);
    add(2200 * READINGS_MS, &at, 1);
    add(2200 * READINGS_MS, &at, 1); /* the clock does not go on, or goes back */
    add(2100 * READINGS_MS, &at, 1);
    add(2150 * READINGS_MS, &at, 1);
    now(2150 * READINGS_MS);
    assert_value(executor("executor_saturated_seconds_total", "thread", "app.POOL"), 0.65);
    assert_value(VALUE(&metrics, "strobe_gaps_total"), 3);
    assert_value(VALUE(&metrics, "strobe_gap_seconds_total"), 0.6);
}

static void test_unknown_numbers(void **state)
{
    struct strobe_report_resource known = reading_pool(1, "app.POOL", 4, 2, 0), unknown = known;

    begin(&(struct strobe_meter_opts){.max_gap_s = 0.5});
    unknown.busy = -1;
    add(1000 * READINGS_MS, &known, 1);
    add(1100 * READINGS_MS, &unknown, 1);
    now(1100 * READINGS_MS);
    assert_true(isnan(executor("executor_active_workers", "thread", "app.POOL")));
    add(1200 * READINGS_MS, &known, 1); /* from where it was known last */
    now(1200 * READINGS_MS);
    assert_value(executor("executor_busy_worker_seconds_total", "thread", "app.POOL"), 0.4);
    for (uint64_t ms = 1300; ms <= 1900; ms += 100)
        add(ms * READINGS_MS, &unknown, 1);
    add(2000 * READINGS_MS, &known, 1); /* too long ago */
    add(2100 * READINGS_MS, &known, 1);
    now(2100 * READINGS_MS);
    assert_value(executor("executor_busy_worker_seconds_total", "thread", "app.POOL"), 0.6);
}

/* ---- capacity ---- */

static void test_capacity_and_where_it_is_from(void **state)
{
    struct strobe_report_resource plain = reading_semaphore(1, "app.GATE", 0, -1, 0);

    begin(NULL);
    add(READINGS_S / 2, &plain, 1);
    now(READINGS_S / 2);
    assert_true(isnan(capacity("app.GATE", "high_water"))); /* nothing was free yet */
    plain.free = 3;
    add(1 * READINGS_S, &plain, 1);
    plain.free = 10;
    add(2 * READINGS_S, &plain, 1);
    plain.free = 0;
    add(3 * READINGS_S, &plain, 1);
    now(3 * READINGS_S);
    assert_value(capacity("app.GATE", "high_water"), 10);
    plain.capacity = 8; /* holders that were seen now: there may be others */
    plain.capacity_source = STROBE_CAPACITY_COUNTED;
    add(4 * READINGS_S, &plain, 1);
    now(4 * READINGS_S);
    assert_value(capacity("app.GATE", "value_plus_holders"), 10);
    assert_true(isnan(capacity("app.GATE", "high_water")));
    plain.capacity = -1;
    plain.capacity_source = STROBE_CAPACITY_UNKNOWN; /* a glance: it stays so */
    add(5 * READINGS_S, &plain, 1);
    now(5 * READINGS_S);
    assert_value(capacity("app.GATE", "value_plus_holders"), 10);
    plain.capacity = 12;
    plain.capacity_source = STROBE_CAPACITY_CONSTRUCTION;
    add(6 * READINGS_S, &plain, 1);
    now(6 * READINGS_S);
    assert_value(capacity("app.GATE", "construction"), 12);
    assert_true(isnan(capacity("app.GATE", "value_plus_holders")));
    plain.name = "app.NEW"; /* another object at that address: of the old one's permits it has nothing */
    plain.capacity = -1;
    plain.capacity_source = STROBE_CAPACITY_UNKNOWN;
    plain.free = 2;
    add(7 * READINGS_S, &plain, 1);
    now(7 * READINGS_S);
    assert_value(capacity("app.NEW", "high_water"), 2);
    assert_true(isnan(capacity("app.GATE", "construction")));
}

/* A permit that changes hands during a reading is counted twice. */
static void test_a_capacity_that_was_counted_while_things_moved(void **state)
{
    struct strobe_report_resource gate = reading_semaphore(1, "app.GATE", 3, 12, 0);
    struct strobe_report_resources resources = {.at = &gate, .n = 1, .moving = true};
    struct strobe_meter_reading reading = {.ns = READINGS_S, .resources = &resources};
    static const struct {
        int64_t counted;
        bool moving;
        double expected;
    } readings[] = {{12, true, 12}, {13, true, 12}, {10, false, 10}, {11, true, 10}, {9, false, 10}, {-1, false, 10}, {11, false, 11}};

    begin(NULL);
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++, reading.ns += READINGS_S) {
        gate.capacity = readings[i].counted;
        gate.capacity_source = gate.capacity < 0 ? STROBE_CAPACITY_UNKNOWN : STROBE_CAPACITY_COUNTED;
        resources.moving = readings[i].moving;
        assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
        now(reading.ns);
        assert_value(capacity("app.GATE", "value_plus_holders"), readings[i].expected);
    }
}

static void test_a_name_that_is_found_later(void **state)
{
    struct strobe_report_resource plain = reading_semaphore(1, "", 5, -1, 0);

    begin(NULL);
    add(1000 * READINGS_MS, &plain, 1);
    now(1000 * READINGS_MS);
    assert_value(capacity("asyncio.BoundedSemaphore", "high_water"), 5);
    plain.free = 0;
    add(1100 * READINGS_MS, &plain, 1);
    plain.name = "Client._gate";
    add(1200 * READINGS_MS, &plain, 1);
    now(1200 * READINGS_MS);
    assert_value(capacity("Client._gate", "high_water"), 5);
    assert_true(isnan(capacity("asyncio.BoundedSemaphore", "high_water")));
    assert_value(semaphore("semaphore_exhausted_seconds_total", "Client._gate"), 0.1);
    assert_value(semaphore("semaphore_exhausted_seconds_total", "asyncio.BoundedSemaphore"), 0.05);
    /* but of another class without a name: that is another object at this address */
    plain.name = "";
    plain.free = 7;
    add(1300 * READINGS_MS, &plain, 1);
    plain.type = "Semaphore";
    plain.free = 1;
    add(1400 * READINGS_MS, &plain, 1);
    now(1400 * READINGS_MS);
    assert_value(capacity("asyncio.Semaphore", "high_water"), 1);
}

/* ---- labels ---- */

static void assert_executor_label(struct strobe_report_resource r, const char *expected)
{
    begin(NULL);
    add(READINGS_S, &r, 1);
    now(READINGS_S);
    if (isnan(executor("executor_max_workers", r.kind == STROBE_RESOURCE_INTERPRETER_POOL ? "interpreter" : "thread", expected)))
        fail_msg("no executor is called %s", expected);
    strobe_meter_free(meter);
    meter = NULL;
}

static void test_names_of_executors(void **state)
{
    struct strobe_report_resource r = reading_pool(1, "", 4, 0, 0);

    assert_executor_label(r, "ThreadPoolExecutor");
    r.prefix = "ThreadPoolExecutor-17"; /* what it calls itself without a name: a count */
    assert_executor_label(r, "ThreadPoolExecutor");
    r.prefix = "ThreadPoolExecutor-x";
    assert_executor_label(r, "ThreadPoolExecutor-x");
    r.prefix = "asyncio";
    assert_executor_label(r, "default");
    r.prefix = "pricing";
    assert_executor_label(r, "pricing");
    r.name = "loop._default_executor";
    assert_executor_label(r, "default");
    r.name = "PriceClient._pool";
    assert_executor_label(r, "PriceClient._pool");
    r.name = r.prefix = "";
    r.type = "";
    r.kind = STROBE_RESOURCE_INTERPRETER_POOL;
    assert_executor_label(r, "InterpreterPoolExecutor");
}

static void assert_dependency(const char *module, const char *type, const char *name, const char *expected)
{
    struct strobe_report_resource r = reading_semaphore(1, name, 1, 1, 0);

    begin(NULL);
    r.module = module;
    r.type = type;
    add(READINGS_S, &r, 1);
    now(READINGS_S);
    if (isnan(semaphore("semaphore_available", expected)))
        fail_msg("no semaphore is called %s", expected);
    strobe_meter_free(meter);
    meter = NULL;
}

static void test_names_of_semaphores(void **state)
{
    char longest[1000], cut[STROBE_METER_LABEL];

    assert_dependency("asyncio.locks", "Semaphore", "", "asyncio.Semaphore");
    assert_dependency("anyio._backends._asyncio", "CapacityLimiter", "", "anyio.CapacityLimiter");
    assert_dependency("threading", "Semaphore", "", "threading.Semaphore");
    assert_dependency("app.net.gates", "Gate", "", "app.net.gates.Gate");
    assert_dependency("", "", "", "Semaphore");
    assert_dependency("x", "y", "<Client object at 0x7f6c1a2b3c40>.gate", "<Client object at 0x*>.gate");
    assert_dependency("x", "y", "limit_0x10", "limit_0x10");
    assert_dependency("x", "y", "a\nb\x1b[31m\x7f\xff\"\\", "a\\x0ab\\x1b[31m\\x7f\\xff\"\\");
    assert_dependency("x", "y", "\xe2\x80\xae\xc3\xa9", "\\u202e\xc3\xa9"); /* a change of direction; a letter */
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    memset(cut, 'x', sizeof cut);
    strcpy(cut + STROBE_METER_LABEL - 4, "...");
    assert_dependency("x", "y", longest, cut);
    longest[STROBE_METER_LABEL - 5] = '\xc3'; /* a letter of two bytes, of which one would have room */
    longest[STROBE_METER_LABEL - 4] = '\xa9';
    strcpy(cut + STROBE_METER_LABEL - 5, "...");
    assert_dependency("x", "y", longest, cut);
}

/* ---- bounds ---- */

static void test_label_sets_are_bounded(void **state)
{
    enum { ROOM = 10, ALL = 40 };
    struct strobe_report_resource at[ALL];
    char names[ALL][32];

    begin(&(struct strobe_meter_opts){.max_series = ROOM, .keep_s = 100});
    for (uint32_t i = 0; i < ALL; i++) {
        snprintf(names[i], sizeof names[i], i ? "gate_%u" : "other", (unsigned)i);
        at[i] = reading_semaphore(i + 1, names[i], 1, 2, 1);
    }
    add(1000 * READINGS_MS, at, ALL);
    add(1100 * READINGS_MS, at, ALL);
    now(1100 * READINGS_MS);
    for (int i = 1; i <= ROOM; i++)
        assert_value(semaphore("semaphore_available", names[i]), 1);
    assert_true(isnan(semaphore("semaphore_available", names[ROOM + 1])));
    assert_value(semaphore("semaphore_available", "other"), ALL - ROOM);
    assert_value(capacity("other", "bounded"), 2 * (ALL - ROOM));
    assert_value(semaphore("semaphore_wait_seconds_total", "other"), 0.1 * (ALL - ROOM));
    assert_value(VALUE(&metrics, "strobe_dropped_series", "metric", "semaphore"), ALL - ROOM - 1); /* one is really called so */
    assert_value(VALUE(&metrics, "strobe_dropped_series", "metric", "executor"), 0);
    /* those that have a series go: it is kept for a time, then a new name takes the room */
    add(1200 * READINGS_MS, at + ROOM + 1, 1);
    add(50 * READINGS_S, at + ROOM + 2, 1);
    now(50 * READINGS_S);
    assert_true(isnan(semaphore("semaphore_available", names[ROOM + 2])));
    assert_value(semaphore("semaphore_wait_seconds_total", names[1]), 0.15);
    add(102 * READINGS_S, at + ROOM + 3, 1);
    now(102 * READINGS_S);
    assert_value(semaphore("semaphore_available", names[ROOM + 3]), 1);
    assert_value(VALUE(&metrics, "strobe_dropped_series", "metric", "semaphore"), 0);
    assert_true(isnan(semaphore("semaphore_wait_seconds_total", names[1]))); /* that was the one */
    /* the new name is found again, and the old one is not taken for it */
    at[0] = reading_semaphore(ROOM + 4, names[ROOM + 3], 1, 2, 1);
    at[1].address = 77;
    at[2] = reading_semaphore(78, names[ROOM + 3], 1, 2, 1);
    add(102 * READINGS_S + READINGS_S / 10, at, 3);
    now(102 * READINGS_S + READINGS_S / 10);
    assert_value(semaphore("semaphore_available", names[ROOM + 3]), 2);
    assert_value(semaphore("semaphore_available", names[1]), 1);
    assert_value(semaphore("semaphore_wait_seconds_total", names[1]), 0.05);
}

/* What came when there was no room, and stays, gets a series when there is room again. */
static void test_room_that_there_is_later(void **state)
{
    struct strobe_report_resource at[] = {reading_semaphore(1, "first", 1, 2, 1), reading_semaphore(2, "second", 1, 2, 1),
                                          reading_semaphore(3, "third", 1, 2, 1)};

    begin(&(struct strobe_meter_opts){.max_series = 2, .keep_s = 1});
    add(1000 * READINGS_MS, at, 3);
    add(2000 * READINGS_MS, at, 3);
    now(2000 * READINGS_MS);
    assert_value(semaphore("semaphore_waiters", "other"), 1);
    assert_value(semaphore("semaphore_wait_seconds_total", "other"), 1);
    add(3000 * READINGS_MS, at + 1, 2); /* the first has gone, just now */
    now(3000 * READINGS_MS);
    assert_value(semaphore("semaphore_waiters", "other"), 1);
    assert_value(semaphore("semaphore_wait_seconds_total", "first"), 1.5);
    add(4500 * READINGS_MS, at + 1, 2);
    now(4500 * READINGS_MS);
    assert_value(semaphore("semaphore_waiters", "third"), 1);
    assert_value(semaphore("semaphore_wait_seconds_total", "third"), 1.5);
    assert_value(semaphore("semaphore_wait_seconds_total", "other"), 2);
    assert_true(isnan(semaphore("semaphore_waiters", "other")) && isnan(semaphore("semaphore_wait_seconds_total", "first")));
    assert_value(VALUE(&metrics, "strobe_dropped_series", "metric", "semaphore"), 0);
}

/* One reading of very many things, then few again: they are right before, then and after. */
static void test_very_many_things_once(void **state)
{
    enum { MANY = 100000 };
    struct strobe_report_resource *at = malloc(MANY * sizeof *at);

    begin(NULL);
    for (uint32_t i = 0; i < MANY; i++)
        at[i] = reading_semaphore(i, "gate", 0, 1, 1);
    for (uint64_t i = 0; i < 10; i++)
        add((1000 + 100 * i) * READINGS_MS, at, i == 5 ? MANY : 2);
    now(1900 * READINGS_MS);
    assert_value(semaphore("semaphore_available", "gate"), 0);
    assert_value(semaphore("semaphore_wait_seconds_total", "gate"), 1.8 + (MANY - 2) * 0.1);
    free(at);
}

/* A new name with every reading, for as long as it takes: neither series nor memory grow, and each label set stands once. */
static void test_names_without_end(void **state)
{
    enum { ROOM = 20 };
    char name[32];
    uint64_t ns = READINGS_S;

    begin(&(struct strobe_meter_opts){.max_series = ROOM, .keep_s = 1});
    for (unsigned i = 0; i < 5000; i++, ns += 50 * READINGS_MS) {
        struct strobe_report_resource at[2] = {reading_semaphore(0x1000 + i, name, 0, 1, 1), reading_pool(7, "app.POOL", 1, 1, 1)};

        snprintf(name, sizeof name, "gate_%u", i);
        add(ns, at, 2);
    }
    now(ns);
    assert_value(executor("executor_active_workers", "thread", "app.POOL"), 1);
    for (size_t f = 0; f < metrics.n_families; f++) {
        assert_true(metrics.families[f].n_samples <= ROOM + 1);
        for (uint32_t a = 0; a < metrics.families[f].n_samples; a++)
            for (uint32_t b = 0; b < a; b++) {
                const struct strobe_metric_sample *x = &metrics.samples[metrics.families[f].first + a];
                const struct strobe_metric_sample *y = &metrics.samples[metrics.families[f].first + b];
                uint32_t same = 0;

                for (uint32_t l = 0; l < x->n_labels && l < y->n_labels; l++)
                    same += strcmp(x->labels[l].value, y->labels[l].value) == 0;
                assert_true(same < x->n_labels);
            }
    }
}

/* ---- targets ---- */

static void test_targets_are_summed_and_their_counters_go_on(void **state)
{
    struct strobe_report_resource at = reading_pool(1, "app.POOL", 4, 2, 0);
    struct strobe_meter_process process = {5.0, 1000, 7, 0};
    struct strobe_meter_reading reading = {.process = &process};
    struct strobe_meter_target *second;

    begin(&(struct strobe_meter_opts){.process = true});
    assert_int_equal(strobe_meter_target_add(meter, NULL, &second), 0);
    for (reading.ns = READINGS_S; reading.ns <= 2 * READINGS_S; reading.ns += READINGS_S / 2) {
        struct strobe_report_resources resources = {.at = &at, .n = 1};

        reading.resources = &resources;
        assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
        assert_int_equal(strobe_meter_add(meter, second, &reading), 0);
    }
    now(2 * READINGS_S);
    assert_value(executor("executor_active_workers", "thread", "app.POOL"), 4);
    assert_value(executor("executor_busy_worker_seconds_total", "thread", "app.POOL"), 4);
    assert_value(VALUE(&metrics, "process_cpu_seconds_total"), 10);
    assert_value(VALUE(&metrics, "process_resident_memory_bytes"), 2000);
    assert_value(VALUE(&metrics, "process_open_fds"), 14);
    assert_value(VALUE(&metrics, "strobe_targets"), 2);
    strobe_meter_target_remove(meter, target);
    strobe_meter_target_remove(meter, second);
    now(2 * READINGS_S);
    assert_true(isnan(executor("executor_active_workers", "thread", "app.POOL")));
    assert_true(isnan(VALUE(&metrics, "process_open_fds")));
    assert_value(executor("executor_busy_worker_seconds_total", "thread", "app.POOL"), 4);
    assert_value(VALUE(&metrics, "process_cpu_seconds_total"), 10);
    /* what takes their place goes on from there; the time in between was nobody's; what is unknown once goes not back */
    assert_int_equal(strobe_meter_target_add(meter, NULL, &target), 0);
    process.cpu_s = 0.5;
    reading.ns = 2 * READINGS_S + READINGS_S / 4;
    for (int i = 0; i < 2; i++, reading.ns += READINGS_S) {
        struct strobe_report_resources resources = {.at = &at, .n = 1};

        reading.resources = &resources;
        assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    }
    process.cpu_s = -1;
    assert_int_equal(strobe_meter_add(meter, target, &(struct strobe_meter_reading){.ns = reading.ns, .process = &process}), 0);
    now(reading.ns);
    assert_value(executor("executor_busy_worker_seconds_total", "thread", "app.POOL"), 6);
    assert_value(VALUE(&metrics, "process_cpu_seconds_total"), 10.5);
}

/* A process that execs is another target with the CPU time of before; so is one that could not be read for a while. */
static void test_a_process_that_is_a_target_again(void **state)
{
    struct strobe_meter_process process = {5.0, 1000, 7, 0x4711};
    struct strobe_meter_reading reading = {.process = &process};

    begin(&(struct strobe_meter_opts){.process = true});
    for (int i = 1; i <= 3; i++) {
        reading.ns = (uint64_t)i * READINGS_S;
        process.cpu_s = 5.0 + i;
        assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
        now(reading.ns);
        assert_value(VALUE(&metrics, "process_cpu_seconds_total"), process.cpu_s);
        strobe_meter_target_remove(meter, target);
        now(reading.ns);
        assert_value(VALUE(&metrics, "process_cpu_seconds_total"), process.cpu_s);
        assert_int_equal(strobe_meter_target_add(meter, NULL, &target), 0);
    }
    process.cpu_s = -1; /* not known at first */
    reading.ns += READINGS_S;
    assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    process.cpu_s = 9;
    reading.ns += READINGS_S;
    assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    now(reading.ns);
    assert_value(VALUE(&metrics, "process_cpu_seconds_total"), 9);
    /* Another one that has its number has an identity of its own, */
    strobe_meter_target_remove(meter, target);
    assert_int_equal(strobe_meter_target_add(meter, NULL, &target), 0);
    process = (struct strobe_meter_process){2, 1000, 7, 0x4712};
    reading.ns += READINGS_S;
    assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    now(reading.ns);
    assert_value(VALUE(&metrics, "process_cpu_seconds_total"), 11);
}

/* As many labels of processes as there may be; one is given back when its processes have been gone for long, and its counters with it. */
static void test_labels_of_processes_are_bounded(void **state)
{
    struct strobe_report_resource pool = reading_pool(1, "app.POOL", 4, 3, 0);
    struct strobe_meter_target *of[4];
    uint64_t ns = READINGS_S;

    begin(&(struct strobe_meter_opts){.max_processes = 2, .keep_s = 10});
    for (int i = 0; i < 4; i++) {
        char label[] = {(char)('a' + i), '\0'};

        assert_int_equal(strobe_meter_target_add(meter, label, &of[i]), 0);
        assert_int_equal(reading_add(meter, of[i], ns, &pool, 1), 0);
    }
#define BUSY(process) \
    VALUE(&metrics, "executor_busy_worker_seconds_total", "pool_type", "thread", "executor", "app.POOL", "process", process)
#define ACTIVE(process) VALUE(&metrics, "executor_active_workers", "pool_type", "thread", "executor", "app.POOL", "process", process)
    now(ns);
    assert_value(VALUE(&metrics, "strobe_dropped_series", "metric", "process"), 2);
    assert_value(ACTIVE("a"), 3);
    assert_value(ACTIVE("other"), 6);
    strobe_meter_target_remove(meter, of[0]);
    strobe_meter_target_remove(meter, of[3]);
    ns += 9 * READINGS_S; /* not for long enough */
    assert_int_equal(reading_add(meter, of[1], ns, &pool, 1), 0);
    assert_int_equal(strobe_meter_target_add(meter, "e", &of[0]), 0);
    assert_int_equal(reading_add(meter, of[0], ns, &pool, 1), 0);
    now(ns);
    assert_value(VALUE(&metrics, "strobe_dropped_series", "metric", "process"), 2);
    assert_false(isnan(BUSY("a")));
    ns += 2 * READINGS_S;
    assert_int_equal(reading_add(meter, of[1], ns, &pool, 1), 0);
    assert_int_equal(strobe_meter_target_add(meter, "f", &of[3]), 0);
    assert_int_equal(reading_add(meter, of[3], ns, &pool, 1), 0);
    now(ns);
    assert_value(VALUE(&metrics, "strobe_dropped_series", "metric", "process"), 2);
    assert_value(ACTIVE("f"), 3);
    assert_value(ACTIVE("b"), 3);
    assert_value(ACTIVE("other"), 6);
    assert_true(isnan(BUSY("a")));
#undef ACTIVE
#undef BUSY
}

/* Four workers with 3, 9, 10, 10 of 10 permits free: 0.3 is the worst one; what is unknown or without an end is left out. */
static void test_the_worst_process(void **state)
{
    static const int64_t free_of[] = {3, 9, 10, 10};
    struct strobe_meter_target *others[4];

    begin(NULL);
    for (int i = 0; i < 4; i++) {
        struct strobe_report_resource at[] = {
            reading_semaphore(1, "gate", free_of[i], 10, 0), reading_semaphore(2, "two", free_of[i] / 2, 5, 0),
            reading_semaphore(3, "two", free_of[i], 5, 0), reading_thing(STROBE_RESOURCE_LIMITER, 4, "endless"),
            reading_semaphore(5, "none", 0, -1, 0), reading_semaphore(6, "mixed", 0, -1, 0), reading_semaphore(7, "mixed", 2, 8, 0),
        };

        at[3].free = at[3].capacity = STROBE_UNLIMITED;
        assert_int_equal(strobe_meter_target_add(meter, NULL, &others[i]), 0);
        assert_int_equal(reading_add(meter, others[i], READINGS_S, at, 7), 0);
    }
    now(READINGS_S);
    assert_value(semaphore("semaphore_available_ratio_min", "gate"), 0.3);
    assert_value(semaphore("semaphore_available_ratio_min", "two"), 0.4); /* of one process a sum: 1 and 3 of 5 and 5 */
    assert_value(semaphore("semaphore_available_ratio_min", "mixed"), 0.25);
    assert_true(isnan(semaphore("semaphore_available_ratio_min", "endless")));
    assert_true(isnan(semaphore("semaphore_available_ratio_min", "none")));
    strobe_meter_target_remove(meter, others[0]);
    now(READINGS_S);
    assert_value(semaphore("semaphore_available_ratio_min", "gate"), 0.9);
}

static void test_label_of_a_process(void **state)
{
    struct strobe_report_resource at = reading_pool(1, "app.POOL", 4, 2, 0);
    uint64_t tasks[STROBE_METER_STATES] = {[STROBE_TASK_WAITING] = 3};
    struct strobe_report_resources resources = {.at = &at, .n = 1};
    struct strobe_meter_reading reading = {.ns = READINGS_S, .resources = &resources, .tasks = tasks};
    struct strobe_meter_target *more;
    char label[16];

    begin(&(struct strobe_meter_opts){.max_series = 3});
    for (int i = 1; i <= 6; i++) {
        snprintf(label, sizeof label, "app %d", i);
        assert_int_equal(strobe_meter_target_add(meter, label, &more), 0);
        assert_int_equal(strobe_meter_add(meter, more, &reading), 0);
    }
    now(READINGS_S);
    assert_value(VALUE(&metrics, "executor_active_workers", "pool_type", "thread", "executor", "app.POOL", "process", "app 3"), 2);
    assert_value(VALUE(&metrics, "active_async_tasks", "process", "app 3"), 3);
    assert_value(VALUE(&metrics, "active_async_tasks", "process", "other"), 9);
    assert_value(VALUE(&metrics, "executor_active_workers", "pool_type", "thread", "executor", "other", "process", "other"), 6);
}

/* ---- tasks and loops ---- */

static void test_tasks_and_loops(void **state)
{
    uint64_t tasks[STROBE_METER_STATES] = {[STROBE_TASK_WAITING] = 7, [STROBE_TASK_READY] = 2, [STROBE_TASK_RUNNING] = 1,
                                           [STROBE_TASK_DONE] = 4};
    struct strobe_meter_loop loops[] = {{true, 0.25}, {false, 0}, {true, -1}};
    struct strobe_meter_reading reading = {.ns = 1000 * READINGS_S, .tasks = tasks, .loops = loops, .n_loops = 3};
    struct strobe_meter_cost cost = {1.5, 0.25, 100, 3};

    begin(&(struct strobe_meter_opts){.lag_window_s = 22, .prefix = "app_"});
    assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    reading.tasks = NULL; /* as they were */
    loops[0] = (struct strobe_meter_loop){true, 0.01};
    reading.ns += READINGS_S;
    assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    strobe_meter_set_cost(meter, &cost);
    for (int asked = 0; asked < 2; asked++) { /* whoever asks takes nothing from others */
        now(reading.ns);
        assert_value(VALUE(&metrics, "app_active_async_tasks"), 10);
        assert_value(VALUE(&metrics, "app_async_tasks", "state", "waiting"), 7);
        assert_value(VALUE(&metrics, "app_async_tasks", "state", "done"), 4);
        assert_value(VALUE(&metrics, "app_event_loop_lag_seconds"), 0.25);
        assert_value(VALUE(&metrics, "app_event_loop_busy_seconds_total"), 2);
        assert_value(VALUE(&metrics, "strobe_cpu_seconds_total"), 1.5);
        assert_value(VALUE(&metrics, "strobe_look_errors_total"), 3);
    }
    now(1000 * READINGS_S + 22 * READINGS_S); /* for at least the window, and less than a twelfth longer */
    assert_value(VALUE(&metrics, "app_event_loop_lag_seconds"), 0.25);
    now(1000 * READINGS_S + 25 * READINGS_S);
    assert_value(VALUE(&metrics, "app_event_loop_lag_seconds"), 0);
    reading.n_loops = 0; /* the loops have ended */
    reading.ns += READINGS_S;
    assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
    now(reading.ns);
    assert_true(isnan(VALUE(&metrics, "app_event_loop_lag_seconds")));
    assert_value(VALUE(&metrics, "app_event_loop_busy_seconds_total"), 3);
}

static void test_prefixes(void **state)
{
    assert_int_equal(strobe_meter_new(&(struct strobe_meter_opts){.prefix = "a-"}, &meter), STROBE_ERR_ARG);
    assert_int_equal(strobe_meter_new(&(struct strobe_meter_opts){.prefix = "1a"}, &meter), STROBE_ERR_ARG);
    assert_int_equal(strobe_meter_new(&(struct strobe_meter_opts){.prefix = "a\n"}, &meter), STROBE_ERR_ARG);
    assert_int_equal(strobe_meter_new(&(struct strobe_meter_opts){.prefix = "a1:_"}, &meter), 0);
}

/* A thing that stands twice in a reading, as a hostile memory may have it, is counted twice there and nowhere for longer than it was. */
static void test_the_same_thing_twice(void **state)
{
    struct strobe_report_resource at[] = {reading_semaphore(1, "app.GATE", 0, 1, 1), reading_semaphore(1, "app.GATE", 0, 1, 1)};

    begin(NULL);
    add(1000 * READINGS_MS, at, 2);
    for (uint64_t i = 0; i < 100; i++)
        add((1100 + i * 100) * READINGS_MS, at, 1 + i % 2);
    add(20 * READINGS_S, at, 0);
    now(20 * READINGS_S);
    assert_true(isnan(semaphore("semaphore_available", "app.GATE")));
    assert_value(semaphore("semaphore_exhausted_seconds_total", "app.GATE"), 15); /* one for 10 s, one for half of each gap */
}

/* ---- memory that is short ---- */

static int all_of_it(void)
{
    struct strobe_meter *m = NULL;
    struct strobe_meter_target *t;
    struct strobe_metrics out = STROBE_METRICS_INIT;
    struct strobe_report_resource at[40];
    char names[40][16];
    int err = strobe_meter_new(&(struct strobe_meter_opts){.max_series = 10, .keep_s = 1}, &m);

    if (!err)
        err = strobe_meter_target_add(m, "app", &t);
    for (uint32_t round = 1; round < 4 && !err; round++) {
        for (uint32_t i = 0; i < 40; i++) {
            snprintf(names[i], sizeof names[i], "\x1b%u", (unsigned)(round * i));
            at[i] = i % 2 ? reading_semaphore(i, names[i], 1, -1, 1) : reading_pool(i, names[i], 2, 1, 1);
        }
        err = reading_add(m, t, round * 10 * READINGS_S, at, round * 10);
    }
    if (!err)
        err = strobe_meter_metrics(m, 40 * READINGS_S, &out);
    strobe_metrics_release(&out);
    strobe_meter_free(m);
    return err;
}

static void test_each_allocation_fails_once(void **state)
{
    uint64_t n;

    alloc_fail_arm(0);
    assert_int_equal(all_of_it(), 0);
    n = alloc_fail_disarm();
    assert_int_equal(alloc_fail_live(), 0);
    assert_true(n > 20);
    for (uint64_t i = 1; i <= n; i++) {
        alloc_fail_arm(i);
        assert_int_equal(all_of_it(), STROBE_ERR_NOMEM);
        alloc_fail_disarm();
        assert_true(alloc_fail_hit());
        assert_int_equal(alloc_fail_live(), 0);
    }
}

/* A reading that failed is as if it had not been made, and the next one is added. */
static void test_a_reading_that_fails_changes_nothing(void **state)
{
    struct strobe_report_resource at[200];
    char names[200][16];

    begin(NULL);
    for (uint32_t i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "g%u", (unsigned)i);
        at[i] = reading_semaphore(i + 1, names[i], 0, 1, 1);
    }
    add(1000 * READINGS_MS, at, 1);
    alloc_fail_arm(1);
    assert_int_equal(reading_add(meter, target, 1500 * READINGS_MS, at, 200), STROBE_ERR_NOMEM);
    alloc_fail_disarm();
    assert_true(alloc_fail_hit());
    now(1500 * READINGS_MS);
    assert_value(semaphore("semaphore_exhausted_seconds_total", "g0"), 0);
    assert_true(isnan(semaphore("semaphore_available", "g5")));
    add(2000 * READINGS_MS, at, 200);
    now(2000 * READINGS_MS);
    assert_value(semaphore("semaphore_exhausted_seconds_total", "g0"), 1);
    assert_value(semaphore("semaphore_exhausted_seconds_total", "g199"), 0.5);
}

/* The same readings again and again: nothing is allocated. */
static void test_steady_readings_allocate_nothing(void **state)
{
    struct strobe_report_resource at[] = {reading_pool(1, "app.POOL", 4, 3, 0), reading_semaphore(4, "Client._gate", 0, 10, 7)};

    begin(NULL);
    add(1000 * READINGS_MS, at, 2);
    add(1100 * READINGS_MS, at, 2);
    alloc_fail_arm(0);
    for (uint64_t i = 0; i < 100; i++)
        add((1200 + i) * READINGS_MS, at, 1 + i % 2);
    assert_int_equal(alloc_fail_disarm(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_gauges_are_sums_of_a_label_set),
        TEST(test_what_is_gone_has_no_gauge_and_keeps_its_counters),
        TEST(test_gaps_are_counted_and_not_integrated_over),
        TEST(test_unknown_numbers),
        TEST(test_capacity_and_where_it_is_from),
        TEST(test_a_capacity_that_was_counted_while_things_moved),
        TEST(test_a_name_that_is_found_later),
        TEST(test_names_of_executors),
        TEST(test_names_of_semaphores),
        TEST(test_label_sets_are_bounded),
        TEST(test_room_that_there_is_later),
        TEST(test_very_many_things_once),
        TEST(test_names_without_end),
        TEST(test_targets_are_summed_and_their_counters_go_on),
        TEST(test_a_process_that_is_a_target_again), TEST(test_labels_of_processes_are_bounded), TEST(test_the_worst_process),
        TEST(test_label_of_a_process),
        TEST(test_tasks_and_loops),
        TEST(test_prefixes),
        TEST(test_the_same_thing_twice),
        TEST(test_each_allocation_fails_once),
        TEST(test_a_reading_that_fails_changes_nothing),
        TEST(test_steady_readings_allocate_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
