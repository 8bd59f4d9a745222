/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that cannot be asked stay as they are.  (Those that can: tests/integration/test_pools.py, test_asyncio_shapes.py.) */
#include "tests/unit/cm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/childwork.h"

static int n_status; /* files of that name that were opened */

/* Stands in for the C library's. */
FILE *fopen(const char *path, const char *mode)
{
    int fd = mode[0] == 'r' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const char *name = strrchr(path, '/');

    n_status += name && strcmp(name, "/status") == 0;
    return fd < 0 ? NULL : fdopen(fd, "r");
}

/* A child that is not Python, and waits for its end. */
static pid_t child(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* no test that fails leaves it behind */
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    return pid;
}

static void ask(enum strobe_pool_kind kind, uint32_t n_calls, int32_t worker_pid)
{
    struct strobe_pool pool = {.kind = kind, .n_workers = 1, .n_calls = n_calls};
    struct strobe_pool_worker worker = {.thread = UINT32_MAX, .pid = worker_pid};
    struct strobe_pool_call calls[2] = {{.work_id = 0}, {.work_id = 0}};
    struct strobe_pools pools = {.at = &pool, .n = 1, .workers = &worker, .n_workers = 1, .calls = calls, .n_calls = n_calls};

    assert_int_equal(strobe_childwork_ask((int32_t)getpid(), STROBE_MODE_EXACT, &pools), 0);
    assert_false(worker.busy);
    assert_int_equal(worker.work_id, 0);
    assert_int_equal(worker.pid, worker_pid);
}

static void test_who_cannot_be_asked(void **state)
{
    pid_t pid = child(), gone;

    ask(STROBE_POOL_PROCESSES, 2, (int32_t)pid);
    ask(STROBE_POOL_PROCESSES, 0, (int32_t)pid); /* no call: nobody is asked */
    ask(STROBE_POOL_THREADS, 2, (int32_t)pid);
    ask(STROBE_POOL_PROCESSES, 2, (int32_t)getppid()); /* no child of the target */
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* unharmed */
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    gone = pid;
    ask(STROBE_POOL_PROCESSES, 2, (int32_t)gone);
}

/* However many workers there are, each process is looked up once. */
static void test_one_pass(void **state)
{
    enum { CHILDREN = 8, WORKERS = 50 };
    struct strobe_pool pool[2] = {{.kind = STROBE_POOL_PROCESSES, .n_workers = WORKERS, .n_calls = 1},
                                  {.kind = STROBE_POOL_PROCESSES, .n_workers = WORKERS, .n_calls = 1}};
    struct strobe_pool_worker workers[WORKERS];
    struct strobe_pool_call call = {.work_id = 0};
    struct strobe_pools pools = {.at = pool, .n = 2, .workers = workers, .n_workers = WORKERS, .calls = &call, .n_calls = 1};
    pid_t children[CHILDREN];

    for (int i = 0; i < CHILDREN; i++)
        children[i] = child();
    for (int i = 0; i < WORKERS; i++)
        workers[i] = (struct strobe_pool_worker){.thread = UINT32_MAX, .pid = (int32_t)getppid()};
    n_status = 0;
    assert_int_equal(strobe_childwork_ask((int32_t)getpid(), STROBE_MODE_EXACT, &pools), 0);
    assert_int_equal(n_status, 1 + CHILDREN);
    for (int i = 0; i < CHILDREN; i++) {
        kill(children[i], SIGKILL);
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_cannot_be_asked),
        cmocka_unit_test(test_one_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
