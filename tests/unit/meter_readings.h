/* SPDX-License-Identifier: Apache-2.0 */
/* meter_readings: made-up readings for the tests of the meter, and what the meter makes of them. */
#ifndef STROBE_TESTS_METER_READINGS_H
#define STROBE_TESTS_METER_READINGS_H

#include <math.h>
#include <string.h>

#include "meter/meter.h"
#include "tests/unit/cm.h"

#define READINGS_S 1000000000ull
#define READINGS_MS 1000000ull

/* All unknown. */
static inline struct strobe_report_resource reading_thing(enum strobe_resource_kind kind, uint64_t address, const char *name)
{
    return (struct strobe_report_resource){
        .kind = kind, .type = "", .module = "", .name = name, .name_source = "", .prefix = "", .address = address, .max = -1, .workers = -1,
        .busy = -1, .queued = -1, .free = -1, .capacity = -1, .holders = -1, .waiters = -1, .size = -1, .maxsize = -1,
    };
}

static inline struct strobe_report_resource reading_pool(uint64_t address, const char *name, int64_t max, int64_t busy, int64_t queued)
{
    struct strobe_report_resource r = reading_thing(STROBE_RESOURCE_THREAD_POOL, address, name);

    r.type = "ThreadPoolExecutor";
    r.module = "concurrent.futures.thread";
    r.max = max;
    r.busy = busy;
    r.queued = queued;
    return r;
}

static inline struct strobe_report_resource reading_semaphore(uint64_t address, const char *name, int64_t free, int64_t capacity,
                                                              int64_t waiters)
{
    struct strobe_report_resource r = reading_thing(STROBE_RESOURCE_SEMAPHORE, address, name);

    r.type = "BoundedSemaphore";
    r.module = "asyncio.locks";
    r.free = free;
    r.capacity = capacity;
    r.capacity_source = capacity >= 0 ? STROBE_CAPACITY_STORED : STROBE_CAPACITY_UNKNOWN;
    r.waiters = waiters;
    return r;
}

/* A reading that has resources alone; returns what strobe_meter_add does. */
static inline int reading_add(struct strobe_meter *meter, struct strobe_meter_target *target, uint64_t ns,
                              const struct strobe_report_resource *at, uint32_t n)
{
    struct strobe_report_resources resources = {.at = at, .n = n};
    struct strobe_meter_reading reading = {.ns = ns, .unix_s = 1.7e9 + (double)ns / 1e9, .resources = &resources};

    return strobe_meter_add(meter, target, &reading);
}

/* The value of a sample whose labels are just these, given as name, value, ..., NULL; NAN = there is none.  Fails when there are two. */
static inline double reading_value(const struct strobe_metrics *metrics, const char *family, const char *const *labels)
{
    double value = NAN;
    uint32_t n = 0, found = 0;

    while (labels[2 * n])
        n++;
    for (size_t f = 0; f < metrics->n_families; f++)
        for (uint32_t s = 0; s < metrics->families[f].n_samples && strcmp(metrics->families[f].name, family) == 0; s++) {
            const struct strobe_metric_sample *sample = &metrics->samples[metrics->families[f].first + s];
            uint32_t same = 0;

            for (uint32_t i = 0; i < sample->n_labels; i++)
                for (uint32_t k = 0; k < n; k++)
                    same += strcmp(sample->labels[i].name, labels[2 * k]) == 0 && strcmp(sample->labels[i].value, labels[2 * k + 1]) == 0;
            if (same == n && sample->n_labels == n) {
                value = sample->value;
                found++;
            }
        }
    assert_true(found <= 1);
    return value;
}

#define VALUE(metrics, family, ...) reading_value(metrics, family, (const char *const[]){__VA_ARGS__ __VA_OPT__(,) NULL})

#endif
