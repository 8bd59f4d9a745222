/* SPDX-License-Identifier: Apache-2.0 */
/* chrometrace: begin and end events in the array form of the Trace Event Format, for Perfetto and chrome://tracing, with the
 * keys that py-spy writes.  Of two stacks that follow each other without a gap the common outer frames stay open.
 * Times are microseconds since the start of the recording, with the nanoseconds as decimals. */
#include "export/formats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "export/writer.h"

/* Rows that are no threads, and those of threads whose kernel id is unknown: above every Linux thread id (at most 2^22), within the
 * 31 bits that Perfetto keeps. */
enum { UNKNOWN_TID_BASE = 1000000000 };

static const struct strobe_frame unknown;

struct stream {
    struct strobe_writer writer;
    const struct strobe_profile *profile;
    int32_t pid, tid;
    char name[160];          /* of the thread */
    uint32_t *open, *path;   /* frames that are open now; frames of the event at hand; outermost first */
    size_t n_open, cap;      /* cap: of both arrays */
    uint64_t end_ns;         /* of the event before */
    bool any_event;          /* of this thread */
    bool any;                /* of the file */
};

static void put_head(struct stream *stream, const char *phase)
{
    strobe_buf_printf(&stream->writer.buf, "%s{\"ph\":\"%s\",\"pid\":%d,\"tid\":%d,\"cat\":\"strobe\",", stream->any ? ",\n" : "\n", phase,
                      (int)stream->pid, (int)stream->tid);
    stream->any = true;
}

static void put_text(struct stream *stream, uint32_t string)
{
    const struct strobe_names *names = stream->profile->names;

    strobe_json_put_string(&stream->writer.buf, strobe_names_text(names, string), strobe_names_text_len(names, string));
}

static int put_event(struct stream *stream, const char *phase, uint32_t id, uint64_t time_ns)
{
    const struct strobe_frame *frame = strobe_names_get(stream->profile->names, id);
    uint64_t ns = time_ns > stream->profile->start_ns ? time_ns - stream->profile->start_ns : 0;
    struct strobe_buf *out = &stream->writer.buf;

    if (!frame)
        frame = &unknown;
    put_head(stream, phase);
    strobe_buf_printf(out, "\"ts\":%llu.%03llu,\"name\":", (unsigned long long)(ns / 1000), (unsigned long long)(ns % 1000));
    put_text(stream, frame->name);
    strobe_buf_puts(out, ",\"args\":{\"filename\":");
    put_text(stream, frame->file);
    if (stream->profile->show_line && frame->line > 0)
        strobe_buf_printf(out, ",\"line\":%d}}", (int)frame->line);
    else
        strobe_buf_puts(out, ",\"line\":null}}");
    return strobe_writer_step(&stream->writer);
}

static int close_down_to(struct stream *stream, size_t keep, uint64_t time_ns)
{
    int err = 0;

    while (!err && stream->n_open > keep)
        err = put_event(stream, "E", stream->open[--stream->n_open], time_ns);
    return err;
}

static void put_thread_name(struct stream *stream)
{
    put_head(stream, "M");
    strobe_buf_puts(&stream->writer.buf, "\"ts\":0,\"name\":\"thread_name\",\"args\":{\"filename\":\"\",\"line\":null,\"name\":");
    strobe_json_put_string(&stream->writer.buf, stream->name, strlen(stream->name));
    strobe_buf_puts(&stream->writer.buf, "}}");
}

/* One frame for the reader: the same line of the same function, or without lines the same function. */
static bool same_slice(const struct strobe_profile *profile, uint32_t a, uint32_t b)
{
    const struct strobe_frame *x, *y;

    if (a == b)
        return true;
    x = strobe_names_get(profile->names, a);
    y = strobe_names_get(profile->names, b);
    return !profile->show_line && x && y && x->name == y->name && x->file == y->file && x->first_line == y->first_line;
}

static int put_run(void *arg, const struct strobe_agg_event *event)
{
    struct stream *stream = arg;
    size_t depth = strobe_agg_frames(stream->profile->agg, event->leaf, stream->path, stream->cap), same = 0;
    int err = 0;

    if (depth > stream->cap) {
        err = strobe_grow_two(&stream->path, &stream->open, &stream->cap, depth, sizeof *stream->path);
        if (err)
            return err;
        strobe_agg_frames(stream->profile->agg, event->leaf, stream->path, depth);
    }
    if (!stream->any_event)
        put_thread_name(stream);
    stream->any_event = true;
    if (event->start_ns == stream->end_ns)
        while (same < depth && same < stream->n_open && same_slice(stream->profile, stream->open[same], stream->path[same]))
            same++;
    err = close_down_to(stream, same, stream->end_ns);
    while (!err && stream->n_open < depth) {
        stream->open[stream->n_open] = stream->path[stream->n_open];
        err = put_event(stream, "B", stream->path[stream->n_open++], event->start_ns);
    }
    stream->end_ns = event->end_ns;
    return err;
}

static int put_thread(struct stream *stream, uint32_t thread)
{
    struct strobe_agg_thread_info info = strobe_agg_thread_info(stream->profile->agg, thread);
    int err;

    stream->pid = info.pid;
    stream->tid = info.tid > 0 ? info.tid : UNKNOWN_TID_BASE + (int32_t)(thread % UNKNOWN_TID_BASE);
    if (info.tid == STROBE_AGG_NO_THREAD)
        snprintf(stream->name, sizeof stream->name, "%s", info.name);
    else
        snprintf(stream->name, sizeof stream->name, *info.name ? "%d: %s" : "%d", (int)stream->tid, info.name);
    stream->any_event = false;
    err = strobe_agg_each_event_of(stream->profile->agg, thread, put_run, stream);
    return err ? err : close_down_to(stream, 0, stream->end_ns);
}

int strobe_chrometrace_write(const struct strobe_profile *profile, const struct strobe_sink *sink)
{
    struct stream stream = {.writer = {STROBE_BUF_INIT, sink}, .profile = profile};
    size_t n_threads = strobe_agg_thread_count(profile->agg);
    int err = 0;

    strobe_buf_putc(&stream.writer.buf, '[');
    for (uint32_t t = 0; !err && t < n_threads; t++)
        err = put_thread(&stream, t);
    strobe_buf_puts(&stream.writer.buf, "\n]\n");
    free(stream.open);
    free(stream.path);
    return strobe_writer_end(&stream.writer, err);
}
