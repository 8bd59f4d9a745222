/* SPDX-License-Identifier: Apache-2.0 */
/* asyncio_facts PID: what is found of asyncio in a process, a JSON object a line, for each line of stdin:
 *   look            {"table": address, or 0 when it is not there}; then the layout is tried
 *   detached        the same, after the attachment gave its reader away
 *   layout          every offset of the layout, or {"error": ..., "why": ...}
 *   task ADDRESS    the fields of a task or future
 *   threads         of each thread of the main interpreter: running loop and task, and the tasks of its list */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/attach.h"
#include "runtime/asyncio_layout.h"

enum { MAX_LIST = 10000, MAX_THREADS = 100 };

static struct strobe_attach *attach;
static const struct strobe_layout *lay;
static struct strobe_mem *mem;
static struct strobe_host *host;
static struct strobe_aio_layout aio;
static bool have;

static void fail(int err, const char *why)
{
    printf("{\"error\": \"%s\", \"why\": \"%s\"}\n", strobe_err_text(err), why);
}

static int layout(uint64_t table)
{
    char why[160] = "";
    int err = strobe_aio_layout_init(mem, lay, table, &aio, why);

    have = !err;
    if (err)
        fail(err, why);
    return err;
}

static void look(struct strobe_mem *reader)
{
    uint64_t table = 0;
    int err = strobe_attach_asyncio(attach, reader, &table);

    if (err && err != STROBE_ERR_MISSING)
        fail(err, "");
    else
        printf("{\"table\": %" PRIu64 "}\n", table);
}

static void put(const char *name, uint64_t value, const char *end)
{
    printf("\"%s\": %" PRIu64 "%s", name, value, end);
}

#define OFFSET(field) put(#field, aio.field, ", ")

static void print_layout(void)
{
    printf("{");
    OFFSET(fut_loop); OFFSET(fut_callback0); OFFSET(fut_context0); OFFSET(fut_callbacks); OFFSET(fut_exception); OFFSET(fut_result);
    OFFSET(fut_state); OFFSET(fut_awaited_by); OFFSET(fut_is_task); OFFSET(fut_awaited_by_is_set); OFFSET(fut_size);
    OFFSET(task_must_cancel); OFFSET(task_must_cancel_mask); OFFSET(task_num_cancels); OFFSET(task_fut_waiter); OFFSET(task_coro);
    OFFSET(task_name); OFFSET(task_context); OFFSET(task_node); OFFSET(interp_tasks_head); OFFSET(thread_running_loop);
    OFFSET(thread_running_task); OFFSET(thread_tasks_head);
    put("task_size", aio.task_size, "}\n");
}

/* An absent field is left out; width: bytes. */
static void field(const char *name, uint64_t obj, uint32_t offset, unsigned width)
{
    uint64_t value = 0;

    if (offset != STROBE_NONE && !strobe_mem_read(mem, obj + offset, &value, width))
        put(name, value, ", ");
}

/* The name of the type of a task's context, which older tasks do not give out. */
static void print_context_type(uint64_t obj)
{
    uint64_t context = 0, type = 0, name = 0;
    char text[64] = "";

    strobe_mem_u64(mem, obj + aio.task_context, &context);
    strobe_mem_u64(mem, context + lay->ob_type, &type);
    strobe_mem_u64(mem, type + lay->ty_name, &name);
    strobe_mem_cstr(mem, name, text, sizeof text);
    printf("\"context_type\": \"%s\", ", text);
}

static void print_task(uint64_t obj)
{
    uint64_t type = 0, basicsize = 0, must = 0;
    bool whole = aio.task_must_cancel_mask == STROBE_NONE;

    strobe_mem_u64(mem, obj + lay->ob_type, &type);
    strobe_mem_u64(mem, type + lay->ty_basicsize, &basicsize);
    printf("{");
    field("loop", obj, aio.fut_loop, 8);
    field("callback0", obj, aio.fut_callback0, 8);
    field("context0", obj, aio.fut_context0, 8);
    field("callbacks", obj, aio.fut_callbacks, 8);
    field("exception", obj, aio.fut_exception, 8);
    field("result", obj, aio.fut_result, 8);
    field("state", obj, aio.fut_state, 4);
    field("awaited_by", obj, aio.fut_awaited_by, 8);
    field("is_task", obj, aio.fut_is_task, 1);
    field("awaited_by_is_set", obj, aio.fut_awaited_by_is_set, 1);
    if (basicsize >= aio.task_size) {
        strobe_mem_read(mem, obj + aio.task_must_cancel, &must, whole ? 4 : 1);
        put("must_cancel", (must & aio.task_must_cancel_mask) != 0, ", ");
        field("num_cancels", obj, aio.task_num_cancels, 4);
        field("fut_waiter", obj, aio.task_fut_waiter, 8);
        field("coro", obj, aio.task_coro, 8);
        field("name", obj, aio.task_name, 8);
        field("context", obj, aio.task_context, 8);
        print_context_type(obj);
    }
    put("basicsize", basicsize, "}\n");
}

static void print_list(const char *name, uint64_t head, const char *end)
{
    uint64_t node = 0;
    const char *comma = "";

    printf("\"%s\": [", name);
    strobe_mem_u64(mem, head, &node);
    for (int i = 0; i < MAX_LIST && node && node != head; i++, comma = ", ") {
        printf("%s%" PRIu64, comma, node - aio.task_node);
        if (strobe_mem_u64(mem, node, &node))
            break;
    }
    printf("]%s", end);
}

static void print_threads(void)
{
    uint64_t interp = 0, next = 0, tstate = 0;

    strobe_mem_u64(mem, lay->runtime + lay->rt_interpreters_head, &interp);
    while (!strobe_mem_u64(mem, interp + lay->in_next, &next) && next)
        interp = next;
    strobe_mem_u64(mem, interp + lay->in_threads_head, &tstate);
    printf("{\"threads\": [");
    for (int i = 0; i < MAX_THREADS && tstate; i++) {
        printf("%s{", i ? ", " : "");
        field("running_loop", tstate, aio.thread_running_loop, 8);
        field("running_task", tstate, aio.thread_running_task, 8);
        if (aio.thread_tasks_head != STROBE_NONE)
            print_list("tasks", tstate + aio.thread_tasks_head, ", ");
        put("address", tstate, "}");
        if (strobe_mem_u64(mem, tstate + lay->ts_next, &tstate))
            break;
    }
    printf("]");
    if (aio.interp_tasks_head != STROBE_NONE) {
        printf(", ");
        print_list("tasks", interp + aio.interp_tasks_head, "");
    }
    printf("}\n");
}

static void answer(const char *line)
{
    uint64_t table = 0;

    strobe_mem_epoch(mem);
    if (!strncmp(line, "look", 4)) {
        look(NULL);
    } else if (!strncmp(line, "detached", 8)) {
        if (!host)
            strobe_attach_detach_parts(attach, &mem, &host);
        look(mem);
    } else if (!strncmp(line, "layout", 6)) {
        strobe_attach_asyncio(attach, mem, &table);
        if (!layout(table))
            print_layout();
    } else if (!have) {
        fail(STROBE_ERR_MISSING, "ask for the layout first");
    } else if (!strncmp(line, "task ", 5)) {
        print_task(strtoull(line + 5, NULL, 0));
    } else if (!strncmp(line, "threads", 7)) {
        print_threads();
    } else {
        fail(STROBE_ERR_ARG, line);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct strobe_buf why = STROBE_BUF_INIT;
    char line[256];
    int err = argc == 2 ? strobe_attach_open((pid_t)atoi(argv[1]), &attach, &why) : STROBE_ERR_ARG;

    if (err) {
        fail(err, strobe_buf_str(&why));
        return 1;
    }
    lay = strobe_attach_layout(attach);
    mem = strobe_attach_mem(attach);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        answer(line);
    }
    if (host) {
        host->ops->close(host);
        strobe_mem_close(mem);
    }
    strobe_attach_close(attach);
    strobe_buf_release(&why);
    return 0;
}
