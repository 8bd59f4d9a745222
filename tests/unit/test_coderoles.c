/* SPDX-License-Identifier: Apache-2.0 */
/* Code objects as the walk over tasks knows them. */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/pytask.h"
#include "walk/coderoles.h"

static void each_version(void (*test)(struct pytask *t, struct strobe_coderoles *codes))
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        struct strobe_coderoles codes;
        struct pytask t;

        pytask_open(&t, version);
        strobe_coderoles_init(&codes, &t.heap->mem, &t.heap->lay);
        test(&t, &codes);
        strobe_coderoles_release(&codes);
        pyheap_free(t.heap);
    }
}

static void by_file_and_name(struct pytask *t, struct strobe_coderoles *codes)
{
    const struct strobe_code_entry *e = strobe_coderoles_get(codes, pytask_code(t, "/app/svc.py", "acquire", PYTASK_COROUTINE, "self x",
                                                                                ""));

    assert_non_null(e);
    assert_int_equal(e->role, STROBE_CODE_PLAIN);
    assert_false(e->library);
    assert_true(e->coroutine);
    assert_int_equal(e->n_locals, 2);
    e = strobe_coderoles_get(codes, pytask_code(t, "/lib/python3/asyncio/locks.py", "acquire", PYTASK_COROUTINE, "a self", ""));
    assert_int_equal(e->role, STROBE_CODE_BY_SELF);
    assert_true(e->library);
    assert_int_equal(e->slot[0], 1);
    assert_int_equal(e->slot[1], -1);
    e = strobe_coderoles_get(codes, pytask_code(t, "/lib/python3/asyncio/tasks.py", "sleep", PYTASK_COROUTINE,
                                                "delay result loop future h", ""));
    assert_int_equal(e->role, STROBE_CODE_WAITS);
    assert_int_equal(e->kind, STROBE_WAIT_SLEEP);
    assert_int_equal(e->slot[0], 4);
    assert_int_equal(e->slot[1], 3);
    e = strobe_coderoles_get(codes, pytask_code(t, "/app/myasyncio/tasks.py", "sleep", 0, "h", ""));
    assert_int_equal(e->role, STROBE_CODE_PLAIN); /* the end of the path alone does not do */
    assert_false(e->coroutine);
    e = strobe_coderoles_get(codes, pytask_code(t, "/app/svc.py", "__aexit__", 0, "self", ""));
    assert_true(e->leaves);
    assert_false(e->enters);
}

static void test_by_file_and_name(void **state)
{
    each_version(by_file_and_name);
}

/* Callbacks: cells of the closure, counted without the locals. */
static void closures(struct pytask *t, struct strobe_coderoles *codes)
{
    const struct strobe_code_entry *e =
        strobe_coderoles_get(codes, pytask_code(t, "/lib/asyncio/tasks.py", "_done_callback", 0, "fut exc", "children loop outer"));

    assert_int_equal(e->role, STROBE_CODE_WAKES);
    assert_int_equal(e->n_locals, 5);
    assert_int_equal(e->slot[0], 2);
}

static void test_closures(void **state)
{
    each_version(closures);
}

/* Another code object at the same address: known from the next sample on; the one who keeps names is told. */
static void reused(struct pytask *t, struct strobe_coderoles *codes)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t code = pytask_code(t, "/lib/asyncio/locks.py", "acquire", 0, "self", "");
    uint64_t other = pytask_code(t, "/app/svc.py", "main", 0, "a b c", "");
    unsigned char bytes[512];

    assert_int_equal(strobe_coderoles_get(codes, code)->role, STROBE_CODE_BY_SELF);
    strobe_coderoles_begin(codes);
    assert_int_equal(strobe_coderoles_get(codes, code)->role, STROBE_CODE_BY_SELF);
    assert_int_equal(codes->changes, 0);
    assert_int_equal(strobe_mem_read(&t->heap->mem, other, bytes, lay->co_size), 0);
    pyheap_put(t->heap, code, bytes, lay->co_size);
    assert_int_equal(strobe_coderoles_get(codes, code)->role, STROBE_CODE_BY_SELF);
    strobe_coderoles_begin(codes);
    assert_int_equal(strobe_coderoles_get(codes, code)->role, STROBE_CODE_PLAIN);
    assert_int_equal(strobe_coderoles_get(codes, code)->n_locals, 3);
    assert_int_equal(strobe_coderoles_get(codes, code)->slot[0], -1);
    assert_int_equal(codes->changes, 1);
}

static void test_an_address_is_used_again(void **state)
{
    each_version(reused);
}

static void awaits(struct pytask *t, struct strobe_coderoles *codes)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t code = pytask_code(t, "/app/svc.py", "main", 0, "", "");

    if (lay->yield_from_opcode == STROBE_NONE && lay->resume_awaiting == STROBE_NONE)
        return; /* the generator's state tells */
    for (int i = 0; i < 2; i++) {
        assert_true(strobe_coderoles_awaits(codes, code, PYTASK_AWAIT_AT));
        assert_false(strobe_coderoles_awaits(codes, code, PYTASK_YIELD_AT));
    }
    assert_false(strobe_coderoles_awaits(codes, code, -2));
    assert_false(strobe_coderoles_awaits(codes, 0x1234567800, PYTASK_AWAIT_AT));
    assert_true(t->heap->mem.faults > 0);
}

static void test_awaits(void **state)
{
    each_version(awaits);
}

static void hostile(struct pytask *t, struct strobe_coderoles *codes)
{
    const struct strobe_layout *lay = &t->heap->lay;
    uint64_t code = pytask_code(t, "/app/svc.py", "main", 0, "a", "");

    assert_null(strobe_coderoles_get(codes, 0));
    assert_null(strobe_coderoles_get(codes, 4097));
    assert_null(strobe_coderoles_get(codes, 0x1234567800));
    pyheap_put(t->heap, code + (lay->co_nlocalsplus == STROBE_NONE ? lay->co_nlocals : lay->co_nlocalsplus), &(uint32_t){1u << 30}, 4);
    assert_null(strobe_coderoles_get(codes, code)); /* so many locals has no frame */
    assert_null(strobe_coderoles_get(codes, code));
}

static void test_hostile(void **state)
{
    each_version(hostile);
}

/* So many code objects that there is no room for another: none that is known is lost in this sample, the next one starts over. */
static void full(struct pytask *t, struct strobe_coderoles *codes)
{
    uint64_t old = pytask_code(t, "/lib/asyncio/tasks.py", "sleep", PYTASK_COROUTINE, "h future", "");
    uint64_t new = pytask_code(t, "/lib/asyncio/locks.py", "acquire", PYTASK_COROUTINE, "self", ""), failures, changes;
    const struct strobe_code_entry *entry = strobe_coderoles_get(codes, old);

    codes->at = realloc(codes->at, STROBE_CODES_MAX * sizeof *codes->at);
    memset(codes->at + codes->n, 0, (STROBE_CODES_MAX - codes->n) * sizeof *codes->at);
    codes->n = codes->cap = STROBE_CODES_MAX;
    failures = codes->failures;
    changes = codes->changes;
    assert_null(strobe_coderoles_get(codes, new));
    assert_true(codes->failures > failures);
    assert_ptr_equal(strobe_coderoles_get(codes, old), entry);
    assert_int_equal(entry->role, STROBE_CODE_WAITS);
    strobe_coderoles_begin(codes);
    assert_true(codes->changes > changes);
    assert_null(strobe_coderoles_known(codes, old));
    assert_int_equal(strobe_coderoles_get(codes, new)->role, STROBE_CODE_BY_SELF);
    assert_int_equal(strobe_coderoles_get(codes, old)->role, STROBE_CODE_WAITS);
    assert_int_equal(codes->n, 2);
}

static void test_full(void **state)
{
    each_version(full);
}

/* Each read fails once: nothing, or all of it; and nothing wrong is kept. */
static void each_read(struct pytask *t, struct strobe_coderoles *unused)
{
    uint64_t code = pytask_code(t, "/lib/asyncio/tasks.py", "_done_callback", 0, "fut exc", "children loop outer");

    for (uint64_t n = 1;; n++) {
        const struct strobe_code_entry *entry;
        struct strobe_coderoles codes;
        struct strobe_mem *mem = NULL;
        uint64_t calls;

        assert_int_equal(strobe_mem_count_new(&t->heap->mem, n, &mem), 0);
        strobe_coderoles_init(&codes, mem, &t->heap->lay);
        for (int i = 0; i < 2; i++) {
            entry = strobe_coderoles_get(&codes, code);
            assert_true(entry || i == 0);
            if (entry) {
                assert_int_equal(entry->role, STROBE_CODE_WAKES);
                assert_int_equal(entry->slot[0], 2);
                assert_int_equal(entry->n_locals, 5);
            }
        }
        calls = strobe_mem_count_stats(mem)->calls;
        strobe_coderoles_release(&codes);
        strobe_mem_close(mem);
        if (calls < n)
            break;
    }
}

static void test_each_read_fails_once(void **state)
{
    each_version(each_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_file_and_name), cmocka_unit_test(test_closures), cmocka_unit_test(test_an_address_is_used_again),
        cmocka_unit_test(test_awaits),           cmocka_unit_test(test_hostile),  cmocka_unit_test(test_each_read_fails_once),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
