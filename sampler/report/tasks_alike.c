/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_alike: names that several of the things have that tasks wait for. */
#include "report/tasks.h"

#include <string.h>

#include "base/htab.h"

static bool has_name(const struct strobe_report_wait *wait)
{
    return wait->wait->object && *wait->name;
}

int strobe_report_alike(struct strobe_report_wait *waits, uint32_t n)
{
    struct strobe_htab first = STROBE_HTAB_INIT;
    int err = 0;

    for (uint32_t i = 0; i < n; i++)
        waits[i].alike = false;
    for (uint32_t i = 0, of = 0; !err && i < 2 * n; i++, of = i % n) { /* the second time the first of each knows of the others */
        uint64_t a, b;
        const uint64_t *known;

        if (!has_name(&waits[of]))
            continue;
        a = strobe_hash_bytes(waits[of].name, strlen(waits[of].name), 1);
        b = strobe_hash_bytes(waits[of].name, strlen(waits[of].name), 2);
        known = strobe_htab_get(&first, a, b);
        if (!known)
            err = strobe_htab_put(&first, a, b, of);
        else if (waits[*known].alike || waits[*known].wait->object != waits[of].wait->object)
            waits[of].alike = waits[*known].alike = true;
    }
    strobe_htab_release(&first);
    return err;
}
