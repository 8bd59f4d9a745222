/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the option parser, private to tools/opts*.c: the words and the table (opts.c), values (opts_values.c), what goes with what
 * (opts_check.c).  May include: what opts.h may. */
#ifndef STROBE_TOOLS_OPTS_PARTS_H
#define STROBE_TOOLS_OPTS_PARTS_H

#include "tools/opts.h"

/* Values of getopt's return for options without a letter: above any char. */
enum {
    STROBE_OPT_NOLINENO = 256,
    STROBE_OPT_FULL_FILENAMES,
    STROBE_OPT_NONBLOCKING,
    STROBE_OPT_DELAY,
    STROBE_OPT_CAPTURE,
    STROBE_OPT_HIDE_PROGRESS,
    STROBE_OPT_FLAT_OUT,
    STROBE_OPT_MAX_SAMPLES,
    STROBE_OPT_EXPAND,
    STROBE_OPT_FOR,
    STROBE_OPT_BY,
    STROBE_OPT_ASYNCIO,
    STROBE_OPT_BLAME,
    STROBE_OPT_TASK_RATE,
    STROBE_OPT_MAX_PAUSE,
    STROBE_OPT_LISTEN,
    STROBE_OPT_ALL_PYTHON,
    STROBE_OPT_TEXTFILE,
    STROBE_OPT_USER,
    STROBE_OPT_PREFIX,
    STROBE_OPT_MAX_CPU,
    STROBE_OPT_WAIT_THRESHOLD,
};

/* letter: the short option, or a STROBE_OPT_ value.  false: message says what is wrong with the value. */
bool strobe_opts_set_value(struct strobe_opts *opts, int letter, const char *value, struct strobe_buf *message);
void strobe_opts_set_flag(struct strobe_opts *opts, int letter);
/* Do all of them go together? */
enum strobe_opts_verdict strobe_opts_check(const struct strobe_opts *opts, struct strobe_buf *message);

#endif
