/* SPDX-License-Identifier: Apache-2.0 */
/* sitecalls: what a frame calls. */
#include "runtime/callsite.h"

#include <string.h>

#include "runtime/siteparts.h"

/* What is called lies lowest of what the call pops, or above a NULL there; both places may have the name. */
static int describe_call(struct strobe_site_code *site, size_t index, const uint32_t *stack, size_t n, struct strobe_site *ret)
{
    const struct strobe_op *op = strobe_callsim_op(site->sim, index);
    size_t popped = strobe_callsim_popped(site->sim, index);
    const struct strobe_value *value;
    uint32_t id;
    int err = 0;

    if (!popped || popped > n)
        return STROBE_ERR_MISSING;
    ret->stack = (uint32_t)(n - popped);
    id = stack[ret->stack];
    if (!id && op->kind == STROBE_OP_CALL && op->at > 1 && popped > 1)
        id = stack[ret->stack + 1];
    value = strobe_callsim_value(site->sim, id);
    if (op->kind == STROBE_OP_WITH || value->kind == STROBE_VALUE_WITH) {
        ret->role = STROBE_SITE_WITH;
        id = value->kind == STROBE_VALUE_WITH ? value->of : id;
        memcpy(ret->method, "__enter__", sizeof "__enter__");
    } else if (value->kind == STROBE_VALUE_ATTR) {
        err = strobe_site_put_name(site, ret->method, sizeof ret->method, value->arg);
        id = value->of;
    }
    return err ? err : strobe_site_put_path(site, id, ret);
}

int strobe_site_call(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, int64_t instr, struct strobe_site *ret_site)
{
    struct strobe_site found = {.role = STROBE_SITE_CALLS, .slot = UINT32_MAX};
    const struct strobe_op *op;
    const uint32_t *stack;
    struct strobe_site_code site;
    size_t index, n;
    int err = strobe_site_open(mem, lay, code, &site);

    if (!err)
        err = strobe_callsim_at(site.sim, instr, &index);
    if (!err) {
        op = strobe_callsim_op(site.sim, index);
        if (op->kind == STROBE_OP_PRECALL)
            op = strobe_callsim_op(site.sim, ++index);
        if (!op || (op->kind != STROBE_OP_CALL && op->kind != STROBE_OP_WITH))
            err = STROBE_ERR_MISSING;
    }
    if (!err)
        err = strobe_callsim_stack(site.sim, index, &stack, &n);
    if (!err)
        err = describe_call(&site, index, stack, n, &found);
    if (!err)
        *ret_site = found;
    strobe_site_close(&site);
    return err;
}

void strobe_site_text(const struct strobe_site *site, struct strobe_buf *out)
{
    strobe_buf_puts(out, site->base_name);
    if (site->base == STROBE_SITE_CALL)
        strobe_buf_puts(out, "()");
    if (site->path[0])
        strobe_buf_printf(out, "%s%s", site->path[0] != '[' && site->path[0] != '(' ? "." : "", site->path);
    if (site->method[0])
        strobe_buf_printf(out, ".%s", site->method);
}
