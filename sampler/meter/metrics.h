/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: families of metrics of one moment, as plain data: what a scrape answers, what Python's lists are made from.
 *
 *   family  executor_active_workers   gauge     help, unit
 *     sample  {pool_type="thread", executor="pricing"}   12
 *     sample  {pool_type="process", executor="default"}   4
 *
 * Texts are valid UTF-8; values of labels are NOT escaped for any format yet: writers do that.
 * May include: base.  Memory: its own, kept over strobe_metrics_clear.  Threads: one. */
#ifndef STROBE_METER_METRICS_H
#define STROBE_METER_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum strobe_metric_type { STROBE_METRIC_GAUGE, STROBE_METRIC_COUNTER };

enum { STROBE_METRIC_LABELS = 4 }; /* of a sample, at most */

struct strobe_metric_label {
    const char *name, *value;
};

struct strobe_metric_sample {
    struct strobe_metric_label labels[STROBE_METRIC_LABELS];
    uint32_t n_labels;
    double value; /* of a counter: finite, not negative */
};

struct strobe_metric_family {
    const char *name; /* with the prefix; a counter's ends in _total */
    const char *help; /* one sentence */
    const char *unit; /* "seconds", "bytes"; "" = none.  The name ends in it (a counter's before _total) */
    enum strobe_metric_type type;
    uint32_t first, n_samples; /* samples[first .. first + n_samples - 1] of strobe_metrics; may be none */
};

struct strobe_metrics {
    struct strobe_metric_family *families;
    struct strobe_metric_sample *samples;
    size_t n_families, cap_families, n_samples, cap_samples;
    struct strobe_arena texts;
    bool failed; /* memory was short: what is there is not all */
};

#define STROBE_METRICS_INIT {NULL, NULL, 0, 0, 0, 0, STROBE_ARENA_INIT, false}

void strobe_metrics_release(struct strobe_metrics *metrics);
/* No families; failure forgotten, memory kept.  Every text handed out becomes invalid. */
void strobe_metrics_clear(struct strobe_metrics *metrics);

/* A new family; samples added from now on are its.  The name is prefix and name; all texts are copied. */
void strobe_metrics_family(struct strobe_metrics *metrics, const char *prefix, const char *name, enum strobe_metric_type type,
                           const char *unit, const char *help);
/* A sample of the last family: n pairs of (name, value), texts that are copied; a label whose value is NULL is left out. */
void strobe_metrics_sample(struct strobe_metrics *metrics, double value, uint32_t n, const struct strobe_metric_label *labels);

#endif
