/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

int strobe_signals_open(struct strobe_signals *signals)
{
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
    struct sigaction action;
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigemptyset(&signals->ignored);
    for (unsigned i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        /* A blocked signal arrives at a signalfd even if it is ignored. */
        sigaddset(&set, taken[i]);
        if (!sigaction(taken[i], NULL, &action) && action.sa_handler == SIG_IGN)
            sigaddset(&signals->ignored, taken[i]);
    }
    sigaddset(&set, SIGCONT); /* blocked, it waits until strobe_signals_continued asks for it */
    signal(SIGCHLD, SIG_DFL); /* an inherited "ignore" would have the kernel reap the program, its status lost */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file beyond ulimit -f is an error of write */
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return STROBE_ERR_IO;
    sigdelset(&set, SIGCONT);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return STROBE_ERR_IO;
    signals->fd = fd;
    return 0;
}

/* What was ignored when strobe was started stays so: nohup's SIGHUP always; ^C from the terminal for a job that a shell without job
 * control runs in the background (POSIX sh, 2.11), which a script may still end with kill -INT. */
static bool is_ignored(const struct strobe_signals *signals, const struct strobe_signal *got)
{
    return sigismember(&signals->ignored, got->number) == 1 && (got->from_terminal || got->number == SIGHUP);
}

void strobe_signals_close(struct strobe_signals *signals)
{
    if (signals->fd >= 0)
        close(signals->fd);
    signals->fd = -1;
}

bool strobe_signals_next(struct strobe_signals *signals, struct strobe_signal *ret_signal)
{
    struct signalfd_siginfo info;

    while (read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        struct strobe_signal got = {.number = (int)info.ssi_signo, .from_terminal = info.ssi_code == SI_KERNEL};

        if (got.number == SIGCHLD || is_ignored(signals, &got))
            continue;
        *ret_signal = got;
        return true;
    }
    return false;
}

bool strobe_signals_continued(void)
{
    struct timespec none = {0, 0};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    return sigtimedwait(&set, NULL, &none) == SIGCONT;
}

void strobe_signals_wait(struct strobe_signals *signals, int timeout_ms)
{
    struct pollfd pfd = {.fd = signals->fd, .events = POLLIN};

    poll(&pfd, 1, timeout_ms);
}
