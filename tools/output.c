/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

enum { MAX_TRIES = 100 }; /* temporary names left by a killed run of the same process id */

/* "DIR/.strobe-PID-N.tmp": short, so that it fits NAME_MAX whatever the file's own name is. */
static char *temp_name(const char *path, int n)
{
    const char *slash = strrchr(path, '/');
    int dir = slash ? (int)(slash - path + 1) : 0;
    char *name;

    return asprintf(&name, "%.*s.strobe-%d-%d.tmp", dir, path, (int)getpid(), n) < 0 ? NULL : name;
}

static int open_temp(struct strobe_output *out)
{
    for (int n = 0; n < MAX_TRIES; n++) {
        out->temp = temp_name(out->path, n);
        if (!out->temp) {
            errno = ENOMEM;
            return -1;
        }
        out->fd = open(out->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (out->fd >= 0)
            return 0;
        free(out->temp);
        out->temp = NULL;
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

/* A link is followed: the file it names is replaced, not the link; also where that file does not exist yet. */
static char *follow_links(const char *path)
{
    enum { MAX_LINKS = 40 }; /* as the kernel has it (ELOOP) */
    char *at = realpath(path, NULL), *next, text[PATH_MAX];

    if (at)
        return at;
    at = strdup(path);
    for (int i = 0; at && i < MAX_LINKS; i++) {
        ssize_t len = readlink(at, text, sizeof text - 1);
        const char *slash = strrchr(at, '/');

        if (len < 0)
            return at;
        text[len] = '\0';
        if (asprintf(&next, "%.*s%s", text[0] == '/' || !slash ? 0 : (int)(slash - at + 1), at, text) < 0)
            next = NULL;
        free(at);
        at = next;
    }
    if (at)
        errno = ELOOP;
    free(at);
    return NULL;
}

static int open_path(struct strobe_output *out, const char *path)
{
    struct stat st;
    size_t len = strlen(path);

    if (len == 0) {
        errno = ENOENT;
        return -1;
    }
    out->path = follow_links(path);
    if (!out->path)
        return -1;
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode)) {
            out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY); /* a directory is refused here: EISDIR */
            return out->fd < 0 ? -1 : 0;
        }
        if (access(path, W_OK)) /* the directory may allow it, but a read-only file was meant to stay */
            return -1;
        if (open_temp(out))
            return -1;
        /* Who reads the older file reads the new one, nobody else; who may not give a file away gets the usual rights. */
        if (!fchown(out->fd, st.st_uid, st.st_gid))
            fchmod(out->fd, st.st_mode & 0777);
        return 0;
    }
    if (errno != ENOENT) /* such as a name too long, which only the last step would meet */
        return -1;
    if (path[len - 1] == '/') {
        errno = EISDIR;
        return -1;
    }
    return open_temp(out);
}

int strobe_output_open(struct strobe_output *out, const char *path, struct strobe_buf *why)
{
    *out = (struct strobe_output)STROBE_OUTPUT_INIT;
    if (strcmp(path, "-") == 0) {
        out->fd = STDOUT_FILENO;
        out->borrowed = true;
        return 0;
    }
    if (open_path(out, path)) {
        strobe_buf_printf(why, "cannot write '%s': %s", path, strerror(errno));
        strobe_output_release(out);
        return STROBE_ERR_IO;
    }
    return 0;
}

int strobe_output_write(void *ctx, const void *bytes, size_t len)
{
    struct strobe_output *out = ctx;
    const char *at = bytes;

    if (out->saved_errno)
        return STROBE_ERR_IO;
    while (len > 0) {
        ssize_t put = write(out->fd, at, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            out->saved_errno = errno;
            return STROBE_ERR_IO;
        }
        at += put;
        len -= (size_t)put;
    }
    return 0;
}

int strobe_output_commit(struct strobe_output *out, struct strobe_buf *why)
{
    int fd = out->fd, err = 0;

    if (!out->borrowed) {
        out->fd = -1;
        if (close(fd) && errno != EINTR && !out->saved_errno) /* network file systems report a full disk here */
            out->saved_errno = errno;
    }
    if (!out->saved_errno && out->temp && rename(out->temp, out->path)) {
        strobe_buf_printf(why, "cannot write '%s': %s; the recording is in '%s'", out->path, strerror(errno), out->temp);
        free(out->temp); /* the file stays: it is whole */
        out->temp = NULL;
        err = STROBE_ERR_IO;
    } else if (out->saved_errno) {
        if (out->borrowed)
            strobe_buf_printf(why, "cannot write to standard output: %s", strerror(out->saved_errno));
        else
            strobe_buf_printf(why, "cannot write '%s': %s", out->path, strerror(out->saved_errno));
        err = STROBE_ERR_IO;
    } else {
        free(out->temp);
        out->temp = NULL;
    }
    strobe_output_release(out);
    return err;
}

void strobe_output_release(struct strobe_output *out)
{
    if (out->fd >= 0 && !out->borrowed)
        close(out->fd);
    if (out->temp)
        unlink(out->temp);
    free(out->temp);
    free(out->path);
    *out = (struct strobe_output)STROBE_OUTPUT_INIT;
}
