/* SPDX-License-Identifier: Apache-2.0 */
/* routes: what strobe serve answers to whom, over a serving.
 *
 *   /metrics                 text format of Prometheus, or OpenMetrics by the Accept header
 *   /health                  it lives: never looks at anything       /health/ready   every process that was named is there, else 503
 *   /health/detailed         pools and semaphores, degraded or not
 *   /pools /tasks /dump      {"processes": [...]} as `strobe pools`, `ps` and `dump` print them; ?pid=N of one; ?format=text for people
 *   /debug/pprof/profile     ?seconds=N (1 to 300, 30)  ?pid=N  ?format=pprof  ?asyncio=1
 *
 * May include: http.h, serving.h, profiled.h, picture, report, meter, base.  Threads: one. */
#ifndef STROBE_TOOLS_ROUTES_H
#define STROBE_TOOLS_ROUTES_H

#include "tools/http.h"
#include "tools/profiled.h"
#include "tools/serving.h"

struct strobe_routes {
    struct strobe_serving *serving;  /* both borrowed */
    struct strobe_http *http;        /* NULL until it is open */
    struct strobe_profiled profiles[STROBE_PROFILED_AT_ONCE]; /* owned; tag: the request */
};

/* For strobe_http_opts; its ctx is the struct strobe_routes. */
extern const struct strobe_http_route strobe_routes_table[];
/* The metrics as /metrics gives them.  STROBE_ERR_NOMEM. */
int strobe_routes_metrics(struct strobe_routes *routes, bool openmetrics, struct strobe_buf *out);
/* Profiles that have ended are answered. */
void strobe_routes_turn(struct strobe_routes *routes);
/* Profiles that go on are ended; before strobe_http_close, which answers who waits for them. */
void strobe_routes_end(struct strobe_routes *routes);

#endif
