/* SPDX-License-Identifier: Apache-2.0 */
/* formats: the exporters that registry.c lists, one file each. */
#ifndef STROBE_EXPORT_FORMATS_H
#define STROBE_EXPORT_FORMATS_H

#include "export/exporter.h"

int strobe_flamegraph_write(const struct strobe_profile *profile, const struct strobe_sink *sink);
int strobe_collapsed_write(const struct strobe_profile *profile, const struct strobe_sink *sink);
int strobe_speedscope_write(const struct strobe_profile *profile, const struct strobe_sink *sink);
int strobe_chrometrace_write(const struct strobe_profile *profile, const struct strobe_sink *sink);
int strobe_pstats_write(const struct strobe_profile *profile, const struct strobe_sink *sink);
int strobe_pprof_write(const struct strobe_profile *profile, const struct strobe_sink *sink);

#endif
