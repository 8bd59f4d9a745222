/* SPDX-License-Identifier: Apache-2.0 */
/* Every object is first read where the process has it mapped: that is the truth whatever became of the file, needs no file to be
 * opened in another mount namespace, and _PyRuntime is in .dynsym of every ordinary build.  Only where the image does not tell
 * (hidden symbols, static linking) the file is opened, for .symtab and for the section .PyRuntime (3.10+); and where there is no
 * file either, the mapped data are searched for the cookie of the debug offsets (3.13+). */
#include "attach/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/proc/elf.h"
#include "attach/proc/objects.h"
#include "attach/pyversion.h"
#include "attach/target.h"
#include "base/err.h"

enum {
    MAX_SCAN = 64 << 20,      /* bytes of writable file-backed mappings searched for the cookie; a Python has 1 MB */
    SCAN_BLOCK = 256 * 1024,
};

struct search {
    struct strobe_objects objects;
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

/* Adds a location unless it is there already or is not mapped. */
static void add(struct search *search, const struct strobe_object *object, uint64_t runtime, uint32_t version)
{
    struct strobe_location *loc;
    uint64_t word;

    for (int i = 0; i < search->n; i++)
        if (search->ret[i].hint.runtime == runtime)
            return;
    if (search->n == search->max || strobe_mem_u64(search->objects.mem, runtime, &word))
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
static int look_at_image(struct search *search, const struct strobe_object *object)
{
    static const char *const initialize = "Py_Initialize";
    const char *base = strobe_path_base(object->first->path);
    uint64_t symbols[STROBE_PYVERSION_SYMBOLS], old;
    struct strobe_elf elf;
    int err;

    err = strobe_elf_open_image(&elf, search->objects.mem, object->first->start);
    if (err == STROBE_ERR_PERM || err == STROBE_ERR_GONE || err == STROBE_ERR_NOMEM)
        return err;
    if (err == STROBE_ERR_VERSION && strobe_object_is_exe(&search->objects, object))
        search->foreign = true;
    if (err)
        return 0;
    if (starts_with(base, "libpypy") || starts_with(base, "pypy"))
        search->pypy = object->first;
    strobe_elf_dynamic_symbols(&elf, strobe_pyversion_symbols, 1, symbols);
    if (symbols[0]) {
        strobe_elf_dynamic_symbols(&elf, strobe_pyversion_symbols, STROBE_PYVERSION_SYMBOLS, symbols);
        add(search, object, elf.bias + symbols[0], strobe_pyversion_find(search->objects.mem, &elf, elf.bias, symbols, base));
        return 0;
    }
    strobe_elf_dynamic_symbols(&elf, &initialize, 1, &old);
    if (old && !search->old_python) {
        memset(symbols, 0, sizeof symbols);
        search->old_python = object->first;
        search->old_version = strobe_pyversion_find(search->objects.mem, &elf, elf.bias, symbols, base);
    }
    if (object->rank == STROBE_OBJECT_MAIN && strobe_object_is_exe(&search->objects, object))
        search->loading = strobe_elf_each_needed(&elf, is_libpython, NULL) > 0;
    return 0;
}

static void look_at_file(struct search *search, const struct strobe_object *object)
{
    uint64_t symbols[STROBE_PYVERSION_SYMBOLS] = {0}, bias, vaddr, size;
    const char *base = strobe_path_base(object->first->path);
    struct strobe_elf elf;
    int fd;

    if (strobe_object_open_elf(&search->objects, object, &elf, &fd, &bias))
        return;
    if (object->rank < STROBE_OBJECT_OTHER)
        strobe_elf_static_symbols(&elf, strobe_pyversion_symbols, STROBE_PYVERSION_SYMBOLS, symbols);
    if (!symbols[0] && !strobe_elf_section(&elf, ".PyRuntime", &vaddr, &size))
        symbols[0] = vaddr;
    if (symbols[0])
        add(search, object, bias + symbols[0], strobe_pyversion_find(search->objects.mem, &elf, bias, symbols, base));
    close(fd);
}

/* The debug offsets are the first member of _PyRuntime (3.13+): "xdebugpy", version, ... */
static void scan_object(struct search *search, const struct strobe_object *object, char *block)
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
            if (strobe_mem_read(search->objects.mem, at, block, len))
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

    for (int rank = 0; rank < STROBE_OBJECT_RANKS; rank++) {
        for (size_t i = 0; i < search->objects.n && search->n < search->max; i++) {
            const struct strobe_object *object = &search->objects.all[i];
            int before = search->n;

            if ((int)object->rank != rank)
                continue;
            err = look_at_image(search, object);
            if (err)
                return err;
            if (search->n == before && rank < STROBE_OBJECT_OTHER)
                look_at_file(search, object);
        }
    }
    for (size_t i = 0; i < search->objects.n && !search->n; i++)
        if (search->objects.all[i].rank == STROBE_OBJECT_OTHER)
            look_at_file(search, &search->objects.all[i]);
    if (search->n)
        return 0;
    block = malloc(SCAN_BLOCK);
    if (!block)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < search->objects.n; i++)
        if (search->objects.all[i].rank < STROBE_OBJECT_OTHER)
            scan_object(search, &search->objects.all[i], block);
    free(block);
    return 0;
}

/* A Python linked into the executable, hidden and stripped: Py_GetVersion's text is all that shows. */
static uint32_t hidden_version(const struct search *search)
{
    const uint64_t none[STROBE_PYVERSION_SYMBOLS] = {0};
    struct strobe_elf elf;

    for (size_t i = 0; i < search->objects.n; i++)
        if (strobe_object_is_exe(&search->objects, &search->objects.all[i]))
            return strobe_elf_open_image(&elf, search->objects.mem, search->objects.all[i].first->start) ? 0 :
                   strobe_pyversion_find(search->objects.mem, &elf, elf.bias, none, "");
    return 0;
}

static int explain_nothing(const struct search *search, struct strobe_buf *why)
{
    const char *exe = search->objects.exe[0] ? search->objects.exe : "an unknown program";
    int pid = (int)search->objects.pid;
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

/* Without the memory that it had. */
static bool lives_on(pid_t pid)
{
    struct strobe_target_stat stat;

    return !strobe_target_settled(pid, &stat) && !strobe_target_ended(&stat);
}

int strobe_locate(pid_t pid, struct strobe_mem *mem, struct strobe_location *ret, int max, struct strobe_buf *why)
{
    struct search search = {.ret = ret, .max = max};
    int err = strobe_objects_read(pid, mem, &search.objects);

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
        strobe_buf_printf(why, "process %d %s", (int)pid, lives_on(pid) ? "is just becoming another program" : "has ended");
    else if (err)
        strobe_buf_printf(why, "cannot read process %d: %s", (int)pid, strobe_err_text(err));
    strobe_objects_release(&search.objects);
    return err ? err : search.n;
}
