/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/dumped.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/code.h"
#include "runtime/pyobj.h"
#include "walk/walk.h"

enum { MAX_TAKES = 20 }; /* readings until one is whole: only --nonblocking and processes that start or end need more than one */
static const uint64_t retry_ns = 1000 * 1000;

static void visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    struct strobe_dumped *dumped = ctx;

    strobe_prints_take(&dumped->prints, dumped->codes, thread);
    if (dumped->with_locals)
        strobe_locals_visit(&dumped->locals, mem, thread);
}

static int open_parts(struct strobe_dumped *dumped, const struct strobe_dumped_opts *opts)
{
    struct strobe_snapshot_opts snap = {.mode = opts->nonblocking ? STROBE_MODE_NONBLOCKING : STROBE_MODE_EXACT};
    struct strobe_place *place = dumped->place;
    int err = strobe_names_new(&dumped->names);

    if (err)
        return err;
    strobe_names_set_shortener(dumped->names, strobe_place_shorten, place);
    err = strobe_codes_new(place->mem, place->layout, dumped->names, &dumped->codes);
    if (!err)
        err = strobe_snapshot_new(place->mem, place->host, place->layout, strobe_clock_system(), &snap, &dumped->snap);
    if (!err)
        strobe_snapshot_set_visitor(dumped->snap, visit, dumped);
    return err;
}

/* The last reading stands when none was whole. */
static int take(struct strobe_dumped *dumped, const struct strobe_sample **ret_sample)
{
    struct strobe_clock *clock = strobe_clock_system();
    int err = 0;

    for (int i = 0; i < MAX_TAKES; i++) {
        if (i > 0)
            clock->sleep_until(clock, clock->now(clock) + retry_ns);
        strobe_locals_reset(&dumped->locals);
        strobe_prints_clear(&dumped->prints);
        strobe_snapshot_forget(dumped->snap);
        err = strobe_snapshot_take(dumped->snap, ret_sample);
        if (err ? strobe_err_class(err) == STROBE_CLASS_FATAL && err != STROBE_ERR_NOTREADY : !(*ret_sample)->n_dropped)
            break;
    }
    return err;
}

static const char *keep_text(struct strobe_dumped *dumped, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = strobe_arena_alloc(&dumped->arena, size);

    return kept ? memcpy(kept, text, size) : "";
}

static const char *elision(struct strobe_dumped *dumped, uint64_t n)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    const char *kept;

    strobe_buf_puts(&text, "... ");
    strobe_buf_grouped(&text, n);
    strobe_buf_printf(&text, " frame%s left out ...", n == 1 ? "" : "s");
    kept = keep_text(dumped, strobe_buf_str(&text));
    strobe_buf_release(&text);
    return kept;
}

static const char *mark_of(struct strobe_dumped *dumped, const struct strobe_raw_frame *raw)
{
    switch (raw->code) {
    case STROBE_CODE_ELIDED: return elision(dumped, raw->instr);
    default: return "<unreadable>";
    }
}

/* ret_n: frames to show; those that are not set up yet are passed over. */
static int resolve_thread(struct strobe_dumped *dumped, const struct strobe_thread *thread, struct strobe_report_frame *frames,
                          uint32_t *ids, uint32_t *ret_n)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < thread->n_frames; i++) {
        const struct strobe_raw_frame *raw = &thread->frames[i];
        int err = raw->code <= STROBE_CODE_UNREADABLE ? STROBE_ERR_OBJECT
                                              : strobe_codes_resolve(dumped->codes, raw->code, (int64_t)raw->instr, &ids[n]);

        if (err == STROBE_ERR_NOMEM)
            return err;
        if (err == STROBE_ERR_MISSING)
            continue;
        frames[n] = (struct strobe_report_frame){.mark = err ? mark_of(dumped, raw) : NULL};
        if (!err)
            strobe_locals_fill(&dumped->locals, thread, i, &frames[n]);
        n++;
    }
    *ret_n = n;
    return 0;
}

/* Names of all first (the table of frames moves while it grows), then their addresses. */
static int resolve(struct strobe_dumped *dumped, const struct strobe_sample *sample)
{
    struct strobe_report_thread *threads = strobe_arena_alloc(&dumped->arena, (sample->n_threads + 1) * sizeof *threads);
    uint32_t **ids = strobe_arena_alloc(&dumped->arena, (sample->n_threads + 1) * sizeof *ids);

    if (!threads || !ids)
        return STROBE_ERR_NOMEM;
    for (uint32_t t = 0; t < sample->n_threads; t++) {
        const struct strobe_thread *thread = &sample->threads[t];
        struct strobe_report_frame *frames = strobe_arena_alloc(&dumped->arena, (thread->n_frames + 1) * sizeof *frames);
        uint32_t n_frames = 0;
        const char *name = strobe_snapshot_thread_name(dumped->snap, thread);
        uint32_t gc = thread->flags & STROBE_THREAD_GC ? 1 : 0; /* the mark of a collection stands where its frame would */
        int err;

        ids[t] = strobe_arena_alloc(&dumped->arena, (thread->n_frames + 1) * sizeof *ids[t]);
        if (!frames || !ids[t])
            return STROBE_ERR_NOMEM;
        frames[0] = (struct strobe_report_frame){.mark = gc ? "<GC>" : NULL};
        err = resolve_thread(dumped, thread, frames + gc, ids[t] + gc, &n_frames);
        if (err)
            return err;
        threads[t] = (struct strobe_report_thread){
            .thread = thread, .name = keep_text(dumped, name), .frames = frames, .n_frames = n_frames + gc};
    }
    for (uint32_t t = 0; t < sample->n_threads; t++)
        for (uint32_t i = 0; i < threads[t].n_frames; i++) {
            struct strobe_report_frame *frame = (struct strobe_report_frame *)&threads[t].frames[i];

            if (!frame->mark)
                frame->frame = strobe_names_get(dumped->names, ids[t][i]);
        }
    dumped->report.threads = threads;
    dumped->report.n_threads = sample->n_threads;
    return 0;
}

static bool has_asyncio(const struct strobe_dumped *dumped)
{
    const struct strobe_walk *walk = strobe_snapshot_walk(dumped->snap);
    uint64_t dict;

    for (uint32_t i = 0; i < walk->n_interps; i++)
        if (!strobe_py_module_dict(dumped->place->mem, dumped->place->layout, walk->interps[i].addr, "asyncio.tasks", &dict))
            return true;
    return false;
}

/* The tasks, a moment after the threads; with names and a snapshot of their own, so that what was read of the threads stays. */
static int take_tasks(struct strobe_dumped *dumped, const struct strobe_dumped_opts *opts)
{
    struct strobe_tasked_opts how = {.nonblocking = opts->nonblocking, .full_filenames = opts->full_filenames,
                                     .max_pause_ns = opts->max_pause_ns};
    int err;

    if (!opts->tasks || !has_asyncio(dumped))
        return 0;
    err = strobe_tasked_open(dumped->place, &how, &dumped->tasked);
    if (err)
        return err;
    dumped->has_tasks = true;
    return strobe_tasked_take(&dumped->tasked);
}

int strobe_dumped_take(struct strobe_place *place, const struct strobe_dumped_opts *opts, struct strobe_dumped *ret)
{
    struct strobe_dumped *dumped = ret;
    const struct strobe_sample *sample = NULL;
    int err;

    *dumped = (struct strobe_dumped){.place = place, .with_locals = opts->locals};
    strobe_locals_init(&dumped->locals, place->layout, opts->locals);
    dumped->report = (struct strobe_report_process){.pid = place->pid,
                                                    .cmdline = place->cmdline,
                                                    .exe = place->exe,
                                                    .version = place->version,
                                                    .full_filenames = opts->full_filenames,
                                                    .show_lines = true,
                                                    .all_threads = true};
    if (place->ops->begin) /* before anything is held */
        place->ops->begin(place, &dumped->report.stopped);
    err = open_parts(dumped, opts);
    for (int i = 0; !err && i < MAX_TAKES; i++) {
        if (!(err = take(dumped, &sample)))
            err = resolve(dumped, sample);
        if (strobe_prints_hold(&dumped->prints, dumped->codes))
            break;
    }
    if (!err)
        err = take_tasks(dumped, opts);
    if (err) {
        strobe_dumped_release(dumped);
        return err;
    }
    dumped->dropped = sample->n_dropped;
    strobe_snapshot_stats(dumped->snap, &dumped->stats);
    dumped->report.names = dumped->names;
    return 0;
}

void strobe_dumped_release(struct strobe_dumped *dumped)
{
    if (dumped->has_tasks)
        strobe_tasked_release(&dumped->tasked);
    strobe_snapshot_free(dumped->snap);
    strobe_codes_free(dumped->codes);
    strobe_names_free(dumped->names);
    strobe_locals_release(&dumped->locals);
    strobe_arena_release(&dumped->arena);
}
