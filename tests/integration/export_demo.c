/* SPDX-License-Identifier: Apache-2.0 */
/* export_demo FORMAT [nolines] [full]: reads a profile on stdin, writes it in that format on stdout.  One word a value; texts
 * are hexadecimal, "-" is the empty one, so that any byte can be in a name:
 *
 *   period NS | title TEXT | thread PID TID SERIAL NAME | frame NAME FILE LINE FIRSTLINE | add THREAD TIME NS N FRAME...
 *
 * Threads and frames are numbered from 0 in the order given.  Exit status: 0, or 1 with a message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "export/exporter.h"

struct demo {
    struct strobe_names *names;
    struct strobe_agg *agg;
    uint32_t frames[8192], path[8192];
    size_t n_frames;
    uint64_t first_ns, last_ns;
    char title[1 << 16], text[1 << 16];
};

static int to_stdout(void *ctx, const void *bytes, size_t len)
{
    return fwrite(bytes, 1, len, stdout) == len ? 0 : STROBE_ERR_IO;
}

static void check(int err, const char *what)
{
    if (err) {
        fprintf(stderr, "%s: %s\n", what, strobe_err_text(err));
        exit(1);
    }
}

static unsigned long long number(void)
{
    unsigned long long value;

    check(scanf("%llu", &value) == 1 ? 0 : STROBE_ERR_FORMAT, "number");
    return value;
}

/* Reads a text; returns its length in bytes. */
static size_t text(char *to)
{
    size_t n = 0;
    unsigned byte;
    int c;

    check(scanf(" %c", (char *)to) == 1 ? 0 : STROBE_ERR_FORMAT, "text");
    if (*to == '-') {
        *to = '\0';
        return 0;
    }
    ungetc(*to, stdin);
    while (n < sizeof((struct demo *)0)->text - 1 && scanf("%2x", &byte) == 1) {
        to[n++] = (char)byte;
        c = getchar();
        ungetc(c, stdin);
        if (c == ' ' || c == '\n')
            break;
    }
    to[n] = '\0';
    return n;
}

static void read_frame(struct demo *demo)
{
    struct strobe_frame frame = {0};
    size_t len = text(demo->text);

    check(demo->n_frames < sizeof demo->frames / sizeof *demo->frames ? 0 : STROBE_ERR_LIMIT, "frames");
    check(strobe_names_string(demo->names, demo->text, len, &frame.name), "name");
    len = text(demo->text);
    check(strobe_names_string(demo->names, demo->text, len, &frame.file), "file");
    frame.line = (int32_t)number();
    frame.first_line = (int32_t)number();
    check(strobe_names_frame(demo->names, &frame, &demo->frames[demo->n_frames++]), "frame");
}

static void read_add(struct demo *demo)
{
    uint32_t thread = (uint32_t)number(), leaf;
    uint64_t time_ns = number(), ns = number();
    size_t n = number();

    check(n <= sizeof demo->path / sizeof *demo->path ? 0 : STROBE_ERR_LIMIT, "stack");
    for (size_t i = 0; i < n; i++) {
        size_t frame = number();

        check(frame < demo->n_frames ? 0 : STROBE_ERR_ARG, "frame number");
        demo->path[i] = demo->frames[frame];
    }
    check(strobe_agg_stack(demo->agg, demo->path, n, &leaf), "stack");
    check(strobe_agg_add(demo->agg, thread, leaf, time_ns, ns), "add");
    if (!demo->first_ns || time_ns - ns < demo->first_ns)
        demo->first_ns = time_ns - ns;
    if (time_ns > demo->last_ns)
        demo->last_ns = time_ns;
}

static void read_profile(struct demo *demo, bool with_log)
{
    char word[16];

    while (scanf("%15s", word) == 1) {
        if (strcmp(word, "period") == 0) {
            check(strobe_agg_new(number(), with_log ? STROBE_AGG_LOG : 0, &demo->agg), "agg");
        } else if (strcmp(word, "title") == 0) {
            text(demo->title);
        } else if (strcmp(word, "thread") == 0) {
            int32_t pid = (int32_t)number(), tid = (int32_t)number();
            uint64_t serial = number();
            uint32_t index;

            text(demo->text);
            check(strobe_agg_thread(demo->agg, pid, tid, serial, demo->text, &index), "thread");
        } else if (strcmp(word, "frame") == 0) {
            read_frame(demo);
        } else if (strcmp(word, "add") == 0) {
            read_add(demo);
        } else {
            check(STROBE_ERR_FORMAT, word);
        }
    }
}

int main(int argc, char **argv)
{
    struct demo *demo = calloc(1, sizeof *demo);
    const struct strobe_exporter *exporter = argc > 1 ? strobe_exporter_find(argv[1]) : NULL;
    struct strobe_profile profile = {.start_unix_ns = 1700000000000000000, .show_line = true};
    struct strobe_sink sink = {to_stdout, NULL};

    check(demo ? 0 : STROBE_ERR_NOMEM, "start");
    check(exporter ? 0 : STROBE_ERR_ARG, "format");
    for (int i = 2; i < argc; i++) {
        profile.show_line &= strcmp(argv[i], "nolines") != 0;
        profile.full_filenames |= strcmp(argv[i], "full") == 0;
    }
    check(strobe_names_new(&demo->names), "names");
    read_profile(demo, exporter->needs_log);
    check(demo->agg ? 0 : STROBE_ERR_FORMAT, "period");
    profile.agg = demo->agg;
    profile.names = demo->names;
    profile.title = demo->title;
    profile.start_ns = demo->first_ns;
    profile.end_ns = demo->last_ns;
    check(exporter->write(&profile, &sink), exporter->name);
    check(fflush(stdout) ? STROBE_ERR_IO : 0, "output");
    strobe_agg_free(demo->agg);
    strobe_names_free(demo->names);
    free(demo);
    return 0;
}
