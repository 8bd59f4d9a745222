/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tasked.h"

#include <stdlib.h>

#include "attach/target.h"
#include "base/clock.h"
#include "tools/childwork.h"
#include "tools/tasked_parts.h"

static int shorten(void *ctx, const char *path, struct strobe_buf *ret_short)
{
    return strobe_attach_shorten(ctx, path, ret_short);
}

static int find_table(void *ctx, struct strobe_mem *mem, uint64_t *ret_table)
{
    return strobe_attach_asyncio(ctx, mem, ret_table);
}

static int open_look(struct strobe_tasked *tasked)
{
    struct strobe_mem *mem = strobe_attach_mem(tasked->attach);
    const struct strobe_layout *layout = strobe_attach_layout(tasked->attach);
    uint64_t max_pause_ns = tasked->opts.nonblocking ? 0 : tasked->opts.max_pause_ns;
    struct strobe_tasklook_opts opts = {.careful = true, .max_pause_ns = max_pause_ns, .still_ns = max_pause_ns};
    struct strobe_taskreader *reader;
    int err = strobe_tasklook_new(mem, layout, tasked->snap, strobe_clock_system(), &opts, &tasked->look);

    if (err)
        return err;
    strobe_tasklook_set_finder(tasked->look, find_table, tasked->attach);
    reader = strobe_tasklook_reader(tasked->look);
    tasked->process.homes = &reader->codes.homes;
    strobe_pools_init(&tasked->pools, mem, layout, &reader->roles, &reader->codes);
    strobe_callnames_init(&tasked->calls, mem, layout, &reader->codes);
    return 0;
}

static enum strobe_snapshot_mode mode_of(const struct strobe_tasked_opts *opts)
{
    return opts->nonblocking ? STROBE_MODE_NONBLOCKING : STROBE_MODE_EXACT;
}

int strobe_tasked_open(struct strobe_attach *attach, int32_t pid, const struct strobe_tasked_opts *opts, struct strobe_tasked *ret)
{
    struct strobe_snapshot_opts snap = {.mode = mode_of(opts)};
    const struct strobe_layout *layout = strobe_attach_layout(attach);
    struct strobe_mem *mem = strobe_attach_mem(attach);
    int err;

    *ret = (struct strobe_tasked){.attach = attach, .opts = *opts};
    ret->process = (struct strobe_report_process){.pid = pid,
                                                  .cmdline = strobe_attach_cmdline(attach),
                                                  .exe = strobe_attach_exe(attach),
                                                  .version = strobe_attach_version(attach),
                                                  .full_filenames = opts->full_filenames,
                                                  .show_lines = true};
    err = strobe_names_new(&ret->names);
    if (!err) {
        strobe_names_set_shortener(ret->names, shorten, attach);
        err = strobe_codes_new(mem, layout, ret->names, &ret->codes);
    }
    if (!err)
        err = strobe_snapshot_new(mem, strobe_attach_host(attach), layout, strobe_clock_system(), &snap, &ret->snap);
    if (!err)
        err = open_look(ret);
    ret->process.names = ret->names;
    if (err)
        strobe_tasked_release(ret);
    return err;
}

void strobe_tasked_release(struct strobe_tasked *tasked)
{
    strobe_pools_release(&tasked->pools);
    strobe_callnames_release(&tasked->calls);
    strobe_tasklook_free(tasked->look);
    strobe_htab_release(&tasked->stacks);
    strobe_htab_release(&tasked->types);
    strobe_htab_release(&tasked->waiting);
    free(tasked->resolved);
    strobe_arena_release(&tasked->arena);
    strobe_snapshot_free(tasked->snap);
    strobe_codes_free(tasked->codes);
    strobe_names_free(tasked->names);
    *tasked = (struct strobe_tasked){.attach = NULL};
}

/* Keeps what still waits as it did, from the table before. */
static int note_waits(struct strobe_tasked *tasked)
{
    const struct strobe_task_sample *sample = tasked->sample;
    struct strobe_htab now = STROBE_HTAB_INIT;
    int err = 0;

    for (uint32_t i = 0; !err && i < sample->n_tasks; i++) {
        const struct strobe_task *task = &sample->tasks[i];
        uint64_t *since = strobe_htab_get(&tasked->waiting, task->addr, strobe_task_wait_key(task));

        if (task->state == STROBE_TASK_WAITING)
            err = strobe_htab_put(&now, task->addr, strobe_task_wait_key(task), since ? *since : sample->time_ns);
    }
    strobe_htab_release(&tasked->waiting);
    tasked->waiting = now;
    return err;
}

int strobe_tasked_look(struct strobe_tasked *tasked)
{
    struct strobe_target_stat stat;
    int err;

    tasked->stopped = !strobe_target_stat(tasked->process.pid, &stat) && stat.state == 'T'; /* asked before we pause anything */
    err = strobe_tasklook_take(tasked->look, &tasked->threads, &tasked->sample);
    if (!err && tasked->opts.watch)
        err = note_waits(tasked);
    return err;
}

int strobe_tasked_fill(struct strobe_tasked *tasked)
{
    const struct strobe_task_sample *sample = tasked->sample;
    int err;

    strobe_arena_reset(&tasked->arena);
    strobe_htab_clear(&tasked->stacks);
    strobe_htab_clear(&tasked->types);
    tasked->n_resolved = 0;
    tasked->report = (struct strobe_report_tasks){.process = &tasked->process, .sample = sample, .context_name = tasked->opts.context_name,
                                                 .moving = !sample->whole, .stopped = tasked->stopped};
    err = strobe_tasked_read_contexts(tasked);
    if (!err)
        err = strobe_pools_read(&tasked->pools, tasked->threads);
    if (!err)
        err = strobe_childwork_ask(tasked->process.pid, mode_of(&tasked->opts), &tasked->pools);
    if (!err)
        err = strobe_tasked_fill_pools(tasked, tasked->threads);
    if (!err)
        err = strobe_tasked_fill_waits(tasked);
    if (!err)
        err = strobe_tasked_fill_futures(tasked);
    if (!err)
        err = strobe_tasked_list_loops(tasked, tasked->threads);
    if (!err)
        err = strobe_tasked_fill_tasks(tasked, tasked->threads);
    if (!err)
        err = strobe_tasked_fill_links(tasked, tasked->threads);
    return err;
}

int strobe_tasked_take(struct strobe_tasked *tasked)
{
    int err = strobe_tasked_look(tasked);

    return err ? err : strobe_tasked_fill(tasked);
}
