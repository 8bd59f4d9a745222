/* SPDX-License-Identifier: Apache-2.0 */
/* attach: the outside's facade: pid -> reader + host + validated layout.
 * May include: mem, runtime/layout.h, base.  Never ext, never walk. */
#ifndef STROBE_ATTACH_ATTACH_H
#define STROBE_ATTACH_ATTACH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "mem/host.h"
#include "mem/mem.h"
#include "runtime/layout.h"

struct strobe_attach;

/* Attaches to a live process; nothing is stopped yet.
 * ret: owned by the caller (strobe_attach_close).  On failure one clear sentence without a final newline is appended to why,
 * and the code is one of NOPROC, PERM, NOTPYTHON, VERSION, LAYOUT, NOTREADY, GONE. */
int strobe_attach_open(pid_t pid, struct strobe_attach **ret, struct strobe_buf *why);
void strobe_attach_close(struct strobe_attach *attach);

struct strobe_mem *strobe_attach_mem(struct strobe_attach *attach);   /* borrowed: paged reader over the process */
struct strobe_host *strobe_attach_host(struct strobe_attach *attach); /* borrowed */
const struct strobe_layout *strobe_attach_layout(const struct strobe_attach *attach);
/* The two above, handed over: the caller owns them now (for strobe_session_add). */
void strobe_attach_detach_parts(struct strobe_attach *attach, struct strobe_mem **ret_mem, struct strobe_host **ret_host);

/* Is it still the process and program that was attached to?  0, STROBE_ERR_GONE or STROBE_ERR_EXECED. */
int strobe_attach_alive(struct strobe_attach *attach);

/* Where asyncio's own table of offsets lies (3.14+, for strobe_aio_layout_init): looked for again at each call until it is found,
 * because the program may import asyncio later; that costs a reading of /proc/PID/maps while no library is loaded.
 * mem: a reader of the process, or NULL for the attachment's own (before detach_parts).  Never waits, stops nothing.
 * STROBE_ERR_MISSING: not (yet) there, or a version that has none; another error: the process could not be read. */
int strobe_attach_asyncio(struct strobe_attach *attach, struct strobe_mem *mem, uint64_t *ret_addr);

/* Facts for people, all borrowed: */
const char *strobe_attach_cmdline(const struct strobe_attach *attach); /* argv joined by blanks */
const char *strobe_attach_exe(const struct strobe_attach *attach);     /* target of /proc/PID/exe */
/* "3.12.1" (micro known) or "3.9" */
const char *strobe_attach_version(const struct strobe_attach *attach);
/* A warning worth one line on stderr (newer than known, ...), or NULL. */
const char *strobe_attach_warning(const struct strobe_attach *attach);
/* Path inside its package, by looking for __init__.py in the target's file system (/proc/PID/root), as py-spy does. */
int strobe_attach_shorten(struct strobe_attach *attach, const char *path, struct strobe_buf *ret_short);

#endif
