/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/crowd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    LOOK_NS = 20 * 1000 * 1000,      /* between two looks */
    CALM_NS = 1000 * 1000 * 1000,
    QUEUED_NS = LOOK_NS / 40,        /* waits that count: ten times those of who wakes up 1,000 times a second on an idle CPU */
};

void strobe_crowd_open(struct strobe_crowd *crowd)
{
    uint64_t now = strobe_clock_system()->now(strobe_clock_system());

    *crowd = (struct strobe_crowd){.looked_ns = now, .waited_ns = {now, now}};
    crowd->fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    crowd->queued_ns = strobe_crowd_queued(crowd);
}

void strobe_crowd_close(struct strobe_crowd *crowd)
{
    if (crowd->fd >= 0)
        close(crowd->fd);
    crowd->fd = -1;
}

uint64_t strobe_crowd_queued(const struct strobe_crowd *crowd)
{
    char text[96], *end;
    ssize_t got = crowd->fd < 0 ? -1 : pread(crowd->fd, text, sizeof text - 1, 0);

    if (got <= 0)
        return 0;
    text[got] = '\0';
    strtoull(text, &end, 10);
    return strtoull(end, NULL, 10);
}

bool strobe_crowd_is_here(struct strobe_crowd *crowd)
{
    uint64_t now = strobe_clock_system()->now(strobe_clock_system()), queued, since;

    since = now - crowd->looked_ns;
    if (since >= LOOK_NS) {
        queued = strobe_crowd_queued(crowd);
        if (!queued || (queued - crowd->queued_ns) / (since / LOOK_NS) > QUEUED_NS) { /* not counted: who knows */
            crowd->waited_ns[1] = crowd->waited_ns[0];
            crowd->waited_ns[0] = now;
        }
        crowd->queued_ns = queued;
        crowd->looked_ns = now;
    }
    return now - crowd->waited_ns[1] < CALM_NS;
}
