/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include "base/err.h"
#include "tests/lib/alloc_fail.h"
#include "tests/unit/tasks_sample.h"

static struct tasks_sample s;

static void assert_rows(bool color, const char *expected)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    strobe_report_ps(&s.report, color, &out);
    assert_false(out.failed);
    assert_string_equal(strobe_buf_str(&out), expected);
    strobe_buf_release(&out);
}

static void make(void)
{
    uint32_t t, pool;

    tasks_init(&s, 16);
    t = tasks_task(&s, "ended", "");
    s.raw[t].state = STROBE_TASK_DONE;
    s.tasks[t].loop_tid = 0;
    t = tasks_task(&s, "w\x1b", "work svc.py:2, Semaphore.acquire asyncio/locks.py:3");
    s.tasks[t].wait = tasks_wait(&s, STROBE_WAIT_SEMAPHORE, "Semaphore", "S");
    s.waits[0].facts.free = 0;
    s.tasks[t].waiting = 1.8;
    tasks_hold(&s, t, 0);
    t = tasks_task(&s, "", "soon svc.py:4");
    s.raw[t].state = STROBE_TASK_READY;
    s.raw[t].flags = STROBE_TASK_CANCELLING;
    t = tasks_task(&s, "caller", "call svc.py:5");
    s.tasks[t].wait = tasks_wait(&s, STROBE_WAIT_EXECUTOR, "", "");
    pool = tasks_pool(&s, "pricing", 4, 1, 0);
    s.waits[s.tasks[t].wait].pool = pool;
    tasks_worker(&s, "pricing_0", t, "f a.py:1", NULL);
    t = tasks_task(&s, "r\xc3\xa9", "run svc.py:3, now svc.py:9");
    s.raw[t].state = STROBE_TASK_RUNNING;
    s.tasks[t].n_sync = 1;
    for (uint32_t i = 1; i < 5; i++)
        tasks_awaits(&s, i, 0);
    tasks_awaits(&s, 4, 1);
    tasks_finish(&s);
}

static void test_rows(void **state)
{
    make();
    s.report.ascii = true;
    assert_rows(false,
                "TID   TASK ID  NAME    STATE              AWAITED BY                     WAITING FOR                                    "
                "                    COROUTINE STACK\n"
                "4242  0x1400   r\xc3\xa9      running            -                              -                                       "
                "                           run svc.py:3 -> now svc.py:9\n"
                "4242  0x1200   -       ready, cancelling  -                              -                                              "
                "                    soon svc.py:4\n"
                "4242  0x1100   w\\x1b   waiting 1.8 s      r\xc3\xa9                             Semaphore S  0 free, 1 waiter          "
                "                            work svc.py:2\n"
                "4242  0x1300   caller  waiting            -                              ThreadPoolExecutor \"pricing\"  1 of 4 busy, 0 "
                "queued, in pricing_0  call svc.py:5\n"
                "-     0x1000   ended   done               w\\x1b, task at 0x1200, 2 more  -                                             "
                "                     \n");
    tasks_release(&s);
}

static void test_context(void **state)
{
    tasks_init(&s, 2);
    tasks_task(&s, "a", "f a.py:1");
    tasks_task(&s, "b", "f a.py:1");
    s.tasks[1].context = "7\n";
    s.report.context_name = "request_id";
    tasks_finish(&s);
    assert_rows(false, "TID   TASK ID  NAME  STATE    AWAITED BY  request_id  WAITING FOR  COROUTINE STACK\n"
                       "4242  0x1000   a     waiting  -           -           -            f a.py:1\n"
                       "4242  0x1100   b     waiting  -           7\\x0a       -            f a.py:1\n");
    tasks_release(&s);
}

static void test_each_failed_allocation(void **state)
{
    make();
    for (uint64_t n = 1;; n++) {
        struct strobe_buf out = STROBE_BUF_INIT;
        bool failed;

        alloc_fail_arm(n);
        strobe_report_ps(&s.report, true, &out);
        failed = out.failed;
        strobe_buf_release(&out);
        alloc_fail_disarm();
        assert_int_equal(alloc_fail_live(), 0);
        assert_int_equal(failed, alloc_fail_hit());
        if (!alloc_fail_hit())
            break;
    }
    tasks_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_each_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
