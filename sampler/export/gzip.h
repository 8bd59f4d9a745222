/* SPDX-License-Identifier: Apache-2.0 */
/* gzip: a sink that compresses what it is given into another sink (RFC 1952; no name and no time in the header, so that equal bytes
 * give equal files).  May include: base, exporter.h.  Ownership: the holder ends it.  Memory: about 270 KB until the end. */
#ifndef STROBE_EXPORT_GZIP_H
#define STROBE_EXPORT_GZIP_H

#include <zlib.h>

#include "export/exporter.h"

struct strobe_gzip {
    struct strobe_sink sink;      /* write here; its context is this struct, which therefore stays where it is */
    const struct strobe_sink *to; /* borrowed */
    z_stream stream;
    unsigned char out[16 * 1024];
};

/* 0 or STROBE_ERR_NOMEM, and then there is nothing to end. */
int strobe_gzip_init(struct strobe_gzip *gzip, const struct strobe_sink *to);
/* Writes what is left, unless err says that all was in vain; releases; returns err or the first error of its own. */
int strobe_gzip_end(struct strobe_gzip *gzip, int err);

#endif
