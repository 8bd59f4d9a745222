/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/onthread.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "ext/background.h"
#include "ext/interrupted.h"

enum {
    SPIN_NS = 50 * 1000,          /* a thread on another CPU may answer within this */
    NAP_NS = 20 * 1000,
    WAIT_NS = 2 * 1000 * 1000,    /* one that waits for a CPU may need this; it has not gone on meanwhile */
    MAX_UNANSWERED = 64,          /* threads with a signal on its way */
};
enum { NONE, POSTED, RUNNING, DONE };

/* The word holds phase and turn, so that a handler cannot take a request that was posted after the one it saw. */
static struct {
    _Atomic uint32_t word; /* turn << 2 | phase */
    _Atomic int32_t tid;
    void (*fn)(void *ctx);
    void *ctx;
} request;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below, and who may post */
static int number;                                        /* the signal; 0 = none */
static uint32_t turn;
static _Atomic int32_t unanswered[MAX_UNANSWERED]; /* tid; 0 = free.  A handler that comes clears its own */

static int32_t own_tid(void)
{
    return (int32_t)syscall(SYS_gettid);
}

/* Async-signal-safe: atomics, system calls, and fn, which promises to be. */
static void handle(int signum, siginfo_t *info, void *ucontext)
{
    int saved = errno;
    int32_t self = own_tid();
    uint32_t word = atomic_load_explicit(&request.word, memory_order_acquire);

    (void)signum, (void)info;
    for (int i = 0; i < MAX_UNANSWERED; i++) {
        int32_t mine = self;

        if (atomic_load_explicit(&unanswered[i], memory_order_relaxed) == self)
            atomic_compare_exchange_strong(&unanswered[i], &mine, 0);
    }
    if ((word & 3) == POSTED && atomic_load_explicit(&request.tid, memory_order_relaxed) == self &&
        atomic_compare_exchange_strong(&request.word, &word, (word & ~3u) | RUNNING)) {
        request.fn(request.ctx);
        atomic_store_explicit(&request.word, (word & ~3u) | DONE, memory_order_release);
    }
    strobe_interrupted_redo(ucontext);
    errno = saved;
}

/* ---- which signal ---- */

/* Adds what a thread blocks, from its status file (proc_pid_status(5)).  Strobe's own threads block all. */
static void add_blocked(const char *tid, uint64_t *blocked)
{
    char path[64], line[256];
    FILE *f;

    if (strobe_background_is_own((int32_t)strtol(tid, NULL, 10)))
        return;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", tid);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "SigBlk:", 7) == 0)
            *blocked |= strtoull(line + 7, NULL, 16);
    if (f)
        fclose(f);
}

/* Who waits for a signal with sigwait() blocks it too. */
static uint64_t blocked_signals(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    uint64_t blocked = 0;

    while (tasks && (entry = readdir(tasks)))
        if (entry->d_name[0] != '.')
            add_blocked(entry->d_name, &blocked);
    if (tasks)
        closedir(tasks);
    return blocked;
}

static bool is_ours(int signum)
{
    struct sigaction now;

    return signum && !sigaction(signum, NULL, &now) && now.sa_flags & SA_SIGINFO && now.sa_sigaction == handle;
}

/* By default all of these do nothing: one that is on its way to a thread that execs, or whose program sets all actions back to their
 * defaults, does no harm.  A real-time signal would end the process then. */
static const int candidates[] = {SIGURG, SIGWINCH};

static int choose(void)
{
    struct sigaction ours = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK}, now;
    uint64_t blocked = blocked_signals();

    sigfillset(&ours.sa_mask); /* nothing of the program runs in between */
    for (size_t at = 0; at < sizeof candidates / sizeof candidates[0]; at++) {
        int i = candidates[at];

        if (is_ours(i) && !(blocked >> (i - 1) & 1))
            return i;
        if (blocked >> (i - 1) & 1 || sigaction(i, NULL, &now) || now.sa_flags & SA_SIGINFO || now.sa_handler != SIG_DFL)
            continue;
        if (!sigaction(i, &ours, NULL))
            return i;
    }
    return 0;
}

int strobe_onthread_open(void)
{
    int err;

    pthread_mutex_lock(&lock);
    if (!is_ours(number))
        number = choose();
    err = number ? 0 : STROBE_ERR_MISSING;
    if (number)
        strobe_interrupted_learn(number);
    pthread_mutex_unlock(&lock);
    return err;
}

int strobe_onthread_signal(void)
{
    return number;
}

/* ---- a visit ---- */

/* Tells the CPU that this is a loop that waits. */
static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Notes that a signal is on its way.  false: one to this thread already is, or too many are. */
static bool note_sent(int32_t tid, int *ret_place)
{
    int place = -1;

    for (int i = 0; i < MAX_UNANSWERED; i++) {
        int32_t at = atomic_load(&unanswered[i]);

        if (at == tid)
            return false;
        if (!at || strobe_background_has_ended(at))
            place = i;
    }
    if (place < 0)
        return false;
    atomic_store(&unanswered[place], tid);
    *ret_place = place;
    return true;
}

/* Waits until the request of this turn is done, or takes it back when it takes too long.  0 or STROBE_ERR_BUSY.  The thread does not wake
 * us: that would cost it a system call, and often its CPU. */
static int await(uint32_t posted)
{
    struct timespec nap = {0, NAP_NS}; /* longer each time: who does not answer soon waits for a CPU */
    uint64_t start = now_ns(), passed;
    uint32_t done = (posted & ~3u) | DONE, word;

    while ((word = atomic_load_explicit(&request.word, memory_order_acquire)) != done) {
        passed = now_ns() - start;
        if (passed < SPIN_NS) {
            relax();
            continue;
        }
        if (word == posted && passed >= WAIT_NS && atomic_compare_exchange_strong(&request.word, &word, posted & ~3u))
            return STROBE_ERR_BUSY;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
        nap.tv_nsec *= 2;
    }
    return 0;
}

static int post(int32_t tid, void (*fn)(void *ctx), void *ctx)
{
    uint32_t posted = ++turn << 2 | POSTED;
    int place, err;

    if (!is_ours(number) && !(number = choose()))
        return STROBE_ERR_MISSING;
    if (!note_sent(tid, &place))
        return STROBE_ERR_BUSY;
    request.fn = fn;
    request.ctx = ctx;
    atomic_store(&request.tid, tid);
    atomic_store_explicit(&request.word, posted, memory_order_release);
    if (syscall(SYS_tgkill, getpid(), tid, number)) {
        err = errno == ESRCH ? STROBE_ERR_GONE : STROBE_ERR_BUSY;
        atomic_store(&request.word, posted & ~3u);
        atomic_store(&unanswered[place], 0);
        return err;
    }
    return await(posted);
}

int strobe_onthread_run(int32_t tid, void (*fn)(void *ctx), void *ctx)
{
    int err;

    pthread_mutex_lock(&lock);
    err = post(tid, fn, ctx);
    pthread_mutex_unlock(&lock);
    return err;
}

void strobe_onthread_hold(void)
{
    pthread_mutex_lock(&lock);
}

void strobe_onthread_let_go(void)
{
    pthread_mutex_unlock(&lock);
}

void strobe_onthread_forked(void)
{
    pthread_mutex_init(&lock, NULL);
    atomic_store(&request.word, ++turn << 2 | NONE);
    for (int i = 0; i < MAX_UNANSWERED; i++)
        atomic_store(&unanswered[i], 0);
}
