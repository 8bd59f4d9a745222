/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tasks made by hand: linked ones, sets, sets of weak references; whole, torn, with everything twice. */
#include "tests/unit/cm.h"

#include "tests/lib/pytask.h"
#include "walk/tasklist.h"

enum { NODE = 96, INTERP_HEAD = 9000, THREAD_HEAD = 512, TASKS = 5 };

struct world {
    struct pytask t;
    struct strobe_roles roles;
    struct strobe_tasklist list;
    struct strobe_aio_layout aio;
    uint64_t task[TASKS];
};

static void open_world(struct world *w, int version, struct strobe_mem *mem)
{
    pytask_open(&w->t, version);
    w->aio = (struct strobe_aio_layout){.interp_tasks_head = INTERP_HEAD, .thread_tasks_head = THREAD_HEAD, .task_node = NODE};
    for (int i = 0; i < TASKS; i++)
        w->task[i] = pytask_object(&w->t, w->t.task, NULL, 0);
    mem = mem ? mem : &w->t.heap->mem;
    strobe_roles_init(&w->roles, mem, &w->t.heap->lay);
    strobe_tasklist_init(&w->list, mem, &w->t.heap->lay, &w->roles);
}

static void close_world(struct world *w)
{
    strobe_tasklist_release(&w->list);
    strobe_roles_release(&w->roles);
    pyheap_free(w->t.heap);
}

static void each_version(void (*test)(struct world *w))
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        struct world w;

        open_world(&w, version, NULL);
        test(&w);
        close_world(&w);
    }
}

/* A circle through the head and n tasks from the first-th on. */
static void link_tasks(struct world *w, uint64_t head, size_t first, size_t n)
{
    uint64_t at = head;

    for (size_t i = first; i < first + n; i++) {
        pyheap_word(w->t.heap, at, w->task[i] + NODE);
        pyheap_word(w->t.heap, w->task[i] + NODE + 8, at);
        at = w->task[i] + NODE;
    }
    pyheap_word(w->t.heap, at, head);
    pyheap_word(w->t.heap, head + 8, at);
}

static uint64_t weak_set(struct world *w, const uint64_t *tasks, size_t n)
{
    uint64_t type = pyheap_class(w->t.heap, "weakref", w->t.heap->type[PYHEAP_OBJECT], 0), refs[TASKS + 1], data;

    for (size_t i = 0; i < n; i++) {
        refs[i] = pyheap_object(w->t.heap, type, 0, 128);
        pyheap_word(w->t.heap, refs[i] + w->t.heap->lay.weakref_object, tasks[i]);
    }
    data = pyheap_set(w->t.heap, w->t.heap->type[PYHEAP_SET], refs, n);
    return pytask_instance(&w->t, pytask_class(&w->t, "_weakrefset", "WeakSet", 0), (const char *const[]){"data"}, &data, 1);
}

static void check(struct world *w, size_t n)
{
    assert_int_equal(w->list.n, n);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (k < w->list.n && w->list.at[k].addr != w->task[i])
            k++;
        assert_true(k < n);
        assert_int_equal(w->list.at[k].role, STROBE_ROLE_TASK);
        assert_int_equal(w->list.at[k].type, w->t.task);
        assert_int_equal(strobe_tasklist_find(&w->list, w->task[i]), k);
    }
    assert_int_equal(strobe_tasklist_find(&w->list, w->t.heap->none), SIZE_MAX);
}

static void linked(struct world *w)
{
    uint64_t interp = pytask_interp(&w->t, NULL, NULL, 0), tstate[2] = {pyheap_room(w->t.heap, 0, 1024), pyheap_room(w->t.heap, 0, 1024)};

    /* Heads that nobody has initialised. */
    assert_int_equal(strobe_tasklist_add(&w->list, &w->aio, interp, tstate, 2), 0);
    check(w, 0);
    link_tasks(w, interp + INTERP_HEAD, 0, 1);
    link_tasks(w, tstate[0] + THREAD_HEAD, 1, 4);
    link_tasks(w, tstate[1] + THREAD_HEAD, 0, 0);
    assert_int_equal(strobe_tasklist_add(&w->list, &w->aio, interp, tstate, 2), 0);
    check(w, 5);
    /* Without the layout only the sets are read. */
    strobe_tasklist_clear(&w->list);
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, tstate, 2), 0);
    check(w, 0);
}

static void test_linked(void **state)
{
    each_version(linked);
}

/* A task that left while the list was read; one that became something else; a circle beside the head. */
static void torn(struct world *w)
{
    uint64_t interp = pytask_interp(&w->t, NULL, NULL, 0), head = interp + INTERP_HEAD, type, before;

    link_tasks(w, head, 0, 4);
    pyheap_word(w->t.heap, w->task[2] + NODE, 0);
    assert_int_equal(strobe_tasklist_add(&w->list, &w->aio, interp, NULL, 0), STROBE_ERR_TORN);
    assert_int_equal(w->list.n, 3);
    strobe_tasklist_clear(&w->list);
    link_tasks(w, head, 0, 4);
    assert_int_equal(strobe_mem_u64(&w->t.heap->mem, w->task[1] + w->t.heap->lay.ob_type, &type), 0);
    pyheap_word(w->t.heap, w->task[1] + w->t.heap->lay.ob_type, w->t.future);
    assert_int_equal(strobe_tasklist_add(&w->list, &w->aio, interp, NULL, 0), STROBE_ERR_TORN);
    pyheap_word(w->t.heap, w->task[1] + w->t.heap->lay.ob_type, type);
    pyheap_word(w->t.heap, w->task[3] + NODE, 0x1234567800);
    assert_int_equal(strobe_tasklist_add(&w->list, &w->aio, interp, NULL, 0), STROBE_ERR_TORN);
    strobe_tasklist_clear(&w->list);
    for (int i = 0; i < 4; i++) { /* the last leads back to each */
        pyheap_word(w->t.heap, w->task[3] + NODE, w->task[i] + NODE);
        before = w->t.heap->mem.reads;
        assert_int_equal(strobe_tasklist_add(&w->list, &w->aio, interp, NULL, 0), STROBE_ERR_TORN);
        assert_int_equal(w->list.n, 4);
        assert_true(w->t.heap->mem.reads - before < 100);
    }
}

static void test_torn(void **state)
{
    each_version(torn);
}

/* A WeakSet with dead members, a plain set, the same task in both; None and strings are no tasks. */
static void sets(struct world *w)
{
    uint64_t weak[] = {w->task[0], w->t.heap->none, w->task[1], w->task[2]};
    uint64_t eager[] = {w->task[2], w->task[3], w->task[4], pyheap_str(w->t.heap, "no task"), w->t.heap->none};
    uint64_t values[] = {weak_set(w, weak, 4), pyheap_set(w->t.heap, w->t.heap->type[PYHEAP_SET], eager, 5)}, interp;

    interp = pytask_interp(&w->t, (const char *const[]){"_scheduled_tasks", "_eager_tasks"}, values, 2);
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, NULL, 0), 0);
    check(w, 5);
    strobe_tasklist_clear(&w->list);
    interp = pytask_interp(&w->t, (const char *const[]){"_all_tasks"}, values, 1);
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, NULL, 0), 0);
    check(w, 3);
    /* Another interpreter's come behind. */
    interp = pytask_interp(&w->t, (const char *const[]){"_eager_tasks"}, values + 1, 1);
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, NULL, 0), 0);
    check(w, 5);
}

static void test_sets(void **state)
{
    each_version(sets);
}

/* A class that strobe does not know may be a task all the same. */
static void unknown_class(struct world *w)
{
    uint64_t other = pytask_object(&w->t, pytask_class(&w->t, "lib", "OwnTask", 0), NULL, 0);
    uint64_t set = pyheap_set(w->t.heap, w->t.heap->type[PYHEAP_SET], &other, 1);

    assert_int_equal(strobe_tasklist_add(&w->list, NULL, pytask_interp(&w->t, (const char *const[]){"_eager_tasks"}, &set, 1), NULL, 0), 0);
    assert_int_equal(w->list.n, 1);
    assert_int_equal(w->list.at[0].role, STROBE_ROLE_NONE);
}

static void test_unknown_class(void **state)
{
    each_version(unknown_class);
}

static void hostile(struct world *w)
{
    const struct strobe_layout *lay = &w->t.heap->lay;
    uint64_t tasks[] = {w->task[0], 0x1234567800, w->task[1]}, set = pyheap_set(w->t.heap, w->t.heap->type[PYHEAP_SET], tasks, 3), interp;
    const char *const name[] = {"_eager_tasks"};

    /* No asyncio; the set is something else; its mask is none, or more than memory holds. */
    interp = pyheap_room(w->t.heap, 0, 16 * 1024);
    pyheap_word(w->t.heap, interp + lay->in_modules, pytask_dict(&w->t, (const char *const[]){"sys"}, tasks, 1));
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, NULL, 0), STROBE_ERR_MISSING);
    interp = pytask_interp(&w->t, name, &w->task[0], 1);
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, NULL, 0), STROBE_ERR_OBJECT);
    interp = pytask_interp(&w->t, name, &set, 1);
    pyheap_word(w->t.heap, set + lay->set_mask, 6);
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, NULL, 0), STROBE_ERR_TORN);
    pyheap_word(w->t.heap, set + lay->set_mask, UINT64_MAX);
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, NULL, 0), STROBE_ERR_TORN);
    assert_int_equal(w->list.n, 0);
    /* A member that cannot be read: the others are there, and the error is told. */
    pyheap_word(w->t.heap, set + lay->set_mask, 7);
    assert_int_equal(strobe_tasklist_add(&w->list, NULL, interp, NULL, 0), STROBE_ERR_FAULT);
    check(w, 2);
}

static void test_hostile(void **state)
{
    each_version(hostile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linked),        cmocka_unit_test(test_torn),    cmocka_unit_test(test_sets),
        cmocka_unit_test(test_unknown_class), cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
