/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/tasked.h"

#include <stdlib.h>

#include "base/clock.h"
#include "picture/tasked_parts.h"

static int open_look(struct strobe_tasked *tasked)
{
    struct strobe_mem *mem = tasked->place->mem;
    const struct strobe_layout *layout = tasked->place->layout;
    uint64_t max_pause_ns = tasked->opts.nonblocking ? 0 : tasked->opts.max_pause_ns;
    struct strobe_tasklook_opts opts = {.careful = true, .max_pause_ns = max_pause_ns, .still_ns = max_pause_ns};
    struct strobe_taskreader *reader;
    int err = strobe_tasklook_new(mem, layout, tasked->snap, strobe_clock_system(), &opts, &tasked->look);

    if (err)
        return err;
    strobe_tasklook_set_finder(tasked->look, strobe_place_find_asyncio, tasked->place);
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

int strobe_tasked_open(struct strobe_place *place, const struct strobe_tasked_opts *opts, struct strobe_tasked *ret)
{
    struct strobe_snapshot_opts snap = {.mode = mode_of(opts)};
    int err;

    *ret = (struct strobe_tasked){.place = place, .opts = *opts};
    ret->process = (struct strobe_report_process){.pid = place->pid,
                                                  .cmdline = place->cmdline,
                                                  .exe = place->exe,
                                                  .version = place->version,
                                                  .full_filenames = opts->full_filenames,
                                                  .show_lines = true};
    err = strobe_names_new(&ret->names);
    if (!err) {
        strobe_names_set_shortener(ret->names, strobe_place_shorten, place);
        err = strobe_codes_new(place->mem, place->layout, ret->names, &ret->codes);
    }
    if (!err)
        err = strobe_snapshot_new(place->mem, place->host, place->layout, strobe_clock_system(), &snap, &ret->snap);
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
    *tasked = (struct strobe_tasked){.place = NULL};
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
    int err;

    tasked->stopped = false;
    if (tasked->place->ops->begin)
        tasked->place->ops->begin(tasked->place, &tasked->stopped);
    tasked->process.stopped = tasked->stopped;
    strobe_tasklook_set_forked(tasked->look, tasked->place->forked_as);
    tasked->pools.main_tid = tasked->place->forked_as ? tasked->place->pid : 0;
    err = strobe_tasklook_take(tasked->look, &tasked->threads, &tasked->sample);
    if (!err && tasked->opts.watch)
        err = note_waits(tasked);
    return err;
}

void strobe_tasked_set_quick(struct strobe_tasked *tasked, bool quick)
{
    strobe_tasklook_set_careful(tasked->look, !quick, quick || tasked->opts.nonblocking ? 0 : tasked->opts.max_pause_ns);
}

int strobe_tasked_fill_things(struct strobe_tasked *tasked)
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
    if (!err && tasked->place->ops->ask_workers)
        err = tasked->place->ops->ask_workers(tasked->place, tasked->opts.nonblocking, &tasked->pools);
    if (!err)
        err = strobe_tasked_fill_pools(tasked, tasked->threads);
    if (!err)
        err = strobe_tasked_fill_waits(tasked);
    return err ? err : strobe_tasked_list_loops(tasked, tasked->threads);
}

int strobe_tasked_fill(struct strobe_tasked *tasked)
{
    int err = strobe_tasked_fill_things(tasked);

    if (!err)
        err = strobe_tasked_fill_futures(tasked);
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
