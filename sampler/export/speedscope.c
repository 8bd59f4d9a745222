/* SPDX-License-Identifier: Apache-2.0 */
/* speedscope: one "sampled" profile a thread, weights in seconds as they really passed, with the keys that py-spy writes.
 * Runs of equal samples are one sample with the run's weight.  The log is read twice a thread, once for the samples and
 * once for the weights, so that nothing has to be held in memory. */
#include "export/formats.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "export/writer.h"

#ifndef STROBE_VERSION
#define STROBE_VERSION "dev"
#endif

enum { NO_INDEX = 0 };

static const struct strobe_frame unknown;

struct stream {
    struct strobe_writer writer;
    const struct strobe_profile *profile;
    uint32_t *index_of, *frame_of; /* frame id -> index in shared.frames + 1 (0 = not listed); index -> frame id */
    size_t n_frames, cap_path;
    uint32_t *path;
    uint64_t total_ns; /* of the thread at hand */
    bool any;          /* an item of the current array was written */
};

/* Numbers the frames that occur, in the order of their first node, so that stacks can name them before they are listed. */
static int number_frames(struct stream *stream)
{
    const struct strobe_agg *agg = stream->profile->agg;
    size_t n_nodes = strobe_agg_node_count(agg), n_ids = 0;

    for (uint32_t node = 1; node < n_nodes; node++)
        if (strobe_agg_frame(agg, node) >= n_ids)
            n_ids = (size_t)strobe_agg_frame(agg, node) + 1;
    stream->index_of = calloc(n_ids + 1, sizeof *stream->index_of);
    stream->frame_of = calloc(n_ids + 1, sizeof *stream->frame_of);
    if (!stream->index_of || !stream->frame_of)
        return STROBE_ERR_NOMEM;
    for (uint32_t node = 1; node < n_nodes; node++) {
        uint32_t frame = strobe_agg_frame(agg, node);

        if (stream->index_of[frame] == NO_INDEX && !strobe_agg_is_left_out(agg, node)) {
            stream->frame_of[stream->n_frames] = frame;
            stream->index_of[frame] = (uint32_t)++stream->n_frames;
        }
    }
    return 0;
}

/* The frames of a stack into stream->path, outermost first. */
static int fetch_path(struct stream *stream, uint32_t leaf, size_t *ret_depth)
{
    size_t depth = strobe_agg_frames(stream->profile->agg, leaf, stream->path, stream->cap_path);

    if (depth > stream->cap_path) {
        if (strobe_grow(&stream->path, &stream->cap_path, depth, sizeof *stream->path))
            return STROBE_ERR_NOMEM;
        strobe_agg_frames(stream->profile->agg, leaf, stream->path, depth);
    }
    *ret_depth = depth;
    return 0;
}

static int put_sample(void *arg, const struct strobe_agg_event *event)
{
    struct stream *stream = arg;
    struct strobe_buf *out = &stream->writer.buf;
    size_t depth;
    int err = fetch_path(stream, event->leaf, &depth);

    if (err)
        return err;
    strobe_buf_puts(out, stream->any ? ",[" : "[");
    for (size_t i = 0; i < depth; i++)
        strobe_buf_printf(out, i ? ",%u" : "%u", (unsigned)stream->index_of[stream->path[i]] - 1);
    strobe_buf_putc(out, ']');
    stream->any = true;
    return strobe_writer_step(&stream->writer);
}

static void put_seconds(struct strobe_buf *out, uint64_t ns)
{
    strobe_buf_printf(out, "%llu.%09llu", (unsigned long long)(ns / 1000000000), (unsigned long long)(ns % 1000000000));
}

static int put_weight(void *arg, const struct strobe_agg_event *event)
{
    struct stream *stream = arg;

    if (stream->any)
        strobe_buf_putc(&stream->writer.buf, ',');
    put_seconds(&stream->writer.buf, event->end_ns - event->start_ns);
    stream->total_ns += event->end_ns - event->start_ns;
    stream->any = true;
    return strobe_writer_step(&stream->writer);
}

/* Thread 17 "name", with the process before it when there are several. */
static void put_thread_name(struct stream *stream, uint32_t thread, bool many_pids)
{
    struct strobe_agg_thread_info info = strobe_agg_thread_info(stream->profile->agg, thread);
    struct strobe_buf name = STROBE_BUF_INIT;

    if (many_pids)
        strobe_buf_printf(&name, "Process %d ", (int)info.pid);
    if (info.tid == STROBE_AGG_NO_THREAD)
        strobe_buf_puts(&name, info.name);
    else if (info.tid > 0)
        strobe_buf_printf(&name, "Thread %d", (int)info.tid);
    else
        strobe_buf_puts(&name, "Thread of unknown id");
    if (*info.name && info.tid != STROBE_AGG_NO_THREAD)
        strobe_buf_printf(&name, " \"%s\"", info.name);
    strobe_json_put_string(&stream->writer.buf, strobe_buf_str(&name), name.len);
    stream->writer.buf.failed |= name.failed;
    strobe_buf_release(&name);
}

static int put_thread(struct stream *stream, uint32_t thread, bool many_pids)
{
    struct strobe_buf *out = &stream->writer.buf;
    int err;

    strobe_buf_puts(out, thread ? ",\n{\"type\":\"sampled\",\"name\":" : "{\"type\":\"sampled\",\"name\":");
    put_thread_name(stream, thread, many_pids);
    strobe_buf_puts(out, ",\"unit\":\"seconds\",\"startValue\":0.0,\"samples\":[");
    stream->any = false;
    err = strobe_agg_each_event_of(stream->profile->agg, thread, put_sample, stream);
    if (err)
        return err;
    strobe_buf_puts(out, "],\"weights\":[");
    stream->any = false;
    stream->total_ns = 0;
    err = strobe_agg_each_event_of(stream->profile->agg, thread, put_weight, stream);
    if (err)
        return err;
    strobe_buf_puts(out, "],\"endValue\":");
    put_seconds(out, stream->total_ns);
    strobe_buf_putc(out, '}');
    return strobe_writer_step(&stream->writer);
}

static void put_frame(struct stream *stream, uint32_t id)
{
    const struct strobe_frame *frame = strobe_names_get(stream->profile->names, id);
    const struct strobe_names *names = stream->profile->names;
    struct strobe_buf *out = &stream->writer.buf;

    if (!frame)
        frame = &unknown;
    strobe_buf_puts(out, "{\"name\":");
    strobe_json_put_string(out, strobe_names_text(names, frame->name), strobe_names_text_len(names, frame->name));
    strobe_buf_puts(out, ",\"file\":");
    if (frame->file)
        strobe_json_put_string(out, strobe_names_text(names, frame->file), strobe_names_text_len(names, frame->file));
    else
        strobe_buf_puts(out, "null");
    if (stream->profile->show_line && frame->line > 0)
        strobe_buf_printf(out, ",\"line\":%d,\"col\":null}", (int)frame->line);
    else
        strobe_buf_puts(out, ",\"line\":null,\"col\":null}");
}

int strobe_speedscope_write(const struct strobe_profile *profile, const struct strobe_sink *sink)
{
    struct stream stream = {.writer = {STROBE_BUF_INIT, sink}, .profile = profile};
    struct strobe_buf *out = &stream.writer.buf;
    size_t n_threads = strobe_agg_thread_count(profile->agg);
    bool many_pids = false;
    int err = number_frames(&stream);

    for (uint32_t t = 1; t < n_threads; t++)
        many_pids |= strobe_agg_thread_info(profile->agg, t).pid != strobe_agg_thread_info(profile->agg, 0).pid;
    strobe_buf_puts(out, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
                         "\"exporter\":\"strobe@" STROBE_VERSION "\",\"name\":");
    strobe_json_put_string(out, profile->title, strlen(profile->title));
    strobe_buf_puts(out, ",\"activeProfileIndex\":0,\"profiles\":[");
    for (uint32_t t = 0; !err && t < n_threads; t++)
        err = put_thread(&stream, t, many_pids);
    strobe_buf_puts(out, "],\n\"shared\":{\"frames\":[");
    for (size_t i = 0; !err && i < stream.n_frames; i++) {
        if (i)
            strobe_buf_puts(out, ",\n");
        put_frame(&stream, stream.frame_of[i]);
        err = strobe_writer_step(&stream.writer);
    }
    strobe_buf_puts(out, "]}}\n");
    free(stream.index_of);
    free(stream.frame_of);
    free(stream.path);
    return strobe_writer_end(&stream.writer, err);
}
