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
#include "walk/walk.h"

enum {
    NAME_NS = 1000000000, /* thread names are asked for again this often, */
    NEW_NS = 20000000,    /* and where there was none: a thread that has just begun is listed before it has a name */
};

/* What is remembered of a thread from tick to tick, by its slot in the walker. */
struct strobe_thread_memo {
    uint64_t tstate, id;  /* whose memo this is */
    uint64_t named_ns;
    uint64_t epoch;       /* of the code cache, when leaf was found */
    uint64_t owed_ns;     /* of samples in which it could not be read: its next one has their time too */
    uint32_t agg_thread, root;
    uint32_t leaf;
    uint32_t labels;      /* of leaf */
    uint64_t work_id;     /* of a worker process: the call that it was in, */
    uint32_t work_labels; /* its labels, */
    unsigned work_asked;  /* how often its parent was asked for them */
    int32_t tid;          /* that it is known by; 0 = it had not begun to run, and had none */
    bool known, named, has_leaf;
};

void strobe_sampled_free(struct strobe_sampled *target)
{
    strobe_task_side_free(target->tasks);
    strobe_labels_release(&target->labels);
    strobe_callers_release(&target->callers);
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
    strobe_labels_init(&target->labels, target->mem, &target->layout, session->names, session->opts.labels, session->opts.n_labels);
    strobe_callers_init(&target->callers, target->mem, &target->layout, from->find_asyncio, from->find_ctx);
    strobe_snapshot_set_visitor(target->snap, visit, target);
    if (session->opts.process_roots) {
        strobe_buf_printf(&root, "process %d:\"%s\"", (int)target->pid, from->label ? from->label : "");
        err = root.failed ? STROBE_ERR_NOMEM : strobe_names_mark(session->names, STROBE_MARK_PROCESS, root.data, &target->process_root);
        strobe_buf_release(&root);
    }
    if (!err && session->opts.task_agg)
        err = strobe_task_side_new(session, target, from, &target->tasks);
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
    bool new_tid = memo->tid != thread->tid;
    int err = strobe_agg_thread(session->agg, target->pid, thread->tid ? thread->tid : -1 - (int32_t)thread->slot, thread->tstate_id, name,
                                &memo->agg_thread);

    memo->named_ns = target->last_ns;
    memo->tid = thread->tid;
    memo->named = memo->named || *name;
    if (err || !session->opts.thread_roots || (memo->known && !*name && !new_tid))
        return err;
    if (thread->tid)
        strobe_buf_printf(&root, "thread (%d)", (int)thread->tid);
    else
        strobe_buf_printf(&root, "thread (0x%llx)", (unsigned long long)thread->pthread);
    if (*name)
        strobe_buf_printf(&root, ": %s", name);
    err = root.failed ? STROBE_ERR_NOMEM : strobe_names_mark(session->names, STROBE_MARK_THREAD, root.data, &memo->root);
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

/* The first of these contexts that has labels says whose they are. */
static int labels_of_any(struct strobe_labels *labels, const uint64_t *contexts, size_t n, uint32_t *ret_set)
{
    int err = 0;

    for (size_t i = 0; i < n && !err && !*ret_set; i++)
        err = strobe_labels_of(labels, contexts[i], ret_set);
    return err;
}

/* Of the call of a pool in another process that this thread is in, as its worker process: what it has there.  Asked for at the call's first
 * samples. */
static int labels_of_work(struct strobe_session *session, struct strobe_sampled *target, const struct strobe_thread *thread,
                          struct strobe_thread_memo *memo, uint32_t *ret_set)
{
    enum { ASKED = 3 };
    uint64_t contexts[STROBE_CALLERS_MAX], work_id;
    const uint32_t *frames;
    uint32_t set = 0, n;
    int err = 0;

    if (session->n_targets < 2 || !strobe_callers_work_id(&target->callers, thread, &work_id))
        return 0;
    if (!memo->work_asked || memo->work_id != work_id) {
        memo->work_id = work_id;
        memo->work_labels = memo->work_asked = 0;
    }
    for (size_t i = 0; i < session->n_targets && !err && !memo->work_labels && memo->work_asked < ASKED; i++) {
        struct strobe_sampled *parent = session->targets[i];
        size_t found = parent == target ? 0 : strobe_callers_of_process(&parent->callers, target->pid, work_id, contexts);

        if (!found)
            continue;
        strobe_labels_begin(&parent->labels); /* its memory was read anew */
        err = labels_of_any(&parent->labels, contexts, found, &set);
        frames = strobe_labels_frames(&parent->labels, set, &n);
        if (!err && n)
            err = strobe_labels_adopt(&target->labels, frames, n, &memo->work_labels);
    }
    memo->work_asked += memo->work_asked < ASKED;
    *ret_set = memo->work_labels;
    return err;
}

/* The labels of a thread: of its own context; of a worker's, of those for whom it works. */
static int labels_of(struct strobe_session *session, struct strobe_sampled *target, const struct strobe_thread *thread,
                     const struct strobe_thread *second, struct strobe_thread_memo *memo, uint32_t *ret_set)
{
    uint64_t contexts[STROBE_CALLERS_MAX];
    int err = 0;

    *ret_set = 0;
    if (!target->labels.n)
        return 0;
    if (memo->has_leaf && memo->labels && thread->flags & STROBE_THREAD_SAME && !second) { /* it has not run */
        *ret_set = memo->labels;
        return 0;
    }
    if (!strobe_callers_inherited(&target->callers, thread))
        err = labels_of_any(&target->labels, &thread->context, 1, ret_set);
    if (!err && !*ret_set && second)
        err = labels_of_any(&target->labels, &second->context, 1, ret_set);
    if (!err && !*ret_set)
        err = labels_of_any(&target->labels, contexts, strobe_callers_of_thread(&target->callers, thread, contexts), ret_set);
    if (!err && !*ret_set)
        err = labels_of_work(session, target, thread, memo, ret_set);
    return err;
}

static int count_thread(struct strobe_session *session, struct strobe_sampled *target, const struct strobe_sample *sample, uint32_t at,
                        uint64_t weight_ns)
{
    const struct strobe_thread *thread = &sample->threads[at], *second;
    struct strobe_thread_memo *memo;
    uint32_t roots[2 + STROBE_LABELS_FRAMES], n_roots = 0, flags, inner, labels = 0, n_labels;
    uint64_t epoch = strobe_codes_epoch(target->codes);
    const uint32_t *label_frames;
    bool is_inner;
    int err = 0;

    second = second_stack(sample, at, &is_inner);
    flags = thread->flags | (second ? second->flags : 0);
    if (is_inner || !thread->n_frames || (err = memo_of(target, thread->slot, &memo)))
        return err;
    if (memo->tstate != thread->tstate || memo->id != thread->tstate_id)
        *memo = (struct strobe_thread_memo){.tstate = thread->tstate, .id = thread->tstate_id};
    weight_ns += memo->owed_ns;
    if (!wanted(session, flags)) {
        memo->owed_ns = 0;
        memo->has_leaf = memo->has_leaf && thread->flags & STROBE_THREAD_SAME; /* else: its stack is another by now */
        return 0;
    }
    inner = flags & STROBE_THREAD_GC ? session->gc_marker : 0;
    if (!memo->known || memo->tid != thread->tid || sample->time_ns - memo->named_ns > (memo->named ? NAME_NS : NEW_NS)) {
        if ((err = know_thread(session, target, thread, memo)))
            return err;
        memo->has_leaf = memo->has_leaf && !session->opts.thread_roots;
        memo->known = true;
    }
    if ((err = labels_of(session, target, thread, second, memo, &labels)))
        return err;
    if (!(memo->has_leaf && thread->flags & STROBE_THREAD_SAME && memo->epoch == epoch && memo->labels == labels && !inner && !second)) {
        if (target->process_root)
            roots[n_roots++] = target->process_root;
        if (session->opts.thread_roots)
            roots[n_roots++] = memo->root;
        label_frames = strobe_labels_frames(&target->labels, labels, &n_labels);
        for (uint32_t i = 0; i < n_labels; i++)
            roots[n_roots++] = label_frames[i];
        memo->has_leaf = false;
        err = strobe_stackids_leaf(&target->ids, roots, n_roots, thread, second, inner, stamp_of(target, target->asked_ns), &memo->leaf);
        if (err)
            return err;
        memo->has_leaf = !inner && !second;
        memo->epoch = strobe_codes_epoch(target->codes);
        memo->labels = labels;
    }
    err = strobe_agg_add(session->agg, memo->agg_thread, memo->leaf, sample->time_ns, weight_ns);
    if (!err) {
        memo->owed_ns = 0;
        session->stats.samples++;
    }
    return err;
}

/* A thread that changed while it was read ran: it loses no time by that. */
static void owe(struct strobe_sampled *target, const struct strobe_thread *thread, uint64_t weight_ns)
{
    struct strobe_thread_memo *memo = thread->slot < target->n_memos ? &target->memos[thread->slot] : NULL;

    if (memo && memo->tstate == thread->tstate && memo->id == thread->tstate_id)
        memo->owed_ns += weight_ns;
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

static void begin_callers(struct strobe_sampled *target, const struct strobe_sample *sample)
{
    const struct strobe_walk *walk = strobe_snapshot_walk(target->snap);

    strobe_callers_begin(&target->callers, sample, walk->n_interps ? walk->interps[0].addr : 0);
}

int strobe_sampled_take(struct strobe_session *session, struct strobe_sampled *target, uint64_t now)
{
    const struct strobe_sample *sample;
    uint64_t weight;
    int err;

    if (!strobe_sampled_due(target, session, now))
        return 0;
    strobe_stackids_clear(&target->ids);
    strobe_labels_begin(&target->labels);
    target->callers.threads = NULL; /* until there are new ones */
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
    if (target->labels.n)
        begin_callers(target, sample);
    strobe_session_passed(session, sample->time_ns);
    weight = weight_of(session, target, sample->time_ns);
    for (uint32_t i = 0; i < sample->n_threads; i++) {
        const struct strobe_thread *thread = &sample->threads[i];

        err = thread->error ? STROBE_ERR_TORN : count_thread(session, target, sample, i, weight);
        if (err == STROBE_ERR_TORN || err == STROBE_ERR_FAULT) {
            session->stats.errors++;
            owe(target, thread, weight);
            continue;
        }
        if (err)
            return err;
    }
    return 0;
}
