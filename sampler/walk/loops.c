/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/loops.h"

#include <string.h>

#include "runtime/pyobj.h"

static int in_dict(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t tstate, int32_t own_pid, uint64_t *ret_loop)
{
    uint64_t dict, value, type;
    uint32_t pid;
    char name[64];
    int err;

    if (lay->ts_dict == STROBE_NONE)
        return STROBE_ERR_MISSING;
    if ((err = strobe_mem_u64(mem, tstate + lay->ts_dict, &dict)))
        return err;
    if (!dict)
        return STROBE_ERR_MISSING;
    if ((err = strobe_py_dict_get(mem, lay, dict, "__asyncio_running_event_loop__", &value)) ||
        (err = strobe_py_type(mem, lay, value, &type)) || (err = strobe_py_type_name(mem, lay, type, name, sizeof name)))
        return err;
    if (strcmp(name, "NoneType") == 0)
        return STROBE_ERR_MISSING;
    if (strcmp(name, "_RunningLoopHolder") == 0) { /* the loop comes right after its header, then the process that set it */
        if (own_pid) {
            if ((err = strobe_mem_u32(mem, value + lay->ob_header + sizeof(uint64_t), &pid)))
                return err;
            if (pid != (uint32_t)own_pid)
                return STROBE_ERR_MISSING;
        }
        if ((err = strobe_mem_u64(mem, value + lay->ob_header, &value)))
            return err;
        if (strobe_py_type(mem, lay, value, &type) || strobe_py_type_name(mem, lay, type, name, sizeof name) ||
            strcmp(name, "NoneType") == 0)
            return STROBE_ERR_MISSING;
    }
    *ret_loop = value;
    return 0;
}

int strobe_loop_of_thread(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_aio_layout *aio,
                          const struct strobe_thread *thread, int32_t own_pid, uint64_t *ret_loop)
{
    uint64_t loop;
    int err;

    if (!aio || aio->thread_running_loop == STROBE_NONE)
        return in_dict(mem, lay, thread->tstate, own_pid, ret_loop);
    if ((err = strobe_mem_u64(mem, thread->tstate + aio->thread_running_loop, &loop)))
        return err;
    if (!loop)
        return STROBE_ERR_MISSING;
    *ret_loop = loop;
    return 0;
}
