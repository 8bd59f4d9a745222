/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <jansson.h>

#include "base/err.h"
#include "tests/lib/alloc_fail.h"
#include "tests/unit/tasks_sample.h"

static struct tasks_sample s;

#define HOSTILE "a\x1b[2J\"\\\n\xc2\x85\xe2\x80\xae\xff"

static json_t *parse(struct strobe_buf *out)
{
    json_error_t error;
    json_t *root;

    for (size_t i = 0; i < out->len; i++) /* fit for a terminal */
        assert_true(((unsigned char)out->data[i] >= 0x20 || out->data[i] == '\n') && out->data[i] != 0x7f);
    root = json_loads(strobe_buf_str(out), JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    strobe_buf_release(out);
    return root;
}

static json_t *dump(bool pstree)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    assert_int_equal(strobe_report_tasks_json(&s.report, pstree, &out), 0);
    return parse(&out);
}

static void assert_json(const json_t *value, const char *expected)
{
    json_error_t error;
    json_t *wanted = json_loads(expected, JSON_DECODE_ANY, &error);
    char *got = json_dumps(value, JSON_ENCODE_ANY);

    assert_non_null(wanted);
    if (!json_equal(value, wanted))
        fail_msg("%s is not %s", got, expected);
    json_decref(wanted);
    free(got);
}

static json_t *at(const json_t *object, const char *key, size_t i)
{
    json_t *found = json_array_get(json_object_get(object, key), i);

    assert_non_null(found);
    return found;
}

static void test_incident(void **state)
{
    json_t *root, *item;

    tasks_incident(&s);
    root = dump(true);
    assert_json(json_object_get(root, "pid"), "4242");
    assert_json(json_object_get(root, "python"), "\"3.14.2\"");
    assert_json(json_object_get(root, "consistent"), "true");
    assert_json(json_object_get(root, "left_out"), "0");
    assert_json(json_object_get(root, "blind"), "false");
    assert_int_equal(json_array_size(json_object_get(root, "tasks")), 202);
    assert_json(at(root, "tasks", 2),
                "{\"id\": \"0x1200\", \"name\": \"request-0\", \"interpreter\": 0, \"loop\": \"0x99\", \"thread\": 4242, \"state\": "
                "\"waiting\","
                " \"outcome\": null, \"exception\": null, \"loop_state\": \"running\","
                " \"cancelling\": false, \"implementation\": \"C\", \"stack\": ["
                "{\"name\": \"PriceClient.fetch_price\", \"filename\": \"/app/svc.py\", \"short_filename\": \"svc.py\", \"line\": 20},"
                "{\"name\": \"handle_request\", \"filename\": \"/app/svc.py\", \"short_filename\": \"svc.py\", \"line\": 23}],"
                " \"leaf\": null, \"awaited_by\": [\"0x1000\"], \"waits_for\": \"w3\", \"due_in\": null, \"waiting_s\": null, "
                "\"worker\": 5000,"
                " \"queue_place\": null, \"holds\": [\"w2\"]}");
    assert_json(json_object_get(at(root, "tasks", 6), "queue_place"), "1");
    assert_json(json_object_get(at(root, "tasks", 12), "waiting_s"), "2.1");
    item = at(root, "waits", 1);
    assert_int_equal(json_array_size(json_object_get(item, "holders")), 10);
    json_object_del(item, "holders");
    assert_json(item, "{\"id\": \"w2\", \"kind\": \"semaphore\", \"how\": null, \"type\": \"Semaphore\", \"module\": null, \"object\": "
                      "\"0x500100\","
                      " \"name\": \"PriceClient._price_semaphore\", \"name_source\": \"code\", \"free\": 0, \"capacity\": 10,"
                      " \"capacity_source\": \"counted\", \"waiters\": 190}");
    assert_json(at(root, "waits", 0), "{\"id\": \"w1\", \"kind\": \"tasks\", \"how\": \"TaskGroup\", \"type\": null, \"module\": null,"
                                      " \"object\": null, \"name\": null, \"name_source\": null, \"waiters\": 1, \"holders\": []}");
    assert_json(json_object_get(at(root, "waits", 2), "pool"), "\"p1\"");
    assert_json(json_object_get(at(root, "waits", 2), "object"), "\"0x700000\"");
    item = at(root, "pools", 0);
    assert_json(at(item, "workers", 3), "{\"thread\": 5003, \"name\": \"pricing_3\", \"leaf\": \"time.sleep\", \"busy\": true, \"task\": "
                                        "\"0x1500\"}");
    json_object_del(item, "workers");
    assert_json(item, "{\"id\": \"p1\", \"kind\": \"ThreadPoolExecutor\", \"name\": \"pricing\", \"max\": 4, \"threads\": 4, \"busy\": 4,"
                      " \"queued\": 6}");
    assert_json(json_object_get(root, "threads_waiting"), "[]");
    assert_int_equal(json_array_size(json_object_get(root, "groups")), 2);
    item = at(at(root, "groups", 0), "children", 0);
    assert_json(json_object_get(item, "name"), "\"request-*\"");
    assert_json(json_object_get(item, "count"), "190");
    assert_int_equal(json_array_size(json_object_get(item, "tasks")), 190);
    assert_json(json_object_get(item, "children"), "[]");
    assert_int_equal(json_array_size(json_object_get(root, "diagnosis")), 1);
    json_decref(root);
    root = dump(false);
    assert_null(json_object_get(root, "groups"));
    json_decref(root);
    tasks_release(&s);
}

static void test_fields(void **state)
{
    uint32_t t, w;
    json_t *root;

    tasks_init(&s, 8);
    t = tasks_task(&s, HOSTILE, HOSTILE " svc.py:1");
    s.tasks[t].loop_tid = 0;
    s.tasks[t].due_in = -0.5;
    s.tasks[t].waiting = INFINITY;
    s.tasks[t].context = "x\x7f";
    s.report.context_name = "var";
    s.raw[t].flags = STROBE_TASK_CANCELLING | STROBE_TASK_PYTHON;
    s.raw[t].interp = 3;
    w = s.tasks[t].wait = tasks_wait(&s, STROBE_WAIT_STREAM_READ, "StreamReader", HOSTILE);
    s.waits[w].facts.fd = 7;
    s.waits[w].peer = "1.2.3.4:5";
    w = tasks_wait(&s, STROBE_WAIT_QUEUE_JOIN, "", "");
    s.waits[w].facts.unfinished = 2;
    tasks_link(&s, 1, t);
    s.report.moving = true;
    tasks_finish(&s);
    root = dump(true);
    assert_json(json_object_get(root, "consistent"), "false");
    assert_json(json_object_get(at(root, "tasks", 0), "name"), "\"a\\u001b[2J\\\"\\\\\\n\\u0085\\u202e\\ufffd\"");
    assert_json(json_object_get(at(root, "tasks", 0), "thread"), "null");
    assert_json(json_object_get(at(root, "tasks", 0), "due_in"), "-0.5");
    assert_json(json_object_get(at(root, "tasks", 0), "waiting_s"), "null");
    assert_json(json_object_get(at(root, "tasks", 0), "cancelling"), "true");
    assert_json(json_object_get(at(root, "tasks", 0), "implementation"), "\"Python\"");
    assert_json(json_object_get(at(root, "tasks", 0), "interpreter"), "3");
    assert_json(json_object_get(at(root, "tasks", 0), "context"), "\"x\\u007f\"");
    assert_json(json_object_get(at(root, "waits", 0), "fd"), "7");
    assert_json(json_object_get(at(root, "waits", 0), "peer"), "\"1.2.3.4:5\"");
    assert_json(json_object_get(at(root, "waits", 1), "unfinished"), "2");
    assert_json(json_object_get(at(root, "waits", 1), "size"), "null");
    assert_json(json_object_get(root, "threads_waiting"), "[{\"thread\": 4250, \"task\": \"0x1000\", \"pool\": null}]");
    json_decref(root);
    tasks_release(&s);
}

/* Deep, shared, in a circle: JSON that a reader with a stack of its own can read. */
static void test_groups(void **state)
{
    enum { DEEP = 5000 };
    uint32_t task, levels = 0, tasks = 0;
    json_t *root, *node;

    tasks_init(&s, DEEP + 2);
    task = tasks_wait_for_tasks(&s, "task");
    for (uint32_t i = 0; i < DEEP; i++) {
        s.tasks[tasks_task(&s, "t", "f a.py:1")].wait = task;
        if (i > 0)
            tasks_awaits(&s, i - 1, i);
    }
    s.tasks[tasks_task(&s, "u", "f a.py:1")].wait = task;
    tasks_awaits(&s, DEEP, 1);
    tasks_awaits(&s, DEEP - 1, DEEP - 1);
    tasks_finish(&s);
    root = dump(true);
    assert_int_equal(json_array_size(json_object_get(root, "groups")), 2);
    for (node = at(root, "groups", 0); node; node = json_array_get(json_object_get(node, "children"), 0), levels++) {
        json_t *cycle = json_object_get(node, "cycle"), *left_out = json_object_get(node, "levels_left_out");

        if (cycle)
            assert_json(json_object_get(node, "first"), "\"0x139700\"");
        else
            tasks += (uint32_t)json_integer_value(json_object_get(node, "count"));
        if (left_out)
            assert_int_equal(json_integer_value(left_out), DEEP + 1 - 40);
    }
    assert_int_equal(levels, 41);
    assert_int_equal(tasks, DEEP);
    assert_json(at(at(root, "groups", 1), "children", 0), "{\"name\": \"t\", \"count\": 1, \"shown_above\": true, \"first\": \"0x1100\"}");
    json_decref(root);
    tasks_release(&s);
}

static void test_dump(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    const struct strobe_report_tasks *reports[] = {&s.report};
    json_t *root, *task;

    tasks_incident(&s);
    assert_int_equal(strobe_report_dump_asyncio_json(&s.process, 1, false, reports, 1, &out), 0);
    root = parse(&out);
    assert_int_equal(json_array_size(json_object_get(root, "threads")), 2);
    assert_int_equal(json_array_size(json_object_get(root, "asyncio_tasks")), 202);
    task = at(root, "asyncio_tasks", 2);
    assert_json(json_object_get(task, "task_id"), "\"0x1200\"");
    assert_json(json_object_get(task, "state"), "\"pending\"");
    assert_json(at(task, "frames", 0),
                "{\"name\": \"PriceClient.fetch_price\", \"filename\": \"/app/svc.py\", \"module\": null, \"short_filename\": \"svc.py\","
                " \"line\": 20, \"locals\": null, \"is_entry\": false, \"is_shim_entry\": false}");
    assert_json(json_object_get(task, "awaited_by"), "[\"0x1000\"]");
    assert_json(json_object_get(json_object_get(task, "waits_for"), "kind"), "\"executor\"");
    json_decref(root);
    tasks_release(&s);
}

/* What a task held when it was read before, or one that was left out, is in the sample's list and nobody's. */
static void test_nobodys_holds(void **state)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    uint32_t holder, waiter, lock;
    json_t *root;

    tasks_init(&s, 2);
    holder = tasks_task(&s, "holder", "f svc.py:1");
    waiter = tasks_task(&s, "waiter", "g svc.py:2");
    lock = tasks_wait(&s, STROBE_WAIT_LOCK, "Lock", "svc.lock");
    s.waits[lock].facts.free = 0;
    s.tasks[waiter].wait = lock;
    tasks_hold(&s, holder, lock);
    tasks_hold(&s, holder, lock);
    tasks_finish(&s);
    s.raw[holder].n_holds = 0;
    s.holds[0].task = s.holds[1].task = STROBE_NO_INDEX;
    root = dump(true);
    assert_json(json_object_get(at(root, "waits", 0), "holders"), "[]");
    json_decref(root);
    assert_int_equal(strobe_report_pstree(&s.report, false, false, &text), 0);
    strobe_buf_release(&text);
    tasks_release(&s);
}

static void test_each_failed_allocation(void **state)
{
    const struct strobe_report_tasks *reports[] = {&s.report};

    tasks_incident(&s);
    for (int form = 0; form < 3; form++)
        for (uint64_t n = 1;; n++) {
            struct strobe_buf out = STROBE_BUF_INIT;
            int err;

            alloc_fail_arm(n);
            err = form < 2 ? strobe_report_tasks_json(&s.report, form, &out)
                           : strobe_report_dump_asyncio_json(&s.process, 1, false, reports, 1, &out);
            strobe_buf_release(&out);
            alloc_fail_disarm();
            assert_int_equal(alloc_fail_live(), 0);
            assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
            if (!alloc_fail_hit())
                break;
        }
    tasks_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incident), cmocka_unit_test(test_fields), cmocka_unit_test(test_groups),
        cmocka_unit_test(test_dump),     cmocka_unit_test(test_nobodys_holds),
        cmocka_unit_test(test_each_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
