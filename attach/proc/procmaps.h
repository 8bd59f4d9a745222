/* SPDX-License-Identifier: Apache-2.0 */
/* procmaps: the text of /proc/PID/maps as an array.  Parsing is a pure function over bytes; the text is hostile (file names
 * are the target's).  May include: base.  Ownership: the holder of the struct releases it. */
#ifndef STROBE_PROC_PROCMAPS_H
#define STROBE_PROC_PROCMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STROBE_MAP_READ = 4, STROBE_MAP_WRITE = 2, STROBE_MAP_EXEC = 1 }; /* as PF_R, PF_W, PF_X of ELF */

struct strobe_map {
    uint64_t start, end; /* [start, end) */
    uint64_t offset;     /* in the file, bytes */
    uint64_t dev;        /* st_dev of the file system, 0 = anonymous */
    uint64_t ino;        /* 0 = anonymous */
    const char *path;    /* borrowed from the struct, unescaped, without " (deleted)"; "" = anonymous, "[heap]", ... */
    uint8_t perms;
    bool deleted;        /* the name no longer leads to the file */
};

struct strobe_procmaps {
    struct strobe_map *maps; /* ascending, never overlapping */
    size_t n;
    char *text; /* what the paths point into */
};

#define STROBE_PROCMAPS_INIT {NULL, 0, NULL}

/* Copies the text.  STROBE_ERR_FORMAT for a line that is none, STROBE_ERR_LIMIT, STROBE_ERR_NOMEM. */
int strobe_procmaps_parse(const char *text, size_t len, struct strobe_procmaps *ret_maps);
/* STROBE_ERR_NOPROC, STROBE_ERR_PERM, STROBE_ERR_IO, or as above.  A zombie or a kernel thread has no maps: n = 0. */
int strobe_procmaps_read(pid_t pid, struct strobe_procmaps *ret_maps);
void strobe_procmaps_release(struct strobe_procmaps *maps);

/* The mapping an address lies in, or NULL. */
const struct strobe_map *strobe_procmaps_find(const struct strobe_procmaps *maps, uint64_t addr);
/* The part of a path behind its last slash. */
const char *strobe_path_base(const char *path);

#endif
