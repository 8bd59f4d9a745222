/* SPDX-License-Identifier: Apache-2.0 */
/* What things are called by who has them: in modules made by hand, on every version; with reads and allocations that fail, and with
 * memory that says anything. */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "naming/owners.h"
#include "runtime/pyobj.h"
#include "tests/lib/alloc_fail.h"
#include "tests/lib/pytask.h"

enum { THINGS = 10, ROUNDS = 300 };

/* A program: what there is, and what each thing is called. */
struct program {
    struct pytask t;
    uint64_t interp, things[THINGS];
};

static const char *const names[THINGS] = {
    "app.POOL", "Client._pool", "Client.__lock", "Client.shared", "app.KEPT[]", "app.POOLS['db']", "app.POOLS[]", "limited.semaphore",
    "__main__.OWN", "anyio.to_thread.current_default_thread_limiter()"};

static uint64_t module_of(struct pytask *t, const char *const *keys, const uint64_t *values, size_t n)
{
    uint64_t module = pyheap_object(t->heap, t->heap->type[PYHEAP_MODULE], 0, 64);

    pyheap_word(t->heap, module + t->heap->lay.module_dict, pytask_dict(t, keys, values, n));
    return module;
}

static uint64_t closure_of(struct pytask *t, uint64_t thing)
{
    uint64_t code = pytask_code(t, "/app/app.py", "call", 0, "", "semaphore");
    uint64_t function = pytask_function(t, code, &thing, 1);

    pyheap_word(t->heap, function + t->heap->lay.func_qualname, pyheap_str(t->heap, "app.limited.<locals>.call"));
    return function;
}

static uint64_t pools_of(struct pytask *t, uint64_t by_text, uint64_t by_number)
{
    uint64_t keys[] = {pyheap_str(t->heap, "db"), pyheap_small(t->heap, 7)}, values[] = {by_text, by_number};

    return pyheap_dict(t->heap, pyheap_keys(t->heap, 3, 1, keys, values, 2), 0);
}

/* The list has all that others have, too; the script has imported POOL and has it under another name; a thing has itself. */
static void open_program(struct program *p, int version)
{
    struct pytask *t = &p->t;
    uint64_t semaphore, client, client_class, kept, pools, app, script, modules[2], circle;

    pytask_open(t, version);
    semaphore = pytask_class(t, "threading", "Semaphore", 0);
    for (size_t i = 0; i < THINGS; i++)
        p->things[i] = pytask_instance(t, semaphore, NULL, NULL, 0);
    client_class = pytask_class(t, "app", "Client", 0);
    pyheap_word(t->heap, client_class + t->heap->lay.ty_dict,
                pytask_dict(t, (const char *const[]){"shared"}, &p->things[3], 1));
    client = pytask_instance(t, client_class, (const char *const[]){"_pool", "_Client__lock"}, &p->things[1], 2);
    kept = pyheap_list(t->heap, p->things, THINGS - 1);
    pools = pools_of(t, p->things[5], p->things[6]);
    circle = pyheap_list(t->heap, (uint64_t[]){0, 0}, 2);
    circle = pyheap_list(t->heap, (uint64_t[]){circle, client}, 2);
    app = module_of(t, (const char *const[]){"KEPT", "POOLS", "POOL", "CLIENT", "call", "CIRCLE", "VARS", "Client"},
                    (uint64_t[]){kept, pools, p->things[0], client, closure_of(t, p->things[7]), circle,
                                 pytask_dict(t, (const char *const[]){"_default_thread_limiter"}, &p->things[9], 1), client_class}, 8);
    script = module_of(t, (const char *const[]){"IMPORTED", "OWN"}, (uint64_t[]){p->things[0], p->things[8]}, 2);
    modules[0] = script;
    modules[1] = app;
    p->interp = pyheap_room(t->heap, 0, 16 * 1024);
    pyheap_word(t->heap, p->interp + t->heap->lay.in_modules, pytask_dict(t, (const char *const[]){"__main__", "app"}, modules, 2));
}

/* The names of all; "" where there is none.  The first error. */
static int name_all(struct program *p, struct strobe_mem *mem, char found[THINGS][64])
{
    struct strobe_owners owners;
    int err = 0;

    strobe_owners_init(&owners, mem, &p->t.heap->lay);
    for (size_t i = 0; i < THINGS && !err; i++)
        err = strobe_owners_want(&owners, p->things[i]);
    if (!err)
        err = strobe_owners_add_modules(&owners, p->interp);
    if (!err)
        err = strobe_owners_run(&owners, STROBE_OWNERS_VARIABLES);
    for (size_t i = 0; i < THINGS; i++) {
        struct strobe_buf name = STROBE_BUF_INIT;

        if (!err)
            strobe_owners_name(&owners, p->things[i], &name);
        snprintf(found[i], 64, "%s", strobe_buf_str(&name));
        strobe_buf_release(&name);
    }
    strobe_owners_release(&owners);
    return err;
}

static void test_names(void **state)
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        char found[THINGS][64];
        struct program p;

        open_program(&p, version);
        assert_int_equal(name_all(&p, &p.t.heap->mem, found), 0);
        for (size_t i = 0; i < THINGS; i++)
            assert_string_equal(found[i], names[i]);
        pyheap_free(p.t.heap);
    }
}

/* What can be read has its name, or one of a longer way; nothing is called what another thing alone is called. */
static void test_each_read_fails_once(void **state)
{
    struct program p;
    size_t right = 0, all = 0;
    uint64_t calls;

    open_program(&p, PYHEAP_312);
    for (uint64_t n = 1;; n++) {
        struct strobe_mem *mem = NULL;
        char found[THINGS][64];

        assert_int_equal(strobe_mem_count_new(&p.t.heap->mem, n, &mem), 0);
        assert_int_equal(name_all(&p, mem, found), 0);
        for (size_t i = 0; i < THINGS; i++) {
            for (size_t k = 0; k < THINGS; k++)
                assert_true(k == i || strcmp(found[i], names[k]) != 0 || strstr(names[k], "[]"));
            right += strcmp(found[i], names[i]) == 0;
            all++;
        }
        calls = strobe_mem_count_stats(mem)->calls;
        strobe_mem_close(mem);
        if (calls < n)
            break;
    }
    assert_true(right * 4 > all * 3);
    pyheap_free(p.t.heap);
}

static void test_each_allocation_fails_once(void **state)
{
    struct program p;

    open_program(&p, PYHEAP_311);
    for (uint64_t n = 1;; n++) {
        char found[THINGS][64];
        int err;

        alloc_fail_arm(n);
        err = name_all(&p, &p.t.heap->mem, found);
        alloc_fail_disarm();
        assert_true(err == 0 || err == STROBE_ERR_NOMEM);
        assert_int_equal(alloc_fail_live(), 0);
        if (!alloc_fail_hit())
            break;
    }
    pyheap_free(p.t.heap);
}

/* Words of the memory changed at random, most into addresses of other objects: the search ends, and says something or nothing. */
static void test_memory_that_says_anything(void **state)
{
    uint64_t random = 88172645463325252ull;
    size_t named = 0;

    for (int round = 0; round < ROUNDS; round++) {
        char found[THINGS][64];
        struct program p;

        open_program(&p, round % PYTASK_VERSIONS);
        for (int change = 0; change < 1 + round % 40; change++) {
            uint64_t at, value;

            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            at = PYHEAP_BASE + random % (p.t.heap->used - 8) / 8 * 8;
            value = random >> 40 & 1 ? PYHEAP_BASE + (random >> 20) % p.t.heap->used / 16 * 16 : random >> (random >> 58);
            pyheap_word(p.t.heap, at, value);
        }
        assert_int_equal(name_all(&p, &p.t.heap->mem, found), 0);
        for (size_t i = 0; i < THINGS; i++)
            named += *found[i] != 0;
        pyheap_free(p.t.heap);
    }
    assert_true(named > ROUNDS);
}

/* A chain of attributes that goes on and on is left. */
static void test_no_end(void **state)
{
    struct strobe_owners owners;
    struct pytask t;
    uint64_t class, node, head, module, interp, never;

    pytask_open(&t, PYHEAP_310);
    class = pytask_class(&t, "app", "Node", 0);
    head = node = pytask_instance(&t, class, (const char *const[]){"next"}, (uint64_t[]){t.heap->none}, 1);
    for (int i = 0; i < 200; i++)
        head = pytask_instance(&t, class, (const char *const[]){"next"}, &head, 1);
    never = pytask_instance(&t, class, NULL, NULL, 0);
    module = module_of(&t, (const char *const[]){"HEAD"}, &head, 1);
    interp = pyheap_room(t.heap, 0, 16 * 1024);
    pyheap_word(t.heap, interp + t.heap->lay.in_modules, pytask_dict(&t, (const char *const[]){"app"}, &module, 1));
    strobe_owners_init(&owners, &t.heap->mem, &t.heap->lay);
    assert_int_equal(strobe_owners_want(&owners, node), 0);
    assert_int_equal(strobe_owners_want(&owners, never), 0);
    assert_int_equal(strobe_owners_want(&owners, never), 0);
    assert_int_equal(owners.n_left, 2);
    assert_int_equal(strobe_owners_add_modules(&owners, interp), 0);
    assert_int_equal(strobe_owners_run(&owners, STROBE_OWNERS_VARIABLES), 0);
    assert_int_equal(owners.n_left, 2);
    assert_true(owners.looked < 50);
    strobe_owners_release(&owners);
    pyheap_free(t.heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_each_read_fails_once),
        cmocka_unit_test(test_each_allocation_fails_once),
        cmocka_unit_test(test_memory_that_says_anything),
        cmocka_unit_test(test_no_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
