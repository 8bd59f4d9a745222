/* SPDX-License-Identifier: Apache-2.0 */
/* Names of groups and their numbers: asked for with each call where there is a tag. */
#include "calls/calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "calls/state.h"

/* With the lock.  SIZE_MAX: there is none of this name.  Two hashes tell names apart but for an accident, which is looked for. */
static size_t find(const struct strobe_calls *calls, const char *name, const uint64_t hash[2])
{
    uint64_t *known = strobe_htab_get(&calls->group_places, hash[0], hash[1]);

    return known && strcmp(calls->groups[*known], name) == 0 ? *known : SIZE_MAX;
}

/* With the lock: a new one.  STROBE_ERR_NOMEM. */
static int add(struct strobe_calls *calls, const char *name, const uint64_t hash[2], size_t *ret)
{
    size_t number = calls->n_groups;

    if (strobe_grow(&calls->groups, &calls->cap_groups, number + 1, sizeof *calls->groups) || !(calls->groups[number] = strdup(name)))
        return STROBE_ERR_NOMEM;
    if (strobe_htab_put(&calls->group_places, hash[0], hash[1], number)) {
        free(calls->groups[number]);
        return STROBE_ERR_NOMEM;
    }
    calls->n_groups++;
    *ret = number;
    return 0;
}

int strobe_calls_group(struct strobe_calls *calls, const char *name, uint32_t *ret_group)
{
    size_t length = strlen(name), number;
    uint64_t hash[2] = {strobe_hash_bytes(name, length, 0), strobe_hash_bytes(name, length, 1)};
    const char *others = calls->opts.other_group ? calls->opts.other_group : "(other)";
    int err = 0;

    strobe_calls_lock(calls);
    number = find(calls, name, hash);
    if (number == SIZE_MAX && calls->n_groups > STROBE_CALLS_MAX_GROUPS)
        number = STROBE_CALLS_MAX_GROUPS;
    else if (number == SIZE_MAX)
        err = add(calls, calls->n_groups == STROBE_CALLS_MAX_GROUPS ? others : name, hash, &number);
    strobe_calls_unlock(calls);
    if (!err)
        *ret_group = (uint32_t)number;
    return err;
}

const char *strobe_calls_group_name(struct strobe_calls *calls, uint32_t group)
{
    const char *name;

    strobe_calls_lock(calls);
    name = group < calls->n_groups ? calls->groups[group] : NULL;
    strobe_calls_unlock(calls);
    return name;
}
