/* SPDX-License-Identifier: Apache-2.0 */
#include "mem/mem.h"

enum { PAGE = 4096 }; /* the smallest page of any system we run on: inside one, all bytes are mapped or none */

bool strobe_mem_is_late(struct strobe_mem *mem)
{
    enum { EVERY = 16, PASSED = 1 };

    if (mem->due_ns > PASSED && mem->asked++ % EVERY == 0 && mem->clock->now(mem->clock) >= mem->due_ns)
        mem->due_ns = PASSED;
    return mem->due_ns == PASSED;
}

int strobe_mem_readv(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n)
{
    int err = 0;

    mem->reads++;
    if (mem->due_ns && strobe_mem_is_late(mem))
        err = STROBE_ERR_TORN;
    else if (mem->ops->readv)
        err = mem->ops->readv(mem, segs, n);
    else
        for (size_t i = 0; !err && i < n; i++)
            err = mem->ops->read(mem, segs[i].addr, segs[i].buf, segs[i].len);
    mem->faults += err != 0;
    return err;
}

void strobe_mem_epoch(struct strobe_mem *mem)
{
    if (mem->ops->epoch)
        mem->ops->epoch(mem);
}

void strobe_mem_again(struct strobe_mem *mem, unsigned turn)
{
    if (mem->ops->again)
        mem->ops->again(mem, turn);
    else
        strobe_mem_epoch(mem);
}

void strobe_mem_close(struct strobe_mem *mem)
{
    if (mem)
        mem->ops->close(mem);
}

int strobe_mem_u64(struct strobe_mem *mem, uint64_t addr, uint64_t *ret)
{
    uint64_t v;
    int err = strobe_mem_read(mem, addr, &v, sizeof v);

    if (!err)
        *ret = v;
    return err;
}

int strobe_mem_u32(struct strobe_mem *mem, uint64_t addr, uint32_t *ret)
{
    uint32_t v;
    int err = strobe_mem_read(mem, addr, &v, sizeof v);

    if (!err)
        *ret = v;
    return err;
}

int strobe_mem_i32(struct strobe_mem *mem, uint64_t addr, int32_t *ret)
{
    int32_t v;
    int err = strobe_mem_read(mem, addr, &v, sizeof v);

    if (!err)
        *ret = v;
    return err;
}

int strobe_mem_u8(struct strobe_mem *mem, uint64_t addr, uint8_t *ret)
{
    uint8_t v;
    int err = strobe_mem_read(mem, addr, &v, sizeof v);

    if (!err)
        *ret = v;
    return err;
}

int strobe_mem_cstr(struct strobe_mem *mem, uint64_t addr, char *buf, size_t size)
{
    size_t done = 0, step;
    int err;

    if (!size)
        return STROBE_ERR_ARG;
    /* Page by page: what lies behind the terminator need not be mapped. */
    for (; done < size - 1; done += step, addr += step) {
        step = PAGE - (size_t)(addr % PAGE);
        if (step > size - 1 - done)
            step = size - 1 - done;
        err = strobe_mem_read(mem, addr, buf + done, step);
        if (err) {
            buf[0] = '\0';
            return err;
        }
        if (memchr(buf + done, '\0', step))
            return 0;
    }
    buf[done] = '\0';
    return 0;
}
