/* SPDX-License-Identifier: Apache-2.0 */
/* Which names of what tasks wait for hold wherever they are shown.
 *
 * A name that begins with a local variable (`worker.first`) is true in the frame that it was found in.  It is shown beside other tasks
 * too, that wait for the thing or hold it: where one of those has another thing in that very variable, the name would say the wrong
 * one.  Where two things have the name, it is not said beside a task that does not know the thing by it. */
#include "picture/tasked_parts.h"

#include <string.h>

struct names {
    struct strobe_tasked *tasked;
    struct strobe_report_wait *waits;
    const struct strobe_wait_variable *variables;
    unsigned char *shown; /* by wait: beside which tasks it is shown */
};

enum { SHOWN_TO_STRANGERS = 1, SHOWN_WRONGLY = 2 };

static void look_at(struct names *names, const struct strobe_task *task, uint32_t wait)
{
    const struct strobe_wait_variable *variable = &names->variables[wait];
    int answer;

    if (!variable->code || names->shown[wait] & SHOWN_WRONGLY)
        return;
    answer = strobe_wait_variable_in(names->tasked->place->mem, names->tasked->place->layout, variable, task);
    if (answer < 1)
        names->shown[wait] |= answer ? SHOWN_WRONGLY : SHOWN_TO_STRANGERS;
}

static void drop(struct names *names, unsigned char what)
{
    for (uint32_t i = 0; i < names->tasked->report.sample->n_waits; i++)
        if (names->shown[i] & what && (what == SHOWN_WRONGLY || names->waits[i].alike))
            names->waits[i].name = names->waits[i].name_source = "";
}

int strobe_tasked_check_names(struct strobe_tasked *tasked, struct strobe_report_wait *waits, const struct strobe_wait_variable *variables)
{
    const struct strobe_task_sample *sample = tasked->report.sample;
    struct names names = {tasked, waits, variables, strobe_arena_alloc(&tasked->arena, sample->n_waits + 1)};
    int err;

    if (!names.shown)
        return STROBE_ERR_NOMEM;
    memset(names.shown, 0, sample->n_waits + 1);
    for (uint32_t i = 0; i < sample->n_tasks; i++) {
        const struct strobe_task *task = &sample->tasks[i];

        if (task->wait != STROBE_NO_INDEX && sample->waits[task->wait].task != i)
            look_at(&names, task, task->wait);
        for (uint32_t k = task->first_hold; k < task->first_hold + task->n_holds; k++)
            look_at(&names, task, sample->holds[k].wait);
    }
    drop(&names, SHOWN_WRONGLY);
    err = strobe_report_alike(waits, sample->n_waits);
    if (err)
        return err;
    drop(&names, SHOWN_TO_STRANGERS);
    return strobe_report_alike(waits, sample->n_waits);
}
