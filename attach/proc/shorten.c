/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/shorten.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/proc/procpath.h"
#include "base/err.h"
#include "base/ownfile.h"

enum { MAX_DEPTH = 64 }; /* packages inside packages; deeper paths are cut there */

struct strobe_shortener {
    struct strobe_ownfile root, cwd; /* the target's, O_PATH; none = may not be opened: then our own are used */
};

static struct strobe_ownfile open_dir(pid_t pid, const char *name)
{
    char path[64];

    strobe_procpath(path, sizeof path, pid, "%s", name);
    return strobe_ownfile_keep(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int strobe_shortener_new(pid_t pid, struct strobe_shortener **ret)
{
    struct strobe_shortener *shortener = malloc(sizeof *shortener);

    if (!shortener)
        return STROBE_ERR_NOMEM;
    shortener->root = open_dir(pid, "root");
    shortener->cwd = open_dir(pid, "cwd");
    *ret = shortener;
    return 0;
}

void strobe_shortener_free(struct strobe_shortener *shortener)
{
    if (!shortener)
        return;
    strobe_ownfile_close(&shortener->root);
    strobe_ownfile_close(&shortener->cwd);
    free(shortener);
}

static bool exists(const struct strobe_shortener *shortener, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int fd;

    if (path[0] != '/') /* relative to where the target is now: it may have been elsewhere when it imported the file */
        return !faccessat(strobe_ownfile_is(&shortener->cwd) ? shortener->cwd.fd : AT_FDCWD, path, F_OK, 0);
    if (!strobe_ownfile_is(&shortener->root))
        return !access(path, F_OK);
    fd = (int)syscall(SYS_openat2, shortener->root.fd, path, &how, sizeof how);
    if (fd >= 0)
        close(fd);
    else if (errno == ENOSYS || errno == EPERM) /* kernel before 5.6, or a seccomp filter older than that */
        return !faccessat(shortener->root.fd, path + strspn(path, "/"), F_OK, 0);
    return fd >= 0;
}

int strobe_shorten(struct strobe_shortener *shortener, const char *path, struct strobe_buf *ret_short)
{
    static const char init[] = "__init__.py";
    char probe[PATH_MAX];
    size_t len = strlen(path), dir; /* path[0..dir): the directory that is looked at, without its slash */
    const char *tail = strrchr(path, '/');

    /* "<string>", "<frozen os>", or a name without a directory: nothing to look for */
    if (path[0] == '<' || !tail || len + sizeof init > sizeof probe) {
        strobe_buf_put(ret_short, path, len);
        return ret_short->failed ? STROBE_ERR_NOMEM : 0;
    }
    dir = (size_t)(tail - path);
    for (int i = 0; i < MAX_DEPTH && dir; i++) {
        memcpy(probe, path, dir);
        probe[dir] = '/';
        memcpy(probe + dir + 1, init, sizeof init);
        if (!exists(shortener, probe))
            break;
        while (dir && path[dir - 1] != '/')
            dir--;
        if (!dir)
            break; /* a relative path of packages only: it stays whole */
        while (dir && path[dir - 1] == '/')
            dir--;
    }
    strobe_buf_puts(ret_short, path + dir + strspn(path + dir, "/"));
    return ret_short->failed ? STROBE_ERR_NOMEM : 0;
}
