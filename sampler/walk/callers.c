/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/callers.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"
#include "walk/pools.h"

enum {
    END = 8,             /* frames at the outer end of a stack: a pool's thread is in _worker() in the fourth */
    MAX_DEPTH = 128,     /* among which a worker process's is looked for */
    BELIEVED = 32,       /* samples */
    RESULT_DEPTH = 4,    /* at the inner end, result()'s: inside of it is Condition.wait() */
    MAX_CALLBACKS = 16,  /* that are looked at, of one future: the first ones */
};

void strobe_callers_init(struct strobe_callers *c, struct strobe_mem *mem, const struct strobe_layout *lay,
                         int (*find)(void *ctx, struct strobe_mem *mem, uint64_t *ret_table), void *find_ctx)
{
    *c = (struct strobe_callers){.mem = mem, .lay = lay, .find = find, .find_ctx = find_ctx};
    strobe_roles_init(&c->roles, mem, lay);
    strobe_coderoles_init(&c->codes, mem, lay);
    if (!strobe_aio_layout_has_table(lay))
        c->has_aio = !strobe_aio_layout_init(mem, lay, 0, &c->aio, NULL);
}

void strobe_callers_release(struct strobe_callers *c)
{
    strobe_roles_release(&c->roles);
    strobe_coderoles_release(&c->codes);
    free(c->memos);
    c->memos = NULL;
    c->n_memos = 0;
}

/* sys.flags.thread_inherit_context, where there is such a flag. */
static void ask_inherits(struct strobe_callers *c, uint64_t interp)
{
    uint64_t dict, flags, value;
    int64_t number;
    int err;

    if (strobe_py_module_dict(c->mem, c->lay, interp, "sys", &dict) || strobe_py_dict_get(c->mem, c->lay, dict, "flags", &flags))
        return;
    err = strobe_py_slot(c->mem, c->lay, flags, "thread_inherit_context", &value);
    c->inherits = !err && !strobe_py_int(c->mem, c->lay, value, &number) && number;
    c->asked = !err || err == STROBE_ERR_MISSING;
}

void strobe_callers_begin(struct strobe_callers *c, const struct strobe_sample *threads, uint64_t interp)
{
    if (!c->asked && interp)
        ask_inherits(c, interp);
    strobe_roles_begin(&c->roles);
    strobe_coderoles_begin(&c->codes);
    c->threads = threads;
    c->listed = false;
}

/* ---- frames ---- */

static const struct strobe_code_entry *with_role(struct strobe_callers *c, const struct strobe_raw_frame *frame, enum strobe_code_role role)
{
    const struct strobe_code_entry *code = strobe_coderoles_get(&c->codes, frame->code);

    return code && code->role == role ? code : NULL;
}

/* The frames that a thread's stack begins with: threading's, and what runs the worker. */
static struct strobe_callers_memo look_at_end(struct strobe_callers *c, const struct strobe_thread *thread, uint64_t key)
{
    struct strobe_callers_memo memo = {.key = key, .role = STROBE_CODE_PLAIN};

    for (uint16_t i = 0; i < END && i < thread->n_frames; i++) {
        const struct strobe_code_entry *code = strobe_coderoles_get(&c->codes, thread->frames[thread->n_frames - 1 - i].code);

        if (!code)
            memo.key = 0; /* to be read once more */
        else if (code->role == STROBE_CODE_WORKER || code->role == STROBE_CODE_MANAGER)
            memo.role = code->role, memo.at = i;
    }
    return memo;
}

static uint64_t key_of_end(const struct strobe_thread *thread)
{
    uint64_t words[2 * END + 1] = {thread->tstate};
    size_t n = 1;

    for (uint32_t i = 0; i < END && i < thread->n_frames; i++) {
        words[n++] = thread->frames[thread->n_frames - 1 - i].code;
        words[n++] = thread->frames[thread->n_frames - 1 - i].frame;
    }
    return strobe_hash_bytes(words, n * sizeof words[0], 0) | 1;
}

/* The frame with that role at the outer end: a thread pool's worker, a manager. */
static const struct strobe_raw_frame *find_frame(struct strobe_callers *c, const struct strobe_thread *thread, enum strobe_code_role role,
                                                 const struct strobe_code_entry **ret_code)
{
    uint64_t key = key_of_end(thread);
    size_t before = c->n_memos;
    struct strobe_callers_memo memo;

    if (strobe_grow(&c->memos, &c->n_memos, (size_t)thread->slot + 1, sizeof *c->memos)) {
        memo = look_at_end(c, thread, key);
    } else {
        memset(c->memos + before, 0, (c->n_memos - before) * sizeof *c->memos);
        if (c->memos[thread->slot].key != key)
            c->memos[thread->slot] = look_at_end(c, thread, key);
        memo = c->memos[thread->slot];
    }
    if (memo.role != role || memo.at >= thread->n_frames)
        return NULL;
    *ret_code = with_role(c, &thread->frames[thread->n_frames - 1 - memo.at], role);
    return *ret_code ? &thread->frames[thread->n_frames - 1 - memo.at] : NULL;
}

/* The innermost frame of a worker process's loop: outside of it a forked one has those of its parent.  Most frames have no role; that is
 * believed for a time. */
static const struct strobe_raw_frame *find_process_worker(struct strobe_callers *c, const struct strobe_thread *thread,
                                                          const struct strobe_code_entry **ret_code)
{
    uint32_t i = thread->n_frames > MAX_DEPTH ? thread->n_frames - MAX_DEPTH : 0;

    for (; i < thread->n_frames; i++) {
        const struct strobe_code_entry *known = strobe_coderoles_known(&c->codes, thread->frames[i].code);

        if (known && known->checked && c->codes.sample - known->checked < BELIEVED && known->role != STROBE_CODE_PROCESS_WORKER)
            continue;
        if ((*ret_code = with_role(c, &thread->frames[i], STROBE_CODE_PROCESS_WORKER)))
            return &thread->frames[i];
    }
    return NULL;
}

static uint64_t local(struct strobe_callers *c, const struct strobe_raw_frame *frame, const struct strobe_code_entry *code, int which)
{
    return strobe_pools_local(c->mem, c->lay, frame, code, which);
}

/* The word of a local as it is now, past every cache; 0 when it cannot be read. */
static uint64_t local_now(struct strobe_callers *c, const struct strobe_raw_frame *frame, const struct strobe_code_entry *code, int which)
{
    uint64_t word;
    struct strobe_mem_seg seg = {frame->frame + c->lay->fr_localsplus + 8 * (uint64_t)code->slot[which], &word, sizeof word};

    return strobe_mem_readv(c->mem, &seg, 1) ? 0 : strobe_py_untag(c->lay, word);
}

/* ---- futures ---- */

struct contexts {
    uint64_t *at; /* STROBE_CALLERS_MAX of them */
    size_t n;
};

static void add(struct contexts *found, uint64_t context)
{
    if (context && found->n < STROBE_CALLERS_MAX)
        found->at[found->n++] = context;
}

/* Of a list of (callback, context). */
static void of_list(struct strobe_callers *c, uint64_t list, struct contexts *found)
{
    uint64_t pairs[MAX_CALLBACKS], pair[2];
    size_t n, width;

    if (!list || strobe_py_items(c->mem, c->lay, list, pairs, MAX_CALLBACKS, &n))
        return;
    for (size_t i = 0; i < n && i < MAX_CALLBACKS; i++)
        if (!strobe_py_items(c->mem, c->lay, pairs[i], pair, 2, &width) && width == 2)
            add(found, pair[1]);
}

static bool knows_futures(struct strobe_callers *c)
{
    uint64_t table;

    if (!c->has_aio && c->find && !c->find(c->find_ctx, c->mem, &table))
        c->has_aio = !strobe_aio_layout_init(c->mem, c->lay, table, &c->aio, NULL);
    return c->has_aio;
}

static void of_asyncio_future(struct strobe_callers *c, uint64_t future, struct contexts *found)
{
    enum strobe_role role = strobe_roles_of(&c->roles, future);
    uint64_t context, list;

    if (role == STROBE_ROLE_PY_FUTURE || role == STROBE_ROLE_PY_TASK) {
        if (!strobe_py_attr(c->mem, c->lay, future, "_callbacks", &list))
            of_list(c, list, found);
    } else if (strobe_role_is_future(role) && knows_futures(c)) {
        if (!strobe_mem_u64(c->mem, future + c->aio.fut_context0, &context))
            add(found, context);
        if (!strobe_mem_u64(c->mem, future + c->aio.fut_callbacks, &list))
            of_list(c, list, found);
    }
}

/* Threads in result(), and those that manage pools of processes. */
static void list_threads(struct strobe_callers *c)
{
    const struct strobe_code_entry *code = NULL;

    c->listed = true;
    c->n_waiting = c->n_managers = 0;
    for (uint32_t t = 0; c->threads && t < c->threads->n_threads; t++) {
        const struct strobe_thread *thread = &c->threads->threads[t];
        const struct strobe_raw_frame *frame;

        for (uint32_t i = 0; i < thread->n_frames && i < RESULT_DEPTH && c->n_waiting < STROBE_CALLERS_WAITING; i++) {
            if (!(code = with_role(c, &thread->frames[i], STROBE_CODE_RESULT)))
                continue;
            c->waiting[c->n_waiting].future = local(c, &thread->frames[i], code, 0);
            c->waiting[c->n_waiting].context = thread->context;
            c->n_waiting += c->waiting[c->n_waiting].future != 0;
        }
        if (c->n_managers < STROBE_CALLERS_MANAGERS && (frame = find_frame(c, thread, STROBE_CODE_MANAGER, &code)))
            c->managers[c->n_managers++] = *frame;
    }
}

/* The asyncio future to which a callback of a concurrent one passes the result on; 0 = it is no such callback. */
static uint64_t passed_on_to(struct strobe_callers *c, uint64_t callback)
{
    const struct strobe_code_entry *entry;
    uint64_t code, future;

    if (strobe_roles_of(&c->roles, callback) != STROBE_ROLE_FUNCTION || strobe_mem_u64(c->mem, callback + c->lay->func_code, &code) ||
        !(entry = strobe_coderoles_get(&c->codes, code)) || entry->role != STROBE_CODE_CHAINS_BACK || entry->slot[0] < 0 ||
        strobe_py_closure(c->mem, c->lay, callback, (size_t)entry->slot[0], &future))
        return 0;
    return future;
}

static void of_concurrent_future(struct strobe_callers *c, uint64_t future, struct contexts *found)
{
    uint64_t list, callbacks[MAX_CALLBACKS];
    size_t n = 0;

    if (strobe_py_attr(c->mem, c->lay, future, "_done_callbacks", &list) ||
        strobe_py_items(c->mem, c->lay, list, callbacks, MAX_CALLBACKS, &n))
        n = 0;
    for (size_t i = 0; i < n && i < MAX_CALLBACKS; i++)
        if ((list = passed_on_to(c, callbacks[i])))
            of_asyncio_future(c, list, found);
    if (!found->n && !c->listed)
        list_threads(c);
    for (uint32_t i = 0; c->listed && !found->n && i < c->n_waiting; i++)
        if (c->waiting[i].future == future)
            add(found, c->waiting[i].context);
}

/* ---- calls ---- */

size_t strobe_callers_of_thread(struct strobe_callers *c, const struct strobe_thread *thread, uint64_t ret[STROBE_CALLERS_MAX])
{
    const struct strobe_code_entry *code = NULL;
    const struct strobe_raw_frame *frame = find_frame(c, thread, STROBE_CODE_WORKER, &code);
    struct contexts found = {ret, 0};
    uint64_t item = frame ? local(c, frame, code, 2) : 0, future;

    if (!item || strobe_py_attr(c->mem, c->lay, item, "future", &future))
        return 0;
    of_concurrent_future(c, future, &found);
    /* Else it may have been read in parts, of two calls. */
    return local_now(c, frame, code, 2) == item ? found.n : 0;
}

bool strobe_callers_inherited(struct strobe_callers *c, const struct strobe_thread *thread)
{
    const struct strobe_code_entry *code;
    uint64_t before;

    return c->inherits && thread->context && find_frame(c, thread, STROBE_CODE_WORKER, &code) &&
           !strobe_mem_u64(c->mem, thread->context + c->lay->context_prev, &before) && !before;
}

bool strobe_callers_work_id(struct strobe_callers *c, const struct strobe_thread *thread, uint64_t *ret_work_id)
{
    const struct strobe_code_entry *code = NULL;
    const struct strobe_raw_frame *frame = find_process_worker(c, thread, &code);
    uint64_t item = frame ? local(c, frame, code, 0) : 0, value;
    int64_t work_id;

    if (!item || strobe_py_attr(c->mem, c->lay, item, "work_id", &value) || strobe_py_int(c->mem, c->lay, value, &work_id))
        return false;
    *ret_work_id = (uint64_t)work_id;
    return true;
}

size_t strobe_callers_of_process(struct strobe_callers *c, int32_t pid, uint64_t work_id, uint64_t ret[STROBE_CALLERS_MAX])
{
    struct contexts found = {ret, 0};
    uint64_t future;

    if (!c->listed)
        list_threads(c);
    if (c->n_managers) /* the call may be younger than what was read */
        strobe_mem_epoch(c->mem);
    for (uint32_t i = 0; i < c->n_managers && !found.n; i++) {
        const struct strobe_code_entry *code = strobe_coderoles_get(&c->codes, c->managers[i].code);

        if (code && code->role == STROBE_CODE_MANAGER &&
            !strobe_pool_process_call(c->mem, c->lay, &c->managers[i], code, pid, work_id, &future))
            of_concurrent_future(c, future, &found);
    }
    return found.n;
}
