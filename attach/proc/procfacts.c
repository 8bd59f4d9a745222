/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/procfacts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/proc/procpath.h"

ssize_t strobe_procfacts_text(int32_t pid, const char *name, char *text, size_t size)
{
    char path[48];
    ssize_t got;
    int fd;

    strobe_procpath(path, sizeof path, pid, "%s", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

static int64_t count_fds(int32_t pid)
{
    char path[40];
    struct dirent *entry;
    struct stat st;
    int64_t n = 0;
    DIR *dir;

    strobe_procpath(path, sizeof path, pid, "fd");
    if (!stat(path, &st) && st.st_size > 0) /* Linux 6.2 and later: asks for no right, and lists nothing */
        return st.st_size;
    if (!(dir = opendir(path)))
        return -1;
    while ((entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

void strobe_procfacts_read(int32_t pid, struct strobe_procfacts *ret)
{
    char text[1024];
    unsigned long long user, system, pages;
    const char *after;

    *ret = (struct strobe_procfacts){.cpu_s = -1, .resident_bytes = -1, .open_fds = count_fds(pid)};
    /* The name in parentheses may hold anything; utime and stime are the 14th and 15th field (proc(5)). */
    if (strobe_procfacts_text(pid, "stat", text, sizeof text) > 0 && (after = strrchr(text, ')')) &&
        sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) == 2)
        ret->cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    if (strobe_procfacts_text(pid, "statm", text, sizeof text) > 0 && sscanf(text, "%*u %llu", &pages) == 1)
        ret->resident_bytes = (int64_t)pages * sysconf(_SC_PAGESIZE);
}
