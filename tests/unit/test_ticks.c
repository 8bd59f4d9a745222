/* SPDX-License-Identifier: Apache-2.0 */
/* Ticks beside the kernel's clocks, on this machine as it is: of a thread that computes, sleeps, is taken off its CPU and moved. */
#include "tests/unit/cm.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ext/ticks.h"

#define MS 1e6 /* ns */

static double clock_ns(clockid_t clock)
{
    struct timespec now;

    assert_int_equal(clock_gettime(clock, &now), 0);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double ns(uint64_t ticks)
{
    return (double)ticks * strobe_ticks_facts()->ns_per_tick;
}

static void sleep_ms(long ms)
{
    struct timespec left = {0, ms * 1000000};

    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

/* cmocka's assertions are for the thread that runs the test. */
static atomic_bool has_gone_back;

/* An event: neither clock goes back. */
static struct strobe_calls_time event(struct strobe_ticks *ticks)
{
    struct strobe_calls_time before = ticks->last, now = strobe_ticks_now(ticks);

    if (now.wall < before.wall || now.cpu < before.cpu)
        atomic_store(&has_gone_back, true);
    return now;
}

/* Computes for so long by the thread's own clock, with an event each microsecond or so. */
static void spin(struct strobe_ticks *ticks, double ms)
{
    double end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * MS;

    do
        for (int i = 0; i < 100; i++)
            event(ticks);
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
}

/* What has passed by the kernel's clock and by ours. */
struct span {
    struct strobe_ticks ticks;
    struct strobe_calls_time first;
    double first_real, real, cpu; /* ns */
};

static struct span begin(enum strobe_ticks_cpu how)
{
    struct span span;

    strobe_ticks_init(&span.ticks, how);
    span.first = event(&span.ticks);
    span.first_real = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    return span;
}

static void end(struct span *span)
{
    span->cpu = ns(event(&span->ticks).cpu - span->first.cpu);
    span->real = clock_ns(CLOCK_THREAD_CPUTIME_ID) - span->first_real;
}

static bool is_right(const struct span *span)
{
    return fabs(span->cpu - span->real) <= 0.02 * span->real + 1 * MS;
}

static void expect_right(struct span *span)
{
    end(span);
    if (!is_right(span))
        print_error("%.3f ms of CPU time, %.3f ms by the kernel's clock\n", span->cpu / MS, span->real / MS);
    assert_true(is_right(span));
    assert_false(atomic_load(&has_gone_back));
}

static void need_rseq(void)
{
    if (!strobe_ticks_facts()->has_rseq)
        skip();
}

/* ---- wall time ---- */

static void test_wall(void **state)
{
    struct strobe_ticks ticks;
    double least, most = -clock_ns(CLOCK_MONOTONIC), is;
    uint64_t first;

    strobe_ticks_init(&ticks, STROBE_TICKS_NO_CPU);
    first = event(&ticks).wall;
    least = -clock_ns(CLOCK_MONOTONIC);
    while (clock_ns(CLOCK_MONOTONIC) + least < 50 * MS)
        assert_int_equal(event(&ticks).cpu, 0);
    least += clock_ns(CLOCK_MONOTONIC);
    is = (double)(event(&ticks).wall - first) * strobe_ticks_ns_per_tick();
    most += clock_ns(CLOCK_MONOTONIC);
    assert_true(is >= 0.99 * least && is <= 1.01 * most);
    assert_true(strobe_ticks_wall() >= ticks.last.wall);
    assert_false(atomic_load(&has_gone_back));
    assert_true(fabs(strobe_ticks_ns_per_tick() / strobe_ticks_facts()->ns_per_tick - 1) < 0.01);
}

/* ---- CPU time ---- */

static void spin_and_sleep(enum strobe_ticks_cpu how)
{
    struct span span = begin(how);
    uint64_t before;

    for (int i = 0; i < 4; i++) {
        spin(&span.ticks, 15);
        before = event(&span.ticks).cpu;
        sleep_ms(20);
        assert_true(ns(event(&span.ticks).cpu - before) < 2 * MS);
    }
    expect_right(&span);
    assert_true(span.cpu > 50 * MS);
}

static void test_cpu_by_rseq(void **state)
{
    need_rseq();
    spin_and_sleep(STROBE_TICKS_RSEQ);
}

static void test_cpu_by_the_clock(void **state)
{
    struct strobe_ticks ticks;

    strobe_ticks_init(&ticks, STROBE_TICKS_REAL_CPU);
    assert_null(ticks.sequence);
    spin_and_sleep(STROBE_TICKS_REAL_CPU);
}

static void test_no_cpu(void **state)
{
    struct strobe_ticks ticks;

    strobe_ticks_init(&ticks, STROBE_TICKS_NO_CPU);
    spin(&ticks, 5);
    sleep_ms(5);
    assert_int_equal(event(&ticks).cpu, 0);
}

static void test_what_there_is(void **state)
{
    struct strobe_ticks ticks;

    strobe_ticks_init(&ticks, STROBE_TICKS_RSEQ);
    assert_int_equal(ticks.how, strobe_ticks_facts()->has_rseq ? STROBE_TICKS_RSEQ : STROBE_TICKS_REAL_CPU);
    assert_int_equal(ticks.sequence != NULL, strobe_ticks_facts()->has_rseq);
    assert_true(strobe_ticks_facts()->by_counter || strobe_ticks_facts()->ns_per_tick == 1);
}

/* Who knows a later time of the thread says so: from there on it goes on. */
static void test_never_back(void **state)
{
    struct strobe_ticks ticks;
    uint64_t later;

    need_rseq();
    strobe_ticks_init(&ticks, STROBE_TICKS_RSEQ);
    later = ticks.last.cpu += (uint64_t)(3 * MS / strobe_ticks_facts()->ns_per_tick);
    for (int i = 0; i < 1000; i++)
        assert_true(event(&ticks).cpu >= later);
    spin(&ticks, 6);
    assert_true(event(&ticks).cpu > later);
    assert_false(atomic_load(&has_gone_back));
}

/* ---- threads that share a CPU, and are moved ---- */

static void stay_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set); /* where it may not be, it stays where it is */
}

static void *compute_beside(void *arg)
{
    struct span *span = arg;

    stay_on(0);
    *span = begin(STROBE_TICKS_RSEQ);
    spin(&span->ticks, 40);
    end(span);
    return NULL;
}

static void test_off_its_cpu(void **state)
{
    struct span spans[3];
    pthread_t threads[3];

    need_rseq();
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compute_beside, &spans[i]), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(is_right(&spans[i]));
        assert_true(spans[i].cpu > 39 * MS);
    }
    assert_false(atomic_load(&has_gone_back));
}

static void on_signal(int number)
{
}

static void test_moved_and_interrupted(void **state)
{
    cpu_set_t before;
    struct span span;

    need_rseq();
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_true(signal(SIGUSR1, on_signal) != SIG_ERR);
    span = begin(STROBE_TICKS_RSEQ);
    for (int i = 0; i < 40; i++) {
        stay_on(i % 2);
        spin(&span.ticks, 0.5);
        raise(SIGUSR1);
        spin(&span.ticks, 0.5);
    }
    sched_setaffinity(0, sizeof before, &before);
    expect_right(&span);
}

/* ---- another user of rseq ---- */

#if defined(__x86_64__)
#define SIGNATURE ".long 0x53053053\n"
#define TRAP "ud2\n"
#elif defined(__aarch64__)
#define SIGNATURE ".long 0xd428bc00\n"
#define TRAP "brk #1\n"
#endif
#ifdef SIGNATURE
/* A sequence of the kernel's form (uapi/linux/rseq.h) that nobody is in. */
__asm__(".pushsection .text\n.balign 16\n" SIGNATURE "their_abort:\n" TRAP "their_start:\n" TRAP ".popsection\n"
        ".pushsection .data.rel.local, \"aw\"\n.balign 32\n.globl their_sequence\n.hidden their_sequence\n"
        "their_sequence:\n.long 0, 0\n.quad their_start, 1, their_abort\n.popsection\n");
extern const char their_sequence[];
#else
static const char *their_sequence = NULL;
#endif

static void test_another_user_of_rseq(void **state)
{
    struct span span;
    volatile uint64_t *pointer;

    need_rseq();
    span = begin(STROBE_TICKS_RSEQ);
    pointer = span.ticks.sequence;
    for (int i = 0; i < 30; i++) {
        *pointer = i % 2 ? (uint64_t)(uintptr_t)their_sequence : 0;
        if (i % 3 == 0)
            sleep_ms(2); /* the kernel looks at theirs */
        spin(&span.ticks, 1);
        assert_int_equal(*pointer == 0 || *pointer == (uint64_t)(uintptr_t)strobe_ticks_ours, true);
    }
    expect_right(&span);
    /* What is theirs at the event stays nobody's afterwards: it is asked for anew. */
    *pointer = (uint64_t)(uintptr_t)their_sequence;
    event(&span.ticks);
    spin(&span.ticks, 2);
    sleep_ms(20);
    expect_right(&span);
}

/* ---- another thread's time ---- */

struct other {
    atomic_int tid;
    atomic_bool has_spun, may_end;
    double cpu; /* ns */
};

static void *compute_and_wait(void *arg)
{
    struct other *other = arg;
    struct strobe_ticks ticks;

    strobe_ticks_init(&ticks, STROBE_TICKS_REAL_CPU);
    spin(&ticks, 30);
    other->cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    atomic_store(&other->tid, (int)syscall(SYS_gettid));
    atomic_store(&other->has_spun, true);
    while (!atomic_load(&other->may_end))
        sleep_ms(1);
    return NULL;
}

static void test_another_thread(void **state)
{
    struct other other = {.cpu = 0};
    pthread_t thread;
    double is;

    assert_int_equal(pthread_create(&thread, NULL, compute_and_wait, &other), 0);
    while (!atomic_load(&other.has_spun))
        sleep_ms(1);
    is = ns(strobe_ticks_cpu_of(atomic_load(&other.tid)));
    assert_true(is >= 0.99 * other.cpu && is <= 1.01 * other.cpu + 2 * MS);
    atomic_store(&other.may_end, true);
    pthread_join(thread, NULL);
    assert_int_equal(strobe_ticks_cpu_of(1 << 23), 0); /* above all that the kernel gives (pid_max) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wall),
        cmocka_unit_test(test_what_there_is),
        cmocka_unit_test(test_cpu_by_rseq),
        cmocka_unit_test(test_cpu_by_the_clock),
        cmocka_unit_test(test_no_cpu),
        cmocka_unit_test(test_never_back),
        cmocka_unit_test(test_off_its_cpu),
        cmocka_unit_test(test_moved_and_interrupted),
        cmocka_unit_test(test_another_user_of_rseq),
        cmocka_unit_test(test_another_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
