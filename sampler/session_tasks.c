/* SPDX-License-Identifier: Apache-2.0 */
#include "session_tasks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/grow.h"
#include "billing/loopbusy.h"
#include "billing/tasklanes.h"
#include "billing/tasktails.h"

enum {
    MAX_STACKS = 1 << 20, /* distinct stacks of tasks that are remembered, */
    MAX_IDS = 1 << 24,    /* and frames of all of them; then the memory starts over */
    STILL_SHARE = 50,     /* a loop stands still for at most 1/50 of the time, */
    STILL_NS = 200000,    /* or for so long at a tick */
    MAX_TORN = 8,         /* ticks in a row that pass because the lists of tasks changed while they were read; then what was read counts */
    BUDGET = 7,           /* a look at the tasks takes at most 1/7 of the time; else their rate is lowered */
};

/* A stack of a task, resolved: frame ids, outermost first, in side->ids. */
struct task_stack {
    size_t first;
    uint32_t n;
};

struct strobe_task_side {
    struct strobe_sampled *target;
    struct strobe_tasklook *look;
    struct strobe_await await;
    struct strobe_tails tails;
    struct strobe_loopbusy busy;
    struct strobe_htab known;   /* hash of a stack -> index in stacks */
    struct task_stack *stacks;
    size_t n_stacks, cap_stacks;
    uint32_t *ids;
    size_t n_ids, cap_ids;
    uint64_t epoch, changes;    /* of the code cache, of the code roles, when the stacks were resolved */
    struct strobe_await_task *tasks;
    size_t cap_tasks;
    /* Task -> ns of ticks in which it could not be read, up to this one and up to the one before: who disappears unread is owed nothing. */
    struct strobe_htab owed, owed_before;
    uint64_t owed_ns, owed_before_ns; /* their sums */
    uint32_t row;               /* of the aggregate, for all tasks; in formats with an order in time each has its lane instead */
    bool has_row, with_lanes;
    unsigned n_torn;            /* ticks since the lists were read whole */
    struct strobe_tasklanes lanes;
    uint64_t last_ns, next_ns;
    uint64_t cost_ns;           /* of a look, the median */
    uint32_t n_alive;           /* tasks at the last look */
    struct strobe_task_stats stats;
};

/* How long a loop's thread may stand still at each tick so that all tasks are of one moment. */
static uint64_t still_for(const struct strobe_session *session)
{
    uint64_t share = session->period_ns / STILL_SHARE, ns = share > STILL_NS ? share : STILL_NS;

    return ns < session->opts.max_pause_ns ? ns : session->opts.max_pause_ns;
}

int strobe_task_side_new(struct strobe_session *session, struct strobe_sampled *target, const struct strobe_session_target *from,
                         struct strobe_task_side **ret)
{
    struct strobe_task_side *side = calloc(1, sizeof *side);
    struct strobe_tasklook_opts opts = {.max_pause_ns = session->opts.mode != STROBE_MODE_EXACT ? 0 : session->opts.max_pause_ns,
                                        .still_ns = still_for(session)};
    uint32_t cycle = 0, deep = 0;
    int err;

    if (!side)
        return STROBE_ERR_NOMEM;
    side->target = target;
    if ((err = strobe_names_marker(session->names, "[cycle]", &cycle)) || (err = strobe_names_marker(session->names, "[...]", &deep)) ||
        (err = strobe_tasklook_new(target->mem, &target->layout, target->snap, session->clock, &opts, &side->look))) {
        strobe_task_side_free(side);
        return err;
    }
    strobe_tasklook_set_finder(side->look, from->find_asyncio, from->find_ctx);
    strobe_tasklook_set_forked(side->look, from->forked_as);
    strobe_tasklanes_init(&side->lanes, session->opts.task_agg, target->pid);
    side->with_lanes = strobe_agg_has_log(session->opts.task_agg);
    strobe_await_init(&side->await, session->opts.task_agg, cycle, deep);
    strobe_tails_init(&side->tails, target->mem, &target->layout, session->names, target->codes, strobe_tasklook_reader(side->look),
                      session->opts.blame);
    side->tails.pools.main_tid = from->forked_as ? from->pid : 0;
    strobe_loopbusy_init(&side->busy, target->mem, &target->layout, session->names, target->codes, strobe_tasklook_reader(side->look),
                         &side->tails.calls);
    *ret = side;
    return 0;
}

void strobe_task_side_free(struct strobe_task_side *side)
{
    if (!side)
        return;
    strobe_tails_release(&side->tails);
    strobe_loopbusy_release(&side->busy);
    strobe_tasklanes_release(&side->lanes);
    strobe_await_release(&side->await);
    strobe_tasklook_free(side->look);
    strobe_htab_release(&side->known);
    strobe_htab_release(&side->owed);
    strobe_htab_release(&side->owed_before);
    free(side->stacks);
    free(side->ids);
    free(side->tasks);
    free(side);
}

void strobe_task_side_leave_out(struct strobe_task_side *side, uint64_t ns)
{
    if (side->last_ns)
        side->last_ns += ns;
}

uint64_t strobe_task_side_billed(const struct strobe_task_side *side)
{
    return side->last_ns;
}

void strobe_task_side_follow(struct strobe_task_side *side, uint64_t ns)
{
    side->last_ns = ns;
}

bool strobe_task_side_due(const struct strobe_task_side *side, uint64_t now)
{
    return now >= side->next_ns;
}

void strobe_task_side_visit(struct strobe_task_side *side, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    strobe_loopbusy_visit(&side->busy, mem, thread);
}

/* ---- stacks ---- */

static int resolve_frame(struct strobe_session *session, struct strobe_task_side *side, const struct strobe_raw_frame *raw)
{
    uint32_t id;
    int err;

    if (raw->code == STROBE_CODE_ELIDED)
        err = strobe_names_marker(session->names, "(frames left out)", &id);
    else if (raw->code == STROBE_CODE_UNREADABLE)
        err = strobe_names_marker(session->names, "(unreadable)", &id);
    else
        err = strobe_codes_resolve(side->target->codes, raw->code, (int64_t)raw->instr, &id);
    if (err == STROBE_ERR_MISSING)
        return 0; /* not set up yet */
    if (err)
        return err == STROBE_ERR_OBJECT ? STROBE_ERR_TORN : err;
    if (strobe_grow(&side->ids, &side->cap_ids, side->n_ids + 1, sizeof *side->ids))
        return STROBE_ERR_NOMEM;
    side->ids[side->n_ids++] = id;
    return 0;
}

static int stack_of(struct strobe_session *session, struct strobe_task_side *side, const struct strobe_task *task, uint32_t *ret)
{
    uint64_t *known = strobe_htab_get(&side->known, task->hash[0], task->hash[1]);
    struct task_stack stack = {side->n_ids, 0};
    int err = 0;

    if (known) {
        *ret = (uint32_t)*known;
        return 0;
    }
    for (uint32_t i = task->n_frames; !err && i-- > 0;)
        err = resolve_frame(session, side, &task->frames[i]);
    if (err) {
        side->n_ids = stack.first;
        return err;
    }
    stack.n = (uint32_t)(side->n_ids - stack.first);
    if (strobe_grow(&side->stacks, &side->cap_stacks, side->n_stacks + 1, sizeof *side->stacks) ||
        strobe_htab_put(&side->known, task->hash[0], task->hash[1], side->n_stacks))
        return STROBE_ERR_NOMEM;
    side->stacks[side->n_stacks] = stack;
    *ret = (uint32_t)side->n_stacks++;
    return 0;
}

/* Code objects are freed and their addresses used again: what was resolved is forgotten when one of them is another. */
static void forget_stale(struct strobe_task_side *side)
{
    uint64_t changes = strobe_tasklook_reader(side->look)->codes.changes;

    if (changes != side->changes)
        strobe_codes_flush(side->target->codes);
    if (changes == side->changes && side->epoch == strobe_codes_epoch(side->target->codes) && side->n_stacks < MAX_STACKS &&
        side->n_ids < MAX_IDS)
        return;
    strobe_htab_clear(&side->known);
    side->n_stacks = side->n_ids = 0;
    side->changes = changes;
    side->epoch = strobe_codes_epoch(side->target->codes);
}

/* ---- a tick ---- */

/* What a task is billed: the time since the tick before, and what it is owed of ticks in which it could not be read. */
static uint64_t due_to(struct strobe_task_side *side, uint64_t task, uint64_t weight_ns)
{
    uint64_t *owed = side->owed_before.count ? strobe_htab_get(&side->owed_before, task, 0) : NULL, ns = owed ? *owed : 0;

    if (owed)
        *owed = 0;
    side->owed_before_ns -= ns;
    return weight_ns + ns;
}

/* It could not be read, or what was read not be understood: it is owed this. */
static int owe(struct strobe_task_side *side, uint64_t task, uint64_t ns)
{
    side->owed_ns += ns;
    return strobe_htab_put(&side->owed, task, 0, ns);
}

/* The frames of --by into side->tasks[].root.  A task may end between its reading and that of its context: while it waited as it did at
 * the look before, it has the value that it had then. */
static int read_roots(struct strobe_task_side *side, const struct strobe_task_sample *sample)
{
    struct strobe_labels *labels = &side->target->labels;
    int err = 0;

    strobe_labels_begin_tasks(labels);
    for (uint32_t i = 0; !err && i < sample->n_tasks; i++) {
        side->tasks[i].root = 0;
        if (labels->n && sample->tasks[i].state != STROBE_TASK_DONE)
            err = strobe_labels_of_task(labels, &sample->tasks[i], &side->tasks[i].root);
    }
    return err;
}

static int prepare(struct strobe_session *session, struct strobe_task_side *side, const struct strobe_sample *threads,
                   const struct strobe_task_sample *sample, uint64_t weight_ns)
{
    int err;

    if (strobe_grow(&side->tasks, &side->cap_tasks, sample->n_tasks + 1, sizeof *side->tasks))
        return STROBE_ERR_NOMEM;
    if ((err = strobe_tails_begin(&side->tails, threads, sample)) || (err = strobe_loopbusy_begin(&side->busy, threads, sample)))
        return err;
    if ((err = read_roots(side, sample)))
        return err;
    for (uint32_t i = 0; i < sample->n_tasks; i++) {
        const struct strobe_task *task = &sample->tasks[i];
        struct strobe_await_task *to = &side->tasks[i];
        bool ready = strobe_loopbusy_is_ready(&side->busy, i);
        uint32_t stack = 0;

        *to = (struct strobe_await_task){.row = side->row, .root = to->root, .awaiters = sample->awaiters + task->first_awaiter,
                                         .n_awaiters = task->n_awaiters};
        if (task->state == STROBE_TASK_DONE)
            continue;
        err = stack_of(session, side, task, &stack);
        if (err == STROBE_ERR_NOMEM)
            return err;
        if (err) {
            session->stats.errors++;
            if ((err = owe(side, task->addr, due_to(side, task->addr, weight_ns))))
                return err;
            continue;
        }
        to->ns = due_to(side, task->addr, weight_ns);
        to->n_frames = side->stacks[stack].n;
        err = ready ? strobe_tails_ready(&side->tails, &to->tails, &to->n_tails)
                    : strobe_tails_of(&side->tails, i, &to->tails, &to->n_tails);
        if (err)
            return err;
        side->stats.task_ns += to->ns;
        side->stats.by_state[ready ? STROBE_TASK_READY : task->state] += to->ns;
    }
    /* side->ids has moved while it grew, and so have the sets of labels */
    for (uint32_t i = 0; i < sample->n_tasks; i++) {
        struct strobe_await_task *to = &side->tasks[i];
        uint64_t *stack = strobe_htab_get(&side->known, sample->tasks[i].hash[0], sample->tasks[i].hash[1]);

        if (stack && to->n_frames)
            to->frames = side->ids + side->stacks[*stack].first;
        to->root_frames = strobe_labels_frames(&side->target->labels, to->root, &to->n_root_frames);
    }
    return 0;
}

/* A row for each task that is billed; those that could not be read keep theirs. */
static int give_lanes(struct strobe_task_side *side, const struct strobe_task_sample *sample)
{
    const struct strobe_taskreader *reader = strobe_tasklook_reader(side->look);
    int err = 0;

    strobe_tasklanes_begin(&side->lanes);
    for (size_t i = 0; !err && i < reader->n_drafts; i++)
        if (reader->renumbered[i] == STROBE_NO_INDEX || side->tasks[reader->renumbered[i]].ns)
            err = strobe_tasklanes_keep(&side->lanes, reader->list.at[i].addr);
    for (uint32_t i = 0; !err && i < sample->n_tasks; i++)
        if (side->tasks[i].ns)
            err = strobe_tasklanes_row(&side->lanes, sample->tasks[i].addr, &side->tasks[i].row);
    return err;
}

/* Those that could not be read in this tick are owed it, but for those that had ended. */
static int note_dropped(struct strobe_task_side *side, uint64_t weight_ns)
{
    const struct strobe_taskreader *reader = strobe_tasklook_reader(side->look);
    struct strobe_htab turn;
    int err = 0;

    for (size_t i = 0; !err && i < reader->n_drafts; i++)
        if (reader->renumbered[i] == STROBE_NO_INDEX && reader->tasks[i].state != STROBE_TASK_DONE)
            err = owe(side, reader->list.at[i].addr, due_to(side, reader->list.at[i].addr, weight_ns));
    side->stats.unread_ns += side->owed_before_ns;
    turn = side->owed_before;
    side->owed_before = side->owed;
    side->owed_before_ns = side->owed_ns;
    side->owed = turn;
    side->owed_ns = 0;
    strobe_htab_clear(&side->owed);
    return err;
}

/* When the tasks are looked at next: as often as asked, unless the looks would take more than their budget. */
static void schedule(struct strobe_session *session, struct strobe_task_side *side, uint64_t start, uint64_t cost_ns)
{
    uint64_t least = session->opts.task_rate > 0 ? (uint64_t)(1e9 / session->opts.task_rate) : 0;

    if (side->stats.ticks == 2) /* the first look's caches were cold */
        side->cost_ns = cost_ns;
    else if (cost_ns > side->cost_ns) /* a step up or down each time: this settles at the median */
        side->cost_ns += side->cost_ns / 16 + 1;
    else
        side->cost_ns -= side->cost_ns / 16;
    if (!session->opts.task_rate && BUDGET * side->cost_ns > session->period_ns)
        least = BUDGET * side->cost_ns;
    if (session->opts.task_share > 0 && (double)side->cost_ns > session->opts.task_share * (double)least)
        least = (uint64_t)((double)side->cost_ns / session->opts.task_share);
    side->stats.slowed = side->stats.slowed || (!session->opts.task_rate && least > session->period_ns);
    /* The session's ticks come at random; every one that is late enough will do. */
    side->next_ns = least > session->period_ns ? start + least - session->period_ns / 2 : 0;
}

/* Tasks that have ended and are still listed have no time. */
static uint32_t count_alive(const struct strobe_task_sample *sample)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < sample->n_tasks; i++)
        n += sample->tasks[i].state != STROBE_TASK_DONE;
    return n;
}

int strobe_task_side_take(struct strobe_session *session, struct strobe_task_side *side, uint64_t now,
                          const struct strobe_sample **ret_threads)
{
    const struct strobe_task_sample *sample;
    uint64_t weight;
    int err = strobe_tasklook_take(side->look, ret_threads, &sample);

    if (err)
        return err;
    if (sample->passed || (sample->list_torn && side->n_torn++ < MAX_TORN)) { /* the next tick has this one's time too */
        if (!session->opts.task_rate)
            side->next_ns = now + BUDGET * (session->clock->now(session->clock) - now);
        return 0;
    }
    side->n_torn = 0;
    if (!side->has_row && !side->with_lanes) {
        err = strobe_agg_thread(session->opts.task_agg, side->target->pid, STROBE_AGG_NO_THREAD, 0, "tasks", &side->row);
        if (err)
            return err;
        side->has_row = true;
    }
    strobe_session_passed(session, sample->time_ns);
    weight = side->last_ns && sample->time_ns > side->last_ns ? sample->time_ns - side->last_ns : session->period_ns;
    side->last_ns = sample->time_ns;
    forget_stale(side);
    if ((err = prepare(session, side, *ret_threads, sample, weight)) ||
        (side->with_lanes && (err = give_lanes(side, sample))) ||
        (err = strobe_loopbusy_note(&side->busy, session->opts.blocks, side->target->pid, weight)) ||
        (err = strobe_await_bill(&side->await, side->tasks, sample->n_tasks, sample->time_ns)) || (err = note_dropped(side, weight)))
        return err;
    if (!side->stats.ticks)
        side->stats.from_ns = sample->time_ns - weight;
    side->stats.to_ns = sample->time_ns;
    side->stats.ticks++;
    side->stats.dropped += sample->n_dropped;
    side->stats.looked_ns += weight;
    side->n_alive = count_alive(sample);
    side->stats.samples += side->n_alive;
    schedule(session, side, now, session->clock->now(session->clock) - now);
    return 0;
}

uint32_t strobe_task_side_alive(const struct strobe_task_side *side)
{
    return side->n_alive;
}

void strobe_task_side_stats(const struct strobe_task_side *side, struct strobe_task_stats *sum)
{
    sum->ticks += side->stats.ticks;
    sum->looked_ns += side->stats.looked_ns;
    sum->samples += side->stats.samples;
    sum->dropped += side->stats.dropped;
    sum->slowed = sum->slowed || side->stats.slowed;
    sum->unread_ns += side->stats.unread_ns + side->owed_before_ns;
    sum->task_ns += side->stats.task_ns;
    for (int i = 0; i < STROBE_TASK_STATES; i++)
        sum->by_state[i] += side->stats.by_state[i];
    if (side->stats.ticks && (!sum->from_ns || side->stats.from_ns < sum->from_ns))
        sum->from_ns = side->stats.from_ns;
    if (side->stats.to_ns > sum->to_ns)
        sum->to_ns = side->stats.to_ns;
    if (side->cost_ns > sum->cost_ns)
        sum->cost_ns = side->cost_ns;
}
