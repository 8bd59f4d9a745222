/* SPDX-License-Identifier: Apache-2.0 */
/* waitsite: names of things that tasks wait for by the code that waits for them or holds them: what does it call them? */
#include "naming/waitnames_parts.h"

#include <string.h>

#include "runtime/callsite.h"
#include "runtime/pyobj.h"
#include "walk/chain.h"

enum {
    MAX_STEP = 192,     /* bytes of one attribute's name */
    MAX_OWN = 3,        /* frames of a thing's own class (its subclass written in the program) that are passed */
};

/* ---- the expression in the code ---- */

struct local_search {
    const char *name;
    struct strobe_local found;
};

static int match_local(void *ctx, const struct strobe_local *local)
{
    struct local_search *search = ctx;

    if (strcmp(local->name, search->name) != 0)
        return 0;
    search->found = *local;
    return 1;
}

static bool find_local(struct strobe_naming *n, const char *name, struct strobe_local *ret)
{
    struct local_search search = {.name = name};
    int found = strobe_py_locals(n->mem, n->lay, n->frame, n->code, match_local, &search);

    strobe_naming_read(n, found);
    if (found == 1)
        *ret = search.found;
    return found == 1;
}

/* The base object of a site; false when it cannot be found. */
static bool base_object(struct strobe_naming *n, const struct strobe_site *site, uint64_t *ret)
{
    struct strobe_local local;
    uint64_t globals;

    switch (site->base) {
    case STROBE_SITE_LOCAL:
    case STROBE_SITE_DEREF:
        if (!find_local(n, site->base_name, &local))
            return false;
        *ret = local.value;
        return true;
    case STROBE_SITE_GLOBAL:
        return strobe_naming_globals(n, &globals) &&
               strobe_naming_read(n, strobe_py_dict_get(n->mem, n->lay, globals, site->base_name, ret));
    default: return false;
    }
}

/* A path as far as it can be followed from object to object: up to a call, a subscript, or what is computed. */
struct walk {
    uint64_t obj;     /* where it has led; 0 = not even the base is known */
    uint64_t owner;   /* of the step that led there; 0 = obj is the base */
    const char *step; /* that step, and what follows it */
    size_t step_len;
    bool whole;
};

static void follow(struct strobe_naming *n, const char *path, struct walk *w)
{
    char step[MAX_STEP];
    uint64_t next;

    w->step = path;
    while (*path) {
        size_t len = strcspn(path, ".[(");

        if (!len || len >= sizeof step)
            return;
        memcpy(step, path, len);
        step[len] = '\0';
        w->owner = w->obj;
        w->step = path;
        w->step_len = len;
        if (!strobe_naming_read(n, strobe_py_getattr(n->mem, n->lay, w->obj, step, &next)))
            return;
        w->obj = next;
        path += len;
        if (*path == '.')
            path++;
        else if (*path)
            return;
    }
    w->whole = true;
}

/* Is it the thing, or the condition whose lock it is?  *ret_suffix: what then follows the name. */
static bool leads_to(struct strobe_naming *n, uint64_t obj, const char **ret_suffix)
{
    uint64_t lock;

    *ret_suffix = "";
    if (obj == n->object)
        return true;
    if (n->wait->kind != STROBE_WAIT_LOCK || !strobe_naming_is_of(n, obj, "Condition") ||
        !strobe_naming_read(n, strobe_py_attr(n->mem, n->lay, obj, "_lock", &lock)))
        return false;
    *ret_suffix = "._lock";
    return lock == n->object;
}

struct argument_search {
    struct strobe_naming *n;
    uint32_t first, last, index;
    const char *suffix;
};

static int match_argument(void *ctx, const struct strobe_local *local)
{
    struct argument_search *search = ctx;

    if (!local->is_arg || search->index > search->last)
        return 2;
    return search->index++ >= search->first && leads_to(search->n, local->value, &search->suffix);
}

/* Did the frame get the thing as one of these arguments?  self is number 0. */
static bool was_given(struct strobe_naming *n, uint32_t at, uint32_t first, uint32_t last, const char **ret_suffix)
{
    struct argument_search search = {n, first, last, 0, ""};
    const struct strobe_raw_frame *frame = &n->task->frames[at];
    int found;

    if (frame->code <= STROBE_CODE_UNREADABLE)
        return false;
    found = strobe_py_locals(n->mem, n->lay, frame->frame, frame->code, match_argument, &search);
    strobe_naming_read(n, found);
    if (found == 1)
        *ret_suffix = search.suffix;
    return found == 1;
}

static bool is_method(const struct strobe_site *site)
{
    static const char *const methods[] = {"acquire", "wait", "wait_for", "get", "put", "join", "read", "readline", "readexactly",
                                          "readuntil",
                                          "drain", "serve_forever", "communicate"};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(site->method, methods[i]) == 0)
            return true;
    return false;
}

/* An expression that cannot be followed: does what is called on it next say that it led to the thing? */
static bool fits(struct strobe_naming *n, const struct strobe_site *site, const char **ret_suffix)
{
    if (n->borrowed)
        return false;
    if (n->at > 0 && was_given(n, n->at - 1, 0, 0, ret_suffix))
        return true;
    switch (n->wait->kind) {
    case STROBE_WAIT_FUTURE: return site->role == STROBE_SITE_AWAIT && !site->method[0] && n->at == 0;
    case STROBE_WAIT_SOCKET:
    case STROBE_WAIT_STREAM_READ:
    case STROBE_WAIT_STREAM_WRITE:
    case STROBE_WAIT_SERVER:
    case STROBE_WAIT_SUBPROCESS: return site->role != STROBE_SITE_AWAIT || is_method(site); /* things around the one that is told */
    default: return false;
    }
}

/* ---- putting it into words ---- */

/* The class in whose dict an attribute is that all its instances share; else the object's own.  Returns what follows its name. */
static const char *put_owner(struct strobe_naming *n, const struct walk *w)
{
    char name[STROBE_NAMING_CLASS], step[MAX_STEP];
    uint64_t type = w->owner, dict, value;
    const char *private;
    enum strobe_py_kind kind;

    if (strobe_naming_is_module(n, w->owner)) {
        if (strobe_naming_read(n, strobe_mem_u64(n->mem, w->owner + n->lay->module_dict, &value)))
            strobe_naming_put_module(n, value);
        return w->step;
    }
    memcpy(step, w->step, w->step_len);
    step[w->step_len] = '\0';
    if (strobe_naming_class(n, w->owner, name) || !strobe_naming_read(n, strobe_py_kind(n->mem, n->lay, w->owner, &kind)) ||
        (kind != STROBE_PY_TYPE && !strobe_naming_read(n, strobe_py_type(n->mem, n->lay, w->owner, &type))))
        return w->step;
    private = strobe_naming_private(n, type, step, name);
    if (private) {
        strobe_buf_puts(n->name, strobe_py_last_name(name));
        return w->step + (private - step);
    }
    if (kind == STROBE_PY_TYPE)
        strobe_naming_read(n, strobe_py_type_name(n->mem, n->lay, w->owner, name, sizeof name));
    else if (strobe_naming_read(n, strobe_py_attr(n->mem, n->lay, w->owner, step, &value)))
        type = 0;
    for (int i = 0; i < STROBE_PY_MAX_MRO && type; i++) {
        if (strobe_naming_read(n, strobe_mem_u64(n->mem, type + n->lay->ty_dict, &dict)) && dict &&
            strobe_naming_read(n, strobe_py_dict_get(n->mem, n->lay, dict, step, &value))) {
            strobe_naming_read(n, strobe_py_type_name(n->mem, n->lay, type, name, sizeof name));
            break;
        }
        if (!strobe_naming_read(n, strobe_mem_u64(n->mem, type + n->lay->ty_base, &type)))
            break;
    }
    strobe_buf_puts(n->name, strobe_py_last_name(name));
    return w->step;
}

static void put_variable(struct strobe_naming *n, const struct strobe_site *site)
{
    struct strobe_local local;
    bool is_local = site->base != STROBE_SITE_GLOBAL && find_local(n, site->base_name, &local);
    bool global = site->base == STROBE_SITE_GLOBAL || (site->base == STROBE_SITE_CALL && !is_local); /* a call: of either */
    size_t before = n->name->len;
    uint64_t globals, value;

    if (is_local)
        strobe_naming_variable(n, &local);
    if (!global)
        strobe_naming_put_function(n);
    else if (strobe_naming_globals(n, &globals) &&
             strobe_naming_read(n, strobe_py_dict_get(n->mem, n->lay, globals, site->base_name, &value)))
        strobe_naming_put_module(n, globals); /* built-in names have no module in front */
    strobe_buf_printf(n->name, "%s%s%s", n->name->len > before ? "." : "", site->base_name, site->base == STROBE_SITE_CALL ? "()" : "");
}

/* Objects that are but a bag of names: their class tells nothing. */
static bool is_bag(struct strobe_naming *n, uint64_t obj)
{
    return strobe_naming_is_of(n, obj, "SimpleNamespace") || strobe_naming_is_of(n, obj, "Namespace");
}

static void put_site(struct strobe_naming *n, const struct strobe_site *site, const struct walk *w)
{
    if (w->owner && !is_bag(n, w->owner)) {
        size_t before = n->name->len;

        const char *rest = put_owner(n, w);

        strobe_buf_printf(n->name, "%s%s", n->name->len > before ? "." : "", rest);
        return;
    }
    put_variable(n, site);
    strobe_buf_printf(n->name, "%s%s", site->path[0] && site->path[0] != '[' ? "." : "", site->path);
}

/* exact: followed from object to object, it has led to the thing. */
static enum strobe_worth worth_of(const struct strobe_site *site, const struct walk *w, bool exact)
{
    if (!strcmp(site->base_name, "super") || (!site->path[0] && !strcmp(site->base_name, "self")))
        return STROBE_WORTH_ITSELF;
    if (strchr(site->path, '(') || site->base == STROBE_SITE_CALL || (w->whole && !exact))
        return STROBE_WORTH_CALL;
    return site->base == STROBE_SITE_GLOBAL || w->owner ? STROBE_WORTH_THING : STROBE_WORTH_PLACE;
}

/* sure: something else says already that the expression led to the thing, whose name goes on with `suffix`. */
static enum strobe_worth name_by_site(struct strobe_naming *n, const struct strobe_site *site, bool sure, const char *suffix)
{
    struct walk w = {.step = ""};
    enum strobe_worth worth;
    bool exact;

    if (site->base == STROBE_SITE_NONE)
        return STROBE_WORTH_NONE;
    if (base_object(n, site, &w.obj))
        follow(n, site->path, &w);
    exact = w.whole && leads_to(n, w.obj, &suffix);
    if (w.whole && !exact && w.obj != n->object) { /* it is another one by now, or a property */
        char class_name[STROBE_NAMING_CLASS];

        if (strobe_naming_class(n, n->object, class_name) || strobe_naming_is_of(n, w.obj, class_name) ||
            strobe_naming_is_of(n, w.obj, "NoneType"))
            return STROBE_WORTH_NONE;
    }
    if (!exact && !sure && !fits(n, site, &suffix))
        return STROBE_WORTH_NONE;
    worth = worth_of(site, &w, exact);
    if (worth == STROBE_WORTH_ITSELF)
        return worth;
    put_site(n, site, &w);
    strobe_buf_puts(n->name, suffix);
    return worth;
}

/* What stands in the call that is awaited: wait_for(self._gate.wait(), 5), stack.enter_async_context(self._lock). */
static enum strobe_worth name_by_arguments(struct strobe_naming *n, const struct strobe_raw_frame *frame)
{
    struct strobe_site sites[STROBE_SITE_MAX_ARGUMENTS];
    enum strobe_worth worth = STROBE_WORTH_NONE;
    size_t n_sites;

    if (!strobe_naming_read(n, strobe_site_arguments(n->mem, n->lay, frame->code, (int64_t)frame->instr, sites, STROBE_SITE_MAX_ARGUMENTS,
                                                     &n_sites)))
        return STROBE_WORTH_NONE;
    for (size_t i = 0; i < n_sites && worth == STROBE_WORTH_NONE; i++) {
        const char *suffix = "";
        bool sure = (i == 0 && !n->borrowed && n->at > 0 && !sites[0].method[0] && was_given(n, n->at - 1, 1, 1, &suffix)) ||
                    (n->wait->kind != STROBE_WAIT_FUTURE && is_method(&sites[i]));

        worth = name_by_site(n, &sites[i], sure, suffix);
    }
    return worth == STROBE_WORTH_ITSELF ? STROBE_WORTH_NONE : worth;
}

/* ---- contexts that are held ---- */

/* The context manager whose __aexit__ lies in a slot of the frame's value stack; 0 = unknown. */
static uint64_t context_at(struct strobe_naming *n, uint32_t index)
{
    uint64_t slot[2], self, function;
    enum strobe_role role;

    if (!strobe_naming_read(n, strobe_py_stack_pair(n->mem, n->lay, n->frame, n->code, index, slot)))
        return 0;
    role = strobe_naming_is_of(n, slot[0], "method") ? STROBE_ROLE_METHOD
           : strobe_naming_is_of(n, slot[0], "function") ? STROBE_ROLE_FUNCTION : STROBE_ROLE_NONE;
    return strobe_naming_read(n, strobe_chain_bound(n->mem, n->lay, role, slot[0], slot[1], &self, &function)) ? self : 0;
}

static enum strobe_worth name_held(struct strobe_naming *n, const struct strobe_raw_frame *frame)
{
    struct strobe_site sites[STROBE_SITE_MAX_HELD];
    enum strobe_worth worth = STROBE_WORTH_NONE;
    size_t n_sites = 0;
    const char *suffix;

    if (!strobe_naming_read(n, strobe_site_enclosing(n->mem, n->lay, frame->code, (int64_t)frame->instr, sites, STROBE_SITE_MAX_HELD,
                                                     &n_sites)))
        return STROBE_WORTH_NONE;
    for (size_t i = 0; i < n_sites && worth == STROBE_WORTH_NONE; i++)
        if (leads_to(n, context_at(n, sites[i].stack), &suffix))
            worth = name_by_site(n, &sites[i], true, suffix);
    return worth;
}

/* ---- all of it ---- */

enum strobe_worth strobe_naming_by_code(struct strobe_naming *n)
{
    enum strobe_worth worth = STROBE_WORTH_ITSELF;

    for (uint32_t at = n->at, last = at + MAX_OWN; worth == STROBE_WORTH_ITSELF && at < last && at < n->task->n_frames; at++) {
        const struct strobe_raw_frame *frame = &n->task->frames[at];
        struct strobe_site site;

        worth = STROBE_WORTH_NONE;
        if (!strobe_naming_ask(n, at))
            break;
        if (n->wait->held_there)
            worth = name_held(n, frame);
        else if (strobe_naming_read(n, strobe_site_find(n->mem, n->lay, frame->code, (int64_t)frame->instr, &site)))
            worth = name_by_site(n, &site, false, "");
        if (worth == STROBE_WORTH_NONE && !n->wait->held_there)
            worth = name_by_arguments(n, frame);
    }
    return worth == STROBE_WORTH_ITSELF ? STROBE_WORTH_NONE : worth;
}
