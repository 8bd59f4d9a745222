/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/opening.h"

#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "attach/target.h"
#include "base/clock.h"
#include "base/err.h"

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
