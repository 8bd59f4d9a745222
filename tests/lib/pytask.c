/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/pytask.h"

#include <stdlib.h>
#include <string.h>

#include "walk/frames.h"

enum { CODE_UNITS = 32, FREE = 0x80, LOCAL = 0x20, BLOCK_ITEMS = 64, TAG = 1 };

/* What 3.14 and 3.15 do otherwise with frames. */
static void make_later(struct strobe_layout *lay)
{
    lay->stack_kind = STROBE_STACK_POINTER;
    lay->awaited_slot = 2;
    lay->gen_created = 0, lay->gen_yielded = 1, lay->gen_awaiting = 2, lay->gen_awaiting_locked = 3, lay->gen_executing = 4;
    lay->resume_awaiting = STROBE_NONE;
    lay->pointer_mask_low = 3;
}

void pytask_open(struct pytask *t, int version)
{
    static const struct {
        const char *name;
        size_t at;
    } types[] = {
#define TYPE(member, name) {name, offsetof(struct pytask, member)}
        TYPE(coroutine, "coroutine"), TYPE(async_generator, "async_generator"), TYPE(wrapper, "coroutine_wrapper"),
        TYPE(asend, "async_generator_asend"), TYPE(anext, "anext_awaitable"), TYPE(future_iter, "_asyncio.FutureIter"),
        TYPE(future, "_asyncio.Future"), TYPE(task, "_asyncio.Task"), TYPE(method, "method"), TYPE(deque, "collections.deque"),
        TYPE(partial, "functools.partial"), TYPE(builtin, "builtin_function_or_method"),
#undef TYPE
    };

    t->heap = pyheap_new(version == PYTASK_LATER ? PYHEAP_312 : (enum pyheap_version)version);
    t->heap->lay.frames = version >= PYHEAP_311 ? STROBE_FRAMES_CFRAME : STROBE_FRAMES_HEAP;
    if (version == PYTASK_LATER)
        make_later(&t->heap->lay);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        *(uint64_t *)((char *)t + types[i].at) = pyheap_static(t->heap, types[i].name);
}

/* Appends blank-separated names as str objects. */
static size_t add_names(struct pytask *t, const char *names, uint64_t *ret, size_t n)
{
    char text[256], *rest = text, *word;

    strcpy(text, names);
    while ((word = strsep(&rest, " ")))
        if (*word)
            ret[n++] = pyheap_str(t->heap, word);
    return n;
}

static void put_names(struct pytask *t, uint64_t code, const char *locals, const char *cells)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t names[2 * PYTASK_MAX];
    size_t n = add_names(t, locals, names, 0), all = add_names(t, cells, names, n);
    unsigned char kinds[2 * PYTASK_MAX];

    if (lay->co_localsplusnames == STROBE_NONE) {
        pyheap_word(t->heap, code + lay->co_varnames, pyheap_tuple(t->heap, names, n));
        pyheap_word(t->heap, code + lay->co_cellvars, pyheap_tuple(t->heap, NULL, 0));
        pyheap_word(t->heap, code + lay->co_freevars, pyheap_tuple(t->heap, names + n, all - n));
        pyheap_put(t->heap, code + lay->co_nlocals, &(uint32_t){(uint32_t)n}, 4);
        return;
    }
    for (size_t i = 0; i < all; i++)
        kinds[i] = i < n ? LOCAL : FREE;
    pyheap_word(t->heap, code + lay->co_localsplusnames, pyheap_tuple(t->heap, names, all));
    pyheap_word(t->heap, code + lay->co_localspluskinds, pyheap_bytes(t->heap, kinds, all));
    pyheap_put(t->heap, code + lay->co_nlocalsplus, &(uint32_t){(uint32_t)all}, 4);
}

uint64_t pytask_code(struct pytask *t, const char *file, const char *name, uint32_t flags, const char *locals, const char *cells)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t code = pyheap_object(t->heap, t->heap->type[PYHEAP_CODE], 0, lay->co_size + 2 * CODE_UNITS);
    unsigned char units[2 * CODE_UNITS];

    for (size_t i = 0; i < sizeof units; i += 2)
        units[i] = 1, units[i + 1] = 0;
    if (lay->yield_from_opcode != STROBE_NONE)
        units[PYTASK_AWAIT_AT + 2] = (unsigned char)lay->yield_from_opcode;
    else
        units[PYTASK_AWAIT_AT + 3] = 3;
    if (lay->frames == STROBE_FRAMES_HEAP)
        pyheap_word(t->heap, code + lay->co_code, pyheap_bytes(t->heap, units, sizeof units));
    else
        pyheap_put(t->heap, code + lay->co_code, units, sizeof units);
    pyheap_word(t->heap, code + lay->co_filename, pyheap_str(t->heap, file));
    pyheap_word(t->heap, code + lay->co_name, pyheap_str(t->heap, name));
    pyheap_word(t->heap, code + lay->co_linetable, pyheap_bytes(t->heap, "\x80\x00", 2));
    pyheap_put(t->heap, code + lay->co_flags, &flags, sizeof flags);
    if (lay->co_firsttraceable != STROBE_NONE)
        pyheap_put(t->heap, code + lay->co_firsttraceable, &(uint32_t){2}, 4);
    put_names(t, code, locals, cells);
    return code;
}

static unsigned char state_byte(const struct strobe_layout *lay, enum strobe_chain_state state, int instr)
{
    switch (state) {
    case STROBE_CHAIN_CREATED: return (unsigned char)lay->gen_created;
    case STROBE_CHAIN_EXECUTING: return (unsigned char)lay->gen_executing;
    case STROBE_CHAIN_SUSPENDED: return (unsigned char)(instr == PYTASK_AWAIT_AT ? lay->gen_awaiting : lay->gen_yielded);
    default: return 100;
    }
}

static void put_stack_end(struct pytask *t, uint64_t frame, size_t n_locals, size_t n)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t base = frame + lay->fr_localsplus;

    if (lay->fr_valuestack != STROBE_NONE)
        pyheap_word(t->heap, frame + lay->fr_valuestack, base + 8 * n_locals);
    switch ((enum strobe_stack_kind)lay->stack_kind) {
    case STROBE_STACK_POINTER: pyheap_word(t->heap, frame + lay->fr_stacktop, base + 8 * n); break;
    case STROBE_STACK_INDEX: pyheap_put(t->heap, frame + lay->fr_stacktop, &(uint32_t){(uint32_t)n}, 4); break;
    case STROBE_STACK_DEPTH: pyheap_put(t->heap, frame + lay->fr_stacktop, &(uint32_t){(uint32_t)(n - n_locals)}, 4); break;
    }
}

static size_t count_locals(struct pytask *t, uint64_t code)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint32_t n = 0;
    uint64_t frees, all = 0;

    if (lay->co_nlocalsplus != STROBE_NONE) {
        strobe_mem_u32(&t->heap->mem, code + lay->co_nlocalsplus, &n);
        return n;
    }
    strobe_mem_u32(&t->heap->mem, code + lay->co_nlocals, &n);
    if (!strobe_mem_u64(&t->heap->mem, code + lay->co_freevars, &frees))
        strobe_mem_u64(&t->heap->mem, frees + lay->tuple_size, &all);
    return n + all;
}

/* The frame's words at `frame`. */
static void fill_frame(struct pytask *t, uint64_t frame, uint64_t code, enum strobe_chain_state state, int instr, const uint64_t *values,
                       size_t n)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t tag = lay->pointer_mask_low ? TAG : 0;

    pyheap_word(t->heap, frame + lay->fr_code, code | tag);
    if (lay->frames == STROBE_FRAMES_HEAP) {
        int32_t lasti = state == STROBE_CHAIN_CREATED ? -1 : instr / (int)lay->lasti_unit;
        unsigned char executing = 0; /* a value that is not in executing_mask, unless it shall be */

        while (executing < 8 && (lay->executing_mask >> executing & 1) != (state == STROBE_CHAIN_EXECUTING))
            executing++;
        pyheap_put(t->heap, frame + lay->fr_instr, &lasti, sizeof lasti);
        pyheap_put(t->heap, frame + lay->fr_executing, &executing, 1);
    } else {
        pyheap_word(t->heap, frame + lay->fr_instr, code + lay->co_code + (uint64_t)instr);
    }
    for (size_t i = 0; i < n; i++)
        pyheap_word(t->heap, frame + lay->fr_localsplus + 8 * i, values[i] ? values[i] | tag : 0);
    put_stack_end(t, frame, count_locals(t, code), n);
}

uint64_t pytask_gen(struct pytask *t, uint64_t type, uint64_t code, enum strobe_chain_state state, int instr, const uint64_t *values,
                    size_t n)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t gen, frame;

    if (lay->frames == STROBE_FRAMES_HEAP) {
        gen = pyheap_object(t->heap, type, 0, lay->gen_frame + 64);
        frame = state == STROBE_CHAIN_FINISHED ? 0 : pyheap_room(t->heap, 0, lay->fr_localsplus + 8 * (n + PYTASK_MAX));
        pyheap_word(t->heap, gen + lay->gen_frame, frame);
    } else {
        unsigned char byte = state_byte(lay, state, instr);

        gen = pyheap_object(t->heap, type, 0, lay->gen_frame + lay->fr_localsplus + 8 * (n + PYTASK_MAX));
        frame = gen + lay->gen_frame;
        pyheap_put(t->heap, gen + lay->gen_state, &byte, 1);
    }
    if (frame)
        fill_frame(t, frame, code, state, instr, values, n);
    return gen;
}

uint64_t pytask_awaiting(struct pytask *t, uint64_t code, uint64_t what)
{
    uint64_t values[] = {what, t->heap->none}; /* later versions have one more on top */

    return pytask_gen(t, t->coroutine, code, STROBE_CHAIN_SUSPENDED, PYTASK_AWAIT_AT, values, t->heap->lay.awaited_slot);
}

uint64_t pytask_object(struct pytask *t, uint64_t type, const uint64_t *words, size_t n)
{
    uint64_t obj = pyheap_object(t->heap, type, 0, t->heap->lay.ob_header + 8 * n + 256);

    for (size_t i = 0; i < n; i++)
        pyheap_word(t->heap, obj + t->heap->lay.ob_header + 8 * i, words[i]);
    return obj;
}

uint64_t pytask_function(struct pytask *t, uint64_t code, const uint64_t *closure, size_t n)
{
    uint64_t function = pyheap_object(t->heap, t->heap->type[PYHEAP_FUNCTION], 0, 256), cells[PYTASK_MAX];

    for (size_t i = 0; i < n; i++)
        cells[i] = pyheap_cell(t->heap, closure[i]);
    pyheap_word(t->heap, function + t->heap->lay.func_code, code);
    pyheap_word(t->heap, function + t->heap->lay.func_closure, n ? pyheap_tuple(t->heap, cells, n) : 0);
    return function;
}

uint64_t pytask_bound(struct pytask *t, uint64_t function, uint64_t self)
{
    uint64_t bound = pyheap_object(t->heap, t->method, 0, 64);

    pyheap_word(t->heap, bound + t->heap->lay.method_func, function);
    pyheap_word(t->heap, bound + t->heap->lay.method_self, self);
    return bound;
}

uint64_t pytask_deque(struct pytask *t, const uint64_t *items, size_t n, size_t index)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t deque = pyheap_object(t->heap, t->deque, 0, 128), block = pyheap_room(t->heap, 0, 8 * (BLOCK_ITEMS + 2));

    pyheap_word(t->heap, deque + lay->ob_size, n);
    pyheap_word(t->heap, deque + lay->deque_left, block);
    pyheap_word(t->heap, deque + lay->deque_index, index);
    for (size_t i = 0; i < n; i++, index++) {
        if (index == BLOCK_ITEMS) {
            uint64_t next = pyheap_room(t->heap, 0, 8 * (BLOCK_ITEMS + 2));

            pyheap_word(t->heap, block + 8 * (BLOCK_ITEMS + 1), next);
            pyheap_word(t->heap, next, block);
            block = next;
            index = 0;
        }
        pyheap_word(t->heap, block + 8 + 8 * index, items[i]);
    }
    return deque;
}

uint64_t pytask_dict(struct pytask *t, const char *const *keys, const uint64_t *values, size_t n)
{
    uint64_t names[PYTASK_MAX];

    for (size_t i = 0; i < n; i++)
        names[i] = pyheap_str(t->heap, keys[i]);
    return pyheap_dict(t->heap, pyheap_keys(t->heap, 5, 1, names, values, n), 0);
}

uint64_t pytask_class(struct pytask *t, const char *module, const char *name, uint64_t base)
{
    uint64_t type = pyheap_class(t->heap, name, base ? base : t->heap->type[PYHEAP_OBJECT], 0);
    uint64_t text = pyheap_str(t->heap, module);

    pyheap_word(t->heap, type + t->heap->lay.ty_dict, pytask_dict(t, (const char *const[]){"__module__"}, &text, 1));
    return type;
}

uint64_t pytask_instance(struct pytask *t, uint64_t type, const char *const *names, const uint64_t *values, size_t n)
{
    uint64_t dict = pytask_dict(t, names, values, n);

    pyheap_word(t->heap, type + t->heap->lay.ty_dictoffset, t->heap->lay.ob_header);
    return pytask_object(t, type, &dict, 1);
}

uint64_t pytask_interp(struct pytask *t, const char *const *names, const uint64_t *values, size_t n)
{
    uint64_t interp = pyheap_room(t->heap, 0, 16 * 1024), module = pyheap_object(t->heap, t->heap->type[PYHEAP_MODULE], 0, 64);

    pyheap_word(t->heap, module + t->heap->lay.module_dict, pytask_dict(t, names, values, n));
    pyheap_word(t->heap, interp + t->heap->lay.in_modules, pytask_dict(t, (const char *const[]){"asyncio.tasks"}, &module, 1));
    return interp;
}
