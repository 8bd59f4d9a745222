/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/crowd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    LOOK_NS = 20 * 1000 * 1000, /* between two looks */
    CALM = 50,                  /* looks without two waits: others have gone */
    QUEUED_NS = 25 * 1000,      /* a wait that counts, for each time that we were put on a CPU: ten times that of an idle machine */
};

/* schedstat: time on a CPU, time waited for one, times put on one.  False where the kernel does not count. */
static bool look(const struct strobe_crowd *crowd, uint64_t *ret_queued_ns, uint64_t *ret_runs)
{
    char text[96], *end;
    ssize_t got = crowd->fd < 0 ? -1 : pread(crowd->fd, text, sizeof text - 1, 0);

    if (got <= 0)
        return false;
    text[got] = '\0';
    strtoull(text, &end, 10);
    *ret_queued_ns = strtoull(end, &end, 10);
    *ret_runs = strtoull(end, NULL, 10);
    return true;
}

void strobe_crowd_open(struct strobe_crowd *crowd)
{
    *crowd = (struct strobe_crowd){.looks = CALM, .waited = {CALM, CALM}};
    crowd->fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    crowd->looked_ns = strobe_clock_system()->now(strobe_clock_system());
    look(crowd, &crowd->queued_ns, &crowd->runs);
}

void strobe_crowd_close(struct strobe_crowd *crowd)
{
    if (crowd->fd >= 0)
        close(crowd->fd);
    crowd->fd = -1;
}

uint64_t strobe_crowd_queued(const struct strobe_crowd *crowd)
{
    uint64_t queued_ns = 0, runs;

    look(crowd, &queued_ns, &runs);
    return queued_ns;
}

bool strobe_crowd_is_here(struct strobe_crowd *crowd)
{
    uint64_t now = strobe_clock_system()->now(strobe_clock_system()), queued_ns, runs;

    if (now - crowd->looked_ns >= LOOK_NS) {
        bool counted = look(crowd, &queued_ns, &runs);

        crowd->looks++;
        if (!counted || queued_ns - crowd->queued_ns > QUEUED_NS * (runs - crowd->runs)) {
            crowd->waited[1] = crowd->waited[0];
            crowd->waited[0] = crowd->looks;
        }
        if (counted) {
            crowd->queued_ns = queued_ns;
            crowd->runs = runs;
        }
        crowd->looked_ns = now;
    }
    return crowd->looks - crowd->waited[1] < CALM;
}
