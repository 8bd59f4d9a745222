/* SPDX-License-Identifier: Apache-2.0 */
/* One target of a session: sample -> names -> aggregate, and what each thread weighs. */
#include "session_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/grow.h"
#include "session_tasks.h"

enum { NAME_NS = 1000000000 }; /* thread names are asked for again this often */

/* What is remembered of a thread from tick to tick, by its slot in the walker. */
struct strobe_thread_memo {
    uint64_t tstate, id;  /* whose memo this is */
    uint64_t named_ns;
    uint64_t epoch;       /* of the code cache, when leaf was found */
    uint32_t agg_thread, root;
    uint32_t leaf;
    bool known, has_leaf;
};

void strobe_sampled_free(struct strobe_sampled *target)
{
    strobe_task_side_free(target->tasks);
    strobe_stackids_release(&target->ids);
    strobe_codes_free(target->codes);
    strobe_snapshot_free(target->snap);
    free(target->memos);
    if (target->host)
        target->host->ops->close(target->host);
    strobe_mem_close(target->mem);
    free(target);
}

/* When may a stack that was verified before be believed?  While no code object was freed, or, where the interpreter does not count
 * that, within the same millisecond. */
static uint64_t stamp_of(const struct strobe_sampled *target, uint64_t now_ns)
{
    return target->layout.in_code_generation != STROBE_NONE ? strobe_snapshot_code_generation(target->snap) + 1 : now_ns >> 20;
}

static void visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    struct strobe_sampled *target = ctx;

    strobe_stackids_visit(&target->ids, thread, stamp_of(target, target->asked_ns));
    if (target->tasks)
        strobe_task_side_visit(target->tasks, mem, thread);
}

static int init_target(struct strobe_session *session, struct strobe_sampled *target, const struct strobe_session_target *from)
{
    struct strobe_snapshot_opts opts = {.mode = session->opts.mode};
    struct strobe_buf root = STROBE_BUF_INIT;
    int err;

    if ((err = strobe_snapshot_new(target->mem, target->host, &target->layout, session->clock, &opts, &target->snap)) ||
        (err = strobe_codes_new(target->mem, &target->layout, session->names, &target->codes)) ||
        (err = strobe_stackids_init(&target->ids, target->codes, session->names, session->agg)))
        return err;
    strobe_codes_set_line_mode(target->codes, session->opts.lines);
    strobe_snapshot_set_visitor(target->snap, visit, target);
    if (session->opts.process_roots) {
        strobe_buf_printf(&root, "process %d:\"%s\"", (int)target->pid, from->label ? from->label : "");
        err = root.failed ? STROBE_ERR_NOMEM : strobe_names_marker(session->names, root.data, &target->process_root);
        strobe_buf_release(&root);
    }
    if (!err && session->opts.task_agg)
        err = strobe_task_side_new(session, target, from->find_asyncio, from->find_ctx, &target->tasks);
    return err;
}

int strobe_sampled_new(struct strobe_session *session, const struct strobe_session_target *from, struct strobe_sampled **ret_target)
{
    struct strobe_sampled *target = calloc(1, sizeof *target);
    int err;

    if (!target)
        return STROBE_ERR_NOMEM;
    target->mem = from->mem;
    target->host = from->host;
    target->layout = *from->layout;
    target->pid = from->pid;
    target->readable_ns = session->clock->now(session->clock);
    err = init_target(session, target, from);
    if (err) {
        target->mem = NULL; /* still the caller's */
        target->host = NULL;
        strobe_sampled_free(target);
        return err;
    }
    *ret_target = target;
    return 0;
}

static int memo_of(struct strobe_sampled *target, uint32_t slot, struct strobe_thread_memo **ret_memo)
{
    size_t before = target->n_memos;

    if (strobe_grow(&target->memos, &target->n_memos, (size_t)slot + 1, sizeof *target->memos))
        return STROBE_ERR_NOMEM;
    if (target->n_memos > before)
        memset(target->memos + before, 0, (target->n_memos - before) * sizeof *target->memos);
    *ret_memo = &target->memos[slot];
    return 0;
}

/* Registers a thread with the aggregate and makes its root frame; again now and then, because names come and change. */
static int know_thread(struct strobe_session *session, struct strobe_sampled *target, const struct strobe_thread *thread,
                       struct strobe_thread_memo *memo)
{
    struct strobe_buf root = STROBE_BUF_INIT;
    const char *name = strobe_snapshot_thread_name(target->snap, thread);
    int err = strobe_agg_thread(session->agg, target->pid, thread->tid ? thread->tid : -1 - (int32_t)thread->slot, thread->tstate_id, name,
                                &memo->agg_thread);

    memo->named_ns = target->last_ns;
    if (err || !session->opts.thread_roots || (memo->known && !*name))
        return err;
    if (thread->tid)
        strobe_buf_printf(&root, "thread (%d)", (int)thread->tid);
    else
        strobe_buf_printf(&root, "thread (0x%llx)", (unsigned long long)thread->pthread);
    if (*name)
        strobe_buf_printf(&root, ": %s", name);
    err = root.failed ? STROBE_ERR_NOMEM : strobe_names_marker(session->names, root.data, &memo->root);
    strobe_buf_release(&root);
    return err;
}

static bool wanted(const struct strobe_session *session, uint32_t flags)
{
    if (session->opts.gil_only)
        return flags & STROBE_THREAD_GIL;
    return session->opts.idle || flags & (STROBE_THREAD_ACTIVE | STROBE_THREAD_GIL_WAIT);
}

/* One OS thread may have a thread state in several interpreters: of those with frames, the later ones in the sample run inside the
 * first.  The second stack of this thread, or NULL; *ret_inner: this one is not the first, and is counted with that. */
static const struct strobe_thread *second_stack(const struct strobe_sample *sample, uint32_t at, bool *ret_inner)
{
    const struct strobe_thread *thread = &sample->threads[at], *second = NULL;

    *ret_inner = false;
    if (!thread->tid || sample->threads[sample->n_threads - 1].interp == sample->threads[0].interp)
        return NULL;
    for (uint32_t i = 0; i < sample->n_threads; i++) {
        const struct strobe_thread *other = &sample->threads[i];

        if (i == at || other->tid != thread->tid || !other->n_frames)
            continue;
        if (i < at)
            *ret_inner = true;
        else if (!second)
            second = other;
    }
    return second;
}

static int count_thread(struct strobe_session *session, struct strobe_sampled *target, const struct strobe_sample *sample, uint32_t at,
                        uint64_t weight_ns)
{
    const struct strobe_thread *thread = &sample->threads[at], *second;
    struct strobe_thread_memo *memo;
    uint32_t roots[2], n_roots = 0, flags, inner;
    uint64_t epoch = strobe_codes_epoch(target->codes);
    bool is_inner;
    int err = 0;

    second = second_stack(sample, at, &is_inner);
    flags = thread->flags | (second ? second->flags : 0);
    if (is_inner || !thread->n_frames || (err = memo_of(target, thread->slot, &memo)))
        return err;
    if (!wanted(session, flags)) {
        memo->has_leaf = memo->has_leaf && thread->flags & STROBE_THREAD_SAME; /* else: its stack is another by now */
        return 0;
    }
    inner = flags & STROBE_THREAD_GC ? session->gc_marker : 0;
    if (memo->tstate != thread->tstate || memo->id != thread->tstate_id)
        *memo = (struct strobe_thread_memo){.tstate = thread->tstate, .id = thread->tstate_id};
    if (!memo->known || sample->time_ns - memo->named_ns > NAME_NS) {
        if ((err = know_thread(session, target, thread, memo)))
            return err;
        memo->has_leaf = memo->has_leaf && !session->opts.thread_roots;
        memo->known = true;
    }
    if (!(memo->has_leaf && thread->flags & STROBE_THREAD_SAME && memo->epoch == epoch && !inner && !second)) {
        if (target->process_root)
            roots[n_roots++] = target->process_root;
        if (session->opts.thread_roots)
            roots[n_roots++] = memo->root;
        memo->has_leaf = false;
        err = strobe_stackids_leaf(&target->ids, roots, n_roots, thread, second, inner, stamp_of(target, target->asked_ns), &memo->leaf);
        if (err)
            return err;
        memo->has_leaf = !inner && !second;
        memo->epoch = strobe_codes_epoch(target->codes);
    }
    err = strobe_agg_add(session->agg, memo->agg_thread, memo->leaf, sample->time_ns, weight_ns);
    if (!err)
        session->stats.samples++;
    return err;
}

/* What this sample weighs: the real time since the one before. */
static uint64_t weight_of(struct strobe_session *session, struct strobe_sampled *target, uint64_t now)
{
    uint64_t weight = target->last_ns && now > target->last_ns ? now - target->last_ns : session->period_ns;

    target->last_ns = now;
    return weight;
}

bool strobe_sampled_due(const struct strobe_sampled *target, const struct strobe_session *session, uint64_t now)
{
    return !target->tasks || !session->opts.only_tasks || strobe_task_side_due(target->tasks, now);
}

int strobe_sampled_take(struct strobe_session *session, struct strobe_sampled *target, uint64_t now)
{
    const struct strobe_sample *sample;
    uint64_t weight;
    int err;

    if (!strobe_sampled_due(target, session, now))
        return 0;
    strobe_stackids_clear(&target->ids);
    target->asked_ns = now;
    if (target->tasks && strobe_task_side_due(target->tasks, now))
        err = strobe_task_side_take(session, target->tasks, now, &sample);
    else
        err = strobe_snapshot_take(target->snap, &sample);
    if (err)
        return err;
    target->readable_ns = sample->time_ns;
    if (session->opts.only_tasks)
        return 0;
    strobe_stackids_begin(&target->ids);
    strobe_session_passed(session, sample->time_ns);
    weight = weight_of(session, target, sample->time_ns);
    for (uint32_t i = 0; i < sample->n_threads; i++) {
        const struct strobe_thread *thread = &sample->threads[i];

        if (thread->error) {
            session->stats.errors++;
            continue;
        }
        err = count_thread(session, target, sample, i, weight);
        if (err == STROBE_ERR_TORN || err == STROBE_ERR_FAULT) {
            session->stats.errors++;
            continue;
        }
        if (err)
            return err;
    }
    return 0;
}
