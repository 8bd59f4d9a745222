/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/profiled.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

enum { CHUNK = 64 << 10, MAX_SAID = 4096, MAX_WORDS = 16 };

extern char **environ;

/* The child gets default signals and an empty mask, the two pipes, and nothing else of ours: every other file closes at the exec. */
static int spawn(char *const argv[], int out, int err, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int failed;

    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&files))
        return ENOMEM;
    if (posix_spawnattr_init(&attributes)) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0); /* ^C at the server is not the child's */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    failed = posix_spawn(ret_pid, "/proc/self/exe", &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

static int open_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC))
        return STROBE_ERR_IO;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int strobe_profiled_start(struct strobe_profiled all[STROBE_PROFILED_AT_ONCE], const struct strobe_profiled_opts *opts, void *tag)
{
    char pid[16], seconds[16], format[32];
    char *argv[MAX_WORDS] = {"strobe", "record", "--subprocesses", "--hideprogress", "-p", pid, "-d", seconds, "-f", format, "-o", "-"};
    int out[2] = {-1, -1}, err[2] = {-1, -1}, n = 12, failed;
    struct strobe_profiled *to = NULL;

    for (int i = 0; i < STROBE_PROFILED_AT_ONCE && !to; i++)
        to = all[i].child ? NULL : &all[i];
    if (!to)
        return STROBE_ERR_LIMIT;
    if (opts->tasks)
        argv[n++] = "--asyncio";
    if (opts->nonblocking)
        argv[n++] = "--nonblocking";
    snprintf(pid, sizeof pid, "%d", (int)opts->pid);
    snprintf(seconds, sizeof seconds, "%u", opts->seconds);
    snprintf(format, sizeof format, "%s", opts->format);
    *to = (struct strobe_profiled){.out = -1, .err = -1, .bytes = STROBE_BUF_INIT, .said = STROBE_BUF_INIT, .tag = tag};
    failed = open_pipe(out) || open_pipe(err) || spawn(argv, out[1], err[1], &to->child);
    close_end(&out[1]);
    close_end(&err[1]);
    if (failed) {
        close_end(&out[0]);
        close_end(&err[0]);
        to->child = 0;
        return STROBE_ERR_IO;
    }
    to->out = out[0];
    to->err = err[0];
    return 0;
}

/* What has come by one pipe; at its end the pipe is closed.  most: bytes that are kept. */
static void take(int *fd, struct strobe_buf *to, size_t most)
{
    char chunk[CHUNK];
    ssize_t got = 0;

    while (*fd >= 0 && (got = read(*fd, chunk, sizeof chunk)) > 0)
        if (to->len + (size_t)got <= most)
            strobe_buf_put(to, chunk, (size_t)got);
        else
            to->failed = true;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        close_end(fd);
}

bool strobe_profiled_read(struct strobe_profiled *profiled, bool *ret_ok)
{
    int status;

    take(&profiled->out, &profiled->bytes, STROBE_PROFILED_BYTES);
    take(&profiled->err, &profiled->said, MAX_SAID);
    if (profiled->out >= 0 || profiled->err >= 0 || waitpid(profiled->child, &status, WNOHANG) != profiled->child)
        return false;
    profiled->child = -1; /* reaped; the place is not free yet */
    *ret_ok = WIFEXITED(status) && WEXITSTATUS(status) == 0 && !profiled->bytes.failed;
    return true;
}

void strobe_profiled_end(struct strobe_profiled *profiled)
{
    if (!profiled->child)
        return;
    if (profiled->child > 0) {
        kill(profiled->child, SIGTERM); /* it lets go of what it holds, and ends */
        close_end(&profiled->out);      /* its write fails: no wait for who does not read */
        while (waitpid(profiled->child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close_end(&profiled->out);
    close_end(&profiled->err);
    strobe_buf_release(&profiled->bytes);
    strobe_buf_release(&profiled->said);
    *profiled = (struct strobe_profiled){.child = 0};
}
