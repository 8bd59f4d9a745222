/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/opts_parts.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Longest duration taken: 100 years; its nanoseconds fit 64 bits. */
static const double max_duration_s = 100.0 * 366 * 86400;

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

/* Above 0, up to 1. */
static bool parse_share(const char *text, double *ret)
{
    double share;

    if (text[strspn(text, "0123456789.")] || !strpbrk(text, "0123456789") || strchr(text, '.') != strrchr(text, '.'))
        return false;
    share = strtod(text, NULL);
    if (!(share > 0) || share > 1)
        return false;
    *ret = share;
    return true;
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

static const char BY_CONTEXT[] = "contextvar:", BY_LABEL[] = "label:";

static bool bad_value(struct strobe_buf *message, const char *option, const char *value, const char *wanted)
{
    strobe_buf_printf(message, "'%s' is no value for --%s: it takes %s", value, option, wanted);
    return false;
}

/* ps and pstree show one variable beside each task; record splits by several things. */
static bool set_by(struct strobe_opts *opts, const char *value, struct strobe_buf *message)
{
    bool variable = strncmp(value, BY_CONTEXT, strlen(BY_CONTEXT)) == 0 && value[strlen(BY_CONTEXT)];

    if (opts->cmd != STROBE_CMD_RECORD) {
        opts->context_name = value + strlen(BY_CONTEXT);
        return variable || bad_value(message, "by", value, "contextvar:NAME");
    }
    if (!variable && strcmp(value, "otel:trace_id") != 0 && strcmp(value, "otel:span_id") != 0 &&
        (strncmp(value, BY_LABEL, strlen(BY_LABEL)) != 0 || !value[strlen(BY_LABEL)]))
        return bad_value(message, "by", value, "contextvar:NAME, label:NAME, otel:trace_id or otel:span_id");
    if (opts->n_by == STROBE_OPTS_MAX_BY) {
        strobe_buf_printf(message, "--by can be given %d times, not more", STROBE_OPTS_MAX_BY);
        return false;
    }
    opts->by[opts->n_by++] = value;
    return true;
}

bool strobe_opts_set_value(struct strobe_opts *opts, int letter, const char *value, struct strobe_buf *message)
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
    case STROBE_OPT_MAX_SAMPLES:
        return parse_u64(value, 10, UINT64_MAX, &opts->max_samples) || bad_value(message, "max-samples", value, "a whole number");
    case STROBE_OPT_ASYNCIO: return parse_asyncio(value, &opts->asyncio) || bad_value(message, "asyncio", value, "tasks, threads or both");
    case STROBE_OPT_TASK_RATE:
        if (!parse_u64(value, 10, STROBE_MAX_RATE, &number) || number == 0)
            return bad_value(message, "task-rate", value, "a whole number from 1 to 1000000");
        opts->task_rate = (uint32_t)number;
        return true;
    case STROBE_OPT_MAX_PAUSE:
        if (!parse_u64(value, 10, 10000, &number))
            return bad_value(message, "max-pause", value, "a whole number of milliseconds up to 10000");
        opts->max_pause_ns = number * 1000000;
        return true;
    case STROBE_OPT_FOR:
        return parse_for(value, &opts->watch_ns) || bad_value(message, "for", value, "seconds above 0, such as 2, 2s or 500ms");
    case STROBE_OPT_BY:
        return set_by(opts, value, message);
    case STROBE_OPT_LISTEN: opts->serve.listen = value; return true; /* judged where it is used (listen.h) */
    case STROBE_OPT_TEXTFILE: opts->serve.textfile = value; return *value || bad_value(message, "textfile", value, "a file name");
    case STROBE_OPT_USER: opts->serve.user = value; return *value || bad_value(message, "user", value, "a user's name");
    case STROBE_OPT_PREFIX: opts->serve.prefix = value; return true; /* judged by the meter */
    case STROBE_OPT_MAX_CPU:
        return parse_share(value, &opts->serve.max_cpu) ||
               bad_value(message, "max-cpu", value, "a share above 0 and up to 1, such as 0.01");
    case STROBE_OPT_WAIT_THRESHOLD:
        return parse_for(value, &opts->serve.wait_ns) || bad_value(message, "wait-threshold", value, "seconds above 0, such as 1 or 500ms");
    case 'o': opts->output = value; return *value || bad_value(message, "output", value, "a file name");
    case 'f': opts->format = value; return true;
    case 'c': opts->core = value; return true;
    default: return true; /* --delay: of top, which does not exist yet */
    }
}

void strobe_opts_set_flag(struct strobe_opts *opts, int letter)
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
    case STROBE_OPT_NOLINENO: opts->no_line = true; break;
    case STROBE_OPT_FULL_FILENAMES: opts->full_filenames = true; break;
    case STROBE_OPT_NONBLOCKING: opts->nonblocking = true; break;
    case STROBE_OPT_HIDE_PROGRESS: opts->hide_progress = true; break;
    case STROBE_OPT_FLAT_OUT: opts->flat_out = true; break;
    case STROBE_OPT_EXPAND: opts->expand = true; break;
    case STROBE_OPT_ASYNCIO: opts->asyncio = STROBE_ASYNCIO_TASKS; break;
    case STROBE_OPT_BLAME: opts->blame = true; break;
    case STROBE_OPT_ALL_PYTHON: opts->serve.all_python = true; break;
    default: break; /* --capture: the program's output always passes through */
    }
}
