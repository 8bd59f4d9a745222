/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/copied.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "picture/pooled.h"
#include "runtime/pyobj.h"

#define CHANGED UINT64_MAX /* in `numbers` */

void strobe_copied_release(struct strobe_copied *copied)
{
    strobe_htab_release(&copied->numbers);
    free(copied->waited);
    *copied = (struct strobe_copied){.waited = NULL};
}

/* ---- what the threads wait in ---- */

/* Of the standard library's functions that wait: its self is what is waited for; or it is what such a function has called. */
enum method { NO_METHOD, INNER, OUTER };

static enum method method_of(const struct strobe_tasked *tasked, const struct strobe_raw_frame *raw)
{
    static const struct {
        const char *name, *file;
        enum method method;
    } methods[] = {{"wait", "threading.py", INNER}, {"acquire", "threading.py", OUTER}, {"get", "queue.py", OUTER},
                   {"put", "queue.py", OUTER}, {"join", "queue.py", OUTER}};
    const struct strobe_frame *frame;
    uint32_t id;

    if (raw->code <= STROBE_CODE_UNREADABLE || strobe_codes_resolve(tasked->codes, raw->code, (int64_t)raw->instr, &id) ||
        !(frame = strobe_names_get(tasked->names, id)))
        return NO_METHOD;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strobe_code_frame_is(tasked->names, frame, methods[i].name, methods[i].file))
            return methods[i].method;
    return NO_METHOD;
}

/* By the innermost frames: what lies further out may be from before the fork. */
static int note_thread(struct strobe_copied *copied, const struct strobe_tasked *tasked, const struct strobe_thread *thread)
{
    enum method method = INNER;
    uint64_t self;

    for (uint32_t i = 0; i < thread->n_frames && method == INNER; i++) {
        const struct strobe_raw_frame *raw = &thread->frames[i];

        method = method_of(tasked, raw);
        if (method != OUTER || strobe_py_local_at(tasked->place->mem, tasked->place->layout, raw->frame, raw->code, 0, false, &self))
            continue;
        if (strobe_grow(&copied->waited, &copied->cap_waited, copied->n_waited + 1, sizeof *copied->waited))
            return STROBE_ERR_NOMEM;
        copied->waited[copied->n_waited++] = self;
    }
    return 0;
}

static bool is_waited_in(const struct strobe_copied *copied, uint64_t object)
{
    for (size_t i = 0; i < copied->n_waited; i++)
        if (copied->waited[i] == object)
            return true;
    return false;
}

/* ---- what is used ---- */

/* Has one for threads said something else when it was seen first? */
static int note_numbers(struct strobe_copied *copied, const struct strobe_report_resource *row, bool *ret_changed)
{
    uint64_t now = ((uint64_t)row->free << 32 ^ (uint64_t)row->size << 16 ^ (uint64_t)row->waiters) & ~(1ull << 63);
    uint64_t *first = strobe_htab_get(&copied->numbers, row->address, row->class_address);

    *ret_changed = first && *first != now;
    if (first && *first != now)
        *first = CHANGED;
    return first ? 0 : strobe_htab_put(&copied->numbers, row->address, row->class_address, now);
}

/* Is it of a loop that no thread runs here, while another is run?  Before 3.10 each belongs to a loop from the start, later once somebody
 * has had to wait for it. */
static bool is_of_another_loop(const struct strobe_pooled *pooled, const struct strobe_report_resource *row)
{
    const struct strobe_tasked *tasked = &pooled->tasked;
    enum strobe_py_kind kind;
    uint64_t loop;

    if (strobe_py_attr(tasked->place->mem, tasked->place->layout, row->address, "_loop", &loop) ||
        strobe_py_kind(tasked->place->mem, tasked->place->layout, loop, &kind) || kind == STROBE_PY_NONE)
        return false;
    for (uint32_t i = 0; i < tasked->threads->n_threads; i++)
        if (tasked->loops[i] == loop)
            return false;
    return true;
}

static bool runs_a_loop(const struct strobe_tasked *tasked)
{
    for (uint32_t i = 0; i < tasked->threads->n_threads; i++)
        if (tasked->loops[i])
            return true;
    return false;
}

/* ret_other: somebody else uses it for certain, as far as it says itself. */
static int is_used(struct strobe_copied *copied, const struct strobe_pooled *pooled, const struct strobe_report_resource *row,
                   bool *ret_used, bool *ret_other)
{
    bool changed;
    int err;

    *ret_other = false;
    if (row->kind < STROBE_RESOURCE_SEMAPHORE) {
        *ret_used = row->workers > 0 || !row->address;
        *ret_other = row->queued > 0;
        return 0;
    }
    if (!row->of_threads) {
        *ret_other = is_of_another_loop(pooled, row);
        *ret_used = !*ret_other && runs_a_loop(&pooled->tasked);
        return 0;
    }
    if ((err = note_numbers(copied, row, &changed)))
        return err;
    *ret_used = changed || is_waited_in(copied, row->address);
    *ret_other = row->waiters > 0;
    return 0;
}

/* ---- ---- */

/* Has the parent an object of that class there, as far as can be told? */
static bool parent_has(const struct strobe_pooled *pooled, const struct strobe_report_resource *row)
{
    struct strobe_place *place = pooled->tasked.place;

    return !place->ops->parent_has || !row->class_address ||
           place->ops->parent_has(place, row->address + place->layout->ob_type, row->class_address);
}

int strobe_copied_take_out(struct strobe_copied *copied, struct strobe_pooled *pooled, uint32_t *ret_n)
{
    enum { ROOM = 1024 }; /* of objects that are gone */
    const struct strobe_sample *threads = pooled->tasked.threads;
    size_t kept = 0;
    int err = 0;

    *ret_n = 0;
    if (!pooled->tasked.place->forked_as)
        return 0;
    if (copied->numbers.count > 2 * pooled->n + ROOM)
        strobe_htab_clear(&copied->numbers);
    copied->n_waited = 0;
    for (uint32_t i = 0; i < threads->n_threads && !err; i++)
        err = note_thread(copied, &pooled->tasked, &threads->threads[i]);
    for (size_t i = 0; i < pooled->n && !err; i++) {
        const struct strobe_report_resource *row = &pooled->found[i];
        bool used, other;

        err = is_used(copied, pooled, row, &used, &other);
        if (!err && (used || (!other && !parent_has(pooled, row))))
            pooled->found[kept++] = *row;
    }
    if (err)
        return err;
    *ret_n = (uint32_t)(pooled->n - kept);
    pooled->n = kept;
    return 0;
}
