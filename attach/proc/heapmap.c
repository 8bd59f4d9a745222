/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/heapmap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/proc/procpath.h"
#include "base/err.h"

enum { PAGE = 4096 };
#define PAGE_IS_THERE (1ull << 63) /* present; bit 62 would be swapped out */

int strobe_heapmap_open(pid_t pid, struct strobe_heapmap *ret)
{
    struct strobe_heapmap map = STROBE_HEAPMAP_INIT;
    char path[64];
    int err = strobe_procmaps_read(pid, &map.maps);

    if (err)
        return err;
    map.entries = malloc(STROBE_HEAPMAP_PAGES * sizeof *map.entries);
    if (!map.entries) {
        strobe_procmaps_release(&map.maps);
        return STROBE_ERR_NOMEM;
    }
    strobe_procpath(path, sizeof path, pid, "pagemap");
    map.pagemap = strobe_ownfile_keep(open(path, O_RDONLY | O_CLOEXEC));
    *ret = map;
    return 0;
}

void strobe_heapmap_release(struct strobe_heapmap *map)
{
    strobe_procmaps_release(&map->maps);
    free(map->entries);
    strobe_ownfile_close(&map->pagemap);
    *map = (struct strobe_heapmap)STROBE_HEAPMAP_INIT;
}

/* Objects lie in memory that belongs to no file; "[heap]" is malloc's, "[anon:...]" has been given a name by its owner (PR_SET_VMA). */
static bool has_objects(const struct strobe_map *map)
{
    return (map->perms & (STROBE_MAP_READ | STROBE_MAP_WRITE)) == (STROBE_MAP_READ | STROBE_MAP_WRITE) && map->ino == 0 &&
           (!*map->path || strcmp(map->path, "[heap]") == 0 || strncmp(map->path, "[anon", 5) == 0);
}

/* Reads which pages are there from addr on; unknown ones are. */
static void look_ahead(struct strobe_heapmap *map, uint64_t addr, uint64_t end)
{
    uint64_t left = (end - addr) / PAGE;
    size_t want = left < STROBE_HEAPMAP_PAGES ? (size_t)left : STROBE_HEAPMAP_PAGES;
    ssize_t got = -1;

    if (strobe_ownfile_is(&map->pagemap))
        got = pread(map->pagemap.fd, map->entries, want * sizeof *map->entries, (off_t)(addr / PAGE * sizeof *map->entries));
    map->pages_from = addr;
    map->n_pages = got > 0 ? (size_t)got / sizeof *map->entries : 0;
    if (!map->n_pages) {
        memset(map->entries, 0xff, want * sizeof *map->entries);
        map->n_pages = want;
    }
}

static bool is_there(struct strobe_heapmap *map, uint64_t addr, uint64_t end)
{
    if (addr < map->pages_from || addr >= map->pages_from + map->n_pages * PAGE)
        look_ahead(map, addr, end);
    return map->entries[(addr - map->pages_from) / PAGE] & PAGE_IS_THERE;
}

bool strobe_heapmap_next(struct strobe_heapmap *map, uint64_t most, uint64_t *ret_addr, uint64_t *ret_bytes)
{
    for (; map->at < map->maps.n; map->at++, map->next = 0) {
        const struct strobe_map *in = &map->maps.maps[map->at];
        uint64_t addr = map->next ? map->next : in->start, end;

        if (!has_objects(in))
            continue;
        while (addr < in->end && !is_there(map, addr, in->end))
            addr += PAGE;
        if (addr >= in->end)
            continue;
        for (end = addr + PAGE; end < in->end && end - addr < most && is_there(map, end, in->end);)
            end += PAGE;
        map->next = end;
        *ret_addr = addr;
        *ret_bytes = end - addr;
        return true;
    }
    return false;
}

uint64_t strobe_heapmap_mapped(const struct strobe_heapmap *map)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < map->maps.n; i++)
        bytes += has_objects(&map->maps.maps[i]) ? map->maps.maps[i].end - map->maps.maps[i].start : 0;
    return bytes;
}
