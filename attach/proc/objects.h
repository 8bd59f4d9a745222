/* SPDX-License-Identifier: Apache-2.0 */
/* objects: the ELF files that a process has mapped, and the way to the file of each.
 * May include: procmaps, mem, base.  Ownership: the holder of the struct releases it; the reader is borrowed. */
#ifndef STROBE_PROC_OBJECTS_H
#define STROBE_PROC_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/proc/procmaps.h"
#include "mem/mem.h"

struct strobe_elf;

/* How likely it is that an object holds a Python. */
enum strobe_object_rank {
    STROBE_OBJECT_LIBPYTHON,
    STROBE_OBJECT_MAIN, /* named python*, or the executable */
    STROBE_OBJECT_OTHER,
    STROBE_OBJECT_RANKS
};

/* One loaded ELF file: a run of mappings, from the one of file offset 0 on, at least one of them executable (which leaves out
 * files that are only looked at as data). */
struct strobe_object {
    const struct strobe_map *first, *last;
    enum strobe_object_rank rank;
    bool exec;
};

struct strobe_objects {
    pid_t pid;
    struct strobe_mem *mem; /* borrowed */
    struct strobe_procmaps maps;
    struct strobe_object *all; /* ascending by address */
    size_t n;
    char exe[4096]; /* as /proc/PID/exe names it, without " (deleted)" */
};

/* STROBE_ERR_GONE: it has no memory (any more); _NOPROC, _PERM, _IO, _NOMEM, _FORMAT, _LIMIT.  ret must be released in any case. */
int strobe_objects_read(pid_t pid, struct strobe_mem *mem, struct strobe_objects *ret);
void strobe_objects_release(struct strobe_objects *objects);

/* Is it the program itself? */
bool strobe_object_is_exe(const struct strobe_objects *objects, const struct strobe_object *object);
/* The file of an object, open for reading, or -1: deleted files and those of other mount namespaces too, as far as we may; never
 * another file of the same name. */
int strobe_object_open(const struct strobe_objects *objects, const struct strobe_object *object);
/* Opens the object's file as ELF.  ret_fd is open on success only; ret_bias: address - vaddr. */
int strobe_object_open_elf(const struct strobe_objects *objects, const struct strobe_object *object, struct strobe_elf *ret_elf,
                           int *ret_fd, uint64_t *ret_bias);

#endif
