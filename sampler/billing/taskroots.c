/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/taskroots.h"

#include <string.h>

#include "base/err.h"
#include "runtime/pycontext.h"

void strobe_taskroots_init(struct strobe_taskroots *roots, struct strobe_mem *mem, const struct strobe_layout *lay,
                           struct strobe_names *names, const char *name)
{
    *roots = (struct strobe_taskroots){.mem = mem, .lay = lay, .names = names, .name = name};
    strobe_buf_printf(&roots->other, "[%s=other]", name);
}

void strobe_taskroots_release(struct strobe_taskroots *roots)
{
    strobe_htab_release(&roots->contexts);
    strobe_htab_release(&roots->waits);
    strobe_htab_release(&roots->waits_before);
    strobe_fewmarks_release(&roots->values);
    strobe_buf_release(&roots->text);
    strobe_buf_release(&roots->other);
    *roots = (struct strobe_taskroots){.mem = NULL};
}

void strobe_taskroots_begin(struct strobe_taskroots *roots)
{
    struct strobe_htab before = roots->waits_before;

    strobe_htab_clear(&roots->contexts);
    strobe_htab_clear(&before);
    roots->waits_before = roots->waits;
    roots->waits = before;
}

/* The marker of what stands in roots->text. */
static int marker_of_text(struct strobe_taskroots *roots, uint32_t *ret)
{
    if (roots->other.failed)
        return STROBE_ERR_NOMEM;
    return strobe_fewmarks_of(&roots->values, roots->names, strobe_names_marker, &roots->text, strobe_buf_str(&roots->other), ret);
}

int strobe_taskroots_of(struct strobe_taskroots *roots, uint64_t context, uint32_t *ret_marker)
{
    const uint64_t *known = strobe_htab_get(&roots->contexts, context, 0);
    uint64_t value;
    uint32_t marker = 0;
    int err;

    if (known) {
        *ret_marker = (uint32_t)*known;
        return 0;
    }
    if (context && !strobe_py_context_get(roots->mem, roots->lay, context, roots->name, &value)) {
        strobe_buf_clear(&roots->text);
        strobe_buf_printf(&roots->text, "[%s=", roots->name);
        strobe_py_context_text(roots->mem, roots->lay, value, true, &roots->text);
        strobe_buf_putc(&roots->text, ']');
        for (size_t i = 0; i < roots->text.len; i++) /* names end at a NUL */
            roots->text.data[i] = roots->text.data[i] ? roots->text.data[i] : '?';
        if ((err = marker_of_text(roots, &marker)))
            return err;
    }
    if ((err = strobe_htab_put(&roots->contexts, context, 0, marker)))
        return err;
    *ret_marker = marker;
    return 0;
}

int strobe_taskroots_of_task(struct strobe_taskroots *roots, const struct strobe_task *task, uint32_t *ret_marker)
{
    uint64_t key[2] = {task->addr ^ task->context << 20, strobe_task_wait_key(task)};
    bool waits = task->state == STROBE_TASK_WAITING && task->future && task->context;
    const uint64_t *known;
    uint32_t marker;
    int err = strobe_taskroots_of(roots, task->context, &marker);

    if (err)
        return err;
    if (!marker && waits && (known = strobe_htab_get(&roots->waits_before, key[0], key[1])))
        marker = (uint32_t)*known;
    if (marker && waits && (err = strobe_htab_put(&roots->waits, key[0], key[1], marker)))
        return err;
    *ret_marker = marker;
    return 0;
}
