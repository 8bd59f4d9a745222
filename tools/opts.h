/* SPDX-License-Identifier: Apache-2.0 */
/* opts: the one option parser: command line of a subcommand -> struct strobe_opts.  One table of options serves parsing, --help and
 * completions.  Pure but for getopt's own state; prints nothing.  May include: base. */
#ifndef STROBE_TOOLS_OPTS_H
#define STROBE_TOOLS_OPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Subcommands that take options; values are bits. */
enum strobe_cmd { STROBE_CMD_RECORD = 1, STROBE_CMD_DUMP = 2, STROBE_CMD_TOP = 4, STROBE_CMD_PS = 8, STROBE_CMD_PSTREE = 16,
                  STROBE_CMD_POOLS = 32, STROBE_CMD_SERVE = 64 };

enum { STROBE_MAX_RATE = 1000000 }; /* samples per second; a reading takes over a microsecond, so more cannot be reached */

enum strobe_asyncio { STROBE_ASYNCIO_OFF, STROBE_ASYNCIO_TASKS, STROBE_ASYNCIO_THREADS, STROBE_ASYNCIO_BOTH };

enum { STROBE_OPTS_MAX_BY = 8 }; /* = STROBE_LABELS_MAX of billing/labels.h */

struct strobe_opts {
    enum strobe_cmd cmd;
    int32_t pid;          /* 0 = none given */
    char **program;       /* argv of the program to launch, NULL-terminated; NULL = none.  The array is owned, the strings are argv's */
    uint32_t rate;        /* samples per second */
    bool flat_out;        /* hidden, for benchmarks: as fast as possible */
    uint64_t duration_ns; /* 0 = unlimited */
    uint64_t max_samples; /* hidden, for benchmarks; 0 = no limit */
    const char *output;   /* NULL = a name made of target and time; "-" = standard output */
    const char *format, *core;
    bool subprocesses, idle, gil, threads, function, no_line, full_filenames, native, nonblocking, json, hide_progress;
    unsigned locals;      /* how often -l was given */
    bool expand;          /* pstree: each task for itself */
    uint64_t max_pause_ns; /* how long a loop's thread may be held for its tasks */
    uint64_t watch_ns;    /* ps, pstree: how long to look; 0 = once */
    enum strobe_asyncio asyncio; /* record: which time is counted; dump --json: the tasks too, when not off */
    bool blame;
    uint32_t task_rate;   /* looks at tasks per second, at most; 0 = as fits */
    const char *context_name; /* ps, pstree: --by contextvar:NAME; NULL = not given */
    const char *by[STROBE_OPTS_MAX_BY]; /* record: values of --by, as billing/labels.h takes them */
    uint32_t n_by;
    struct {              /* serve */
        int32_t *pids;    /* owned; pid, if it was given, is among them */
        size_t n_pids;
        const char *listen;   /* NULL = not given */
        const char *textfile, *user, *prefix; /* NULL = not given */
        bool all_python;
        double max_cpu;       /* share of one processor, 0 to 1 */
        uint64_t wait_ns;     /* from when on a wait is an event */
    } serve;
};

enum strobe_opts_verdict {
    STROBE_OPTS_RUN,
    STROBE_OPTS_HELP,
    STROBE_OPTS_VERSION,
    STROBE_OPTS_USAGE,       /* message says what is wrong; exit status 2 */
    STROBE_OPTS_UNSUPPORTED, /* message says what does not exist yet; exit status 1 */
};

/* argv[0] is the subcommand's name; argv must outlive opts.  *ret is always filled and released with strobe_opts_release.
 * The message is one sentence without a final newline. */
enum strobe_opts_verdict strobe_opts_parse(enum strobe_cmd cmd, int argc, char **argv, struct strobe_opts *ret, struct strobe_buf *message);
void strobe_opts_release(struct strobe_opts *opts);

/* The subcommand's name: "dump". */
const char *strobe_opts_word(enum strobe_cmd cmd);

/* A process id as py-spy takes it: decimal, or hexadecimal with 0x.  false when it is none. */
bool strobe_opts_pid(const char *text, int32_t *ret_pid);

/* Usage line and option list of a subcommand. */
void strobe_opts_help(enum strobe_cmd cmd, struct strobe_buf *out);
/* The long options of a subcommand, "--pid --rate ...", for completions. */
void strobe_opts_names(enum strobe_cmd cmd, struct strobe_buf *out);

#endif
