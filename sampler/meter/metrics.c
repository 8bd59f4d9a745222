/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

void strobe_metrics_release(struct strobe_metrics *metrics)
{
    free(metrics->families);
    free(metrics->samples);
    strobe_arena_release(&metrics->texts);
    *metrics = (struct strobe_metrics)STROBE_METRICS_INIT;
}

void strobe_metrics_clear(struct strobe_metrics *metrics)
{
    metrics->n_families = metrics->n_samples = 0;
    metrics->failed = false;
    strobe_arena_reset(&metrics->texts);
}

/* Two texts as one; NULL when memory is short. */
static const char *joined(struct strobe_metrics *metrics, const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    char *text = strobe_arena_alloc(&metrics->texts, n_a + n_b + 1);

    if (!text) {
        metrics->failed = true;
        return NULL;
    }
    memcpy(text, a, n_a);
    memcpy(text + n_a, b, n_b + 1);
    return text;
}

void strobe_metrics_family(struct strobe_metrics *metrics, const char *prefix, const char *name, enum strobe_metric_type type,
                           const char *unit, const char *help)
{
    struct strobe_metric_family family = {.type = type, .first = (uint32_t)metrics->n_samples};

    if (metrics->failed)
        return;
    family.name = joined(metrics, prefix, name);
    family.help = joined(metrics, "", help);
    family.unit = joined(metrics, "", unit);
    if (metrics->failed || strobe_grow(&metrics->families, &metrics->cap_families, metrics->n_families + 1, sizeof *metrics->families)) {
        metrics->failed = true;
        return;
    }
    metrics->families[metrics->n_families++] = family;
}

/* Texts are copied though most are static: it is a scrape's work, and who keeps the metrics need not ask whose they are. */
void strobe_metrics_sample(struct strobe_metrics *metrics, double value, uint32_t n, const struct strobe_metric_label *labels)
{
    struct strobe_metric_sample sample = {.value = value};

    if (metrics->failed)
        return;
    for (uint32_t i = 0; i < n && sample.n_labels < STROBE_METRIC_LABELS; i++)
        if (labels[i].value)
            sample.labels[sample.n_labels++] = (struct strobe_metric_label){joined(metrics, "", labels[i].name),
                                                                            joined(metrics, "", labels[i].value)};
    if (metrics->failed || strobe_grow(&metrics->samples, &metrics->cap_samples, metrics->n_samples + 1, sizeof *metrics->samples)) {
        metrics->failed = true;
        return;
    }
    metrics->samples[metrics->n_samples++] = sample;
    metrics->families[metrics->n_families - 1].n_samples++;
}
