/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_incalls: what the workers of a pool are in that work for some tasks, in a sentence. */
#include "report/tasks_diagnose.h"

#include <string.h>

enum { MAX_CALLS = 2 /* different calls that are named */ };

/* The worker that a task's call is in; NULL. */
static const struct strobe_report_worker *worker_of(const struct strobe_tasks_look *look, uint32_t task, uint32_t pool)
{
    uint32_t worker = look->index->report->tasks[task].worker;
    const struct strobe_report_pool *p = &look->index->report->pools[pool];

    return worker < p->n_workers && p->workers[worker].n_frames ? &p->workers[worker] : NULL;
}

static bool is_same_call(const struct strobe_report_worker *a, const struct strobe_report_worker *b)
{
    const struct strobe_frame *x = a->frames[0].frame, *y = b->frames[0].frame;

    return x && y && x->name == y->name && x->file == y->file && x->line == y->line &&
           strcmp(a->leaf ? a->leaf : "", b->leaf ? b->leaf : "") == 0;
}

bool strobe_tasks_in_calls(const struct strobe_tasks_look *look, const uint32_t *holders, uint32_t n, uint32_t pool)
{
    struct strobe_buf *out = look->out;
    const struct strobe_report_worker *told[MAX_CALLS];
    uint32_t n_told = 0, left = n;
    bool one = n == 1;

    for (uint32_t i = 0; i < n && n_told < MAX_CALLS; i++) {
        const struct strobe_report_worker *worker = worker_of(look, holders[i], pool);
        uint32_t alike = 0;

        for (uint32_t k = 0; worker && k < n_told; k++)
            if (is_same_call(told[k], worker))
                worker = NULL;
        if (!worker)
            continue;
        if (!n_told) {
            strobe_buf_puts(out, one ? " is in " : " are in ");
            strobe_tasks_pool_name(&look->index->report->pools[pool], out);
        }
        for (uint32_t k = i; k < n; k++) {
            const struct strobe_report_worker *other = worker_of(look, holders[k], pool);

            alike += other == worker || (other && is_same_call(worker, other));
        }
        strobe_buf_puts(out, n_told ? ", " : ": ");
        if (!one)
            strobe_buf_grouped(out, alike);
        strobe_buf_puts(out, one ? "" : " in ");
        strobe_tasks_frame(look->index->report->process, &worker->frames[0], &look->style, out);
        strobe_tasks_leaf(worker->leaf, true, &look->style, out);
        told[n_told++] = worker;
        left -= alike;
    }
    if (n_told && left) {
        strobe_buf_puts(out, " and ");
        strobe_buf_grouped(out, left);
        strobe_buf_puts(out, " more");
    }
    return n_told > 0;
}
