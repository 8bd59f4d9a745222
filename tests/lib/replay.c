/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/pyobj.h"

enum { REPR_MAX = 100 };

static void copy_text(char *to, const char *text)
{
    snprintf(to, REPLAY_TEXT, "%s", text);
}

static uint64_t session_now(struct strobe_clock *clock)
{
    return ((struct replay_session *)((char *)clock - offsetof(struct replay_session, clock)))->now;
}

static void session_sleep(struct strobe_clock *clock, uint64_t when_ns)
{
}

bool replay_has_values(const char *function)
{
    const char *dot = strrchr(function, '.');

    function = dot ? dot + 1 : function;
    return !strcmp(function, "values") || !strcmp(function, "Values");
}

struct locals {
    struct replay_session *session;
    struct replay *ret;
};

static int add_local(void *ctx, const struct strobe_local *local)
{
    struct locals *locals = ctx;
    struct strobe_buf text = STROBE_BUF_INIT;

    if (locals->ret->n_locals == REPLAY_LOCALS)
        return 1;
    strobe_py_repr(locals->session->mem, &locals->session->lay, local->value, REPR_MAX, &text);
    if (!text.failed) {
        copy_text(locals->ret->locals[locals->ret->n_locals].name, local->name);
        copy_text(locals->ret->locals[locals->ret->n_locals++].repr, strobe_buf_str(&text));
    }
    strobe_buf_release(&text);
    return 0;
}

static void resolve(struct strobe_codes *codes, struct strobe_names *names, const struct strobe_raw_frame *raw, struct replay_frame *ret)
{
    const struct strobe_frame *frame;
    uint32_t id;

    *ret = (struct replay_frame){.error = strobe_codes_resolve(codes, raw->code, (int64_t)raw->instr, &id)};
    if (ret->error)
        return;
    frame = strobe_names_get(names, id);
    copy_text(ret->name, strobe_names_text(names, frame->name));
    copy_text(ret->file, strobe_names_text(names, frame->file));
    ret->line = frame->line;
    ret->first_line = frame->first_line;
}

static void resolve_thread(struct replay_session *session, const struct strobe_thread *thread, struct replay_thread *to, struct replay *ret)
{
    struct locals locals = {session, ret};

    to->ident = thread->pthread;
    to->native = thread->native;
    to->error = thread->error;
    to->n_frames = thread->n_frames;
    copy_text(to->name, strobe_snapshot_thread_name(session->snap, thread));
    for (uint32_t i = 0; i < thread->n_frames && i < REPLAY_FRAMES; i++) {
        const struct strobe_raw_frame *raw = &thread->frames[i];

        resolve(session->codes, session->names, raw, &to->frames[i]);
        if (replay_has_values(to->frames[i].name))
            strobe_py_locals(session->mem, &session->lay, raw->frame, raw->code, add_local, &locals);
    }
}

int replay_open(struct replay_session *session, struct strobe_mem *mem, const struct strobe_layout_hint *hint,
                enum strobe_snapshot_mode mode)
{
    struct strobe_snapshot_opts opts = {.mode = mode};
    char why[160];
    int err;

    *session = (struct replay_session){.mem = mem, .clock = {session_now, session_sleep}, .now = 1000000000};
    if ((err = strobe_layout_init(mem, hint, &session->lay, why)) || (err = strobe_layout_check(mem, &session->lay, why)))
        return err;
    err = strobe_snapshot_new(mem, strobe_host_null(), &session->lay, &session->clock, &opts, &session->snap);
    if (!err)
        err = strobe_names_new(&session->names);
    if (!err)
        err = strobe_codes_new(mem, &session->lay, session->names, &session->codes);
    if (err)
        replay_close(session);
    return err;
}

int replay_tick(struct replay_session *session, struct replay *ret)
{
    const struct strobe_sample *sample;
    int err;

    ret->n_threads = ret->n_locals = 0;
    session->now += 2000000000;
    err = strobe_snapshot_take(session->snap, &sample);
    if (err)
        return err;
    ret->n_threads = sample->n_threads;
    for (uint32_t i = 0; i < sample->n_threads && i < REPLAY_THREADS; i++)
        resolve_thread(session, &sample->threads[i], &ret->threads[i], ret);
    return 0;
}

void replay_close(struct replay_session *session)
{
    strobe_codes_free(session->codes);
    strobe_names_free(session->names);
    strobe_snapshot_free(session->snap);
}

int replay_walk(struct strobe_mem *mem, const struct strobe_layout_hint *hint, enum strobe_snapshot_mode mode, struct replay *ret)
{
    struct replay_session session;
    int err;

    ret->n_threads = ret->n_locals = 0;
    err = replay_open(&session, mem, hint, mode);
    if (err)
        return err;
    err = replay_tick(&session, ret);
    replay_close(&session);
    return err;
}

int replay_hint(const struct image *image, struct strobe_layout_hint *ret)
{
    const char *runtime = image_get(image, "runtime"), *version = image_get(image, "hexversion"), *threads = image_get(image, "threads");

    if (!runtime || !version || !threads)
        return STROBE_ERR_FORMAT;
    *ret = (struct strobe_layout_hint){
        .runtime = strtoull(runtime, NULL, 16),
        .version = (uint32_t)strtoul(version, NULL, 16),
        .free_threaded = !strcmp(threads, "free"),
    };
    return 0;
}

int replay_asyncio(const struct image *image, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_aio_layout *ret)
{
    const char *text = image_get(image, "asyncio");
    char *end;
    uint64_t table = 0;

    if (text) {
        table = strtoull(text, &end, 16);
        if (end == text || *end || !table)
            return STROBE_ERR_FORMAT;
    }
    return strobe_aio_layout_init(mem, lay, table, ret, NULL);
}

/* One line of the truth.  The current thread is the last one of ret. */
static int parse_line(char *line, struct replay *ret)
{
    char *kind = strsep(&line, "\t"), *field[4] = {NULL, NULL, NULL, NULL};
    struct replay_thread *thread = ret->n_threads ? &ret->threads[ret->n_threads - 1] : NULL;

    for (int i = 0; i < 4 && line; i++)
        field[i] = strsep(&line, "\t");
    if (*kind == 'T' && field[2] && ret->n_threads < REPLAY_THREADS) {
        thread = &ret->threads[ret->n_threads++];
        *thread = (struct replay_thread){.ident = strtoull(field[0], NULL, 10), .native = (int32_t)atol(field[1])};
        copy_text(thread->name, field[2]);
        return 0;
    }
    if (*kind == 'F' && field[3] && thread && thread->n_frames < REPLAY_FRAMES) {
        struct replay_frame *frame = &thread->frames[thread->n_frames++];

        *frame = (struct replay_frame){.line = (int32_t)atol(field[1]), .first_line = (int32_t)atol(field[2])};
        copy_text(frame->name, field[0]);
        copy_text(frame->file, field[3]);
        return 0;
    }
    if (*kind == 'L' && field[1] && ret->n_locals < REPLAY_LOCALS) {
        copy_text(ret->locals[ret->n_locals].name, field[0]);
        copy_text(ret->locals[ret->n_locals++].repr, field[1]);
        return 0;
    }
    return STROBE_ERR_FORMAT;
}

int replay_truth(const struct image *image, struct replay *ret)
{
    const char *truth = image_get(image, "truth");
    char *text = truth ? strdup(truth) : NULL, *rest = text, *line;
    int err = text ? 0 : STROBE_ERR_FORMAT;

    ret->n_threads = ret->n_locals = 0;
    while (!err && (line = strsep(&rest, "\n")))
        if (*line)
            err = parse_line(line, ret);
    free(text);
    return err;
}
