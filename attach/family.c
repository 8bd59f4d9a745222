/* SPDX-License-Identifier: Apache-2.0 */
/* Descendants of a process, as target.h declares them.
 *
 * With CONFIG_PROC_CHILDREN (every distribution's kernel) each thread lists its own children: the cost is the size of the family.
 * Without, all of /proc is read: about 10 us a process of the machine. */
#include "attach/target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/grow.h"

enum {
    MAX_PROCESSES = 1 << 22, /* the kernel's own limit: PID_MAX_LIMIT */
    CHILDREN_CHUNK = 4096,
};

static bool known(const pid_t *pids, size_t n, pid_t pid)
{
    for (size_t i = 0; i < n; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

static pid_t parse_pid(const char *name)
{
    char *end;
    long pid = strtol(name, &end, 10);

    return name[0] >= '1' && name[0] <= '9' && !*end && pid <= MAX_PROCESSES ? (pid_t)pid : 0;
}

/* Adds the pids in an open "children" file: decimal, each followed by a blank. */
static size_t read_children(int fd, pid_t *ret, size_t n, size_t max)
{
    char text[CHILDREN_CHUNK];
    long pid = 0;
    ssize_t got;

    while ((got = read(fd, text, sizeof text)) > 0 || (got < 0 && errno == EINTR)) {
        for (ssize_t i = 0; i < got; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
                if (pid > MAX_PROCESSES)
                    return n;
                continue;
            }
            if (pid && n < max && !known(ret, n, (pid_t)pid))
                ret[n++] = (pid_t)pid;
            pid = 0;
        }
    }
    return n;
}

/* Children of all threads of one process.  False when the kernel has no such files. */
static bool add_children(pid_t pid, pid_t *ret, size_t *n, size_t max)
{
    char name[64 + NAME_MAX];
    struct dirent *entry;
    bool supported = true;
    DIR *tasks;
    int fd;

    snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
    tasks = opendir(name);
    if (!tasks)
        return true; /* has ended */
    while (supported && (entry = readdir(tasks))) {
        if (!parse_pid(entry->d_name))
            continue;
        snprintf(name, sizeof name, "%s/children", entry->d_name);
        fd = openat(dirfd(tasks), name, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            *n = read_children(fd, ret, *n, max);
            close(fd);
        } else if (errno == ENOENT) {
            supported = faccessat(dirfd(tasks), entry->d_name, F_OK, 0) != 0; /* or the thread has ended */
        }
    }
    closedir(tasks);
    return supported;
}

struct process {
    pid_t pid, parent;
};

/* Parent of a process from an open /proc; 0 = it has ended. */
static pid_t parent_in(int proc, const char *pid_name)
{
    struct strobe_target_stat stat;
    char name[32], text[512];
    ssize_t got;
    int fd;

    snprintf(name, sizeof name, "%.12s/stat", pid_name);
    fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    return strobe_target_parse_stat(text, &stat) || strobe_target_ended(&stat) ? 0 : stat.parent;
}

/* All processes with their parents; array owned by the caller. */
static size_t scan_proc(struct process **ret_all)
{
    struct process *all = NULL;
    size_t n = 0, cap = 0;
    struct dirent *entry;
    DIR *proc = opendir("/proc");
    pid_t pid, parent;

    while (proc && (entry = readdir(proc))) {
        pid = parse_pid(entry->d_name);
        parent = pid ? parent_in(dirfd(proc), entry->d_name) : 0;
        if (!parent)
            continue;
        if (strobe_grow(&all, &cap, n + 1, sizeof *all))
            break;
        all[n++] = (struct process){pid, parent};
    }
    if (proc)
        closedir(proc);
    *ret_all = all;
    return n;
}

/* The children files list those that wait to be reaped too. */
static size_t drop_ended(pid_t *pids, size_t n)
{
    struct strobe_target_stat stat;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (!strobe_target_stat(pids[i], &stat) && !strobe_target_ended(&stat))
            pids[kept++] = pids[i];
    return kept;
}

size_t strobe_target_descendants(pid_t root, pid_t *ret, size_t max)
{
    struct process *all;
    size_t n = 0, n_all;
    bool supported = add_children(root, ret, &n, max);

    if (supported) {
        for (size_t i = 0; i < n; i++) /* breadth first: parents come before their children */
            add_children(ret[i], ret, &n, max);
        return drop_ended(ret, n);
    }
    n_all = scan_proc(&all);
    for (size_t done = 0; done <= n; done++) {
        pid_t parent = done ? ret[done - 1] : root;

        for (size_t i = 0; i < n_all && n < max; i++)
            if (all[i].parent == parent && !known(ret, n, all[i].pid))
                ret[n++] = all[i].pid;
    }
    free(all);
    return n;
}
