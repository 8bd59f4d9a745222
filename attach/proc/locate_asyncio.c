/* SPDX-License-Identifier: Apache-2.0 */
/* Section headers are not mapped, so the file is asked first (they survive stripping); where there is no file, or one without section
 * headers, the object's writable data are searched: the table's words hang together so closely that nothing else looks like it. */
#include "attach/proc/locate_asyncio.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/proc/elf.h"
#include "attach/proc/objects.h"
#include "base/err.h"
#include "runtime/asyncio_layout.h"

enum {
    MAX_SCAN = 64 << 20, /* bytes of writable file-backed mappings of one object; a Python has 1 MB, the module 8 kB */
    SCAN_BLOCK = 256 * 1024,
};

static const char section_name[] = ".AsyncioDebug";

struct look {
    const struct strobe_objects *objects;
    const struct strobe_layout *lay;
    uint64_t found;  /* a valid table, or 0 */
    uint64_t damaged; /* the section without a valid table, or 0 */
};

/* The section, by the object's file.  STROBE_ERR_MISSING: surely not there; another error: cannot be told. */
static int find_section(const struct strobe_objects *objects, const struct strobe_object *object, uint64_t *ret_addr)
{
    uint64_t bias, vaddr, size;
    struct strobe_elf elf;
    int fd, err;

    err = strobe_object_open_elf(objects, object, &elf, &fd, &bias);
    if (err)
        return STROBE_ERR_FORMAT;
    err = strobe_elf_section(&elf, section_name, &vaddr, &size);
    if (err == STROBE_ERR_MISSING && (!elf.shoff || elf.shstrndx >= elf.shnum))
        err = STROBE_ERR_FORMAT; /* no headers to find it in */
    if (!err && size < STROBE_AIO_TABLE_SIZE)
        err = STROBE_ERR_MISSING;
    if (!err)
        *ret_addr = bias + vaddr;
    close(fd);
    return err;
}

static bool is_table(const struct look *look, uint64_t addr)
{
    struct strobe_aio_layout aio;

    return !strobe_aio_layout_init(look->objects->mem, look->lay, addr, &aio, NULL);
}

static void scan_map(struct look *look, const struct strobe_map *map, char *block, uint64_t *budget)
{
    struct strobe_aio_layout aio;

    for (uint64_t at = map->start; at < map->end && *budget && !look->found;) {
        uint64_t left = map->end - at;
        size_t len = left < SCAN_BLOCK ? (size_t)left : SCAN_BLOCK;

        if (len > *budget)
            len = (size_t)*budget;
        if (strobe_mem_read(look->objects->mem, at, block, len))
            return;
        for (size_t i = 0; i + STROBE_AIO_TABLE_SIZE <= len && !look->found; i += 8) {
            uint64_t first = strobe_span_u64(block, i); /* the size of a task: most other words are not so small */

            if (first && first <= STROBE_AIO_MAX_TASK && first % 8 == 0 &&
                !strobe_aio_layout_from_table(block + i, STROBE_AIO_TABLE_SIZE, look->lay, &aio, NULL) && is_table(look, at + i))
                look->found = at + i;
        }
        *budget -= len;
        at += len == left || len < SCAN_BLOCK ? len : len - STROBE_AIO_TABLE_SIZE; /* it may lie across the end of a block */
    }
}

static int scan_object(struct look *look, const struct strobe_object *object)
{
    uint64_t budget = MAX_SCAN;
    char *block = malloc(SCAN_BLOCK);

    if (!block)
        return STROBE_ERR_NOMEM;
    for (const struct strobe_map *map = object->first; map <= object->last; map++)
        if (map->ino == object->first->ino && (map->perms & STROBE_MAP_WRITE))
            scan_map(look, map, block, &budget);
    free(block);
    return 0;
}

static int look_at_object(struct look *look, const struct strobe_object *object)
{
    uint64_t addr;
    int err = find_section(look->objects, object, &addr);

    if (err == STROBE_ERR_MISSING)
        return 0;
    if (err)
        return scan_object(look, object);
    if (is_table(look, addr))
        look->found = addr;
    else if (!look->damaged)
        look->damaged = addr;
    return 0;
}

static bool is_module(const struct strobe_object *object)
{
    static const char name[] = "_asyncio.";

    return !strncmp(strobe_path_base(object->first->path), name, sizeof name - 1);
}

/* The object in whose data the runtime lies. */
static const struct strobe_object *runtime_object(const struct strobe_objects *objects, uint64_t runtime)
{
    const struct strobe_object *found = NULL;

    for (size_t i = 0; i < objects->n && objects->all[i].first->start <= runtime; i++)
        found = &objects->all[i];
    return found;
}

/* ret_again: there is something to look at again, though nothing was loaded meanwhile. */
static int look_everywhere(struct look *look, bool *ret_again)
{
    const struct strobe_objects *objects = look->objects;
    const struct strobe_object *runtime = runtime_object(objects, look->lay->runtime);
    int err = 0;

    for (size_t i = 0; !err && i < objects->n && !look->found; i++) {
        if (!is_module(&objects->all[i]))
            continue;
        *ret_again = true; /* the loader may be at work on it */
        err = look_at_object(look, &objects->all[i]);
    }
    if (!err && runtime && !look->found)
        err = look_at_object(look, runtime);
    for (size_t i = 0; !err && i < objects->n && !look->found; i++)
        if (strobe_object_is_exe(objects, &objects->all[i]) && &objects->all[i] != runtime)
            err = look_at_object(look, &objects->all[i]);
    return err;
}

/* Which objects are loaded and where, as a number that is not 0 (FNV-1a). */
static uint64_t fingerprint(const struct strobe_objects *objects)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < objects->n; i++) {
        const uint64_t words[] = {objects->all[i].first->start, objects->all[i].last->end, objects->all[i].first->ino};

        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
            hash = (hash ^ words[k]) * 0x100000001b3;
    }
    return hash | 1;
}

int strobe_locate_asyncio(pid_t pid, struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t *seen, uint64_t *ret_addr)
{
    struct strobe_objects objects;
    struct look look = {.objects = &objects, .lay = lay};
    bool again = false;
    uint64_t print;
    int err;

    if (!strobe_aio_layout_has_table(lay))
        return STROBE_ERR_MISSING;
    err = strobe_objects_read(pid, mem, &objects);
    if (err)
        goto done;
    print = fingerprint(&objects);
    if (seen && *seen == print) {
        err = STROBE_ERR_MISSING;
        goto done;
    }
    err = look_everywhere(&look, &again);
    if (err)
        goto done;
    if (look.found || look.damaged)
        *ret_addr = look.found ? look.found : look.damaged;
    else
        err = STROBE_ERR_MISSING;
    if (seen)
        *seen = err && !again ? print : 0;
done:
    strobe_objects_release(&objects);
    return err;
}
