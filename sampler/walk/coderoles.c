/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/coderoles.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"

enum {
    MAX_SLOTS = 4096,    /* locals of one frame */
    MAX_NAMES = 64,      /* locals whose names are looked at */
    MAX_PATH = 512,
};

/* co_localspluskinds: Include/internal/pycore_code.h */
enum { FAST_FREE = 0x80 };

/* co_flags: Include/cpython/code.h */
enum { CO_COROUTINES = 0x80 | 0x100 | 0x200 }; /* coroutine, iterable coroutine, asynchronous generator */

/* A file of the libraries that strobe knows, by the end of its path, and a function in it (NULL = any). */
struct known {
    const char *file, *name;
    enum strobe_code_role role;
    enum strobe_wait_kind kind;
    const char *how;
    bool outer_wins;
    const char *locals[STROBE_CODE_SLOTS];
};

#define BY_SELF(file, name) {file, name, STROBE_CODE_BY_SELF, STROBE_WAIT_FUTURE, NULL, false, {"self"}}
#define BY_SELF_OUTER(file, name) {file, name, STROBE_CODE_BY_SELF, STROBE_WAIT_FUTURE, NULL, true, {"self"}}
#define WAITS(file, name, kind, ...) {file, name, STROBE_CODE_WAITS, STROBE_WAIT_##kind, NULL, false, {__VA_ARGS__}}
#define OUTER(file, name, kind, ...) {file, name, STROBE_CODE_WAITS, STROBE_WAIT_##kind, NULL, true, {__VA_ARGS__}}
#define TASKS(file, name, how, ...) {file, name, STROBE_CODE_WAITS, STROBE_WAIT_TASKS, how, false, {__VA_ARGS__}}
#define TASKS_OUTER(file, name, how, ...) {file, name, STROBE_CODE_WAITS, STROBE_WAIT_TASKS, how, true, {__VA_ARGS__}}
#define CALLBACK(file, name, role, ...) {file, name, STROBE_CODE_##role, STROBE_WAIT_FUTURE, NULL, false, {__VA_ARGS__}}
#define WORKS(file, name, role, ...) {file, name, STROBE_CODE_##role, STROBE_WAIT_FUTURE, NULL, false, {__VA_ARGS__}}
#define THROUGH(file, name) {file, name, STROBE_CODE_THROUGH, STROBE_WAIT_FUTURE, NULL, false, {NULL}}

/* CPython: Lib/asyncio of each version; anyio 3 and 4.  The first local is the object that is waited for. */
static const struct known known[] = {
    /* callbacks */
    CALLBACK("asyncio/tasks.py", "_done_callback", WAKES, "outer"), /* gather() */
    CALLBACK("asyncio/tasks.py", "_on_completion", WAKES, "waiter", "done"), /* wait(); as_completed() up to 3.12 */
    CALLBACK("asyncio/tasks.py", "_inner_done_callback", WAKES, "outer"),   /* shield() */
    {"asyncio/tasks.py", "_outer_done_callback", STROBE_CODE_SHIELDS, STROBE_WAIT_FUTURE, "shield", false, {NULL}},
    CALLBACK("asyncio/tasks.py", "__wakeup", WAKES_TASK, NULL),             /* Task in Python */
    CALLBACK("asyncio/tasks.py", "_handle_completion", WAKES_TAKER, NULL),  /* as_completed() */
    CALLBACK("asyncio/taskgroups.py", "_on_task_done", WAKES_GROUP, NULL),
    CALLBACK("anyio/_backends/_asyncio.py", "task_done", WAKES_GROUP, "self"),
    CALLBACK("asyncio/futures.py", "_call_check_cancel", CHAINS, "source"), /* on the asyncio future of run_in_executor() */
    CALLBACK("asyncio/futures.py", "_call_set_state", CHAINS_BACK, "destination"), /* run_coroutine_threadsafe() */
    CALLBACK("asyncio/tasks.py", "callback", BEGINS, "future"),                    /* likewise, until the loop comes to it */
    /* frames */
    BY_SELF("asyncio/locks.py", "acquire"),
    BY_SELF("asyncio/locks.py", "wait"),
    BY_SELF_OUTER("asyncio/locks.py", "_block"), /* Barrier: the Condition inside of it is its own */
    BY_SELF_OUTER("asyncio/locks.py", "_wait"),
    WAITS("asyncio/queues.py", "get", QUEUE_GET, "self"),
    WAITS("asyncio/queues.py", "put", QUEUE_PUT, "self"),
    OUTER("asyncio/queues.py", "join", QUEUE_JOIN, "self"), /* waits for the Event _finished */
    WAITS("asyncio/tasks.py", "sleep", SLEEP, "h", "future"),
    TASKS("asyncio/tasks.py", "_wait", "wait"),
    TASKS_OUTER("asyncio/tasks.py", "_wait_for_one", "as_completed"),
    TASKS("asyncio/tasks.py", "wait_for", "wait_for", "waiter"), /* from 3.12 on it has no such local and awaits in its own task */
    TASKS("asyncio/tasks.py", "_cancel_and_wait", "wait_for", "waiter"),
    TASKS("asyncio/taskgroups.py", "__aexit__", "TaskGroup"),
    TASKS("asyncio/taskgroups.py", "_aexit", "TaskGroup"),
    WAITS("asyncio/streams.py", "_wait_for_data", STREAM_READ, "self"),
    WAITS("asyncio/streams.py", "_drain_helper", STREAM_WRITE, "self"),
    WAITS("asyncio/selector_events.py", "sock_recv", SOCKET, "sock"),
    WAITS("asyncio/selector_events.py", "sock_recv_into", SOCKET, "sock"),
    WAITS("asyncio/selector_events.py", "sock_recvfrom", SOCKET, "sock"),
    WAITS("asyncio/selector_events.py", "sock_recvfrom_into", SOCKET, "sock"),
    WAITS("asyncio/selector_events.py", "sock_sendall", SOCKET, "sock"),
    WAITS("asyncio/selector_events.py", "sock_sendto", SOCKET, "sock"),
    WAITS("asyncio/selector_events.py", "sock_connect", SOCKET, "sock"),
    WAITS("asyncio/selector_events.py", "sock_accept", SOCKET, "sock"),
    WAITS("asyncio/base_events.py", "serve_forever", SERVER, "self"),
    WAITS("asyncio/base_events.py", "wait_closed", SERVER, "self"),
    WAITS("asyncio/base_subprocess.py", "_wait", SUBPROCESS, "self"),
    WAITS("asyncio/subprocess.py", "wait", SUBPROCESS, "self"), /* where the transport is no Python object: uvloop */
    WAITS("asyncio/subprocess.py", "communicate", SUBPROCESS, "self"),
    THROUGH("asyncio/futures.py", "__await__"),
    THROUGH("asyncio/futures.py", "__iter__"),
    OUTER("anyio/_backends/_asyncio.py", "acquire_on_behalf_of", LIMITER, "self"),
    BY_SELF_OUTER("anyio/_backends/_asyncio.py", "acquire"),
    BY_SELF_OUTER("anyio/_backends/_asyncio.py", "wait"),
    WAITS("anyio/_backends/_asyncio.py", "run_sync_in_worker_thread", WORKER_THREAD, "future"),
    TASKS_OUTER("anyio/_backends/_asyncio.py", "__aexit__", "TaskGroup"),
    BY_SELF_OUTER("anyio/_core/_synchronization.py", "acquire"),
    BY_SELF_OUTER("anyio/_core/_synchronization.py", "wait"),
    /* workers: CPython: Lib/concurrent/futures of each version */
    WORKS("concurrent/futures/thread.py", "_worker", WORKER, "executor_reference", "work_queue", "work_item"),
    WORKS("concurrent/futures/thread.py", "run", WORKER_CALL, NULL),
    WORKS("concurrent/futures/_base.py", "result", RESULT, "self", "timeout"),
    WORKS("concurrent/futures/_base.py", "exception", RESULT, "self", "timeout"),
    WORKS("concurrent/futures/process.py", "run", MANAGER, "self"),
    WORKS("asyncio/base_events.py", "_run_once", STEPS, "end_time", "i"),
    WORKS("concurrent/futures/process.py", "_queue_management_worker", MANAGER, NULL), /* 3.8 */
    WORKS("concurrent/futures/process.py", "_process_worker", PROCESS_WORKER, "call_item"),
    WORKS("anyio/_backends/_asyncio.py", "run", ANYIO_WORKER, "self", "future"), /* other functions of that name have no future */
};

void strobe_coderoles_init(struct strobe_coderoles *roles, struct strobe_mem *mem, const struct strobe_layout *lay)
{
    *roles = (struct strobe_coderoles){.mem = mem, .lay = lay, .known = STROBE_HTAB_INIT, .sample = 1, .awaits = STROBE_HTAB_INIT};
}

static void forget(struct strobe_coderoles *roles)
{
    for (size_t i = 0; i < roles->n; i++)
        free(roles->at[i]);
    roles->n = 0;
    memset(roles->recent, 0, sizeof roles->recent);
    strobe_htab_clear(&roles->known);
}

void strobe_coderoles_release(struct strobe_coderoles *roles)
{
    forget(roles);
    strobe_htab_release(&roles->known);
    strobe_htab_release(&roles->awaits);
    free(roles->at);
    roles->at = NULL;
    roles->cap = 0;
}

void strobe_coderoles_begin(struct strobe_coderoles *roles)
{
    if (roles->n >= STROBE_CODES_MAX) {
        forget(roles);
        roles->changes++; /* that one of them becomes another is not seen any more */
    }
    roles->sample++;
    strobe_htab_clear(&roles->awaits);
}

static bool find_home(struct strobe_coderoles *roles, uint64_t interp, const char *package, char *dir)
{
    struct strobe_buf file = STROBE_BUF_INIT;
    uint64_t key = 0, dict, value;
    bool found = !strobe_py_module_dict_again(roles->mem, roles->lay, interp, package, &key, &dict) &&
                 !strobe_py_dict_get(roles->mem, roles->lay, dict, "__file__", &value) &&
                 !strobe_py_str(roles->mem, roles->lay, value, &file) && strobe_libhome_set(dir, package, strobe_buf_str(&file));

    strobe_buf_release(&file);
    roles->n_homes += found;
    return found;
}

void strobe_coderoles_find_homes(struct strobe_coderoles *roles, uint64_t interp)
{
    if (!*roles->homes.asyncio && !find_home(roles, interp, "asyncio", roles->homes.asyncio))
        return;
    if (!*roles->homes.anyio && (!roles->asked_anyio || roles->saw_anyio)) {
        find_home(roles, interp, "anyio", roles->homes.anyio);
        roles->asked_anyio = true;
        roles->saw_anyio = false;
    }
}

/* Where the names of a code object's locals lie, in the order of their slots; of a callback those of its free variables, in the order
 * of its closure's cells. */
static size_t names_of(struct strobe_coderoles *roles, const unsigned char *code, bool cells, uint64_t *ret, size_t max)
{
    const struct strobe_layout *lay = roles->lay;
    bool together = lay->co_localsplusnames != STROBE_NONE;
    uint32_t at = together ? lay->co_localsplusnames : cells ? lay->co_freevars : lay->co_varnames;
    struct strobe_buf kinds = STROBE_BUF_INIT;
    size_t n, kept = 0;

    if (at == STROBE_NONE || strobe_py_items(roles->mem, lay, strobe_span_u64(code, at), ret, max, &n))
        return 0;
    n = n < max ? n : max;
    if (!together || !cells)
        return n;
    if (strobe_py_bytes(roles->mem, lay, strobe_span_u64(code, lay->co_localspluskinds), MAX_SLOTS, &kinds))
        n = 0;
    roles->failures += kinds.failed;
    for (size_t i = 0; i < n && i < kinds.len; i++)
        if (strobe_buf_str(&kinds)[i] & FAST_FREE)
            ret[kept++] = ret[i];
    strobe_buf_release(&kinds);
    return kept;
}

static void find_slots(struct strobe_coderoles *roles, const unsigned char *code, const struct known *what, struct strobe_code_entry *entry)
{
    uint64_t names[MAX_NAMES];
    size_t n = what->locals[0] ? names_of(roles, code, what->role >= STROBE_CODE_WAKES, names, MAX_NAMES) : 0;

    for (size_t i = 0; i < n; i++) {
        struct strobe_buf text = STROBE_BUF_INIT;

        if (!strobe_py_str(roles->mem, roles->lay, names[i], &text))
            for (int k = 0; k < STROBE_CODE_SLOTS && what->locals[k]; k++)
                if (strcmp(strobe_buf_str(&text), what->locals[k]) == 0)
                    entry->slot[k] = (int16_t)i;
        roles->failures += text.failed;
        strobe_buf_release(&text);
    }
}

static void find_role(struct strobe_coderoles *roles, const unsigned char *code, struct strobe_code_entry *entry)
{
    const struct strobe_layout *lay = roles->lay;
    struct strobe_buf file = STROBE_BUF_INIT, name = STROBE_BUF_INIT;
    enum strobe_libfile which;
    const char *path;

    if (strobe_py_str(roles->mem, lay, strobe_span_u64(code, lay->co_filename), &file) ||
        strobe_py_str(roles->mem, lay, strobe_span_u64(code, lay->co_name), &name))
        goto done;
    path = strobe_buf_str(&file);
    entry->enters = strcmp(strobe_buf_str(&name), "__aenter__") == 0;
    entry->leaves = strcmp(strobe_buf_str(&name), "__aexit__") == 0;
    which = strobe_libfile_of(&roles->homes, path);
    entry->library = which == STROBE_LIBFILE_WAITS;
    roles->saw_anyio |= !*roles->homes.anyio && strstr(path, "/anyio/");
    for (size_t i = 0; which != STROBE_LIBFILE_NONE && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(strobe_buf_str(&name), known[i].name) != 0 || !strobe_libfile_ends(path, known[i].file))
            continue;
        entry->role = known[i].role;
        entry->kind = (uint8_t)known[i].kind;
        entry->how = known[i].how;
        entry->outer_wins = known[i].outer_wins;
        find_slots(roles, code, &known[i], entry);
        break;
    }
done:
    roles->failures += file.failed || name.failed;
    strobe_buf_release(&file);
    strobe_buf_release(&name);
}

/* Slots before the value stack: 3.11+ co_nlocalsplus; before: co_nlocals and the cells. */
static uint32_t count_locals(struct strobe_coderoles *roles, const unsigned char *code)
{
    const struct strobe_layout *lay = roles->lay;
    uint64_t cells, frees, none[1];
    size_t n_cells = 0, n_free = 0;

    if (lay->co_nlocalsplus != STROBE_NONE)
        return strobe_span_u32(code, lay->co_nlocalsplus);
    cells = strobe_span_u64(code, lay->co_cellvars);
    frees = strobe_span_u64(code, lay->co_freevars);
    if (cells)
        strobe_py_items(roles->mem, lay, cells, none, 1, &n_cells);
    if (frees)
        strobe_py_items(roles->mem, lay, frees, none, 1, &n_free);
    return strobe_span_u32(code, lay->co_nlocals) + (uint32_t)n_cells + (uint32_t)n_free;
}

/* What the code object says of itself.  False when some of it could not be read: it is not believed then. */
static bool fill(struct strobe_coderoles *roles, const unsigned char *span, struct strobe_code_entry *entry)
{
    const struct strobe_layout *lay = roles->lay;
    uint64_t faults = roles->mem->faults, failures = roles->failures;

    entry->n_locals = count_locals(roles, span);
    entry->first = lay->co_firsttraceable == STROBE_NONE ? -1 : 2 * (int64_t)strobe_span_u32(span, lay->co_firsttraceable);
    entry->coroutine = strobe_span_u32(span, lay->co_flags) & CO_COROUTINES;
    find_role(roles, span, entry);
    return roles->mem->faults == faults && roles->failures == failures;
}

static struct strobe_code_entry *get(struct strobe_coderoles *roles, uint64_t code)
{
    const struct strobe_layout *lay = roles->lay;
    uint64_t *index = strobe_htab_get(&roles->known, code, 0);
    struct strobe_code_entry *entry = index ? roles->at[*index] : NULL;
    unsigned char span[STROBE_MAX_CO_SIZE];
    uint64_t words[4];

    if (entry && entry->checked == roles->sample)
        return entry;
    if (code < 4096 || code % 8 || strobe_mem_read(roles->mem, code, span, lay->co_size))
        return NULL;
    words[0] = strobe_span_u64(span, lay->co_name);
    words[1] = strobe_span_u64(span, lay->co_linetable);
    words[2] = strobe_span_u64(span, lay->co_filename);
    words[3] = (uint64_t)strobe_span_u32(span, lay->co_flags) << 32 | strobe_span_u32(span, lay->co_firstlineno);
    if (!entry) {
        entry = roles->n < STROBE_CODES_MAX ? calloc(1, sizeof *entry) : NULL;
        if (!entry || strobe_grow(&roles->at, &roles->cap, roles->n + 1, sizeof *roles->at) ||
            strobe_htab_put(&roles->known, code, 0, roles->n)) {
            free(entry);
            roles->failures++;
            return NULL;
        }
        roles->at[roles->n++] = entry;
    }
    if (!entry->checked || entry->homes != roles->n_homes || memcmp(entry->words, words, sizeof words) != 0) {
        roles->changes += entry->checked && memcmp(entry->words, words, sizeof words) != 0;
        *entry = (struct strobe_code_entry){.code = code, .slot = {-1, -1, -1}, .homes = roles->n_homes};
        memcpy(entry->words, words, sizeof words);
        if (!fill(roles, span, entry))
            return NULL; /* not checked: read anew when it is asked for again */
    }
    entry->checked = entry->n_locals <= MAX_SLOTS ? roles->sample : 0;
    return entry->checked ? entry : NULL;
}

const struct strobe_code_entry *strobe_coderoles_get(struct strobe_coderoles *roles, uint64_t code)
{
    struct strobe_code_entry **recent = &roles->recent[code * 0x9e3779b97f4a7c15ull >> (64 - 7)]; /* STROBE_CODES_RECENT = 1 << 7 */
    struct strobe_code_entry *entry = *recent;

    if (entry && entry->code == code && entry->checked == roles->sample)
        return entry;
    entry = get(roles, code);
    if (entry)
        *recent = entry;
    return entry;
}

const struct strobe_code_entry *strobe_coderoles_known(struct strobe_coderoles *roles, uint64_t code)
{
    uint64_t *index = strobe_htab_get(&roles->known, code, 0);

    return index ? roles->at[*index] : NULL;
}

/* The unit behind the instruction: {opcode, argument}. */
static bool next_unit(struct strobe_coderoles *roles, uint64_t code, int64_t instr, uint8_t ret_unit[2])
{
    const struct strobe_layout *lay = roles->lay;
    uint64_t start = code + lay->co_code;

    if (instr < 0)
        return false;
    if (lay->frames == STROBE_FRAMES_HEAP) { /* co_code is a bytes object */
        if (strobe_mem_u64(roles->mem, code + lay->co_code, &start))
            return false;
        start += lay->bytes_data;
    }
    return !strobe_mem_read(roles->mem, start + (uint64_t)instr + 2, ret_unit, 2);
}

bool strobe_coderoles_awaits(struct strobe_coderoles *roles, uint64_t code, int64_t instr)
{
    const struct strobe_layout *lay = roles->lay;
    uint64_t *answer = strobe_htab_get(&roles->awaits, code, (uint64_t)instr);
    uint8_t unit[2];
    bool awaits;

    if (answer)
        return *answer == 1;
    if (!next_unit(roles, code, instr, unit))
        return false;
    awaits = lay->yield_from_opcode != STROBE_NONE ? unit[0] == lay->yield_from_opcode : (unit[1] & 3) >= lay->resume_awaiting;
    strobe_htab_put(&roles->awaits, code, (uint64_t)instr, awaits ? 1 : 2);
    return awaits;
}
