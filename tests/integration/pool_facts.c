/* SPDX-License-Identifier: Apache-2.0 */
/* pool_facts PID: what is found of executors and of what tasks wait for in a process, a JSON object a line, for each line of stdin:
 *   look             pools, and every task with what it waits for
 *   work             {"work_id": N} of a worker process of a ProcessPoolExecutor, or {"error": ...}
 *   assign PID N     as if the worker process PID had said that it is in call N; then look, without reading anew */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/attach.h"
#include "base/clock.h"
#include "runtime/pyobj.h"
#include "snapshot.h"
#include "tasklook.h"
#include "walk/pools.h"
#include "walk/waitfacts.h"

static struct strobe_attach *attach;
static const struct strobe_layout *lay;
static struct strobe_mem *mem;
static struct strobe_snapshot *snap;
static struct strobe_tasklook *look;
static struct strobe_roles roles;
static struct strobe_coderoles codes;
static struct strobe_pools pools;
static const struct strobe_sample *threads;
static const struct strobe_task_sample *tasks;

static int find_table(void *ctx, struct strobe_mem *reader, uint64_t *ret)
{
    return strobe_attach_asyncio(attach, reader, ret);
}

static json_t *text(uint64_t obj)
{
    struct strobe_buf buf = STROBE_BUF_INIT;
    json_t *json;
    int64_t n;

    if (obj && !strobe_py_int(mem, lay, obj, &n))
        json = json_sprintf("Task-%" PRId64, n);
    else
        json = obj && !strobe_py_str(mem, lay, obj, &buf) ? json_string(strobe_buf_str(&buf)) : json_null();
    strobe_buf_release(&buf);
    return json;
}

static json_t *type_name(uint64_t type)
{
    char name[128];

    return type && !strobe_py_type_name(mem, lay, type, name, sizeof name) ? json_string(name) : json_null();
}

static json_t *address(uint64_t addr)
{
    return json_sprintf("0x%" PRIx64, addr);
}

static json_t *worker_json(const struct strobe_pool_worker *worker)
{
    bool thread = worker->thread != STROBE_NO_INDEX;

    return json_pack("{s:i, s:i, s:b, s:o, s:I}", "tid", thread ? threads->threads[worker->thread].tid : 0, "pid", worker->pid, "busy",
                     worker->busy, "future", address(worker->future), "work_id", (json_int_t)worker->work_id);
}

static json_t *pool_json(const struct strobe_pool *pool)
{
    static const char *const kinds[] = {"threads", "processes", "interpreters", "anyio"};
    json_t *workers = json_array(), *queued = json_array(), *calls = json_array();

    for (uint32_t i = 0; i < pool->n_workers; i++)
        json_array_append_new(workers, worker_json(&pools.workers[pool->first_worker + i]));
    for (uint32_t i = 0; i < pool->n_queued && i < STROBE_POOL_MAX_QUEUED; i++)
        json_array_append_new(queued, address(pools.queued[pool->first_queued + i]));
    for (uint32_t i = 0; i < pool->n_calls; i++)
        json_array_append_new(calls, json_pack("[I, o]", (json_int_t)pools.calls[pool->first_call + i].work_id,
                                               address(pools.calls[pool->first_call + i].future)));
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:b, s:i, s:i, s:o, s:o, s:o}", "kind", kinds[pool->kind], "object",
                     address(pool->object), "queue", address(pool->queue), "type", type_name(pool->type), "name", text(pool->name), "max",
                     (json_int_t)pool->max, "shutdown", pool->shutdown, "busy", (int)pool->n_busy, "n_queued", (int)pool->n_queued,
                     "workers", workers, "queued", queued, "calls", calls);
}

static json_t *wait_json(const struct strobe_wait *wait)
{
    static const char *const sources[] = {"unknown", "stored", "counted"};
    struct strobe_wait_facts f;

    strobe_wait_facts_read(mem, lay, &roles, wait, &f);
    strobe_wait_facts_count(wait, &f);
    return json_pack("{s:i, s:o, s:o, s:i, s:i, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:i, s:i}", "kind", (int)wait->kind, "object",
                     address(wait->object), "type", type_name(wait->type), "waiters", (int)wait->n_waiters, "holders",
                     (int)wait->n_holders, "free", (json_int_t)f.free, "capacity", (json_int_t)f.capacity, "source",
                     sources[f.capacity_source], "size", (json_int_t)f.size, "maxsize", (json_int_t)f.maxsize, "unfinished",
                     (json_int_t)f.unfinished, "queued", (json_int_t)f.queued, "borrowed", (json_int_t)f.borrowed, "fd", (int)f.fd, "pid",
                     (int)f.pid);
}

static json_t *task_json(const struct strobe_task *task)
{
    json_t *json = json_pack("{s:i, s:o}", "state", (int)task->state, "source", address(task->source));
    uint32_t pool, worker, place;
    double due;

    if (task->wait != STROBE_NO_INDEX)
        json_object_set_new(json, "wait", wait_json(&tasks->waits[task->wait]));
    if (task->timer && !strobe_timer_due(mem, lay, task->timer, &due))
        json_object_set_new(json, "due", json_real(due));
    if (strobe_pools_find(&pools, task->source, &pool, &worker, &place)) {
        json_object_set_new(json, "pool", json_integer(pool));
        json_object_set_new(json, "place", json_integer(place));
        if (worker != STROBE_NO_INDEX)
            json_object_set_new(json, "worker", worker_json(&pools.workers[worker]));
    }
    return json;
}

static json_t *look_json(void)
{
    json_t *all_pools = json_array(), *all_tasks = json_object();

    for (size_t i = 0; i < pools.n; i++)
        json_array_append_new(all_pools, pool_json(&pools.at[i]));
    for (uint32_t i = 0; i < tasks->n_tasks; i++) {
        json_t *name = text(tasks->tasks[i].name);

        json_object_set_new(all_tasks, json_is_string(name) ? json_string_value(name) : "?", task_json(&tasks->tasks[i]));
        json_decref(name);
    }
    return json_pack("{s:o, s:o}", "pools", all_pools, "tasks", all_tasks);
}

static json_t *answer(const char *line)
{
    uint64_t id;
    int pid, err;

    if (sscanf(line, "assign %d %" SCNu64, &pid, &id) == 2) {
        for (uint32_t p = 0; p < pools.n; p++)
            for (uint32_t w = pools.at[p].first_worker; w < pools.at[p].first_worker + pools.at[p].n_workers; w++)
                if (pools.workers[w].pid == pid)
                    strobe_pools_assign(&pools, p, w, id);
        return look_json();
    }
    strobe_mem_epoch(mem);
    if ((err = strobe_tasklook_take(look, &threads, &tasks)))
        return json_pack("{s:s}", "error", strobe_err_text(err));
    strobe_mem_epoch(mem);
    strobe_roles_begin(&roles);
    strobe_coderoles_begin(&codes);
    if (!strncmp(line, "work", 4)) {
        err = strobe_pool_child_work(mem, lay, threads, &codes, &id);
        return err ? json_pack("{s:s}", "error", strobe_err_text(err)) : json_pack("{s:I}", "work_id", (json_int_t)id);
    }
    err = strobe_pools_read(&pools, threads);
    return err ? json_pack("{s:s}", "error", strobe_err_text(err)) : look_json();
}

int main(int argc, char **argv)
{
    static const struct strobe_snapshot_opts opts = {STROBE_MODE_EXACT};
    static const struct strobe_tasklook_opts look_opts = {.careful = false, .max_pause_ns = 1000000};
    struct strobe_buf why = STROBE_BUF_INIT;
    char line[256];
    int err = argc == 2 ? strobe_attach_open((pid_t)atoi(argv[1]), &attach, &why) : STROBE_ERR_ARG;

    if (err) {
        printf("{\"error\": \"%s\"}\n", strobe_err_text(err));
        return 1;
    }
    lay = strobe_attach_layout(attach);
    mem = strobe_attach_mem(attach);
    if ((err = strobe_snapshot_new(mem, strobe_attach_host(attach), lay, strobe_clock_system(), &opts, &snap)) ||
        (err = strobe_tasklook_new(mem, lay, snap, strobe_clock_system(), &look_opts, &look)))
        return 1;
    strobe_tasklook_set_finder(look, find_table, NULL);
    strobe_roles_init(&roles, mem, lay);
    strobe_coderoles_init(&codes, mem, lay);
    strobe_pools_init(&pools, mem, lay, &roles, &codes);
    while (fgets(line, sizeof line, stdin)) {
        json_t *json = answer(line);
        char *dump = json_dumps(json, JSON_COMPACT);

        puts(dump ? dump : "{\"error\": \"json\"}");
        fflush(stdout);
        free(dump);
        json_decref(json);
    }
    strobe_pools_release(&pools);
    strobe_coderoles_release(&codes);
    strobe_roles_release(&roles);
    strobe_tasklook_free(look);
    strobe_snapshot_free(snap);
    strobe_attach_close(attach);
    strobe_buf_release(&why);
    return 0;
}
