/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/pictures.h"

#include "base/err.h"
#include "ext/inside.h"
#include "picture/dumped.h"
#include "report/report.h"
#include "report/tasks.h"

static int dump(struct strobe_place *place, bool text, struct strobe_buf *out)
{
    struct strobe_dumped_opts opts = {.nonblocking = true, .tasks = true};
    const struct strobe_report_tasks *tasks;
    struct strobe_dumped dumped;
    int err = strobe_dumped_take(place, &opts, &dumped);

    if (err)
        return err;
    tasks = &dumped.tasked.report;
    if (text) {
        strobe_report_dump_text(&dumped.report, false, out);
        if (dumped.has_tasks)
            strobe_report_tasks_section(tasks, false, out);
    } else {
        err = strobe_report_dump_asyncio_json(&dumped.report, 1, false, &tasks, dumped.has_tasks, out);
    }
    strobe_dumped_release(&dumped);
    return err ? err : out->failed ? STROBE_ERR_NOMEM : 0;
}

static int tasks(struct strobe_place *place, struct strobe_buf *out)
{
    struct strobe_tasked_opts opts = {.nonblocking = true};
    struct strobe_tasked tasked;
    int err = strobe_tasked_open(place, &opts, &tasked);

    if (err)
        return err;
    err = strobe_tasked_take(&tasked);
    if (!err)
        err = strobe_report_tasks_json(&tasked.report, false, out);
    strobe_tasked_release(&tasked);
    return err;
}

int strobe_pictures_take(enum strobe_picture which, uint64_t runtime, uint32_t version, const char *text, struct strobe_buf *out,
                         struct strobe_buf *why)
{
    struct strobe_inside *inside;
    struct strobe_place *place;
    int err = strobe_inside_open(runtime, version, text, &inside, why);

    if (err)
        return err;
    place = strobe_inside_place(inside);
    switch (which) {
    case STROBE_PICTURE_DUMP:
    case STROBE_PICTURE_TEXT: err = dump(place, which == STROBE_PICTURE_TEXT, out); break;
    case STROBE_PICTURE_TASKS: err = tasks(place, out); break;
    }
    strobe_inside_close(inside);
    if (err)
        strobe_buf_puts(why, strobe_err_text(err));
    return err;
}
