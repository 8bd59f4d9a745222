/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attach/proc/procpath.h"
#include "base/buf.h"
#include "base/err.h"

/* vm.max_map_count is 65530 by default and set to 1,048,576 by some databases' manuals; twice that is no process any more. */
enum { MAX_MAPS = 1 << 21 };
/* The longest line: addresses and a path of PATH_MAX with every byte as a four-character escape. */
#define MAX_TEXT ((size_t)1 << 30)
enum { READ_CHUNK = 16 * 1024 }; /* the kernel gives at most a page or so per read; room for a few */

struct cursor {
    char *at, *end;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* One hexadecimal number followed by the byte `stop`, which is consumed. */
static bool take_hex(struct cursor *cur, char stop, uint64_t *ret)
{
    uint64_t value = 0;
    int digits = 0, d;

    for (; cur->at < cur->end && (d = hex_digit(*cur->at)) >= 0; cur->at++, digits++)
        value = value << 4 | (unsigned)d;
    if (!digits || digits > 16 || cur->at == cur->end || *cur->at != stop)
        return false;
    cur->at++;
    *ret = value;
    return true;
}

static bool take_dec(struct cursor *cur, uint64_t *ret)
{
    uint64_t value = 0;
    int digits = 0;

    for (; cur->at < cur->end && *cur->at >= '0' && *cur->at <= '9'; cur->at++, digits++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*cur->at - '0'), &value))
            return false;
    *ret = value;
    return digits > 0;
}

static bool take_perms(struct cursor *cur, uint8_t *ret)
{
    const char *p = cur->at;

    if (cur->end - cur->at < 5 || p[4] != ' ')
        return false;
    *ret = (p[0] == 'r' ? STROBE_MAP_READ : 0) | (p[1] == 'w' ? STROBE_MAP_WRITE : 0) | (p[2] == 'x' ? STROBE_MAP_EXEC : 0);
    cur->at += 5;
    return true;
}

/* The kernel writes a newline in a path as \012 (and nothing else: fs/proc/task_mmu.c, seq_path with "\n"). */
static void unescape(char *path)
{
    char *from = path, *to = path;

    while (*from) {
        if (!strncmp(from, "\\012", 4)) {
            *to++ = '\n';
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* `line` is NUL-terminated at its end; the path stays where it is. */
static bool parse_line(char *line, char *end, struct strobe_map *map)
{
    static const char deleted[] = " (deleted)";
    const size_t deleted_len = sizeof deleted - 1;
    struct cursor cur = {line, end};
    uint64_t major, minor;
    size_t len;

    if (!take_hex(&cur, '-', &map->start) || !take_hex(&cur, ' ', &map->end) || map->start >= map->end)
        return false;
    if (!take_perms(&cur, &map->perms) || !take_hex(&cur, ' ', &map->offset))
        return false;
    if (!take_hex(&cur, ':', &major) || !take_hex(&cur, ' ', &minor) || major > UINT32_MAX || minor > UINT32_MAX)
        return false;
    if (!take_dec(&cur, &map->ino))
        return false;
    map->dev = makedev((unsigned)major, (unsigned)minor);
    while (cur.at < cur.end && *cur.at == ' ')
        cur.at++;
    map->path = cur.at;
    len = (size_t)(cur.end - cur.at);
    map->deleted = map->ino && len > deleted_len && !memcmp(cur.end - deleted_len, deleted, deleted_len);
    if (map->deleted)
        cur.end[-(ptrdiff_t)deleted_len] = '\0';
    unescape(cur.at);
    return true;
}

int strobe_procmaps_parse(const char *text, size_t len, struct strobe_procmaps *ret_maps)
{
    struct strobe_procmaps maps = STROBE_PROCMAPS_INIT;
    size_t lines = 0;
    uint64_t above = 0;
    int err = STROBE_ERR_NOMEM;
    char *at, *eol;

    if (len > MAX_TEXT)
        return STROBE_ERR_LIMIT;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    if (lines > MAX_MAPS)
        return STROBE_ERR_LIMIT;
    maps.text = malloc(len + 1);
    maps.maps = calloc(lines + 1, sizeof *maps.maps);
    if (!maps.text || !maps.maps)
        goto done;
    if (len)
        memcpy(maps.text, text, len);
    maps.text[len] = '\0';
    err = STROBE_ERR_FORMAT;
    for (at = maps.text; at < maps.text + len; at = eol + 1) {
        eol = memchr(at, '\n', (size_t)(maps.text + len - at));
        if (!eol)
            eol = maps.text + len; /* the last line, cut */
        *eol = '\0';
        if (!parse_line(at, eol, &maps.maps[maps.n]))
            goto done;
        if (maps.maps[maps.n].start < above)
            continue; /* the kernel writes the list page by page: mappings that merged in between come twice */
        above = maps.maps[maps.n++].end;
    }
    *ret_maps = maps;
    maps = (struct strobe_procmaps)STROBE_PROCMAPS_INIT;
    err = 0;
done:
    strobe_procmaps_release(&maps);
    return err;
}

int strobe_procmaps_read(pid_t pid, struct strobe_procmaps *ret_maps)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    char name[64];
    int fd, err;

    strobe_procpath(name, sizeof name, pid, "maps");
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES || errno == EPERM ? STROBE_ERR_PERM : errno == ENOENT || errno == ESRCH ? STROBE_ERR_NOPROC :
               errno == EMFILE || errno == ENFILE ? STROBE_ERR_FILES : STROBE_ERR_IO;
    for (;;) {
        ssize_t got;

        err = strobe_buf_reserve(&text, READ_CHUNK);
        if (err)
            goto done;
        got = read(fd, text.data + text.len, READ_CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err = errno == EACCES || errno == EPERM ? STROBE_ERR_PERM : errno == ESRCH ? STROBE_ERR_NOPROC : STROBE_ERR_IO;
            goto done;
        }
        if (!got)
            break;
        text.len += (size_t)got;
        if (text.len > MAX_TEXT) {
            err = STROBE_ERR_LIMIT;
            goto done;
        }
    }
    err = strobe_procmaps_parse(text.data, text.len, ret_maps);
done:
    strobe_buf_release(&text);
    close(fd);
    return err;
}

void strobe_procmaps_release(struct strobe_procmaps *maps)
{
    free(maps->maps);
    free(maps->text);
    *maps = (struct strobe_procmaps)STROBE_PROCMAPS_INIT;
}

const struct strobe_map *strobe_procmaps_find(const struct strobe_procmaps *maps, uint64_t addr)
{
    size_t lo = 0, hi = maps->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (maps->maps[mid].end <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < maps->n && maps->maps[lo].start <= addr ? &maps->maps[lo] : NULL;
}

const char *strobe_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}
