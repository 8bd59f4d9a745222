/* SPDX-License-Identifier: Apache-2.0 */
/* The census over real processes of this test's own, with a pretended attachment. */
#include "tests/unit/cm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attach/target.h"
#include "base/err.h"
#include "tools/census.h"

enum { MAX = 16 };

static pid_t there[MAX];   /* attached to, by what the census said */
static uint64_t since[MAX]; /* their start times */
static void *parents[MAX];
static int n_there, refuse; /* refuse: the error of arrive */
static pid_t only;          /* all but this one are no Python; 0 = all are */
static unsigned n_tries;
static uint64_t now_ns;

static int arrive(void *ctx, pid_t pid, void *parent, void **ret_target)
{
    n_tries++;
    if (refuse)
        return refuse;
    if (only && pid != only)
        return STROBE_ERR_NOTPYTHON;
    assert_true(n_there < MAX);
    there[n_there] = pid;
    strobe_target_start_time(pid, &since[n_there]);
    parents[n_there] = parent;
    *ret_target = &there[n_there++];
    return 0;
}

static int check(void *ctx, void *target)
{
    struct strobe_target_stat stat;

    return strobe_target_stat(*(pid_t *)target, &stat) || strobe_target_ended(&stat) || stat.start_ticks != since[(pid_t *)target - there] ?
               STROBE_ERR_GONE : 0;
}

static void leave(void *ctx, void *target)
{
    *(pid_t *)target = 0;
}

static const struct strobe_census_ops ops = {arrive, check, leave};

static bool is_there(pid_t pid)
{
    for (int i = 0; i < n_there; i++)
        if (there[i] == pid)
            return true;
    return false;
}

/* As fork; number: the process id that it is to have, 0 = any.  -1 and errno: EPERM, only root may choose; ENOSYS. */
static pid_t fork_as(pid_t number)
{
    struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1};

    return number ? (pid_t)syscall(SYS_clone3, &args, sizeof args) : fork();
}

/* A process that waits for the end of its input; with a command line of its own.  -1: see fork_as. */
static pid_t start_as(pid_t number, const char *word, int input[2])
{
    pid_t pid;

    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    pid = fork_as(number);
    if (pid == 0) {
        dup2(input[0], STDIN_FILENO);
        execlp("sh", "sh", "-c", "cat; exit 0", word, (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    return pid;
}

static pid_t start(const char *word, int input[2])
{
    return start_as(0, word, input);
}

static void end(pid_t pid, int input[2])
{
    close(input[1]);
    waitpid(pid, NULL, 0);
}

static int setup(void **state)
{
    n_there = refuse = only = 0;
    n_tries = 0;
    now_ns = 1000ull * 1000 * 1000;
    return 0;
}

static void poll_after(struct strobe_census *census, uint64_t ms)
{
    now_ns += ms * 1000 * 1000;
    strobe_census_poll(census, now_ns);
}

/* The shell's child is there once the shell has started it. */
static pid_t child_of(pid_t pid)
{
    pid_t child;

    while (!strobe_target_descendants(pid, &child, 1))
        usleep(1000);
    return child;
}

static void test_named_and_its_children(void **state)
{
    struct strobe_census *census;
    int input[2];
    pid_t pid = start("one", input), child = child_of(pid);
    int32_t named = pid;

    assert_int_equal(strobe_census_new(&named, 1, &ops, NULL, &census), 0);
    assert_int_equal(strobe_census_missing(census), 1);
    assert_int_equal(strobe_census_start(census, pid), 0);
    assert_int_equal(strobe_census_missing(census), 0);
    poll_after(census, 0);
    poll_after(census, 10); /* a new child is given time to exec, */
    while (!is_there(child)) { /* and may be in its parent's memory until then */
        usleep(1000);
        poll_after(census, 1);
    }
    assert_true(is_there(pid) && is_there(child));
    assert_int_equal(n_there, 2);
    assert_ptr_equal(parents[1], &there[0]);
    end(pid, input);
    poll_after(census, 250);
    assert_false(is_there(pid));
    assert_int_equal(strobe_census_missing(census), 1);
    strobe_census_free(census);
}

static void test_comes_back(void **state)
{
    struct strobe_census *census;
    int input[2];
    pid_t pid = start("service", input), other;
    int32_t named = pid;

    child_of(pid); /* it is the shell by now */
    assert_int_equal(strobe_census_new(&named, 1, &ops, NULL, &census), 0);
    assert_int_equal(strobe_census_start(census, pid), 0);
    end(pid, input);
    poll_after(census, 250);
    other = start("another", input);
    child_of(other);
    for (int i = 0; i < 4; i++)
        poll_after(census, 1000);
    assert_int_equal(strobe_census_missing(census), 1); /* a similar command line is another service */
    end(other, input);
    pid = start("service", input);
    child_of(pid);
    for (int i = 0; i < 4; i++)
        poll_after(census, 1000);
    assert_int_equal(strobe_census_missing(census), 0);
    assert_true(is_there(pid));
    end(pid, input);
    strobe_census_free(census);
}

/* Until the clock that start times are read from has gone on. */
static void await_another_tick(uint64_t ticks)
{
    struct timespec t;

    do
        clock_gettime(CLOCK_BOOTTIME, &t);
    while ((uint64_t)t.tv_sec * 100 + (uint64_t)t.tv_nsec / 10000000 <= ticks); /* USER_HZ */
}

/* Another program has the number of one that was named and has ended: neither it nor what it starts is what was named; the service is,
 * whichever number it comes back under. */
static void test_a_number_is_used_again(void **state)
{
    struct strobe_census *census;
    int input[2], tries = 0;
    pid_t pid = start("service", input), other;
    int32_t named = pid;
    uint64_t ticks;

    child_of(pid);
    strobe_target_start_time(pid, &ticks);
    assert_int_equal(strobe_census_new(&named, 1, &ops, NULL, &census), 0);
    assert_int_equal(strobe_census_start(census, pid), 0);
    end(pid, input);
    await_another_tick(ticks);
    do /* somebody else may just have taken it: then it is theirs for a moment */
        other = start_as(pid, "another", input);
    while (other < 0 && errno == EEXIST && tries++ < 100 && !close(input[0]) && !close(input[1]));
    if (other < 0) {
        strobe_census_free(census);
        skip(); /* only root may choose a number, of kernels that let it */
    }
    assert_int_equal(other, pid);
    child_of(other);
    for (int i = 0; i < 4; i++)
        poll_after(census, 1000);
    assert_int_equal(n_there, 1); /* the first one, which has left */
    assert_int_equal(strobe_census_missing(census), 1);
    strobe_target_start_time(other, &ticks);
    end(other, input);
    await_another_tick(ticks);
    do
        other = start_as(pid, "service", input);
    while (other < 0 && errno == EEXIST && !close(input[0]) && !close(input[1]));
    assert_int_equal(other, pid);
    child_of(other);
    for (int i = 0; i < 4; i++)
        poll_after(census, 1000);
    assert_true(is_there(other));
    assert_int_equal(strobe_census_missing(census), 0);
    end(other, input);
    strobe_census_free(census);
}

/* What was named is a shell, and what it has started is the service. */
static void test_a_wrapper(void **state)
{
    struct strobe_census *census;
    int input[2];
    pid_t pid = start("wrapper", input);
    int32_t named = pid;

    only = child_of(pid);
    assert_int_equal(strobe_census_new(&named, 1, &ops, NULL, &census), 0);
    assert_int_equal(strobe_census_start(census, pid), STROBE_ERR_NOTPYTHON);
    while (!is_there(only)) { /* it may be in its parent's memory until it execs */
        usleep(1000);
        poll_after(census, 10);
    }
    poll_after(census, 250);
    assert_int_equal(strobe_census_missing(census), 0);
    end(pid, input);
    poll_after(census, 250);
    assert_false(is_there(only));
    assert_int_equal(strobe_census_missing(census), 1);
    pid = start("wrapper", input); /* started again, under another number */
    only = child_of(pid);
    while (!is_there(only)) { /* as above */
        usleep(1000);
        poll_after(census, 1000);
    }
    poll_after(census, 1000);
    assert_int_equal(strobe_census_missing(census), 0);
    end(pid, input);
    strobe_census_free(census);
}

static void test_attempts_grow_rarer(void **state)
{
    struct strobe_census *census;
    int input[2];
    pid_t pid = start("no-python", input);
    int32_t named = pid;
    unsigned early;

    child_of(pid);
    assert_int_equal(strobe_census_new(&named, 1, &ops, NULL, &census), 0);
    refuse = STROBE_ERR_NOTPYTHON;
    for (int i = 0; i < 100; i++)
        poll_after(census, 10);
    early = n_tries;
    assert_true(early > 2 && early < 60);
    for (int i = 0; i < 100; i++)
        poll_after(census, 100);
    assert_true(n_tries - early <= 30); /* of two processes, ten seconds of them: one a second each, and a few */
    refuse = 0;
    for (int i = 0; i < 12; i++)
        poll_after(census, 100);
    assert_true(is_there(pid));
    end(pid, input);
    strobe_census_free(census);
}

static void test_own_children_are_no_services(void **state)
{
    struct strobe_census *census;
    int input[2];
    pid_t pid = start("mine", input);

    child_of(pid);
    assert_int_equal(strobe_census_new(NULL, 0, &ops, NULL, &census), 0);
    refuse = STROBE_ERR_NOTPYTHON;
    poll_after(census, 0);
    poll_after(census, 3000);
    assert_true(n_tries > 0);
    assert_false(is_there(pid) || is_there(getpid()));
    end(pid, input);
    strobe_census_free(census);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_named_and_its_children, setup),
        cmocka_unit_test_setup(test_comes_back, setup),
        cmocka_unit_test_setup(test_a_number_is_used_again, setup),
        cmocka_unit_test_setup(test_a_wrapper, setup),
        cmocka_unit_test_setup(test_attempts_grow_rarer, setup),
        cmocka_unit_test_setup(test_own_children_are_no_services, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
