/* SPDX-License-Identifier: Apache-2.0 */
/* ping: visits to a thread by a signal whose handler does nothing but count: the least that a sample can cost which is taken on the
 * sampled thread (see bench/README.md).  A library, loaded into the process.  One run at a time. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000ULL
#define MAX_TIMES 65536 /* visits whose times are kept */

int ping_start(int signum, int tid, double rate);
void ping_stop(void);
unsigned long long ping_visits(void);
double ping_cpu(void);
int ping_self(int signum, int count, const uint32_t **ret);

static struct {
    pthread_t thread;
    clockid_t clock; /* of the thread's CPU time */
    int signum, tid;
    uint64_t period_ns;
    atomic_bool stop;
    atomic_ullong visits;
} ping;

static struct {
    int n;
    uint32_t times[MAX_TIMES]; /* nanoseconds */
} kept;

static void visited(int signum)
{
    (void)signum;
    atomic_fetch_add_explicit(&ping.visits, 1, memory_order_relaxed);
}

static uint64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

/* One signal at a random moment of each period, as strobe's ticks are. */
static void *run(void *ctx)
{
    uint64_t begin = now(), slot = 0;
    unsigned seed = (unsigned)begin;

    (void)ctx;
    while (!atomic_load_explicit(&ping.stop, memory_order_acquire)) {
        uint64_t when = begin + slot * ping.period_ns + (uint64_t)((double)rand_r(&seed) / RAND_MAX * (double)ping.period_ns);
        struct timespec ts = {.tv_sec = (time_t)(when / NS), .tv_nsec = (long)(when % NS)};

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
        syscall(SYS_tgkill, getpid(), ping.tid, ping.signum);
        slot++;
        if ((now() - begin) / ping.period_ns > slot)
            slot = (now() - begin) / ping.period_ns; /* what was missed is not made up for */
    }
    return NULL;
}

/* Begins to signal a thread of this process.  rate: signals a second.  0, or a number of errno. */
int ping_start(int signum, int tid, double rate)
{
    struct sigaction action = {.sa_handler = visited, .sa_flags = SA_RESTART};
    int err;

    sigaction(signum, &action, NULL); /* stays, for a signal that comes late */
    ping.signum = signum;
    ping.tid = tid;
    ping.period_ns = (uint64_t)((double)NS / rate);
    atomic_store(&ping.stop, false);
    err = pthread_create(&ping.thread, NULL, run, NULL);
    return err ? err : pthread_getcpuclockid(ping.thread, &ping.clock);
}

void ping_stop(void)
{
    atomic_store_explicit(&ping.stop, true, memory_order_release);
    pthread_join(ping.thread, NULL);
}

/* Signals that have arrived since the library was loaded. */
unsigned long long ping_visits(void)
{
    return atomic_load_explicit(&ping.visits, memory_order_relaxed);
}

/* CPU seconds of the thread that sends, between ping_start and ping_stop. */
double ping_cpu(void)
{
    struct timespec ts;

    return clock_gettime(ping.clock, &ts) ? 0.0 : (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- the kernel's part ---- */

static void keep(uint64_t ns)
{
    if (kept.n < MAX_TIMES)
        kept.times[kept.n++] = (uint32_t)ns;
}

/* The kernel's part: a thread that signals itself, from before the call to after the handler, which is empty.  Nanoseconds, borrowed;
 * returns how many. */
int ping_self(int signum, int count, const uint32_t **ret)
{
    struct sigaction action = {.sa_handler = visited, .sa_flags = SA_RESTART};
    pid_t pid = getpid();
    long tid = syscall(SYS_gettid);

    sigaction(signum, &action, NULL);
    kept.n = 0;
    while (count-- > 0) {
        uint64_t begin = now();

        syscall(SYS_tgkill, pid, tid, signum);
        keep(now() - begin);
    }
    *ret = kept.times;
    return kept.n;
}
