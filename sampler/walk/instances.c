/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/instances.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyspan.h"

enum {
    MAX_CLASSES = 4096, /* with their subclasses; a program has some dozens */
    MAX_DEPTH = 32,     /* of subclasses of subclasses */
    OBJECT_SPAN = 64,   /* the two words of the collector before an object, and its header */
    PASSES = 3,         /* looks at a hit until it is refused */
    TRACKED = 1,        /* _PyGC_BITS_TRACKED, pycore_gc.h */
    COLLECTING = 2,     /* _PyGC_PREV_MASK_COLLECTING: what is above is a count */
    PREV_SHIFT = 2,
};
#define LINK_BITS UINT64_C(7)

void strobe_instances_init(struct strobe_instances *instances, struct strobe_mem *mem, const struct strobe_layout *lay,
                           struct strobe_roles *roles)
{
    *instances = (struct strobe_instances){.mem = mem, .lay = lay, .roles = roles};
    strobe_heapscan_init(&instances->scan, mem);
}

/* What a scan that was ending has found. */
static void forget(struct strobe_instances *instances)
{
    free(instances->found);
    instances->found = NULL;
    instances->n_found = instances->cap_found = 0;
    instances->pass = 0;
    instances->next = instances->left = 0;
}

void strobe_instances_release(struct strobe_instances *instances)
{
    strobe_heapscan_release(&instances->scan);
    free(instances->at);
    instances->at = NULL;
    instances->n = 0;
    forget(instances);
}

/* ---- classes ---- */

bool strobe_instance_counts(enum strobe_role role)
{
    switch (role) {
    case STROBE_ROLE_SEMAPHORE:
    case STROBE_ROLE_BOUNDED_SEMAPHORE:
    case STROBE_ROLE_QUEUE:
    case STROBE_ROLE_LIMITER:
    case STROBE_ROLE_ANYIO_SEMAPHORE:
    case STROBE_ROLE_THREAD_POOL:
    case STROBE_ROLE_INTERPRETER_POOL:
    case STROBE_ROLE_PROCESS_POOL:
    case STROBE_ROLE_THREADING_SEMAPHORE:
    case STROBE_ROLE_THREADING_BOUNDED_SEMAPHORE:
    case STROBE_ROLE_THREADING_QUEUE: return true;
    default: return false;
    }
}

struct classes {
    struct strobe_instances *instances;
    unsigned depth;
};

static int want(void *ctx, uint64_t type)
{
    const struct classes *c = ctx;
    struct strobe_instances *in = c->instances;
    struct classes below = {in, c->depth + 1};
    int err;

    if (strobe_htab_get(&in->scan.wanted, type, 0) || in->scan.wanted.count == MAX_CLASSES || c->depth == MAX_DEPTH ||
        !strobe_instance_counts(strobe_roles_of_type(in->roles, type)))
        return 0;
    err = strobe_heapscan_want(&in->scan, type);
    if (!err && strobe_py_subclasses_each(in->mem, in->lay, type, want, &below) == STROBE_ERR_NOMEM)
        err = STROBE_ERR_NOMEM;
    return err;
}

int strobe_instances_begin(struct strobe_instances *instances, const uint64_t *interps, size_t n, size_t *ret_classes)
{
    struct classes top = {instances, 0};
    const struct strobe_role_class *known;
    uint64_t dict, type;
    int err = 0;

    forget(instances);
    strobe_heapscan_release(&instances->scan);
    strobe_heapscan_init(&instances->scan, instances->mem);
    for (size_t i = 0; !err && i < n; i++)
        for (size_t k = 0; !err && (known = strobe_roles_class(k)); k++)
            if (strobe_instance_counts(known->role) &&
                !strobe_py_module_dict(instances->mem, instances->lay, interps[i], known->module, &dict) &&
                !strobe_py_dict_get(instances->mem, instances->lay, dict, known->name, &type))
                err = want(&top, type);
    if (!err)
        *ret_classes = instances->scan.wanted.count;
    return err;
}

int strobe_instances_scan(struct strobe_instances *instances, uint64_t addr, uint64_t bytes)
{
    return strobe_heapscan_run(&instances->scan, addr, bytes);
}

/* ---- objects ---- */

/* Does the collector know it?  Its lists are doubly linked, but not while it works on them: there the objects of the generation that it
 * collects have a count in the place of the link back, with a mark below it, and those that it found reachable have theirs already while
 * the next one has not.  One that was untracked, as any is before it is freed, has neither link (CPython: Python/gc.c or
 * Modules/gcmodule.c, pycore_gc.h; the lowest bits of the links are the collector's).
 *
 *      head: next ──>  <── prev :next       either way is enough, or COLLECTING and a count of no more than all references */
static bool is_linked(struct strobe_mem *mem, uint64_t head, uint64_t next, uint64_t prev, uint32_t count)
{
    uint64_t back;

    next &= ~LINK_BITS;
    if (!strobe_py_plausible(next))
        return false;
    if (!strobe_mem_u64(mem, next + 8, &back) && (back & ~LINK_BITS) == head)
        return true;
    if (prev & COLLECTING)
        return prev >> PREV_SHIFT <= count;
    prev &= ~LINK_BITS;
    return strobe_py_plausible(prev) && !strobe_mem_u64(mem, prev, &back) && (back & ~LINK_BITS) == head;
}

bool strobe_instance_lives(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_instance *instance)
{
    uint64_t before = lay->gc_head == STROBE_NONE ? 0 : lay->gc_head, addr = instance->addr;
    unsigned char span[OBJECT_SPAN];
    uint32_t count;

    if (!strobe_py_plausible(addr) || addr < 4096 + before || before + lay->ob_header > sizeof span ||
        strobe_mem_read(mem, addr - before, span, before + lay->ob_header))
        return false;
    count = strobe_span_u32(span, before + lay->ob_refcnt);
    if (strobe_span_u64(span, before + lay->ob_type) != instance->type)
        return false;
    if (before)
        return count && is_linked(mem, addr - before, strobe_span_u64(span, 0), strobe_span_u64(span, 8), count);
    /* A shared count has two bits of state below it (Include/refcount.h). */
    return (count || strobe_span_u64(span, lay->ob_ref_shared) >> 2) && strobe_span_u8(span, lay->ob_gc_bits) & TRACKED;
}

static int keep(struct strobe_instances *instances, uint64_t hit, bool *ret_kept)
{
    struct strobe_instance one = {.addr = hit - instances->lay->ob_type};

    *ret_kept = !strobe_mem_u64(instances->mem, hit, &one.type) && strobe_htab_get(&instances->scan.wanted, one.type, 0) &&
                strobe_instance_lives(instances->mem, instances->lay, &one);
    if (!*ret_kept)
        return 0;
    one.role = strobe_roles_of_type(instances->roles, one.type);
    if (strobe_grow(&instances->found, &instances->cap_found, instances->n_found + 1, sizeof *instances->found))
        return STROBE_ERR_NOMEM;
    instances->found[instances->n_found++] = one;
    return 0;
}

static int by_address(const void *left, const void *right)
{
    const struct strobe_instance *a = left, *b = right;

    return (a->addr > b->addr) - (a->addr < b->addr);
}

/* Those that are known already are hits, too. */
static int begin_end(struct strobe_instances *instances)
{
    struct strobe_heapscan *scan = &instances->scan;

    if (strobe_grow(&scan->hits, &scan->cap_hits, scan->n_hits + instances->n + 1, sizeof *scan->hits))
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < instances->n; i++)
        scan->hits[scan->n_hits++] = instances->at[i].addr + instances->lay->ob_type;
    instances->pass = 1;
    return 0;
}

/* What was found becomes what is known; each once. */
static void publish(struct strobe_instances *instances)
{
    size_t n = 0;

    if (instances->n_found)
        qsort(instances->found, instances->n_found, sizeof *instances->found, by_address);
    for (size_t i = 0; i < instances->n_found; i++)
        if (!n || instances->found[n - 1].addr != instances->found[i].addr)
            instances->found[n++] = instances->found[i];
    free(instances->at);
    instances->at = instances->found;
    instances->n = n;
    instances->found = NULL;
    forget(instances);
    strobe_heapscan_clear(&instances->scan);
}

/* Those that were refused are looked at again, in memory as it is then: the page with an object and that with its neighbour in the
 * collector's list may have been read before and after one was put between them. */
int strobe_instances_end(struct strobe_instances *instances, uint64_t most, bool *ret_done)
{
    struct strobe_heapscan *scan = &instances->scan;
    int err = instances->pass ? 0 : begin_end(instances);
    bool kept;

    for (; !err && instances->pass <= PASSES && most; most--) {
        if (instances->next == scan->n_hits) {
            scan->n_hits = instances->left;
            instances->next = instances->left = 0;
            instances->pass = scan->n_hits ? instances->pass + 1 : PASSES + 1;
            strobe_mem_epoch(instances->mem);
            continue;
        }
        err = keep(instances, scan->hits[instances->next], &kept);
        if (!kept)
            scan->hits[instances->left++] = scan->hits[instances->next];
        instances->next++;
    }
    if (err) {
        forget(instances);
        return err;
    }
    *ret_done = instances->pass > PASSES;
    if (*ret_done)
        publish(instances);
    return 0;
}
