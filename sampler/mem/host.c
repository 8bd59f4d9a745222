/* SPDX-License-Identifier: Apache-2.0 */
#include "mem/host.h"

static int null_hold(struct strobe_host *host, int32_t tid)
{
    (void)host, (void)tid;
    return 0;
}

static void null_release(struct strobe_host *host)
{
    (void)host;
}

static int null_thread_state(struct strobe_host *host, int32_t tid, struct strobe_thread_state *ret)
{
    (void)host, (void)tid;
    *ret = (struct strobe_thread_state){STROBE_RUN_UNKNOWN, 0, 0};
    return 0;
}

static int null_thread_id(struct strobe_host *host, int32_t native, uint64_t pthread, int32_t *ret_tid)
{
    (void)host, (void)pthread;
    if (!native)
        return STROBE_ERR_MISSING;
    *ret_tid = native;
    return 0;
}

static int null_thread_name(struct strobe_host *host, int32_t tid, char *buf, size_t size)
{
    (void)host, (void)tid;
    if (size)
        buf[0] = '\0';
    return 0;
}

static void null_close(struct strobe_host *host)
{
    (void)host;
}

struct strobe_host *strobe_host_null(void)
{
    static const struct strobe_host_ops ops = {null_hold, null_release, null_thread_state, null_thread_id, null_thread_name, null_close};
    static struct strobe_host host = {.ops = &ops};

    return &host;
}
