/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/opts.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { R = STROBE_CMD_RECORD, D = STROBE_CMD_DUMP, T = STROBE_CMD_TOP, P = STROBE_CMD_PS, E = STROBE_CMD_PSTREE };

/* Values of getopt's return for options without a letter: above any char. */
enum {
    OPT_NOLINENO = 256,
    OPT_FULL_FILENAMES,
    OPT_NONBLOCKING,
    OPT_DELAY,
    OPT_CAPTURE,
    OPT_HIDE_PROGRESS,
    OPT_FLAT_OUT,
    OPT_MAX_SAMPLES,
    OPT_EXPAND,
    OPT_FOR,
    OPT_BY,
    OPT_ASYNCIO,
    OPT_BLAME,
    OPT_TASK_RATE,
    OPT_MAX_PAUSE,
};

/* Longest duration taken: 100 years; its nanoseconds fit 64 bits. */
static const double max_duration_s = 100.0 * 366 * 86400;

struct option_row {
    const char *name, *arg; /* arg NULL = a flag */
    int letter;             /* the short option, or an OPT_ value */
    int cmds;
    const char *help;       /* NULL = hidden */
};

static const struct option_row rows[] = {
    {"pid", "pid", 'p', R | D | T | P | E, "Process to look at, in decimal or in hexadecimal with 0x; may also stand alone, without -p"},
    {"core", "core", 'c', D, "Core file to read (not implemented yet)"},
    {"output", "filename", 'o', R, "Output file; - is standard output [default: {pid or program}-{time}.{svg,txt,json,pstats}]"},
    {"format", "format", 'f', R, "flamegraph, raw, speedscope, chrometrace or pstats [default: flamegraph]"},
    {"duration", "seconds", 'd', R, "How long to record, such as 30 or 0.5 [default: unlimited]"},
    {"rate", "rate", 'r', R | T, "Samples per second, 1 to 1000000 [default: 100]"},
    {"subprocesses", NULL, 's', R | D | T, "Include child processes (record: future ones too)"},
    {"function", NULL, 'F', R, "Count by function (its first line) instead of by current line"},
    {"nolineno", NULL, OPT_NOLINENO, R, "Show no line numbers"},
    {"threads", NULL, 't', R, "Put a frame for the thread at the root of each stack"},
    {"gil", NULL, 'g', R | T, "Only the thread that holds the GIL"},
    {"idle", NULL, 'i', R | T, "Count idle threads too"},
    {"locals", NULL, 'l', D, "Show arguments and local variables; each further -l shows 128 more characters of a value"},
    {"json", NULL, 'j', R | D | P | E, "Print JSON (record: a summary, at the end)"},
    {"full-filenames", NULL, OPT_FULL_FILENAMES, R | D | T | P | E, "Show whole paths, not only the part inside the package"},
    {"native", NULL, 'n', R | D | T, "Native frames (not implemented yet)"},
    {"nonblocking", NULL, OPT_NONBLOCKING, R | D | T | P | E, "Never pause the process; inconsistent samples are dropped and counted"},
    {"asyncio", "what", OPT_ASYNCIO, R | D,
     "record: wall time of asyncio tasks, =tasks (default), =threads or =both; dump --json: the tasks too"},
    {"blame", NULL, OPT_BLAME, R, "With --asyncio: bill waiting to what holds it up"},
    {"task-rate", "rate", OPT_TASK_RATE, R,
     "With --asyncio: looks at tasks per second, at most [default: what takes a quarter of the time]"},
    {"max-pause", "ms", OPT_MAX_PAUSE, R | D | P | E,
     "Hold a loop's thread for its tasks no longer than so many milliseconds [default: 1]"},
    {"expand", NULL, OPT_EXPAND, E, "Show each task for itself instead of equal ones together"},
    {"for", "seconds", OPT_FOR, P | E, "Look for so long, such as 2s, and say how long each task has waited"},
    {"by", "contextvar:NAME", OPT_BY, P | E | R, "Tell tasks apart by the value of a context variable"},
    {"delay", "seconds", OPT_DELAY, T, "Time between two refreshes [default: 1.0]"},
    {"capture", NULL, OPT_CAPTURE, R | T, NULL},
    {"hideprogress", NULL, OPT_HIDE_PROGRESS, R | T, NULL},
    {"flat-out", NULL, OPT_FLAT_OUT, R, NULL},
    {"max-samples", "n", OPT_MAX_SAMPLES, R, NULL},
    {"help", NULL, 'h', R | D | T | P | E, "Print this help"},
    {"version", NULL, 'V', R | D | T | P | E, "Print the version"},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static bool parse_u64(const char *text, int base, uint64_t max, uint64_t *ret)
{
    unsigned long long value;
    char *end;

    if (!isxdigit((unsigned char)*text)) /* strtoull would take blanks and signs */
        return false;
    errno = 0;
    value = strtoull(text, &end, base);
    if (errno || *end || value > max)
        return false;
    *ret = value;
    return true;
}

bool strobe_opts_pid(const char *text, int32_t *ret_pid)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    uint64_t pid;

    if (!parse_u64(hex ? text + 2 : text, hex ? 16 : 10, INT32_MAX, &pid) || pid == 0 || (hex && text[3] && strchr("xX", text[3])))
        return false;
    *ret_pid = (int32_t)pid;
    return true;
}

/* Seconds with an optional fraction; "unlimited" gives 0. */
static bool parse_duration(const char *text, uint64_t *ret_ns)
{
    double seconds;

    if (strcmp(text, "unlimited") == 0) {
        *ret_ns = 0;
        return true;
    }
    /* strtod would also take blanks, signs, "inf", "nan" and hexadecimal. */
    if (text[strspn(text, "0123456789.")] || !strpbrk(text, "0123456789") || strchr(text, '.') != strrchr(text, '.'))
        return false;
    seconds = strtod(text, NULL);
    if (!(seconds * 1e9 >= 1) || seconds > max_duration_s)
        return false;
    *ret_ns = (uint64_t)llround(seconds * 1e9);
    return true;
}

/* A duration with an optional unit, never unlimited. */
static bool parse_for(const char *text, uint64_t *ret_ns)
{
    size_t len = strlen(text);
    uint64_t scale = 1;
    char number[32];

    if (len > 2 && strcmp(text + len - 2, "ms") == 0) {
        scale = 1000;
        len -= 2;
    } else if (len > 1 && text[len - 1] == 's') {
        len--;
    }
    if (len >= sizeof number)
        return false;
    memcpy(number, text, len);
    number[len] = '\0';
    if (!parse_duration(number, ret_ns) || !*ret_ns)
        return false;
    *ret_ns /= scale;
    return *ret_ns > 0;
}

static bool parse_asyncio(const char *text, enum strobe_asyncio *ret)
{
    static const char *const words[] = {[STROBE_ASYNCIO_TASKS] = "tasks", [STROBE_ASYNCIO_THREADS] = "threads",
                                        [STROBE_ASYNCIO_BOTH] = "both"};

    for (size_t i = STROBE_ASYNCIO_TASKS; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i]) == 0) {
            *ret = (enum strobe_asyncio)i;
            return true;
        }
    return false;
}

static const char BY_CONTEXT[] = "contextvar:";

static bool bad_value(struct strobe_buf *message, const char *option, const char *value, const char *wanted)
{
    strobe_buf_printf(message, "'%s' is no value for --%s: it takes %s", value, option, wanted);
    return false;
}

static bool set_value(struct strobe_opts *opts, int letter, const char *value, struct strobe_buf *message)
{
    uint64_t number;

    switch (letter) {
    case 'p':
        return strobe_opts_pid(value, &opts->pid) || bad_value(message, "pid", value, "a process id, in decimal or in hexadecimal with 0x");
    case 'r':
        if (!parse_u64(value, 10, STROBE_MAX_RATE, &number) || number == 0)
            return bad_value(message, "rate", value, "a whole number from 1 to 1000000");
        opts->rate = (uint32_t)number;
        return true;
    case 'd':
        return parse_duration(value, &opts->duration_ns) || bad_value(message, "duration", value, "seconds above 0, or unlimited");
    case OPT_MAX_SAMPLES:
        return parse_u64(value, 10, UINT64_MAX, &opts->max_samples) || bad_value(message, "max-samples", value, "a whole number");
    case OPT_ASYNCIO: return parse_asyncio(value, &opts->asyncio) || bad_value(message, "asyncio", value, "tasks, threads or both");
    case OPT_TASK_RATE:
        if (!parse_u64(value, 10, STROBE_MAX_RATE, &number) || number == 0)
            return bad_value(message, "task-rate", value, "a whole number from 1 to 1000000");
        opts->task_rate = (uint32_t)number;
        return true;
    case OPT_MAX_PAUSE:
        if (!parse_u64(value, 10, 10000, &number))
            return bad_value(message, "max-pause", value, "a whole number of milliseconds up to 10000");
        opts->max_pause_ns = number * 1000000;
        return true;
    case OPT_FOR:
        return parse_for(value, &opts->watch_ns) || bad_value(message, "for", value, "seconds above 0, such as 2, 2s or 500ms");
    case OPT_BY:
        if (strncmp(value, BY_CONTEXT, strlen(BY_CONTEXT)) != 0 || !value[strlen(BY_CONTEXT)])
            return bad_value(message, "by", value, "contextvar:NAME");
        opts->context_name = value + strlen(BY_CONTEXT);
        return true;
    case 'o': opts->output = value; return *value || bad_value(message, "output", value, "a file name");
    case 'f': opts->format = value; return true;
    case 'c': opts->core = value; return true;
    default: return true; /* --delay: of top, which does not exist yet */
    }
}

static void set_flag(struct strobe_opts *opts, int letter)
{
    switch (letter) {
    case 's': opts->subprocesses = true; break;
    case 'i': opts->idle = true; break;
    case 'g': opts->gil = true; break;
    case 't': opts->threads = true; break;
    case 'F': opts->function = true; break;
    case 'l': opts->locals++; break;
    case 'j': opts->json = true; break;
    case 'n': opts->native = true; break;
    case OPT_NOLINENO: opts->no_line = true; break;
    case OPT_FULL_FILENAMES: opts->full_filenames = true; break;
    case OPT_NONBLOCKING: opts->nonblocking = true; break;
    case OPT_HIDE_PROGRESS: opts->hide_progress = true; break;
    case OPT_FLAT_OUT: opts->flat_out = true; break;
    case OPT_EXPAND: opts->expand = true; break;
    case OPT_ASYNCIO: opts->asyncio = STROBE_ASYNCIO_TASKS; break;
    case OPT_BLAME: opts->blame = true; break;
    default: break; /* --capture: the program's output always passes through */
    }
}

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
                                   row->letter == OPT_ASYNCIO ? optional_argument : row->arg ? required_argument : no_argument, NULL,
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

/* Positional arguments: before "--" a lone number is a process id; all else is a program. */
static bool take_positionals(struct strobe_opts *opts, size_t before, struct strobe_buf *message)
{
    char **program = opts->program;
    int32_t pid;

    if (!program[0])
        goto none;
    if (before > 0 && strobe_opts_pid(program[0], &pid)) {
        if (program[1] || opts->pid) {
            strobe_buf_printf(message, "unexpected argument '%s': record takes the id of a running process or a program to launch, "
                              "not both", program[opts->pid ? 0 : 1]);
            return false;
        }
        opts->pid = pid;
        goto none;
    }
    if (opts->cmd & (STROBE_CMD_DUMP | STROBE_CMD_PS | STROBE_CMD_PSTREE)) {
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
    default: return "top";
    }
}

static enum strobe_opts_verdict check(const struct strobe_opts *opts, struct strobe_buf *message)
{
    if (opts->function && opts->no_line) {
        strobe_buf_puts(message, "--function and --nolineno cannot be used together");
        return STROBE_OPTS_USAGE;
    }
    if ((opts->blame || opts->task_rate || (opts->context_name && opts->cmd == STROBE_CMD_RECORD)) &&
        (opts->asyncio == STROBE_ASYNCIO_OFF || opts->asyncio == STROBE_ASYNCIO_THREADS)) {
        strobe_buf_printf(message, "--%s needs --asyncio", opts->blame ? "blame" : opts->task_rate ? "task-rate" : "by");
        return STROBE_OPTS_USAGE;
    }
    if (opts->native && opts->nonblocking) {
        strobe_buf_puts(message, "--native cannot be used with --nonblocking");
        return STROBE_OPTS_USAGE;
    }
    if (opts->cmd == STROBE_CMD_TOP) {
        strobe_buf_puts(message, "top is not implemented yet");
        return STROBE_OPTS_UNSUPPORTED;
    }
    if (opts->native || opts->core) {
        strobe_buf_printf(message, "%s is not implemented yet", opts->native ? "--native" : "--core");
        return STROBE_OPTS_UNSUPPORTED;
    }
    if (!opts->pid && !opts->program) {
        if (opts->cmd == STROBE_CMD_RECORD)
            strobe_buf_puts(message, "no process and no program given: strobe record --pid PID, or -- PROGRAM");
        else
            strobe_buf_printf(message, "no process given: strobe %s --pid PID", strobe_opts_word(opts->cmd));
        return STROBE_OPTS_USAGE;
    }
    return STROBE_OPTS_RUN;
}

static void put_unknown(int got, char **argv, int shown, struct strobe_buf *message)
{
    const char *word = argv[shown];

    if (got == ':')
        strobe_buf_printf(message, "a value is missing after '%s'", word);
    else if (optopt > 0 && optopt < 256 && strncmp(word, "--", 2) != 0)
        strobe_buf_printf(message, "unexpected argument '-%c'", optopt);
    else
        strobe_buf_printf(message, "unexpected or ambiguous argument '%s'", word);
}

enum strobe_opts_verdict strobe_opts_parse(enum strobe_cmd cmd, int argc, char **argv, struct strobe_opts *ret, struct strobe_buf *message)
{
    struct option longs[N_ROWS + 1];
    char shorts[2 * N_ROWS + 3];
    size_t n = 0, before;
    int got;

    *ret = (struct strobe_opts){.cmd = cmd, .rate = 100, .format = "flamegraph", .max_pause_ns = 1000000};
    ret->program = calloc((size_t)argc + 1, sizeof *ret->program);
    if (!ret->program) {
        strobe_buf_puts(message, "out of memory");
        return STROBE_OPTS_UNSUPPORTED;
    }
    make_tables(cmd, longs, shorts);
    optind = 0; /* glibc: start anew, with this option string */
    opterr = 0;
    while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (got == 'h')
            return STROBE_OPTS_HELP;
        if (got == 'V')
            return STROBE_OPTS_VERSION;
        if (got == '?' || got == ':') {
            put_unknown(got, argv, optind - 1, message);
            return STROBE_OPTS_USAGE;
        }
        if (got == 1)
            ret->program[n++] = optarg;
        else if (!optarg)
            set_flag(ret, got);
        else if (!set_value(ret, got, optarg, message))
            return STROBE_OPTS_USAGE;
    }
    before = n;
    for (int i = optind; i < argc; i++)
        ret->program[n++] = argv[i];
    if (!take_positionals(ret, before, message))
        return STROBE_OPTS_USAGE;
    return check(ret, message);
}

void strobe_opts_release(struct strobe_opts *opts)
{
    free(opts->program);
    opts->program = NULL;
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
        if (row->arg)
            strobe_buf_printf(out, row->letter == OPT_ASYNCIO ? "[=<%s>]" : " <%s>", row->arg);
        while (!out->failed && out->len - start < 30)
            strobe_buf_putc(out, ' ');
        strobe_buf_printf(out, "%s\n", row->help);
    }
}

void strobe_opts_names(enum strobe_cmd cmd, struct strobe_buf *out)
{
    for (int i = 0; i < N_ROWS; i++)
        if (rows[i].help && rows[i].cmds & cmd)
            strobe_buf_printf(out, "%s--%s", out->len ? " " : "", rows[i].name);
}
