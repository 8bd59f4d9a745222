/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <string.h>

#include "tools/opts.h"

enum { MAX_ARGS = 32 };

static struct strobe_opts opts;
static struct strobe_buf message = STROBE_BUF_INIT;

/* Parses words parted by blanks. */
static enum strobe_opts_verdict parse(enum strobe_cmd cmd, const char *line)
{
    static char copy[512];
    static char *argv[MAX_ARGS + 1];
    int argc = 0;
    char *save = NULL;

    strobe_opts_release(&opts);
    strobe_buf_clear(&message);
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " ", &save); word && argc < MAX_ARGS; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    argv[argc] = NULL;
    return strobe_opts_parse(cmd, argc, argv, &opts, &message);
}

static int teardown(void **state)
{
    strobe_opts_release(&opts);
    strobe_buf_release(&message);
    return 0;
}

static void assert_program(const char *expected)
{
    struct strobe_buf joined = STROBE_BUF_INIT;

    assert_non_null(opts.program);
    for (char **arg = opts.program; *arg; arg++)
        strobe_buf_printf(&joined, "%s%s", joined.len ? " " : "", *arg);
    assert_string_equal(strobe_buf_str(&joined), expected);
    strobe_buf_release(&joined);
}

static void test_by(void **state)
{
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -p 42 --by contextvar:turn --by otel:trace_id --by=otel:span_id --by label:a=b"),
                     STROBE_OPTS_RUN); /* threads have contexts, too: no --asyncio */
    assert_int_equal(opts.n_by, 4);
    assert_string_equal(opts.by[0], "contextvar:turn");
    assert_string_equal(opts.by[1], "otel:trace_id");
    assert_string_equal(opts.by[2], "otel:span_id");
    assert_string_equal(opts.by[3], "label:a=b");
    assert_null(opts.context_name);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -p 42 --by otel:span"), STROBE_OPTS_USAGE);
    assert_string_equal(strobe_buf_str(&message), "'otel:span' is no value for --by: it takes contextvar:NAME, label:NAME, otel:trace_id "
                                                  "or otel:span_id");
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -p 42 --by a --by label:"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record 42 --by label:1 --by label:2 --by label:3 --by label:4 --by label:5 --by label:6 "
                                              "--by label:7 --by label:8"), STROBE_OPTS_RUN);
    assert_int_equal(opts.n_by, STROBE_OPTS_MAX_BY);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record 42 --by label:1 --by label:2 --by label:3 --by label:4 --by label:5 --by label:6 "
                                              "--by label:7 --by label:8 --by label:9"), STROBE_OPTS_USAGE);
    assert_string_equal(strobe_buf_str(&message), "--by can be given 8 times, not more");
    assert_int_equal(parse(STROBE_CMD_PS, "ps 42 --by contextvar:turn"), STROBE_OPTS_RUN);
    assert_string_equal(opts.context_name, "turn");
    assert_int_equal(parse(STROBE_CMD_PSTREE, "pstree 42 --by label:turn"), STROBE_OPTS_USAGE);
    assert_string_equal(strobe_buf_str(&message), "'label:turn' is no value for --by: it takes contextvar:NAME");
}

static void test_defaults(void **state)
{
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -p 42"), STROBE_OPTS_RUN);
    assert_int_equal(opts.pid, 42);
    assert_int_equal(opts.rate, 100);
    assert_int_equal(opts.duration_ns, 0);
    assert_string_equal(opts.format, "flamegraph");
    assert_null(opts.output);
    assert_null(opts.program);
    assert_false(opts.idle || opts.gil || opts.threads || opts.nonblocking || opts.subprocesses || opts.function || opts.no_line);
}

static void test_all_of_record(void **state)
{
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -sigt -F --full-filenames --nonblocking --capture --hideprogress -r 250 -d 1.5 "
                                              "-f RAW -o x -p 0x2A"),
                     STROBE_OPTS_RUN);
    assert_int_equal(opts.pid, 42);
    assert_int_equal(opts.rate, 250);
    assert_int_equal(opts.duration_ns, 1500000000);
    assert_string_equal(opts.format, "RAW");
    assert_string_equal(opts.output, "x");
    assert_true(opts.subprocesses && opts.idle && opts.gil && opts.threads && opts.function && opts.full_filenames && opts.nonblocking &&
                opts.hide_progress);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record --pid=7 --rate=1000000 --duration=unlimited --nolineno --gil --idle "
                                              "--threads --subprocesses"),
                     STROBE_OPTS_RUN);
    assert_int_equal(opts.rate, 1000000);
    assert_int_equal(opts.duration_ns, 0);
    assert_true(opts.no_line);
}

static void test_all_of_dump(void **state)
{
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump -lll -j -s --full-filenames --nonblocking --pid 1"), STROBE_OPTS_RUN);
    assert_int_equal(opts.locals, 3);
    assert_true(opts.json && opts.subprocesses && opts.full_filenames && opts.nonblocking);
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump --locals --locals -l --json 1"), STROBE_OPTS_RUN);
    assert_int_equal(opts.locals, 3);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record --asyncio -j 1"), STROBE_OPTS_RUN);
    assert_true(opts.json && opts.asyncio == STROBE_ASYNCIO_TASKS);
}

static void test_pid_alone(void **state)
{
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump 4242"), STROBE_OPTS_RUN);
    assert_int_equal(opts.pid, 4242);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record 0xff -d 2"), STROBE_OPTS_RUN);
    assert_int_equal(opts.pid, 255);
    assert_null(opts.program);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -d 2 0xff"), STROBE_OPTS_RUN);
    assert_int_equal(opts.pid, 255);
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump -- 4242"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump 1 2"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump -p 1 2"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record 1 python"), STROBE_OPTS_USAGE);
}

static void test_pid_values(void **state)
{
    static const char *const bad[] = {"0", "-1", "+1", "0x", "0x0", "12a", "1.5", "2147483648",
                                      "99999999999999999999", " 1", "", "0x0x1", "0x-1"};
    int32_t pid = 7;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(strobe_opts_pid(bad[i], &pid));
        assert_int_equal(pid, 7);
    }
    assert_true(strobe_opts_pid("2147483647", &pid));
    assert_int_equal(pid, 2147483647);
    assert_true(strobe_opts_pid("0X7fffFFFF", &pid));
    assert_int_equal(pid, 2147483647);
}

static void test_program(void **state)
{
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -o x -- python app.py -d 5 -o y --rate"), STROBE_OPTS_RUN);
    assert_program("python app.py -d 5 -o y --rate");
    assert_string_equal(opts.output, "x");
    assert_int_equal(opts.duration_ns, 0);
    /* Without "--", options after the program are still ours, as in py-spy. */
    assert_int_equal(parse(STROBE_CMD_RECORD, "record python app.py -d 5"), STROBE_OPTS_RUN);
    assert_program("python app.py");
    assert_int_equal(opts.duration_ns, 5000000000);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record python -- app.py -d"), STROBE_OPTS_RUN);
    assert_program("python app.py -d");
    /* After "--" a number is a program's name. */
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -- 4242"), STROBE_OPTS_RUN);
    assert_program("4242");
    assert_int_equal(opts.pid, 0);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -p 1 -- python"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record --"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record python -c pass"), STROBE_OPTS_USAGE);
}

static void test_durations(void **state)
{
    static const struct {
        const char *line;
        uint64_t ns;
    } good[] = {{"record 1 -d 0.5", 500000000}, {"record 1 -d .25", 250000000}, {"record 1 -d 3.", 3000000000},
                {"record 1 -d 0.000001", 1000}};
    static const char *const bad[] = {"0", "0.0", ".", "-1", "1e3", "inf", "nan", "0x10", "1.2.3", "5s", "Unlimited", "9999999999999"};
    char line[64];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(parse(STROBE_CMD_RECORD, good[i].line), STROBE_OPTS_RUN);
        assert_int_equal(opts.duration_ns, good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(line, sizeof line, "record 1 -d %s", bad[i]);
        assert_int_equal(parse(STROBE_CMD_RECORD, line), STROBE_OPTS_USAGE);
        assert_non_null(strstr(strobe_buf_str(&message), "--duration"));
    }
}

static void test_rates(void **state)
{
    static const char *const bad[] = {"0", "-1", "1.5", "1000001", "max", "0x10", "1e3"};
    char line[64];

    assert_int_equal(parse(STROBE_CMD_RECORD, "record 1 -r 1"), STROBE_OPTS_RUN);
    assert_int_equal(opts.rate, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(line, sizeof line, "record 1 -r %s", bad[i]);
        assert_int_equal(parse(STROBE_CMD_RECORD, line), STROBE_OPTS_USAGE);
        assert_non_null(strstr(strobe_buf_str(&message), "--rate"));
    }
}

static void test_usage_errors(void **state)
{
    static const char *const record[] = {"record", "record -x 1", "record --frobnicate 1", "record -p", "record 1 -o",
                                         "record -F --nolineno 1",
                                         "record -n --nonblocking 1", "record 1 --locals", "record 1 -c core"};
    static const char *const dump[] = {"dump", "dump app.py", "dump -p abc", "dump -o x 1", "dump -r 5 1", "dump -jx 1"};

    for (size_t i = 0; i < sizeof record / sizeof record[0]; i++) {
        assert_int_equal(parse(STROBE_CMD_RECORD, record[i]), STROBE_OPTS_USAGE);
        assert_true(message.len > 0);
    }
    for (size_t i = 0; i < sizeof dump / sizeof dump[0]; i++) {
        assert_int_equal(parse(STROBE_CMD_DUMP, dump[i]), STROBE_OPTS_USAGE);
        assert_true(message.len > 0);
    }
    parse(STROBE_CMD_DUMP, "dump -jx 1");
    assert_non_null(strstr(strobe_buf_str(&message), "-x"));
}

/* Each sentence names the subcommand that was asked, and what is wrong. */
static void test_sentences(void **state)
{
    static const struct {
        enum strobe_cmd cmd;
        const char *line, *sentence;
    } cases[] = {
        {STROBE_CMD_PS, "ps 1 1", "unexpected argument '1': ps takes the id of one process"},
        {STROBE_CMD_PSTREE, "pstree -p 1 2", "unexpected argument '2': pstree takes the id of one process"},
        {STROBE_CMD_DUMP, "dump app.py", "unexpected argument 'app.py': dump takes the id of a running process"},
        {STROBE_CMD_RECORD, "record 1 2", "unexpected argument '2': record takes the id of a running process or a program to launch, not "
                                          "both"},
        {STROBE_CMD_RECORD, "record 1 --for 2", "record has no option --for, unlike ps and pstree"},
        {STROBE_CMD_RECORD, "record 1 --for=2s", "record has no option --for, unlike ps and pstree"},
        {STROBE_CMD_PS, "ps 1 --blame", "ps has no option --blame, unlike record"},
        {STROBE_CMD_PS, "ps 1 -l", "ps has no option -l, unlike dump"},
        {STROBE_CMD_PS, "ps 1 --asyncio", "ps has no option --asyncio, unlike record and dump"},
        {STROBE_CMD_DUMP, "dump --delay 1", "dump has no option --delay, unlike top"},
        {STROBE_CMD_RECORD, "record 1 --f x", "'--f' is the start of more than one option: --format, --function, --full-filenames"},
        {STROBE_CMD_DUMP, "dump 1 --json=3", "'--json' takes no value"},
        {STROBE_CMD_DUMP, "dump 1 --frobnicate=3", "unknown option '--frobnicate=3'"},
        {STROBE_CMD_DUMP, "dump --json -xj 1", "unknown option '-x'"},
        {STROBE_CMD_DUMP, "dump --pid", "a value is missing after '--pid'"},
        {STROBE_CMD_RECORD, "record 1 --blame", "--blame needs --asyncio"},
        {STROBE_CMD_RECORD, "record 1 --asyncio=threads --blame",
         "--blame is about tasks, which --asyncio=threads does not record: take --asyncio or --asyncio=both"},
        {STROBE_CMD_RECORD, "record 1 --asyncio=both -o -", "--asyncio=both writes two profiles: name a file with --output"},
        {STROBE_CMD_DUMP, "dump 1 --asyncio=both", "--asyncio of dump takes no value: threads are always there"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].cmd, cases[i].line), STROBE_OPTS_USAGE);
        assert_string_equal(strobe_buf_str(&message), cases[i].sentence);
    }
    assert_int_equal(parse(STROBE_CMD_RECORD, "record 1 --asyncio -g"), STROBE_OPTS_USAGE);
    assert_non_null(strstr(strobe_buf_str(&message), "--gil is about threads"));
    assert_int_equal(parse(STROBE_CMD_RECORD, "record 1 --asyncio -t -i"), STROBE_OPTS_RUN); /* it is said that they do nothing */
    assert_int_equal(parse(STROBE_CMD_RECORD, "record 1 --asyncio=both -g"), STROBE_OPTS_RUN);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record 1 --form raw"), STROBE_OPTS_RUN);
    assert_int_equal(parse(STROBE_CMD_PSTREE, "pstree -s --for 2s 1"), STROBE_OPTS_RUN);
    assert_true(opts.subprocesses && opts.watch_ns == 2000000000);
}

static void test_not_there_yet(void **state)
{
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -n 1"), STROBE_OPTS_UNSUPPORTED);
    assert_string_equal(strobe_buf_str(&message), "--native is not implemented yet");
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump --native 1"), STROBE_OPTS_UNSUPPORTED);
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump -c core"), STROBE_OPTS_UNSUPPORTED);
    assert_string_equal(strobe_buf_str(&message), "--core is not implemented yet");
    assert_int_equal(parse(STROBE_CMD_TOP, "top -p 1 --delay 0.5 -r 50"), STROBE_OPTS_UNSUPPORTED);
    assert_string_equal(strobe_buf_str(&message), "top is not implemented yet");
}

static void test_help_and_version(void **state)
{
    struct strobe_buf help = STROBE_BUF_INIT;

    assert_int_equal(parse(STROBE_CMD_RECORD, "record -h"), STROBE_OPTS_HELP);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -p 1 --help"), STROBE_OPTS_HELP);
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump -V"), STROBE_OPTS_VERSION);
    assert_int_equal(parse(STROBE_CMD_RECORD, "record -- python -h"), STROBE_OPTS_RUN);
    strobe_opts_help(STROBE_CMD_RECORD, &help);
    assert_non_null(strstr(help.data, "--pid"));
    assert_non_null(strstr(help.data, "--nonblocking"));
    assert_null(strstr(help.data, "--capture"));
    assert_null(strstr(help.data, "--locals"));
    assert_non_null(strstr(help.data, "--asyncio[=<what>] "));
    strobe_buf_release(&help);
    strobe_opts_help(STROBE_CMD_SERVE, &help);
    assert_non_null(strstr(help.data, "--wait-threshold <seconds> Say on"));
    strobe_buf_release(&help);
    strobe_opts_help(STROBE_CMD_DUMP, &help);
    strobe_opts_help(STROBE_CMD_PS, &help);
    strobe_opts_help(STROBE_CMD_POOLS, &help);
    assert_null(strstr(help.data, "record"));
    assert_null(strstr(help.data, "--asyncio["));
    strobe_buf_release(&help);
}

static void test_serve(void **state)
{
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve 42 0x2b 44"), STROBE_OPTS_RUN);
    assert_int_equal(opts.serve.n_pids, 3);
    assert_int_equal(opts.serve.pids[1], 43);
    assert_null(opts.program);
    assert_null(opts.serve.listen);
    assert_true(opts.serve.max_cpu > 0.0099 && opts.serve.max_cpu < 0.0101);
    assert_int_equal(opts.serve.wait_ns, 1000000000);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve -p 42 43"), STROBE_OPTS_RUN);
    assert_int_equal(opts.serve.n_pids, 2);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve --listen [::1]:0 --max-cpu 0.5 --wait-threshold 250ms --all-python"), STROBE_OPTS_RUN);
    assert_string_equal(opts.serve.listen, "[::1]:0");
    assert_int_equal(opts.serve.wait_ns, 250000000);
    assert_int_equal(opts.serve.n_pids, 0);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve --textfile x -- 42 --rate 3"), STROBE_OPTS_RUN);
    assert_program("42 --rate 3");
    assert_int_equal(opts.serve.n_pids, 0);
}

static void test_serve_refuses(void **state)
{
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve"), STROBE_OPTS_USAGE);
    assert_string_equal(strobe_buf_str(&message), "no process and no program given: strobe serve PID..., --all-python, or -- PROGRAM");
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve 42 x"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve 42 -- x"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve -p 42 -- x"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve --all-python 42"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve --all-python -- x"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve --max-cpu 0 42"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve --max-cpu 1.5 42"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_SERVE, "serve --rate 3 42"), STROBE_OPTS_USAGE);
    assert_int_equal(parse(STROBE_CMD_DUMP, "dump --listen x 42"), STROBE_OPTS_USAGE);
    assert_string_equal(strobe_buf_str(&message), "dump has no option --listen, unlike serve");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),  cmocka_unit_test(test_all_of_record), cmocka_unit_test(test_all_of_dump),
        cmocka_unit_test(test_serve),     cmocka_unit_test(test_serve_refuses), cmocka_unit_test(test_by),
        cmocka_unit_test(test_pid_alone), cmocka_unit_test(test_pid_values),    cmocka_unit_test(test_program),
        cmocka_unit_test(test_durations), cmocka_unit_test(test_rates),         cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_not_there_yet), cmocka_unit_test(test_help_and_version),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
