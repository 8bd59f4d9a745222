/* SPDX-License-Identifier: Apache-2.0 */
/* States of this process's own threads, and the descriptors that asking for them takes: against what the threads do, and /proc/self/fd. */
#include "tests/unit/cm.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/proc/heapmap.h"
#include "attach/proc/peers.h"
#include "attach/proc/procfacts.h"
#include "attach/proc/threadstat.h"

enum { CROWD = 40, LIMIT = 256, ROUNDS = 100 };

/* ---- threads that sleep in a futex until they are told to end ---- */

struct sleeper {
    pthread_t thread;
    _Atomic int32_t tid;
    _Atomic uint32_t word; /* 1 = end */
};

static void *sleep_there(void *arg)
{
    struct sleeper *s = arg;

    prctl(PR_SET_NAME, "sleeper"); /* pthread_setname_np() itself looks for a file in /proc by the tid */
    atomic_store(&s->tid, (int32_t)syscall(SYS_gettid));
    while (!atomic_load(&s->word))
        syscall(SYS_futex, &s->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    return NULL;
}

static void begin(struct sleeper *s)
{
    atomic_store(&s->tid, 0);
    atomic_store(&s->word, 0);
    if (pthread_create(&s->thread, NULL, sleep_there, s))
        abort();
    while (!atomic_load(&s->tid))
        sched_yield();
}

static void end(struct sleeper *s)
{
    atomic_store(&s->word, 1);
    syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_join(s->thread, NULL);
}

/* True once it is seen to sleep in its futex. */
static bool is_asleep(struct strobe_threadstat *stat, struct sleeper *s)
{
    struct strobe_thread_state state = {.run = STROBE_RUN_RUNNING};
    int err = 0;

    while (!err && (state.run == STROBE_RUN_RUNNING || !state.futex)) { /* on its way into the call */
        err = strobe_threadstat_read(stat, atomic_load(&s->tid), &state);
        sched_yield();
    }
    return !err && state.run == STROBE_RUN_SLEEPING && state.futex == (uint64_t)(uintptr_t)&s->word;
}

/* Descriptors of this process that lead to files of threads. */
static int count_kept(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    int n = 0;

    while (dir && (entry = readdir(dir))) {
        char name[300], link[256];
        ssize_t got;

        snprintf(name, sizeof name, "/proc/self/fd/%s", entry->d_name);
        got = readlink(name, link, sizeof link - 1);
        link[got > 0 ? got : 0] = '\0';
        n += strstr(link, "/task/") != NULL;
    }
    closedir(dir);
    return n;
}

/* ---- tests ---- */

/* Threads come and go under a low limit: the program keeps its descriptors, and every state is right. */
static void test_own_threads(void **state)
{
    static struct sleeper crowd[CROWD];
    struct strobe_threadstat *stat;
    struct rlimit before, low;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){LIMIT, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(strobe_threadstat_new(getpid(), &stat), 0);
    for (int generation = 0; generation < 5; generation++) {
        for (int i = 0; i < CROWD; i++)
            begin(&crowd[i]);
        for (int pass = 0; pass < 2; pass++)
            for (int i = 0; i < CROWD; i++)
                assert_true(is_asleep(stat, &crowd[i]));
        assert_in_range(count_kept(), 1, LIMIT / 16);
        for (int i = 0; i < CROWD; i++)
            end(&crowd[i]);
    }
    strobe_threadstat_free(stat);
    assert_int_equal(count_kept(), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Those that have ended are never asked for again; while another one is, their files are given back. */
static void test_ended(void **state)
{
    static struct sleeper crowd[CROWD], other;
    struct strobe_threadstat *stat;
    struct strobe_thread_state found;
    int32_t ended;
    int kept;

    begin(&other);
    assert_int_equal(strobe_threadstat_new(getpid(), &stat), 0);
    assert_true(is_asleep(stat, &other));
    kept = count_kept();
    for (int i = 0; i < CROWD; i++) {
        begin(&crowd[i]);
        assert_true(is_asleep(stat, &crowd[i]));
    }
    assert_true(count_kept() > kept);
    ended = atomic_load(&crowd[0].tid);
    for (int i = 0; i < CROWD; i++)
        end(&crowd[i]);
    assert_int_equal(strobe_threadstat_read(stat, ended, &found), STROBE_ERR_GONE);
    for (int i = 0; i < ROUNDS; i++)
        assert_true(is_asleep(stat, &other));
    assert_int_equal(count_kept(), kept);
    strobe_threadstat_free(stat);
    end(&other);
}

/* ---- a PID namespace whose /proc is the outer one: our number is another process's there ---- */

enum { NAMED = 1, STATES = 2, MEMORY = 4, PEER = 8, FACTS = 16, NAMES = 32 };

static int look_inside(void)
{
    static struct sleeper other;
    struct strobe_threadstat *stat;
    struct strobe_thread_state found;
    struct strobe_heapmap map;
    struct strobe_peers peers;
    struct strobe_procfacts facts;
    struct strobe_buf text = STROBE_BUF_INIT;
    uint64_t addr, bytes;
    char *there = malloc(1 << 20), words[256];
    int wrong = 0, ends[2], fds = 0;

    memset(there, 1, 1 << 20);
    begin(&other);
    if (strobe_threadstat_new(getpid(), &stat))
        return 0xff;
    if (!is_asleep(stat, &other) || strobe_threadstat_read(stat, getpid(), &found) || !found.run_count)
        wrong |= STATES;
    if (strobe_threadstat_name(stat, atomic_load(&other.tid), words, sizeof words) || strcmp(words, "sleeper"))
        wrong |= NAMES;
    if (strobe_threadstat_pthread(stat, (uint64_t)(uintptr_t)other.thread, &(int32_t){0}))
        wrong |= NAMES;
    if (strobe_heapmap_open(getpid(), &map)) {
        wrong |= MEMORY;
    } else {
        bool met = false;

        while (strobe_heapmap_next(&map, UINT64_MAX, &addr, &bytes))
            met |= addr <= (uint64_t)(uintptr_t)there + 4096 && addr + bytes >= (uint64_t)(uintptr_t)there + 8192;
        wrong |= met ? 0 : MEMORY;
        strobe_heapmap_release(&map);
    }
    strobe_peers_init(&peers, getpid());
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        return 0xff;
    strobe_peers_of_fd(&peers, ends[0], &text);
    wrong |= peers.read ? 0 : PEER; /* it is seen to be a socket */
    strobe_peers_release(&peers);
    strobe_procfacts_read(getpid(), &facts);
    for (int fd = 0; fd < LIMIT; fd++)
        fds += fcntl(fd, F_GETFD) >= 0;
    wrong |= facts.open_fds >= fds && facts.open_fds <= fds + 1 ? 0 : FACTS;
    if (strobe_procfacts_text(getpid(), "comm", words, sizeof words) <= 0 || strcmp(words, "inside-ns\n"))
        wrong |= NAMED;
    end(&other);
    return wrong;
}

static void test_inner_namespace(void **state)
{
    pid_t child = fork();
    int status;

    if (!child) {
        pid_t inner;

        alarm(60);
        if (unshare(CLONE_NEWPID))
            _exit(0xfe);
        inner = fork();
        if (!inner) {
            alarm(60);
            prctl(PR_SET_NAME, "inside-ns");
            _exit(getpid() == 1 ? look_inside() : 0xff);
        }
        waitpid(inner, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 0xff);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 0xfe) /* may not be made here */
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_threads),
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_inner_namespace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
