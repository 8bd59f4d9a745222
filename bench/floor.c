/* SPDX-License-Identifier: Apache-2.0 */
/* floor: the least that any sampler from outside can cost, measured beside the samplers (see bench/README.md).
 *
 *   floor stop PID RATE SECONDS [WAIT]   seize, interrupt, wait, one 4 KiB read, detach, for each tick
 *   floor held PID RATE SECONDS [WAIT]   the same, staying seized: interrupt, wait, read, continue
 *   floor read PID RATE SECONDS          sleep and one 4 KiB read
 *   floor flat PID 0 SECONDS             4 KiB reads as fast as they go
 *   floor blocks PID SECONDS FILE COUNT  reads the blocks of 16 KiB at the addresses in the file (hexadecimal, one a line), COUNT of
 *                                        them a call, again and again
 *   floor run ROOT COUNT PROGRAM ARG...  wall time of a command, started COUNT times (in ROOT if it is not "/")
 *
 * WAIT is how stop and held wait for the stop: "poll" (waitpid with WNOHANG), "block" (sleep in waitpid), "both" (poll as long as
 * a stop of a thread on a CPU takes, then block).  Which is cheapest depends on the machine and on its load: polling keeps
 * a thread off the CPU that it needs for its stop, if there is no other.  Prints one line of JSON.  Only the process's first
 * thread is stopped: the target has one. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 4096
#define BLOCK_SIZE 16384
#define MAX_BLOCKS (1 << 20)
#define MAX_AT_ONCE 1024
#define MAX_PAUSES (1 << 20) /* pauses kept for the quantiles; a run has a few thousand */
#define NS 1000000000ULL
#define POLL_NS 20000 /* "both" polls for so long */
#define POLL_FOREVER UINT64_MAX

static uint64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static double own_cpu(void)
{
    struct rusage ru;

    getrusage(RUSAGE_SELF, &ru);
    return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}

static void sleep_until(uint64_t when)
{
    struct timespec ts = { .tv_sec = (time_t)(when / NS), .tv_nsec = (long)(when % NS) };

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
        ;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    return 1;
}

/* A mapping of at least one page that can be read: the first private writable one. */
static int readable_page(pid_t pid, uint64_t *ret_addr)
{
    char path[64], line[4096];
    uint64_t start, end;
    char perms[8];
    int r = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return -1;
    while (r && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, perms) == 3 && !strcmp(perms, "rw-p") &&
            end - start >= READ_SIZE) {
            *ret_addr = start;
            r = 0;
        }
    }
    fclose(f);
    return r;
}

static bool read_page(pid_t pid, uint64_t addr)
{
    static char page[READ_SIZE];
    struct iovec local = { page, sizeof(page) }, remote = { (void *)(uintptr_t)addr, sizeof(page) };

    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == READ_SIZE;
}

/* Waits for the stop, polling for the first poll_ns; returns the signal to pass on (0 for the interrupt's own stop), -1 when
 * the thread is gone. */
static int wait_stopped(pid_t pid, uint64_t poll_ns)
{
    uint64_t end = poll_ns == POLL_FOREVER ? poll_ns : now() + poll_ns;
    int status;
    pid_t got;

    do
        got = waitpid(pid, &status, __WALL | (poll_ns && (end == POLL_FOREVER || now() < end) ? WNOHANG : 0));
    while (got == 0 || (got < 0 && errno == EINTR));
    if (got < 0 || !WIFSTOPPED(status))
        return -1;
    return status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
}

/* One pause with one read in it. */
static int pause_once(pid_t pid, uint64_t addr, bool held, uint64_t poll_ns)
{
    int sig;

    if (!held && ptrace(PTRACE_SEIZE, pid, 0, 0))
        return -1;
    if (ptrace(PTRACE_INTERRUPT, pid, 0, 0))
        return -1;
    sig = wait_stopped(pid, poll_ns);
    if (sig < 0)
        return -1;
    read_page(pid, addr);
    return ptrace(held ? PTRACE_CONT : PTRACE_DETACH, pid, 0, sig) ? -1 : 0;
}

static int sample(const char *mode, pid_t pid, double rate, double seconds, const char *wait)
{
    bool stop = !strcmp(mode, "stop"), held = !strcmp(mode, "held"), flat = !strcmp(mode, "flat");
    uint64_t *pauses = calloc(MAX_PAUSES, sizeof(*pauses));
    uint64_t poll_ns = !strcmp(wait, "block") ? 0 : !strcmp(wait, "both") ? POLL_NS : POLL_FOREVER;
    uint64_t addr, start, next, end, t, n = 0, kept = 0;
    double cpu, period = flat ? 0 : (double)NS / rate;

    if (!pauses || readable_page(pid, &addr))
        return die("no page to read");
    if (held && ptrace(PTRACE_SEIZE, pid, 0, 0))
        return die("seize");
    srandom((unsigned)getpid());
    start = next = now();
    end = start + (uint64_t)(seconds * (double)NS);
    for (cpu = own_cpu(); (t = now()) < end; n++) {
        if (!flat) {
            /* each tick at random within its own period; late ones are not made up for */
            sleep_until(next + (uint64_t)(period * (double)random() / (double)RAND_MAX));
            next += (uint64_t)period;
            if (next + (uint64_t)period < t)
                next = t;
            t = now();
        }
        if (stop || held) {
            if (pause_once(pid, addr, held, poll_ns))
                return die("pause");
            if (kept < MAX_PAUSES)
                pauses[kept++] = now() - t;
        } else if (!read_page(pid, addr)) {
            return die("read");
        }
    }
    cpu = own_cpu() - cpu;
    qsort(pauses, kept, sizeof(*pauses), compare);
    printf("{\"mode\": \"%s %s\", \"samples\": %" PRIu64 ", \"cpu_us\": %.3f, \"rate\": %.1f, "
           "\"pause_us\": %.1f, \"pause_p99_us\": %.1f}\n",
           mode, wait, n, n ? cpu * 1e6 / (double)n : 0.0, (double)n * 1e9 / (double)(now() - start),
           kept ? (double)pauses[kept / 2] / 1e3 : 0.0, kept ? (double)pauses[kept * 99 / 100] / 1e3 : 0.0);
    free(pauses);
    return 0;
}

/* All the blocks once; those at the end of a mapping, or gone since, are left out after their first failure. */
static size_t read_blocks(pid_t pid, uint64_t *at, size_t n, size_t at_once, unsigned char *room)
{
    struct iovec local = { room, at_once * BLOCK_SIZE }, remote[MAX_AT_ONCE];
    size_t kept = 0;

    for (size_t i = 0; i < n; i += at_once) {
        size_t some = n - i < at_once ? n - i : at_once;

        for (size_t k = 0; k < some; k++)
            remote[k] = (struct iovec){ (void *)(uintptr_t)at[i + k], BLOCK_SIZE };
        local.iov_len = some * BLOCK_SIZE;
        if (process_vm_readv(pid, &local, 1, remote, some, 0) == (ssize_t)local.iov_len) {
            memmove(at + kept, at + i, some * sizeof(*at));
            kept += some;
            continue;
        }
        for (size_t k = 0; k < some; k++) {
            local.iov_len = BLOCK_SIZE;
            if (process_vm_readv(pid, &local, 1, &remote[k], 1, 0) == BLOCK_SIZE)
                at[kept++] = (uint64_t)(uintptr_t)remote[k].iov_base;
        }
    }
    return kept;
}

static int blocks(pid_t pid, double seconds, const char *path, size_t at_once)
{
    uint64_t *at = malloc(MAX_BLOCKS * sizeof(*at)), start, end, rounds = 0;
    unsigned char *room = malloc(at_once * BLOCK_SIZE);
    FILE *f = fopen(path, "re");
    size_t n = 0, listed;
    double cpu;

    if (!at || !room || !f)
        return die(path);
    while (n < MAX_BLOCKS && fscanf(f, "%" SCNx64, &at[n]) == 1)
        n++;
    fclose(f);
    listed = n;
    n = read_blocks(pid, at, n, at_once, room); /* the first time for the page faults of our own */
    if (n < listed / 2)
        return die("process_vm_readv");
    cpu = own_cpu();
    for (start = now(), end = start + (uint64_t)(seconds * (double)NS); now() < end; rounds++)
        n = read_blocks(pid, at, n, at_once, room);
    cpu = own_cpu() - cpu;
    printf("{\"mode\": \"blocks %zu\", \"blocks\": %zu, \"rounds\": %" PRIu64 ", \"wall_us\": %.1f, \"cpu_us\": %.1f}\n", at_once, n,
           rounds,
           (double)(now() - start) / 1e3 / (double)rounds, cpu * 1e6 / (double)rounds);
    free(at);
    free(room);
    return 0;
}

/* Starts a command by vfork, so that its time is its own and not that of copying our page tables. */
static pid_t spawn(const char *root, char **argv)
{
    pid_t pid = vfork();
    int null;

    if (pid)
        return pid;
    null = open("/dev/null", O_WRONLY);
    if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
        _exit(126);
    if (strcmp(root, "/") && (chroot(root) || chdir("/")))
        _exit(126);
    execv(argv[0], argv);
    _exit(127);
}

static int run(const char *root, int count, char **argv)
{
    uint64_t *times = calloc((size_t)count, sizeof(*times));
    int status, failed = 0;

    if (!times)
        return die("memory");
    for (int i = 0; i < count; i++) {
        uint64_t t = now();
        pid_t pid = spawn(root, argv);

        if (pid < 0)
            return die("vfork");
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        times[i] = now() - t;
        failed += status != 0;
    }
    qsort(times, (size_t)count, sizeof(*times), compare);
    printf("{\"mode\": \"run\", \"count\": %d, \"failed\": %d, \"median_us\": %.1f, \"min_us\": %.1f, \"max_us\": %.1f}\n", count,
           failed, (double)times[count / 2] / 1e3, (double)times[0] / 1e3, (double)times[count - 1] / 1e3);
    free(times);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && !strcmp(argv[1], "run") && atoi(argv[3]) > 0)
        return run(argv[2], atoi(argv[3]), argv + 4);
    if (argc >= 6 && !strcmp(argv[1], "blocks") && atoi(argv[5]) > 0 && atoi(argv[5]) <= MAX_AT_ONCE)
        return blocks((pid_t)atoi(argv[2]), atof(argv[3]), argv[4], (size_t)atoi(argv[5]));
    if (argc >= 5 && strchr("shrf", argv[1][0]))
        return sample(argv[1], (pid_t)atoi(argv[2]), atof(argv[3]), atof(argv[4]), argc > 5 ? argv[5] : "poll");
    fprintf(stderr, "usage: floor stop|held|read|flat PID RATE SECONDS [poll|block|both] | blocks PID SECONDS FILE COUNT | run ROOT "
                    "COUNT PROGRAM ARG...\n");
    return 2;
}
