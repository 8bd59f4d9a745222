/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ownfile.h"

#include <sys/stat.h>
#include <unistd.h>

struct strobe_ownfile strobe_ownfile_keep(int fd)
{
    struct stat is;

    if (fd >= 0 && !fstat(fd, &is))
        return (struct strobe_ownfile){fd, is.st_dev, is.st_ino};
    if (fd >= 0)
        close(fd);
    return (struct strobe_ownfile)STROBE_OWNFILE_NONE;
}

bool strobe_ownfile_is(const struct strobe_ownfile *file)
{
    struct stat is;

    return file->fd >= 0 && !fstat(file->fd, &is) && is.st_dev == file->device && is.st_ino == file->inode;
}

void strobe_ownfile_close(struct strobe_ownfile *file)
{
    if (strobe_ownfile_is(file))
        close(file->fd);
    *file = (struct strobe_ownfile)STROBE_OWNFILE_NONE;
}
