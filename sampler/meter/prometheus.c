/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/prometheus.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/utf8.h"

/* The shortest decimal that reads back as the same number.  A program that we are in may have set a locale whose decimal point is another
 * (of several bytes even): what is neither digit, sign nor exponent is the point. */
static void put_number(double value, struct strobe_buf *out)
{
    char text[64], plain[64];
    size_t n = 0;

    if (isnan(value) || isinf(value)) {
        strobe_buf_puts(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (value == trunc(value) && fabs(value) < 1e15) { /* most of them */
        strobe_buf_printf(out, "%" PRId64, (int64_t)value);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    for (const char *at = text; *at; at++) {
        if (strchr("0123456789+-e", *at))
            plain[n++] = *at;
        else if (plain[n - 1] != '.') /* %g begins with a sign or a digit */
            plain[n++] = '.';
    }
    strobe_buf_put(out, plain, n);
}

/* Text between quotes, or of a HELP line, whose quotes the text format has as they are. */
static void put_escaped(const char *text, bool quotes, struct strobe_buf *out)
{
    const char *at = text, *end = text + strlen(text), *from = at; /* what is not written yet */

    while (at < end) {
        const char *start = at;
        uint32_t cp = strobe_utf8_next(&at, end);

        if (cp < STROBE_BAD_BYTE && cp != '\n' && cp != '\\' && (cp != '"' || !quotes))
            continue;
        strobe_buf_put(out, from, (size_t)(start - from));
        from = at;
        if (cp >= STROBE_BAD_BYTE) {
            strobe_utf8_append(out, 0xfffd);
        } else {
            strobe_buf_putc(out, '\\');
            strobe_buf_putc(out, cp == '\n' ? 'n' : (char)cp);
        }
    }
    strobe_buf_put(out, from, (size_t)(end - from));
}

static void put_sample(const char *name, const struct strobe_metric_sample *sample, struct strobe_buf *out)
{
    strobe_buf_puts(out, name);
    for (uint32_t i = 0; i < sample->n_labels; i++) {
        strobe_buf_putc(out, i ? ',' : '{');
        strobe_buf_puts(out, sample->labels[i].name);
        strobe_buf_puts(out, "=\"");
        put_escaped(sample->labels[i].value, true, out);
        strobe_buf_putc(out, '"');
    }
    strobe_buf_puts(out, sample->n_labels ? "} " : " ");
    put_number(sample->value, out);
    strobe_buf_putc(out, '\n');
}

/* HELP, TYPE, UNIT, then the samples together, as both formats want it. */
static void put_family(const struct strobe_metrics *metrics, const struct strobe_metric_family *family, bool openmetrics,
                       struct strobe_buf *out)
{
    static const char total[] = "_total";
    int n = (int)strlen(family->name);

    /* OpenMetrics: _total belongs to a counter's sample, not to its family. */
    if (openmetrics && family->type == STROBE_METRIC_COUNTER)
        n -= (int)sizeof total - 1;
    strobe_buf_printf(out, "# HELP %.*s ", n, family->name);
    put_escaped(family->help, openmetrics, out);
    strobe_buf_printf(out, "\n# TYPE %.*s %s\n", n, family->name, family->type == STROBE_METRIC_COUNTER ? "counter" : "gauge");
    if (openmetrics && *family->unit)
        strobe_buf_printf(out, "# UNIT %.*s %s\n", n, family->name, family->unit);
    for (uint32_t i = 0; i < family->n_samples; i++)
        put_sample(family->name, &metrics->samples[family->first + i], out);
}

static int put_all(const struct strobe_metrics *metrics, bool openmetrics, struct strobe_buf *out)
{
    for (size_t i = 0; i < metrics->n_families; i++)
        if (metrics->families[i].n_samples)
            put_family(metrics, &metrics->families[i], openmetrics, out);
    if (openmetrics)
        strobe_buf_puts(out, "# EOF\n");
    return metrics->failed || out->failed ? STROBE_ERR_NOMEM : 0;
}

int strobe_prometheus_text(const struct strobe_metrics *metrics, struct strobe_buf *out)
{
    return put_all(metrics, false, out);
}

int strobe_prometheus_openmetrics(const struct strobe_metrics *metrics, struct strobe_buf *out)
{
    return put_all(metrics, true, out);
}

/* ---- which one a client wants ---- */

/* The weight that an Accept header gives to a media type: its q, 1 without one; 0 when it is not named. */
static double weight_of(const char *accept, const char *type)
{
    size_t n_type = strlen(type);
    double best = 0;

    for (const char *at = accept, *end; *at; at = *end ? end + 1 : end) {
        size_t n;
        double q = 1;

        at += strspn(at, " \t");
        end = at + strcspn(at, ",");
        n = strcspn(at, ",; \t");
        if (n != n_type || strncasecmp(at, type, n) != 0)
            continue;
        for (const char *param = at; (param = memchr(param, ';', (size_t)(end - param))) != NULL;) {
            param++;
            param += strspn(param, " \t");
            if (end - param >= 3 && (param[0] == 'q' || param[0] == 'Q') && param[1] == '=') {
                /* "0", "0.75", "1": digits by hand, as a locale has its own decimal point */
                double digit = 0.1;

                q = param[2] == '1' ? 1 : 0;
                for (const char *d = param + 4; param[3] == '.' && d < end && *d >= '0' && *d <= '9'; d++, digit /= 10)
                    q += (*d - '0') * digit;
            }
        }
        if (q > best)
            best = q;
    }
    return best;
}

bool strobe_prometheus_wants_openmetrics(const char *accept)
{
    double open = accept ? weight_of(accept, "application/openmetrics-text") : 0;

    return open > 0 && open >= weight_of(accept, "text/plain");
}
