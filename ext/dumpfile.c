/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/dumpfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/* How often one that waits for room looks whether it is to stop.  No descriptor wakes it: one of ours, closed by a program that closes
 * all it does not know, would soon be another file. */
enum { LOOK_MS = 10 };

int strobe_dumpfile_keep(int fd, struct strobe_ownfile *ret)
{
    struct strobe_ownfile standard = {fd, 0, 0};

    if (fcntl(fd, F_GETFD) < 0)
        return STROBE_ERR_IO;
    *ret = fd < STROBE_DUMPFILE_STANDARD ? standard : strobe_ownfile_keep(fcntl(fd, F_DUPFD_CLOEXEC, STROBE_DUMPFILE_STANDARD));
    return ret->fd < 0 ? STROBE_ERR_IO : 0;
}

static bool is_the_same(const struct strobe_ownfile *file)
{
    return file->fd < STROBE_DUMPFILE_STANDARD ? file->fd >= 0 : strobe_ownfile_is(file);
}

void strobe_dumpfile_release(struct strobe_ownfile *file)
{
    if (file->fd >= STROBE_DUMPFILE_STANDARD)
        strobe_ownfile_close(file);
    file->fd = -1;
}

int strobe_dumpfile_open(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
}

int strobe_dumpfile_again(const struct strobe_ownfile *file)
{
    return is_the_same(file) ? fcntl(file->fd, F_DUPFD_CLOEXEC, STROBE_DUMPFILE_STANDARD) : -1;
}

/* Whether a write waits is a matter of the open file, which the program shares: a pipe and a terminal can be opened once more. */
int strobe_dumpfile_without_waits(int fd)
{
    char path[32];
    struct stat is;
    int again;

    if (fstat(fd, &is) || (!S_ISFIFO(is.st_mode) && !S_ISCHR(is.st_mode)))
        return fd;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    again = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return again < 0 ? fd : again; /* no rights to it (any more), or no /proc */
}

struct way {
    bool by_send;
    size_t most; /* bytes at a time */
};

/* A regular file takes all at once: so the dumps of several processes in one file stay apart. */
static struct way way_of(int fd)
{
    struct way way = {false, SIZE_MAX};
    struct stat is;

    if (fstat(fd, &is))
        return way;
    way.by_send = S_ISSOCK(is.st_mode);
    if (!way.by_send && !S_ISREG(is.st_mode) && !(fcntl(fd, F_GETFL) & O_NONBLOCK))
        way.most = PIPE_BUF; /* what a pipe takes without a wait when poll(2) says that it has room */
    return way;
}

static ssize_t write_some(int fd, struct way way, const char *text, size_t len)
{
    size_t some = len < way.most ? len : way.most;

    return way.by_send ? send(fd, text, some, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd, text, some);
}

size_t strobe_dumpfile_write(int fd, const char *text, size_t len, const _Atomic bool *stop)
{
    struct way way = way_of(fd);
    size_t done = 0;

    while (done < len) {
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        bool last = atomic_load(stop);
        int ready = poll(&room, 1, last ? 0 : LOOK_MS);
        ssize_t n = ready > 0 ? write_some(fd, way, text + done, len - done) : 0;

        if ((ready < 0 && errno != EINTR) || (n < 0 && errno != EINTR && errno != EAGAIN))
            return len;
        done += n > 0 ? (size_t)n : 0;
        if (last && n <= 0)
            break;
    }
    return done;
}
