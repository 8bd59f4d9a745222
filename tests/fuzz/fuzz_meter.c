/* SPDX-License-Identifier: Apache-2.0 */
/* The meter and the writers of its metrics, over readings that nobody would make.  Input: cap: 1 byte | steps, each one of
 *
 *   0..199: a thing: kind | address | numbers: 6, each a byte that is looked up | length of its name: 1 | the name
 *   200..229: the things so far are a reading: milliseconds since the last: 2       230..239: ... and of waits of those addresses
 *   240..249: a target goes and another comes, with a label: length: 1 | the label     250..255: metrics are asked for
 *
 * What must hold: each label set once in a family, labels harmless, families no larger than the cap allows, counters not negative. */
#include "meter/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "meter/health.h"
#include "meter/prometheus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { THINGS = 64, NUMBERS = 6, TARGETS = 3 };

struct input {
    const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static int64_t number(struct input *in)
{
    static const int64_t odd[] = {-1, 0, 1, 2, 10, INT32_MAX, INT64_MAX - 1, STROBE_UNLIMITED, INT64_MIN};
    uint8_t which = byte(in);

    return which < sizeof odd / sizeof *odd ? odd[which] : which;
}

/* Owned by the caller. */
static char *text(struct input *in)
{
    size_t n = byte(in), left = (size_t)(in->end - in->at);
    char *text = malloc(n + 1);

    if (!text)
        abort();
    n = n < left ? n : left;
    memcpy(text, in->at, n);
    text[n] = '\0';
    in->at += n;
    return text;
}

static void read_thing(struct input *in, struct strobe_report_resource *r)
{
    *r = (struct strobe_report_resource){.kind = (enum strobe_resource_kind)(byte(in) % STROBE_RESOURCE_KINDS), .address = byte(in) % 16,
                                         .type = "Type", .module = "asyncio.locks", .name_source = ""};
    r->max = r->free = r->size = number(in);
    r->busy = r->capacity = r->maxsize = number(in);
    r->queued = r->waiters = number(in);
    r->capacity_source = (enum strobe_capacity_source)(byte(in) % 4);
    r->shutdown = byte(in) & 1;
    r->name = text(in);
    r->prefix = byte(in) & 1 ? r->name : "";
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_label(const char *value)
{
    const char *at = value, *end = value + strlen(value);

    check(end - at < STROBE_METER_LABEL);
    while (at < end) {
        uint32_t cp = strobe_utf8_next(&at, end);

        check(cp >= 0x20 && cp < STROBE_BAD_BYTE && cp != 0x7f);
    }
}

static bool same_labels(const struct strobe_metric_sample *a, const struct strobe_metric_sample *b)
{
    if (a->n_labels != b->n_labels)
        return false;
    for (uint32_t i = 0; i < a->n_labels; i++)
        if (strcmp(a->labels[i].name, b->labels[i].name) != 0 || strcmp(a->labels[i].value, b->labels[i].value) != 0)
            return false;
    return true;
}

static void check_metrics(struct strobe_meter *meter, uint64_t ns, uint32_t cap, struct strobe_metrics *metrics, struct strobe_buf *out)
{
    check(strobe_meter_metrics(meter, ns, metrics) == 0);
    for (size_t f = 0; f < metrics->n_families; f++) {
        const struct strobe_metric_family *family = &metrics->families[f];

        check(family->n_samples <= 8 * (cap + 2)); /* `other` of three types of pools, with and without a process; four sources */
        for (uint32_t i = 0; i < family->n_samples; i++) {
            const struct strobe_metric_sample *sample = &metrics->samples[family->first + i];

            check(family->type == STROBE_METRIC_GAUGE || (sample->value >= 0 && isfinite(sample->value)));
            for (uint32_t k = 0; k < sample->n_labels; k++)
                check_label(sample->labels[k].value);
            for (uint32_t k = 0; k < i; k++)
                check(!same_labels(sample, &metrics->samples[family->first + k]));
        }
    }
    strobe_buf_clear(out);
    check(strobe_prometheus_text(metrics, out) == 0 && strobe_prometheus_openmetrics(metrics, out) == 0);
    check(strobe_meter_health_json(meter, (double)ns, out) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    struct strobe_report_resource things[THINGS];
    struct strobe_report_resources resources = {.at = things};
    struct strobe_meter_wait waits[THINGS];
    struct strobe_meter_reading reading = {.resources = &resources};
    uint32_t cap = byte(&in) % 8 + 1, turn = 0;
    struct strobe_meter_opts opts = {.max_series = cap, .keep_s = 1, .event_every_s = 3};
    struct strobe_meter_target *targets[TARGETS] = {NULL};
    struct strobe_metrics metrics = STROBE_METRICS_INIT;
    struct strobe_buf out = STROBE_BUF_INIT;
    struct strobe_meter_event event;
    struct strobe_meter *meter;

    check(strobe_meter_new(&opts, &meter) == 0);
    for (int i = 0; i < TARGETS; i++)
        check(strobe_meter_target_add(meter, NULL, &targets[i]) == 0);
    for (reading.ns = 1; in.at < in.end;) {
        uint8_t step = byte(&in);

        if (step < 200 && resources.n < THINGS) {
            read_thing(&in, &things[resources.n]);
            waits[resources.n] = (struct strobe_meter_wait){things[resources.n].address, step};
            resources.n++;
        } else if (step < 240) {
            uint64_t later = byte(&in);

            later = later << 8 | byte(&in);
            reading.ns += later * 1000000;
            reading.waits = step >= 230 ? waits : NULL;
            reading.n_waits = resources.n;
            check(strobe_meter_add(meter, targets[turn++ % TARGETS], &reading) == 0);
            for (uint32_t i = 0; i < resources.n; i++)
                free((char *)things[i].name);
            resources.n = 0;
        } else if (step < 250) {
            char *label = text(&in);

            strobe_meter_target_remove(meter, targets[step % TARGETS]);
            check(strobe_meter_target_add(meter, label, &targets[step % TARGETS]) == 0);
            free(label);
        } else {
            check_metrics(meter, reading.ns, cap, &metrics, &out);
        }
    }
    check_metrics(meter, reading.ns, cap, &metrics, &out);
    while (strobe_meter_next_event(meter, &event))
        check(strobe_meter_event_json(&event, &out) == 0);
    for (uint32_t i = 0; i < resources.n; i++)
        free((char *)things[i].name);
    strobe_metrics_release(&metrics);
    strobe_buf_release(&out);
    strobe_meter_free(meter);
    return 0;
}
