/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/opts.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tools/opts_parts.h"

enum { R = STROBE_CMD_RECORD, D = STROBE_CMD_DUMP, T = STROBE_CMD_TOP, P = STROBE_CMD_PS, E = STROBE_CMD_PSTREE, O = STROBE_CMD_POOLS,
       S = STROBE_CMD_SERVE };

struct option_row {
    const char *name, *arg; /* arg NULL = a flag */
    int letter;             /* the short option, or a STROBE_OPT_ value */
    int cmds;
    const char *help;       /* NULL = hidden */
};

static const struct option_row rows[] = {
    {"pid", "pid", 'p', R | D | T | P | E | O | S,
     "Process to look at, in decimal or in hexadecimal with 0x; may also stand alone, without -p"},
    {"core", "core", 'c', D, "Core file to read (not implemented yet)"},
    {"output", "filename", 'o', R, "Output file; - is standard output [default: {pid or program}-{time}.{svg,txt,json,pstats,pb.gz}]"},
    {"format", "format", 'f', R, "flamegraph, raw, speedscope, chrometrace, pstats or pprof [default: flamegraph]"},
    {"duration", "seconds", 'd', R, "How long to record, such as 30 or 0.5 [default: unlimited]"},
    {"rate", "rate", 'r', R | T, "Samples per second, 1 to 1000000 [default: 100]"},
    {"subprocesses", NULL, 's', R | D | T | P | E | O, "Include child processes, future ones too"},
    {"function", NULL, 'F', R, "Count by function (its first line) instead of by current line"},
    {"nolineno", NULL, STROBE_OPT_NOLINENO, R, "Show no line numbers"},
    {"threads", NULL, 't', R, "Put a frame for the thread at the root of each stack"},
    {"gil", NULL, 'g', R | T, "Only the thread that holds the GIL"},
    {"idle", NULL, 'i', R | T, "Count idle threads too"},
    {"locals", NULL, 'l', D, "Show arguments and local variables; each further -l shows 128 more characters of a value"},
    {"json", NULL, 'j', R | D | P | E | O, "Print a summary as JSON at the end"},
    {"full-filenames", NULL, STROBE_OPT_FULL_FILENAMES, R | D | T | P | E | S, "Show whole paths, not only the part inside the package"},
    {"native", NULL, 'n', R | D | T, "Native frames (not implemented yet)"},
    {"nonblocking", NULL, STROBE_OPT_NONBLOCKING, R | D | T | P | E | O | S,
     "Never pause the process; inconsistent samples are dropped and counted"},
    {"asyncio", "what", STROBE_OPT_ASYNCIO, R | D,
     "Record the wall time of asyncio tasks: =tasks (default), =threads or =both"},
    {"blame", NULL, STROBE_OPT_BLAME, R, "With --asyncio: bill waiting to what holds it up"},
    {"task-rate", "rate", STROBE_OPT_TASK_RATE, R,
     "With --asyncio: looks at tasks per second, at most [default: what takes a seventh of the time]"},
    {"max-pause", "ms", STROBE_OPT_MAX_PAUSE, R | D | P | E | O,
     "Hold a loop's thread for its tasks no longer than so many milliseconds [default: 1]"},
    {"expand", NULL, STROBE_OPT_EXPAND, E, "Show each task for itself instead of equal ones together"},
    {"for", "seconds", STROBE_OPT_FOR, P | E, "Look for so long, such as 2s, and say how long each task has waited"},
    {"by", "contextvar:NAME", STROBE_OPT_BY, P | E | R,
     "Tell tasks and threads apart by the value of a context variable, or by label:NAME, otel:trace_id, otel:span_id; may be repeated"},
    {"listen", "address", STROBE_OPT_LISTEN, S, "Where to serve HTTP: 127.0.0.1:9477, [::1]:9477, port 0 for a free one [default: "
                                                "127.0.0.1:9477; with --textfile nowhere]"},
    {"all-python", NULL, STROBE_OPT_ALL_PYTHON, S, "Every Python process of the machine that may be read, future ones too"},
    {"textfile", "filename", STROBE_OPT_TEXTFILE, S, "Write the metrics to this file every 15 seconds, for node_exporter"},
    {"max-cpu", "share", STROBE_OPT_MAX_CPU, S, "Take at most this share of one processor between scrapes [default: 0.01]"},
    {"prefix", "text", STROBE_OPT_PREFIX, S, "Put this before the name of every metric but process_* and strobe_*"},
    {"wait-threshold", "seconds", STROBE_OPT_WAIT_THRESHOLD, S, "Say on standard error what is waited for longer than this [default: 1]"},
    {"user", "name", STROBE_OPT_USER, S, "Who to become when started as root [default: nobody]"},
    {"delay", "seconds", STROBE_OPT_DELAY, T, "Time between two refreshes [default: 1.0]"},
    {"capture", NULL, STROBE_OPT_CAPTURE, R | T, NULL},
    {"hideprogress", NULL, STROBE_OPT_HIDE_PROGRESS, R | T, NULL},
    {"flat-out", NULL, STROBE_OPT_FLAT_OUT, R, NULL},
    {"max-samples", "n", STROBE_OPT_MAX_SAMPLES, R, NULL},
    {"help", NULL, 'h', R | D | T | P | E | O | S, "Print this help"},
    {"version", NULL, 'V', R | D | T | P | E | O | S, "Print the version"},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

/* Fills getopt's two tables for a subcommand.  The leading '-' makes positional arguments come in order as option 1 (getopt(3)), so
 * that those before "--" can be told from those after it; ':' asks for ':' when a value is missing. */
static void make_tables(enum strobe_cmd cmd, struct option *longs, char *shorts)
{
    *shorts++ = '-';
    *shorts++ = ':';
    for (int i = 0; i < N_ROWS; i++) {
        const struct option_row *row = &rows[i];

        if (!(row->cmds & cmd))
            continue;
        *longs++ = (struct option){row->name,
                                   row->letter == STROBE_OPT_ASYNCIO ? optional_argument : row->arg ? required_argument : no_argument, NULL,
                                   row->letter};
        if (row->letter < 256) {
            *shorts++ = (char)row->letter;
            if (row->arg)
                *shorts++ = ':';
        }
    }
    *longs = (struct option){NULL, 0, NULL, 0};
    *shorts = '\0';
}

/* serve takes several processes: words before "--" that are numbers, all or none. */
static bool take_pids(struct strobe_opts *opts, size_t before, struct strobe_buf *message)
{
    size_t n = 0;
    int32_t pid;

    opts->serve.pids = calloc(before + 1, sizeof *opts->serve.pids);
    if (!opts->serve.pids) {
        strobe_buf_puts(message, "out of memory");
        return false;
    }
    for (size_t i = 0; i < before && strobe_opts_pid(opts->program[i], &pid); i++)
        opts->serve.pids[n++] = pid;
    if (n && opts->program[n]) {
        strobe_buf_printf(message, "unexpected argument '%s': serve takes ids of running processes or a program to launch, not both",
                          opts->program[n]);
        return false;
    }
    if (opts->pid)
        opts->serve.pids[n++] = opts->pid;
    else if (n)
        opts->pid = opts->serve.pids[0];
    opts->serve.n_pids = n;
    return true;
}

/* Positional arguments: before "--" a lone number is a process id; all else is a program. */
static bool take_positionals(struct strobe_opts *opts, size_t before, struct strobe_buf *message)
{
    char **program = opts->program;
    int32_t pid;

    if (opts->cmd == STROBE_CMD_SERVE) {
        bool numbers = before > 0 && strobe_opts_pid(program[0], &pid);

        if (!take_pids(opts, before, message))
            return false;
        if (numbers)
            goto none;
    }
    if (!program[0])
        goto none;
    if (opts->cmd != STROBE_CMD_SERVE && before > 0 && strobe_opts_pid(program[0], &pid)) {
        if (program[1] || opts->pid) {
            strobe_buf_printf(message, opts->cmd == STROBE_CMD_RECORD ? "unexpected argument '%s': record takes the id of a running "
                                                                        "process or a program to launch, not both"
                                                                      : "unexpected argument '%s': %s takes the id of one process",
                              program[opts->pid ? 0 : 1], strobe_opts_word(opts->cmd));
            return false;
        }
        opts->pid = pid;
        goto none;
    }
    if (opts->cmd & (STROBE_CMD_DUMP | STROBE_CMD_PS | STROBE_CMD_PSTREE | STROBE_CMD_POOLS)) {
        strobe_buf_printf(message, "unexpected argument '%s': %s takes the id of a running process", program[0],
                          strobe_opts_word(opts->cmd));
        return false;
    }
    if (opts->pid) {
        strobe_buf_printf(message, "both a process id and a program ('%s') were given: choose one", program[0]);
        return false;
    }
    return true;
none:
    free(program);
    opts->program = NULL;
    return true;
}

const char *strobe_opts_word(enum strobe_cmd cmd)
{
    switch (cmd) {
    case STROBE_CMD_DUMP: return "dump";
    case STROBE_CMD_RECORD: return "record";
    case STROBE_CMD_PS: return "ps";
    case STROBE_CMD_PSTREE: return "pstree";
    case STROBE_CMD_POOLS: return "pools";
    case STROBE_CMD_SERVE: return "serve";
    default: return "top";
    }
}

/* Length of the name in "--name" or "--name=value". */
static size_t name_len(const char *word)
{
    return strcspn(word + 2, "=");
}

static bool is_name(const struct option_row *row, const char *word)
{
    return strlen(row->name) == name_len(word) && strncmp(row->name, word + 2, name_len(word)) == 0;
}

/* Appends the subcommands that have an option: "ps and pstree". */
static void put_owners(int cmds, struct strobe_buf *message)
{
    static const enum strobe_cmd all[] = {STROBE_CMD_RECORD, STROBE_CMD_DUMP, STROBE_CMD_PS, STROBE_CMD_PSTREE, STROBE_CMD_POOLS,
                                          STROBE_CMD_SERVE, STROBE_CMD_TOP};
    int left = cmds == STROBE_CMD_TOP ? cmds : cmds & ~STROBE_CMD_TOP; /* which does not exist yet */

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!(left & all[i]))
            continue;
        strobe_buf_puts(message, strobe_opts_word(all[i]));
        left &= ~(int)all[i];
        if (left)
            strobe_buf_puts(message, left & (left - 1) ? ", " : " and ");
    }
}

/* An option that another subcommand has, by its whole name: getopt might take it for the beginning of one of ours. */
static bool is_others(enum strobe_cmd cmd, const char *word, struct strobe_buf *message)
{
    const struct option_row *other = NULL;

    if (!word || strncmp(word, "--", 2) != 0 || !word[2])
        return false;
    for (int i = 0; i < N_ROWS; i++) {
        if (!is_name(&rows[i], word))
            continue;
        if (rows[i].cmds & cmd)
            return false;
        other = &rows[i];
    }
    if (!other)
        return false;
    strobe_buf_printf(message, "%s has no option --%s, unlike ", strobe_opts_word(cmd), other->name);
    put_owners(other->cmds, message);
    return true;
}

static void put_unknown_letter(enum strobe_cmd cmd, int letter, struct strobe_buf *message)
{
    for (int i = 0; i < N_ROWS; i++)
        if (rows[i].letter == letter) {
            strobe_buf_printf(message, "%s has no option -%c, unlike ", strobe_opts_word(cmd), letter);
            put_owners(rows[i].cmds, message);
            return;
        }
    strobe_buf_printf(message, "unknown option '-%c'", letter);
}

static void put_unknown_name(enum strobe_cmd cmd, const char *word, struct strobe_buf *message)
{
    size_t n = 0, start = message->len;

    for (int i = 0; i < N_ROWS; i++) {
        if (!(rows[i].cmds & cmd) || strncmp(rows[i].name, word + 2, name_len(word)) != 0)
            continue;
        if (is_name(&rows[i], word)) {
            n = 1;
            break;
        }
        if (!rows[i].help)
            continue;
        if (!n++)
            strobe_buf_printf(message, "'%.*s' is the start of more than one option:", (int)name_len(word) + 2, word);
        strobe_buf_printf(message, n > 1 ? ", --%s" : " --%s", rows[i].name);
    }
    if (n > 1)
        return;
    message->len = start;
    if (n)
        strobe_buf_printf(message, "'%.*s' takes no value", (int)name_len(word) + 2, word);
    else
        strobe_buf_printf(message, "unknown option '%s'", word);
}

/* shown: the word that getopt stopped after; of letters in one word that has more of them, the one before. */
static void put_wrong(enum strobe_cmd cmd, int got, const char *shown, struct strobe_buf *message)
{
    bool is_long = optopt <= 0 || optopt > UINT8_MAX || (strncmp(shown, "--", 2) == 0 && strchr(shown, '='));

    if (got == ':')
        strobe_buf_printf(message, "a value is missing after '%s'", shown);
    else if (is_long)
        put_unknown_name(cmd, shown, message);
    else
        put_unknown_letter(cmd, optopt, message);
}

enum strobe_opts_verdict strobe_opts_parse(enum strobe_cmd cmd, int argc, char **argv, struct strobe_opts *ret, struct strobe_buf *message)
{
    struct option longs[N_ROWS + 1];
    char shorts[2 * N_ROWS + 3];
    size_t n = 0, before;
    int got;

    *ret = (struct strobe_opts){.cmd = cmd, .rate = 100, .format = "flamegraph", .max_pause_ns = 1000000,
                                .serve = {.max_cpu = 0.01, .wait_ns = 1000000000}};
    ret->program = calloc((size_t)argc + 1, sizeof *ret->program);
    if (!ret->program) {
        strobe_buf_puts(message, "out of memory");
        return STROBE_OPTS_UNSUPPORTED;
    }
    make_tables(cmd, longs, shorts);
    optind = 0; /* glibc: start anew, with this option string */
    opterr = 0;
    for (;;) {
        if (is_others(cmd, argv[optind ? optind : 1], message))
            return STROBE_OPTS_USAGE;
        if ((got = getopt_long(argc, argv, shorts, longs, NULL)) == -1)
            break;
        if (got == 'h')
            return STROBE_OPTS_HELP;
        if (got == 'V')
            return STROBE_OPTS_VERSION;
        if (got == '?' || got == ':') {
            put_wrong(cmd, got, argv[optind - 1], message);
            return STROBE_OPTS_USAGE;
        }
        if (got == 1)
            ret->program[n++] = optarg;
        else if (!optarg)
            strobe_opts_set_flag(ret, got);
        else if (!strobe_opts_set_value(ret, got, optarg, message))
            return STROBE_OPTS_USAGE;
    }
    before = n;
    for (int i = optind; i < argc; i++)
        ret->program[n++] = argv[i];
    if (!take_positionals(ret, before, message))
        return STROBE_OPTS_USAGE;
    return strobe_opts_check(ret, message);
}

void strobe_opts_release(struct strobe_opts *opts)
{
    free(opts->program);
    free(opts->serve.pids);
    opts->program = NULL;
    opts->serve.pids = NULL;
}

/* Some options are another thing for record than for those that look once. */
static const char *help_of(const struct option_row *row, enum strobe_cmd cmd)
{
    static const struct {
        int letter;
        const char *help;
    } once[] = {{'s', "Include child processes"}, {'j', "Print JSON"}, {STROBE_OPT_ASYNCIO, "With --json: asyncio tasks, too"},
                {STROBE_OPT_BY, "Show the value of a context variable for each task"}};

    for (size_t i = 0; cmd != STROBE_CMD_RECORD && i < sizeof once / sizeof once[0]; i++)
        if (once[i].letter == row->letter)
            return once[i].help;
    return row->help;
}

void strobe_opts_help(enum strobe_cmd cmd, struct strobe_buf *out)
{
    if (cmd == STROBE_CMD_DUMP)
        strobe_buf_puts(out, "Prints what every thread of a Python process is doing now.\n\nUsage: strobe dump [OPTIONS] PID\n");
    else if (cmd == STROBE_CMD_PS)
        strobe_buf_puts(out, "Prints every asyncio task of a Python process: a row a task.\n\nUsage: strobe ps [OPTIONS] PID\n");
    else if (cmd == STROBE_CMD_PSTREE)
        strobe_buf_puts(out, "Prints the asyncio tasks of a Python process as a tree of who waits for whom, and for what; equal tasks "
                             "together.\n\nUsage: strobe pstree [OPTIONS] PID\n");
    else if (cmd == STROBE_CMD_POOLS)
        strobe_buf_puts(out, "Prints the executors, semaphores, limiters and bounded queues of a Python process, idle ones too.\n\n"
                             "Usage: strobe pools [OPTIONS] PID\n");
    else if (cmd == STROBE_CMD_SERVE)
        strobe_buf_puts(out, "Serves metrics for Prometheus, and profiles, of Python processes over HTTP.\n\n"
                             "Usage: strobe serve [OPTIONS] PID...\n       strobe serve [OPTIONS] --all-python\n"
                             "       strobe serve [OPTIONS] -- PROGRAM [ARGUMENTS]...\n");
    else if (cmd == STROBE_CMD_TOP)
        strobe_buf_puts(out, "A live view (not implemented yet).\n\nUsage: strobe top [OPTIONS] PID\n");
    else
        strobe_buf_puts(out, "Records where a Python process spends its time.\n\nUsage: strobe record [OPTIONS] PID\n"
                             "       strobe record [OPTIONS] -- PROGRAM [ARGUMENTS]...\n");
    strobe_buf_puts(out, "\nOptions:\n");
    for (int i = 0; i < N_ROWS; i++) {
        const struct option_row *row = &rows[i];
        size_t start = out->len;

        if (!(row->cmds & cmd) || !row->help)
            continue;
        if (row->letter < 256)
            strobe_buf_printf(out, "  -%c, --%s", row->letter, row->name);
        else
            strobe_buf_printf(out, "      --%s", row->name);
        if (row->letter == STROBE_OPT_ASYNCIO)
            strobe_buf_puts(out, cmd == STROBE_CMD_RECORD ? "[=<what>]" : "");
        else if (row->arg)
            strobe_buf_printf(out, " <%s>", row->arg);
        do
            strobe_buf_putc(out, ' ');
        while (!out->failed && out->len - start < 30);
        strobe_buf_printf(out, "%s\n", help_of(row, cmd));
    }
}

void strobe_opts_names(enum strobe_cmd cmd, struct strobe_buf *out)
{
    for (int i = 0; i < N_ROWS; i++)
        if (rows[i].help && rows[i].cmds & cmd)
            strobe_buf_printf(out, "%s--%s", out->len ? " " : "", rows[i].name);
}
