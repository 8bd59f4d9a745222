/* SPDX-License-Identifier: Apache-2.0 */
/* libfile: is a source file one of the libraries that tasks wait in: asyncio, anyio, contextlib?  A program may lie in a folder of such a
 * name too, so the folder must be the one that the process has the package from; where that is not known, the file must be one that the
 * package has.  No state. */
#ifndef STROBE_BASE_LIBFILE_H
#define STROBE_BASE_LIBFILE_H

#include <stdbool.h>
#include <stddef.h>

enum { STROBE_LIBHOME_MAX = 1024 };

/* The directories that hold the packages, without a slash at the end; "" = unknown.  asyncio's has contextlib and concurrent too. */
struct strobe_libhomes {
    char asyncio[STROBE_LIBHOME_MAX], anyio[STROBE_LIBHOME_MAX];
};

enum strobe_libfile {
    STROBE_LIBFILE_NONE,    /* the program's, or another library's */
    STROBE_LIBFILE_WAITS,   /* asyncio, anyio, contextlib: their frames do not name what is waited for, but pass it on */
    STROBE_LIBFILE_FUTURES, /* concurrent.futures */
};

/* homes may be NULL. */
enum strobe_libfile strobe_libfile_of(const struct strobe_libhomes *homes, const char *path);
/* Does the path end with this one, whole names only? */
bool strobe_libfile_ends(const char *path, const char *end);
/* Notes where a package (asyncio, anyio) lies by the __file__ of its module, if that is a source file: dir, of STROBE_LIBHOME_MAX bytes. */
bool strobe_libhome_set(char *dir, const char *package, const char *file);

#endif
