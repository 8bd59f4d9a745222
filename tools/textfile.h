/* SPDX-License-Identifier: Apache-2.0 */
/* textfile: a file of metrics for node_exporter, written again and again by a process of its own.
 *
 *   server, which gives up its rights  ── text ──>  writer, which keeps those to write files   ──> PATH
 *                                      <── error ──
 *
 * A directory for such files is its owner's alone, as a rule, and whether a file may be made or renamed in it is asked each time, of who
 * does it: an open directory does not help.  The writer knows a path and takes bytes; it reads no process and serves nobody.
 * The file is there whole or not at all (output.h).  The writer removes it when the server has ended, however that was: what it says would
 * be taken for true for ever.
 * May include: output.h, base.  Threads: one. */
#ifndef STROBE_TOOLS_TEXTFILE_H
#define STROBE_TOOLS_TEXTFILE_H

#include <sys/types.h>

#include "base/buf.h"

struct strobe_textfile {
    int fd;       /* to the writer; -1 = there is none */
    pid_t writer;
};

#define STROBE_TEXTFILE_INIT {-1, 0}

/* Starts the writer: before other files are opened, which it would keep open, and before rights are given up.  Nothing is written yet.
 * STROBE_ERR_IO with a sentence in why. */
int strobe_textfile_open(struct strobe_textfile *textfile, const char *path, struct strobe_buf *why);
/* In the place of what was there.  Returns when it is written: 0, or an error with a sentence in why; the older file is there then, and
 * the next attempt may succeed.  STROBE_ERR_IO, STROBE_ERR_NOMEM. */
int strobe_textfile_write(struct strobe_textfile *textfile, const struct strobe_buf *text, struct strobe_buf *why);
/* Returns when the file is gone, if this has written one.  Harmless at any time. */
void strobe_textfile_close(struct strobe_textfile *textfile);

#endif
