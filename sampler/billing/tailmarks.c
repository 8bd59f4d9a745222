/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/tasktails_parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/fold.h"
#include "runtime/pyobj.h"
#include "naming/waitnames.h"

int strobe_tails_mark(struct strobe_tails *tails, const char *text, uint32_t *ret)
{
    return strobe_names_wait_marker(tails->names, text, ret);
}

/* The text of the next marker, empty; put together in the same memory each time. */
static struct strobe_buf *fresh(struct strobe_buf *buf)
{
    strobe_buf_clear(buf);
    return buf;
}

static int marker_of_text(struct strobe_tails *tails, uint32_t *ret)
{
    return tails->text.failed || tails->name.failed ? STROBE_ERR_NOMEM : strobe_tails_mark(tails, strobe_buf_str(&tails->text), ret);
}

/* Things of which there is one for many tasks go by their address, the others by the place that waits for them. */
static void label_key(const struct strobe_tails *tails, const struct strobe_wait *wait, uint64_t ret_key[2])
{
    const struct strobe_task *task = wait->task == STROBE_NO_INDEX ? NULL : &tails->sample->tasks[wait->task];
    const struct strobe_raw_frame *place = task && wait->frame < task->n_frames ? &task->frames[wait->frame] : NULL;
    bool shared = wait->kind >= STROBE_WAIT_LOCK && wait->kind <= STROBE_WAIT_BARRIER && wait->kind != STROBE_WAIT_EVENT;

    ret_key[0] = (uint64_t)wait->kind << 56 ^ wait->type << 8;
    ret_key[1] = place ? place->code ^ ~place->instr << 40 : 0;
    if (shared || wait->kind == STROBE_WAIT_LIMITER || !place)
        ret_key[0] ^= wait->object << 4; /* of this object, where it is met there: another may lie at its address later */
}

int strobe_tails_mark_wait(struct strobe_tails *tails, uint32_t wait, bool goes_on, uint32_t *ret)
{
    struct strobe_buf *text = fresh(&tails->text);
    uint64_t key[2], *known;
    int err;

    label_key(tails, &tails->sample->waits[wait], key);
    key[0] ^= (uint64_t)goes_on << 63;
    if ((known = strobe_htab_get(&tails->labels, key[0], key[1]))) {
        *ret = (uint32_t)*known;
        return 0;
    }
    if ((known = strobe_htab_get(&tails->labels_before, key[0], key[1]))) {
        *ret = (uint32_t)*known;
        return strobe_htab_put(&tails->labels, key[0], key[1], *ret);
    }
    strobe_buf_puts(text, goes_on ? "[" : "[waiting: ");
    strobe_wait_label(tails->mem, tails->lay, tails->sample, wait, text);
    strobe_buf_putc(text, ']');
    err = marker_of_text(tails, ret);
    return err ? err : strobe_htab_put(&tails->labels, key[0], key[1], *ret);
}

int strobe_tails_mark_tasks(struct strobe_tails *tails, uint32_t index, uint32_t *ret)
{
    const struct strobe_task *task = &tails->sample->tasks[index];
    uint64_t *before = strobe_htab_get(&tails->before, task->addr, task->future), n = before ? *before : tails->awaited[index];
    struct strobe_buf *text = fresh(&tails->text);
    int err = strobe_htab_put(&tails->counts, task->addr, task->future, n);

    if (err)
        return err;
    if (n)
        strobe_buf_printf(text, "[waiting: %" PRIu64 " task%s]", n, n == 1 ? "" : "s");
    else
        strobe_buf_puts(text, "[waiting: tasks]");
    return marker_of_text(tails, ret);
}

static void put_type(struct strobe_tails *tails, uint64_t type, struct strobe_buf *out)
{
    char name[128];

    if (type && !strobe_py_type_name(tails->mem, tails->lay, type, name, sizeof name))
        strobe_buf_puts(out, strobe_py_last_name(name));
}

int strobe_tails_mark_pool(struct strobe_tails *tails, uint32_t index, bool goes_on, uint32_t *ret)
{
    const struct strobe_pool *pool = &tails->pools.at[index];
    struct strobe_buf *text = fresh(&tails->text), *name = fresh(&tails->name);

    strobe_buf_puts(text, goes_on ? "[" : "[waiting: ");
    if (pool->kind == STROBE_POOL_ANYIO)
        strobe_buf_puts(text, "worker threads");
    else
        put_type(tails, pool->type, text);
    if (pool->name && !strobe_py_str(tails->mem, tails->lay, pool->name, name) && name->len)
        strobe_buf_printf(text, " %s", strobe_buf_str(name));
    if (goes_on && pool->max >= 0)
        strobe_buf_printf(text, " %" PRIu32 "/%" PRId64, pool->n_busy, pool->max);
    strobe_buf_putc(text, ']');
    return marker_of_text(tails, ret);
}

int strobe_tails_mark_holder(struct strobe_tails *tails, const struct strobe_task *task, uint32_t *ret)
{
    struct strobe_buf *text = fresh(&tails->text), *name = fresh(&tails->name);

    strobe_buf_puts(text, "[held by ");
    if (!task->name || strobe_py_str(tails->mem, tails->lay, task->name, name))
        strobe_buf_puts(name, "Task-0");
    strobe_fold(strobe_buf_str(name), text);
    strobe_buf_putc(text, ']');
    if (name->failed)
        return STROBE_ERR_NOMEM;
    return strobe_fewmarks_of(&tails->holder_marks, tails->names, strobe_names_wait_marker, text, "[held by (other)]", ret);
}
