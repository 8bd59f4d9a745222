/* SPDX-License-Identifier: Apache-2.0 */
#include "mem/host.h"

static int null_hold(struct strobe_host *host, const int32_t *tids, size_t n)
{
    (void)host, (void)tids, (void)n;
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

static int null_outer_tid(struct strobe_host *host, int32_t inner, int32_t *ret_tid)
{
    (void)host;
    *ret_tid = inner;
    return 0;
}

static int null_pthread_tid(struct strobe_host *host, uint64_t pthread, int32_t *ret_tid)
{
    (void)host, (void)pthread, (void)ret_tid;
    return STROBE_ERR_MISSING;
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
    static const struct strobe_host_ops ops = {
        null_hold, null_release, null_thread_state, null_outer_tid, null_pthread_tid, null_thread_name, null_close,
    };
    static struct strobe_host host = {&ops, 0, 0};

    return &host;
}
