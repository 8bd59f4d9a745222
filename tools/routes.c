/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/routes.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attach/target.h"
#include "base/clock.h"
#include "export/exporter.h"
#include "meter/health.h"
#include "meter/prometheus.h"
#include "picture/dumped.h"

static const char json_type[] = "application/json", text_type[] = "text/plain; charset=utf-8";

static uint64_t now(void)
{
    struct strobe_clock *clock = strobe_clock_system();

    return clock->now(clock);
}

/* Takes the body over. */
static void answer(struct strobe_http_request *request, unsigned status, const char *type, struct strobe_buf *body)
{
    strobe_http_answer(request, &(struct strobe_http_answer){.status = status, .type = type, .body = body});
}

/* ---- metrics ---- */

/* The server's own counters: of requests before this one. */
static void put_requests(const struct strobe_routes *routes, struct strobe_metrics *metrics)
{
    static const char *const classes[] = {NULL, NULL, "2xx", "3xx", "4xx", "5xx"};

    if (!routes->http)
        return;
    strobe_metrics_family(metrics, "", "strobe_http_requests_total", STROBE_METRIC_COUNTER, "",
                          "Requests answered, by class of status.");
    for (int i = 2; i < 6; i++)
        strobe_metrics_sample(metrics, (double)strobe_http_counts(routes->http)[i], 1,
                              &(struct strobe_metric_label){"status", classes[i]});
    strobe_metrics_family(metrics, "", "strobe_http_slow_connections_total", STROBE_METRIC_COUNTER, "",
                          "Connections that were closed because the client took too long.");
    strobe_metrics_sample(metrics, (double)strobe_http_slow(routes->http), 0, NULL);
}

int strobe_routes_metrics(struct strobe_routes *routes, bool openmetrics, struct strobe_buf *out)
{
    struct strobe_metrics metrics = STROBE_METRICS_INIT;
    int err;

    strobe_serving_refresh(routes->serving);
    err = strobe_serving_metrics(routes->serving, &metrics);
    if (!err) {
        put_requests(routes, &metrics);
        err = openmetrics ? strobe_prometheus_openmetrics(&metrics, out) : strobe_prometheus_text(&metrics, out);
    }
    strobe_metrics_release(&metrics);
    return err;
}

static void handle_metrics(void *ctx, struct strobe_http_request *request)
{
    struct strobe_routes *routes = ctx;
    struct strobe_buf body = STROBE_BUF_INIT;
    bool openmetrics = strobe_prometheus_wants_openmetrics(strobe_http_header(request, "Accept"));

    if (strobe_routes_metrics(routes, openmetrics, &body)) {
        strobe_buf_release(&body);
        strobe_http_refuse(request, 503, "out of memory");
    } else {
        answer(request, 200, openmetrics ? STROBE_PROMETHEUS_OPENMETRICS : STROBE_PROMETHEUS_TEXT, &body);
    }
}

/* ---- health ---- */

/* Liveness: that it comes to this line is all that is said. */
static void handle_health(void *ctx, struct strobe_http_request *request)
{
    struct strobe_buf body = STROBE_BUF_INIT;

    strobe_buf_puts(&body, "{\"status\": \"healthy\"}\n");
    answer(request, 200, json_type, &body);
}

/* One that a signal has stopped answers nobody. */
static size_t count_stopped(const struct strobe_routes *routes)
{
    struct strobe_target_stat stat;
    size_t n = 0;

    for (const struct strobe_served *served = routes->serving->targets; served; served = served->next)
        n += !strobe_target_stat(served->pid, &stat) && stat.state == 'T';
    return n;
}

/* Is everything there that was asked for, and does it run? */
static void handle_ready(void *ctx, struct strobe_http_request *request)
{
    const struct strobe_routes *routes = ctx;
    struct strobe_buf body = STROBE_BUF_INIT;
    size_t missing = strobe_census_missing(routes->serving->census), stopped = count_stopped(routes);
    bool ready = !missing && !stopped && (routes->serving->n_targets || routes->serving->opts->serve.all_python);

    strobe_buf_printf(&body, "{\"status\": \"%s\", \"processes\": %zu, \"missing\": %zu, \"stopped\": %zu}\n",
                      ready ? "healthy" : "unhealthy", routes->serving->n_targets, missing, stopped);
    answer(request, ready ? 200 : 503, json_type, &body);
}

static void handle_detailed(void *ctx, struct strobe_http_request *request)
{
    struct strobe_routes *routes = ctx;
    struct strobe_buf body = STROBE_BUF_INIT;
    struct timespec wall;

    strobe_serving_refresh(routes->serving);
    clock_gettime(CLOCK_REALTIME, &wall);
    if (strobe_meter_health_json(routes->serving->meter, (double)wall.tv_sec + (double)wall.tv_nsec / 1e9, &body)) {
        strobe_buf_release(&body);
        strobe_http_refuse(request, 503, "out of memory");
    } else {
        answer(request, 200, json_type, &body);
    }
}

/* ---- what is there now ---- */

/* Appends what a route shows of one process. */
typedef int put_one(struct strobe_served *served, bool text, struct strobe_buf *out);

static int put_pools(struct strobe_served *served, bool text, struct strobe_buf *out)
{
    struct strobe_report_resources none = {.process = &served->metered.pooled.tasked.process};
    const struct strobe_report_resources *report = served->metered.report.process ? &served->metered.report : &none;

    if (!text)
        return strobe_report_resources_json(report, out);
    strobe_report_heading(report->process, false, out);
    strobe_report_resources(report, false, out);
    return 0;
}

static int put_tasks(struct strobe_served *served, bool text, struct strobe_buf *out)
{
    const struct strobe_report_tasks *report;
    int err = strobe_served_tasks(served, &report);

    if (err)
        return err;
    if (!text)
        return strobe_report_tasks_json(report, false, out);
    strobe_report_heading(report->process, false, out);
    return strobe_report_pstree(report, false, false, out);
}

/* Threads with their stacks, and the tasks: read for this answer, with names and a snapshot of its own. */
static int put_dump(struct strobe_served *served, bool text, struct strobe_buf *out)
{
    struct strobe_dumped_opts how = {.nonblocking = served->metered.opts.nonblocking,
                                     .full_filenames = served->metered.opts.full_filenames,
                                     .tasks = true, .max_pause_ns = served->metered.opts.max_pause_ns};
    const struct strobe_report_tasks *tasks;
    struct strobe_dumped dumped;
    int err = strobe_dumped_take(&served->outside.place, &how, &dumped);

    if (err)
        return err;
    tasks = &dumped.tasked.report;
    if (text) {
        strobe_report_dump_text(&dumped.report, false, out);
        if (dumped.has_tasks)
            strobe_report_tasks_section(tasks, false, out);
    } else {
        err = strobe_report_dump_asyncio_json(&dumped.report, 1, true, &tasks, dumped.has_tasks, out);
    }
    strobe_dumped_release(&dumped);
    return err;
}

/* The process that a request is about: NULL = all.  False: it has been refused. */
static bool choose(const struct strobe_routes *routes, struct strobe_http_request *request, struct strobe_served **ret)
{
    const char *pid = strobe_http_query(request, "pid");
    int32_t number;

    *ret = NULL;
    if (!pid)
        return true;
    if (!strobe_opts_pid(pid, &number)) {
        strobe_http_refuse(request, 400, "pid is no process id");
        return false;
    }
    *ret = strobe_serving_find(routes->serving, number);
    if (!*ret)
        strobe_http_refuse(request, 404, "no such process is served");
    return *ret != NULL;
}

/* One process by itself, or all in a list; in text one below the other. */
static int put_all(struct strobe_routes *routes, struct strobe_served *one, bool text, put_one *put, struct strobe_buf *body)
{
    const char *between = text ? "\n" : ",\n";
    size_t n = 0;
    int err = 0;

    if (one)
        return put(one, text, body);
    if (!text)
        strobe_buf_puts(body, "{\"processes\": [\n");
    for (struct strobe_served *served = routes->serving->targets; served && err != STROBE_ERR_NOMEM; served = served->next) {
        struct strobe_buf part = STROBE_BUF_INIT;

        err = put(served, text, &part);
        if (!err)
            strobe_buf_puts(body, n++ ? between : "");
        if (!err)
            strobe_buf_put(body, strobe_buf_str(&part), part.len);
        strobe_buf_release(&part);
    }
    if (!text)
        strobe_buf_puts(body, "]}\n");
    return err == STROBE_ERR_NOMEM ? err : 0; /* one that ends meanwhile is left out */
}

/* What costs a reading of its own: only as often as strobe_serving_heavy lets it. */
static void handle_report(struct strobe_routes *routes, struct strobe_http_request *request, put_one *put)
{
    const char *format = strobe_http_query(request, "format");
    bool text = format && strcmp(format, "text") == 0;
    struct strobe_buf body = STROBE_BUF_INIT;
    struct strobe_served *one;
    uint64_t began = now();
    int err;

    if (!choose(routes, request, &one))
        return;
    if (format && !text && strcmp(format, "json") != 0) {
        strobe_http_refuse(request, 400, "format is json or text");
        return;
    }
    if (!strobe_serving_heavy(routes->serving)) {
        strobe_http_refuse(request, 503, "it was asked for a moment ago: once more would cost too much");
        return;
    }
    if (put == put_pools)
        strobe_serving_refresh(routes->serving);
    err = put_all(routes, one, text, put, &body);
    strobe_serving_heavy_done(routes->serving, began);
    if (err) {
        strobe_buf_release(&body);
        strobe_http_refuse(request, 503, strobe_err_text(err));
    } else {
        answer(request, 200, text ? text_type : json_type, &body);
    }
}

static void handle_pools(void *ctx, struct strobe_http_request *request)
{
    handle_report(ctx, request, put_pools);
}

static void handle_tasks(void *ctx, struct strobe_http_request *request)
{
    handle_report(ctx, request, put_tasks);
}

static void handle_dump(void *ctx, struct strobe_http_request *request)
{
    handle_report(ctx, request, put_dump);
}

/* ---- profiles ---- */

/* False: hostile, or a mistake. */
static bool read_seconds(const char *text, unsigned *ret)
{
    char extra;
    unsigned n;

    *ret = 30;
    if (!text)
        return true;
    if (strlen(text) > 3 || strspn(text, "0123456789") != strlen(text) || sscanf(text, "%u%c", &n, &extra) != 1 || n == 0 ||
        n > STROBE_PROFILED_SECONDS)
        return false;
    *ret = n;
    return true;
}

/* Whose profile: the one that is named, else the one that all others descend from, if there is one. */
static struct strobe_served *profile_target(const struct strobe_routes *routes)
{
    struct strobe_served *root = NULL;

    for (struct strobe_served *served = routes->serving->targets; served; served = served->next) {
        if (served->child)
            continue;
        if (root)
            return NULL;
        root = served;
    }
    return root;
}

/* Starts a profile; the request is kept until it has ended (strobe_routes_turn). */
static void handle_profile(void *ctx, struct strobe_http_request *request)
{
    struct strobe_routes *routes = ctx;
    const char *format = strobe_http_query(request, "format"), *tasks = strobe_http_query(request, "asyncio");
    const struct strobe_exporter *exporter = strobe_exporter_find(format ? format : "pprof");
    struct strobe_profiled_opts opts = {.nonblocking = routes->serving->opts->nonblocking, .tasks = tasks && strcmp(tasks, "1") == 0};
    struct strobe_served *one;
    int err;

    if (!choose(routes, request, &one))
        return;
    one = one ? one : profile_target(routes);
    if (tasks && strcmp(tasks, "0") != 0 && strcmp(tasks, "1") != 0) {
        strobe_http_refuse(request, 400, "asyncio is 1 (the wall time of tasks) or 0");
    } else if (!read_seconds(strobe_http_query(request, "seconds"), &opts.seconds)) {
        strobe_http_refuse(request, 400, "seconds is a whole number from 1 to 300");
    } else if (!exporter) {
        strobe_http_refuse(request, 400, "there is no such format");
    } else if (!one) {
        strobe_http_refuse(request, 400, "which process? add pid=N; /pools lists them");
    } else if (strobe_served_check(one)) { /* another one may have its number since the last poll */
        routes->serving->census_due = 0;
        strobe_http_refuse(request, 404, "the process has just ended");
    } else {
        opts.pid = one->pid;
        opts.format = exporter->name;
        err = strobe_profiled_start(routes->profiles, &opts, request);
        if (err)
            strobe_http_refuse(request, 503, err == STROBE_ERR_LIMIT ? "as many profiles are being made as may be at once"
                                                                    : "no profile could be started");
    }
}

static const struct strobe_exporter *format_of(struct strobe_http_request *request)
{
    const char *format = strobe_http_query(request, "format");

    return strobe_exporter_find(format ? format : "pprof");
}

/* Answers who asked for it, and frees its place. */
static void finish(struct strobe_profiled *profile, bool ok)
{
    struct strobe_http_request *request = profile->tag;
    struct strobe_buf line = STROBE_BUF_INIT;

    if (ok) {
        bool pprof = strcmp(format_of(request)->name, "pprof") == 0;

        strobe_http_answer(request, &(struct strobe_http_answer){.status = 200, .type = "application/octet-stream", .body = &profile->bytes,
                                                                 .file_name = pprof ? "profile.pb.gz" : "profile"});
    } else {
        /* Its last line says why; escaped already, as on a terminal. */
        const char *said = strobe_buf_str(&profile->said), *at;
        size_t len = profile->said.len;

        while (len && said[len - 1] == '\n')
            len--;
        for (at = said + len; at > said && at[-1] != '\n'; at--)
            ;
        strobe_buf_printf(&line, "no profile: %.*s", (int)(said + len - at), at);
        strobe_http_refuse(request, 502, strobe_buf_str(&line));
        strobe_buf_release(&line);
    }
    strobe_profiled_end(profile);
}

void strobe_routes_turn(struct strobe_routes *routes)
{
    for (int i = 0; i < STROBE_PROFILED_AT_ONCE; i++) {
        struct strobe_profiled *profile = &routes->profiles[i];
        bool ok;

        if (!profile->child)
            continue;
        if (strobe_profiled_read(profile, &ok)) {
            finish(profile, ok);
        } else if (strobe_http_is_gone(profile->tag)) { /* its place is for others, and the process is left alone */
            strobe_http_refuse(profile->tag, 503, "nobody waits for this profile");
            strobe_profiled_end(profile);
        }
    }
}

void strobe_routes_end(struct strobe_routes *routes)
{
    for (int i = 0; i < STROBE_PROFILED_AT_ONCE; i++)
        strobe_profiled_end(&routes->profiles[i]);
}

const struct strobe_http_route strobe_routes_table[] = {
    {"/metrics", handle_metrics, false}, {"/health", handle_health, false}, {"/health/ready", handle_ready, false},
    {"/health/detailed", handle_detailed, false}, {"/pools", handle_pools, true}, {"/tasks", handle_tasks, true},
    {"/dump", handle_dump, true}, {"/debug/pprof/profile", handle_profile, true}, {NULL, NULL, false},
};
