/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/output.h"

/* In both directions: this, then so many bytes: the text, or the sentence of an error. */
struct head {
    int32_t err;
    uint32_t len;
};
enum { CHUNK = 64 << 10 };

/* ---- bytes between the two ---- */

static bool put(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* False: the other side has ended. */
static bool get(int fd, void *bytes, size_t len)
{
    char *at = bytes;

    while (len > 0) {
        ssize_t got = recv(fd, at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

static bool put_message(int fd, int err, const struct strobe_buf *text)
{
    struct head head = {err, (uint32_t)text->len};

    return put(fd, &head, sizeof head) && put(fd, text->data, text->len);
}

/* Appends what comes, all of it even when memory is short, so that the next message begins where it should. */
static bool get_message(int fd, int *ret_err, struct strobe_buf *text)
{
    char chunk[CHUNK];
    struct head head;

    if (!get(fd, &head, sizeof head))
        return false;
    *ret_err = head.err;
    while (head.len > 0) {
        uint32_t n = head.len < CHUNK ? head.len : CHUNK;

        if (!get(fd, chunk, n))
            return false;
        strobe_buf_put(text, chunk, n);
        head.len -= n;
    }
    return true;
}

/* ---- the writer ---- */

/* Of root's rights those that file modes are passed over with; what it runs as stays. */
static void keep_files_alone(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3], keep[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (!syscall(SYS_capget, &header, have)) {
        keep[0].permitted = keep[0].effective = have[0].permitted & (1u << CAP_DAC_OVERRIDE | 1u << CAP_CHOWN | 1u << CAP_FOWNER);
        syscall(SYS_capset, &header, keep);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int write_file(const char *path, const struct strobe_buf *text, struct strobe_buf *why)
{
    struct strobe_output output = STROBE_OUTPUT_INIT;
    int err = text->failed ? STROBE_ERR_NOMEM : strobe_output_open(&output, path, why);

    if (!err && !(err = strobe_output_write(&output, text->data, text->len)))
        err = strobe_output_commit(&output, why);
    if (err && output.saved_errno && !why->len)
        strobe_buf_printf(why, "cannot write '%s': %s", path, strerror(output.saved_errno));
    strobe_output_release(&output);
    return err;
}

/* The file that the path leads to, by a link or not; a device or a pipe stays. */
static void remove_file(const char *path)
{
    char *file = realpath(path, NULL);
    struct stat st;

    if (file && !lstat(file, &st) && S_ISREG(st.st_mode))
        unlink(file);
    free(file);
}

/* Until the server closes its side. */
static void serve(int fd, const char *path)
{
    struct strobe_buf text = STROBE_BUF_INIT, why = STROBE_BUF_INIT;
    bool written = false;
    int err;

    while (get_message(fd, &err, &text)) {
        err = write_file(path, &text, &why);
        written |= !err;
        if (err && !why.len)
            strobe_buf_printf(&why, "cannot write '%s': %s", path, strobe_err_text(err));
        if (!put_message(fd, err, &why))
            break;
        strobe_buf_release(&text);
        strobe_buf_release(&why);
    }
    if (written) /* else what is there is somebody else's */
        remove_file(path);
}

/* Signals are the server's: the writer ends after it.  Standard output stays, which a path may mean. */
static _Noreturn void be_writer(int fd, const char *path)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDERR_FILENO);
    }
    prctl(PR_SET_NAME, "strobe-textfile", 0, 0, 0);
    keep_files_alone();
    serve(fd, path);
    _exit(0);
}

/* ---- the server's side ---- */

int strobe_textfile_open(struct strobe_textfile *textfile, const char *path, struct strobe_buf *why)
{
    int ends[2];

    *textfile = (struct strobe_textfile)STROBE_TEXTFILE_INIT;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
        strobe_buf_printf(why, "cannot write '%s': %s", path, strerror(errno));
        return STROBE_ERR_IO;
    }
    textfile->writer = fork();
    if (textfile->writer == 0) {
        close(ends[0]);
        be_writer(ends[1], path);
    }
    close(ends[1]);
    textfile->fd = ends[0];
    if (textfile->writer > 0)
        return 0;
    strobe_buf_printf(why, "cannot write '%s': %s", path, strerror(errno));
    close(ends[0]);
    *textfile = (struct strobe_textfile)STROBE_TEXTFILE_INIT;
    return STROBE_ERR_IO;
}

int strobe_textfile_write(struct strobe_textfile *textfile, const struct strobe_buf *text, struct strobe_buf *why)
{
    int err;

    if (text->failed)
        return STROBE_ERR_NOMEM;
    if (put_message(textfile->fd, 0, text) && get_message(textfile->fd, &err, why))
        return err;
    strobe_buf_puts(why, "the process that writes the textfile has ended");
    return STROBE_ERR_IO;
}

void strobe_textfile_close(struct strobe_textfile *textfile)
{
    if (textfile->fd < 0)
        return;
    close(textfile->fd);
    while (waitpid(textfile->writer, NULL, 0) < 0 && errno == EINTR)
        ;
    *textfile = (struct strobe_textfile)STROBE_TEXTFILE_INIT;
}
