/* SPDX-License-Identifier: Apache-2.0 */
#include "export/gzip.h"

#include <limits.h>
#include <stdlib.h>

#include "base/err.h"

enum {
    WINDOW_BITS = 15 + 16, /* zlib's largest window; 16 more asks for gzip's header in place of zlib's */
    MEMORY_LEVEL = 8,      /* zlib's default */
};

/* zlib's allocations through our own calls, where tests make each of them fail once. */
static void *take(void *ctx, unsigned n, unsigned size)
{
    return calloc(n, size);
}

static void give_back(void *ctx, void *memory)
{
    free(memory);
}

/* Compresses what the stream was given, until it wants more (or, with Z_FINISH, to the end); hands on each full buffer. */
static int run(struct strobe_gzip *gzip, int mode)
{
    z_stream *stream = &gzip->stream;
    int err = 0;

    do {
        size_t len;

        stream->next_out = gzip->out;
        stream->avail_out = sizeof gzip->out;
        deflate(stream, mode); /* with room for output and memory taken at the start it has no way to fail */
        len = sizeof gzip->out - stream->avail_out;
        if (len)
            err = gzip->to->flush(gzip->to->ctx, gzip->out, len);
    } while (!err && !stream->avail_out);
    return err;
}

/* The sink's call.  zlib counts in unsigned int, so what is longer goes in parts. */
static int flush(void *ctx, const void *bytes, size_t len)
{
    struct strobe_gzip *gzip = ctx;
    const unsigned char *at = bytes;
    int err = 0;

    while (!err && len) {
        unsigned part = len < UINT_MAX ? (unsigned)len : UINT_MAX;

        gzip->stream.next_in = (unsigned char *)at; /* zlib reads it only */
        gzip->stream.avail_in = part;
        err = run(gzip, Z_NO_FLUSH);
        at += part;
        len -= part;
    }
    return err;
}

int strobe_gzip_init(struct strobe_gzip *gzip, const struct strobe_sink *to)
{
    gzip->sink = (struct strobe_sink){flush, gzip};
    gzip->to = to;
    gzip->stream = (z_stream){.zalloc = take, .zfree = give_back};
    return deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK
               ? 0
               : STROBE_ERR_NOMEM;
}

int strobe_gzip_end(struct strobe_gzip *gzip, int err)
{
    gzip->stream.next_in = NULL;
    gzip->stream.avail_in = 0;
    if (!err)
        err = run(gzip, Z_FINISH);
    deflateEnd(&gzip->stream);
    return err;
}
