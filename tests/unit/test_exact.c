/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol of exact.c, step by step, over a target and a machine that follow a script: two threads and one GIL. */
#include "tests/unit/cm.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "snapshot.h"

enum {
    BASE = 0x100000, SIZE = 4096,
    RUNTIME = 0, GIL = 32, INTERP = 256, TSTATE = 512 /* and 128 further */, FRAME = 1024 /* likewise */, CODE = 2048 /* by 64 */,
    APART = 128,
    TID_A = 101, TID_B = 102,
};

struct world {
    struct strobe_mem mem;
    struct strobe_host host;
    struct strobe_clock clock;
    struct strobe_layout lay;
    unsigned char bytes[SIZE];
    uint64_t now_ns, gil_reads;
    struct strobe_thread_state state[2];
    unsigned asked[2], held[2], frame_reads[2];
    bool is_held[2];
    unsigned releases;
    int hold_error;
    /* The script: what happens when a thread is being held, before it stops; at a read of the GIL's words; at an asking. */
    void (*on_hold)(struct world *w, int thread);
    void (*on_gil_read)(struct world *w);
    void (*on_ask)(struct world *w, int thread);
};

static void put(struct world *w, uint32_t at, uint64_t value)
{
    memcpy(w->bytes + at, &value, sizeof value);
}

static uint64_t get(const struct world *w, uint32_t at)
{
    return strobe_span_u64(w->bytes, at);
}

static uint64_t tstate(int thread)
{
    return BASE + TSTATE + thread * APART;
}

/* Takes the GIL, as take_gil in CPython's ceval_gil.c has it once it is done. */
static void take_gil(struct world *w, int thread)
{
    put(w, GIL + 8, 1);
    if (get(w, GIL) != tstate(thread)) {
        put(w, GIL, tstate(thread));
        put(w, GIL + 16, get(w, GIL + 16) + 1);
    }
}

/* Runs another function in a thread: number n. */
static void run(struct world *w, int thread, int n)
{
    uint64_t code = BASE + CODE + n * 64;

    put(w, FRAME + thread * APART, code);
    put(w, FRAME + thread * APART + 16, code);
}

static int read_bytes(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct world *w = (struct world *)mem;

    if (addr < BASE || addr - BASE > SIZE || len > SIZE - (addr - BASE))
        return STROBE_ERR_FAULT;
    if (addr == BASE + GIL) {
        w->gil_reads++;
        if (w->on_gil_read)
            w->on_gil_read(w);
    }
    for (int i = 0; i < 2; i++)
        w->frame_reads[i] += addr == BASE + FRAME + (uint64_t)i * APART;
    memcpy(buf, w->bytes + (addr - BASE), len);
    return 0;
}

static struct world *of_host(struct strobe_host *host)
{
    return (struct world *)((char *)host - offsetof(struct world, host));
}

static void release(struct strobe_host *host)
{
    struct world *w = of_host(host);

    w->is_held[0] = w->is_held[1] = false;
    w->releases++;
    w->now_ns += 5000;
    host->released_ns = w->now_ns;
}

static int hold(struct strobe_host *host, int32_t tid)
{
    struct world *w = of_host(host);
    int thread = tid - TID_A;

    assert_false(w->is_held[0] || w->is_held[1]);
    if (w->hold_error)
        return w->hold_error;
    assert_int_equal(w->state[thread].run, STROBE_RUN_RUNNING); /* else it would see EINTR */
    if (w->on_hold)
        w->on_hold(w, thread);
    w->is_held[thread] = true;
    w->held[thread]++;
    host->held_since_ns = w->now_ns;
    return 0;
}

static int thread_state(struct strobe_host *host, int32_t tid, struct strobe_thread_state *ret)
{
    struct world *w = of_host(host);
    int thread = tid - TID_A;

    w->asked[thread]++;
    if (w->on_ask)
        w->on_ask(w, thread);
    *ret = w->is_held[thread] ? (struct strobe_thread_state){.run = STROBE_RUN_STOPPED, .run_count = 1} : w->state[thread];
    return 0;
}

static int thread_id(struct strobe_host *host, int32_t native, uint64_t pthread, int32_t *ret_tid)
{
    *ret_tid = native;
    return 0;
}

static int thread_name(struct strobe_host *host, int32_t tid, char *buf, size_t size)
{
    return STROBE_ERR_GONE;
}

static void close_host(struct strobe_host *host)
{
}

static uint64_t now(struct strobe_clock *clock)
{
    struct world *w = (struct world *)((char *)clock - offsetof(struct world, clock));

    return w->now_ns += 100;
}

static void init_layout(struct strobe_layout *lay)
{
    memset(lay, 0xff, sizeof *lay); /* absent, but for what follows */
    lay->runtime = BASE + RUNTIME;
    lay->free_threaded = lay->newer = false;
    lay->frames = STROBE_FRAMES_DIRECT;
    lay->pointer_mask_low = 0;
    lay->lasti_unit = 1;
    lay->rt_interpreters_head = 0;
    lay->rt_gil = GIL;
    lay->in_id = 0;
    lay->in_threads_head = 8;
    lay->in_next = 16;
    lay->in_gc_collecting = 24;
    lay->gil_last_holder = 0;
    lay->gil_locked = 8;
    lay->gil_switch_number = 16;
    lay->gil_size = 24;
    lay->ts_next = 0;
    lay->ts_interp = 8;
    lay->ts_id = 16;
    lay->ts_thread_id = 24;
    lay->ts_native_id = 32;
    lay->ts_frame = 40;
    lay->ts_size = 64;
    lay->fr_code = 0;
    lay->fr_previous = 8;
    lay->fr_instr = 16;
    lay->co_code = 0;
}

/* Thread 0 (A) holds the GIL and runs; thread 1 (B) sleeps, last run by a wait. */
static void init(struct world *w)
{
    static const struct strobe_mem_ops mem_ops = {read_bytes, NULL, NULL, NULL, NULL};
    static const struct strobe_host_ops host_ops = {hold, release, thread_state, thread_id, thread_name, close_host};

    *w = (struct world){.mem = {.ops = &mem_ops}, .host = {.ops = &host_ops}, .clock = {.now = now}, .now_ns = 1000000000};
    init_layout(&w->lay);
    put(w, RUNTIME, BASE + INTERP);
    put(w, INTERP + 8, tstate(0));
    for (int i = 0; i < 2; i++) {
        uint32_t at = TSTATE + (uint32_t)i * APART;

        put(w, at, i ? 0 : tstate(1));
        put(w, at + 8, BASE + INTERP);
        put(w, at + 16, (uint64_t)i + 1);
        put(w, at + 24, 0x7000 + (uint64_t)i);
        put(w, at + 32, (uint64_t)(TID_A + i));
        put(w, at + 40, BASE + FRAME + (uint64_t)i * APART);
        run(w, i, i);
    }
    put(w, GIL + 16, 7);
    take_gil(w, 0);
    w->state[0] = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
    w->state[1] = (struct strobe_thread_state){.run = STROBE_RUN_SLEEPING, .run_count = 50};
}

static struct strobe_snapshot *open_snapshot(struct world *w)
{
    struct strobe_snapshot_opts opts = {.mode = STROBE_MODE_EXACT};
    struct strobe_snapshot *snap;

    assert_int_equal(strobe_snapshot_new(&w->mem, &w->host, &w->lay, &w->clock, &opts, &snap), 0);
    return snap;
}

/* One sample; who was held is free again. */
static const struct strobe_sample *take(struct world *w, struct strobe_snapshot *snap)
{
    const struct strobe_sample *sample;

    assert_int_equal(strobe_snapshot_take(snap, &sample), 0);
    assert_false(w->is_held[0] || w->is_held[1]);
    assert_int_equal(sample->n_threads, 2);
    return sample;
}

static void assert_runs(const struct strobe_sample *sample, int thread, int n)
{
    assert_int_equal(sample->threads[thread].error, 0);
    assert_int_equal(sample->threads[thread].n_frames, 1);
    assert_int_equal(sample->threads[thread].frames[0].code, BASE + CODE + n * 64);
}

static void test_the_holder_is_held_once(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;

    init(&w);
    snap = open_snapshot(&w);
    for (unsigned i = 1; i <= 3; i++) {
        run(&w, 0, (int)i);
        sample = take(&w, snap);
        assert_int_equal(w.held[0], i);
        assert_int_equal(sample->n_pauses, 1);
        assert_int_equal(sample->pause_ns, 5000);
        assert_int_equal(sample->threads[0].flags & (STROBE_THREAD_GIL | STROBE_THREAD_ACTIVE), STROBE_THREAD_GIL | STROBE_THREAD_ACTIVE);
        assert_runs(sample, 0, (int)i);
        assert_runs(sample, 1, 1);
    }
    assert_int_equal(w.held[1], 0);
    strobe_snapshot_free(snap);
}

/* Its stack is proven by its run count: read once, then kept. */
static void test_who_has_not_run_is_not_read_again(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;
    unsigned reads;

    init(&w);
    snap = open_snapshot(&w);
    sample = take(&w, snap);
    assert_false(sample->threads[1].flags & STROBE_THREAD_SAME);
    reads = w.frame_reads[1];
    sample = take(&w, snap);
    assert_true(sample->threads[1].flags & STROBE_THREAD_SAME);
    assert_int_equal(w.frame_reads[1], reads);
    w.state[1].run_count++;
    run(&w, 1, 5);
    sample = take(&w, snap);
    assert_false(sample->threads[1].flags & STROBE_THREAD_SAME);
    assert_true(w.frame_reads[1] > reads);
    assert_runs(sample, 1, 5);
    strobe_snapshot_free(snap);
}

static void hand_over_once(struct world *w, int thread)
{
    if (thread == 0) {
        w->state[1] = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
        take_gil(w, 1);
        run(w, 1, 9);
    }
}

/* It let the GIL go before it stopped: whoever has it now is held too. */
static void test_a_hand_over_before_the_stop(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;

    init(&w);
    w.on_hold = hand_over_once;
    snap = open_snapshot(&w);
    sample = take(&w, snap);
    assert_int_equal(w.held[0], 1);
    assert_int_equal(w.held[1], 1);
    assert_runs(sample, 1, 9);
    assert_true(sample->threads[1].flags & STROBE_THREAD_GIL);
    assert_true(sample->threads[1].flags & STROBE_THREAD_ACTIVE);
    assert_false(sample->threads[0].flags & STROBE_THREAD_GIL);
    strobe_snapshot_free(snap);
}

/* B runs as soon as the words that name A have been read: at the third reading of the words A is held, and they are read in one go with
 * its stack and once more behind it; B is in between. */
static void slip_in(struct world *w)
{
    if (w->gil_reads == 3) {
        w->state[1] = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
        take_gil(w, 1);
        run(w, 1, 8);
    }
}

static void test_words_that_change_behind_the_copy(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;
    struct strobe_snapshot_stats stats;

    init(&w);
    snap = open_snapshot(&w);
    take(&w, snap); /* from here on B's stack is proven by its run count, and A's copy is all that is read */
    w.gil_reads = 0;
    w.on_gil_read = slip_in;
    sample = take(&w, snap);
    strobe_snapshot_stats(snap, &stats);
    assert_int_equal(stats.retries, 1);
    assert_runs(sample, 0, 0);
    assert_runs(sample, 1, 8);
    assert_true(sample->threads[1].flags & STROBE_THREAD_GIL);
    assert_true(w.held[1] >= 1);
    strobe_snapshot_free(snap);
}

/* Nobody holds the GIL, and its last holder sleeps: nobody is interrupted. */
static void test_a_sleeper_is_left_alone(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;

    init(&w);
    put(&w, GIL + 8, 0);
    w.state[0] = (struct strobe_thread_state){.run = STROBE_RUN_SLEEPING, .run_count = 3};
    snap = open_snapshot(&w);
    for (int i = 0; i < 3; i++) {
        sample = take(&w, snap);
        assert_runs(sample, 0, 0);
        assert_int_equal(sample->n_pauses, 0);
        assert_int_equal(sample->threads[0].flags & (STROBE_THREAD_GIL | STROBE_THREAD_ACTIVE), 0);
    }
    assert_int_equal(w.held[0] + w.held[1], 0);
    strobe_snapshot_free(snap);
}

static void wake_and_sleep(struct world *w, int thread)
{
    if (thread == 0 && w->asked[0] % 2 == 0)
        w->state[0].run_count++; /* between being seen asleep and the end of the reading */
}

/* It took the GIL and let it go again, which no word shows; its run count does. */
static void test_a_sleeper_that_ran_meanwhile(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;
    struct strobe_snapshot_stats stats;

    init(&w);
    put(&w, GIL + 8, 0);
    w.state[0] = (struct strobe_thread_state){.run = STROBE_RUN_SLEEPING, .run_count = 3};
    w.on_ask = wake_and_sleep;
    snap = open_snapshot(&w);
    assert_int_equal(strobe_snapshot_take(snap, &sample), 0);
    strobe_snapshot_stats(snap, &stats);
    assert_true(stats.retries >= 1);
    /* Either a reading came through, or it was dropped and that is counted; it never did here. */
    assert_int_equal(sample->threads[0].error, STROBE_ERR_TORN);
    assert_int_equal(sample->threads[0].n_frames, 0);
    assert_true(sample->n_dropped >= 1);
    w.on_ask = NULL;
    sample = take(&w, snap);
    assert_runs(sample, 0, 0);
    strobe_snapshot_free(snap);
}

/* A debugger has it: read without a pause, and counted. */
static void test_another_tracer(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;
    struct strobe_snapshot_stats stats;

    init(&w);
    w.hold_error = STROBE_ERR_BUSY;
    snap = open_snapshot(&w);
    sample = take(&w, snap);
    strobe_snapshot_stats(snap, &stats);
    assert_int_equal(stats.fallbacks, 1);
    assert_int_equal(sample->n_pauses, 0);
    assert_runs(sample, 0, 0);
    assert_true(sample->threads[0].flags & STROBE_THREAD_GIL); /* its words are read all the same */
    strobe_snapshot_free(snap);
}

/* It waits for a page: it cannot run, so it is not held; and it is not idle. */
static void test_a_holder_in_a_page_fault(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;

    init(&w);
    w.state[0] = (struct strobe_thread_state){.run = STROBE_RUN_FAULTING, .run_count = 4};
    snap = open_snapshot(&w);
    sample = take(&w, snap);
    assert_int_equal(w.held[0], 0);
    assert_runs(sample, 0, 0);
    assert_true(sample->threads[0].flags & STROBE_THREAD_ACTIVE);
    strobe_snapshot_free(snap);
}

/* B has run between being seen asleep and the reading of A, and A has the GIL again: the number of switches tells. */
static void run_and_sleep_again(struct world *w, int thread)
{
    if (thread == 0 && w->gil_reads == 1) {
        take_gil(w, 1);
        run(w, 1, 7);
        w->state[1].run_count++;
        take_gil(w, 0);
    }
}

static void test_a_sleeper_that_ran_before_the_hold(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;

    init(&w);
    snap = open_snapshot(&w);
    take(&w, snap);
    w.gil_reads = 0;
    w.on_hold = run_and_sleep_again;
    sample = take(&w, snap);
    assert_false(sample->threads[1].flags & STROBE_THREAD_SAME);
    assert_runs(sample, 1, 7);
    strobe_snapshot_free(snap);
}

/* After a forget every thread is read anew, and its visitor called. */
static void count_visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread)
{
    ++*(unsigned *)ctx;
}

static void test_forget(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    unsigned visits = 0;

    init(&w);
    snap = open_snapshot(&w);
    strobe_snapshot_set_visitor(snap, count_visit, &visits);
    take(&w, snap);
    assert_int_equal(visits, 2);
    take(&w, snap);
    assert_int_equal(visits, 3); /* B has not run */
    strobe_snapshot_forget(snap);
    take(&w, snap);
    assert_int_equal(visits, 5);
    strobe_snapshot_free(snap);
}

/* A thread that cannot be stopped in time costs its stack, not the sample. */
static void test_a_stuck_holder(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    const struct strobe_sample *sample;

    init(&w);
    w.hold_error = STROBE_ERR_STUCK;
    snap = open_snapshot(&w);
    sample = take(&w, snap);
    assert_int_equal(sample->threads[0].error, STROBE_ERR_TORN);
    assert_int_equal(sample->threads[0].n_frames, 0);
    strobe_snapshot_free(snap);
}

/* It stands still by now, so it is not held any more; the next sample lets it go all the same. */
static void test_a_stuck_thread_is_let_go_by_the_next_sample(void **state)
{
    struct world w;
    struct strobe_snapshot *snap;
    unsigned before;

    init(&w);
    w.state[0] = (struct strobe_thread_state){.run = STROBE_RUN_STOPPED, .run_count = 2};
    w.host.n_stuck = 1;
    snap = open_snapshot(&w);
    before = w.releases;
    take(&w, snap);
    assert_true(w.releases > before);
    assert_int_equal(w.held[0], 0);
    w.host.n_stuck = 0;
    before = w.releases;
    take(&w, snap);
    assert_int_equal(w.releases, before);
    strobe_snapshot_free(snap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_holder_is_held_once),
        cmocka_unit_test(test_who_has_not_run_is_not_read_again),
        cmocka_unit_test(test_a_hand_over_before_the_stop),
        cmocka_unit_test(test_words_that_change_behind_the_copy),
        cmocka_unit_test(test_a_sleeper_is_left_alone),
        cmocka_unit_test(test_a_sleeper_that_ran_meanwhile),
        cmocka_unit_test(test_another_tracer),
        cmocka_unit_test(test_a_holder_in_a_page_fault),
        cmocka_unit_test(test_a_sleeper_that_ran_before_the_hold),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_a_stuck_holder),
        cmocka_unit_test(test_a_stuck_thread_is_let_go_by_the_next_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
