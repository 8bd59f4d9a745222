/* SPDX-License-Identifier: Apache-2.0 */
/* waittimers: when the timers are due that tasks sleep by (asyncio.TimerHandle). */
#include "walk/waitfacts.h"

#include <math.h>
#include <string.h>

#include "runtime/pyobj.h"
#include "runtime/pyspan.h"

enum {
    MAX_FLOAT = 64,   /* bytes of a float object; a header and a number */
    MAX_HANDLE = 256, /* bytes of a TimerHandle up to its time; it has some ten members */
};

int strobe_timer_due(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t handle, double *ret_when)
{
    uint64_t value;
    double when;
    int err = strobe_py_attr(mem, lay, handle, "_when", &value);

    if (!err)
        err = strobe_py_float(mem, lay, value, &when);
    if (err)
        return err;
    if (!isfinite(when))
        return STROBE_ERR_OBJECT;
    *ret_when = when;
    return 0;
}

/* Of a float whose type is known: one read. */
static int float_of(struct strobe_timers *timers, struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t value, double *ret)
{
    unsigned char span[MAX_FLOAT];
    enum strobe_py_kind kind;
    int err;

    if (timers->float_type && lay->float_value + sizeof *ret <= sizeof span && lay->ob_type < lay->float_value) {
        if ((err = strobe_mem_read(mem, value, span, lay->float_value + sizeof *ret)))
            return err;
        if (strobe_span_u64(span, lay->ob_type) == timers->float_type) {
            memcpy(ret, span + lay->float_value, sizeof *ret);
            return 0;
        }
    }
    err = strobe_py_float(mem, lay, value, ret);
    if (!err && !timers->float_type && !strobe_py_kind(mem, lay, value, &kind) && kind == STROBE_PY_FLOAT)
        err = strobe_mem_u64(mem, value + lay->ob_type, &timers->float_type);
    return err;
}

int strobe_timers_due(struct strobe_timers *timers, struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t handle,
                      double *ret_when)
{
    unsigned char span[MAX_HANDLE];
    uint64_t type, offset;
    double when;
    int err;

    if (timers->type) {
        if ((err = strobe_mem_read(mem, handle, span, timers->offset + sizeof type)))
            return err;
        if (strobe_span_u64(span, lay->ob_type) == timers->type) {
            err = float_of(timers, mem, lay, strobe_span_u64(span, timers->offset), &when);
            if (!err && !isfinite(when))
                err = STROBE_ERR_OBJECT;
            if (!err)
                *ret_when = when;
            return err;
        }
    }
    err = strobe_timer_due(mem, lay, handle, ret_when);
    if (!err && !strobe_mem_u64(mem, handle + lay->ob_type, &type) && !strobe_py_slot_offset(mem, lay, type, "_when", &offset) &&
        offset + sizeof type <= sizeof span && offset > lay->ob_type)
        *timers = (struct strobe_timers){type, offset, timers->float_type};
    return err;
}
