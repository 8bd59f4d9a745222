/* SPDX-License-Identifier: Apache-2.0 */
/* background: native threads of strobe inside of a program: they never take the GIL, block every signal, and a fork finds them at rest.
 *
 *   `work` is held by the thread but when it sleeps: who holds it finds all that the thread works on whole.
 *   fork: every thread's work is taken before and let go after; in the child, where the threads are not, each one's `forked` is called, to
 *   drop what belonged to it.
 *   os.fork: the threads end before and begin again after it, so that CPython 3.12 and newer, which counts the threads of the process then
 *   (posixmodule.c, warn_about_fork_with_threads), does not warn of what the program has not begun.
 *
 * May include: base.  Ownership: embedded by its users.  Threads: any.  State: the list of all, because fork has no argument. */
#ifndef STROBE_EXT_BACKGROUND_H
#define STROBE_EXT_BACKGROUND_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct strobe_background {
    struct strobe_clock clock;  /* the system's; whose sleep lets go of work, and ends early when the thread is to end */
    void (*forked)(struct strobe_background *background);
    void (*run)(struct strobe_background *background); /* the thread, with work held; where it left off, when it was rested */
    void (*order)(struct strobe_background *background, bool go); /* run is to return, or may be called; NULL = it looks at `ending` */
    struct strobe_background *following; /* in the list of all */
    pthread_t thread;
    pthread_mutex_t next, work; /* who wants work takes next first: so a thread that has no time to sleep lets others in */
    pthread_cond_t wake;
    pthread_mutex_t life;       /* held by who begins and ends the thread */
    char name[16];
    sem_t known;                /* while it is created: it is among our own from now on */
    int32_t tid;                /* its thread's */
    bool joinable;
    bool rests;                 /* its thread has ended for the time of a fork; run may look at it when it is ending */
    _Atomic bool ending;        /* the thread is to end: set before the order, so that run can tell an order from an end of its own */
    bool was_forked;            /* its thread is in the parent */
};

/* Before anything else; nothing runs yet. */
void strobe_background_init(struct strobe_background *background, void (*run)(struct strobe_background *),
                            void (*forked)(struct strobe_background *));
/* The thread begins, under this name (at most 15 bytes); it is known as ours when this returns.  Not with work.  STROBE_ERR_NOMEM. */
int strobe_background_start(struct strobe_background *background, const char *name);
/* Tells the thread to end and waits for it; harmless when there is none.  Not with the GIL, nor with work. */
void strobe_background_end(struct strobe_background *background);
/* Around os.fork in the parent: all threads end; those that did begin again.  Not with the GIL. */
void strobe_background_rest_all(void);
void strobe_background_wake_all(void);
/* Is it a thread of ours, of any of them?  Takes no lock. */
bool strobe_background_is_own(int32_t tid);
/* Does the kernel know no thread of this process by this id (any more)? */
bool strobe_background_has_ended(int32_t tid);
/* Last of all; the thread has ended. */
void strobe_background_release(struct strobe_background *background);

/* Around any fork (forks.h): all are at rest, at places where what they have is whole.  In the child each one's `forked` is called. */
void strobe_background_hold_all(void);
void strobe_background_let_go_all(void);
void strobe_background_forked(void);

void strobe_background_lock(struct strobe_background *background);
void strobe_background_unlock(struct strobe_background *background);
/* A condition that is waited for until a time of the clock that the threads go by, the monotonic one. */
void strobe_background_cond_init(pthread_cond_t *cond);

#endif
