/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one thread out of hostile memory: chunk lists whose sizes lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "walk/walk.h"

enum { CHUNK = 0x10000000, OLDER = 0x20000000, TSTATE = 0x30000000, TS_SIZE = 512 };

/* Two chunks and a thread state; whatever is read at a chunk is its header, then zeros. */
struct world {
    struct strobe_mem mem;
    struct strobe_layout lay;
    unsigned char ts[TS_SIZE];
    uint64_t size[2], top[2]; /* of CHUNK and OLDER */
    size_t longest;
};

static int world_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct world *w = (struct world *)mem;
    bool older = addr == OLDER;
    uint64_t head[3];

    if (len > w->longest)
        w->longest = len;
    if (len > STROBE_WINDOW_BYTES)
        return STROBE_ERR_FAULT; /* the test sees it in longest; nothing is overwritten */
    memset(buf, 0, len);
    if (addr >= TSTATE && addr + len <= TSTATE + TS_SIZE) {
        memcpy(buf, w->ts + (addr - TSTATE), len);
        return 0;
    }
    if (addr != CHUNK && !older)
        return STROBE_ERR_FAULT;
    head[0] = older ? 0 : OLDER;
    head[1] = w->size[older];
    head[2] = w->top[older];
    memcpy(buf, head, len < sizeof head ? len : sizeof head);
    return 0;
}

static uint64_t now(struct strobe_clock *clock)
{
    (void)clock;
    return 1;
}

static void read_with(uint64_t size0, uint64_t size1, uint64_t top1, uint64_t used)
{
    static const struct strobe_mem_ops ops = {world_read, NULL, NULL, NULL, NULL};
    struct strobe_clock clock = {.now = now};
    struct world w = {.mem = {&ops}, .size = {size0, size1}, .top = {0, top1}};
    struct strobe_walk walk;
    uint64_t chunk = CHUNK, top = CHUNK + used;

    memset(&w.lay, 0xff, sizeof w.lay); /* absent, but for what follows */
    w.lay.frames = STROBE_FRAMES_DIRECT;
    w.lay.gil_switch_number = 16;
    w.lay.ts_size = TS_SIZE;
    w.lay.ts_interp = 0;
    w.lay.ts_id = 8;
    w.lay.ts_frame = 16;
    w.lay.ts_chunk = 24;
    w.lay.ts_chunk_top = 32;
    w.lay.ts_thread_id = 40;
    w.lay.chunk_previous = 0;
    w.lay.chunk_size = 8;
    w.lay.chunk_top = 16;
    w.lay.chunk_data = 24;
    w.lay.fr_code = 0;
    w.lay.fr_previous = 8;
    w.lay.fr_instr = 16;
    w.lay.fr_localsplus = 80;
    memcpy(w.ts + w.lay.ts_chunk, &chunk, 8);
    memcpy(w.ts + w.lay.ts_chunk_top, &top, 8);
    assert_int_equal(strobe_walk_init(&walk, &w.mem, &w.lay, &clock), 0);
    walk.slots[0].live = true;
    walk.slots[0].tstate = TSTATE;
    strobe_walk_read(&walk, &walk.slots[0], false);
    strobe_walk_read(&walk, &walk.slots[0], true);
    assert_true(w.longest <= STROBE_WINDOW_BYTES);
    strobe_walk_release(&walk);
}

static void test_lengths_never_wrap(void **state)
{
    (void)state;
    for (uint64_t used = 0; used <= 16384; used += 512)
        for (uint64_t off = 0; off <= 32768; off += 1024) {
            read_with(16384, UINT64_MAX, (0 - off - 24) / 8, used);
            read_with(UINT64_MAX, UINT64_MAX, (0 - off - 24) / 8, used);
            read_with(UINT64_MAX, 16384, 8, 0 - used);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths_never_wrap)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
