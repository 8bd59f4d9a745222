/* SPDX-License-Identifier: Apache-2.0 */
/* health: the pools of all targets of a meter as a health route shows them, and whether they are degraded.
 *
 *   {"thread_pool": {"max_workers", "active_workers", "pending_tasks"}, "process_pool": {...},
 *    "semaphores": {name: {"capacity", "available"}}, "executors": [{"name", "pool_type", "max_workers", ...}]}
 *
 * Pools of one kind are summed; "executors" has a row for each name and kind (interpreter pools stand there alone).  A number that no
 * object of a row knows is null; of a limiter without an end: "unlimited".  Without a pool of a kind its numbers are 0.
 * May include: meter/meter.h, report/json.h, base.  No state. */
#ifndef STROBE_METER_HEALTH_H
#define STROBE_METER_HEALTH_H

#include "base/buf.h"
#include "meter/meter.h"

enum strobe_health { STROBE_HEALTHY, STROBE_DEGRADED };

/* Degraded: an executor with active / max > 0.9 and a queue, or a semaphore with available / capacity < 0.1 and a waiter, each object for
 * itself: a sum would hide it. */
enum strobe_health strobe_meter_health(const struct strobe_meter *meter);
/* "healthy", "degraded" (static). */
const char *strobe_health_word(enum strobe_health health);
/* Appends the object above and a line feed.  STROBE_ERR_NOMEM. */
int strobe_meter_pools_json(const struct strobe_meter *meter, struct strobe_buf *out);
/* Appends {"status", "application": {"name", "env", "version"}, "checks": {}, "circuit_breakers": {}, "pools": the object above,
 * "timestamp": ISO 8601, UTC} and a line feed: the form of a detailed health route, of a process that has no checks of its own and has not
 * said what it is called (null).  STROBE_ERR_NOMEM. */
int strobe_meter_health_json(const struct strobe_meter *meter, double unix_s, struct strobe_buf *out);

#endif
