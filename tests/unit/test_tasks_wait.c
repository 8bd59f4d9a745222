/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include "report/tasks_words.h"
#include "tests/unit/tasks_sample.h"

static struct tasks_sample s;

/* A task or several, all in one group, that wait; made by a test, told by one line. */
static void assert_state(uint32_t n, const char *expected)
{
    struct strobe_tasks_style style = strobe_tasks_style(false, false);
    struct strobe_tasks_index index;
    struct strobe_buf out = STROBE_BUF_INIT;

    tasks_finish(&s);
    assert_int_equal(strobe_tasks_index(&index, &s.report), 0);
    assert_int_equal(strobe_tasks_groups(&index, false), 0);
    assert_int_equal(index.groups[0].n, n);
    strobe_tasks_state(&index, index.members, n, &style, &out);
    assert_string_equal(strobe_buf_str(&out), expected);
    strobe_buf_release(&out);
    strobe_tasks_index_release(&index);
    tasks_release(&s);
}

static struct strobe_report_wait *one(enum strobe_wait_kind kind, const char *type, const char *name)
{
    tasks_init(&s, 16);
    tasks_task(&s, "t-1", "f a.py:1");
    s.tasks[0].wait = tasks_wait(&s, kind, type, name);
    return &s.waits[0];
}

static void test_locks(void **state)
{
    struct strobe_report_wait *wait = one(STROBE_WAIT_SEMAPHORE, "BoundedSemaphore", "");

    wait->facts.free = 0;
    assert_state(1, "waiting for  BoundedSemaphore at 0x500000  0 free, 1 waiter");
    wait = one(STROBE_WAIT_LIMITER, "", "app.limit");
    wait->facts.free = 3;
    wait->facts.capacity = 40;
    assert_state(1, "waiting for  CapacityLimiter app.limit  3 of 40 free, 1 waiter");
    one(STROBE_WAIT_LOCK, "Lock", "Store._lock");
    tasks_hold(&s, tasks_task(&s, "hol\x1b" "der", "f a.py:2"), 0);
    assert_state(1, "waiting for  Lock Store._lock  held by hol\\x1bder, 1 waiter");
    one(STROBE_WAIT_LOCK, "Lock", "Store._lock");
    assert_state(1, "waiting for  Lock Store._lock  holder not seen, 1 waiter");
    one(STROBE_WAIT_LOCK, "Lock", "")->facts.free = 1;
    assert_state(1, "waiting for  Lock at 0x500000  free, 1 waiter");
    one(STROBE_WAIT_BARRIER, "Barrier", "Race.start")->facts.capacity = 4;
    assert_state(1, "waiting for  Barrier Race.start  1 of 4 there");
    one(STROBE_WAIT_CONDITION, "Condition", "Race.turn");
    assert_state(1, "waiting for  Condition Race.turn  1 waiter");
}

static void test_queues(void **state)
{
    one(STROBE_WAIT_QUEUE_GET, "PriorityQueue", "Feeder.queue")->facts.size = 0;
    assert_state(1, "waiting for  PriorityQueue.get Feeder.queue  (empty)");
    one(STROBE_WAIT_QUEUE_PUT, "", "")->facts.size = 8;
    s.waits[0].facts.maxsize = 8;
    assert_state(1, "waiting for  Queue.put  (8 of 8 full)");
    one(STROBE_WAIT_QUEUE_GET, "Queue", "q")->facts.size = 1;
    assert_state(1, "waiting for  Queue.get q  (1 item)");
    one(STROBE_WAIT_QUEUE_JOIN, "Queue", "q")->facts.unfinished = 3;
    assert_state(1, "waiting for  Queue.join q  (3 unfinished)");
}

static void test_files_and_processes(void **state)
{
    struct strobe_report_wait *wait = one(STROBE_WAIT_SOCKET, "socket", "");

    wait->facts.fd = 12;
    wait->peer = "10.0.0.5:5432";
    assert_state(1, "waiting for  socket  fd 12, peer 10.0.0.5:5432");
    one(STROBE_WAIT_STREAM_READ, "StreamReader", "Client.reader")->facts.fd = 9;
    assert_state(1, "waiting for  stream read Client.reader  fd 9");
    one(STROBE_WAIT_SUBPROCESS, "Process", "")->facts.pid = 4711;
    assert_state(1, "waiting for  subprocess  pid 4711");
    one(STROBE_WAIT_FUTURE, "Future", "Client._reply");
    assert_state(1, "waiting for  Future Client._reply");
    one(STROBE_WAIT_EXECUTOR, "", "");
    assert_state(1, "waiting for  executor");
    one(STROBE_WAIT_TASKS, "", "");
    s.raw_waits[0].how = "gather";
    assert_state(1, "waiting for  futures that are no tasks (gather)");
}

/* Things that each task has of its own make one group, when they are called the same. */
static void test_own_things(void **state)
{
    for (int same = 0; same < 2; same++) {
        one(STROBE_WAIT_FUTURE, "Future", "Client._reply");
        tasks_task(&s, "t-2", "f a.py:1");
        tasks_task(&s, "t-3", "f a.py:1");
        s.tasks[1].wait = same ? 0 : tasks_wait(&s, STROBE_WAIT_FUTURE, "Future", "Client._reply");
        s.tasks[2].wait = same ? 0 : tasks_wait(&s, STROBE_WAIT_FUTURE, "Future", "Client._reply");
        assert_state(3, same ? "waiting for  Future Client._reply" : "waiting for  3 different Futures Client._reply");
    }
    one(STROBE_WAIT_QUEUE_GET, "Queue", "Worker.inbox");
    tasks_task(&s, "t-2", "f a.py:1");
    s.tasks[1].wait = tasks_wait(&s, STROBE_WAIT_QUEUE_GET, "Queue", "Worker.inbox");
    assert_state(2, "waiting for  2 different Queues Worker.inbox (get)");
    one(STROBE_WAIT_SOCKET, "socket", "");
    tasks_task(&s, "t-2", "f a.py:1");
    s.tasks[1].wait = tasks_wait(&s, STROBE_WAIT_SOCKET, "socket", "");
    assert_state(2, "waiting for  2 different sockets");
}

static void test_what_keeps_tasks_apart(void **state)
{
    one(STROBE_WAIT_LOCK, "Lock", "Store._lock"); /* one lock is not the other */
    tasks_task(&s, "t-2", "f a.py:1");
    s.tasks[1].wait = tasks_wait(&s, STROBE_WAIT_LOCK, "Lock", "Store._lock");
    assert_state(1, "waiting for  Lock Store._lock at 0x500000  holder not seen, 1 waiter");
    one(STROBE_WAIT_FUTURE, "Future", "Client._reply");
    tasks_task(&s, "t-2", "f a.py:1");
    s.tasks[1].wait = tasks_wait(&s, STROBE_WAIT_FUTURE, "Future", "Client._other");
    assert_state(1, "waiting for  Future Client._reply");
    one(STROBE_WAIT_SLEEP, "", "");
    tasks_task(&s, "t-2", "f a.py:1");
    s.tasks[1].wait = 0;
    s.raw[1].flags = STROBE_TASK_CANCELLING;
    assert_state(1, "waiting for  sleep");
    one(STROBE_WAIT_SLEEP, "", "");
    tasks_task(&s, "t-2", "f a.py:1");
    s.tasks[1].wait = 0;
    tasks_hold(&s, 1, tasks_wait(&s, STROBE_WAIT_LOCK, "Lock", "Store._lock"));
    assert_state(1, "waiting for  sleep");
}

static void assert_due(double first, double second, double waiting, const char *expected)
{
    one(STROBE_WAIT_SLEEP, "", "");
    s.tasks[0].due_in = first;
    s.tasks[0].waiting = waiting;
    tasks_task(&s, "t-2", "f a.py:1");
    s.tasks[1].wait = 0;
    s.tasks[1].due_in = second;
    assert_state(2, expected);
}

static void test_sleep(void **state)
{
    assert_due(1.2, NAN, NAN, "waiting for  sleep  due in 1.2 s");
    assert_due(3, 0.5, 0.0123, "waiting 12 ms for  sleep  due in 0.5 s to 3.0 s");
    assert_due(NAN, NAN, 7300, "waiting 2 h 1 min for  sleep");
    assert_due(-0.25, -2, NAN, "waiting for  sleep  overdue by 0.2 s to 2.0 s");
    assert_due(-0.25, 3, NAN, "waiting for  sleep  due in 0 ms to 3.0 s");
    assert_due(INFINITY, 1e300, NAN, "waiting for  sleep  due in over 30 years to over 30 years");
}

static void test_fold(void **state)
{
    static const char *const cases[][2] = {
        {"request-17", "request-*"},
        {"Task-1", "Task-*"},
        {"g1b22c333", "g*b*c*"},
        {"conn 10.0.0.5:80", "conn *.*.*.*:*"},
        {"job 3f2504e0-4f89-11d3-9a0c-0305e82c3301!", "job *!"},
        {"id deadbeef99", "id *"},
        {"id deadbeef", "id deadbeef"},
        {"at 0x7f12ab", "at *"},
        {"", ""},
        {"\xc3\xa9" "12", "\xc3\xa9*"},
    };
    struct strobe_buf out = STROBE_BUF_INIT;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strobe_buf_clear(&out);
        strobe_fold(cases[i][0], &out);
        assert_string_equal(strobe_buf_str(&out), cases[i][1]);
        assert_null(strpbrk(strobe_buf_str(&out), "0123456789"));
    }
    strobe_buf_release(&out);
}

static void test_names_of_groups(void **state)
{
    static const char *const expected[] = {"same-7", "Task-*", "tasks without a name", "alone-1"};
    struct strobe_tasks_style style = strobe_tasks_style(false, true);
    struct strobe_tasks_index index;

    tasks_init(&s, 16);
    for (uint32_t i = 0; i < 7; i++) {
        static const char *const names[] = {"same-7", "same-7", "Task-12", "Task-7", "", "", "alone-1"};

        tasks_task(&s, names[i], "f a.py:1");
    }
    tasks_finish(&s);
    assert_int_equal(strobe_tasks_index(&index, &s.report), 0);
    assert_int_equal(strobe_tasks_groups(&index, false), 0);
    assert_int_equal(index.n_groups, 4);
    for (uint32_t g = 0; g < 4; g++) {
        struct strobe_buf out = STROBE_BUF_INIT;

        strobe_tasks_group_name(&index, g, &out);
        assert_string_equal(strobe_buf_str(&out), expected[g]);
        strobe_buf_clear(&out);
        strobe_tasks_group_label(&index, g, &style, &out);
        assert_int_equal(strncmp(strobe_buf_str(&out), "2 x ", 4) == 0, g < 3);
        strobe_buf_release(&out);
    }
    strobe_tasks_index_release(&index);
    tasks_release(&s);
}

/* Where the calls of a pool are. */
static void test_calls(void **state)
{
    static const char *const names[] = {"w_10", "w_9", "w_11", "w_3", "other\x1b", "", "", "w_2"};
    struct strobe_tasks_style style = strobe_tasks_style(false, true);
    struct strobe_tasks_index index;
    struct strobe_buf out = STROBE_BUF_INIT;
    uint32_t pool, tasks[10];

    tasks_init(&s, 16);
    pool = tasks_pool(&s, "w", 8, 8, 5);
    for (uint32_t i = 0; i < 10; i++) {
        tasks[i] = tasks_task(&s, "t", "f a.py:1");
        s.tasks[i].wait = i ? 0 : tasks_wait(&s, STROBE_WAIT_EXECUTOR, "", "");
        s.tasks[i].pool = pool;
    }
    for (uint32_t i = 0; i < 8; i++)
        tasks_worker(&s, names[i], i, i == 7 ? "" : "call b.py:7", i == 7 ? "os.read" : NULL);
    s.tasks[8].queue_place = 4;
    s.tasks[9].queue_place = 2;
    tasks_finish(&s);
    assert_int_equal(strobe_tasks_index(&index, &s.report), 0);
    strobe_tasks_calls(&index, tasks, 7, "> ", &style, &out);
    assert_string_equal(strobe_buf_str(&out), "> 7 running in other\\x1b, thread 5005..5006, w_3, 9..11: call b.py:7\n");
    strobe_buf_clear(&out);
    strobe_tasks_calls(&index, tasks + 7, 1, "> ", &style, &out);
    assert_string_equal(strobe_buf_str(&out), "> running in w_2: os.read\n");
    strobe_buf_clear(&out);
    strobe_tasks_calls(&index, tasks + 8, 2, "> ", &style, &out);
    assert_string_equal(strobe_buf_str(&out), "> 2 of them queued, the first at place 2 in the queue\n");
    strobe_buf_clear(&out);
    strobe_tasks_calls(&index, tasks + 8, 1, "> ", &style, &out);
    assert_string_equal(strobe_buf_str(&out), "> place 4 in the queue\n");
    strobe_buf_release(&out);
    strobe_tasks_index_release(&index);
    tasks_release(&s);
}

static void test_words(void **state)
{
    for (int i = 0; i < STROBE_WAIT_KINDS; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(strobe_report_wait_word((enum strobe_wait_kind)i), strobe_report_wait_word((enum strobe_wait_kind)k));
    assert_string_equal(strobe_report_wait_word(STROBE_WAIT_QUEUE_GET), "queue-get");
    assert_string_equal(strobe_report_wait_word(STROBE_WAIT_KINDS), "unknown");
    assert_string_equal(strobe_report_state_word(STROBE_TASK_DONE), "done");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locks),
        cmocka_unit_test(test_queues),
        cmocka_unit_test(test_files_and_processes),
        cmocka_unit_test(test_own_things),
        cmocka_unit_test(test_what_keeps_tasks_apart),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_names_of_groups),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
