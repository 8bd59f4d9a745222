/* SPDX-License-Identifier: Apache-2.0 */
/* Local variables of frames made by hand as five versions of CPython lay them out. */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/pyobj.h"
#include "tests/lib/pyheap.h"

enum { LOCAL = 0x20, CELL = 0x40, FREE = 0x80, OPTIMIZED = 1, VARARGS = 4 };

struct seen {
    struct strobe_local local[16];
    size_t n;
};

static int see(void *ctx, const struct strobe_local *local)
{
    struct seen *seen = ctx;

    assert_true(seen->n < 16);
    seen->local[seen->n++] = *local;
    return 0;
}

static void each_version(void (*test)(struct pyheap *heap))
{
    for (enum pyheap_version v = 0; v < PYHEAP_VERSIONS; v++) {
        struct pyheap *heap = pyheap_new(v);

        test(heap);
        pyheap_free(heap);
    }
}

static uint64_t make_code(struct pyheap *heap, uint32_t flags, uint32_t args, uint32_t kwonly)
{
    uint64_t code = pyheap_object(heap, heap->type[PYHEAP_CODE], 0, heap->lay.co_size);

    pyheap_put(heap, code + heap->lay.co_flags, &flags, sizeof flags);
    pyheap_put(heap, code + heap->lay.co_argcount, &args, sizeof args);
    pyheap_put(heap, code + heap->lay.co_kwonlyargcount, &kwonly, sizeof kwonly);
    return code;
}

/* tag: what the versions that tag their slots may have in the low bits of a pointer. */
static uint64_t make_frame(struct pyheap *heap, uint64_t code, const uint64_t *slots, size_t n, uint64_t tag)
{
    const struct strobe_layout *lay = &heap->lay;
    uint64_t frame = pyheap_room(heap, 0, lay->fr_localsplus + n * sizeof *slots);

    tag &= lay->pointer_mask_low;
    pyheap_word(heap, frame + lay->fr_code, code | tag);
    for (size_t i = 0; i < n; i++)
        pyheap_word(heap, frame + lay->fr_localsplus + i * sizeof *slots, slots[i] | tag);
    return frame;
}

/* def f(a, b, *rest, k): x; del y; uses `outer`; an inner function uses b and z.  Argument order in the slots: a, b, k, rest. */
struct function {
    uint64_t code, frame, a, b, k, rest, x, z, outer;
};

static struct function make_function(struct pyheap *heap)
{
    static const unsigned char kinds[] = {LOCAL, LOCAL | CELL, LOCAL, LOCAL, LOCAL, LOCAL, CELL, FREE};
    const struct strobe_layout *lay = &heap->lay;
    uint64_t a = pyheap_str(heap, "a"), b = pyheap_str(heap, "b"), k = pyheap_str(heap, "k"), rest = pyheap_str(heap, "rest"),
             x = pyheap_str(heap, "x"), y = pyheap_str(heap, "y"), z = pyheap_str(heap, "z"), outer = pyheap_str(heap, "outer");
    struct function f = {
        .code = make_code(heap, OPTIMIZED | VARARGS, 2, 1),
        .a = pyheap_small(heap, 1), .b = pyheap_small(heap, 2), .k = pyheap_small(heap, 3),
        .rest = pyheap_tuple(heap, NULL, 0), .x = pyheap_small(heap, 5), .z = pyheap_small(heap, 6), .outer = pyheap_small(heap, 7),
    };
    uint64_t cell_b = pyheap_cell(heap, f.b), cell_z = pyheap_cell(heap, f.z), cell_outer = pyheap_cell(heap, f.outer);

    if (lay->co_localsplusnames == STROBE_NONE) {
        pyheap_word(heap, f.code + lay->co_varnames, pyheap_tuple(heap, (uint64_t[]){a, b, k, rest, x, y}, 6));
        pyheap_word(heap, f.code + lay->co_cellvars, pyheap_tuple(heap, (uint64_t[]){b, z}, 2));
        pyheap_word(heap, f.code + lay->co_freevars, pyheap_tuple(heap, (uint64_t[]){outer}, 1));
        f.frame = make_frame(heap, f.code, (uint64_t[]){f.a, 0, f.k, f.rest, f.x, 0, cell_b, cell_z, cell_outer}, 9, 1);
    } else {
        pyheap_word(heap, f.code + lay->co_localsplusnames, pyheap_tuple(heap, (uint64_t[]){a, b, k, rest, x, y, z, outer}, 8));
        pyheap_word(heap, f.code + lay->co_localspluskinds, pyheap_bytes(heap, kinds, sizeof kinds));
        f.frame = make_frame(heap, f.code, (uint64_t[]){f.a, cell_b, f.k, f.rest, f.x, 0, cell_z, cell_outer}, 8, 1);
    }
    return f;
}

static void check_local(const struct strobe_local *local, const char *name, uint64_t value, bool is_arg)
{
    assert_string_equal(local->name, name);
    assert_true(local->value == value);
    assert_int_equal(local->is_arg, is_arg);
}

static void check_function(const struct seen *seen, const struct function *f, const struct strobe_layout *lay)
{
    bool cells_last = lay->co_localsplusnames == STROBE_NONE; /* among the arguments, b comes by its cell */

    assert_int_equal(seen->n, 7);
    check_local(&seen->local[0], "a", f->a, true);
    check_local(&seen->local[cells_last ? 3 : 1], "b", f->b, true);
    check_local(&seen->local[cells_last ? 1 : 2], "k", f->k, true);
    check_local(&seen->local[cells_last ? 2 : 3], "rest", f->rest, true);
    check_local(&seen->local[4], "x", f->x, false);
    check_local(&seen->local[5], "z", f->z, false);
    check_local(&seen->local[6], "outer", f->outer, false);
}

static void function(struct pyheap *heap)
{
    struct function f = make_function(heap);
    struct seen seen = {.n = 0}, other = {.n = 0};

    assert_int_equal(strobe_py_locals(&heap->mem, &heap->lay, f.frame, f.code, see, &seen), 0);
    check_function(&seen, &f, &heap->lay);
    for (size_t i = 0; i < seen.n; i++) {
        uint64_t value = 0;

        assert_int_equal(strobe_py_local_at(&heap->mem, &heap->lay, f.frame, f.code, (uint32_t)seen.local[i].slot, seen.local[i].cell,
                                            &value), 0);
        assert_true(value == seen.local[i].value);
    }
    assert_int_equal(strobe_py_local_at(&heap->mem, &heap->lay, f.frame, make_code(heap, OPTIMIZED, 0, 0), 0, false, &f.a),
                     STROBE_ERR_TORN);
    assert_int_equal(strobe_py_local_at(&heap->mem, &heap->lay, f.frame, f.code, UINT32_MAX, false, &f.a), STROBE_ERR_LIMIT);
    /* The frame has gone on to another function. */
    assert_int_equal(strobe_py_locals(&heap->mem, &heap->lay, f.frame, make_code(heap, OPTIMIZED, 0, 0), see, &other), STROBE_ERR_TORN);
    assert_int_equal(other.n, 0);
}

static void test_function(void **state)
{
    each_version(function);
}

/* Slots that hold no object: unbound, and from 3.14 on an integer that the interpreter keeps there for itself. */
static void unbound(struct pyheap *heap)
{
    struct function f = make_function(heap);
    uint64_t slot = f.frame + heap->lay.fr_localsplus;
    struct seen seen = {.n = 0};

    pyheap_word(heap, slot, heap->lay.pointer_mask_low ? 7 << 2 | 3 : 0);
    pyheap_word(heap, slot + 4 * 8, heap->lay.pointer_mask_low ? 1 : 0);
    assert_int_equal(strobe_py_locals(&heap->mem, &heap->lay, f.frame, f.code, see, &seen), 0);
    assert_int_equal(seen.n, 5);
    for (size_t i = 0; i < seen.n; i++)
        assert_true(strcmp(seen.local[i].name, "a") != 0 && strcmp(seen.local[i].name, "x") != 0);
}

static void test_unbound(void **state)
{
    each_version(unbound);
}

/* A module's frame: names come from its dict; keys that are no str are no names. */
static void module(struct pyheap *heap)
{
    const struct strobe_layout *lay = &heap->lay;
    uint64_t code = make_code(heap, 0, 0, 0), none = pyheap_tuple(heap, NULL, 0), frame;
    uint64_t keys[] = {pyheap_str(heap, "__name__"), pyheap_small(heap, 1), pyheap_str(heap, "v")};
    uint64_t values[] = {pyheap_str(heap, "__main__"), heap->none, heap->none};
    struct seen seen = {.n = 0};

    if (lay->co_localsplusnames == STROBE_NONE) {
        pyheap_word(heap, code + lay->co_varnames, none);
        pyheap_word(heap, code + lay->co_cellvars, none);
        pyheap_word(heap, code + lay->co_freevars, none);
    } else {
        pyheap_word(heap, code + lay->co_localsplusnames, none);
        pyheap_word(heap, code + lay->co_localspluskinds, pyheap_bytes(heap, "", 0));
    }
    frame = make_frame(heap, code, NULL, 0, 0);
    pyheap_word(heap, frame + lay->fr_locals, pyheap_dict(heap, pyheap_keys(heap, 3, 1, keys, values, 3), 0));
    assert_int_equal(strobe_py_locals(&heap->mem, lay, frame, code, see, &seen), 0);
    assert_int_equal(seen.n, 2);
    check_local(&seen.local[0], "__name__", values[0], false);
    check_local(&seen.local[1], "v", heap->none, false);
}

static void test_module(void **state)
{
    each_version(module);
}

static void hostile(struct pyheap *heap)
{
    static uint64_t names[5000];
    const struct strobe_layout *lay = &heap->lay;
    struct function f = make_function(heap);
    uint32_t many = UINT32_MAX;
    uint64_t slot = f.frame + lay->fr_localsplus, tuple;
    struct seen seen = {.n = 0};

    /* More names than slots that are mapped. */
    for (size_t i = 0; i < 5000; i++)
        names[i] = pyheap_str(heap, "n");
    tuple = pyheap_tuple(heap, names, 5000);
    f = make_function(heap);
    pyheap_word(heap, f.code + (lay->co_localsplusnames == STROBE_NONE ? lay->co_varnames : lay->co_localsplusnames), tuple);
    assert_int_equal(strobe_py_locals(&heap->mem, lay, f.frame, f.code, see, &seen), STROBE_ERR_FAULT);
    assert_int_equal(seen.n, 0);

    f = make_function(heap);
    pyheap_put(heap, f.code + lay->co_argcount, &many, sizeof many);
    assert_int_equal(strobe_py_locals(&heap->mem, lay, f.frame, f.code, see, &seen), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_py_locals(&heap->mem, lay, 0, f.code, see, &seen), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_py_locals(&heap->mem, lay, f.frame, 8, see, &seen), STROBE_ERR_TORN);
    assert_int_equal(seen.n, 0);

    /* A value that is no address is handed on (its repr says so); a wild cell is not looked through. */
    f = make_function(heap);
    slot = f.frame + lay->fr_localsplus;
    pyheap_word(heap, slot, UINT64_MAX - 7);
    pyheap_word(heap, slot + 7 * 8, UINT64_MAX - 7);
    assert_int_equal(strobe_py_locals(&heap->mem, lay, f.frame, f.code, see, &seen), 0);
    assert_int_equal(seen.n, 7);
}

static void test_hostile(void **state)
{
    each_version(hostile);
}

static void reads_fail(struct pyheap *heap)
{
    struct function f = make_function(heap);
    struct strobe_mem *mem;
    struct seen seen = {.n = 0};
    uint64_t calls;

    assert_int_equal(strobe_mem_count_new(&heap->mem, 0, &mem), 0);
    assert_int_equal(strobe_py_locals(mem, &heap->lay, f.frame, f.code, see, &seen), 0);
    calls = strobe_mem_count_stats(mem)->calls;
    strobe_mem_close(mem);
    for (uint64_t n = 1; n <= calls; n++) {
        int err;

        seen.n = 0;
        assert_int_equal(strobe_mem_count_new(&heap->mem, n, &mem), 0);
        err = strobe_py_locals(mem, &heap->lay, f.frame, f.code, see, &seen);
        assert_int_equal(strobe_mem_count_stats(mem)->failures, 1);
        strobe_mem_close(mem);
        assert_true(err == 0 || err == STROBE_ERR_FAULT);
        if (err == 0)
            check_function(&seen, &f, &heap->lay);
    }
}

static void test_reads_fail(void **state)
{
    each_version(reads_fail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_function), cmocka_unit_test(test_unbound), cmocka_unit_test(test_module), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_reads_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
