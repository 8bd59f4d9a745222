/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/procpath.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void strobe_procpath(char *buf, size_t size, pid_t pid, const char *format, ...)
{
    va_list args;
    int n = pid == getpid() ? snprintf(buf, size, "/proc/self/") : snprintf(buf, size, "/proc/%d/", (int)pid);

    if ((size_t)n >= size)
        return;
    va_start(args, format);
    vsnprintf(buf + n, size - (size_t)n, format, args);
    va_end(args);
}
