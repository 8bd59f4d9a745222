/* SPDX-License-Identifier: Apache-2.0 */
/* shorten: the part of a source file's path that lies inside its package, in the target's view of the file system.
 *
 *   /usr/lib/python3/site-packages/a/b/c.py, with __init__.py in a and a/b  ->  a/b/c.py        /srv/app.py  ->  app.py
 *
 * Names are looked up below the target's root directory, never outside it: absolute symbolic links and ".." stay inside, and a
 * process that has ended meanwhile is still answered for.  May include: base.  Threads: one. */
#ifndef STROBE_PROC_SHORTEN_H
#define STROBE_PROC_SHORTEN_H

#include <sys/types.h>

#include "base/buf.h"

struct strobe_shortener;

/* ret: owned by the caller. */
int strobe_shortener_new(pid_t pid, struct strobe_shortener **ret);
/* NULL is allowed. */
void strobe_shortener_free(struct strobe_shortener *shortener);
/* Appends the short path; 0 or STROBE_ERR_NOMEM. */
int strobe_shorten(struct strobe_shortener *shortener, const char *path, struct strobe_buf *ret_short);

#endif
