/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/layout.h"

#include <stdio.h>
#include <string.h>

enum {
    WHY_SIZE = 160,
    MAX_INTERPRETERS = 4096, /* of a list that ends where the memory is what it should be */
    MAX_THREADS = 256,       /* enough to find one with a frame */
    MAX_SHIMS = 64,          /* frames of C calls above the first Python one */
    ATTEMPTS = 50,           /* the target runs meanwhile: what is read may be torn, but not every time */
};

static int refuse(char *why, int code, const char *text)
{
    if (why)
        snprintf(why, WHY_SIZE, "%s", text);
    return code;
}

/* Is there a code object at this address?  The text of its type's name tells; its basic size must be ours. */
static int check_code(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code)
{
    uint64_t type, name, basicsize;
    char text[8];
    int err;

    err = strobe_mem_u64(mem, code + lay->ob_type, &type);
    if (!err)
        err = strobe_mem_u64(mem, type + lay->ty_name, &name);
    if (!err)
        err = strobe_mem_u64(mem, type + lay->ty_basicsize, &basicsize);
    if (!err)
        err = strobe_mem_cstr(mem, name, text, sizeof text);
    if (err)
        return err;
    return strcmp(text, "code") == 0 && basicsize == lay->co_size ? 0 : STROBE_ERR_OBJECT;
}

/* The innermost frame that has a code object.  STROBE_ERR_MISSING: the thread runs no Python. */
static int check_frames(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t tstate)
{
    uint64_t frame, code;
    uint8_t owner;
    int err;

    err = strobe_mem_u64(mem, tstate + lay->ts_frame, &frame);
    if (!err && lay->frames == STROBE_FRAMES_CFRAME) {
        if (!frame)
            return STROBE_ERR_MISSING;
        err = strobe_mem_u64(mem, frame + lay->cframe_current, &frame);
    }
    for (int i = 0; !err && i < MAX_SHIMS; i++) {
        if (!frame)
            return STROBE_ERR_MISSING;
        if (lay->owner_skip == STROBE_NONE)
            owner = 0;
        else if ((err = strobe_mem_u8(mem, frame + lay->fr_owner, &owner)) != 0)
            break;
        if (lay->owner_skip == STROBE_NONE || owner < lay->owner_skip) {
            err = strobe_mem_u64(mem, frame + lay->fr_code, &code);
            return err ? err : check_code(mem, lay, code & ~(uint64_t)lay->pointer_mask_low);
        }
        err = strobe_mem_u64(mem, frame + lay->fr_previous, &frame);
    }
    return err ? err : STROBE_ERR_MISSING;
}

/* One look at an interpreter's threads.  STROBE_ERR_MISSING: none runs Python; _OBJECT: something is not what it should be. */
static int check_threads(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t interp, const char **ret_what)
{
    int err, worst = STROBE_ERR_MISSING;
    uint64_t tstate, owner;

    err = strobe_mem_u64(mem, interp + lay->in_threads_head, &tstate);
    for (int i = 0; !err && tstate && i < MAX_THREADS; i++) {
        err = strobe_mem_u64(mem, tstate + lay->ts_interp, &owner);
        if (!err && owner != interp) {
            *ret_what = "its list of threads is not where it should be";
            return STROBE_ERR_OBJECT;
        }
        if (!err)
            err = check_frames(mem, lay, tstate);
        if (!err)
            return 0;
        if (strobe_err_class(err) == STROBE_CLASS_FATAL)
            return err;
        if (err != STROBE_ERR_MISSING) { /* this thread may be running: another one may stand still */
            *ret_what = "its frames are not where they should be";
            worst = err;
        }
        err = strobe_mem_u64(mem, tstate + lay->ts_next, &tstate);
    }
    return err ? err : worst;
}

/* One look at the whole.  NOTREADY while there is no thread. */
static int check_once(struct strobe_mem *mem, const struct strobe_layout *lay, const char **ret_what)
{
    uint64_t interp, next, id, tstate = 0;
    int err, found = STROBE_ERR_MISSING;

    *ret_what = "its list of interpreters is not where it should be";
    err = strobe_mem_u64(mem, lay->runtime + lay->rt_interpreters_head, &interp);
    if (!err && !interp)
        return STROBE_ERR_NOTREADY;
    for (int i = 0; !err && i < MAX_INTERPRETERS; i++, interp = next) {
        err = strobe_mem_u64(mem, interp + lay->in_id, &id);
        if (!err)
            err = strobe_mem_u64(mem, interp + lay->in_next, &next);
        if (err)
            return err;
        if (next) { /* newest first: the main interpreter, id 0, comes last */
            if (id == 0)
                return STROBE_ERR_OBJECT;
            continue;
        }
        if (id != 0)
            return STROBE_ERR_OBJECT;
        err = strobe_mem_u64(mem, interp + lay->in_threads_head, &tstate);
        if (err)
            return err;
        if (!tstate)
            return STROBE_ERR_NOTREADY;
        found = check_threads(mem, lay, interp, ret_what);
        return found == STROBE_ERR_MISSING ? 0 : found;
    }
    return err ? err : STROBE_ERR_OBJECT;
}

int strobe_layout_check(struct strobe_mem *mem, const struct strobe_layout *lay, char *why)
{
    const char *what = "";
    int err = 0;

    for (int i = 0; i < ATTEMPTS; i++) {
        strobe_mem_epoch(mem);
        err = check_once(mem, lay, &what);
        if (!err)
            return 0;
        if (err == STROBE_ERR_NOTREADY)
            return refuse(why, err, "its Python runtime is not initialised yet");
        if (strobe_err_class(err) == STROBE_CLASS_FATAL)
            return refuse(why, err, strobe_err_text(err));
    }
    return refuse(why, STROBE_ERR_LAYOUT, what);
}
