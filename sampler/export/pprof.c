/* SPDX-License-Identifier: Apache-2.0 */
/* pprof: the format of github.com/google/pprof, gzipped, that `go tool pprof`, Pyroscope, Parca and speedscope read (profile.proto).
 *
 * A sample has two values, whole periods (samples/count) and real time (wall/nanoseconds), and the locations of its stack, innermost
 * first.  A location is a line of a function; a mark such as <GC> is a function without a file.  Roots are no functions here but
 * labels: process and thread become `process`, `thread` and `thread_id`, and a mark [KEY=VALUE] becomes KEY; of several the innermost
 * counts, which is the task's own.
 *
 * Messages of one type that follow each other are one message to a protobuf reader, their lists joined.  So the profile is written
 * piece by piece, each a Profile with one entry, and beside the view (view.h) only one stack and the names are in memory.
 * The strings of a struct strobe_names are pprof's string table as they are: numbered from 0, and number 0 is "". */
#include "export/formats.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "export/gzip.h"
#include "export/profile.pb-c.h"
#include "export/view.h"
#include "export/writer.h"

#ifndef STROBE_VERSION
#define STROBE_VERSION "dev"
#endif

enum { MAPPING = 1 }; /* id of the only one: the program */

/* Items of the view: locations and labels by their places. */
static uint32_t item_of_location(uint32_t place)
{
    return place * 2;
}

static uint32_t item_of_label(uint32_t place)
{
    return place * 2 + 1;
}

static const struct strobe_frame unknown;

/* Three tables of interned tuples.  The format's ids of functions and locations are places in them, from 1 on without a gap, in the
 * order in which they are written: Parca takes no others. */
struct stream {
    struct strobe_writer writer;
    const struct strobe_profile *profile;
    struct strobe_names *names;     /* texts, visible UTF-8 all of them; its frames are functions: name, file, first line */
    struct strobe_names *locations; /* `name` is a function's place in names, `line` a line */
    struct strobe_names *labels;    /* `file` is a key and `name` a value, texts in names; of a thread (MARK_THREAD) its id and its name */
    struct strobe_buf scratch;
    uint32_t key_thread, key_thread_id; /* strings */
};

/* ---- pieces ---- */

/* Packs into the writer's buffer in one go.  protobuf-c's packing into a growing buffer would lose bytes, and not say so, when memory for
 * an inner message is short; this asks for none. */
static int put(struct stream *stream, const Strobe__Pprof__Profile *piece)
{
    size_t len = protobuf_c_message_get_packed_size(&piece->base);
    struct strobe_buf *buf = &stream->writer.buf;

    if (strobe_buf_reserve(buf, len))
        return STROBE_ERR_NOMEM;
    protobuf_c_message_pack(&piece->base, (uint8_t *)buf->data + buf->len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return strobe_writer_step(&stream->writer);
}

/* The string of a text as it may be shown on a terminal, which is also what makes it valid UTF-8 without a NUL. */
static int intern_visible(struct stream *stream, const char *text, size_t len, uint32_t *ret_string)
{
    const char *at = text, *end = text + len;

    strobe_buf_clear(&stream->scratch);
    while (at < end)
        strobe_put_visible(&stream->scratch, strobe_utf8_next(&at, end));
    if (stream->scratch.failed)
        return STROBE_ERR_NOMEM;
    return strobe_names_string(stream->names, strobe_buf_str(&stream->scratch), stream->scratch.len, ret_string);
}

static int put_comment(struct stream *stream, const char *text, size_t len)
{
    Strobe__Pprof__Profile piece = STROBE__PPROF__PROFILE__INIT;
    uint32_t string;
    int err = intern_visible(stream, text, len, &string);

    piece.n_comment = 1;
    piece.comment = (int64_t[]){string};
    return err ? err : put(stream, &piece);
}

/* ---- frames ---- */

/* The location of a frame, and its function.  Of marks the line and the file are 0 already. */
static int location_of(struct stream *stream, const struct strobe_frame *frame, uint32_t *ret_item)
{
    const struct strobe_names *names = stream->profile->names;
    struct strobe_frame function = {.first_line = frame->first_line > 0 ? frame->first_line : 0};
    struct strobe_frame location = {.line = stream->profile->show_line && frame->line > 0 ? frame->line : 0};
    uint32_t place;
    int err;

    if ((err = intern_visible(stream, strobe_names_text(names, frame->name), strobe_names_text_len(names, frame->name), &function.name)) ||
        (err = intern_visible(stream, strobe_names_text(names, frame->file), strobe_names_text_len(names, frame->file), &function.file)) ||
        (err = strobe_names_frame(stream->names, &function, &location.name)) ||
        (err = strobe_names_frame(stream->locations, &location, &place)))
        return err;
    *ret_item = item_of_location(place);
    return 0;
}

/* A label's item.  key and value: within the mark's text.  A key that is empty, which readers refuse, is "label". */
static int label_of(struct stream *stream, enum strobe_mark mark, const char *key, size_t key_len, const char *value, size_t value_len,
                    uint32_t *ret_item)
{
    struct strobe_frame label = {.first_line = mark};
    uint32_t place;
    int err;

    if (!key_len) {
        key = "label";
        key_len = strlen(key);
    }
    if ((err = intern_visible(stream, key, key_len, &label.file)) || (err = intern_visible(stream, value, value_len, &label.name)) ||
        (err = strobe_names_frame(stream->labels, &label, &place)))
        return err;
    *ret_item = item_of_label(place);
    return 0;
}

/* process PID:"COMMAND".  The command goes into a comment: it is too long for a label. */
static int process_of(struct stream *stream, const char *text, size_t len, uint32_t *ret_item)
{
    static const char head[] = "process ";
    const char *pid = text + sizeof head - 1;
    int err = put_comment(stream, text, len);

    if (err)
        return err;
    return label_of(stream, STROBE_MARK_PROCESS, "process", strlen("process"), pid, strcspn(pid, ":"), ret_item);
}

/* thread (TID): NAME.  Without a name it goes by its id. */
static int thread_of(struct stream *stream, const char *text, size_t len, uint32_t *ret_item)
{
    static const char head[] = "thread (", between[] = "): ";
    const char *tid = text + sizeof head - 1, *name = strstr(tid, between);
    size_t tid_len = strcspn(tid, ")");

    name = name ? name + sizeof between - 1 : tid;
    return label_of(stream, STROBE_MARK_THREAD, tid, tid_len, name, name == tid ? tid_len : (size_t)(text + len - name), ret_item);
}

/* [KEY=VALUE] */
static int key_value_of(struct stream *stream, const char *text, size_t len, uint32_t *ret_item)
{
    const char *key = text + 1, *end = text + len - 1, *equals = memchr(key, '=', (size_t)(end - key));
    const char *value = equals ? equals + 1 : end;

    return label_of(stream, STROBE_MARK_LABEL, key, (size_t)((equals ? equals : end) - key), value, (size_t)(end - value), ret_item);
}

/* A strobe_view_item_fn.  A mark whose text is not of its kind, which strobe does not make, is a function like others. */
static int item_of(void *ctx, uint32_t id, uint32_t *ret_item)
{
    struct stream *stream = ctx;
    const struct strobe_frame *frame = strobe_names_get(stream->profile->names, id);
    const char *text;
    size_t len;

    if (!frame)
        frame = &unknown;
    text = strobe_names_text(stream->profile->names, frame->name);
    len = strobe_names_text_len(stream->profile->names, frame->name);
    if (frame->first_line == STROBE_MARK_PROCESS && len >= strlen("process "))
        return process_of(stream, text, len, ret_item);
    if (frame->first_line == STROBE_MARK_THREAD && len >= strlen("thread ("))
        return thread_of(stream, text, len, ret_item);
    if (frame->first_line == STROBE_MARK_LABEL && len >= strlen("[]"))
        return key_value_of(stream, text, len, ret_item);
    return location_of(stream, frame, ret_item);
}

/* ---- samples ---- */

/* Room for a sample of the deepest stack; a thread's root makes two labels. */
struct room {
    uint64_t *locations;
    Strobe__Pprof__Label *labels, **label_list;
};

/* sample->label has room, and points to it. */
static void add_label(Strobe__Pprof__Sample *sample, uint32_t key, uint32_t value)
{
    Strobe__Pprof__Label *label = sample->label[sample->n_label];

    for (size_t i = 0; i < sample->n_label; i++)
        if (sample->label[i]->key == key)
            return; /* one further in says it */
    *label = (Strobe__Pprof__Label)STROBE__PPROF__LABEL__INIT;
    label->key = key;
    label->str = value;
    sample->n_label++;
}

/* The stack that ends at a node, with that node's own weight. */
static int put_sample(struct stream *stream, const struct strobe_view *view, uint32_t node, const struct room *room)
{
    Strobe__Pprof__Sample sample = STROBE__PPROF__SAMPLE__INIT;
    Strobe__Pprof__Profile piece = STROBE__PPROF__PROFILE__INIT;

    sample.n_value = 2;
    sample.value = (int64_t[]){(int64_t)view->self[node].samples, (int64_t)view->self[node].ns};
    sample.location_id = room->locations;
    sample.label = room->label_list;
    for (; node; node = view->tree.nodes[node].parent) {
        uint32_t item = view->tree.nodes[node].item, place = item / 2;
        const struct strobe_frame *label = item == item_of_label(place) ? strobe_names_get(stream->labels, place) : NULL;

        if (!label) {
            room->locations[sample.n_location_id++] = (uint64_t)place + 1;
        } else if (label->first_line == STROBE_MARK_THREAD) {
            add_label(&sample, stream->key_thread, label->name);
            add_label(&sample, stream->key_thread_id, label->file);
        } else {
            add_label(&sample, label->file, label->name);
        }
    }
    piece.n_sample = 1;
    piece.sample = (Strobe__Pprof__Sample *[]){&sample};
    return put(stream, &piece);
}

/* A sample for each stack that has any time; with none but labels on it, too, so that the sums are those of the recording. */
static int put_samples(struct stream *stream, const struct strobe_view *view)
{
    size_t deepest = view->deepest, n_labels = 2 * deepest + 1;
    struct room room = {calloc(deepest + 1, sizeof *room.locations), calloc(n_labels, sizeof *room.labels),
                        calloc(n_labels, sizeof *room.label_list)};
    int err = room.locations && room.labels && room.label_list ? 0 : STROBE_ERR_NOMEM;

    for (size_t i = 0; !err && i < n_labels; i++)
        room.label_list[i] = &room.labels[i];
    for (uint32_t node = 0; !err && node < view->tree.n_nodes; node++)
        if (view->self[node].samples || view->self[node].ns)
            err = put_sample(stream, view, node, &room);
    free(room.locations);
    free(room.labels);
    free(room.label_list);
    return err;
}

/* ---- what samples refer to ---- */

static int put_location(struct stream *stream, uint32_t place)
{
    const struct strobe_frame *from = strobe_names_get(stream->locations, place);
    Strobe__Pprof__Location location = STROBE__PPROF__LOCATION__INIT;
    Strobe__Pprof__Line line = STROBE__PPROF__LINE__INIT;
    Strobe__Pprof__Profile piece = STROBE__PPROF__PROFILE__INIT;

    line.function_id = (uint64_t)from->name + 1;
    line.line = from->line;
    location.id = (uint64_t)place + 1;
    location.mapping_id = MAPPING;
    location.n_line = 1;
    location.line = (Strobe__Pprof__Line *[]){&line};
    piece.n_location = 1;
    piece.location = (Strobe__Pprof__Location *[]){&location};
    return put(stream, &piece);
}

/* No system name: with one, pprof takes <module> for a C++ template and strips it. */
static int put_function(struct stream *stream, uint32_t place)
{
    const struct strobe_frame *from = strobe_names_get(stream->names, place);
    Strobe__Pprof__Function function = STROBE__PPROF__FUNCTION__INIT;
    Strobe__Pprof__Profile piece = STROBE__PPROF__PROFILE__INIT;

    function.id = (uint64_t)place + 1;
    function.name = from->name;
    function.filename = from->file;
    function.start_line = from->first_line;
    piece.n_function = 1;
    piece.function = (Strobe__Pprof__Function *[]){&function};
    return put(stream, &piece);
}

static int put_code(struct stream *stream)
{
    size_t n_functions = strobe_names_frame_count(stream->names), n_locations = strobe_names_frame_count(stream->locations);
    int err = 0;

    for (uint32_t place = 0; !err && place < n_locations; place++)
        err = put_location(stream, place);
    for (uint32_t place = 0; !err && place < n_functions; place++)
        err = put_function(stream, place);
    return err;
}

/* The texts of a type and of its unit are pprof's own: they need no escapes. */
static int value_type(struct stream *stream, const char *type, const char *unit, Strobe__Pprof__ValueType *ret)
{
    uint32_t type_id, unit_id;
    int err;

    if ((err = strobe_names_string(stream->names, type, strlen(type), &type_id)) ||
        (err = strobe_names_string(stream->names, unit, strlen(unit), &unit_id)))
        return err;
    ret->type = type_id;
    ret->unit = unit_id;
    return 0;
}

/* What the file is about; interns the keys of labels. */
static int put_head(struct stream *stream)
{
    Strobe__Pprof__ValueType count = STROBE__PPROF__VALUE_TYPE__INIT, wall = STROBE__PPROF__VALUE_TYPE__INIT;
    Strobe__Pprof__Mapping mapping = STROBE__PPROF__MAPPING__INIT;
    const struct strobe_profile *profile = stream->profile;
    Strobe__Pprof__Profile piece = STROBE__PPROF__PROFILE__INIT;
    uint32_t title;
    int err;

    if ((err = value_type(stream, "samples", "count", &count)) || (err = value_type(stream, "wall", "nanoseconds", &wall)) ||
        (err = strobe_names_string(stream->names, "thread", strlen("thread"), &stream->key_thread)) ||
        (err = strobe_names_string(stream->names, "thread_id", strlen("thread_id"), &stream->key_thread_id)) ||
        (err = intern_visible(stream, profile->title, strlen(profile->title), &title)))
        return err;
    mapping.id = MAPPING;
    mapping.filename = title;
    mapping.has_functions = mapping.has_filenames = true;
    mapping.has_line_numbers = mapping.has_inline_frames = true;
    piece.n_sample_type = 2;
    piece.sample_type = (Strobe__Pprof__ValueType *[]){&count, &wall};
    piece.default_sample_type = wall.type;
    piece.n_mapping = 1;
    piece.mapping = (Strobe__Pprof__Mapping *[]){&mapping};
    piece.time_nanos = (int64_t)profile->start_unix_ns;
    piece.duration_nanos = (int64_t)(profile->end_ns - profile->start_ns);
    piece.period_type = &wall;
    piece.period = (int64_t)strobe_agg_period(profile->agg); /* 0 = flat out: no two samples are a known time apart */
    err = put(stream, &piece);
    return err ? err : put_comment(stream, "strobe " STROBE_VERSION, strlen("strobe " STROBE_VERSION));
}

/* Last, when all texts are known. */
static int put_strings(struct stream *stream)
{
    size_t n = strobe_names_string_count(stream->names);
    int err = 0;

    for (uint32_t id = 0; !err && id < n; id++) {
        Strobe__Pprof__Profile piece = STROBE__PPROF__PROFILE__INIT;

        piece.n_string_table = 1;
        piece.string_table = (char *[]){(char *)strobe_names_text(stream->names, id)}; /* read only; escaped, so no NUL is inside */
        err = put(stream, &piece);
    }
    return err;
}

int strobe_pprof_write(const struct strobe_profile *profile, const struct strobe_sink *sink)
{
    struct stream stream = {.profile = profile};
    struct strobe_gzip gzip;
    struct strobe_view view;
    int err = strobe_gzip_init(&gzip, sink);

    if (err)
        return err;
    stream.writer = (struct strobe_writer){STROBE_BUF_INIT, &gzip.sink};
    if (!(err = strobe_names_new(&stream.names)) && !(err = strobe_names_new(&stream.locations)) &&
        !(err = strobe_names_new(&stream.labels)))
        err = put_head(&stream);
    if (!err)
        err = strobe_view_init(profile, item_of, &stream, &view);
    if (!err) {
        err = put_samples(&stream, &view);
        if (!err)
            err = put_code(&stream);
        strobe_view_release(&view);
    }
    if (!err)
        err = put_strings(&stream);
    strobe_names_free(stream.names);
    strobe_names_free(stream.locations);
    strobe_names_free(stream.labels);
    strobe_buf_release(&stream.scratch);
    err = strobe_writer_end(&stream.writer, err);
    return strobe_gzip_end(&gzip, err);
}
