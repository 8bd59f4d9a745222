/* SPDX-License-Identifier: Apache-2.0 */
#include "export/exporter.h"

#include <strings.h>

#include "export/formats.h"

/* The first is the default of `record`. */
static const struct strobe_exporter exporters[] = {
    {"flamegraph", NULL, "svg", "flamegraph data", false, strobe_flamegraph_write},
    {"raw", NULL, "txt", "raw stack data", false, strobe_collapsed_write},
    {"speedscope", NULL, "json", "speedscope data", true, strobe_speedscope_write},
    {"chrometrace", NULL, "json", "chrome trace data", true, strobe_chrometrace_write},
    {"pstats", "pstat", "pstats", "pstats data", false, strobe_pstats_write},
    {"pprof", NULL, "pb.gz", "pprof data", false, strobe_pprof_write},
};

const struct strobe_exporter *strobe_exporter_at(size_t i)
{
    return i < sizeof exporters / sizeof *exporters ? &exporters[i] : NULL;
}

const struct strobe_exporter *strobe_exporter_find(const char *name)
{
    const struct strobe_exporter *exporter;

    for (size_t i = 0; (exporter = strobe_exporter_at(i)); i++)
        if (strcasecmp(name, exporter->name) == 0 || (exporter->alias && strcasecmp(name, exporter->alias) == 0))
            return exporter;
    return NULL;
}

void strobe_frame_label(const struct strobe_profile *profile, uint32_t id, struct strobe_buf *out)
{
    const struct strobe_frame *frame = strobe_names_get(profile->names, id);
    uint32_t file;

    if (!frame)
        return;
    strobe_buf_put(out, strobe_names_text(profile->names, frame->name), strobe_names_text_len(profile->names, frame->name));
    if (!frame->file)
        return;
    file = profile->full_filenames ? frame->file : frame->short_file;
    strobe_buf_puts(out, " (");
    strobe_buf_put(out, strobe_names_text(profile->names, file), strobe_names_text_len(profile->names, file));
    if (profile->show_line && frame->line > 0)
        strobe_buf_printf(out, ":%d", (int)frame->line);
    strobe_buf_putc(out, ')');
}
