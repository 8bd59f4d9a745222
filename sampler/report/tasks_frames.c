/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_frames: stacks in one line, outermost first. */
#include "report/tasks_words.h"

#include <inttypes.h>
#include <string.h>

#include "base/libfile.h"

enum { FIRST = 3, LAST = 5 }; /* frames kept at both ends of a long stack */

bool strobe_tasks_is_library(const struct strobe_report_process *process, const struct strobe_report_frame *frame)
{
    const struct strobe_frame *f = frame->frame;

    return f && strobe_libfile_of(process->homes, strobe_names_text(process->names, f->file)) == STROBE_LIBFILE_WAITS;
}

/* How many frames an entry stands for: a mark says it ("... 95,904 frames left out ..."). */
static uint64_t weight_of(const struct strobe_report_frame *frame)
{
    uint64_t n = 0;

    if (frame->frame || !frame->mark)
        return 1;
    for (const char *at = frame->mark; *at && n < UINT32_MAX; at++)
        if (*at >= '0' && *at <= '9')
            n = n * 10 + (uint64_t)(*at - '0');
    return n ? n : 1;
}

uint32_t strobe_tasks_choose(const struct strobe_report_process *process, const struct strobe_report_frame *frames, uint32_t n, bool users,
                             uint32_t ret[STROBE_TASKS_SHOWN], uint64_t *ret_hidden)
{
    uint32_t total = 0, seen = 0, kept = 0;

    *ret_hidden = 0;
    for (uint32_t i = 0; i < n; i++)
        total += !users || !strobe_tasks_is_library(process, &frames[i]);
    if (!total) {
        users = false;
        total = n;
    }
    for (uint32_t i = n; i-- > 0;) {
        if (users && strobe_tasks_is_library(process, &frames[i]))
            continue;
        seen++;
        if (total <= FIRST + LAST + 1 || seen <= FIRST || seen > total - LAST) {
            ret[kept++] = i;
            continue;
        }
        if (!*ret_hidden)
            ret[kept++] = STROBE_NO_INDEX;
        *ret_hidden += weight_of(&frames[i]);
    }
    return kept;
}

void strobe_tasks_frame(const struct strobe_report_process *process, const struct strobe_report_frame *frame,
                        const struct strobe_tasks_style *style, struct strobe_buf *out)
{
    const struct strobe_frame *f = frame->frame;
    const char *file, *slash;

    strobe_buf_puts(out, f ? style->name : style->dim);
    strobe_report_escape(f ? strobe_names_text(process->names, f->name) : frame->mark ? frame->mark : "<unknown>", out);
    strobe_buf_puts(out, style->off);
    if (!f)
        return;
    file = strobe_names_text(process->names, f->short_file);
    slash = strrchr(file, '/');
    if (!*file)
        return;
    strobe_buf_putc(out, ' ');
    strobe_buf_puts(out, style->file);
    strobe_report_escape(slash ? slash + 1 : file, out);
    strobe_buf_puts(out, style->off);
    if (f->line > 0)
        strobe_buf_printf(out, ":%s%" PRId32 "%s", style->dim, f->line, style->off);
}

uint32_t strobe_tasks_frames(const struct strobe_report_process *process, const struct strobe_report_frame *frames, uint32_t n, bool users,
                             const struct strobe_tasks_style *style, struct strobe_buf *out)
{
    uint32_t shown[STROBE_TASKS_SHOWN];
    uint64_t hidden;

    n = strobe_tasks_choose(process, frames, n, users, shown, &hidden);
    for (uint32_t i = 0; i < n; i++) {
        if (i) {
            strobe_buf_putc(out, ' ');
            strobe_buf_puts(out, style->arrow);
            strobe_buf_putc(out, ' ');
        }
        if (shown[i] == STROBE_NO_INDEX) {
            strobe_buf_printf(out, "%s%s ", style->dim, style->dots);
            strobe_buf_grouped(out, hidden);
            strobe_buf_printf(out, " frames %s%s", style->dots, style->off);
        } else {
            strobe_tasks_frame(process, &frames[shown[i]], style, out);
        }
    }
    return n;
}

void strobe_tasks_leaf(const char *leaf, bool follows, const struct strobe_tasks_style *style, struct strobe_buf *out)
{
    if (!leaf || !*leaf)
        return;
    if (follows)
        strobe_buf_printf(out, " %s ", style->arrow);
    else
        strobe_buf_puts(out, ": ");
    strobe_buf_puts(out, style->name);
    strobe_report_escape(leaf, out);
    strobe_buf_puts(out, style->off);
}
