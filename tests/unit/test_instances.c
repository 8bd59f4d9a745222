/* SPDX-License-Identifier: Apache-2.0 */
/* Which words of a memory are objects of the classes that are looked for: those that the collector knows and somebody refers to. */
#include "tests/unit/cm.h"

#include <string.h>

#include "base/err.h"
#include "tests/lib/alloc_fail.h"
#include "tests/lib/pytask.h"
#include "walk/instances.h"

enum { HEAD = 16, SIZE = 64, COLLECTING = 2, ALL_VERSIONS = PYHEAP_VERSIONS };

struct world {
    struct pytask t;
    uint64_t interp, semaphore, queue;
    struct strobe_roles roles;
    struct strobe_instances instances;
};

/* Free-threaded: the fields that no other test needs (Include/object.h). */
static void open_world(struct world *w, int version)
{
    static const char *const modules[] = {"threading", "queue"};
    uint64_t dicts[2], values[2];
    struct strobe_layout *lay;

    if (version == PYHEAP_314T) {
        w->t = (struct pytask){.heap = pyheap_new(PYHEAP_314T)};
        w->t.heap->lay.gc_head = STROBE_NONE;
        w->t.heap->lay.ob_refcnt = 12, w->t.heap->lay.ob_ref_shared = 16, w->t.heap->lay.ob_gc_bits = 11;
    } else {
        pytask_open(&w->t, version);
        w->t.heap->lay.gc_head = HEAD;
        w->t.heap->lay.ob_refcnt = 0;
    }
    lay = &w->t.heap->lay;
    w->semaphore = pytask_class(&w->t, "threading", "Semaphore", 0);
    w->queue = pytask_class(&w->t, "queue", "Queue", 0);
    values[0] = w->semaphore;
    values[1] = w->queue;
    for (int i = 0; i < 2; i++) {
        uint64_t module = pyheap_object(w->t.heap, w->t.heap->type[PYHEAP_MODULE], 0, 64);

        pyheap_word(w->t.heap, module + lay->module_dict,
                    pytask_dict(&w->t, (const char *const[]){i ? "Queue" : "Semaphore"}, &values[i], 1));
        dicts[i] = module;
    }
    w->interp = pyheap_room(w->t.heap, 0, 16 * 1024);
    pyheap_word(w->t.heap, w->interp + lay->in_modules, pytask_dict(&w->t, modules, dicts, 2));
    strobe_roles_init(&w->roles, &w->t.heap->mem, lay);
    strobe_instances_init(&w->instances, &w->t.heap->mem, lay, &w->roles);
}

static void close_world(struct world *w)
{
    strobe_instances_release(&w->instances);
    strobe_roles_release(&w->roles);
    pyheap_free(w->t.heap);
}

/* An object with so many references, known to nobody yet. */
static uint64_t object_of(struct world *w, uint64_t type, uint32_t count)
{
    uint64_t obj = pyheap_object(w->t.heap, type, HEAD, SIZE);

    pyheap_put(w->t.heap, obj + w->t.heap->lay.ob_refcnt, &count, sizeof count);
    return obj;
}

static void link_words(struct world *w, uint64_t obj, uint64_t next, uint64_t prev)
{
    pyheap_word(w->t.heap, obj - HEAD, next);
    pyheap_word(w->t.heap, obj - HEAD + 8, prev);
}

/* The collector knows it: between two others of its list, or by its bits. */
static void track(struct world *w, uint64_t obj)
{
    uint64_t before, after;

    if (w->t.heap->lay.gc_head == STROBE_NONE) {
        pyheap_put(w->t.heap, obj + w->t.heap->lay.ob_gc_bits, "\x01", 1);
        return;
    }
    before = pyheap_room(w->t.heap, 0, HEAD);
    after = pyheap_room(w->t.heap, 0, HEAD);
    link_words(w, obj, after, before);
    pyheap_word(w->t.heap, before, obj - HEAD);
    pyheap_word(w->t.heap, after + 8, obj - HEAD);
}

static int scan(struct world *w)
{
    size_t n_classes = 0;
    bool done;
    int err = strobe_instances_begin(&w->instances, &w->interp, 1, &n_classes);

    assert_true(err || n_classes == 2);
    if (!err)
        err = strobe_instances_scan(&w->instances, PYHEAP_BASE, w->t.heap->used / 8 * 8);
    return err ? err : strobe_instances_end(&w->instances, UINT64_MAX, &done);
}

static bool is_found(const struct world *w, uint64_t obj)
{
    for (size_t i = 0; i < w->instances.n; i++)
        if (w->instances.at[i].addr == obj)
            return true;
    return false;
}

static void test_living_and_dead(void **state)
{
    for (int version = 0; version < ALL_VERSIONS; version++) {
        uint64_t living, other, dead, freed, loose;
        struct world w;

        open_world(&w, version);
        living = object_of(&w, w.semaphore, 1);
        other = object_of(&w, w.queue, 3);
        dead = object_of(&w, w.semaphore, 0);  /* being freed */
        freed = object_of(&w, w.semaphore, 1); /* untracked, and its room not used again */
        loose = object_of(&w, w.semaphore, 1);
        track(&w, living);
        track(&w, other);
        track(&w, dead);
        if (version != PYHEAP_314T)
            link_words(&w, loose, living - HEAD, living - HEAD); /* points at one that does not point back */
        pyheap_word(w.t.heap, pyheap_room(w.t.heap, 0, 8), w.semaphore); /* a word on a stack */
        assert_int_equal(scan(&w), 0);
        assert_int_equal(w.instances.n, 2);
        assert_true(is_found(&w, living) && is_found(&w, other) && !is_found(&w, dead) && !is_found(&w, freed) && !is_found(&w, loose));
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(w.instances.at[i].role, w.instances.at[i].type == w.queue ? STROBE_ROLE_THREADING_QUEUE
                                                                                       : STROBE_ROLE_THREADING_SEMAPHORE);
        close_world(&w);
    }
}

/* A collection goes on: counts in the place of links back; the next one's link not made yet; the one before it moved. */
static void test_while_the_collector_works(void **state)
{
    for (int version = 0; version < PYHEAP_314T; version++) {
        uint64_t counted, too_many, one_way, other_way, around;
        struct world w;

        open_world(&w, version);
        counted = object_of(&w, w.semaphore, 2);
        too_many = object_of(&w, w.semaphore, 2);
        one_way = object_of(&w, w.semaphore, 1);
        other_way = object_of(&w, w.semaphore, 1);
        around = pyheap_room(w.t.heap, 0, HEAD);
        link_words(&w, counted, around, 1 << 2 | COLLECTING);
        link_words(&w, too_many, around, 3 << 2 | COLLECTING); /* of two references none can be three */
        link_words(&w, one_way, around + 4096 * 4096, around);
        pyheap_word(w.t.heap, around, (one_way - HEAD) | 1);
        link_words(&w, other_way, pyheap_room(w.t.heap, 0, HEAD), 0);
        pyheap_word(w.t.heap, PYHEAP_BASE + w.t.heap->used - 8, (other_way - HEAD) | 3);
        assert_int_equal(scan(&w), 0);
        assert_true(is_found(&w, counted) && is_found(&w, one_way) && is_found(&w, other_way) && !is_found(&w, too_many));
        assert_int_equal(w.instances.n, 3);
        close_world(&w);
    }
}

/* A shared count alone keeps an object of a free-threaded build. */
static void test_shared_counts(void **state)
{
    uint64_t shared, marked;
    struct world w;

    open_world(&w, PYHEAP_314T);
    shared = object_of(&w, w.semaphore, 0);
    marked = object_of(&w, w.semaphore, 0);
    track(&w, shared);
    track(&w, marked);
    pyheap_word(w.t.heap, shared + w.t.heap->lay.ob_ref_shared, 1 << 2 | 3);
    pyheap_word(w.t.heap, marked + w.t.heap->lay.ob_ref_shared, 3); /* merged, none left */
    assert_int_equal(scan(&w), 0);
    assert_true(is_found(&w, shared) && !is_found(&w, marked));
    close_world(&w);
}

/* What was found stays when a later scan fails for want of memory. */
static void test_each_allocation_fails_once(void **state)
{
    struct world w;
    uint64_t obj;

    open_world(&w, PYHEAP_312);
    obj = object_of(&w, w.semaphore, 1);
    track(&w, obj);
    assert_int_equal(scan(&w), 0);
    for (uint64_t n = 1;; n++) {
        int err;

        alloc_fail_arm(n);
        err = scan(&w);
        alloc_fail_disarm();
        assert_true(err == 0 || err == STROBE_ERR_NOMEM);
        assert_true(is_found(&w, obj));
        if (!alloc_fail_hit())
            break;
        assert_int_equal(scan(&w), 0);
    }
    close_world(&w);
}

/* A read that fails leaves an object out, or its class; nothing is made up. */
static void test_each_read_fails_once(void **state)
{
    struct world w;
    uint64_t obj, calls;

    open_world(&w, PYHEAP_312);
    obj = object_of(&w, w.semaphore, 1);
    track(&w, obj);
    for (uint64_t n = 1;; n++) {
        struct strobe_mem *mem = NULL;
        size_t n_classes;
        bool done;

        assert_int_equal(strobe_mem_count_new(&w.t.heap->mem, n, &mem), 0);
        strobe_roles_release(&w.roles);
        strobe_roles_init(&w.roles, mem, &w.t.heap->lay);
        strobe_instances_release(&w.instances);
        strobe_instances_init(&w.instances, mem, &w.t.heap->lay, &w.roles);
        assert_int_equal(strobe_instances_begin(&w.instances, &w.interp, 1, &n_classes), 0);
        assert_int_equal(strobe_instances_scan(&w.instances, PYHEAP_BASE, w.t.heap->used / 8 * 8), 0);
        assert_int_equal(strobe_instances_end(&w.instances, UINT64_MAX, &done), 0);
        assert_true(w.instances.n == 0 || (w.instances.n == 1 && w.instances.at[0].addr == obj));
        calls = strobe_mem_count_stats(mem)->calls;
        strobe_mem_close(mem);
        if (calls < n)
            break;
    }
    assert_int_equal(w.instances.n, 1);
    strobe_roles_release(&w.roles);
    strobe_instances_release(&w.instances);
    pyheap_free(w.t.heap);
}

/* A memory full of what is looked for is gone through in as many calls as it takes, none of which looks at more than it may. */
static void test_ends_in_parts(void **state)
{
    enum { WORDS = 500, MOST = 7 };
    uint64_t living, calls = 0, before;
    struct strobe_mem *mem = NULL;
    struct world w;
    size_t n_classes;
    bool done = false;

    open_world(&w, PYHEAP_312);
    living = object_of(&w, w.semaphore, 1);
    track(&w, living);
    for (int i = 0; i < WORDS; i++)
        pyheap_word(w.t.heap, pyheap_room(w.t.heap, 0, 8), w.semaphore);
    assert_int_equal(strobe_mem_count_new(&w.t.heap->mem, 0, &mem), 0);
    strobe_instances_release(&w.instances);
    strobe_instances_init(&w.instances, mem, &w.t.heap->lay, &w.roles);
    assert_int_equal(strobe_instances_begin(&w.instances, &w.interp, 1, &n_classes), 0);
    assert_int_equal(strobe_instances_scan(&w.instances, PYHEAP_BASE, w.t.heap->used / 8 * 8), 0);
    for (; !done; calls++) {
        assert_int_equal(w.instances.n, 0);
        before = strobe_mem_count_stats(mem)->calls;
        assert_int_equal(strobe_instances_end(&w.instances, MOST, &done), 0);
        assert_in_range(strobe_mem_count_stats(mem)->calls - before, 0, 16 * MOST);
    }
    assert_true(calls >= 3 * WORDS / MOST); /* refused ones are looked at three times */
    assert_true(w.instances.n == 1 && is_found(&w, living));
    strobe_mem_close(mem);
    w.instances.mem = &w.t.heap->mem;
    close_world(&w);
}

/* What is known stays known where its page was passed over, for as long as it lives; and is there once. */
static void test_known_ones(void **state)
{
    uint64_t living, dying;
    struct world w;
    size_t n_classes;
    bool done;

    open_world(&w, PYHEAP_312);
    living = object_of(&w, w.semaphore, 1);
    dying = object_of(&w, w.queue, 1);
    track(&w, living);
    track(&w, dying);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(scan(&w), 0);
        assert_int_equal(w.instances.n, 2);
    }
    pyheap_word(w.t.heap, dying + w.t.heap->lay.ob_refcnt, 0);
    assert_int_equal(strobe_instances_begin(&w.instances, &w.interp, 1, &n_classes), 0);
    assert_int_equal(strobe_instances_end(&w.instances, UINT64_MAX, &done), 0); /* none of the memory was scanned */
    assert_true(done && w.instances.n == 1 && is_found(&w, living));
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_living_and_dead),
        cmocka_unit_test(test_while_the_collector_works),
        cmocka_unit_test(test_shared_counts),
        cmocka_unit_test(test_ends_in_parts),
        cmocka_unit_test(test_known_ones),
        cmocka_unit_test(test_each_allocation_fails_once),
        cmocka_unit_test(test_each_read_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
