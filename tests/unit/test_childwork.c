/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that cannot be asked stay as they are.  (Those that can: tests/integration/test_pools.py, test_asyncio_shapes.py.) */
#include "tests/unit/cm.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/childwork.h"

/* A child that is not Python, and waits for its end. */
static pid_t child(void)
{
    pid_t pid = fork();

    if (pid == 0)
        for (;;)
            pause();
    assert_true(pid > 0);
    return pid;
}

static void ask(enum strobe_pool_kind kind, uint32_t n_calls, int32_t worker_pid)
{
    struct strobe_pool pool = {.kind = kind, .n_workers = 1, .n_calls = n_calls};
    struct strobe_pool_worker worker = {.thread = UINT32_MAX, .pid = worker_pid};
    struct strobe_pool_call calls[2] = {{.work_id = 0}, {.work_id = 0}};
    struct strobe_pools pools = {.at = &pool, .n = 1, .workers = &worker, .n_workers = 1, .calls = calls, .n_calls = n_calls};

    strobe_childwork_ask((int32_t)getpid(), STROBE_MODE_EXACT, &pools);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_cannot_be_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
