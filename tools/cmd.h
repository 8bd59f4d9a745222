/* SPDX-License-Identifier: Apache-2.0 */
/* cmd: the subcommands.  argv[0] is the subcommand's name; each returns strobe's exit status. */
#ifndef STROBE_TOOLS_CMD_H
#define STROBE_TOOLS_CMD_H

#include "tools/opts.h"

enum {
    STROBE_EXIT_OK = 0,
    STROBE_EXIT_ERROR = 1, /* it could not be done */
    STROBE_EXIT_USAGE = 2, /* it was asked for wrongly */
};

/* Parses the options of a subcommand; when it is not to run (help, usage error, ...), says so and sets ret_exit.  opts is to be
 * released either way. */
bool strobe_cmd_ready(enum strobe_cmd cmd, int argc, char **argv, struct strobe_opts *opts, int *ret_exit);

int strobe_cmd_dump(int argc, char **argv);
int strobe_cmd_record(int argc, char **argv);
int strobe_cmd_ps(int argc, char **argv);
int strobe_cmd_pstree(int argc, char **argv);
int strobe_cmd_pools(int argc, char **argv);
int strobe_cmd_serve(int argc, char **argv);
int strobe_cmd_top(int argc, char **argv);
int strobe_cmd_completions(int argc, char **argv);

#endif
