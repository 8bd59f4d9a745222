/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/objects.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/proc/elf.h"
#include "attach/proc/procpath.h"
#include "base/err.h"

enum {
    MAX_OBJECTS = 16384,      /* mapped ELF files; a process with 65,530 mappings (the kernel's default) has at most this many */
    HEADER_PAGE = 4096,       /* ELF header, program headers, build id: what identifies a file */
};

static bool starts_with(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

static enum strobe_object_rank rank_of(const struct strobe_objects *objects, const struct strobe_map *map)
{
    const char *base = strobe_path_base(map->path);

    if (starts_with(base, "libpython"))
        return STROBE_OBJECT_LIBPYTHON;
    return starts_with(base, "python") || !strcmp(map->path, objects->exe) ? STROBE_OBJECT_MAIN : STROBE_OBJECT_OTHER;
}

static int find_objects(struct strobe_objects *objects)
{
    struct strobe_object *object = NULL;

    objects->all = calloc(objects->maps.n + 1, sizeof *objects->all);
    if (!objects->all)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < objects->maps.n; i++) {
        const struct strobe_map *map = &objects->maps.maps[i];

        if (!map->ino || map->path[0] != '/')
            continue;
        if (object && !object->exec && (map->offset == 0 || map->ino != object->first->ino))
            objects->n--; /* was data only */
        if (map->offset == 0) {
            if (objects->n == MAX_OBJECTS)
                break;
            object = &objects->all[objects->n++];
            *object = (struct strobe_object){map, map, rank_of(objects, map), map->perms & STROBE_MAP_EXEC};
        } else if (object && map->ino == object->first->ino && map->dev == object->first->dev) {
            object->last = map;
            object->exec |= map->perms & STROBE_MAP_EXEC;
        } else {
            object = NULL;
        }
    }
    if (object && !object->exec)
        objects->n--;
    return 0;
}

/* Is an open file what the process has mapped there? */
static bool same_file(const struct strobe_objects *objects, const struct strobe_object *object, int fd)
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
    return got == (ssize_t)sizeof file && !strobe_mem_read(objects->mem, object->first->start, image, sizeof image) &&
           !memcmp(file, image, sizeof file);
}

bool strobe_object_is_exe(const struct strobe_objects *objects, const struct strobe_object *object)
{
    return !strcmp(object->first->path, objects->exe);
}

/* O_NONBLOCK: a name may meanwhile lead to a pipe. */
int strobe_object_open(const struct strobe_objects *objects, const struct strobe_object *object)
{
    const struct strobe_map *map = object->first;
    char name[4096 + 64];
    int fd;

    /* Follows deleted files and other mount namespaces; wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. */
    strobe_procpath(name, sizeof name, objects->pid, "map_files/%llx-%llx", (unsigned long long)map->start,
                    (unsigned long long)map->end);
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        return fd;
    /* In a container the names are the target's; in a plain chroot they are ours (d_path shows them from the reader's root). */
    for (int own = 0; own < 2 && !map->deleted; own++) {
        if (own)
            snprintf(name, sizeof name, "%s", map->path);
        else
            strobe_procpath(name, sizeof name, objects->pid, "root%s", map->path);
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && same_file(objects, object, fd))
            return fd;
        if (fd >= 0)
            close(fd);
    }
    if (!strobe_object_is_exe(objects, object))
        return -1;
    strobe_procpath(name, sizeof name, objects->pid, "exe");
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && same_file(objects, object, fd))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int strobe_object_open_elf(const struct strobe_objects *objects, const struct strobe_object *object, struct strobe_elf *ret_elf,
                           int *ret_fd, uint64_t *ret_bias)
{
    const struct strobe_map *map = object->first;
    int fd = strobe_object_open(objects, object), err;

    if (fd < 0)
        return STROBE_ERR_MISSING;
    err = strobe_elf_open_fd(ret_elf, fd);
    if (!err)
        err = strobe_elf_bias(ret_elf, map->start, map->offset, map->perms, (uint64_t)sysconf(_SC_PAGESIZE), ret_bias);
    if (err)
        close(fd);
    else
        *ret_fd = fd;
    return err;
}

static void read_exe(struct strobe_objects *objects)
{
    static const char deleted[] = " (deleted)";
    char name[64];
    ssize_t got;

    strobe_procpath(name, sizeof name, objects->pid, "exe");
    got = readlink(name, objects->exe, sizeof objects->exe - 1);
    if (got < 0)
        got = 0;
    if (got >= (ssize_t)sizeof deleted && !memcmp(objects->exe + got - (sizeof deleted - 1), deleted, sizeof deleted - 1))
        got -= (ssize_t)sizeof deleted - 1;
    objects->exe[got] = '\0';
}

int strobe_objects_read(pid_t pid, struct strobe_mem *mem, struct strobe_objects *ret)
{
    int err;

    *ret = (struct strobe_objects){.pid = pid, .mem = mem};
    read_exe(ret);
    err = strobe_procmaps_read(pid, &ret->maps);
    if (!err && !ret->maps.n)
        err = STROBE_ERR_GONE; /* a zombie; the address space is gone */
    return err ? err : find_objects(ret);
}

void strobe_objects_release(struct strobe_objects *objects)
{
    free(objects->all);
    strobe_procmaps_release(&objects->maps);
    objects->all = NULL;
    objects->n = 0;
}
