/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/ticks.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* glibc's, where it registers (sys/rseq.h); the kernel's struct rseq and struct rseq_cs (uapi/linux/rseq.h). */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

struct kernel_rseq {
    uint32_t cpu_id_start, cpu_id;
    uint64_t rseq_cs;
    uint32_t flags;
} __attribute__((aligned(32)));

struct kernel_rseq_cs {
    uint32_t version, flags;
    uint64_t start_ip, post_commit_offset, abort_ip;
} __attribute__((aligned(32)));

/* The kernel ends a process whose abort address has not glibc's signature before it.  Nothing of this is ever executed. */
#if defined(__x86_64__)
#define SIGNATURE ".long 0x53053053\n"
#define TRAP "ud2\n"
#elif defined(__aarch64__)
#define SIGNATURE ".long 0xd428bc00\n"
#define TRAP "brk #1\n"
#endif
#ifdef SIGNATURE
__asm__(".pushsection .text\n"
        ".balign 16\n"
        SIGNATURE
        ".globl strobe_ticks_abort\n.hidden strobe_ticks_abort\n"
        "strobe_ticks_abort:\n" TRAP
        ".globl strobe_ticks_start\n.hidden strobe_ticks_start\n"
        "strobe_ticks_start:\n" TRAP
        ".popsection\n");
extern const char strobe_ticks_abort[], strobe_ticks_start[];
static struct kernel_rseq_cs sequence = {.start_ip = 0, .post_commit_offset = 1};
const uint64_t *strobe_ticks_ours = (const uint64_t *)&sequence;
#else
const uint64_t *strobe_ticks_ours;
#endif

bool strobe_ticks_by_counter;
static struct strobe_ticks_facts facts;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t first_ns, first_count; /* one moment by both clocks */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now))
        return 0;
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t strobe_ticks_monotonic(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* One moment by both clocks: of some tries the one in which the counter was read in the shortest time. */
static void both(uint64_t *ret_ns, uint64_t *ret_count)
{
    uint64_t shortest = UINT64_MAX;

    *ret_ns = *ret_count = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t before = strobe_ticks_counter(), ns = strobe_ticks_monotonic(), after = strobe_ticks_counter();

        if (after - before < shortest) {
            shortest = after - before;
            *ret_ns = ns;
            *ret_count = before + shortest / 2;
        }
    }
}

/* Does the kernel trust the counter itself?  Then it goes on evenly, asleep or awake, and is the same on all cores. */
static bool counter_is_kernels(void)
{
#if defined(__aarch64__)
    return true; /* the architecture's own clock */
#elif defined(__x86_64__)
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    char name[32] = "";

    if (!file)
        return false;
    if (!fgets(name, sizeof name, file))
        name[0] = '\0';
    fclose(file);
    return strcmp(name, "tsc\n") == 0;
#else
    return false;
#endif
}

static uint64_t *own_sequence(void)
{
    if (!strobe_ticks_ours || !&__rseq_offset || !&__rseq_size || !__rseq_size)
        return NULL;
    return &((struct kernel_rseq *)((char *)__builtin_thread_pointer() + __rseq_offset))->rseq_cs;
}

/* Is the pointer cleared when the thread has slept, and left alone otherwise? */
static bool rseq_works(void)
{
    volatile uint64_t *own = own_sequence();
    struct timespec moment = {0, 50000};
    uint64_t ours = (uint64_t)(uintptr_t)strobe_ticks_ours, before;
    bool was_kept = false;

    if (!own)
        return false;
#ifdef SIGNATURE
    sequence.start_ip = (uint64_t)(uintptr_t)strobe_ticks_start;
    sequence.abort_ip = (uint64_t)(uintptr_t)strobe_ticks_abort;
#endif
    before = *own;
    for (int i = 0; i < 10 && !was_kept; i++) { /* it may be preempted just then */
        *own = ours;
        strobe_ticks_counter();
        was_kept = *own == ours;
    }
    *own = ours;
    nanosleep(&moment, NULL);
    if (!was_kept || *own == ours) {
        *own = before;
        return false;
    }
    *own = before;
    return true;
}

static void find_out(void)
{
    enum { MEASURE_NS = 5000000 };
    uint64_t ns, count;

    facts.ns_per_tick = 1;
    facts.by_counter = counter_is_kernels();
    if (facts.by_counter) {
        both(&first_ns, &first_count);
        do
            both(&ns, &count);
        while (ns - first_ns < MEASURE_NS);
        facts.ns_per_tick = (double)(ns - first_ns) / (double)(count - first_count);
    }
    facts.has_rseq = facts.by_counter && rseq_works();
    strobe_ticks_by_counter = facts.by_counter;
}

const struct strobe_ticks_facts *strobe_ticks_facts(void)
{
    pthread_once(&once, find_out);
    return &facts;
}

double strobe_ticks_ns_per_tick(void)
{
    uint64_t ns, count;

    if (!strobe_ticks_facts()->by_counter)
        return 1;
    both(&ns, &count);
    return (double)(ns - first_ns) / (double)(count - first_count);
}

uint64_t strobe_ticks_wall(void)
{
    return strobe_ticks_facts()->by_counter ? strobe_ticks_counter() : strobe_ticks_monotonic();
}

/* The ratio of the first call: both ends of a span are by the same one. */
static uint64_t ticks_of(uint64_t ns)
{
    return (uint64_t)((double)ns / facts.ns_per_tick);
}

uint64_t strobe_ticks_cpu_of(int32_t tid)
{
    enum { PER_THREAD = 4, SCHED = 2 }; /* how the kernel makes clock ids of threads (include/linux/posix-timers.h) */

    return ticks_of(clock_ns((clockid_t)(~(unsigned)tid << 3 | PER_THREAD | SCHED)));
}

uint64_t strobe_ticks_real_cpu(struct strobe_ticks *ticks, uint64_t wall)
{
    enum { REAL_EVERY_NS = 1000000 }; /* half a microsecond in each millisecond */
    uint64_t cpu;

    if (ticks->sequence)
        *(volatile uint64_t *)ticks->sequence = (uint64_t)(uintptr_t)strobe_ticks_ours; /* first: what comes in between shows */
    cpu = ticks_of(clock_ns(CLOCK_THREAD_CPUTIME_ID));
    if (cpu < ticks->last.cpu)
        cpu = ticks->last.cpu;
    if (strobe_ticks_by_counter)
        wall = strobe_ticks_counter(); /* the clock's own time is in it */
    ticks->base = cpu - wall;
    ticks->until = ticks->sequence ? wall + ticks_of(REAL_EVERY_NS) : 0;
    return cpu;
}

void strobe_ticks_init(struct strobe_ticks *ticks, enum strobe_ticks_cpu how)
{
    const struct strobe_ticks_facts *known = strobe_ticks_facts();

    *ticks = (struct strobe_ticks){.how = how};
    if (how == STROBE_TICKS_RSEQ && known->has_rseq)
        ticks->sequence = own_sequence();
    if (how == STROBE_TICKS_RSEQ && !ticks->sequence)
        ticks->how = STROBE_TICKS_REAL_CPU;
    if (ticks->how != STROBE_TICKS_NO_CPU)
        ticks->last.cpu = strobe_ticks_real_cpu(ticks, strobe_ticks_wall());
    ticks->last.wall = strobe_ticks_wall();
}
