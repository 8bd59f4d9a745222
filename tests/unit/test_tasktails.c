/* SPDX-License-Identifier: Apache-2.0 */
/* Tails of tasks that are written down here: what stands in a heap of the target's is only types and names. */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "billing/tasktails.h"
#include "tests/lib/alloc_fail.h"
#include "tests/lib/pyheap.h"

enum { MAX = 256, WHOLE = 1 << 20 };

static struct world {
    struct pyheap *heap;
    struct strobe_names *names;
    struct strobe_codes *codes;
    struct strobe_taskreader reader; /* only what it knows of classes and code */
    struct strobe_tails tails;
    struct strobe_task tasks[MAX];
    struct strobe_wait waits[MAX];
    struct strobe_hold holds[MAX];
    uint32_t awaiters[MAX];
    struct strobe_task_sample sample;
    struct strobe_sample threads;
    uint64_t semaphore, lock; /* types */
} w;

static void open_world(bool blame)
{
    memset(&w, 0, sizeof w);
    w.heap = pyheap_new(PYHEAP_312);
    assert_int_equal(strobe_names_new(&w.names), 0);
    assert_int_equal(strobe_codes_new(&w.heap->mem, &w.heap->lay, w.names, &w.codes), 0);
    strobe_roles_init(&w.reader.roles, &w.heap->mem, &w.heap->lay);
    strobe_coderoles_init(&w.reader.codes, &w.heap->mem, &w.heap->lay);
    strobe_tails_init(&w.tails, &w.heap->mem, &w.heap->lay, w.names, w.codes, &w.reader, blame);
    w.semaphore = pyheap_class(w.heap, "Semaphore", w.heap->type[PYHEAP_OBJECT], 0);
    w.lock = pyheap_class(w.heap, "Lock", w.heap->type[PYHEAP_OBJECT], 0);
    w.sample = (struct strobe_task_sample){.tasks = w.tasks, .waits = w.waits, .holds = w.holds, .awaiters = w.awaiters};
}

static void close_world(void)
{
    strobe_tails_release(&w.tails);
    strobe_coderoles_release(&w.reader.codes);
    strobe_roles_release(&w.reader.roles);
    strobe_codes_free(w.codes);
    strobe_names_free(w.names);
    pyheap_free(w.heap);
}

static uint32_t wait_for(enum strobe_wait_kind kind, uint64_t type)
{
    w.waits[w.sample.n_waits] = (struct strobe_wait){.kind = kind, .type = type, .object = 0x1000 + w.sample.n_waits * 16,
                                                     .task = STROBE_NO_INDEX, .frame = STROBE_NO_INDEX};
    return w.sample.n_waits++;
}

static uint32_t task(const char *name, enum strobe_task_state state, uint32_t wait)
{
    w.tasks[w.sample.n_tasks] = (struct strobe_task){.addr = 0x100000 + w.sample.n_tasks * 256, .state = state, .wait = wait,
                                                     .name = pyheap_str(w.heap, name), .future = 0x77, .thread = STROBE_NO_INDEX};
    return w.sample.n_tasks++;
}

static uint32_t waiting(const char *name, uint32_t wait)
{
    if (w.waits[wait].task == STROBE_NO_INDEX)
        w.waits[wait].task = w.sample.n_tasks;
    w.waits[wait].n_waiters++;
    return task(name, STROBE_TASK_WAITING, wait);
}

static void hold(uint32_t holder, uint32_t wait)
{
    w.waits[wait].n_holders++;
    w.holds[w.sample.n_holds++] = (struct strobe_hold){holder, wait, 0};
}

static void begin(void)
{
    assert_int_equal(strobe_tails_begin(&w.tails, &w.threads, &w.sample), 0);
}

/* "frame;frame 25.00 %" a tail, joined by " | ". */
static void put_tails(const struct strobe_await_tail *tails, uint32_t n, struct strobe_buf *out)
{
    double whole = 0;

    for (uint32_t i = 0; i < n; i++)
        whole += tails[i].parts;
    for (uint32_t i = 0; i < n; i++) {
        strobe_buf_puts(out, i ? " | " : "");
        for (uint32_t k = 0; k < tails[i].n; k++)
            strobe_buf_printf(out, "%s%s", k ? ";" : "", strobe_names_text(w.names, strobe_names_get(w.names, tails[i].frames[k])->name));
        if (n > 1)
            strobe_buf_printf(out, " %.2f%%", 100 * tails[i].parts / whole);
    }
}

static void assert_tails(uint32_t of, const char *expected)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    const struct strobe_await_tail *tails;
    uint32_t n;

    assert_int_equal(strobe_tails_of(&w.tails, of, &tails, &n), 0);
    put_tails(tails, n, &text);
    assert_string_equal(strobe_buf_str(&text), expected);
    strobe_buf_release(&text);
}

static void test_states(void **state)
{
    uint32_t runs, ready, done, sleeps, wants;

    open_world(false);
    runs = task("a", STROBE_TASK_RUNNING, STROBE_NO_INDEX);
    ready = task("b", STROBE_TASK_READY, STROBE_NO_INDEX);
    done = task("c", STROBE_TASK_DONE, STROBE_NO_INDEX);
    sleeps = waiting("d", wait_for(STROBE_WAIT_SLEEP, 0));
    wants = waiting("e", wait_for(STROBE_WAIT_SEMAPHORE, w.semaphore));
    begin();
    assert_tails(runs, "");
    assert_tails(ready, "[ready: loop busy]");
    assert_tails(done, "");
    assert_tails(sleeps, "[waiting: sleep]");
    assert_tails(wants, "[waiting: Semaphore]");
    close_world();
}

/* Waits are markers that pstats counts as no time of a thread. */
static void test_marks_are_of_waiting(void **state)
{
    const struct strobe_await_tail *tails;
    uint32_t n;

    open_world(false);
    waiting("d", wait_for(STROBE_WAIT_SLEEP, 0));
    begin();
    assert_int_equal(strobe_tails_of(&w.tails, 0, &tails, &n), 0);
    assert_int_equal(n, 1);
    assert_true(strobe_frame_is_wait(strobe_names_get(w.names, tails[0].frames[0])));
    close_world();
}

/* While the tasks of one wait end one by one, the wait stays one leaf; the next wait is another. */
static void test_number_of_tasks_is_that_of_the_beginning(void **state)
{
    uint32_t parent, group;

    open_world(false);
    group = wait_for(STROBE_WAIT_TASKS, 0);
    parent = waiting("parent", group);
    for (uint32_t i = 0; i < 3; i++) {
        w.tasks[task("child", STROBE_TASK_READY, STROBE_NO_INDEX)].n_awaiters = 1;
        w.awaiters[i] = parent;
    }
    w.sample.n_awaiters = 3;
    begin();
    assert_tails(parent, "[waiting: 3 tasks]");
    w.sample.n_awaiters = 1;
    begin();
    assert_tails(parent, "[waiting: 3 tasks]");
    begin();
    assert_tails(parent, "[waiting: 3 tasks]");
    w.tasks[parent].future = 0x88;
    begin();
    assert_tails(parent, "[waiting: 1 task]");
    w.tasks[parent].future = 0x77; /* long ago */
    w.sample.n_awaiters = 0;
    begin();
    assert_tails(parent, "[waiting: tasks]");
    close_world();
}

static void test_blame_goes_to_the_holders_equally(void **state)
{
    uint32_t semaphore, waits, first;

    open_world(true);
    semaphore = wait_for(STROBE_WAIT_SEMAPHORE, w.semaphore);
    waits = waiting("w", semaphore);
    hold(first = waiting("request-1", wait_for(STROBE_WAIT_SLEEP, 0)), semaphore);
    hold(waiting("request-12", wait_for(STROBE_WAIT_SLEEP, 0)), semaphore);
    hold(task("other", STROBE_TASK_READY, STROBE_NO_INDEX), semaphore);
    hold(task("runs", STROBE_TASK_RUNNING, STROBE_NO_INDEX), semaphore);
    begin();
    assert_tails(waits, "[Semaphore];[held by request-*];[waiting: sleep] 50.00% | [Semaphore];[held by other];[ready: loop busy] 25.00%"
                        " | [Semaphore];[held by runs] 25.00%");
    assert_tails(first, "[waiting: sleep]");
    close_world();
}

static void test_without_blame_a_wait_is_a_wait(void **state)
{
    uint32_t semaphore;

    open_world(false);
    semaphore = wait_for(STROBE_WAIT_SEMAPHORE, w.semaphore);
    waiting("w", semaphore);
    hold(waiting("h", wait_for(STROBE_WAIT_SLEEP, 0)), semaphore);
    begin();
    assert_tails(0, "[waiting: Semaphore]");
    close_world();
}

static void test_blame_goes_on_from_holder_to_holder(void **state)
{
    uint32_t outer, inner, middle;

    open_world(true);
    outer = wait_for(STROBE_WAIT_SEMAPHORE, w.semaphore);
    inner = wait_for(STROBE_WAIT_LOCK, w.lock);
    waiting("w", outer);
    middle = waiting("middle", inner);
    hold(middle, outer);
    hold(waiting("last", wait_for(STROBE_WAIT_SLEEP, 0)), inner);
    begin();
    assert_tails(0, "[Semaphore];[held by middle];[Lock];[held by last];[waiting: sleep]");
    assert_tails(middle, "[Lock];[held by last];[waiting: sleep]");
    close_world();
}

static void test_a_holder_nobody_knows(void **state)
{
    uint32_t lock;

    open_world(true);
    lock = wait_for(STROBE_WAIT_LOCK, w.lock);
    waiting("w", lock);
    hold(STROBE_NO_INDEX, lock);
    begin();
    assert_tails(0, "[waiting: Lock]");
    close_world();
}

/* Two that hold what the other waits for, and one that waits for either: whoever is asked first, the answers are the same. */
static void test_deadlock(void **state)
{
    for (int turn = 0; turn < 2; turn++) {
        uint32_t one, two;

        open_world(true);
        one = wait_for(STROBE_WAIT_LOCK, w.lock);
        two = wait_for(STROBE_WAIT_SEMAPHORE, w.semaphore);
        hold(waiting("a", two), one);
        hold(waiting("b", one), two);
        waiting("c", one);
        begin();
        for (uint32_t i = 0; i < 3; i++) {
            switch (turn ? 2 - i : i) {
            case 0: assert_tails(0, "[Semaphore];[held by b];[Lock];[held by a];[deadlock]"); break;
            case 1: assert_tails(1, "[Lock];[held by a];[Semaphore];[held by b];[deadlock]"); break;
            default: assert_tails(2, "[Lock];[held by a];[Semaphore];[held by b];[deadlock]"); break;
            }
        }
        close_world();
    }
}

static void test_it_waits_for_what_it_holds(void **state)
{
    uint32_t lock;

    open_world(true);
    lock = wait_for(STROBE_WAIT_LOCK, w.lock);
    hold(waiting("a", lock), lock);
    begin();
    assert_tails(0, "[Lock];[held by a];[deadlock]");
    close_world();
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        n++;
    return n;
}

/* However the tasks are asked, each blames eight holders deep. */
static void test_a_long_chain_of_holders(void **state)
{
    enum { CHAIN = 30, DEPTH = 8 };

    open_world(true);
    for (uint32_t i = 0; i < CHAIN; i++)
        wait_for(i + 1 < CHAIN ? STROBE_WAIT_LOCK : STROBE_WAIT_SLEEP, i + 1 < CHAIN ? w.lock : 0);
    for (uint32_t i = 0; i < CHAIN; i++) {
        waiting("t", i);
        if (i)
            hold(i, i - 1);
    }
    begin();
    for (uint32_t i = 0; i < CHAIN; i++) {
        struct strobe_buf text = STROBE_BUF_INIT;
        const struct strobe_await_tail *tails;
        uint32_t n, left = CHAIN - 1 - i;

        assert_int_equal(strobe_tails_of(&w.tails, i, &tails, &n), 0);
        assert_int_equal(n, 1);
        put_tails(tails, n, &text);
        assert_int_equal(count_of(strobe_buf_str(&text), "[held by"), left < DEPTH ? left : DEPTH);
        assert_int_equal(count_of(strobe_buf_str(&text), "[waiting: "), 1);
        strobe_buf_release(&text);
    }
    close_world();
}

/* More holders with names of their own than there is room for: the last takes what is left. */
static void test_more_tails_than_are_kept(void **state)
{
    enum { HOLDERS = 100 };
    const struct strobe_await_tail *tails;
    uint32_t n, semaphore;
    uint64_t whole = 0;

    open_world(true);
    semaphore = wait_for(STROBE_WAIT_SEMAPHORE, w.semaphore);
    waiting("w", semaphore);
    for (int i = 0; i < HOLDERS; i++) {
        char name[] = {(char)('a' + i / 26), (char)('a' + i % 26), '\0'};

        hold(task(name, STROBE_TASK_READY, STROBE_NO_INDEX), semaphore);
    }
    begin();
    assert_int_equal(strobe_tails_of(&w.tails, 0, &tails, &n), 0);
    assert_int_equal(n, STROBE_TAILS_MAX);
    for (uint32_t i = 0; i < n; i++)
        whole += tails[i].parts;
    assert_in_range(whole, WHOLE - HOLDERS, WHOLE);
    for (uint32_t i = 0; i + 1 < n; i++)
        assert_int_equal(tails[i].parts, WHOLE / HOLDERS);
    assert_int_equal(tails[n - 1].parts, (HOLDERS - (n - 1)) * (WHOLE / HOLDERS));
    assert_int_equal(tails[n - 1].n, 2);
    assert_int_equal(tails[n - 1].frames[0], tails[0].frames[0]);
    assert_string_equal(strobe_names_text(w.names, strobe_names_get(w.names, tails[n - 1].frames[1])->name), "[others]");
    close_world();
}

/* Holders with names that are made of random letters, over a long recording. */
static void test_more_holders_than_have_a_frame_of_their_own(void **state)
{
    uint32_t semaphore, holder, n = STROBE_FEWMARKS_MAX + 3;

    open_world(true);
    semaphore = wait_for(STROBE_WAIT_SEMAPHORE, w.semaphore);
    waiting("w", semaphore);
    hold(holder = task("", STROBE_TASK_READY, STROBE_NO_INDEX), semaphore);
    for (uint32_t i = 0; i < 2 * n; i++) { /* twice the same */
        uint32_t k = i % n;
        char name[] = {(char)('a' + k / 676 % 26), (char)('a' + k / 26 % 26), (char)('a' + k % 26), '\0'}, text[128];

        w.tasks[holder].name = pyheap_str(w.heap, name);
        snprintf(text, sizeof text, "[Semaphore];[held by %s];[ready: loop busy]", k < STROBE_FEWMARKS_MAX ? name : "(other)");
        begin();
        assert_tails(0, text);
    }
    close_world();
}

/* A wait whose call no pool has. */
static void test_an_executor_that_is_not_found(void **state)
{
    open_world(true);
    waiting("w", wait_for(STROBE_WAIT_EXECUTOR, 0));
    begin();
    assert_tails(0, "[waiting: executor]");
    close_world();
}

static int all_tails(void)
{
    const struct strobe_await_tail *tails;
    uint32_t n;
    int err = strobe_tails_begin(&w.tails, &w.threads, &w.sample);

    for (uint32_t i = 0; !err && i < w.sample.n_tasks; i++)
        err = strobe_tails_of(&w.tails, i, &tails, &n);
    return err;
}

static void deadlocked(void)
{
    uint32_t one, two, group;

    open_world(true);
    one = wait_for(STROBE_WAIT_LOCK, w.lock);
    two = wait_for(STROBE_WAIT_SEMAPHORE, w.semaphore);
    group = wait_for(STROBE_WAIT_TASKS, 0);
    hold(waiting("a", two), one);
    hold(waiting("b", one), two);
    waiting("c", group);
    hold(task("d", STROBE_TASK_READY, STROBE_NO_INDEX), two);
}

static void test_every_failed_allocation_is_reported(void **state)
{
    int err = -1;

    for (uint64_t n = 1; err; n++) {
        deadlocked();
        alloc_fail_arm(n);
        err = all_tails();
        alloc_fail_disarm();
        assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
        if (err)
            assert_int_equal(all_tails(), 0);
        close_world();
        assert_int_equal(alloc_fail_live(), 0);
    }
}

static void test_known_waits_allocate_nothing(void **state)
{
    deadlocked();
    for (int i = 0; i < 3; i++)
        assert_int_equal(all_tails(), 0);
    alloc_fail_arm(0);
    assert_int_equal(all_tails(), 0);
    assert_int_equal(alloc_fail_disarm(), 0);
    close_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_marks_are_of_waiting),
        cmocka_unit_test(test_number_of_tasks_is_that_of_the_beginning),
        cmocka_unit_test(test_blame_goes_to_the_holders_equally),
        cmocka_unit_test(test_without_blame_a_wait_is_a_wait),
        cmocka_unit_test(test_blame_goes_on_from_holder_to_holder),
        cmocka_unit_test(test_a_holder_nobody_knows),
        cmocka_unit_test(test_deadlock),
        cmocka_unit_test(test_it_waits_for_what_it_holds),
        cmocka_unit_test(test_a_long_chain_of_holders),
        cmocka_unit_test(test_more_tails_than_are_kept),
        cmocka_unit_test(test_more_holders_than_have_a_frame_of_their_own),
        cmocka_unit_test(test_an_executor_that_is_not_found),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
        cmocka_unit_test(test_known_waits_allocate_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
