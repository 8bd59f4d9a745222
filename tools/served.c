/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/proc/procfacts.h"
#include "attach/target.h"
#include "tools/opening.h"

/* ---- names of services ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

/* A word as a label: without the script's ending, and without what setproctitle() adds. */
static void put_name(const char *word, char *ret, size_t size)
{
    size_t len = strcspn(word, ": ["); /* "gunicorn: worker [app]", as setproctitle() has it */

    if (len > 3 && word[len] == '\0' && strcmp(word + len - 3, ".py") == 0)
        len -= 3;
    snprintf(ret, size, "%.*s", (int)len, word);
}

bool strobe_served_name(const char *words, size_t len, char *ret, size_t size)
{
    const char *end = words + len, *at = words, *name = len ? words : "python";
    bool python = len && strncmp(base_name(words), "python", 6) == 0;

    /* Options of the interpreter that take a word of their own: -W, -X; -m and -c end them. */
    for (at += strnlen(at, (size_t)(end - at)) + 1; python && at < end; at += strnlen(at, (size_t)(end - at)) + 1) {
        const char *following = at + strnlen(at, (size_t)(end - at)) + 1;

        if (at[0] != '-') {
            name = base_name(at);
            break;
        }
        if (strcmp(at, "-m") == 0 && following < end) {
            name = following;
            break;
        }
        if (strcmp(at, "-c") == 0 || strcmp(at, "-") == 0)
            break;
        if ((strcmp(at, "-W") == 0 || strcmp(at, "-X") == 0) && following < end)
            at = following;
    }
    put_name(name == words ? base_name(words) : name, ret, size);
    return python && name != words;
}

bool strobe_served_name_of(int32_t pid, char *ret, size_t size)
{
    char words[4096];
    ssize_t got = strobe_procfacts_text(pid, "cmdline", words, sizeof words);

    return strobe_served_name(words, got > 0 ? (size_t)got : 0, ret, size);
}

int strobe_served_check(struct strobe_served *served)
{
    int err = strobe_attach_alive(served->attach);

    return !err && served->stack && strobe_target_stack(served->pid) != served->stack ? STROBE_ERR_EXECED : err;
}

/* ---- opening ---- */

static void read_process(int32_t pid, struct strobe_meter_process *ret)
{
    struct strobe_procfacts facts;
    uint64_t ticks;

    strobe_procfacts_read(pid, &facts);
    *ret = (struct strobe_meter_process){.cpu_s = facts.cpu_s, .resident_bytes = facts.resident_bytes, .open_fds = facts.open_fds};
    if (!strobe_target_start_time(pid, &ticks))
        ret->identity = (uint64_t)pid << 40 | ticks; /* 40 bits of ticks are three centuries */
}

static int open_parts(struct strobe_served *served, const char *label, const struct strobe_served_opts *opts)
{
    struct strobe_metered_opts how = {.nonblocking = opts->nonblocking, .full_filenames = opts->full_filenames,
                                      .max_pause_ns = opts->max_pause_ns, .meter = opts->meter, .read_process = read_process};
    int err;

    strobe_outside_init(&served->outside, served->attach, served->pid);
    err = strobe_metered_open(&served->outside.place, label, &how, &served->metered);
    if (err) {
        strobe_outside_release(&served->outside);
        strobe_attach_close(served->attach);
        served->attach = NULL;
    }
    return err;
}

int strobe_served_open(int32_t pid, bool patient, const char *label, const struct strobe_served_opts *opts, struct strobe_served **ret,
                       struct strobe_buf *why)
{
    struct strobe_served *served = calloc(1, sizeof *served);
    size_t said = why->len;
    int err;

    if (!served)
        return STROBE_ERR_NOMEM;
    served->pid = pid;
    served->stack = strobe_target_stack(pid); /* before it is attached to: an exec between the two is seen, too */
    err = patient ? strobe_open_target(pid, &served->attach, why) : strobe_attach_open(pid, &served->attach, why);
    if (!err)
        err = open_parts(served, label, opts);
    snprintf(served->label, sizeof served->label, "%s", label ? label : "");
    if (err) {
        if (why->len == said)
            strobe_buf_printf(why, "process %d could not be read: %s", (int)pid, strobe_err_text(err));
        strobe_served_close(served);
        return err;
    }
    *ret = served;
    return 0;
}

void strobe_served_close(struct strobe_served *served)
{
    if (!served)
        return;
    if (served->attach) {
        strobe_metered_release(&served->metered);
        strobe_outside_release(&served->outside);
        strobe_attach_close(served->attach);
    }
    free(served);
}

/* ---- readings ---- */

/* Some errors are of the moment; that the process has ended is not. */
static int settle_error(struct strobe_served *served, int err)
{
    int gone;

    if (!err)
        return 0;
    if (strobe_err_class(err) == STROBE_CLASS_FATAL && err != STROBE_ERR_NOTREADY && err != STROBE_ERR_NOMEM)
        return err;
    gone = strobe_served_check(served);
    return gone ? gone : strobe_err_class(err) == STROBE_CLASS_FATAL && err == STROBE_ERR_NOMEM ? err : 0;
}

int strobe_served_look(struct strobe_served *served)
{
    return settle_error(served, strobe_metered_look(&served->metered));
}

int strobe_served_glance(struct strobe_served *served)
{
    return settle_error(served, strobe_metered_glance(&served->metered));
}

int strobe_served_scan(struct strobe_served *served, bool *ret_done)
{
    return settle_error(served, strobe_metered_scan(&served->metered, ret_done));
}

int strobe_served_tasks(struct strobe_served *served, const struct strobe_report_tasks **ret)
{
    struct strobe_tasked *tasked = &served->metered.pooled.tasked;
    int err = strobe_metered_look(&served->metered); /* of the one before parts may be gone: a scan looks too */

    if (!err)
        err = strobe_tasked_fill(tasked);
    if (err)
        return err;
    *ret = &tasked->report;
    return 0;
}
