/* SPDX-License-Identifier: Apache-2.0 */
#include "waitnames.h"

#include <string.h>

#include "runtime/callsite.h"
#include "runtime/pyobj.h"

enum {
    MAX_SITES = 16,      /* `async with` around one place */
    OUTER_FRAMES = 8,    /* frames outside of the one that waits whose variables are looked at */
    MAX_LOOKED = 4096,   /* variables and attributes looked at for one name */
    MAX_CLASS = 128,
};

struct naming {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    uint64_t object;         /* what is to be named */
    uint64_t code, frame;    /* where */
    struct strobe_buf *name;
    bool failed;             /* for want of memory, say: what was found then is not the best name */
};

/* Notes an error after which no name is given. */
static int note(struct naming *n, int err)
{
    n->failed = n->failed || (err < 0 && strobe_err_class(err) == STROBE_CLASS_FATAL);
    return err;
}

static int class_name(struct naming *n, uint64_t obj, char *ret, size_t size)
{
    uint64_t type;
    int err = strobe_py_type(n->mem, n->lay, obj, &type);

    return err ? err : strobe_py_type_name(n->mem, n->lay, type, ret, size);
}

/* tp_name of a class made in C has its module in front. */
static const char *last_part(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot ? dot + 1 : text;
}

static bool is_module(struct naming *n, uint64_t obj)
{
    char name[MAX_CLASS];

    return !class_name(n, obj, name, sizeof name) && strcmp(name, "module") == 0;
}

/* ---- variables of the frame ---- */

struct local_search {
    uint32_t slot; /* counted down */
    const char *name;
    uint64_t value;
};

static int match_local(void *ctx, const struct strobe_local *local)
{
    struct local_search *search = ctx;

    if (strcmp(local->name, search->name) != 0)
        return 0;
    search->value = local->value;
    return 1;
}

static bool local_value(struct naming *n, const char *name, uint64_t *ret)
{
    struct local_search search = {0, name, 0};

    if (note(n, strobe_py_locals(n->mem, n->lay, n->frame, n->code, match_local, &search)) != 1)
        return false;
    *ret = search.value;
    return true;
}

static bool globals_of(struct naming *n, uint64_t *ret_dict)
{
    uint64_t dict;

    if (strobe_mem_u64(n->mem, n->frame + n->lay->fr_globals, &dict) || !dict)
        return false;
    *ret_dict = dict & ~(uint64_t)n->lay->pointer_mask_low;
    return true;
}

/* Appends the name of the module that a dict of globals belongs to; "" = unknown. */
static void put_module(struct naming *n, uint64_t globals)
{
    uint64_t value;

    if (!strobe_py_dict_get(n->mem, n->lay, globals, "__name__", &value))
        strobe_py_str(n->mem, n->lay, value, n->name);
}

/* co_name, or what follows the last dot of co_qualname: they are the same but for a lambda. */
static void put_function(struct naming *n)
{
    uint64_t value;

    if (!strobe_mem_u64(n->mem, n->code + n->lay->co_name, &value))
        strobe_py_str(n->mem, n->lay, value, n->name);
}

/* ---- the expression in the code ---- */

/* Follows a path without calls and subscripts.  ret_owner: the object before the last step; ret_last: that step. */
static bool follow(struct naming *n, uint64_t obj, const char *path, uint64_t *ret_obj, uint64_t *ret_owner, const char **ret_last)
{
    char step[192];

    *ret_owner = 0;
    *ret_last = "";
    while (*path) {
        size_t len = strcspn(path, ".");

        if (len >= sizeof step || memchr(path, '(', len) || memchr(path, '[', len))
            return false;
        memcpy(step, path, len);
        step[len] = '\0';
        *ret_owner = obj;
        *ret_last = path;
        if (strobe_py_getattr(n->mem, n->lay, obj, step, &obj))
            return false;
        path += len + (path[len] == '.');
    }
    *ret_obj = obj;
    return true;
}

static void put_owner(struct naming *n, uint64_t owner)
{
    char name[MAX_CLASS];
    uint64_t value;

    if (is_module(n, owner)) {
        if (!strobe_mem_u64(n->mem, owner + n->lay->module_dict, &value))
            put_module(n, value);
        return;
    }
    if (class_name(n, owner, name, sizeof name))
        return;
    /* An attribute of a class itself goes by that class's name. */
    if (strcmp(name, "type") == 0 || strcmp(name, "ABCMeta") == 0)
        strobe_py_type_name(n->mem, n->lay, owner, name, sizeof name);
    strobe_buf_puts(n->name, last_part(name));
}

/* The base object of a site; false when it cannot be found. */
static bool base_object(struct naming *n, const struct strobe_site *site, uint64_t *ret)
{
    uint64_t globals;

    switch (site->base) {
    case STROBE_SITE_LOCAL:
    case STROBE_SITE_DEREF: return local_value(n, site->base_name, ret);
    case STROBE_SITE_GLOBAL: return globals_of(n, &globals) && !strobe_py_dict_get(n->mem, n->lay, globals, site->base_name, ret);
    default: return false;
    }
}

/* Does the method fit the thing?  Where the expression cannot be followed that is all there is to go by. */
static bool fits(const struct strobe_site *site, const struct strobe_wait *wait)
{
    static const char *const methods[] = {"acquire", "wait", "wait_for", "get", "put", "join", "read", "readline", "readexactly", "readuntil",
                                          "drain", "serve_forever", "communicate"};

    if (site->role != STROBE_SITE_AWAIT)
        return true;
    if (!site->method[0])
        return wait->kind == STROBE_WAIT_FUTURE;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(site->method, methods[i]) == 0)
            return true;
    return false;
}

static void put_variable(struct naming *n, const struct strobe_site *site)
{
    uint64_t globals;

    if (site->base != STROBE_SITE_GLOBAL)
        put_function(n);
    else if (globals_of(n, &globals))
        put_module(n, globals);
    strobe_buf_printf(n->name, "%s%s", n->name->len ? "." : "", site->base_name);
}

/* A name by an expression that leads to the object: by its last owner's class; a variable by its function or module. */
static bool name_by_site(struct naming *n, const struct strobe_site *site, const struct strobe_wait *wait)
{
    uint64_t base, object, owner;
    const char *last;

    if (site->base == STROBE_SITE_NONE)
        return false;
    if (base_object(n, site, &base) && follow(n, base, site->path, &object, &owner, &last)) {
        if (object != n->object)
            return false;
        if (owner) {
            put_owner(n, owner);
            strobe_buf_printf(n->name, "%s%s", n->name->len ? "." : "", last);
        } else {
            put_variable(n, site);
        }
        return true;
    }
    if (!fits(site, wait))
        return false;
    /* Through calls and subscripts: as the code has it, the first object by its class. */
    if (site->path[0] && site->base != STROBE_SITE_CALL && base_object(n, site, &base))
        put_owner(n, base);
    if (!n->name->len)
        strobe_buf_puts(n->name, site->base_name);
    if (site->base == STROBE_SITE_CALL)
        strobe_buf_puts(n->name, "()");
    strobe_buf_printf(n->name, "%s%s", site->path[0] && site->path[0] != '[' ? "." : "", site->path);
    return true;
}

static bool name_by_code(struct naming *n, const struct strobe_raw_frame *frame, const struct strobe_wait *wait)
{
    struct strobe_site sites[MAX_SITES];
    size_t n_sites = 1;
    int err = wait->held_there ? strobe_site_enclosing(n->mem, n->lay, frame->code, (int64_t)frame->instr, sites, MAX_SITES, &n_sites)
                               : strobe_site_find(n->mem, n->lay, frame->code, (int64_t)frame->instr, &sites[0]);

    if (note(n, err))
        return false;
    for (size_t i = 0; i < n_sites; i++)
        if (name_by_site(n, &sites[i], wait))
            return true;
    return false;
}

/* ---- by looking around ---- */

struct search {
    struct naming *n;
    char owner[MAX_CLASS]; /* class of the object whose attributes are looked at, or "" */
    uint32_t looked;
    bool deeper;           /* the attributes of what is met are looked at too */
};

static int search_item(void *ctx, uint64_t key, uint64_t value)
{
    struct search *s = ctx;

    if (++s->looked > MAX_LOOKED)
        return STROBE_ERR_LIMIT;
    if (value != s->n->object)
        return 0;
    strobe_buf_printf(s->n->name, "%s%s", s->owner, s->owner[0] ? "." : "");
    strobe_py_str(s->n->mem, s->n->lay, key, s->n->name);
    return 1;
}

static bool search_attributes(struct search *s, uint64_t obj)
{
    if (obj == s->n->object || class_name(s->n, obj, s->owner, sizeof s->owner))
        return false;
    memmove(s->owner, last_part(s->owner), strlen(last_part(s->owner)) + 1);
    return strobe_py_attr_each(s->n->mem, s->n->lay, obj, search_item, s) == 1;
}

static int search_local(void *ctx, const struct strobe_local *local)
{
    struct search *s = ctx;

    if (++s->looked > MAX_LOOKED)
        return STROBE_ERR_LIMIT;
    return search_attributes(s, local->value);
}

static int search_variable(void *ctx, const struct strobe_local *local)
{
    struct search *s = ctx;

    if (local->value != s->n->object)
        return 0;
    put_function(s->n);
    strobe_buf_printf(s->n->name, ".%s", local->name);
    return 1;
}

static int search_global_attributes(void *ctx, uint64_t key, uint64_t value)
{
    struct search *s = ctx;
    enum strobe_py_kind kind;

    (void)key;
    if (++s->looked > MAX_LOOKED)
        return STROBE_ERR_LIMIT;
    if (strobe_py_kind(s->n->mem, s->n->lay, value, &kind) || kind != STROBE_PY_OTHER || is_module(s->n, value))
        return 0;
    return search_attributes(s, value);
}

static bool name_by_globals(struct naming *n)
{
    struct search s = {.n = n};
    uint64_t globals;
    size_t before = n->name->len;

    if (!globals_of(n, &globals))
        return false;
    put_module(n, globals);
    if (n->name->len > before)
        strobe_buf_putc(n->name, '.');
    if (strobe_py_dict_each(n->mem, n->lay, globals, search_item, &s) == 1)
        return true;
    n->name->len = before;
    if (n->name->data)
        n->name->data[before] = '\0';
    return strobe_py_dict_each(n->mem, n->lay, globals, search_global_attributes, &s) == 1;
}

static void at_frame(struct naming *n, const struct strobe_raw_frame *frame)
{
    n->code = frame->code;
    n->frame = frame->frame;
}

/* By what the variables of a frame and those outside of it lead to. */
static bool name_by_frames(struct naming *n, const struct strobe_task *task, uint32_t first, strobe_local_fn *each)
{
    uint32_t last = task->n_frames - first > OUTER_FRAMES ? first + OUTER_FRAMES : task->n_frames;

    for (uint32_t i = first; i < last; i++) {
        struct search s = {.n = n};

        if (task->frames[i].code <= STROBE_CODE_UNREADABLE)
            continue;
        at_frame(n, &task->frames[i]);
        if (note(n, strobe_py_locals(n->mem, n->lay, n->frame, n->code, each, &s)) == 1)
            return true;
    }
    at_frame(n, &task->frames[first]);
    return false;
}

/* ret: the source; "" = no name was found. */
static const char *find_name(struct naming *n, const struct strobe_wait *wait, const struct strobe_task *task)
{
    const struct strobe_raw_frame *frame = &task->frames[wait->frame];

    at_frame(n, frame);
    if (name_by_code(n, frame, wait))
        return "code";
    if (name_by_frames(n, task, wait->frame, search_local))
        return "attribute";
    if (name_by_globals(n))
        return "global";
    return name_by_frames(n, task, wait->frame, search_variable) ? "attribute" : "";
}

void strobe_wait_name(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_task_sample *sample, uint32_t wait,
                      struct strobe_buf *name, const char **ret_source)
{
    const struct strobe_wait *w = &sample->waits[wait];
    struct strobe_buf own = STROBE_BUF_INIT;
    struct naming n = {.mem = mem, .lay = lay, .object = w->object, .name = &own};
    uint64_t faults = mem->faults;
    const char *source;

    *ret_source = "";
    if (!w->object || w->task == STROBE_NO_INDEX || w->frame == STROBE_NO_INDEX || w->frame >= sample->tasks[w->task].n_frames)
        return;
    source = find_name(&n, w, &sample->tasks[w->task]);
    /* Where something could not be read, the name may be less than the whole of it, or not the best. */
    if (*source && mem->faults == faults && !own.failed && !n.failed) {
        strobe_buf_puts(name, strobe_buf_str(&own));
        *ret_source = source;
    }
    name->failed |= own.failed;
    strobe_buf_release(&own);
}

/* ---- labels ---- */

/* What comes before a name: the class, or what is done with it. */
static void put_kind(struct naming *n, const struct strobe_wait *wait, struct strobe_buf *out)
{
    static const char *const after_class[STROBE_WAIT_KINDS] = {
        [STROBE_WAIT_QUEUE_GET] = ".get", [STROBE_WAIT_QUEUE_PUT] = ".put", [STROBE_WAIT_QUEUE_JOIN] = ".join",
    };
    static const char *const instead[STROBE_WAIT_KINDS] = {
        [STROBE_WAIT_SLEEP] = "sleep", [STROBE_WAIT_SOCKET] = "socket", [STROBE_WAIT_STREAM_READ] = "stream read",
        [STROBE_WAIT_STREAM_WRITE] = "stream write", [STROBE_WAIT_SERVER] = "server", [STROBE_WAIT_SUBPROCESS] = "subprocess",
        [STROBE_WAIT_EXECUTOR] = "executor", [STROBE_WAIT_WORKER_THREAD] = "worker thread", [STROBE_WAIT_TASKS] = "tasks",
    };
    static const char *const without_class[STROBE_WAIT_KINDS] = {
        [STROBE_WAIT_LOCK] = "lock", [STROBE_WAIT_SEMAPHORE] = "semaphore", [STROBE_WAIT_EVENT] = "event",
        [STROBE_WAIT_CONDITION] = "condition", [STROBE_WAIT_QUEUE_GET] = "queue", [STROBE_WAIT_QUEUE_PUT] = "queue",
        [STROBE_WAIT_QUEUE_JOIN] = "queue", [STROBE_WAIT_BARRIER] = "barrier", [STROBE_WAIT_LIMITER] = "limiter",
    };
    char name[MAX_CLASS];

    if (instead[wait->kind])
        strobe_buf_puts(out, instead[wait->kind]);
    else if (wait->type && !strobe_py_type_name(n->mem, n->lay, wait->type, name, sizeof name))
        strobe_buf_puts(out, last_part(name));
    else
        strobe_buf_puts(out, without_class[wait->kind] ? without_class[wait->kind] : "future");
    if (after_class[wait->kind])
        strobe_buf_puts(out, after_class[wait->kind]);
}

void strobe_wait_label(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_task_sample *sample, uint32_t wait,
                       struct strobe_buf *out)
{
    struct naming n = {.mem = mem, .lay = lay};
    size_t before;
    const char *source;

    put_kind(&n, &sample->waits[wait], out);
    strobe_buf_putc(out, ' ');
    before = out->len;
    strobe_wait_name(mem, lay, sample, wait, out, &source);
    if (out->len == before && out->data)
        out->data[--out->len] = '\0';
}
