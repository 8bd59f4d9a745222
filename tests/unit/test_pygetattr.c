/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes wherever they are kept: on the instance, its class, a base; a module's, a class's. */
#include "tests/unit/cm.h"

#include "runtime/pyobj.h"
#include "runtime/pyspan.h"
#include "tests/lib/pytask.h"

struct world {
    struct pytask t;
    uint64_t base, derived, instance, of_base, of_class, own, both;
};

static void set_dict(struct pytask *t, uint64_t type, const char *const *names, const uint64_t *values, size_t n)
{
    pyheap_word(t->heap, type + t->heap->lay.ty_dict, pytask_dict(t, names, values, n));
}

static void make(struct world *w, int version)
{
    pytask_open(&w->t, version);
    w->of_base = pyheap_str(w->t.heap, "of the base");
    w->of_class = pyheap_str(w->t.heap, "of the class");
    w->own = pyheap_str(w->t.heap, "its own");
    w->base = pytask_class(&w->t, "svc", "Base", 0);
    w->derived = pytask_class(&w->t, "svc", "Derived", w->base);
    set_dict(&w->t, w->base, (const char *const[]){"base", "shared"}, (uint64_t[]){w->of_base, w->of_base}, 2);
    set_dict(&w->t, w->derived, (const char *const[]){"cls", "shared", "both"}, (uint64_t[]){w->of_class, w->of_class, w->of_class}, 3);
    w->instance = pytask_instance(&w->t, w->derived, (const char *const[]){"own", "both"}, (uint64_t[]){w->own, w->own}, 2);
}

static void check(struct world *w, uint64_t obj, const char *name, uint64_t expected)
{
    uint64_t value = 1;

    assert_int_equal(strobe_py_getattr(&w->t.heap->mem, &w->t.heap->lay, obj, name, &value), expected ? 0 : STROBE_ERR_MISSING);
    assert_int_equal(value, expected ? expected : 1);
}

static void test_the_nearest(void **state)
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        struct world w;
        uint64_t module, meta;

        make(&w, version);
        check(&w, w.instance, "own", w.own);
        check(&w, w.instance, "both", w.own);
        check(&w, w.instance, "cls", w.of_class);
        check(&w, w.instance, "shared", w.of_class);
        check(&w, w.instance, "base", w.of_base);
        check(&w, w.instance, "none", 0);
        /* A class: its own and its bases', not its metaclass's. */
        meta = w.t.heap->type[PYHEAP_TYPE];
        set_dict(&w.t, meta, (const char *const[]){"mro"}, &w.own, 1);
        pyheap_word(w.t.heap, meta + w.t.heap->lay.ty_flags, UINT64_C(1) << STROBE_TPFLAG_TYPE);
        check(&w, w.derived, "shared", w.of_class);
        check(&w, w.derived, "base", w.of_base);
        check(&w, w.derived, "mro", 0);
        /* A module: a global. */
        module = pyheap_object(w.t.heap, w.t.heap->type[PYHEAP_MODULE], 0, 64);
        pyheap_word(w.t.heap, module + w.t.heap->lay.module_dict, pytask_dict(&w.t, (const char *const[]){"NAME"}, &w.own, 1));
        check(&w, module, "NAME", w.own);
        check(&w, module, "OTHER", 0);
        pyheap_free(w.t.heap);
    }
}

/* Bases that run in a circle, a class whose dict is something else, an object that is none. */
static void test_hostile(void **state)
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        struct world w;
        struct strobe_mem *mem;
        uint64_t value = 1;

        make(&w, version);
        mem = &w.t.heap->mem;
        pyheap_word(w.t.heap, w.base + w.t.heap->lay.ty_base, w.derived);
        check(&w, w.instance, "none", 0);
        check(&w, w.instance, "base", w.of_base);
        pyheap_word(w.t.heap, w.derived + w.t.heap->lay.ty_dict, w.own);
        check(&w, w.instance, "base", w.of_base);
        assert_true(strobe_py_getattr(mem, &w.t.heap->lay, 0, "x", &value) < 0);
        assert_true(strobe_py_getattr(mem, &w.t.heap->lay, 0x1234567800, "x", &value) < 0);
        pyheap_word(w.t.heap, w.base + w.t.heap->lay.ty_base, 0x1234567800);
        assert_true(strobe_py_getattr(mem, &w.t.heap->lay, w.instance, "none", &value) < 0);
        assert_int_equal(value, 1);
        pyheap_free(w.t.heap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_nearest), cmocka_unit_test(test_hostile)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
