/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/background.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

enum {
    STACK_BYTES = 1 << 20,
    MAX_OWN = 256, /* threads that are known as ours; each recording that goes on has one */
    GONE_NAPS = 200, /* of 10 us and more, at most: a process ID that was given to another thread meanwhile does not end */
    SLACK_NS = 1000, /* how late the threads' sleeps may end; the kernel's default, 50 us, is longer than a visit */
};

static _Atomic int32_t own_tids[MAX_OWN]; /* 0 = free */

/* Lock order: list, then each one's life, next, and work. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct strobe_background *all;

void strobe_background_lock(struct strobe_background *background)
{
    pthread_mutex_lock(&background->next);
    pthread_mutex_lock(&background->work);
    pthread_mutex_unlock(&background->next);
}

void strobe_background_unlock(struct strobe_background *background)
{
    pthread_mutex_unlock(&background->work);
}

/* ---- fork ---- */

void strobe_background_hold_all(void)
{
    pthread_mutex_lock(&list_lock);
    for (struct strobe_background *b = all; b; b = b->following)
        strobe_background_lock(b);
}

void strobe_background_let_go_all(void)
{
    for (struct strobe_background *b = all; b; b = b->following)
        strobe_background_unlock(b);
    pthread_mutex_unlock(&list_lock);
}

void strobe_background_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void init_locks(struct strobe_background *background)
{
    strobe_background_cond_init(&background->wake);
    pthread_mutex_init(&background->life, NULL);
    pthread_mutex_init(&background->next, NULL);
    pthread_mutex_init(&background->work, NULL);
}

void strobe_background_forked(void)
{
    struct strobe_background *b = all;

    all = NULL;
    pthread_mutex_init(&list_lock, NULL);
    for (int i = 0; i < MAX_OWN; i++)
        atomic_store(&own_tids[i], 0);
    while (b) {
        struct strobe_background *following = b->following;

        init_locks(b); /* the thread waits for one of them in the parent */
        b->joinable = b->rests = false;
        b->was_forked = true;
        b->forked(b);
        b = following;
    }
}

/* ---- the thread ---- */

static uint64_t clock_now(struct strobe_clock *clock)
{
    (void)clock;
    return strobe_clock_system()->now(strobe_clock_system());
}

static void clock_sleep_until(struct strobe_clock *clock, uint64_t when_ns)
{
    struct strobe_background *b = (struct strobe_background *)clock;
    struct timespec when = {(time_t)(when_ns / 1000000000u), (long)(when_ns % 1000000000u)};

    if (!atomic_load(&b->ending) && clock_now(clock) < when_ns)
        pthread_cond_timedwait(&b->wake, &b->work, &when);
    pthread_mutex_unlock(&b->work);
    strobe_background_lock(b);
}

/* Where there is no place, the thread is not known as ours. */
static void replace_tid(int32_t tid, int32_t by)
{
    for (int i = 0; i < MAX_OWN; i++) {
        int32_t at = tid;

        if (atomic_compare_exchange_strong(&own_tids[i], &at, by))
            return;
    }
}

bool strobe_background_is_own(int32_t tid)
{
    for (int i = 0; i < MAX_OWN; i++)
        if (atomic_load(&own_tids[i]) == tid)
            return true;
    return false;
}

static void *begin(void *ctx)
{
    struct strobe_background *b = ctx;
    int32_t self = (int32_t)syscall(SYS_gettid);

    b->tid = self;
    replace_tid(0, self);
    sem_post(&b->known);
    prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0);
    strobe_background_lock(b);
    b->run(b);
    strobe_background_unlock(b);
    return NULL;
}

void strobe_background_init(struct strobe_background *background, void (*run)(struct strobe_background *),
                            void (*forked)(struct strobe_background *))
{
    *background = (struct strobe_background){.clock = {clock_now, clock_sleep_until}, .run = run, .forked = forked};
    init_locks(background);
    pthread_mutex_lock(&list_lock);
    background->following = all;
    all = background;
    pthread_mutex_unlock(&list_lock);
}

static void give_order(struct strobe_background *background, bool go)
{
    atomic_store(&background->ending, !go);
    if (background->order)
        background->order(background, go);
}

/* With life. */
static int create(struct strobe_background *background)
{
    pthread_attr_t attr;
    sigset_t every, before;
    int failed;

    if (pthread_attr_init(&attr))
        return STROBE_ERR_NOMEM;
    give_order(background, true);
    sem_init(&background->known, 0, 0);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&every); /* signals of the program are not this thread's */
    pthread_sigmask(SIG_SETMASK, &every, &before);
    failed = pthread_create(&background->thread, &attr, begin, background);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    while (!failed && sem_wait(&background->known) && errno == EINTR)
        ;
    sem_destroy(&background->known);
    if (failed)
        return STROBE_ERR_NOMEM;
    background->joinable = true;
    pthread_setname_np(background->thread, background->name);
    return 0;
}

int strobe_background_start(struct strobe_background *background, const char *name)
{
    int err;

    pthread_mutex_lock(&background->life);
    snprintf(background->name, sizeof background->name, "%s", name);
    background->rests = false;
    err = create(background);
    pthread_mutex_unlock(&background->life);
    return err;
}

bool strobe_background_has_ended(int32_t tid)
{
    return syscall(SYS_tgkill, getpid(), tid, 0) && errno == ESRCH;
}

/* A thread that was joined is among the process's for a moment more, while the kernel takes leave of it; who counts them would count it. */
static void await_gone(int32_t tid)
{
    static const struct timespec nap = {0, 10 * 1000};

    for (int i = 0; i < GONE_NAPS && !strobe_background_has_ended(tid); i++)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
}

/* With life.  The order comes before work is waited for: a thread in a long look ends with it. */
static void end(struct strobe_background *background)
{
    if (!background->joinable)
        return;
    give_order(background, false);
    strobe_background_lock(background);
    pthread_cond_signal(&background->wake);
    strobe_background_unlock(background);
    pthread_join(background->thread, NULL);
    await_gone(background->tid);
    replace_tid(background->tid, 0); /* until then it is one that blocks all signals, and is ours */
    background->joinable = false;
}

void strobe_background_end(struct strobe_background *background)
{
    pthread_mutex_lock(&background->life);
    end(background);
    background->rests = false;
    pthread_mutex_unlock(&background->life);
}

void strobe_background_rest_all(void)
{
    pthread_mutex_lock(&list_lock);
    for (struct strobe_background *b = all; b; b = b->following) {
        pthread_mutex_lock(&b->life);
        b->rests = b->rests || b->joinable;
        end(b);
        pthread_mutex_unlock(&b->life);
    }
    pthread_mutex_unlock(&list_lock);
}

void strobe_background_wake_all(void)
{
    pthread_mutex_lock(&list_lock);
    for (struct strobe_background *b = all; b; b = b->following) {
        pthread_mutex_lock(&b->life);
        if (b->rests && !create(b))
            b->rests = false;
        pthread_mutex_unlock(&b->life);
    }
    pthread_mutex_unlock(&list_lock);
}

void strobe_background_release(struct strobe_background *background)
{
    if (!background->was_forked) {
        pthread_mutex_lock(&list_lock);
        for (struct strobe_background **at = &all; *at; at = &(*at)->following)
            if (*at == background) {
                *at = background->following;
                break;
            }
        pthread_mutex_unlock(&list_lock);
    }
    pthread_cond_destroy(&background->wake);
    pthread_mutex_destroy(&background->work);
    pthread_mutex_destroy(&background->next);
    pthread_mutex_destroy(&background->life);
}
