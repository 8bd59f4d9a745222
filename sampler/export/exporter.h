/* SPDX-License-Identifier: Apache-2.0 */
/* exporter: the interface of an output format and the table of formats.  An exporter writes into a buffer, never opens
 * files; every name is hostile text and is escaped as the format demands.  May include: agg, base. */
#ifndef STROBE_EXPORT_EXPORTER_H
#define STROBE_EXPORT_EXPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "agg/agg.h"
#include "base/buf.h"
#include "base/names.h"

/* What is exported; all borrowed. */
struct strobe_profile {
    struct strobe_agg *agg;
    const struct strobe_names *names;
    const char *title;      /* command line of the target */
    uint64_t start_unix_ns; /* wall clock at the first sample */
    uint64_t start_ns, end_ns; /* monotonic, of the recording */
    bool show_line;         /* "name (file:line)" rather than "name (file)" */
    bool full_filenames;
};

/* Where an exporter's bytes go: flush(ctx, bytes, len) is called now and then; 0 or an error. */
struct strobe_sink {
    int (*flush)(void *ctx, const void *bytes, size_t len);
    void *ctx;
};

struct strobe_exporter {
    const char *name;      /* as in --format */
    const char *alias;     /* another spelling, or NULL */
    const char *extension; /* "svg" */
    const char *noun;      /* "flamegraph data", for "Wrote ... to" */
    bool needs_log;        /* wants the time-ordered log */
    int (*write)(const struct strobe_profile *profile, const struct strobe_sink *sink);
};

/* By name or alias, case-insensitive; NULL when there is none. */
const struct strobe_exporter *strobe_exporter_find(const char *name);
/* The table, for --help: i = 0.. until NULL. */
const struct strobe_exporter *strobe_exporter_at(size_t i);

/* "name (file:line)" as py-spy prints a frame; a marker (no file) is its name alone.  Unescaped. */
void strobe_frame_label(const struct strobe_profile *profile, uint32_t frame, struct strobe_buf *out);

#endif
