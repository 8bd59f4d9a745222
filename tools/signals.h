/* SPDX-License-Identifier: Apache-2.0 */
/* signals: SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGCHLD taken in order through a signalfd instead of handlers: no global state, and
 * the sender can be told.  They stay blocked from open on; a launched program gets a clean mask (attach/target.c).  SIGPIPE
 * and SIGXFSZ are ignored, so that a closed output and a file beyond ulimit -f are write errors.  May include: base.  Threads: one. */
#ifndef STROBE_TOOLS_SIGNALS_H
#define STROBE_TOOLS_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct strobe_signals {
    int fd;
    sigset_t ignored; /* when strobe was started */
};

struct strobe_signal {
    int number;
    bool from_terminal; /* by the kernel, to the whole foreground group: a launched program has it already */
};

/* 0 or STROBE_ERR_IO. */
int strobe_signals_open(struct strobe_signals *signals);
void strobe_signals_close(struct strobe_signals *signals);
/* The next pending one; false when there is none.  SIGCHLD is swallowed: it only wakes. */
bool strobe_signals_next(struct strobe_signals *signals, struct strobe_signal *ret_signal);
/* Has this process gone on (SIGCONT) after it was stopped, since it was asked last?  It stays blocked, which keeps nobody from going on
 * (signal(7)). */
bool strobe_signals_continued(void);
/* Sleeps until a signal is pending, at most timeout_ms (-1 = no limit). */
void strobe_signals_wait(struct strobe_signals *signals, int timeout_ms);

#endif
