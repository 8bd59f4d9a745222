/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/pause.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attach/target.h"
#include "base/clock.h"
#include "base/err.h"

/* A stop takes 5-20 us when the thread is on a CPU.  Polling for it costs a third of what a blocking wait does (two context
 * switches); but a thread that waits for the very CPU we poll on needs us off it: block then, until SIGCHLD tells of the stop. */
enum { SPINS = 60, PATIENCE_NS = 500 * 1000 * 1000 };

/* Whether a seized thread has exited instead of stopping.  Its tracer hears of that first and must reap it, or its parent never hears
 * (ptrace(2)); but where we are the parent too (a launched program's main thread), the exit status is for strobe_target_reap. */
static bool has_ended(int32_t tid)
{
    siginfo_t info = {.si_pid = 0};

    if (waitid(P_PID, (id_t)tid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL))
        return errno == ECHILD;
    if (info.si_pid == 0 || (info.si_code != CLD_EXITED && info.si_code != CLD_KILLED && info.si_code != CLD_DUMPED))
        return false;
    /* A thread that leads its process can be signalled as its own group. */
    if (syscall(SYS_tgkill, tid, tid, 0) == 0 && strobe_target_parent(tid) == getpid())
        return true;
    waitpid(tid, NULL, __WALL | WNOHANG);
    return true;
}

/* One look for a stop; an exit is reaped.  1 = stopped (ret_signal set), 0 = not yet, or an error. */
static int poll_stop(int32_t tid, int *ret_signal)
{
    siginfo_t info = {.si_pid = 0};

    /* A thread that has exited can never stop: asking for a stop alone says ECHILD then, and it is still to be reaped. */
    if (waitid(P_PID, (id_t)tid, &info, WSTOPPED | WNOHANG | __WALL))
        return errno == ECHILD && has_ended(tid) ? STROBE_ERR_GONE : 0;
    if (info.si_pid == 0)
        return 0;
    /* An event in the upper byte is our interrupt, or a group stop that was there before (SIGSTOP): nothing to deliver,
     * and a group stop goes on by itself after the detach (ptrace(2), "PTRACE_EVENT stops").  Else it is a signal's
     * delivery stop: that signal must be given back. */
    *ret_signal = info.si_status >> 8 ? 0 : info.si_status;
    return 1;
}

/* Blocks until the thread has stopped or ended, or patience ends.
 * ret_since: the stop woke us, and all that can lie between is our own wait for a CPU, which the kernel counts. */
static int sleep_until_stop(int32_t tid, const struct strobe_crowd *crowd, uint64_t end_ns, int *ret_signal, uint64_t *ret_since)
{
    struct strobe_clock *clock = strobe_clock_system();
    uint64_t now, queued = strobe_crowd_queued(crowd);
    sigset_t child, before;
    int got;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    for (;;) {
        now = clock->now(clock);
        if ((got = poll_stop(tid, ret_signal)))
            break;
        if (has_ended(tid))
            got = STROBE_ERR_GONE;
        else if (now >= end_ns)
            got = STROBE_ERR_STUCK;
        if (got)
            break;
        sigtimedwait(&child, NULL, &(struct timespec){0, (long)(end_ns - now)});
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    *ret_since = now - (strobe_crowd_queued(crowd) - queued);
    return got;
}

/* start: when the interrupt was asked for.  ret_since: a time before which the thread cannot have stopped. */
static int wait_stop(int32_t tid, const struct strobe_crowd *crowd, uint64_t start, int *ret_signal, uint64_t *ret_since)
{
    struct strobe_clock *clock = strobe_clock_system();
    uint64_t now = start;
    int got;

    *ret_since = start;
    for (int i = 0; i < SPINS; i++) {
        if ((got = poll_stop(tid, ret_signal)))
            return got;
        *ret_since = now;
        now = clock->now(clock);
    }
    return sleep_until_stop(tid, crowd, start + PATIENCE_NS, ret_signal, ret_since);
}

/* EPERM means "not allowed" (but the caller has read the memory, so rights are there), "already traced", and "has just ended". */
static int why_refused(int32_t tid)
{
    struct strobe_target_stat stat;

    if (strobe_target_stat(tid, &stat) || strobe_target_ended(&stat))
        return STROBE_ERR_GONE;
    return strobe_target_tracer(tid) == getpid() ? STROBE_ERR_STUCK : STROBE_ERR_BUSY;
}

int strobe_pause_stop(int32_t tid, const struct strobe_crowd *crowd, struct strobe_pause *ret_pause)
{
    uint64_t since = 0, start;
    int signal = 0, got;

    if (ptrace(PTRACE_SEIZE, tid, 0, 0))
        return errno == ESRCH ? STROBE_ERR_GONE : errno == EPERM ? why_refused(tid) : STROBE_ERR_PERM;
    start = strobe_clock_system()->now(strobe_clock_system());
    ptrace(PTRACE_INTERRUPT, tid, 0, 0);
    got = wait_stop(tid, crowd, start, &signal, &since);
    if (got < 0)
        return got;
    *ret_pause = (struct strobe_pause){tid, signal, since};
    return 0;
}

void strobe_pause_resume(const struct strobe_pause *pause)
{
    if (ptrace(PTRACE_DETACH, pause->tid, 0, (void *)(intptr_t)pause->signal))
        has_ended(pause->tid); /* killed while it was held */
}

int strobe_pause_abandon(int32_t tid)
{
    int signal = 0, got = poll_stop(tid, &signal);

    if (got == 0)
        return has_ended(tid);
    if (got > 0)
        strobe_pause_resume(&(struct strobe_pause){tid, signal, 0});
    return 1;
}
