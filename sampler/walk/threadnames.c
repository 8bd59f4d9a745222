/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/threadnames.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/grow.h"
#include "runtime/pyobj.h"

enum { MAX_NAMES = 65536, STALE_NS = 1000000000, RETRY_NS = 100000000 };

static void clear(struct strobe_threadnames *names)
{
    for (uint32_t i = 0; i < names->n; i++)
        free(names->at[i].text);
    names->n = 0;
}

void strobe_threadnames_release(struct strobe_threadnames *names)
{
    clear(names);
    free(names->at);
    *names = (struct strobe_threadnames){NULL, 0, 0, 0};
}

struct reading {
    struct strobe_threadnames *names;
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    uint64_t interp;
};

static int add(struct strobe_threadnames *names, uint64_t interp, uint64_t ident, const char *text)
{
    if (strobe_grow(&names->at, &names->cap, names->n + 1, sizeof *names->at))
        return STROBE_ERR_NOMEM;
    names->at[names->n] = (struct strobe_threadname){interp, ident, strdup(text)};
    if (!names->at[names->n].text)
        return STROBE_ERR_NOMEM;
    names->n++;
    return 0;
}

/* One item of threading._active: {ident: Thread}.  Items that cannot be read are passed over. */
static int take_item(void *ctx, uint64_t key, uint64_t value)
{
    struct reading *r = ctx;
    struct strobe_buf text = STROBE_BUF_INIT;
    uint64_t name;
    int64_t ident;
    int err = 0;

    if (r->names->n < MAX_NAMES && !strobe_py_int(r->mem, r->lay, key, &ident) &&
        !strobe_py_attr(r->mem, r->lay, value, "_name", &name) && !strobe_py_str(r->mem, r->lay, name, &text))
        err = add(r->names, r->interp, (uint64_t)ident, strobe_buf_str(&text));
    strobe_buf_release(&text);
    return err;
}

static void read_names(struct strobe_threadnames *names, struct strobe_mem *mem, const struct strobe_layout *lay,
                       const struct strobe_interp *interps, uint32_t n_interps)
{
    clear(names);
    strobe_mem_epoch(mem);
    for (uint32_t i = 0; i < n_interps; i++) {
        struct reading reading = {names, mem, lay, (uint64_t)interps[i].id};
        uint64_t dict, active;

        if (!strobe_py_module_dict(mem, lay, interps[i].addr, "threading", &dict) &&
            !strobe_py_dict_get(mem, lay, dict, "_active", &active))
            strobe_py_dict_each(mem, lay, active, take_item, &reading);
    }
}

static const char *find(const struct strobe_threadnames *names, const struct strobe_thread *thread)
{
    for (uint32_t i = 0; i < names->n; i++)
        if (names->at[i].ident == thread->pthread && names->at[i].interp == (uint64_t)thread->interp)
            return names->at[i].text;
    return NULL;
}

const char *strobe_threadnames_get(struct strobe_threadnames *names, struct strobe_mem *mem, const struct strobe_layout *lay,
                                   const struct strobe_interp *interps, uint32_t n_interps, const struct strobe_thread *thread,
                                   uint64_t now_ns)
{
    uint64_t age = now_ns - names->read_ns;
    const char *name = find(names, thread);

    if (!names->read_ns || age > STALE_NS || (!name && age > RETRY_NS)) {
        read_names(names, mem, lay, interps, n_interps);
        names->read_ns = now_ns ? now_ns : 1;
        name = find(names, thread);
    }
    return name ? name : "";
}
