/* SPDX-License-Identifier: Apache-2.0 */
#include "base/libfile.h"

#include <stdio.h>
#include <string.h>

bool strobe_libfile_ends(const char *path, const char *end)
{
    size_t len = strlen(path), n = strlen(end);

    return len >= n && strcmp(path + len - n, end) == 0 && (len == n || path[len - n - 1] == '/');
}

bool strobe_libhome_set(char *dir, const char *package, const char *file)
{
    char end[64];
    size_t len = strlen(file), n = (size_t)snprintf(end, sizeof end, "/%s/__init__.py", package);

    if (n >= sizeof end || len < n || len - n >= STROBE_LIBHOME_MAX || strcmp(file + len - n, end) != 0)
        return false; /* of an archive, or without source: code objects have the names of other files */
    memcpy(dir, file, len - n);
    dir[len - n] = '\0';
    return true;
}

static bool is_one_of(const char *text, size_t len, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == len && memcmp(text, *names, len) == 0)
            return true;
    return false;
}

/* Lib/asyncio of 3.8 to 3.15. */
static bool has_asyncio(const char *file)
{
    static const char *const files[] = {
        "__init__", "__main__", "base_events", "base_futures", "base_subprocess", "base_tasks", "constants", "coroutines", "events",
        "exceptions", "format_helpers", "futures", "graph", "locks", "log", "mixins", "proactor_events", "protocols", "queues", "runners",
        "selector_events", "sslproto", "staggered", "streams", "subprocess", "taskgroups", "tasks", "threads", "timeouts", "tools",
        "transports", "trsock", "unix_events", "windows_events", "windows_utils", NULL};
    size_t len = strlen(file);

    return len > 3 && strcmp(file + len - 3, ".py") == 0 && is_one_of(file, len - 3, files);
}

/* anyio 3 and 4. */
static bool has_anyio(const char *file)
{
    static const char *const names[] = {"_backends", "_core", "abc", "streams", "__init__.py", "from_thread.py", "functools.py",
                                        "itertools.py", "lowlevel.py", "pytest_plugin.py", "to_interpreter.py", "to_process.py",
                                        "to_thread.py", NULL};

    return is_one_of(file, strcspn(file, "/"), names);
}

/* What follows home and its slash; where home is not known, what follows the last folder of that name, which the path may begin with: it
 * does in programs that were packed into one file.  NULL = it is not there. */
static const char *inside(const char *home, const char *folder, const char *path)
{
    size_t n = strlen(home);
    const char *found = NULL;

    if (n)
        return strncmp(path, home, n) == 0 && strncmp(path + n, folder, strlen(folder)) == 0 ? path + n + strlen(folder) : NULL;
    for (const char *at = path; (at = strstr(at, folder)); at++)
        found = at + strlen(folder);
    if (!found && strncmp(path, folder + 1, strlen(folder + 1)) == 0)
        found = path + strlen(folder + 1);
    return found;
}

enum strobe_libfile strobe_libfile_of(const struct strobe_libhomes *homes, const char *path)
{
    const char *asyncio = homes ? homes->asyncio : "", *anyio = homes ? homes->anyio : "", *file;

    file = inside(asyncio, "/asyncio/", path);
    if (file && (*asyncio ? !strchr(file, '/') : has_asyncio(file)))
        return STROBE_LIBFILE_WAITS;
    file = inside(anyio, "/anyio/", path);
    if (file && (*anyio || has_anyio(file)))
        return STROBE_LIBFILE_WAITS;
    file = inside(asyncio, "/contextlib.py", path);
    if (file && !*file)
        return STROBE_LIBFILE_WAITS;
    return inside(asyncio, "/concurrent/futures/", path) ? STROBE_LIBFILE_FUTURES : STROBE_LIBFILE_NONE;
}
