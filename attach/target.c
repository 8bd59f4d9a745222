/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/target.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

enum {
    MAX_CMDLINE = 128 * 1024, /* the kernel's limit of one argument; longer command lines are cut */
    MAX_FIELDS = 52,          /* of /proc/PID/stat (proc(5)) */
};

/* Reads a small file of /proc/PID whole, NUL-terminated.  Length, or STROBE_ERR_NOPROC, _PERM, _IO. */
static ssize_t read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
    char path[64];
    size_t len = 0;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ESRCH ? STROBE_ERR_NOPROC : errno == EACCES || errno == EPERM ? STROBE_ERR_PERM :
               errno == EMFILE || errno == ENFILE ? STROBE_ERR_FILES : STROBE_ERR_IO;
    while (len < size - 1) {
        ssize_t got = read(fd, buf + len, size - 1 - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    close(fd);
    buf[len] = '\0';
    return len ? (ssize_t)len : strcmp(name, "stat") ? 0 : STROBE_ERR_NOPROC; /* reaped between open and read */
}

int strobe_target_parse_stat(const char *text, struct strobe_target_stat *ret_stat)
{
    const char *open_paren = strchr(text, '('), *close_paren = strrchr(text, ')'); /* the name may hold anything */
    struct strobe_target_stat stat = {.state = '?'};
    unsigned long long field;
    const char *at;
    char *end;
    size_t len;

    if (!open_paren || !close_paren || close_paren < open_paren || close_paren[1] != ' ' || !close_paren[2])
        return STROBE_ERR_FORMAT;
    len = (size_t)(close_paren - open_paren - 1);
    if (len >= sizeof stat.comm)
        len = sizeof stat.comm - 1;
    memcpy(stat.comm, open_paren + 1, len);
    stat.state = close_paren[2];
    at = close_paren + 3;
    for (int i = 4; i <= MAX_FIELDS; i++, at = end) {
        field = strtoull(at, &end, 10);
        if (end == at) {
            if (i <= 22)
                return STROBE_ERR_FORMAT;
            break;
        }
        switch (i) {
        case 4: stat.parent = (pid_t)field; break;
        case 9: stat.flags = (uint32_t)field; break;
        case 20: stat.threads = (uint32_t)field; break;
        case 22: stat.start_ticks = field; break;
        case 28: stat.stack = field; break;
        default: break;
        }
    }
    *ret_stat = stat;
    return 0;
}

int strobe_target_stat(pid_t pid, struct strobe_target_stat *ret_stat)
{
    char text[1024];
    ssize_t len = read_proc(pid, "stat", text, sizeof text);

    return len < 0 ? (int)len : strobe_target_parse_stat(text, ret_stat);
}

bool strobe_target_ended(const struct strobe_target_stat *stat)
{
    return stat->state == 'Z' || stat->state == 'X' || (stat->flags & STROBE_TARGET_EXITING);
}

bool strobe_target_headless(const struct strobe_target_stat *stat)
{
    return strobe_target_ended(stat) && stat->threads > 1;
}

int strobe_target_settled(pid_t pid, struct strobe_target_stat *ret_stat)
{
    enum { TRIES = 50, PAUSE_US = 1000 };
    int err = 0;

    for (int i = 0; i < TRIES; i++) {
        err = strobe_target_stat(pid, ret_stat);
        if (err || !strobe_target_headless(ret_stat))
            break;
        usleep(PAUSE_US);
    }
    return err;
}

int strobe_target_start_time(pid_t pid, uint64_t *ret_ticks)
{
    struct strobe_target_stat stat;
    int err = strobe_target_stat(pid, &stat);

    if (!err)
        *ret_ticks = stat.start_ticks;
    return err;
}

uint64_t strobe_target_stack(pid_t pid)
{
    struct strobe_target_stat stat;

    return strobe_target_stat(pid, &stat) ? 0 : stat.stack;
}

bool strobe_target_is_fork(pid_t pid, pid_t parent)
{
    uint64_t stack = parent > 0 ? strobe_target_stack(pid) : 0;

    return stack && stack == strobe_target_stack(parent);
}

pid_t strobe_target_own_pid(pid_t pid)
{
    char text[32768], *line, *end; /* a user may be in thousands of groups, which come before */
    long id = 0;

    if (read_proc(pid, "status", text, sizeof text) <= 0 || !(line = strstr(text, "\nNSpid:")))
        return 0;
    for (line += strlen("\nNSpid:"); *line == '\t' || *line == ' '; line = end) {
        long next = strtol(line, &end, 10);

        if (end == line)
            break;
        id = next;
    }
    return (pid_t)id;
}

int strobe_target_exe_id(pid_t pid, uint64_t *ret_dev, uint64_t *ret_ino)
{
    struct stat st;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    if (stat(path, &st))
        return errno == EACCES || errno == EPERM ? STROBE_ERR_PERM : STROBE_ERR_NOPROC;
    *ret_dev = st.st_dev;
    *ret_ino = st.st_ino;
    return 0;
}

pid_t strobe_target_parent(pid_t pid)
{
    struct strobe_target_stat stat;

    return strobe_target_stat(pid, &stat) ? 0 : stat.parent;
}

bool strobe_target_in_parents_memory(pid_t pid)
{
    pid_t parent = strobe_target_parent(pid);

    return parent > 0 && syscall(SYS_kcmp, pid, parent, KCMP_VM, 0, 0) == 0;
}

void strobe_target_cmdline(pid_t pid, struct strobe_buf *out)
{
    struct strobe_target_stat stat;
    char *text = malloc(MAX_CMDLINE);
    ssize_t len = text ? read_proc(pid, "cmdline", text, MAX_CMDLINE) : 0;

    while (len > 0 && !text[len - 1])
        len--; /* one NUL ends the last argument; setproctitle() leaves many */
    if (len > 0) {
        for (ssize_t i = 0; i < len; i++)
            if (!text[i])
                text[i] = ' ';
        strobe_buf_put(out, text, (size_t)len);
    } else if (!strobe_target_stat(pid, &stat)) {
        strobe_buf_printf(out, "[%s]", stat.comm);
    }
    free(text);
}

/* ---- launch ---- */

/* In the child, after fork: only async-signal-safe calls. */
static void __attribute__((noreturn)) run_child(char *const argv[], int report)
{
    sigset_t none;
    int err;

    for (int sig = 1; sig < NSIG; sig++) {
        struct sigaction action;

        /* Handlers go back to default by exec itself.  What nohup or a shell without job control told us to ignore stays so. */
        if (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sigaction(sig, NULL, &action) || action.sa_handler != SIG_IGN)
            continue;
        signal(sig, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(argv[0], argv);
    err = errno;
    while (write(report, &err, sizeof err) < 0 && errno == EINTR)
        ;
    _exit(127);
}

int strobe_target_launch(char *const argv[], struct strobe_launch *ret, struct strobe_buf *why)
{
    int report[2], child_errno = 0, status;
    ssize_t got;
    pid_t pid;

    if (!argv || !argv[0] || !argv[0][0]) {
        strobe_buf_puts(why, "no program to run");
        return STROBE_ERR_ARG;
    }
    if (pipe2(report, O_CLOEXEC)) {
        strobe_buf_printf(why, "cannot run %s: %s", argv[0], strerror(errno));
        return STROBE_ERR_IO;
    }
    fflush(NULL); /* or the child's copy of unwritten output would count twice if it ever flushed */
    pid = fork();
    if (pid == 0)
        run_child(argv, report[1]);
    close(report[1]);
    if (pid < 0) {
        strobe_buf_printf(why, "cannot run %s: %s", argv[0], strerror(errno));
        close(report[0]);
        return STROBE_ERR_IO;
    }
    /* The pipe closes at a successful exec: from here on the child is the program. */
    do
        got = read(report[0], &child_errno, sizeof child_errno);
    while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == (ssize_t)sizeof child_errno) {
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        strobe_buf_printf(why, "cannot run %s: %s", argv[0], strerror(child_errno));
        return child_errno == ENOENT || child_errno == ENOTDIR ? STROBE_ERR_MISSING :
               child_errno == EACCES || child_errno == EPERM ? STROBE_ERR_PERM : STROBE_ERR_IO;
    }
    ret->pid = pid;
    return 0;
}

bool strobe_target_reap(struct strobe_launch *launch, int *ret_status)
{
    siginfo_t info = {.si_pid = 0};

    /* Exits only: the stops of a thread that is held belong to who holds it; a tracer is told of them whatever it asks for. */
    if (waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid != launch->pid)
        return false;
    if (info.si_code != CLD_EXITED && info.si_code != CLD_KILLED && info.si_code != CLD_DUMPED)
        return false;
    return waitpid(launch->pid, ret_status, WNOHANG) == launch->pid;
}
