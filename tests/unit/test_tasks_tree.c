/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <jansson.h>

#include "base/err.h"
#include "base/random.h"
#include "report/tasks_parts.h"
#include "tests/lib/alloc_fail.h"
#include "tests/unit/tasks_sample.h"

static struct tasks_sample s;

static void assert_tree(const char *expected)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    assert_int_equal(strobe_report_pstree(&s.report, false, false, &out), 0);
    assert_string_equal(strobe_buf_str(&out), expected);
    strobe_buf_release(&out);
}

static void assert_expanded(const char *expected)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    assert_int_equal(strobe_report_pstree(&s.report, true, false, &out), 0);
    assert_string_equal(strobe_buf_str(&out), expected);
    strobe_buf_release(&out);
}

/* Each form says once at its end what holds for the whole look. */
static void assert_note(const char *note)
{
    for (int form = 0; form < 4; form++) {
        struct strobe_buf out = STROBE_BUF_INIT;
        const char *at;

        if (form == 2)
            strobe_report_ps(&s.report, false, &out);
        else if (form == 3)
            strobe_report_tasks_section(&s.report, false, &out);
        else
            assert_int_equal(strobe_report_pstree(&s.report, form == 1, false, &out), 0);
        at = strstr(strobe_buf_str(&out), note);
        assert_non_null(at);
        assert_string_equal(at + strlen(note), "\n");
        strobe_buf_release(&out);
    }
}

static void test_notes(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    tasks_incident(&s);
    s.report.moving = true;
    assert_note("the loop ran while this was read: each line is true for itself");
    s.report.stopped = true; /* that it ran before does not matter */
    assert_note("the process is stopped (state T): nothing runs");
    assert_int_equal(strobe_report_pstree(&s.report, false, false, &out), 0);
    assert_null(strstr(strobe_buf_str(&out), "the loop ran"));
    strobe_buf_release(&out);
    tasks_release(&s);
}

/* A group tells the values of all its tasks, not of one. */
static void test_values_of_a_group(void **state)
{
    static const char *const values[] = {"a", "b", NULL, "a", "c\x1b", "d", "d"};

    tasks_init(&s, 8);
    for (uint32_t i = 0; i < 7; i++)
        s.tasks[tasks_task(&s, "t", "f a.py:1")].context = values[i];
    for (uint32_t i = 0; i < 7; i++)
        s.raw[i].state = STROBE_TASK_READY;
    s.report.context_name = "turn";
    tasks_finish(&s);
    assert_tree("7 \xc3\x97 t   f a.py:1  [turn=a, b, c\\x1b and others in 2, not set in 1]\n    ready: the loop is busy\n");
    tasks_release(&s);
}

/* Loops that nobody runs, and how tasks ended: equal tasks are those of equal fate. */
static void test_ends(void **state)
{
    tasks_init(&s, 8);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t t = tasks_task(&s, i < 4 ? "ended" : "left", i < 4 ? "" : "f a.py:1");

        s.raw[t].state = i < 4 ? STROBE_TASK_DONE : STROBE_TASK_READY;
        s.raw[t].flags = STROBE_TASK_CANCELLING;
        s.raw[t].outcome = i == 0 ? STROBE_OUTCOME_RESULT : i == 1 ? STROBE_OUTCOME_CANCELLED : i < 4 ? STROBE_OUTCOME_EXCEPTION : 0;
        s.tasks[t].exception = i == 2 ? "KeyError" : i == 3 ? "Odd\x1b" : "";
        s.tasks[t].loop_state = i == 4 ? STROBE_LOOP_CLOSED : i == 5 ? STROBE_LOOP_IDLE : STROBE_LOOP_RUNS;
    }
    tasks_finish(&s);
    assert_tree("ended  (no frames)   done: result\n"
                "ended  (no frames)   done: cancelled\n"
                "ended  (no frames)   done: exception KeyError\n"
                "ended  (no frames)   done: exception Odd\\x1b\n"
                "left  f a.py:1  [cancelling]  [loop closed]   ready: the loop is closed\n"
                "left  f a.py:1  [cancelling]  [loop not running]   ready: the loop is not running\n");
    tasks_release(&s);
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        n++;
    return n;
}

static void test_incident(void **state)
{
    tasks_incident(&s);
    assert_tree("Task-1  main svc.py:45 → supervisor svc.py:27 → TaskGroup\n"
                "├─ 190 × request-*   handle_request svc.py:23 → PriceClient.fetch_price svc.py:19\n"
                "│      waiting 1.8 s (longest 2.1 s) for  Semaphore PriceClient._price_semaphore  0 of 10 free, 190 waiters\n"
                "└─  10 × request-*   handle_request svc.py:23 → PriceClient.fetch_price svc.py:20  [holds PriceClient._price_semaphore]\n"
                "       waiting for  ThreadPoolExecutor \"pricing\"  4 of 4 busy, 6 queued\n"
                "       4 running in pricing_0..3: PriceClient._blocking_lookup svc.py:16 → time.sleep\n"
                "consumer  consumer svc.py:33   waiting for  Queue.get  (empty)\n"
                "→ bottleneck: 10 permits of Semaphore PriceClient._price_semaphore and 4 threads of ThreadPoolExecutor \"pricing\" "
                "serve 200 tasks:"
                " raise PriceClient._pool max_workers first\n");
    tasks_release(&s);
}

static void test_section_in_ascii(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    tasks_incident(&s);
    s.report.ascii = true;
    strobe_report_tasks_section(&s.report, false, &out);
    assert_string_equal(strobe_buf_str(&out),
                        "Tasks (202 in 1 loop)\n"
                        "    Task-1  main svc.py:45 -> supervisor svc.py:27 -> TaskGroup\n"
                        "    |- 190 x request-*   handle_request svc.py:23 -> PriceClient.fetch_price svc.py:19\n"
                        "    |      waiting 1.8 s (longest 2.1 s) for  Semaphore PriceClient._price_semaphore  0 of 10 free, 190 waiters\n"
                        "    `-  10 x request-*   handle_request svc.py:23 -> PriceClient.fetch_price svc.py:20  [holds "
                        "PriceClient._price_semaphore]\n"
                        "           waiting for  ThreadPoolExecutor \"pricing\"  4 of 4 busy, 6 queued\n"
                        "           4 running in pricing_0..3: PriceClient._blocking_lookup svc.py:16 -> time.sleep\n"
                        "    consumer  consumer svc.py:33   waiting for  Queue.get  (empty)\n"
                        "    -> bottleneck: 10 permits of Semaphore PriceClient._price_semaphore and 4 threads of ThreadPoolExecutor "
                        "\"pricing\" serve"
                        " 200 tasks: raise PriceClient._pool max_workers first\n");
    strobe_buf_release(&out);
    tasks_release(&s);
}

static void test_nothing(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    tasks_init(&s, 1);
    tasks_finish(&s);
    assert_tree("");
    assert_expanded("");
    strobe_report_tasks_section(&s.report, false, &out);
    assert_int_equal(out.len, 0);
    s.sample.n_dropped = 2;
    strobe_report_tasks_section(&s.report, false, &out);
    assert_string_equal(strobe_buf_str(&out), "Tasks (0 in 0 loops)\n    2 tasks changed while they were read, and are not shown\n");
    strobe_buf_release(&out);
    tasks_release(&s);
}

/* Awaited by several: in full once, named below each. */
static void test_sharing(void **state)
{
    uint32_t left, right, shared, below, gather;

    tasks_init(&s, 8);
    gather = tasks_wait_for_tasks(&s, "gather");
    left = tasks_task(&s, "left", "main a.py:1");
    right = tasks_task(&s, "right", "main a.py:2");
    shared = tasks_task(&s, "shared", "work a.py:3");
    below = tasks_task(&s, "below", "deep a.py:4");
    s.tasks[left].wait = s.tasks[right].wait = s.tasks[shared].wait = gather;
    s.tasks[below].wait = tasks_wait(&s, STROBE_WAIT_SLEEP, "", "");
    s.tasks[below].due_in = 1.25;
    tasks_awaits(&s, left, shared);
    tasks_awaits(&s, right, shared);
    tasks_awaits(&s, shared, below);
    tasks_finish(&s);
    assert_tree("left  main a.py:1 → gather\n"
                "└─ shared  work a.py:3 → gather\n"
                "   └─ below  deep a.py:4   waiting for  sleep  due in 1.2 s\n"
                "right  main a.py:2 → gather\n"
                "└─ shared  (shown above)\n");
    assert_expanded("├── (T) left\n"
                    "│   └──  main a.py:1 → gather\n"
                    "│       └── (T) shared\n"
                    "│           └──  work a.py:3 → gather\n"
                    "│               └── (T) below\n"
                    "│                   └──  deep a.py:4   waiting for  sleep  due in 1.2 s\n"
                    "└── (T) right\n"
                    "    └──  main a.py:2 → gather\n"
                    "        └── (T) shared  (shown above)\n");
    tasks_release(&s);
}

/* Equal tasks that different groups wait for are not equal. */
static void test_groups_below_groups(void **state)
{
    uint32_t gather, sleep;
    char name[32];

    tasks_init(&s, 64);
    gather = tasks_wait_for_tasks(&s, "gather");
    sleep = tasks_wait(&s, STROBE_WAIT_SLEEP, "", "");
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t parent, child;

        snprintf(name, sizeof name, "conn-%u", (unsigned)i);
        parent = tasks_task(&s, name, i < 2 ? "serve a.py:1" : "serve a.py:2");
        s.tasks[parent].wait = gather;
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, "Task-%u", (unsigned)(2 * i + (unsigned)k));
            child = tasks_task(&s, name, "read a.py:9");
            tasks_awaits(&s, parent, child);
            s.tasks[child].wait = sleep;
            s.tasks[child].due_in = 0.5 + 0.1 * i;
        }
    }
    tasks_finish(&s);
    assert_tree("10 × conn-*   serve a.py:2 → gather\n"
                "└─ 20 × Task-*   read a.py:9\n"
                "       waiting for  sleep  due in 0.7 s to 1.6 s\n"
                " 2 × conn-*   serve a.py:1 → gather\n"
                "└─ 4 × Task-*   read a.py:9\n"
                "       waiting for  sleep  due in 0.5 s to 0.6 s\n");
    tasks_release(&s);
}

static void test_cycles(void **state)
{
    uint32_t task, a, b, below, self;

    tasks_init(&s, 8);
    task = tasks_wait_for_tasks(&s, "task");
    below = tasks_task(&s, "below", "f a.py:1");
    a = tasks_task(&s, "a", "f a.py:2");
    b = tasks_task(&s, "b", "f a.py:3");
    self = tasks_task(&s, "self", "f a.py:4");
    s.tasks[a].wait = s.tasks[b].wait = s.tasks[self].wait = task;
    s.tasks[below].wait = tasks_wait(&s, STROBE_WAIT_FUTURE, "Future", "Box.answer");
    tasks_awaits(&s, a, b);
    tasks_awaits(&s, b, a);
    tasks_awaits(&s, b, below);
    tasks_awaits(&s, self, self);
    tasks_finish(&s);
    assert_tree("a  f a.py:2 → task\n"
                "└─ b  f a.py:3 → task\n"
                "   ├─ a  (a cycle: shown above)\n"
                "   └─ below  f a.py:1   waiting for  Future Box.answer\n"
                "self  f a.py:4 → task\n"
                "└─ self  (a cycle: shown above)\n"
                "→ deadlock: a waits for b, which waits for a\n"
                "→ deadlock: self waits for itself\n");
    tasks_release(&s);
}

/* Many cycles one below the other: each is broken once, from wherever the search begins. */
static void test_cycle_below_cycle(void **state)
{
    enum { CYCLES = 3000 };
    struct strobe_buf out = STROBE_BUF_INIT;
    uint32_t task;

    tasks_init(&s, 2 * CYCLES);
    task = tasks_wait_for_tasks(&s, "wait");
    for (uint32_t i = 0; i < 2 * CYCLES; i++)
        s.tasks[tasks_task(&s, "t", "f a.py:1")].wait = task;
    for (uint32_t i = 0; i < CYCLES; i++) { /* the outermost has the highest number */
        tasks_awaits(&s, 2 * i, 2 * i + 1);
        tasks_awaits(&s, 2 * i + 1, 2 * i);
        if (i > 0)
            tasks_awaits(&s, 2 * i, 2 * i - 2);
    }
    tasks_finish(&s);
    assert_int_equal(strobe_report_pstree(&s.report, true, false, &out), 0);
    assert_non_null(strstr(strobe_buf_str(&out), "levels with"));
    strobe_buf_release(&out);
    tasks_release(&s);
}

static void make_chain(uint32_t n)
{
    uint32_t task;
    char name[32];

    tasks_init(&s, n + 1);
    task = tasks_wait_for_tasks(&s, "task");
    for (uint32_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "level-%u", (unsigned)i);
        s.tasks[tasks_task(&s, name, "f a.py:1")].wait = task;
        if (i > 0)
            tasks_awaits(&s, i - 1, i);
    }
    s.tasks[n - 1].wait = tasks_wait(&s, STROBE_WAIT_SLEEP, "", "");
    tasks_finish(&s);
}

static void assert_levels(uint32_t n, size_t shown, const char *mark)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    make_chain(n);
    assert_int_equal(strobe_report_pstree(&s.report, false, false, &out), 0);
    assert_int_equal(count_of(strobe_buf_str(&out), "level-"), shown);
    if (mark)
        assert_non_null(strstr(strobe_buf_str(&out), mark));
    else
        assert_null(strstr(strobe_buf_str(&out), "left out"));
    assert_non_null(strstr(strobe_buf_str(&out), "level-0  "));
    assert_non_null(strstr(strobe_buf_str(&out), "waiting for  sleep"));
    strobe_buf_clear(&out);
    assert_int_equal(strobe_report_pstree(&s.report, true, false, &out), 0);
    assert_int_equal(count_of(strobe_buf_str(&out), "(T) "), shown);
    strobe_buf_release(&out);
    tasks_release(&s);
}

static void test_deep(void **state)
{
    assert_levels(40, 40, NULL);
    assert_levels(41, 41, NULL);
    assert_levels(42, 40, "… 2 levels with 2 tasks, left out …");
    assert_levels(10000, 40, "… 9,960 levels with 9,960 tasks, left out …");
    assert_levels(100000, 40, "… 99,960 levels with 99,960 tasks, left out …");
}

/* What hangs beside the middle of a deep tree goes with it, and is said to be left out where it is met again. */
static void test_deep_with_branches(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    enum { DEEP = 100 };
    uint32_t task, other;

    tasks_init(&s, DEEP + 4);
    task = tasks_wait_for_tasks(&s, "task");
    for (uint32_t i = 0; i < DEEP; i++) {
        s.tasks[tasks_task(&s, "t", "f a.py:1")].wait = task;
        if (i > 0)
            tasks_awaits(&s, i - 1, i);
    }
    other = tasks_task(&s, "other", "g a.py:2");
    tasks_task(&s, "beside", "h a.py:3");
    s.tasks[other].wait = task;
    tasks_awaits(&s, 50, other + 1);
    tasks_awaits(&s, other, other + 1);
    tasks_finish(&s);
    assert_int_equal(strobe_report_pstree(&s.report, false, false, &out), 0);
    assert_non_null(strstr(strobe_buf_str(&out), "… 60 levels with 61 tasks, left out …"));
    assert_non_null(strstr(strobe_buf_str(&out), "other  g a.py:2 → task\n└─ beside  (left out above)\n"));
    strobe_buf_release(&out);
    tasks_release(&s);
}

static void test_hundred_thousand(void **state)
{
    enum { MANY = 100000 };
    struct strobe_buf out = STROBE_BUF_INIT;
    uint32_t root, semaphore, sleep, total = 0;
    char name[32];

    tasks_init(&s, MANY + 1);
    root = tasks_task(&s, "main", "main a.py:1");
    s.tasks[root].wait = tasks_wait_for_tasks(&s, "gather");
    sleep = tasks_wait(&s, STROBE_WAIT_SLEEP, "", "");
    semaphore = tasks_wait(&s, STROBE_WAIT_SEMAPHORE, "Semaphore", "S");
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t t;

        snprintf(name, sizeof name, "job-%u", (unsigned)i);
        t = tasks_task(&s, name, i % 3 ? "run a.py:5, work a.py:6" : "run a.py:5, rest a.py:7");
        s.tasks[t].wait = i % 2 ? sleep : semaphore;
        tasks_awaits(&s, root, t);
    }
    tasks_finish(&s);
    assert_int_equal(strobe_report_pstree(&s.report, false, false, &out), 0);
    assert_int_equal(count_of(strobe_buf_str(&out), "\n"), 1 + 4 * 2);
    for (const char *at = strobe_buf_str(&out); (at = strstr(at, "─ ")); at++) {
        unsigned thousands, ones;

        at += strlen("─ ");
        assert_int_equal(sscanf(at, "%u,%u", &thousands, &ones), 2);
        total += thousands * 1000 + ones;
    }
    assert_int_equal(total, MANY);
    strobe_buf_release(&out);
    tasks_release(&s);
}

/* Whatever waits for whatever: each task stands in one line, or is counted where lines are left out. */
static void test_any_graph(void **state)
{
    static const char *const names[] = {"a", "b", "t-1", "t-2", "t-3"}, *const stacks[] = {"f a.py:1", "g a.py:2"};
    uint64_t random = 88172645463325252u;

    for (int round = 0; round < 400; round++) {
        uint32_t n = 1 + (uint32_t)strobe_random_below(&random, 120), n_edges = (uint32_t)strobe_random_below(&random, 2 * n), total = 0;
        bool alone = round % 2;
        struct strobe_tasks_index index;
        struct strobe_buf out = STROBE_BUF_INIT;
        json_error_t error;
        json_t *root;

        tasks_init(&s, n);
        tasks_wait_for_tasks(&s, "gather");
        for (uint32_t w = 1; w < 4; w++) {
            tasks_wait(&s, w == 1 ? STROBE_WAIT_FUTURE : STROBE_WAIT_LOCK, "", "");
            s.waits[w].facts.free = 0;
        }
        for (uint32_t i = 0; i < n; i++) {
            tasks_task(&s, names[strobe_random_below(&random, 5)], stacks[strobe_random_below(&random, 2)]);
            s.tasks[i].wait = (uint32_t)strobe_random_below(&random, 4);
            if (strobe_random_below(&random, 8) == 0)
                tasks_hold(&s, i, (uint32_t)strobe_random_below(&random, 4));
        }
        for (uint32_t i = 0; i < n_edges; i++) /* each once: of one parent at most two, to different tasks */
            tasks_awaits(&s, i / 2, (i / 2 + i % 2 * (n / 2 + 1) + (uint32_t)strobe_random_below(&random, n / 2 + 1)) % n);
        if (n_edges > 1 && s.edges[n_edges - 1][0] == s.edges[n_edges - 2][0] && s.edges[n_edges - 1][1] == s.edges[n_edges - 2][1])
            s.n_edges--;
        tasks_finish(&s);
        assert_int_equal(strobe_tasks_index(&index, &s.report), 0);
        assert_int_equal(strobe_tasks_groups(&index, alone), 0);
        assert_int_equal(strobe_tasks_nodes(&index), 0);
        for (uint32_t i = 0; i < index.n_nodes; i++)
            total += index.nodes[i].tasks;
        assert_int_equal(total, n);
        strobe_tasks_index_release(&index);
        assert_int_equal(strobe_report_pstree(&s.report, alone, true, &out), 0);
        strobe_buf_clear(&out);
        assert_int_equal(strobe_report_tasks_json(&s.report, true, &out), 0);
        root = json_loads(strobe_buf_str(&out), JSON_REJECT_DUPLICATES, &error);
        assert_non_null(root);
        json_decref(root);
        strobe_buf_release(&out);
        tasks_release(&s);
    }
}

static void test_more_names_than_worth_showing(void **state)
{
    uint32_t root, group;
    char name[32];

    tasks_init(&s, 64);
    root = tasks_task(&s, "main", "main a.py:1");
    group = tasks_wait_for_tasks(&s, "TaskGroup");
    s.tasks[root].wait = group;
    for (uint32_t i = 0; i < 14; i++) {
        snprintf(name, sizeof name, "user-%c", 'a' + (int)i);
        tasks_awaits(&s, root, tasks_task(&s, name, "f a.py:2"));
        s.raw[i + 1].state = STROBE_TASK_READY;
    }
    tasks_finish(&s);
    assert_tree("main  main a.py:1 → TaskGroup\n"
                "├─ user-a  f a.py:2   ready: the loop is busy\n"
                "├─ user-b  f a.py:2   ready: the loop is busy\n"
                "├─ user-c  f a.py:2   ready: the loop is busy\n"
                "├─ user-d  f a.py:2   ready: the loop is busy\n"
                "├─ user-e  f a.py:2   ready: the loop is busy\n"
                "├─ user-f  f a.py:2   ready: the loop is busy\n"
                "├─ user-g  f a.py:2   ready: the loop is busy\n"
                "├─ user-h  f a.py:2   ready: the loop is busy\n"
                "├─ user-i  f a.py:2   ready: the loop is busy\n"
                "├─ user-j  f a.py:2   ready: the loop is busy\n"
                "├─ user-k  f a.py:2   ready: the loop is busy\n"
                "├─ user-l  f a.py:2   ready: the loop is busy\n"
                "└─ … 2 more that differ in their names only, 2 tasks …\n");
    tasks_release(&s);
}

static void test_states(void **state)
{
    uint32_t t;

    tasks_init(&s, 16);
    t = tasks_task(&s, "r\x1bunner", "handle svc.py:3, JSON.encode svc.py:9, dumps json/__init__.py:238");
    s.raw[t].state = STROBE_TASK_RUNNING;
    s.tasks[t].n_sync = 2;
    t = tasks_task(&s, "late", "handle svc.py:4");
    s.raw[t].state = STROBE_TASK_READY;
    s.raw[t].flags = STROBE_TASK_CANCELLING;
    t = tasks_task(&s, "new", "handle svc.py:1");
    s.raw[t].state = STROBE_TASK_READY;
    s.raw[t].flags = STROBE_TASK_NEW;
    t = tasks_task(&s, "", "");
    s.raw[t].state = STROBE_TASK_DONE;
    t = tasks_task(&s, "asked", "handle svc.py:5");
    s.tasks[t].wait = tasks_wait(&s, STROBE_WAIT_EVENT, "Event", "Gate.opened");
    s.waits[s.tasks[t].wait].facts.free = 0;
    s.tasks[t].waiting = 75;
    s.tasks[t].context = "7\n";
    s.report.context_name = "request_id";
    tasks_link(&s, 1, t);
    tasks_finish(&s);
    assert_tree("r\\x1bunner  handle svc.py:3   running in thread 4242: JSON.encode svc.py:9 → dumps __init__.py:238\n"
                "late  handle svc.py:4  [cancelling]   ready: the loop is busy\n"
                "new  handle svc.py:1   ready: not begun, the loop is busy\n"
                "task at 0x1300  (no frames)   done\n"
                "asked  handle svc.py:5  [request_id=7\\x0a]   waiting 1 min 15 s for  Event Gate.opened  not set\n"
                "    thread 4250 (blocked\\x1b) waits for it\n"
                "→ the loop is blocked by r\\x1bunner in handle svc.py:3 → JSON.encode svc.py:9 → dumps __init__.py:238: 2 tasks are "
                "ready\n");
    tasks_release(&s);
}

static void test_frames(void **state)
{
    static char chain[64 * 1024];
    uint32_t t;
    size_t at = 0;

    tasks_init(&s, 16);
    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(chain + at, sizeof chain - at, "%sf%d a.py:%d", i ? ", " : "", i, i + 1);
    tasks_task(&s, "deep", chain);
    tasks_task(&s, "elided", "f0 a.py:1, f1 a.py:2, f2 a.py:3, f3 a.py:4, ... 95904 frames left out ..., f4 a.py:5, f5 a.py:6, f6 "
                             "a.py:7, f7 a.py:8, f8 a.py:9");
    tasks_task(&s, "nine", "f0 a.py:1, f1 a.py:2, f2 a.py:3, f3 a.py:4, f4 a.py:5, f5 a.py:6, f6 a.py:7, f7 a.py:8, f8 a.py:9");
    tasks_task(&s, "library", "Server.serve_forever asyncio/base_events.py:380");
    tasks_task(&s, "mixed", "handle svc.py:1, wait_for asyncio/tasks.py:520, inner svc.py:2, __aenter__ contextlib.py:210, acquire "
                            "asyncio/locks.py:3");
    t = tasks_task(&s, "mine", "handle svc.py:1, run my/asyncio/job.py:0");
    for (uint32_t i = 0; i <= t; i++)
        s.raw[i].state = STROBE_TASK_DONE;
    tasks_finish(&s);
    assert_tree("deep  f0 a.py:1 → f1 a.py:2 → f2 a.py:3 → … 992 frames … → f995 a.py:996 → f996 a.py:997 → f997 a.py:998 → f998 a.py:999"
                " → f999 a.py:1000\n    done\n"
                "elided  f0 a.py:1 → f1 a.py:2 → f2 a.py:3 → … 95,905 frames … → f4 a.py:5 → f5 a.py:6 → f6 a.py:7 → f7 a.py:8 → f8 "
                "a.py:9\n    done\n"
                "nine  f0 a.py:1 → f1 a.py:2 → f2 a.py:3 → f3 a.py:4 → f4 a.py:5 → f5 a.py:6 → f6 a.py:7 → f7 a.py:8 → f8 a.py:9   done\n"
                "library  Server.serve_forever base_events.py:380   done\n"
                "mixed  handle svc.py:1 → inner svc.py:2   done\n"
                "mine  handle svc.py:1 → run job.py   done\n");
    tasks_release(&s);
}

/* Two places of one line look the same, and are one group. */
static void test_looks(void **state)
{
    tasks_init(&s, 4);
    tasks_task(&s, "t-1", "f a.py:1");
    tasks_task(&s, "t-2", "f a.py:1");
    s.raw[0].state = s.raw[1].state = STROBE_TASK_DONE;
    tasks_finish(&s);
    s.raw[1].hash[0] ^= 5;
    assert_tree("2 × t-*   f a.py:1\n    done\n");
    tasks_release(&s);
}

static void test_colour_changes_nothing_else(void **state)
{
    for (int expand = 0; expand < 2; expand++) {
        struct strobe_buf plain = STROBE_BUF_INIT, coloured = STROBE_BUF_INIT, stripped = STROBE_BUF_INIT;

        tasks_incident(&s);
        assert_int_equal(strobe_report_pstree(&s.report, expand, false, &plain), 0);
        assert_int_equal(strobe_report_pstree(&s.report, expand, true, &coloured), 0);
        assert_null(strchr(plain.data, '\x1b'));
        assert_non_null(strchr(coloured.data, '\x1b'));
        for (const char *at = coloured.data; *at; at++) {
            if (*at == '\x1b')
                at = strchr(at, 'm');
            else
                strobe_buf_putc(&stripped, *at);
            assert_non_null(at);
        }
        assert_string_equal(stripped.data, plain.data);
        strobe_buf_release(&plain);
        strobe_buf_release(&coloured);
        strobe_buf_release(&stripped);
        tasks_release(&s);
    }
}

static void test_each_failed_allocation(void **state)
{
    tasks_incident(&s);
    for (int expand = 0; expand < 2; expand++)
        for (uint64_t n = 1;; n++) {
            struct strobe_buf out = STROBE_BUF_INIT;
            int err;

            alloc_fail_arm(n);
            err = strobe_report_pstree(&s.report, expand, false, &out);
            strobe_buf_release(&out);
            alloc_fail_disarm();
            assert_int_equal(alloc_fail_live(), 0);
assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
            if (!alloc_fail_hit())
                break;
        }
    for (uint64_t n = 1;; n++) {
        struct strobe_buf out = STROBE_BUF_INIT;
        bool failed;

        alloc_fail_arm(n);
        strobe_report_tasks_section(&s.report, false, &out);
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
        cmocka_unit_test(test_incident),
        cmocka_unit_test(test_section_in_ascii),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_values_of_a_group),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_groups_below_groups),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_cycle_below_cycle),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_deep_with_branches),
        cmocka_unit_test(test_hundred_thousand),
        cmocka_unit_test(test_any_graph),
        cmocka_unit_test(test_more_names_than_worth_showing),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_colour_changes_nothing_else),
        cmocka_unit_test(test_each_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
