/* SPDX-License-Identifier: Apache-2.0 */
#include "naming/callnames.h"

#include <string.h>

#include "naming/callables.h"
#include "runtime/callsite.h"
#include "runtime/pyobj.h"

enum { MAX_KNOWN = 1 << 16 }; /* places that are remembered; then the memory starts over */

struct strobe_callname {
    uint32_t stack; /* slot of the value stack, as struct strobe_site has it */
    bool with;
    char text[];    /* "" = no call there */
};

void strobe_callnames_init(struct strobe_callnames *names, struct strobe_mem *mem, const struct strobe_layout *lay,
                           struct strobe_coderoles *codes)
{
    *names = (struct strobe_callnames){.mem = mem, .lay = lay, .codes = codes};
}

void strobe_callnames_release(struct strobe_callnames *names)
{
    strobe_htab_release(&names->known);
    strobe_arena_release(&names->arena);
    strobe_buf_release(&names->text);
}

static int remember(struct strobe_callnames *names, const struct strobe_raw_frame *frame, const struct strobe_site *site,
                    const struct strobe_callname **ret)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    struct strobe_callname *call;
    size_t size;

    if (names->known.count >= MAX_KNOWN) {
        strobe_htab_clear(&names->known);
        strobe_arena_reset(&names->arena);
    }
    if (site)
        strobe_site_text(site, &text);
    size = strlen(strobe_buf_str(&text)) + 1;
    call = text.failed ? NULL : strobe_arena_alloc(&names->arena, sizeof *call + size);
    if (call) {
        call->stack = site ? site->stack : 0;
        call->with = site && site->role == STROBE_SITE_WITH;
        memcpy(call->text, strobe_buf_str(&text), size);
    }
    strobe_buf_release(&text);
    if (!call || strobe_htab_put(&names->known, frame->code, frame->instr, (uint64_t)(uintptr_t)call))
        return STROBE_ERR_NOMEM;
    *ret = call;
    return 0;
}

/* *ret NULL: it could not be read this time. */
static int find(struct strobe_callnames *names, const struct strobe_raw_frame *frame, const struct strobe_callname **ret)
{
    struct strobe_site site;
    uint64_t *known;
    int err;

    if (names->changes != names->codes->changes) {
        names->changes = names->codes->changes;
        strobe_htab_clear(&names->known);
        strobe_arena_reset(&names->arena);
    }
    known = strobe_htab_get(&names->known, frame->code, frame->instr);
    *ret = known ? (const struct strobe_callname *)(uintptr_t)*known : NULL;
    if (known)
        return 0;
    err = strobe_site_call(names->mem, names->lay, frame->code, (int64_t)frame->instr, &site);
    if (!err || err == STROBE_ERR_MISSING || err == STROBE_ERR_LIMIT)
        return remember(names, frame, err ? NULL : &site, ret);
    return err == STROBE_ERR_NOMEM ? err : 0;
}

/* ---- what is called ---- */

/* Is it a callable made in C?  A class counts: its __init__ in Python would have a frame. */
static bool is_c_callable(struct strobe_callnames *names, uint64_t obj)
{
    static const char *const types[] = {
        "builtin_function_or_method", "builtin_method", "method_descriptor", "classmethod_descriptor", "wrapper_descriptor",
        "method-wrapper", "type", "functools.partial", "functools._lru_cache_wrapper", "numpy.ufunc",
        "cython_function_or_method", "fused_cython_function", "nb_func", "nb_method",
    };
    char name[64];
    const char *last;
    uint64_t type;

    if (!obj || strobe_py_type(names->mem, names->lay, obj, &type))
        return false;
    if (type == names->c_type)
        return true;
    if (strobe_py_type_name(names->mem, names->lay, type, name, sizeof name))
        return false;
    last = strrchr(name, '.'); /* Cython's and nanobind's have their version in front */
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(name, types[i]) == 0 || (last && strcmp(last + 1, types[i]) == 0)) {
            names->c_type = type;
            return true;
        }
    return false;
}

/* What is called, if it is made in C; 0 = it is not.  The frame's stack pointer may be out of date while its code runs; the slots below
 * are not. */
static uint64_t called(struct strobe_callnames *names, const struct strobe_raw_frame *frame, const struct strobe_callname *call)
{
    uint64_t slot[2], enter;

    if (strobe_py_stack_pair(names->mem, names->lay, frame->frame, frame->code, call->stack, slot))
        return 0;
    if (is_c_callable(names, slot[0] ? slot[0] : slot[1]))
        return slot[0] ? slot[0] : slot[1];
    return call->with && slot[0] && !strobe_py_getattr(names->mem, names->lay, slot[0], "__enter__", &enter) && is_c_callable(names, enter)
               ? enter : 0;
}

/* A worker's frame calls what was handed to it by whatever name: that of the callable says more. */
static const char *by_callable(struct strobe_callnames *names, const struct strobe_code_entry *code, uint64_t callable)
{
    strobe_buf_clear(&names->text);
    if (code->role != STROBE_CODE_WORKER_CALL || !strobe_callable_name(names->mem, names->lay, callable, &names->text))
        return NULL;
    return strobe_buf_str(&names->text);
}

int strobe_callnames_of(struct strobe_callnames *names, const struct strobe_raw_frame *frame, const char **ret_text)
{
    const struct strobe_callname *call = NULL;
    const struct strobe_code_entry *code;
    const char *own;
    uint64_t callable;
    int err = 0;

    *ret_text = "";
    if (frame->code <= STROBE_CODE_UNREADABLE || !frame->frame || !(code = strobe_coderoles_get(names->codes, frame->code)))
        return 0;
    err = find(names, frame, &call);
    if (err || !call || !call->text[0] || !(callable = called(names, frame, call)))
        return err;
    own = by_callable(names, code, callable);
    *ret_text = own ? own : call->text;
    return names->text.failed ? STROBE_ERR_NOMEM : 0;
}
