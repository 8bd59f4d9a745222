/* SPDX-License-Identifier: Apache-2.0 */
/* Futures made by hand: which other task has the future in a variable?  Who will set its result is written nowhere; a frame that still has
 * it is whom to ask. */
#include "picture/tasked_parts.h"

#include "runtime/pyobj.h"

enum {
    MAX_FUTURES = 256, /* that are asked for, in one look */
    MAX_TASKS = 1024,  /* whose frames are looked at: some 10 us each */
    MAX_FRAMES = 8,    /* of each */
};

struct search {
    struct strobe_tasked *tasked;
    struct strobe_htab futures; /* address -> index in the report's waits */
    uint32_t task;
    uint64_t code;
};

/* co_name: the function's last part. */
static void put_function(struct search *s, struct strobe_buf *out)
{
    struct strobe_mem *mem = s->tasked->place->mem;
    const struct strobe_layout *lay = s->tasked->place->layout;
    uint64_t value;

    if (!strobe_mem_u64(mem, s->code + lay->co_name, &value))
        strobe_py_str(mem, lay, value, out);
}

static int each_local(void *ctx, const struct strobe_local *local)
{
    struct search *s = ctx;
    uint64_t *at = strobe_htab_get(&s->futures, local->value, 0);
    struct strobe_report_wait *wait = at ? &s->tasked->waits[*at] : NULL;
    struct strobe_buf name = STROBE_BUF_INIT;

    if (!wait || wait->known_as || s->tasked->report.sample->tasks[s->task].future == local->value)
        return 0;
    put_function(s, &name);
    strobe_buf_printf(&name, "%s%s", name.len ? "." : "", local->name);
    wait->known_to = s->task;
    wait->known_as = strobe_tasked_keep_buf(s->tasked, &name);
    return 0;
}

int strobe_tasked_fill_futures(struct strobe_tasked *tasked)
{
    struct strobe_mem *mem = tasked->place->mem;
    const struct strobe_layout *lay = tasked->place->layout;
    const struct strobe_task_sample *sample = tasked->report.sample;
    struct search s = {.tasked = tasked, .futures = STROBE_HTAB_INIT};
    int err = 0;

    for (uint32_t i = 0; !err && i < sample->n_waits && s.futures.count < MAX_FUTURES; i++)
        if (sample->waits[i].kind == STROBE_WAIT_FUTURE && sample->waits[i].n_waiters && sample->waits[i].object)
            err = strobe_htab_put(&s.futures, sample->waits[i].object, 0, i);
    for (; !err && s.futures.count && s.task < sample->n_tasks && s.task < MAX_TASKS; s.task++) {
        const struct strobe_task *task = &sample->tasks[s.task];

        for (uint32_t i = 0; task->state != STROBE_TASK_RUNNING && i < task->n_frames && i < MAX_FRAMES; i++) {
            s.code = task->frames[i].code;
            if (s.code > STROBE_CODE_UNREADABLE)
                strobe_py_locals(mem, lay, task->frames[i].frame, s.code, each_local, &s); /* what cannot be read tells nothing */
        }
    }
    strobe_htab_release(&s.futures);
    return err;
}
