/* SPDX-License-Identifier: Apache-2.0 */
/* output: a file that appears whole or not at all: written under a temporary name in the same directory and renamed at the end.
 * An older file of that name stays until then.  What is no regular file (a device, a pipe) is written as it is.
 * May include: base.  Threads: one. */
#ifndef STROBE_TOOLS_OUTPUT_H
#define STROBE_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct strobe_output {
    int fd;
    char *path, *temp; /* owned; temp NULL = written in place */
    bool borrowed;     /* standard output: not closed */
    int saved_errno;   /* first failure */
};

#define STROBE_OUTPUT_INIT {-1, NULL, NULL, false, 0}

/* Opens for writing at once, so that a bad path is known before anything is recorded.  "-" is standard output.
 * STROBE_ERR_IO with a sentence in why. */
int strobe_output_open(struct strobe_output *out, const char *path, struct strobe_buf *why);
/* The form struct strobe_sink wants; ctx is the output.  STROBE_ERR_IO. */
int strobe_output_write(void *ctx, const void *bytes, size_t len);
/* Gives the file its name.  On failure nothing is left behind, but a whole file that could not get its name: `why` says where it is.
 * STROBE_ERR_IO with a sentence in why. */
int strobe_output_commit(struct strobe_output *out, struct strobe_buf *why);
/* Removes what is not committed; harmless at any time. */
void strobe_output_release(struct strobe_output *out);

#endif
