/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <jansson.h>
#include <stdlib.h>

#include "tests/unit/report_sample.h"

static struct report_sample sample;

static int setup(void **state)
{
    sample_init(&sample);
    return 0;
}

static int teardown(void **state)
{
    sample_release(&sample);
    return 0;
}

static json_t *dump(const struct strobe_report_process *processes, uint32_t n, bool info)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    json_error_t error;
    json_t *root;

    assert_int_equal(strobe_report_dump_json(processes, n, info, &out), 0);
    for (size_t i = 0; i < out.len; i++) /* fit for a terminal */
        assert_true(((unsigned char)out.data[i] >= 0x20 || out.data[i] == '\n') && out.data[i] != 0x7f);
    assert_int_equal(out.data[out.len - 1], '\n');
    root = json_loads(out.data, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    strobe_buf_release(&out);
    return root;
}

/* The keys, in order, of py-spy's object; then ours. */
static void assert_keys(const json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;
    size_t n = 0;

    json_object_foreach ((json_t *)object, key, value) {
        if (keys[n])
            assert_string_equal(key, keys[n++]);
    }
    assert_null(keys[n]);
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

static void test_keys_and_order(void **state)
{
    static const char *const thread_keys[] = {"pid",      "thread_id", "thread_name", "os_thread_id", "active",
                                              "owns_gil", "frames",    "process_info", NULL};
    static const char *const frame_keys[] = {"name", "filename", "module", "short_filename", "line",
                                             "locals", "is_entry", "is_shim_entry", NULL};
    json_t *root = dump(&sample.process, 1, false), *thread, *frames;

    assert_int_equal(json_array_size(root), 4);
    thread = json_array_get(root, 1); /* as in the runtime's lists */
    assert_keys(thread, thread_keys);
    assert_json(json_object_get(thread, "pid"), "17500");
    assert_json(json_object_get(thread, "thread_id"), "2749");
    assert_json(json_object_get(thread, "thread_name"), "\"worker-1\"");
    assert_json(json_object_get(thread, "os_thread_id"), "17502");
    assert_json(json_object_get(thread, "active"), "true");
    assert_json(json_object_get(thread, "owns_gil"), "true");
    assert_json(json_object_get(thread, "process_info"), "null");
    frames = json_object_get(thread, "frames");
    assert_int_equal(json_array_size(frames), 3);
    assert_keys(json_array_get(frames, 0), frame_keys);
    assert_keys(json_array_get(frames, 1), frame_keys);
    assert_json(json_array_get(frames, 2),
                "{\"name\": \"<module>\", \"filename\": \"/app/t.py\", \"module\": null, \"short_filename\": \"t.py\", \"line\": 0,"
                " \"locals\": null, \"is_entry\": false, \"is_shim_entry\": false}");
    assert_json(json_object_get(json_array_get(frames, 1), "name"), "\"... 95,904 frames left out ...\"");
    json_decref(root);
}

static void test_states(void **state)
{
    json_t *root = dump(&sample.process, 1, false), *waiting = json_array_get(root, 0), *torn = json_array_get(root, 2);

    assert_json(json_object_get(waiting, "active"), "true");
    assert_json(json_object_get(waiting, "owns_gil"), "false");
    assert_json(json_object_get(waiting, "gil_wait"), "true");
    assert_json(json_object_get(waiting, "error"), "null");
    assert_json(json_object_get(torn, "thread_name"), "null");
    assert_json(json_object_get(torn, "os_thread_id"), "null");
    assert_json(json_object_get(torn, "thread_id"), "139637976727807");
    assert_json(json_object_get(torn, "frames"), "[]");
    assert_string_equal(json_string_value(json_object_get(torn, "error")), strobe_err_text(STROBE_ERR_TORN));
    assert_json(json_object_get(json_array_get(root, 3), "main"), "true");
    assert_json(json_object_get(json_array_get(root, 3), "active"), "false");
    json_decref(root);
}

static void test_hostile_names_come_back(void **state)
{
    json_t *root = dump(&sample.process, 1, false);
    json_t *frame = json_array_get(json_object_get(json_array_get(root, 0), "frames"), 0);

    assert_string_equal(json_string_value(json_object_get(frame, "name")), "a\x1b[2J\"\\\n\xc2\x85\xe2\x80\xae\xef\xbf\xbd");
    assert_string_equal(json_string_value(json_object_get(json_array_get(root, 0), "thread_name")), "wo\"rk\x1b");
    json_decref(root);
}

static void test_locals(void **state)
{
    json_t *root = dump(&sample.process, 1, false);
    json_t *frame = json_array_get(json_object_get(json_array_get(root, 1), "frames"), 0);

    assert_json(json_object_get(frame, "locals"), "[{\"name\": \"n\", \"addr\": 16, \"arg\": true, \"repr\": \"3\"},"
                                                  "{\"name\": \"x\\u0007\", \"addr\": 140429506947280, \"arg\": false,"
                                                  " \"repr\": \"'\\u001b]0;t'\"},"
                                                  "{\"name\": \"y\", \"addr\": 48, \"arg\": false, \"repr\": \"[]\"}]");
    json_decref(root);
}

static void test_processes(void **state)
{
    struct strobe_report_process all[3] = {sample.process, sample.process, sample.process};
    json_t *root;

    for (int i = 0; i < 3; i++)
        all[i].n_threads = 1;
    all[1].pid = 2;
    all[1].cmdline = "child\xff";
    all[1].parent_pid = 17500;
    all[1].parent_cmdline = "python t.py";
    all[2].pid = 3;
    all[2].cmdline = "grandchild";
    all[2].parent_pid = 4; /* not Python itself, so not among the processes */
    all[2].parent_cmdline = "sh";
    root = dump(all, 3, true);
    assert_int_equal(json_array_size(root), 3);
    assert_json(json_object_get(json_array_get(root, 0), "process_info"),
                "{\"pid\": 17500, \"command_line\": \"python t.py\", \"parent\": null}");
    assert_json(json_object_get(json_array_get(root, 1), "process_info"),
                "{\"pid\": 2, \"command_line\": \"child\\ufffd\","
                " \"parent\": {\"pid\": 17500, \"command_line\": \"python t.py\", \"parent\": null}}");
    assert_json(json_object_get(json_array_get(root, 2), "process_info"),
                "{\"pid\": 3, \"command_line\": \"grandchild\", \"parent\": {\"pid\": 4, \"command_line\": \"sh\", \"parent\": null}}");
    json_decref(root);
}

/* Process ids are read one after the other: a reused one could close a circle. */
static void test_a_circle_of_parents_ends(void **state)
{
    struct strobe_report_process all[2] = {sample.process, sample.process};

    all[0].parent_pid = 2;
    all[1].pid = 2;
    all[1].parent_pid = 17500;
    json_decref(dump(all, 2, true));
}

static void test_nothing(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    assert_int_equal(strobe_report_dump_json(NULL, 0, false, &out), 0);
    assert_string_equal(strobe_buf_str(&out), "[]\n");
    strobe_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_and_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_states, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_names_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_circle_of_parents_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
