/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/opening.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "attach/target.h"
#include "base/clock.h"
#include "base/err.h"
#include "tools/say.h"

enum { MAX_CHILDREN = 4096 };
static const uint64_t retry_ns = 2 * 1000 * 1000;

static bool is_young(pid_t pid)
{
    uint64_t start, per_second = (uint64_t)sysconf(_SC_CLK_TCK), now;
    struct timespec boot;

    if (strobe_target_start_time(pid, &start) || clock_gettime(CLOCK_BOOTTIME, &boot))
        return false;
    now = (uint64_t)boot.tv_sec * per_second + (uint64_t)boot.tv_nsec * per_second / 1000000000;
    return now < start + per_second;
}

int strobe_open_target(pid_t pid, struct strobe_attach **ret_attach, struct strobe_buf *why)
{
    struct strobe_clock *clock = strobe_clock_system();
    size_t kept = why->len;

    for (;;) {
        int err = strobe_attach_open(pid, ret_attach, why);

        if ((err != STROBE_ERR_NOTREADY && err != STROBE_ERR_NOTPYTHON) || !is_young(pid))
            return err;
        if (why->len > kept) { /* the next attempt speaks for itself */
            why->len = kept;
            why->data[kept] = '\0';
        }
        clock->sleep_until(clock, clock->now(clock) + retry_ns);
    }
}

int strobe_open_list(pid_t pid, bool subprocesses, pid_t **ret, size_t *ret_n)
{
    *ret = subprocesses ? malloc(MAX_CHILDREN * sizeof **ret) : NULL;
    *ret_n = *ret ? strobe_target_descendants(pid, *ret, MAX_CHILDREN) : 0;
    return subprocesses && !*ret ? STROBE_ERR_NOMEM : 0;
}

int strobe_open_family(pid_t pid, const pid_t *children, size_t n, strobe_open_fn *open, void *ctx, struct strobe_buf *why)
{
    int ret_err = open(ctx, pid, 0, why);

    for (size_t i = 0; i < n && (!ret_err || ret_err == STROBE_ERR_NOTPYTHON); i++) {
        struct strobe_buf child = STROBE_BUF_INIT;
        int err = open(ctx, children[i], strobe_target_parent(children[i]), &child);

        if (err && err != STROBE_ERR_NOTPYTHON && err != STROBE_ERR_NOPROC && err != STROBE_ERR_GONE && err != STROBE_ERR_EXECED)
            strobe_say("Warning: child %d: %s", (int)children[i], strobe_buf_str(&child));
        strobe_buf_release(&child);
    }
    return ret_err;
}
