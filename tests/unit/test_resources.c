/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs read of executors, semaphores and queues: the saturated marked, the worst named, hostile names harmless. */
#include "tests/unit/cm.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "report/resources.h"
#include "tests/lib/alloc_fail.h"

#define HOSTILE "a\x1b[2J\"\\\n\xc2\x85\xe2\x80\xae\xff"

static const struct strobe_report_process process = {.pid = 42, .cmdline = "python app.py", .exe = "/usr/bin/python3", .version = "3.12.1"};

static const struct strobe_report_resource unknown = {
    .type = "", .module = "", .name = "", .name_source = "", .prefix = "", .max = -1, .workers = -1, .busy = -1, .queued = -1, .free = -1,
    .capacity = -1, .holders = -1, .waiters = -1, .size = -1, .maxsize = -1};

static struct strobe_report_resource executor(const char *name, int64_t busy, int64_t max, int64_t queued)
{
    struct strobe_report_resource r = unknown;

    r.kind = STROBE_RESOURCE_THREAD_POOL;
    r.of_threads = true;
    r.type = "ThreadPoolExecutor";
    r.name = name;
    r.address = 0x1000;
    r.max = max;
    r.busy = r.workers = busy;
    r.queued = queued;
    return r;
}

static struct strobe_report_resource semaphore(const char *name, int64_t free, int64_t capacity, enum strobe_capacity_source source,
                                               int64_t waiters)
{
    struct strobe_report_resource r = unknown;

    r.kind = STROBE_RESOURCE_SEMAPHORE;
    r.type = "Semaphore";
    r.module = "asyncio.locks";
    r.name = name;
    r.address = 0x2000;
    r.free = free;
    r.capacity = capacity;
    r.capacity_source = source;
    r.holders = capacity - free;
    r.waiters = waiters;
    return r;
}

static struct strobe_report_resource queue(const char *name, int64_t size, int64_t maxsize, int64_t waiters)
{
    struct strobe_report_resource r = unknown;

    r.kind = STROBE_RESOURCE_QUEUE;
    r.of_threads = true;
    r.type = "Queue";
    r.module = "queue";
    r.name = name;
    r.address = 0x3000;
    r.size = size;
    r.maxsize = maxsize;
    r.waiters = waiters;
    return r;
}

static char *text_of(const struct strobe_report_resource *rows, uint32_t n)
{
    struct strobe_report_resources report = {.process = &process, .at = rows, .n = n, .scanned = true};
    struct strobe_buf out = STROBE_BUF_INIT;

    strobe_report_resources(&report, false, &out);
    assert_false(out.failed);
    return out.data ? out.data : strdup("");
}

static void test_text(void **state)
{
    struct strobe_report_resource rows[] = {
        executor("Api._pool", 4, 4, 6), executor("", 0, 3, 0), executor("ended", 0, 2, 0),
        semaphore("Client._sem", 0, 10, STROBE_CAPACITY_COUNTED, 190), semaphore("db.LIMIT", 3, 20, STROBE_CAPACITY_STORED, 0),
        semaphore("Slot.sem", 5, -1, STROBE_CAPACITY_UNKNOWN, 0), semaphore("Slot.sem", 5, -1, STROBE_CAPACITY_UNKNOWN, 0),
        semaphore("lowered", 0, 2, STROBE_CAPACITY_STORED, 1), queue("inbox", 1, 1, 2), queue("empty", 0, 1234, 7)};
    char *text;

    rows[1].prefix = "io";
    rows[2].shutdown = true;
    rows[5].holders = rows[6].holders = 0;
    rows[7].kind = STROBE_RESOURCE_LIMITER;
    rows[7].type = "CapacityLimiter";
    rows[7].over = 3;
    text = text_of(rows, sizeof rows / sizeof rows[0]);
    assert_string_equal(text, "Executors\n"
                              "! Api._pool  ThreadPoolExecutor       4 of 4 busy, 6 queued\n"
                              "  -          ThreadPoolExecutor \"io\"  0 of 3 busy, no worker yet\n"
                              "  ended      ThreadPoolExecutor       0 of 2 busy, shut down\n"
                              "\n"
                              "Semaphores and limiters\n"
                              "! Client._sem   Semaphore        0 free, 10 held, 190 waiters\n"
                              "  db.LIMIT      Semaphore        3 of 20 free\n"
                              "  Slot.sem x 2  Semaphore        5 free\n"
                              "! lowered       CapacityLimiter  0 of 2 free, 3 too many lent, 1 waiter\n"
                              "\n"
                              "Queues\n"
                              "! inbox  queue.Queue  1 of 1 item, 2 waiters\n"
                              "  empty  queue.Queue  0 of 1,234 items, 7 waiters\n"
                              "\n"
                              "saturated: Semaphore Client._sem: 0 free, 10 held, 190 waiters; and 3 others\n");
    free(text);
    text = text_of(rows + 1, 1);
    assert_non_null(strstr(text, "\nsaturated: nothing\n"));
    free(text);
    text = text_of(rows, 0);
    assert_string_equal(text, "");
    free(text);
}

/* A screen of what is quiet, and all that is not. */
static void test_many(void **state)
{
    enum { N = 100, HOT = 30 };
    struct strobe_report_resource rows[N];
    char names[N][16], *text;
    size_t lines = 0;

    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "sem.n%d", i);
        rows[i] = semaphore(names[i], i < HOT ? 0 : 1, 2, STROBE_CAPACITY_STORED, i < HOT ? 1 : 0);
    }
    text = text_of(rows, N);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 1 + HOT + 20 + 1 + 2);
    assert_non_null(strstr(text, "  ... and 50 more that are not saturated (--json has all)\n"));
    assert_null(strstr(text, "sem.n50 "));
    free(text);
}

static json_t *json_of(const struct strobe_report_resource *rows, uint32_t n)
{
    struct strobe_report_resources report = {.process = &process, .at = rows, .n = n, .scanned = true};
    struct strobe_buf out = STROBE_BUF_INIT;
    json_error_t error;
    json_t *root;

    assert_int_equal(strobe_report_resources_json(&report, &out), 0);
    for (size_t i = 0; i < out.len; i++) /* fit for a terminal */
        assert_true(((unsigned char)out.data[i] >= 0x20 || out.data[i] == '\n') && out.data[i] != 0x7f);
    root = json_loads(strobe_buf_str(&out), JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    strobe_buf_release(&out);
    return root;
}

static json_t *value(json_t *root, size_t i, const char *key)
{
    return json_object_get(json_array_get(json_object_get(root, "resources"), i), key);
}

static void test_json(void **state)
{
    struct strobe_report_resource rows[] = {executor("Api._pool", 4, 4, 6), semaphore("a", 0, 10, STROBE_CAPACITY_COUNTED, 190),
                                            semaphore("", 5, -1, STROBE_CAPACITY_UNKNOWN, 0), queue("inbox", 1, 1, 2), unknown};
    json_t *root;

    rows[2].kind = STROBE_RESOURCE_LIMITER;
    rows[2].over = 3;
    rows[2].free = 0;
    rows[2].capacity = STROBE_UNLIMITED;
    rows[2].capacity_source = STROBE_CAPACITY_STORED;
    rows[4].kind = STROBE_RESOURCE_ANYIO_POOL;
    root = json_of(rows, 5);
    assert_int_equal(json_integer_value(json_object_get(root, "pid")), 42);
    assert_true(json_is_true(json_object_get(root, "idle_looked_for")));
    assert_string_equal(json_string_value(value(root, 0, "id")), "0x1000");
    assert_int_equal(json_integer_value(value(root, 0, "pending_tasks")), 6);
    assert_null(value(root, 0, "waiters"));
    assert_string_equal(json_string_value(value(root, 1, "capacity_source")), "counted");
    assert_int_equal(json_integer_value(value(root, 1, "capacity")), 10);
    assert_string_equal(json_string_value(value(root, 1, "for")), "tasks");
    assert_true(json_is_null(value(root, 2, "name")));
    assert_int_equal(json_integer_value(value(root, 2, "available")), -3);
    assert_string_equal(json_string_value(value(root, 2, "capacity")), "unlimited");
    assert_string_equal(json_string_value(value(root, 2, "capacity_source")), "bounded");
    assert_int_equal(json_integer_value(value(root, 3, "maxsize")), 1);
    assert_null(value(root, 3, "available"));
    assert_true(json_is_null(value(root, 4, "id")) && json_is_null(value(root, 4, "max_workers")));
    json_decref(root);
}

static void test_hostile_names(void **state)
{
    struct strobe_report_resource rows[] = {executor(HOSTILE, 4, 4, 6), semaphore(HOSTILE, 0, 10, STROBE_CAPACITY_COUNTED, 190)};
    char *text;
    json_t *root;

    rows[0].type = rows[0].prefix = rows[0].module = rows[1].type = rows[1].module = HOSTILE;
    rows[1].of_threads = true;
    text = text_of(rows, 2);
    for (const char *c = text; *c; c++)
        assert_true((unsigned char)*c >= 0x20 || *c == '\n');
    assert_null(strstr(text, "\xe2\x80\xae")); /* a name may turn no line around */
    assert_null(strstr(text, "\xc2\x85"));
    free(text);
    root = json_of(rows, 2);
    assert_non_null(strstr(json_string_value(value(root, 0, "name")), "a\x1b[2J\"\\\n"));
    json_decref(root);
}

static void test_each_allocation_fails_once(void **state)
{
    struct strobe_report_resource rows[] = {executor("Api._pool", 4, 4, 6), semaphore("a", 0, 10, STROBE_CAPACITY_COUNTED, 190)};
    struct strobe_report_resources report = {.process = &process, .at = rows, .n = 2, .scanned = true};

    for (int json = 0; json < 2; json++)
        for (uint64_t n = 1;; n++) {
            struct strobe_buf out = STROBE_BUF_INIT;
            int err = 0;

            alloc_fail_arm(n);
            if (json)
                err = strobe_report_resources_json(&report, &out);
            else
                strobe_report_resources(&report, true, &out);
            alloc_fail_disarm();
            assert_true(!alloc_fail_hit() || err == STROBE_ERR_NOMEM || out.failed);
            strobe_buf_release(&out);
            assert_int_equal(alloc_fail_live(), 0);
            if (!alloc_fail_hit())
                break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),       cmocka_unit_test(test_many), cmocka_unit_test(test_json), cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
