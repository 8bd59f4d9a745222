/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus: families of metrics in the two formats that Prometheus scrapes.
 *
 *   text 0.0.4         # HELP a_total ...            OpenMetrics 1.0    # HELP a ...
 *                      # TYPE a_total counter                           # TYPE a counter
 *                      a_total{executor="x"} 5                          # UNIT a seconds        where it has one
 *                                                                       a_total{executor="x"} 5
 *                                                                       # EOF
 *
 * A value of a label may be any text: backslash, quote and line feed are escaped as both formats say, what is not UTF-8 becomes U+FFFD.
 * Numbers are written alike in every locale, and so that they read back the same.
 * May include: base, meter/metrics.h.  No state. */
#ifndef STROBE_METER_PROMETHEUS_H
#define STROBE_METER_PROMETHEUS_H

#include "base/buf.h"
#include "meter/metrics.h"

#define STROBE_PROMETHEUS_TEXT "text/plain; version=0.0.4; charset=utf-8"                          /* Content-Type of each */
#define STROBE_PROMETHEUS_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Families without a sample are left out.  STROBE_ERR_NOMEM, also when the metrics themselves failed; out is then not to be sent. */
int strobe_prometheus_text(const struct strobe_metrics *metrics, struct strobe_buf *out);
int strobe_prometheus_openmetrics(const struct strobe_metrics *metrics, struct strobe_buf *out);

/* Does an HTTP client that sends this Accept header (NULL = none) want OpenMetrics rather than the text format? */
bool strobe_prometheus_wants_openmetrics(const char *accept);

#endif
