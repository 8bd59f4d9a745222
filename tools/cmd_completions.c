/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_completions: a script for bash, zsh or fish that completes subcommands, options and formats. */
#include "tools/cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "export/exporter.h"
#include "tools/say.h"

static void put_formats(struct strobe_buf *out)
{
    const struct strobe_exporter *exporter;

    for (size_t i = 0; (exporter = strobe_exporter_at(i)); i++)
        strobe_buf_printf(out, "%s%s", i ? " " : "", exporter->name);
}

/* zsh runs the same script through its bash emulation. */
static void put_bash(bool zsh)
{
    struct strobe_buf record = STROBE_BUF_INIT, dump = STROBE_BUF_INIT, ps = STROBE_BUF_INIT, pstree = STROBE_BUF_INIT,
                      pools = STROBE_BUF_INIT, serve = STROBE_BUF_INIT, formats = STROBE_BUF_INIT;

    strobe_opts_names(STROBE_CMD_RECORD, &record);
    strobe_opts_names(STROBE_CMD_DUMP, &dump);
    strobe_opts_names(STROBE_CMD_PS, &ps);
    strobe_opts_names(STROBE_CMD_PSTREE, &pstree);
    strobe_opts_names(STROBE_CMD_POOLS, &pools);
    strobe_opts_names(STROBE_CMD_SERVE, &serve);
    put_formats(&formats);
    if (zsh)
        puts("autoload -U +X bashcompinit && bashcompinit");
    printf("_strobe() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
           "    case $prev in\n"
           "    -f|--format) words='%s' ;;\n"
           "    -o|--output|--textfile) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
           "    *) case ${COMP_WORDS[1]} in\n"
           "       r*) words='%s' ;;\n"
           "       d*) words='%s' ;;\n"
           "       ps) words='%s' ;;\n"
           "       pst*) words='%s' ;;\n"
           "       po*) words='%s' ;;\n"
           "       s*) words='%s' ;;\n"
           "       esac ;;\n"
           "    esac\n"
           "    [ \"$COMP_CWORD\" = 1 ] && words='record dump pstree ps pools serve help --help --version'\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -o default -F _strobe strobe\n",
           strobe_buf_str(&formats), strobe_buf_str(&record), strobe_buf_str(&dump), strobe_buf_str(&ps), strobe_buf_str(&pstree),
           strobe_buf_str(&pools), strobe_buf_str(&serve));
    strobe_buf_release(&serve);
    strobe_buf_release(&pools);
    strobe_buf_release(&ps);
    strobe_buf_release(&pstree);
    strobe_buf_release(&record);
    strobe_buf_release(&dump);
    strobe_buf_release(&formats);
}

static void put_fish_options(enum strobe_cmd cmd, const char *name)
{
    struct strobe_buf options = STROBE_BUF_INIT;
    char *word, *save = NULL;

    strobe_opts_names(cmd, &options);
    for (word = options.data ? strtok_r(options.data, " ", &save) : NULL; word; word = strtok_r(NULL, " ", &save))
        printf("complete -c strobe -n '__fish_seen_subcommand_from %s' -l %s\n", name, word + 2);
    strobe_buf_release(&options);
}

static void put_fish(void)
{
    puts("complete -c strobe -n __fish_use_subcommand -f -a 'record dump pstree ps pools serve help'");
    put_fish_options(STROBE_CMD_RECORD, "record");
    put_fish_options(STROBE_CMD_DUMP, "dump");
    put_fish_options(STROBE_CMD_PSTREE, "pstree");
    put_fish_options(STROBE_CMD_PS, "ps");
    put_fish_options(STROBE_CMD_POOLS, "pools");
    put_fish_options(STROBE_CMD_SERVE, "serve");
}

int strobe_cmd_completions(int argc, char **argv)
{
    const char *shell = argc == 2 ? argv[1] : "";

    if (strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0) {
        put_bash(*shell == 'z');
    } else if (strcmp(shell, "fish") == 0) {
        put_fish();
    } else {
        strobe_complain("usage: strobe completions bash|zsh|fish");
        return STROBE_EXIT_USAGE;
    }
    return STROBE_EXIT_OK;
}
