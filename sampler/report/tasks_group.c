/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_group: equal tasks together.  Equal are those that the same groups wait for, with the same folded name, stack, state, and
 * things waited for and held.  From the roots inward, so that the groups of a task's parents are known. */
#include "report/tasks_parts.h"

#include <stdlib.h>
#include <string.h>

#include "report/tasks_words.h"

/* All that tasks must share; hashed as bytes. */
struct key {
    uint64_t parents[2], stack, state, wait[2], holds, alone, name[2];
};

uint32_t strobe_tasks_pool(const struct strobe_report_tasks *report, const struct strobe_report_task *task)
{
    if (task->pool != STROBE_NO_INDEX || task->wait == STROBE_NO_INDEX)
        return task->pool;
    return report->waits[task->wait].pool;
}

bool strobe_tasks_shared(const struct strobe_tasks_index *index, uint32_t wait)
{
    switch (index->report->waits[wait].wait->kind) {
    case STROBE_WAIT_LOCK:
    case STROBE_WAIT_SEMAPHORE:
    case STROBE_WAIT_CONDITION:
    case STROBE_WAIT_BARRIER:
    case STROBE_WAIT_LIMITER:
        /* A lock of its own that a task holds and nobody wants is one of many alike. */
        return index->waiting[wait] > 0 || index->holder_at[wait + 1] - index->holder_at[wait] > 1;
    case STROBE_WAIT_TASKS:
    case STROBE_WAIT_EXECUTOR:
    case STROBE_WAIT_WORKER_THREAD: return true; /* one for all who do */
    case STROBE_WAIT_SLEEP: return false;
    default: return index->waiting[wait] > 1;
    }
}

static void wait_key(const struct strobe_tasks_index *index, uint32_t wait, uint32_t pool, uint64_t ret[2])
{
    const struct strobe_report_wait *w = &index->report->waits[wait];

    ret[0] = (uint64_t)w->wait->kind + 1;
    ret[1] = wait;
    if (w->wait->kind == STROBE_WAIT_EXECUTOR || w->wait->kind == STROBE_WAIT_WORKER_THREAD) {
        ret[1] = pool;
    } else if (!strobe_tasks_shared(index, wait)) {
        ret[0] |= UINT64_C(1) << 32;
        ret[1] = strobe_hash_bytes(w->name, strlen(w->name), strobe_hash_bytes(w->type, strlen(w->type), 0));
    }
}

/* Of a set: the order in which locks were taken does not matter. */
static uint64_t holds_key(const struct strobe_tasks_index *index, const struct strobe_task *task)
{
    const struct strobe_hold *holds = index->report->sample->holds + task->first_hold;
    uint64_t sum = 0, key[2];

    for (uint32_t i = 0; i < task->n_holds; i++) {
        uint32_t wait = index->wait_of[holds[i].wait];

        if (wait == STROBE_NO_INDEX)
            continue;
        wait_key(index, wait, STROBE_NO_INDEX, key);
        sum += strobe_hash_bytes(key, sizeof key, 7);
    }
    return sum;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* The groups that wait for a task, each once, sorted; those that come after it in the order close a cycle and do not count.
 * scratch: room for all its awaiters. */
static uint32_t parents_of(const struct strobe_tasks_index *index, uint32_t t, uint32_t *scratch)
{
    const struct strobe_task *task = &index->report->sample->tasks[t];
    uint32_t n = 0, kept = 0;

    for (uint32_t i = 0; i < task->n_awaiters; i++) {
        uint32_t parent = index->report->sample->awaiters[task->first_awaiter + i];

        if (index->rank[parent] < index->rank[t] && (n == 0 || scratch[n - 1] != index->group_of[parent]))
            scratch[n++] = index->group_of[parent];
    }
    if (n < 2)
        return n;
    qsort(scratch, n, sizeof *scratch, by_number);
    for (uint32_t i = 0; i < n; i++)
        if (i == 0 || scratch[i] != scratch[kept - 1])
            scratch[kept++] = scratch[i];
    return kept;
}

static void key_of(const struct strobe_tasks_index *index, uint32_t t, const uint32_t *parents, uint32_t n_parents, struct strobe_buf *name,
                   struct key *ret)
{
    const struct strobe_report_task *task = &index->report->tasks[t];

    *ret = (struct key){.stack = index->stack[t],
                        .state = task->task->flags & (STROBE_TASK_CANCELLING | STROBE_TASK_NEW),
                        .holds = holds_key(index, task->task)};
    ret->state |= (uint64_t)task->task->state << 32 | (uint64_t)task->task->outcome << 40 | (uint64_t)task->loop_state << 48;
    for (int i = 0; i < 2; i++)
        ret->parents[i] = strobe_hash_bytes(parents, n_parents * sizeof *parents, (uint64_t)i);
    if (task->wait != STROBE_NO_INDEX)
        wait_key(index, task->wait, strobe_tasks_pool(index->report, task), ret->wait);
    else if (task->exception && *task->exception)
        ret->wait[1] = strobe_hash_bytes(task->exception, strlen(task->exception), 0);
    strobe_buf_clear(name);
    strobe_fold(task->name, name);
    for (int i = 0; i < 2; i++)
        ret->name[i] = strobe_hash_bytes(strobe_buf_str(name), name->len, (uint64_t)i);
}

/* The number of a key: that of its first user, or the next. */
static int number_of(struct strobe_htab *tab, const struct key *key, uint32_t *n, uint32_t *ret)
{
    uint64_t a = strobe_hash_bytes(key, sizeof *key, 3), b = strobe_hash_bytes(key, sizeof *key, 4);
    const uint64_t *known = strobe_htab_get(tab, a, b);
    int err = 0;

    *ret = known ? (uint32_t)*known : *n;
    if (!known) {
        err = strobe_htab_put(tab, a, b, *n);
        ++*n;
    }
    return err;
}

static int assign(struct strobe_tasks_index *index, bool alone, uint32_t *scratch, struct strobe_htab *tab, struct strobe_htab *families,
                  struct strobe_buf *name)
{
    struct key last;

    for (uint32_t i = 0; i < index->n; i++) {
        uint32_t t = index->order[i], n_parents = parents_of(index, t, scratch), before = index->n_groups, family = before, group = before;
        struct key key;
        int err;

        if (alone) {
            index->n_groups++;
        } else {
            key_of(index, t, scratch, n_parents, name, &key);
            if (name->failed)
                return STROBE_ERR_NOMEM;
            if (i && memcmp(&key, &last, sizeof key) == 0) /* equal ones often follow each other */
                group = index->group_of[index->order[i - 1]];
            else if ((err = number_of(tab, &key, &index->n_groups, &group)))
                return err;
            last = key;
            key.name[0] = key.name[1] = 0;
            if (group == before && (err = number_of(families, &key, &index->n_families, &family)))
                return err;
        }
        if (group == before)
            index->groups[group] = (struct strobe_tasks_group){.owner = n_parents ? scratch[0] : STROBE_NO_INDEX, .family = family};
        index->group_of[t] = group;
        index->groups[group].n++;
        index->groups[group].weight++;
    }
    if (alone)
        index->n_families = index->n_groups;
    return 0;
}

static void list_members(struct strobe_tasks_index *index)
{
    uint32_t at = 0;

    for (uint32_t g = 0; g < index->n_groups; g++) {
        index->groups[g].member_at = at;
        at += index->groups[g].n;
        index->groups[g].n = 0;
    }
    for (uint32_t t = 0; t < index->n; t++) {
        struct strobe_tasks_group *group = &index->groups[index->group_of[t]];
        const char *name = index->report->tasks[t].name;

        if (group->n == 0)
            group->one_name = true;
        else if (group->one_name)
            group->one_name = strcmp(name, index->report->tasks[index->members[group->member_at]].name) == 0;
        index->members[group->member_at + group->n++] = t;
    }
    for (uint32_t g = index->n_groups; g-- > 0;) /* owners have smaller numbers */
        if (index->groups[g].owner != STROBE_NO_INDEX)
            index->groups[index->groups[g].owner].weight += index->groups[g].weight;
}

static int by_weight(const void *a, const void *b, void *ctx)
{
    const struct strobe_tasks_index *index = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    if (index->groups[x].weight != index->groups[y].weight)
        return index->groups[x].weight > index->groups[y].weight ? -1 : 1;
    x = index->members[index->groups[x].member_at];
    y = index->members[index->groups[y].member_at];
    return x < y ? -1 : x > y;
}

/* Group below group, from task below task: pairs of those that wait and what they wait for, each once. */
static int pair_groups(const struct strobe_tasks_index *index, bool alone, uint32_t (*pairs)[2], size_t *ret_n)
{
    const struct strobe_task_sample *sample = index->report->sample;
    struct strobe_htab seen = STROBE_HTAB_INIT;
    size_t n = 0;
    int err = 0;

    for (uint32_t t = 0; !err && t < index->n; t++) {
        uint32_t child = index->group_of[t];

        for (uint32_t i = 0; !err && i < sample->tasks[t].n_awaiters; i++) {
            uint32_t parent = index->group_of[sample->awaiters[sample->tasks[t].first_awaiter + i]];

            if (!alone && ((n > 0 && pairs[n - 1][0] == parent && pairs[n - 1][1] == child) || strobe_htab_get(&seen, parent, child)))
                continue;
            if (!alone)
                err = strobe_htab_put(&seen, parent, child, 1);
            pairs[n][0] = parent;
            pairs[n++][1] = child;
        }
    }
    strobe_htab_release(&seen);
    *ret_n = n;
    return err;
}

/* The last list, of number n_groups, is that of the roots. */
static int list_subs(struct strobe_tasks_index *index, bool alone)
{
    uint32_t (*pairs)[2] = strobe_tasks_alloc(index, (size_t)index->report->sample->n_awaiters + index->n_groups, sizeof *pairs);
    size_t n;

    if (!pairs || pair_groups(index, alone, pairs, &n))
        return STROBE_ERR_NOMEM;
    for (uint32_t g = 0; g < index->n_groups; g++)
        if (index->groups[g].owner == STROBE_NO_INDEX) {
            pairs[n][0] = index->n_groups;
            pairs[n++][1] = g;
        }
    index->subs = strobe_tasks_alloc(index, n, sizeof *index->subs);
    if (!index->subs)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        index->groups[pairs[i][0]].n_subs++;
    for (uint32_t g = 0, at = 0; g <= index->n_groups; g++) {
        index->groups[g].sub_at = at;
        at += index->groups[g].n_subs;
        index->groups[g].n_subs = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct strobe_tasks_group *parent = &index->groups[pairs[i][0]];

        index->subs[parent->sub_at + parent->n_subs++] = pairs[i][1];
    }
    for (uint32_t g = 0; g <= index->n_groups; g++)
        qsort_r(index->subs + index->groups[g].sub_at, index->groups[g].n_subs, sizeof *index->subs, by_weight, index);
    return 0;
}

int strobe_tasks_groups(struct strobe_tasks_index *index, bool alone)
{
    struct strobe_htab tab = STROBE_HTAB_INIT, families = STROBE_HTAB_INIT;
    struct strobe_buf name = STROBE_BUF_INIT;
    uint32_t *scratch = strobe_tasks_alloc(index, index->report->sample->n_awaiters, sizeof *scratch);
    int err = STROBE_ERR_NOMEM;

    index->group_of = strobe_tasks_alloc(index, index->n, sizeof *index->group_of);
    index->members = strobe_tasks_alloc(index, index->n, sizeof *index->members);
    index->groups = strobe_tasks_alloc(index, (size_t)index->n + 1, sizeof *index->groups);
    if (scratch && index->group_of && index->members && index->groups)
        err = assign(index, alone, scratch, &tab, &families, &name);
    strobe_htab_release(&tab);
    strobe_htab_release(&families);
    strobe_buf_release(&name);
    if (err)
        return err;
    index->groups[index->n_groups] = (struct strobe_tasks_group){.n = 0};
    list_members(index);
    return list_subs(index, alone);
}
