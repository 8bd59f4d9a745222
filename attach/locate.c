/* SPDX-License-Identifier: Apache-2.0 */
/* Every object is first read where the process has it mapped: that is the truth whatever became of the file, needs no file to be
 * opened in another mount namespace, and _PyRuntime is in .dynsym of every ordinary build.  Only where the image does not tell
 * (hidden symbols, static linking) the file is opened, for .symtab and for the section .PyRuntime (3.10+); and where there is no
 * file either, the mapped data are searched for the cookie of the debug offsets (3.13+). */
#include "attach/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/elf.h"
#include "attach/procmaps.h"
#include "attach/pyversion.h"
#include "attach/target.h"
#include "base/err.h"

enum {
    MAX_OBJECTS = 16384,      /* mapped ELF files; a process with 65,530 mappings (the kernel's default) has at most this many */
    MAX_SCAN = 64 << 20,      /* bytes of writable file-backed mappings searched for the cookie; a Python has 1 MB */
    SCAN_BLOCK = 256 * 1024,
    HEADER_PAGE = 4096,       /* ELF header, program headers, build id: what identifies a file */
};

enum rank { RANK_LIBPYTHON, RANK_MAIN /* named python*, or the executable */, RANK_OTHER, RANKS };

/* One loaded ELF file: a run of mappings, from the one of file offset 0 on, at least one of them executable (which leaves out
 * files that are only looked at as data). */
struct object {
    const struct strobe_map *first, *last;
    enum rank rank;
    bool exec;
};

struct search {
    pid_t pid;
    struct strobe_mem *mem;
    struct strobe_procmaps maps;
    struct object *objects;
    size_t n_objects;
    char exe[4096]; /* as /proc/PID/exe names it, without " (deleted)" */
    struct strobe_location *ret;
    int n, max;
    /* what was seen beside */
    const struct strobe_map *old_python; /* exports Py_Initialize, has no _PyRuntime: 3.6 or older */
    uint32_t old_version;
    const struct strobe_map *pypy;
    bool foreign;      /* the executable is of another class or machine */
    bool loading;      /* it needs a libpython that the loader has not mapped yet */
};

static bool starts_with(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

static enum rank rank_of(const struct search *search, const struct strobe_map *map)
{
    const char *base = strobe_path_base(map->path);

    if (starts_with(base, "libpython"))
        return RANK_LIBPYTHON;
    return starts_with(base, "python") || !strcmp(map->path, search->exe) ? RANK_MAIN : RANK_OTHER;
}

static int find_objects(struct search *search)
{
    struct object *object = NULL;

    search->objects = calloc(search->maps.n + 1, sizeof *search->objects);
    if (!search->objects)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < search->maps.n; i++) {
        const struct strobe_map *map = &search->maps.maps[i];

        if (!map->ino || map->path[0] != '/')
            continue;
        if (object && !object->exec && (map->offset == 0 || map->ino != object->first->ino))
            search->n_objects--; /* was data only */
        if (map->offset == 0) {
            if (search->n_objects == MAX_OBJECTS)
                break;
            object = &search->objects[search->n_objects++];
            *object = (struct object){map, map, rank_of(search, map), map->perms & STROBE_MAP_EXEC};
        } else if (object && map->ino == object->first->ino && map->dev == object->first->dev) {
            object->last = map;
            object->exec |= map->perms & STROBE_MAP_EXEC;
        } else {
            object = NULL;
        }
    }
    if (object && !object->exec)
        search->n_objects--;
    return 0;
}

/* Adds a location unless it is there already or is not mapped. */
static void add(struct search *search, const struct object *object, uint64_t runtime, uint32_t version)
{
    struct strobe_location *loc;
    uint64_t word;

    for (int i = 0; i < search->n; i++)
        if (search->ret[i].hint.runtime == runtime)
            return;
    if (search->n == search->max || strobe_mem_u64(search->mem, runtime, &word))
        return;
    loc = &search->ret[search->n++];
    memset(&loc->hint, 0, sizeof loc->hint);
    loc->hint.runtime = runtime;
    loc->hint.version = version;
    snprintf(loc->path, sizeof loc->path, "%s", object->first->path);
}

static int is_libpython(void *ctx, const char *name)
{
    (void)ctx;
    return starts_with(name, "libpython");
}

/* 0 also when there is nothing; an error only when the process cannot be read at all. */
static int look_at_image(struct search *search, const struct object *object)
{
    static const char *const initialize = "Py_Initialize";
    const char *base = strobe_path_base(object->first->path);
    uint64_t symbols[STROBE_PYVERSION_SYMBOLS], old;
    struct strobe_elf elf;
    int err;

    err = strobe_elf_open_image(&elf, search->mem, object->first->start);
    if (err == STROBE_ERR_PERM || err == STROBE_ERR_GONE || err == STROBE_ERR_NOMEM)
        return err;
    if (err == STROBE_ERR_VERSION && !strcmp(object->first->path, search->exe))
        search->foreign = true;
    if (err)
        return 0;
    if (starts_with(base, "libpypy") || starts_with(base, "pypy"))
        search->pypy = object->first;
    strobe_elf_dynamic_symbols(&elf, strobe_pyversion_symbols, 1, symbols);
    if (symbols[0]) {
        strobe_elf_dynamic_symbols(&elf, strobe_pyversion_symbols, STROBE_PYVERSION_SYMBOLS, symbols);
        add(search, object, elf.bias + symbols[0], strobe_pyversion_find(search->mem, &elf, elf.bias, symbols, base));
        return 0;
    }
    strobe_elf_dynamic_symbols(&elf, &initialize, 1, &old);
    if (old && !search->old_python) {
        memset(symbols, 0, sizeof symbols);
        search->old_python = object->first;
        search->old_version = strobe_pyversion_find(search->mem, &elf, elf.bias, symbols, base);
    }
    if (object->rank == RANK_MAIN && !strcmp(object->first->path, search->exe))
        search->loading = strobe_elf_each_needed(&elf, is_libpython, NULL) > 0;
    return 0;
}

/* Is an open file what the process has mapped there? */
static bool same_file(const struct search *search, const struct object *object, int fd)
{
    unsigned char file[HEADER_PAGE], image[HEADER_PAGE];
    struct stat st;
    ssize_t got;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return false;
    if (st.st_dev == object->first->dev && st.st_ino == object->first->ino)
        return true;
    /* overlayfs and btrfs show other numbers in maps than in stat: then the first page must be the same */
    got = pread(fd, file, sizeof file, 0);
    return got == (ssize_t)sizeof file && !strobe_mem_read(search->mem, object->first->start, image, sizeof image) &&
           !memcmp(file, image, sizeof file);
}

/* The file of an object, or -1.  O_NONBLOCK: a name may meanwhile lead to a pipe. */
static int open_object(const struct search *search, const struct object *object)
{
    const struct strobe_map *map = object->first;
    char name[4096 + 64];
    int fd;

    /* Follows deleted files and other mount namespaces; wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. */
    snprintf(name, sizeof name, "/proc/%d/map_files/%llx-%llx", (int)search->pid,
             (unsigned long long)map->start, (unsigned long long)map->end);
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        return fd;
    /* In a container the names are the target's; in a plain chroot they are ours (d_path shows them from the reader's root). */
    for (int own = 0; own < 2 && !map->deleted; own++) {
        if (own)
            snprintf(name, sizeof name, "%s", map->path);
        else
            snprintf(name, sizeof name, "/proc/%d/root%s", (int)search->pid, map->path);
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && same_file(search, object, fd))
            return fd;
        if (fd >= 0)
            close(fd);
    }
    if (strcmp(map->path, search->exe) != 0)
        return -1;
    snprintf(name, sizeof name, "/proc/%d/exe", (int)search->pid);
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && same_file(search, object, fd))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void look_at_file(struct search *search, const struct object *object)
{
    uint64_t symbols[STROBE_PYVERSION_SYMBOLS] = {0}, bias, vaddr, size;
    const char *base = strobe_path_base(object->first->path);
    struct strobe_elf elf;
    int fd = open_object(search, object);

    if (fd < 0)
        return;
    if (strobe_elf_open_fd(&elf, fd) ||
        strobe_elf_bias(&elf, object->first->start, object->first->offset, object->first->perms, (uint64_t)sysconf(_SC_PAGESIZE), &bias))
        goto done;
    if (object->rank < RANK_OTHER)
        strobe_elf_static_symbols(&elf, strobe_pyversion_symbols, STROBE_PYVERSION_SYMBOLS, symbols);
    if (!symbols[0] && !strobe_elf_section(&elf, ".PyRuntime", &vaddr, &size))
        symbols[0] = vaddr;
    if (symbols[0])
        add(search, object, bias + symbols[0], strobe_pyversion_find(search->mem, &elf, bias, symbols, base));
done:
    close(fd);
}

/* The debug offsets are the first member of _PyRuntime (3.13+): "xdebugpy", version, ... */
static void scan_object(struct search *search, const struct object *object, char *block)
{
    static const char cookie[8] = "xdebugpy";
    uint64_t budget = MAX_SCAN;

    for (const struct strobe_map *map = object->first; map <= object->last; map++) {
        if (map->ino != object->first->ino || !(map->perms & STROBE_MAP_WRITE))
            continue;
        for (uint64_t at = map->start; at < map->end && budget; ) {
            uint64_t left = map->end - at;
            size_t len = left < SCAN_BLOCK ? (size_t)left : SCAN_BLOCK;

            if (len > budget)
                len = (size_t)budget;
            if (strobe_mem_read(search->mem, at, block, len))
                break;
            for (size_t i = 0; i + 16 <= len; i += 8) { /* mappings are page-aligned, so no cookie lies across two blocks' ends: */
                uint64_t version = strobe_span_u64(block, i + 8);

                if (!memcmp(block + i, cookie, sizeof cookie) && version >> 24 == 3)
                    add(search, object, at + i, (uint32_t)version);
            }
            budget -= len;
            at += len == left || len < SCAN_BLOCK ? len : len - 8; /* ... the last word is looked at again with the next */
        }
    }
}

static int look_everywhere(struct search *search)
{
    char *block;
    int err;

    for (int rank = 0; rank < RANKS; rank++) {
        for (size_t i = 0; i < search->n_objects && search->n < search->max; i++) {
            const struct object *object = &search->objects[i];
            int before = search->n;

            if ((int)object->rank != rank)
                continue;
            err = look_at_image(search, object);
            if (err)
                return err;
            if (search->n == before && rank < RANK_OTHER)
                look_at_file(search, object);
        }
    }
    for (size_t i = 0; i < search->n_objects && !search->n; i++)
        if (search->objects[i].rank == RANK_OTHER)
            look_at_file(search, &search->objects[i]);
    if (search->n)
        return 0;
    block = malloc(SCAN_BLOCK);
    if (!block)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < search->n_objects; i++)
        if (search->objects[i].rank < RANK_OTHER)
            scan_object(search, &search->objects[i], block);
    free(block);
    return 0;
}

/* A Python linked into the executable, hidden and stripped: Py_GetVersion's text is all that shows. */
static uint32_t hidden_version(const struct search *search)
{
    const uint64_t none[STROBE_PYVERSION_SYMBOLS] = {0};
    struct strobe_elf elf;

    for (size_t i = 0; i < search->n_objects; i++)
        if (!strcmp(search->objects[i].first->path, search->exe))
            return strobe_elf_open_image(&elf, search->mem, search->objects[i].first->start) ? 0 :
                   strobe_pyversion_find(search->mem, &elf, elf.bias, none, "");
    return 0;
}

static int explain_nothing(const struct search *search, struct strobe_buf *why)
{
    const char *exe = search->exe[0] ? search->exe : "an unknown program";
    int pid = (int)search->pid;
    char version[32];
    uint32_t hidden;

    if (search->foreign) {
        strobe_buf_printf(why, "process %d is a program of another architecture (%s), and strobe reads 64-bit processes of its own only",
                          pid, exe);
        return STROBE_ERR_NOTPYTHON;
    }
    if (search->old_python && search->old_version) {
        strobe_pyversion_format(search->old_version, version, sizeof version);
        strobe_buf_printf(why, "process %d runs Python %s, which is too old: strobe reads CPython 3.8 and newer", pid, version);
        return STROBE_ERR_VERSION;
    }
    if (search->old_python) {
        strobe_buf_printf(why, "process %d runs a Python (%s) that is too old: strobe reads CPython 3.8 and newer",
                          pid, search->old_python->path);
        return STROBE_ERR_VERSION;
    }
    if (search->pypy) {
        strobe_buf_printf(why, "process %d is not a CPython process: it runs PyPy (%s)", pid, search->pypy->path);
        return STROBE_ERR_NOTPYTHON;
    }
    if (search->loading) {
        strobe_buf_printf(why, "process %d is just starting: its Python library is not loaded yet", pid);
        return STROBE_ERR_NOTREADY;
    }
    hidden = hidden_version(search);
    strobe_pyversion_format(hidden, version, sizeof version);
    if (hidden)
        strobe_buf_printf(why, "process %d runs Python %s inside %s, which was stripped of every trace of the runtime's address",
                          pid, version, exe);
    else if (starts_with(strobe_path_base(exe), "python"))
        strobe_buf_printf(why, "process %d runs %s, but no Python runtime was found in it", pid, exe);
    else
        strobe_buf_printf(why, "process %d is not a Python process: it runs %s", pid, exe);
    return STROBE_ERR_NOTPYTHON;
}

static void read_exe(struct search *search)
{
    static const char deleted[] = " (deleted)";
    char name[64];
    ssize_t got;

    snprintf(name, sizeof name, "/proc/%d/exe", (int)search->pid);
    got = readlink(name, search->exe, sizeof search->exe - 1);
    if (got < 0)
        got = 0;
    if (got >= (ssize_t)sizeof deleted && !memcmp(search->exe + got - (sizeof deleted - 1), deleted, sizeof deleted - 1))
        got -= (ssize_t)sizeof deleted - 1;
    search->exe[got] = '\0';
}

int strobe_locate(pid_t pid, struct strobe_mem *mem, struct strobe_location *ret, int max, struct strobe_buf *why)
{
    struct search search = {.pid = pid, .mem = mem, .ret = ret, .max = max};
    int err;

    read_exe(&search);
    err = strobe_procmaps_read(pid, &search.maps);
    if (!err && !search.maps.n)
        err = STROBE_ERR_GONE; /* a zombie; the address space is gone */
    if (!err)
        err = find_objects(&search);
    if (!err)
        err = look_everywhere(&search);
    if (!err && !search.n)
        err = explain_nothing(&search, why);
    else if (err == STROBE_ERR_PERM) {
        strobe_buf_printf(why, "permission denied reading process %d: ", (int)pid);
        strobe_target_explain_perm(pid, why);
    } else if (err == STROBE_ERR_NOPROC)
        strobe_buf_printf(why, "no process %d", (int)pid);
    else if (err == STROBE_ERR_GONE)
        strobe_buf_printf(why, "process %d has ended", (int)pid);
    else if (err)
        strobe_buf_printf(why, "cannot read process %d: %s", (int)pid, strobe_err_text(err));
    free(search.objects);
    strobe_procmaps_release(&search.maps);
    return err ? err : search.n;
}
