/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/waitnames.h"

#include <string.h>

#include "runtime/pyobj.h"
#include "naming/waitnames_parts.h"

enum {
    MAX_AWAITERS = 4, /* tasks that wait for the one that waits, and so on outward */
    MAX_LOOKED = 64,  /* frames of a task that may have a variable */
};

bool strobe_naming_read(struct strobe_naming *n, int err)
{
    n->failed |= err < 0 && err != STROBE_ERR_MISSING && err != STROBE_ERR_OBJECT && err != STROBE_ERR_LIMIT;
    return err == 0;
}

bool strobe_naming_ask(struct strobe_naming *n, uint32_t at)
{
    const struct strobe_raw_frame *frame = &n->task->frames[at];

    n->at = at;
    n->code = frame->code;
    n->frame = frame->frame;
    return frame->code > STROBE_CODE_UNREADABLE;
}

void strobe_naming_variable(struct strobe_naming *n, const struct strobe_local *local)
{
    if (local->slot >= 0)
        n->variable = (struct strobe_wait_variable){n->code, local->value, (uint32_t)local->slot, local->cell};
}

int strobe_naming_class(struct strobe_naming *n, uint64_t obj, char ret[STROBE_NAMING_CLASS])
{
    uint64_t type;
    int err = strobe_py_type(n->mem, n->lay, obj, &type);

    if (!err)
        err = strobe_py_type_name(n->mem, n->lay, type, ret, STROBE_NAMING_CLASS);
    if (strobe_naming_read(n, err))
        memmove(ret, strobe_py_last_name(ret), strlen(strobe_py_last_name(ret)) + 1);
    return err;
}

bool strobe_naming_is_of(struct strobe_naming *n, uint64_t obj, const char *class_name)
{
    char name[STROBE_NAMING_CLASS];

    return obj && !strobe_naming_class(n, obj, name) && strcmp(name, class_name) == 0;
}

const char *strobe_naming_private(struct strobe_naming *n, uint64_t type, const char *attribute, char ret[STROBE_NAMING_CLASS])
{
    char name[STROBE_NAMING_CLASS];

    for (int i = 0; i < STROBE_PY_MAX_MRO && type && attribute[0] == '_' && strstr(attribute + 1, "__"); i++) {
        const char *bare = name;
        size_t len;

        if (!strobe_naming_read(n, strobe_py_type_name(n->mem, n->lay, type, name, sizeof name)))
            break;
        bare += strspn(bare, "_");
        len = strlen(bare);
        if (len && strncmp(attribute + 1, bare, len) == 0 && strncmp(attribute + 1 + len, "__", 2) == 0) {
            memcpy(ret, name, sizeof name);
            return attribute + 1 + len;
        }
        if (!strobe_naming_read(n, strobe_mem_u64(n->mem, type + n->lay->ty_base, &type)))
            break;
    }
    return NULL;
}

bool strobe_naming_is_module(struct strobe_naming *n, uint64_t obj)
{
    return strobe_naming_is_of(n, obj, "module");
}

bool strobe_naming_globals(struct strobe_naming *n, uint64_t *ret_dict)
{
    uint64_t dict;

    if (!strobe_naming_read(n, strobe_mem_u64(n->mem, n->frame + n->lay->fr_globals, &dict)) || !dict)
        return false;
    *ret_dict = dict & ~(uint64_t)n->lay->pointer_mask_low;
    return true;
}

void strobe_naming_put_module(struct strobe_naming *n, uint64_t globals)
{
    uint64_t value;

    if (strobe_naming_read(n, strobe_py_dict_get(n->mem, n->lay, globals, "__name__", &value)))
        strobe_naming_read(n, strobe_py_str(n->mem, n->lay, value, n->name));
}

/* co_name, or what follows the last dot of co_qualname: they are the same but for a lambda. */
void strobe_naming_put_function(struct strobe_naming *n)
{
    uint64_t value;

    if (strobe_naming_read(n, strobe_mem_u64(n->mem, n->code + n->lay->co_name, &value)))
        strobe_naming_read(n, strobe_py_str(n->mem, n->lay, value, n->name));
}

/* Is it worth while to look for a name that holds everywhere? */
static bool is_shared(const struct strobe_wait *wait)
{
    return wait->kind != STROBE_WAIT_FUTURE && wait->n_waiters + wait->n_holders > 1;
}

/* The frame whose code names it.  A task that runs nothing but a library's code (wait_for() makes such ones) was made by code of the
 * task that waits for it. */
static bool find_place(const struct strobe_task_sample *sample, struct strobe_naming *n)
{
    uint32_t task = n->wait->task, place = n->wait->frame;

    for (int i = 0; i < MAX_AWAITERS && task != STROBE_NO_INDEX && place == STROBE_NO_INDEX; i++) {
        const struct strobe_task *t = &sample->tasks[task];

        task = t->n_awaiters ? sample->awaiters[t->first_awaiter] : STROBE_NO_INDEX;
        place = task == STROBE_NO_INDEX ? STROBE_NO_INDEX : sample->tasks[task].place;
        n->borrowed = true;
    }
    if (task == STROBE_NO_INDEX || place >= sample->tasks[task].n_frames)
        return false;
    n->task = &sample->tasks[task];
    n->at = place;
    return true;
}

void strobe_wait_name(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_task_sample *sample, uint32_t wait,
                      struct strobe_buf *name, const char **ret_source, struct strobe_wait_variable *ret_variable)
{
    const struct strobe_wait *w = &sample->waits[wait];
    struct strobe_wait_variable by_code;
    struct strobe_buf code = STROBE_BUF_INIT, own = STROBE_BUF_INIT;
    struct strobe_naming n = {.mem = mem, .lay = lay, .wait = w, .object = w->object, .name = &code};
    enum strobe_worth worth;
    uint32_t at;

    *ret_source = "";
    if (ret_variable)
        *ret_variable = (struct strobe_wait_variable){.code = 0};
    if (!w->object || !find_place(sample, &n))
        return;
    at = n.at;
    worth = strobe_naming_by_code(&n);
    if (worth == STROBE_WORTH_NONE)
        strobe_buf_clear(&code);
    by_code = n.variable;
    n.variable.code = 0;
    n.name = &own;
    strobe_naming_ask(&n, at);
    if (n.failed)
        ;
    else if (worth == STROBE_WORTH_THING || (worth == STROBE_WORTH_PLACE && !is_shared(w)) || (worth == STROBE_WORTH_CALL &&
                                                                                               w->kind == STROBE_WAIT_FUTURE))
        *ret_source = "code";
    else if (strobe_naming_by_attribute(&n))
        *ret_source = "attribute";
    else if (strobe_naming_by_global(&n, worth == STROBE_WORTH_NONE))
        *ret_source = "global";
    else if (worth != STROBE_WORTH_NONE)
        *ret_source = "code";
    else if (strobe_naming_by_variable(&n))
        *ret_source = "attribute";
    if (n.failed)
        *ret_source = "";
    else
        strobe_buf_puts(name, strobe_buf_str(strcmp(*ret_source, "code") == 0 ? &code : &own));
    if (ret_variable && **ret_source)
        *ret_variable = strcmp(*ret_source, "code") == 0 ? by_code : n.variable;
    strobe_buf_release(&own);
    strobe_buf_release(&code);
}

int strobe_wait_variable_in(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_wait_variable *variable,
                            const struct strobe_task *task)
{
    int answer = 0;
    uint64_t value;

    for (uint32_t i = 0; i < task->n_frames && i < MAX_LOOKED && answer < 1; i++) {
        const struct strobe_raw_frame *frame = &task->frames[i];

        if (frame->code == variable->code && frame->frame &&
            !strobe_py_local_at(mem, lay, frame->frame, frame->code, variable->slot, variable->cell, &value))
            answer = value == variable->value ? 1 : -1;
    }
    return answer;
}

void strobe_thing_name(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_task *task, uint64_t object,
                       struct strobe_buf *name, const char **ret_source)
{
    const struct strobe_wait none = {.kind = STROBE_WAIT_EXECUTOR, .object = object};
    struct strobe_buf own = STROBE_BUF_INIT;
    struct strobe_naming n = {.mem = mem, .lay = lay, .wait = &none, .object = object, .task = task, .name = &own};

    *ret_source = "";
    if (!object || !task->n_frames || !strobe_naming_ask(&n, 0))
        return;
    if (strobe_naming_by_attribute(&n))
        *ret_source = "attribute";
    else if (strobe_naming_by_global(&n, true))
        *ret_source = "global";
    if (**ret_source)
        strobe_buf_puts(name, strobe_buf_str(&own));
    strobe_buf_release(&own);
}

/* ---- labels ---- */

/* What comes before a name: the class, or what is done with it. */
static void put_kind(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_wait *wait, struct strobe_buf *out)
{
    static const char *const after_class[STROBE_WAIT_KINDS] = {
        [STROBE_WAIT_QUEUE_GET] = ".get", [STROBE_WAIT_QUEUE_PUT] = ".put", [STROBE_WAIT_QUEUE_JOIN] = ".join",
    };
    static const char *const instead[STROBE_WAIT_KINDS] = {
        [STROBE_WAIT_SLEEP] = "sleep", [STROBE_WAIT_SOCKET] = "socket", [STROBE_WAIT_STREAM_READ] = "stream read",
        [STROBE_WAIT_STREAM_WRITE] = "stream write", [STROBE_WAIT_SERVER] = "server", [STROBE_WAIT_SUBPROCESS] = "subprocess",
        [STROBE_WAIT_EXECUTOR] = "executor", [STROBE_WAIT_WORKER_THREAD] = "worker thread", [STROBE_WAIT_TASKS] = "tasks",
    };
    static const char *const unknown_class[STROBE_WAIT_KINDS] = {
        [STROBE_WAIT_LOCK] = "lock", [STROBE_WAIT_SEMAPHORE] = "semaphore", [STROBE_WAIT_EVENT] = "event",
        [STROBE_WAIT_CONDITION] = "condition", [STROBE_WAIT_QUEUE_GET] = "queue", [STROBE_WAIT_QUEUE_PUT] = "queue",
        [STROBE_WAIT_QUEUE_JOIN] = "queue", [STROBE_WAIT_BARRIER] = "barrier", [STROBE_WAIT_LIMITER] = "limiter",
    };
    char name[STROBE_NAMING_CLASS];

    if (instead[wait->kind])
        strobe_buf_puts(out, instead[wait->kind]);
    else if (wait->type && !strobe_py_type_name(mem, lay, wait->type, name, sizeof name))
        strobe_buf_puts(out, strobe_py_last_name(name));
    else
        strobe_buf_puts(out, unknown_class[wait->kind] ? unknown_class[wait->kind] : "future");
    if (after_class[wait->kind])
        strobe_buf_puts(out, after_class[wait->kind]);
}

void strobe_wait_label(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_task_sample *sample, uint32_t wait,
                       struct strobe_buf *out)
{
    size_t before;
    const char *source;

    put_kind(mem, lay, &sample->waits[wait], out);
    strobe_buf_putc(out, ' ');
    before = out->len;
    strobe_wait_name(mem, lay, sample, wait, out, &source, NULL);
    if (out->len == before && out->data)
        out->data[--out->len] = '\0';
}
