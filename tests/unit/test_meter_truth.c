/* SPDX-License-Identifier: Apache-2.0 */
/* The integrated counters against the exact areas of made-up processes: what meter.h says of them, with numbers from seeds. */
#include "tests/unit/meter_readings.h"

#include <stdio.h>
#include <stdlib.h>

#include "meter/rhythm.h"

enum { MINUTE_S = 60, WORKERS = 4, MOST_SPIKES = 4096 };

/* A pool of WORKERS all of which are busy, with a call queued, in each of these times, and idle between them; the same times are those in
 * which a semaphore has nothing free and three waiters, and a loop is in a step. */
struct spikes {
    struct {
        uint64_t from, to;
    } at[MOST_SPIKES];
    size_t n, i;
};

static uint64_t between(uint64_t *random, uint64_t low, uint64_t high)
{
    return low + strobe_random_below(random, high - low + 1);
}

/* Spikes and rests between them of random lengths in [low, high], beyond a minute after start. */
static void make_random(struct spikes *spikes, uint64_t start, uint64_t low, uint64_t high, uint64_t *random)
{
    uint64_t at = start;

    for (spikes->n = spikes->i = 0; at < start + (MINUTE_S + 2) * READINGS_S; spikes->n++) {
        assert_true(spikes->n < MOST_SPIKES);
        at += between(random, low, high);
        spikes->at[spikes->n].from = at;
        at += between(random, low, high);
        spikes->at[spikes->n].to = at;
    }
}

/* One every period, from its phase on. */
static void make_periodic(struct spikes *spikes, uint64_t start, uint64_t period, uint64_t phase, uint64_t length)
{
    for (spikes->n = spikes->i = 0; spikes->n * period < (MINUTE_S + 2) * READINGS_S; spikes->n++) {
        assert_true(spikes->n < MOST_SPIKES);
        spikes->at[spikes->n].from = start + spikes->n * period + phase;
        spikes->at[spikes->n].to = spikes->at[spikes->n].from + length;
    }
}

/* Asked in the order of time. */
static bool is_on(struct spikes *spikes, uint64_t ns)
{
    while (spikes->i < spikes->n && spikes->at[spikes->i].to <= ns)
        spikes->i++;
    return spikes->i < spikes->n && spikes->at[spikes->i].from <= ns;
}

static double true_seconds(const struct spikes *spikes, uint64_t from, uint64_t to)
{
    double sum = 0;

    for (size_t i = 0; i < spikes->n; i++) {
        uint64_t a = spikes->at[i].from > from ? spikes->at[i].from : from, b = spikes->at[i].to < to ? spikes->at[i].to : to;

        sum += b > a ? (double)(b - a) / 1e9 : 0;
    }
    return sum;
}

/* What a minute of readings made of the spikes, relative to the truth between the first and the last reading; hold: what the rule "it
 * stays so until the next reading" would have made. */
struct outcome {
    double meter, hold;
};

static struct outcome measure(struct spikes *spikes, uint64_t start, uint64_t period, uint64_t seed)
{
    struct strobe_meter *meter;
    struct strobe_meter_target *target;
    struct strobe_metrics metrics = STROBE_METRICS_INIT;
    struct strobe_rhythm rhythm;
    uint64_t first = 0, ns = start, last = start;
    bool before = false;
    double hold = 0, truth, busy, saturated;

    assert_int_equal(strobe_meter_new(NULL, &meter), 0);
    assert_int_equal(strobe_meter_target_add(meter, NULL, &target), 0);
    strobe_rhythm_init(&rhythm, period, start, seed);
    while ((ns = strobe_rhythm_next(&rhythm, ns)) < start + MINUTE_S * READINGS_S) {
        bool on = is_on(spikes, ns);
        struct strobe_report_resource at[] = {reading_pool(1, "app.POOL", WORKERS, on ? WORKERS : 0, on ? 2 : 0),
                                              reading_semaphore(2, "app.gate", on ? 0 : 5, 5, on ? 3 : 0)};
        struct strobe_report_resources resources = {.at = at, .n = 2};
        struct strobe_meter_loop loop = {on, 0};
        struct strobe_meter_reading reading = {.ns = ns, .resources = &resources, .loops = &loop, .n_loops = 1};

        assert_int_equal(strobe_meter_add(meter, target, &reading), 0);
        first = first ? first : ns;
        hold += before ? (double)(ns - last) / 1e9 : 0;
        before = on;
        last = ns;
    }
    truth = true_seconds(spikes, first, last);
    assert_int_equal(strobe_meter_metrics(meter, last, &metrics), 0);
    busy = VALUE(&metrics, "executor_busy_worker_seconds_total", "pool_type", "thread", "executor", "app.POOL");
    /* the five counters are areas of one time, each with its height */
    saturated = VALUE(&metrics, "executor_saturated_seconds_total", "pool_type", "thread", "executor", "app.POOL");
    assert_true(fabs(saturated * WORKERS - busy) < 1e-6);
    assert_true(fabs(VALUE(&metrics, "semaphore_exhausted_seconds_total", "dependency", "app.gate") - saturated) < 1e-6);
    assert_true(fabs(VALUE(&metrics, "semaphore_wait_seconds_total", "dependency", "app.gate") - saturated * 3) < 1e-6);
    assert_true(fabs(VALUE(&metrics, "event_loop_busy_seconds_total") - saturated) < 1e-6);
    strobe_metrics_release(&metrics);
    strobe_meter_free(meter);
    return (struct outcome){busy / WORKERS / truth - 1, hold / truth - 1};
}

struct stats {
    double mean, deviation, largest;
};

static struct stats stats_of(const double *errors, int n)
{
    struct stats stats = {0};

    for (int i = 0; i < n; i++) {
        stats.mean += errors[i] / n;
        stats.largest = fmax(stats.largest, fabs(errors[i]));
    }
    for (int i = 0; i < n; i++)
        stats.deviation += (errors[i] - stats.mean) * (errors[i] - stats.mean) / (n - 1);
    stats.deviation = sqrt(stats.deviation);
    return stats;
}

/* The mean of n errors is as far from 0 as chance makes it. */
static void assert_unbiased(struct stats stats, int n)
{
    assert_true(fabs(stats.mean) < 3.5 * stats.deviation / sqrt(n));
}

enum { START = 123456789, HZ20 = 50 * READINGS_MS };

/* Spikes of half a second to a few seconds, which a scrape every 15 s sees nothing of, read at 20 Hz: each of 200 minutes is within 2 %. */
static void test_spikes_shorter_than_a_scrape(void **state)
{
    enum { N = 200 };
    static struct spikes spikes;
    double errors[N];
    uint64_t random = 77;
    struct stats stats;

    for (int i = 0; i < N; i++) {
        make_random(&spikes, START, 500 * READINGS_MS, 3 * READINGS_S, &random);
        errors[i] = measure(&spikes, START, HZ20, (uint64_t)i + 1).meter;
    }
    stats = stats_of(errors, N);
    print_message("spikes of 0.5 to 3 s at 20 Hz: mean %+.5f, deviation %.5f, largest %.5f\n", stats.mean, stats.deviation, stats.largest);
    assert_unbiased(stats, N);
    assert_true(stats.largest < 0.02);
}

/* The deviation that meter.h names: 0.35 T an edge. */
static void test_error_of_edges(void **state)
{
    enum { N = 300 };
    static struct spikes spikes;
    double errors[N], expected = sqrt(2 * MINUTE_S) * 0.3536 * 0.05 / (MINUTE_S / 2.0);
    uint64_t random = 99;
    struct stats stats;

    for (int i = 0; i < N; i++) {
        make_random(&spikes, START, 499 * READINGS_MS, 501 * READINGS_MS, &random);
        errors[i] = measure(&spikes, START + between(&random, 0, READINGS_S), HZ20, (uint64_t)i + 1).meter;
    }
    stats = stats_of(errors, N);
    print_message("spikes of 0.5 s at 20 Hz: mean %+.5f, deviation %.5f, expected %.5f\n", stats.mean, stats.deviation, expected);
    assert_unbiased(stats, N);
    assert_true(stats.deviation > 0.85 * expected && stats.deviation < 1.15 * expected);
}

/* Spikes that are shorter than the time between readings, at random. */
static void test_spikes_shorter_than_a_reading(void **state)
{
    enum { N = 300 };
    static struct spikes spikes;
    double errors[N];
    uint64_t random = 5;
    struct stats stats;

    for (int i = 0; i < N; i++) {
        make_random(&spikes, START, 10 * READINGS_MS, 40 * READINGS_MS, &random);
        errors[i] = measure(&spikes, START, HZ20, (uint64_t)i + 1).meter;
    }
    stats = stats_of(errors, N);
    print_message("spikes of 10 to 40 ms at 20 Hz: mean %+.5f, deviation %.5f\n", stats.mean, stats.deviation);
    assert_unbiased(stats, N);
    assert_true(stats.deviation < 0.05);
}

/* Spikes in step with the readings, for a third of the period, at each phase of it: the meter is unbiased, and its error is that of so many
 * chances to hit.  A value that holds until the next reading is not: it is off where its reading's moment and weight go together. */
static void test_resonance(void **state)
{
    enum { N = 300, PHASES = 3 };
    static struct spikes spikes;
    double errors[N], holds[N], p = 1.0 / PHASES, expected = sqrt((1 - p) / (p * MINUTE_S * 20)), worst_hold = 0;

    for (uint64_t times = 1; times <= 2; times++) /* spikes every period, or twice a period */
        for (uint64_t phase = 0; phase < PHASES; phase++) {
            struct stats stats, hold;

            for (int i = 0; i < N; i++) {
                make_periodic(&spikes, START, HZ20 / times, phase * HZ20 / times / PHASES, HZ20 / times / PHASES);
                struct outcome outcome = measure(&spikes, START, HZ20, (uint64_t)i * 7 + 1);
                errors[i] = outcome.meter;
                holds[i] = outcome.hold;
            }
            stats = stats_of(errors, N);
            hold = stats_of(holds, N);
            print_message("%llu a period, phase %llu: mean %+.5f, deviation %.5f (expected %.5f); held values: mean %+.5f\n",
                          (unsigned long long)times, (unsigned long long)phase, stats.mean, stats.deviation, expected, hold.mean);
            assert_unbiased(stats, N);
            assert_true(stats.deviation > 0.7 * expected && stats.deviation < 1.3 * expected);
            worst_hold = fmax(worst_hold, fabs(hold.mean));
        }
    assert_true(worst_hold > 0.2); /* the claim in meter.h */
}

/* Objects that live for a moment each, every one a new one at a new address: together they are there half of the time. */
static void test_objects_that_come_and_go(void **state)
{
    enum { N = 100 };
    static struct spikes spikes;
    double errors[N];
    uint64_t random = 31, ns;
    struct stats stats;

    for (int i = 0; i < N; i++) {
        struct strobe_meter *meter;
        struct strobe_meter_target *target;
        struct strobe_metrics metrics = STROBE_METRICS_INIT;
        struct strobe_rhythm rhythm;
        uint64_t first = 0, last = 0;

        assert_int_equal(strobe_meter_new(NULL, &meter), 0);
        assert_int_equal(strobe_meter_target_add(meter, NULL, &target), 0);
        make_random(&spikes, START, 20 * READINGS_MS, 200 * READINGS_MS, &random);
        strobe_rhythm_init(&rhythm, HZ20, START, (uint64_t)i + 1);
        for (ns = START; (ns = strobe_rhythm_next(&rhythm, ns)) < START + MINUTE_S * READINGS_S; last = ns) {
            bool on = is_on(&spikes, ns);
            struct strobe_report_resource at = reading_semaphore(0x1000 + spikes.i * 16, "request.gate", 0, 1, 2);

            assert_int_equal(reading_add(meter, target, ns, &at, on), 0);
            first = first ? first : ns;
        }
        assert_int_equal(strobe_meter_metrics(meter, last, &metrics), 0);
        errors[i] = VALUE(&metrics, "semaphore_wait_seconds_total", "dependency", "request.gate") / 2;
        errors[i] = errors[i] / true_seconds(&spikes, first, last) - 1;
        strobe_metrics_release(&metrics);
        strobe_meter_free(meter);
    }
    stats = stats_of(errors, N);
    print_message("objects of 20 to 200 ms: mean %+.5f, deviation %.5f\n", stats.mean, stats.deviation);
    assert_unbiased(stats, N);
    assert_true(stats.deviation < 0.03);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spikes_shorter_than_a_scrape), cmocka_unit_test(test_error_of_edges),
        cmocka_unit_test(test_spikes_shorter_than_a_reading), cmocka_unit_test(test_resonance),
        cmocka_unit_test(test_objects_that_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
