/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/tasklanes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"

struct strobe_tasklane {
    uint64_t tick; /* in which it was last taken */
    uint32_t row;
};

void strobe_tasklanes_init(struct strobe_tasklanes *lanes, struct strobe_agg *agg, int32_t pid)
{
    *lanes = (struct strobe_tasklanes){.agg = agg, .pid = pid};
}

void strobe_tasklanes_release(struct strobe_tasklanes *lanes)
{
    free(lanes->at);
    strobe_htab_release(&lanes->lanes);
    strobe_htab_release(&lanes->before);
    *lanes = (struct strobe_tasklanes){.agg = NULL};
}

void strobe_tasklanes_begin(struct strobe_tasklanes *lanes)
{
    struct strobe_htab swap = lanes->before;

    lanes->before = lanes->lanes;
    lanes->lanes = swap;
    strobe_htab_clear(&lanes->lanes);
    lanes->tick++;
    lanes->next = 0;
}

int strobe_tasklanes_keep(struct strobe_tasklanes *lanes, uint64_t task)
{
    const uint64_t *known = strobe_htab_get(&lanes->before, task, 0);

    if (!known)
        return 0;
    lanes->at[*known].tick = lanes->tick;
    return strobe_htab_put(&lanes->lanes, task, 0, *known);
}

static int add_lane(struct strobe_tasklanes *lanes)
{
    struct strobe_tasklane lane = {0, 0};
    char name[32];
    int err;

    if (strobe_grow(&lanes->at, &lanes->cap, lanes->n + 1, sizeof *lanes->at))
        return STROBE_ERR_NOMEM;
    snprintf(name, sizeof name, "tasks lane %zu", lanes->n + 1);
    err = strobe_agg_thread(lanes->agg, lanes->pid, STROBE_AGG_NO_THREAD, lanes->n, name, &lane.row);
    if (!err)
        lanes->at[lanes->n++] = lane;
    return err;
}

int strobe_tasklanes_row(struct strobe_tasklanes *lanes, uint64_t task, uint32_t *ret_row)
{
    const uint64_t *known = strobe_htab_get(&lanes->lanes, task, 0);
    size_t lane;
    int err;

    if (known) {
        *ret_row = lanes->at[*known].row;
        return 0;
    }
    while (lanes->next < lanes->n && lanes->at[lanes->next].tick == lanes->tick)
        lanes->next++;
    if (lanes->next == lanes->n && lanes->n < STROBE_TASKLANES_MAX && (err = add_lane(lanes)))
        return err;
    lane = lanes->next < lanes->n ? lanes->next : lanes->n - 1;
    if ((err = strobe_htab_put(&lanes->lanes, task, 0, lane)))
        return err;
    lanes->at[lane].tick = lanes->tick;
    *ret_row = lanes->at[lane].row;
    return 0;
}
