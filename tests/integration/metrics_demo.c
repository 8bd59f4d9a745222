/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_demo FORMAT [MAX_SERIES [PREFIX]]: reads readings of a process on stdin, gives them to a meter, and writes what it makes of them
 * on stdout: text, openmetrics, events, pools or health.  One word a value; texts are hexadecimal, "-" is the empty one, so that any
 * byte can be in a name; -1 is an unknown number, -2 one without an end:
 *
 *   reading MILLISECONDS | thing KIND ADDRESS NAME PREFIX TYPE MODULE MAX BUSY QUEUED FREE CAPACITY SOURCE WAITERS SIZE MAXSIZE
 *   tasks WAITING READY RUNNING DONE | loop BUSY STEP | process CPU RESIDENT FDS | cost CPU PAUSED LOOKS ERRORS
 *
 * A reading is what follows it up to the next.  It takes the locale of its environment.  Exit status: 0, or 1 with a message. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "meter/health.h"
#include "meter/meter.h"
#include "meter/prometheus.h"

enum { THINGS = 4096, LOOPS = 64, TEXTS = 4 };

struct demo {
    struct strobe_meter *meter;
    struct strobe_meter_target *target;
    struct strobe_report_resource things[THINGS];
    char *texts[THINGS][TEXTS]; /* from malloc */
    struct strobe_report_resources resources;
    uint64_t tasks[STROBE_METER_STATES];
    struct strobe_meter_loop loops[LOOPS];
    struct strobe_meter_process process;
    struct strobe_meter_reading reading;
};

static void check(int err, const char *what)
{
    if (err) {
        fprintf(stderr, "%s: %s\n", what, strobe_err_text(err));
        exit(1);
    }
}

static double number(void)
{
    double value;
    char word[64];

    /* strtod goes by the locale, whose numbers are not those of the input: seconds are given as whole microseconds */
    check(scanf("%63s", word) == 1 ? 0 : STROBE_ERR_FORMAT, "number");
    value = (double)strtoll(word, NULL, 10);
    return value;
}

static int64_t count(void)
{
    int64_t value = (int64_t)number();

    return value == -2 ? STROBE_UNLIMITED : value;
}

static double seconds(void)
{
    double microseconds = number();

    return microseconds < 0 ? -1 : microseconds / 1e6;
}

/* Reads one, which takes the place of another. */
static const char *text(char **to)
{
    size_t n = 0;
    unsigned byte;

    free(*to);
    *to = NULL;
    check(scanf("%ms", to) == 1 ? 0 : STROBE_ERR_FORMAT, "text");
    for (const char *at = *to; *at != '-' && sscanf(at, "%2x", &byte) == 1; at += 2)
        (*to)[n++] = (char)byte; /* two digits make one: what is read is still ahead */
    (*to)[n] = '\0';
    return *to;
}

static void read_thing(struct demo *demo)
{
    uint32_t i = demo->resources.n;
    struct strobe_report_resource *r = &demo->things[i];

    check(i < THINGS ? 0 : STROBE_ERR_LIMIT, "things");
    demo->resources.n++;
    *r = (struct strobe_report_resource){.kind = (enum strobe_resource_kind)number(), .address = (uint64_t)number(), .name_source = "",
                                         .holders = -1, .workers = -1};
    r->name = text(&demo->texts[i][0]);
    r->prefix = text(&demo->texts[i][1]);
    r->type = text(&demo->texts[i][2]);
    r->module = text(&demo->texts[i][3]);
    r->max = count();
    r->busy = count();
    r->queued = count();
    r->free = count();
    r->capacity = count();
    r->capacity_source = (enum strobe_capacity_source)number();
    r->waiters = count();
    r->size = count();
    r->maxsize = count();
}

/* The reading that was put together. */
static void end_reading(struct demo *demo)
{
    if (demo->reading.ns)
        check(strobe_meter_add(demo->meter, demo->target, &demo->reading), "reading");
}

static void begin_reading(struct demo *demo, uint64_t ns)
{
    demo->resources = (struct strobe_report_resources){.at = demo->things};
    demo->reading = (struct strobe_meter_reading){.ns = ns, .unix_s = 1.7e9 + (double)ns / 1e9, .resources = &demo->resources};
}

static void read_word(struct demo *demo, const char *word)
{
    struct strobe_meter_cost cost;

    if (strcmp(word, "reading") == 0) {
        end_reading(demo);
        begin_reading(demo, (uint64_t)number() * 1000000);
    } else if (strcmp(word, "thing") == 0) {
        read_thing(demo);
    } else if (strcmp(word, "tasks") == 0) {
        for (int i = 0; i < STROBE_METER_STATES; i++)
            demo->tasks[i] = (uint64_t)number();
        demo->reading.tasks = demo->tasks;
    } else if (strcmp(word, "loop") == 0) {
        check(demo->reading.n_loops < LOOPS ? 0 : STROBE_ERR_LIMIT, "loops");
        demo->loops[demo->reading.n_loops].busy = number() != 0;
        demo->loops[demo->reading.n_loops++].step_s = seconds();
        demo->reading.loops = demo->loops;
    } else if (strcmp(word, "process") == 0) {
        demo->process.cpu_s = seconds();
        demo->process.resident_bytes = count();
        demo->process.open_fds = count();
        demo->reading.process = &demo->process;
    } else if (strcmp(word, "cost") == 0) {
        cost.cpu_s = seconds();
        cost.paused_s = seconds();
        cost.looks = (uint64_t)number();
        cost.errors = (uint64_t)number();
        strobe_meter_set_cost(demo->meter, &cost);
    } else {
        check(STROBE_ERR_FORMAT, word);
    }
}

static void write_all(struct demo *demo, const char *format)
{
    struct strobe_metrics metrics = STROBE_METRICS_INIT;
    struct strobe_buf out = STROBE_BUF_INIT;
    struct strobe_meter_event event;

    check(strobe_meter_metrics(demo->meter, demo->reading.ns, &metrics), "metrics");
    if (strcmp(format, "text") == 0)
        check(strobe_prometheus_text(&metrics, &out), format);
    else if (strcmp(format, "openmetrics") == 0)
        check(strobe_prometheus_openmetrics(&metrics, &out), format);
    else if (strcmp(format, "pools") == 0)
        check(strobe_meter_pools_json(demo->meter, &out), format);
    else if (strcmp(format, "health") == 0)
        check(strobe_meter_health_json(demo->meter, demo->reading.unix_s, &out), format);
    else if (strcmp(format, "events") == 0)
        while (strobe_meter_next_event(demo->meter, &event))
            check(strobe_meter_event_json(&event, &out), format);
    else
        check(STROBE_ERR_ARG, format);
    fwrite(strobe_buf_str(&out), 1, out.len, stdout);
    strobe_buf_release(&out);
    strobe_metrics_release(&metrics);
}

int main(int argc, char **argv)
{
    static struct demo demo;
    struct strobe_meter_opts opts = {.process = true};
    char word[32];

    setlocale(LC_ALL, "");
    check(argc >= 2 ? 0 : STROBE_ERR_ARG, "metrics_demo FORMAT [MAX_SERIES [PREFIX]]");
    opts.max_series = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
    opts.prefix = argc > 3 ? argv[3] : NULL;
    check(strobe_meter_new(&opts, &demo.meter), "options");
    check(strobe_meter_target_add(demo.meter, NULL, &demo.target), "target");
    while (scanf("%31s", word) == 1)
        read_word(&demo, word);
    end_reading(&demo);
    write_all(&demo, argv[1]);
    strobe_meter_free(demo.meter);
    for (size_t i = 0; i < THINGS; i++)
        for (size_t k = 0; k < TEXTS; k++)
            free(demo.texts[i][k]);
    return 0;
}
