/* SPDX-License-Identifier: Apache-2.0 */
/* main: the table of subcommands; any unambiguous prefix of a name will do, as in py-spy. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/cmd.h"
#include "tools/say.h"

static int cmd_help(int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* NULL = hidden */
} commands[] = {
    {"record", strobe_cmd_record,
     "Records where a Python process spends its time: flame graph, speedscope, raw, chrometrace, pstats, pprof"},
    {"dump", strobe_cmd_dump, "Prints what every thread of a Python process is doing now"},
    {"pstree", strobe_cmd_pstree, "Prints its asyncio tasks: who waits for whom, and for what; equal tasks together"},
    {"ps", strobe_cmd_ps, "Prints its asyncio tasks, a row a task"},
    {"pools", strobe_cmd_pools, "Prints its executors, semaphores, limiters and bounded queues: how full they are"},
    {"serve", strobe_cmd_serve, "Serves metrics for Prometheus, and profiles, of Python processes over HTTP"},
    {"top", strobe_cmd_top, "A live view (not implemented yet)"},
    {"completions", strobe_cmd_completions, NULL},
    {"help", cmd_help, "Prints this, or the help of a subcommand"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

/* The command of that name, else the only visible one that starts so; NULL when there is none or more than one. */
static const struct command *find_command(const char *word)
{
    const struct command *found = NULL;

    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, word) == 0)
            return &commands[i];
        if (!*word || !commands[i].help || strncmp(commands[i].name, word, strlen(word)) != 0)
            continue;
        if (found)
            return NULL;
        found = &commands[i];
    }
    return found;
}

static void put_usage(FILE *to)
{
    fputs("Sampling profiler for Python programs: attaches from outside, changes nothing in them.\n\n"
          "Usage: strobe COMMAND\n\nCommands:\n", to);
    for (int i = 0; i < N_COMMANDS; i++)
        if (commands[i].help)
            fprintf(to, "  %-8s  %s\n", commands[i].name, commands[i].help);
    fputs("\nOptions:\n  -h, --help     Print this help\n  -V, --version  Print the version\n\n"
          "A command may be shortened: strobe d 4242.  Its options: strobe dump --help.\n", to);
}

static int unknown(const char *word)
{
    if (strcmp(word, "run") == 0)
        strobe_complain("'run' is the package's: python -m strobe run PROGRAM (record -- PROGRAM samples one from outside)");
    else
        strobe_complain("'%s' is no subcommand, or the start of more than one: see strobe --help", word);
    return STROBE_EXIT_USAGE;
}

static int cmd_help(int argc, char **argv)
{
    static char option[] = "--help";
    const struct command *command;

    if (argc < 2) {
        put_usage(stdout);
        return STROBE_EXIT_OK;
    }
    command = find_command(argv[1]);
    if (!command)
        return unknown(argv[1]);
    return command->run == cmd_help ? cmd_help(1, argv) : command->run(2, (char *[]){argv[1], option, NULL});
}

enum { LEAST_FILES = 16 }; /* descriptors that looking at one process takes, and some for its threads */

/* Can as many be opened?  The limit is left as it is: a program that is launched inherits it. */
static bool has_files(void)
{
    int fds[LEAST_FILES], n = 0;

    while (n < LEAST_FILES && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;
    for (int i = 0; i < n; i++)
        close(fds[i]);
    return n == LEAST_FILES;
}

/* What every look needs: said here in one sentence, where later each call would fail for a reason that looks like another. */
static bool can_look(void)
{
    struct rlimit limit = {.rlim_cur = 0};

    if (!has_files()) {
        getrlimit(RLIMIT_NOFILE, &limit);
        strobe_complain("too many open files: %llu are allowed (ulimit -n), strobe needs %d besides those that are open",
                        (unsigned long long)limit.rlim_cur, (int)LEAST_FILES);
        return false;
    }
    if (access("/proc/self/stat", R_OK)) {
        strobe_complain("there is no /proc, or something else is mounted over it: strobe sees processes there");
        return false;
    }
    return true;
}

bool strobe_cmd_ready(enum strobe_cmd cmd, int argc, char **argv, struct strobe_opts *opts, int *ret_exit)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    enum strobe_opts_verdict verdict = strobe_opts_parse(cmd, argc, argv, opts, &text);

    switch (verdict) {
    case STROBE_OPTS_RUN:
        break;
    case STROBE_OPTS_HELP:
        strobe_opts_help(cmd, &text);
        fputs(strobe_buf_str(&text), stdout);
        *ret_exit = STROBE_EXIT_OK;
        break;
    case STROBE_OPTS_VERSION:
        puts("strobe " STROBE_VERSION);
        *ret_exit = STROBE_EXIT_OK;
        break;
    case STROBE_OPTS_USAGE:
        strobe_complain("%s (strobe %s --help lists the options)", strobe_buf_str(&text), strobe_opts_word(cmd));
        *ret_exit = STROBE_EXIT_USAGE;
        break;
    case STROBE_OPTS_UNSUPPORTED:
        strobe_complain("%s", strobe_buf_str(&text));
        *ret_exit = STROBE_EXIT_ERROR;
        break;
    }
    strobe_buf_release(&text);
    if (verdict != STROBE_OPTS_RUN)
        return false;
    *ret_exit = STROBE_EXIT_ERROR;
    return can_look();
}

int strobe_cmd_top(int argc, char **argv)
{
    struct strobe_opts opts;
    int ret_exit = STROBE_EXIT_ERROR;

    strobe_cmd_ready(STROBE_CMD_TOP, argc, argv, &opts, &ret_exit);
    strobe_opts_release(&opts);
    return ret_exit;
}

/* A closed standard descriptor would be given to the next file opened, and messages written into that.  What takes its place is open the
 * wrong way round, so that who closed it is told. */
static int open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_WRONLY); /* standard input, or none was closed */
        if (fd == STDOUT_FILENO || fd == STDERR_FILENO) {
            close(fd);
            fd = open("/dev/null", O_RDONLY);
        }
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int run(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        put_usage(stderr);
        return STROBE_EXIT_USAGE;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
        return cmd_help(1, argv);
    if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
        puts("strobe " STROBE_VERSION);
        return STROBE_EXIT_OK;
    }
    command = find_command(argv[1]);
    return command ? command->run(argc - 1, argv + 1) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
    int ret_exit;

    if (open_standard_descriptors())
        return STROBE_EXIT_ERROR;
    /* Whoever started us may ignore it, and exec keeps that; then no signal tells that a thread has stopped (attach/pause.c). */
    signal(SIGCHLD, SIG_DFL);
    ret_exit = run(argc, argv);
    if (fflush(stdout) || ferror(stdout)) {
        strobe_complain("cannot write to standard output: %s", strerror(errno));
        return STROBE_EXIT_ERROR;
    }
    return ret_exit;
}
