/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

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

static void assert_text(bool color, const char *expected)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    strobe_report_dump_text(&sample.process, color, &out);
    assert_false(out.failed);
    assert_string_equal(strobe_buf_str(&out), expected);
    strobe_buf_release(&out);
}

static void test_layout(void **state)
{
    assert_text(false, "Process 17500: python t.py\n"
                       "Python v3.12.1 (/usr/bin/python3)\n"
                       "\n"
                       "Thread 17500 (idle): \"MainThread\"\n"
                       "    <module> (t.py)\n"
                       "Thread 0x7F00000000FF (active)\n"
                       "    <incomplete: the stack changed while it was read>\n"
                       "Thread 17502 (active+gil): \"worker-1\"\n"
                       "    spin (pkg/t.py:5)\n"
                       "        Arguments:\n"
                       "            n: 3\n"
                       "        Locals:\n"
                       "            x\\x07: '\\x1b]0;t'\n"
                       "            y: []\n"
                       "    ... 95,904 frames left out ...\n"
                       "    <module> (t.py)\n"
                       "Thread 17503 (waiting for gil): \"wo\"rk\\x1b\"\n"
                       "    a\\x1b[2J\"\\\\x0a\\x85\\u202e\\xff (<b>.py:7)\n");
}

static void test_full_filenames_and_no_lines(void **state)
{
    sample.process.full_filenames = true;
    sample.process.show_lines = false;
    sample.process.threads = &sample.threads[0];
    sample.process.n_threads = 2;
    sample.frames[0].n_locals = 0;
    assert_text(false, "Process 17500: python t.py\n"
                       "Python v3.12.1 (/usr/bin/python3)\n"
                       "\n"
                       "Thread 17502 (active+gil): \"worker-1\"\n"
                       "    spin (/app/pkg/t.py)\n"
                       "    ... 95,904 frames left out ...\n"
                       "    <module> (/app/t.py)\n"
                       "Thread 17503 (waiting for gil): \"wo\"rk\\x1b\"\n"
                       "    a\\x1b[2J\"\\\\x0a\\x85\\u202e\\xff (/app/<b>.py)\n");
}

static void test_child(void **state)
{
    sample.process.parent_pid = 17000;
    sample.process.parent_cmdline = "sh -c x\x1b";
    sample.process.threads = &sample.threads[3];
    sample.process.n_threads = 1;
    assert_text(false, "\n--------------------------------------------------------------------------------\n"
                       "Process 17500: python t.py\n"
                       "Python v3.12.1 (/usr/bin/python3)\n"
                       "Parent Process 17000: sh -c x\\x1b\n"
                       "\n"
                       "Thread 17500 (idle): \"MainThread\"\n"
                       "    <module> (t.py)\n");
}

/* The main thread of a subinterpreter is not the process's; interpreters stay together. */
static void test_interpreters(void **state)
{
    sample.raw[0].interp = 1;
    sample.raw[0].flags = STROBE_THREAD_MAIN | STROBE_THREAD_ACTIVE;
    sample.threads[0].n_frames = 0;
    sample.threads[1].n_frames = 0;
    struct strobe_report_thread order[3] = {sample.threads[1], sample.threads[3], sample.threads[0]};

    sample.process.threads = order;
    sample.process.n_threads = 3;
    assert_text(false, "Process 17500: python t.py\n"
                       "Python v3.12.1 (/usr/bin/python3)\n"
                       "\n"
                       "Thread 17500 (idle): \"MainThread\"\n"
                       "    <module> (t.py)\n"
                       "Thread 17502 (active+gil): \"worker-1\"\n"
                       "Thread 17503 (active): \"wo\"rk\\x1b\"\n");
    sample.process.all_threads = false;
    assert_text(false, "Process 17500: python t.py\n"
                       "Python v3.12.1 (/usr/bin/python3)\n"
                       "\n"
                       "Thread 17500 (idle): \"MainThread\"\n"
                       "    <module> (t.py)\n");
}

/* With colours taken out the text is the same, and a name cannot bring colours of its own. */
static void test_colour_changes_nothing_else(void **state)
{
    struct strobe_buf plain = STROBE_BUF_INIT, coloured = STROBE_BUF_INIT, stripped = STROBE_BUF_INIT;

    strobe_report_dump_text(&sample.process, false, &plain);
    strobe_report_dump_text(&sample.process, true, &coloured);
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
}

static void test_escape(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"plain \xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x90\x8d", "plain \xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x90\x8d"},
        {"\x01\t\r\x7f", "\\x01\\x09\\x0d\\x7f"},
        {"\xc2\x9b\xc2\xa0", "\\x9b\xc2\xa0"},
        {"\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\xa8\xd8\x9c", "\\u2066\\u2069\\u2028\\u061c"},
        {"\xc0\x80\xed\xa0\x80", "\\xc0\\x80\\xed\\xa0\\x80"},
        {"cut \xe6\xbc", "cut \\xe6\\xbc"},
    };
    struct strobe_buf out = STROBE_BUF_INIT;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        strobe_buf_clear(&out);
        strobe_report_escape(cases[i].in, &out);
        assert_string_equal(strobe_buf_str(&out), cases[i].out);
    }
    strobe_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_layout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_filenames_and_no_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_child, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interpreters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_colour_changes_nothing_else, setup, teardown),
        cmocka_unit_test(test_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
