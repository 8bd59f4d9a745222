/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

/* A small target: one block of memory with a runtime, the types code, str and bytes, and objects put there by the tests. */
enum {
    BASE = 0x100000, SIZE = 0x20000, RUNTIME = BASE, CODE_TYPE = BASE + 0x1000, STR_TYPE = BASE + 0x2000, BYTES_TYPE = BASE + 0x3000,
    TEXTS = BASE + 0x4000, CODE = BASE + 0x5000, CODE2 = BASE + 0x5400, STRINGS = BASE + 0x6000, UNMAPPED = 0x900000,
};

struct world {
    struct strobe_mem mem;
    unsigned char *bytes;
    uint64_t next; /* where the next string goes */
    size_t calls, fail_at; /* fail_at: the n-th call is the process's last */
    size_t changed_at; /* the n-th call changes CODE's first line, as if the address were used again meanwhile */
    struct strobe_layout lay;
    struct strobe_names *names;
    struct strobe_codes *codes;
};

static struct world *world_of(struct strobe_mem *mem)
{
    return (struct world *)mem;
}

static unsigned char *at(struct world *w, uint64_t addr)
{
    assert_true(addr >= BASE && addr < BASE + SIZE);
    return w->bytes + (addr - BASE);
}

static int world_readv(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n)
{
    struct world *w = world_of(mem);
    int32_t line = 77;

    w->calls++;
    if (w->fail_at && w->calls >= w->fail_at)
        return STROBE_ERR_GONE;
    if (w->calls == w->changed_at)
        memcpy(at(w, CODE + w->lay.co_firstlineno), &line, sizeof line);
    assert_true(n <= 1024); /* process_vm_readv(2) */
    for (size_t i = 0; i < n; i++) {
        if (segs[i].addr < BASE || segs[i].addr - BASE > SIZE || segs[i].len > SIZE - (segs[i].addr - BASE))
            return STROBE_ERR_FAULT;
        memcpy(segs[i].buf, w->bytes + (segs[i].addr - BASE), segs[i].len);
    }
    return 0;
}

static int world_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct strobe_mem_seg seg = {addr, buf, len};

    return world_readv(mem, &seg, 1);
}

static const struct strobe_mem_ops world_ops = {world_read, world_readv, NULL, NULL, NULL};

static void put64(struct world *w, uint64_t addr, uint64_t value)
{
    memcpy(at(w, addr), &value, sizeof value);
}

static void put32(struct world *w, uint64_t addr, uint32_t value)
{
    memcpy(at(w, addr), &value, sizeof value);
}

/* A type object; flag: the bit of tp_flags by which its instances are known, 0 = none. */
static void put_type(struct world *w, uint64_t addr, const char *name, unsigned flag)
{
    put64(w, addr + w->lay.ty_name, addr + 0xf00);
    put64(w, addr + w->lay.ty_flags, flag ? 1ull << flag : 0);
    strcpy((char *)at(w, addr + 0xf00), name);
}

/* A compact ASCII str with the hash a target would have computed from its text: here its length and first byte. */
static uint64_t put_str(struct world *w, const char *text)
{
    uint64_t addr = w->next;
    size_t len = strlen(text);

    put64(w, addr + w->lay.ob_type, STR_TYPE);
    put64(w, addr + w->lay.str_length, len);
    put64(w, addr + w->lay.str_hash, len << 8 | (unsigned char)text[0]);
    put32(w, addr + w->lay.str_state, (1u | 1u << 3 | 1u << 4 | 1u << 5) << w->lay.str_kind_shift);
    memcpy(at(w, addr + w->lay.str_ascii_data), text, len + 1);
    w->next += (w->lay.str_ascii_data + len + 16) & ~15u;
    return addr;
}

static uint64_t put_bytes(struct world *w, const void *bytes, size_t len)
{
    uint64_t addr = w->next;

    put64(w, addr + w->lay.ob_type, BYTES_TYPE);
    put64(w, addr + w->lay.bytes_size, len);
    memcpy(at(w, addr + w->lay.bytes_data), bytes, len);
    w->next += (w->lay.bytes_data + len + 16) & ~15u;
    return addr;
}

static void put_code(struct world *w, uint64_t addr, const char *name, const char *file, uint32_t first, const void *table, size_t len)
{
    static uint32_t version = 100;

    put64(w, addr + w->lay.ob_type, CODE_TYPE);
    put64(w, addr + w->lay.co_name, put_str(w, name));
    if (w->lay.co_qualname != STROBE_NONE) {
        char qualified[64];

        strcat(strcpy(qualified, "Class."), name);
        put64(w, addr + w->lay.co_qualname, put_str(w, qualified));
    }
    put64(w, addr + w->lay.co_filename, put_str(w, file));
    put32(w, addr + w->lay.co_firstlineno, first);
    put64(w, addr + w->lay.co_linetable, put_bytes(w, table, len));
    if (w->lay.co_version != STROBE_NONE)
        put32(w, addr + w->lay.co_version, version++);
}

/* Lines 10 (4 bytes of code), 11 (4), none (4). */
static const unsigned char lnotab[] = {4, 1, 4, 0};
static const unsigned char locations[] = {0x80 | 0 << 3 | 1, 0, 0x80 | 11 << 3 | 1, 0, 0, 0x80 | 15 << 3 | 1};

static const void *table_of(const struct world *w, size_t *ret_len)
{
    *ret_len = w->lay.lines == STROBE_LINES_LOCATIONS ? sizeof locations : sizeof lnotab;
    return w->lay.lines == STROBE_LINES_LOCATIONS ? locations : lnotab;
}

static void world_open(struct world *w, uint32_t version)
{
    struct strobe_layout_hint hint = {RUNTIME, version, false};
    const void *table;
    char why[160];
    size_t len;

    *w = (struct world){.mem = {&world_ops}, .bytes = calloc(1, SIZE), .next = STRINGS};
    assert_non_null(w->bytes);
    memset(w->bytes, 1, 256); /* "an interpreter" in the runtime's list */
    assert_int_equal(strobe_layout_init(&w->mem, &hint, &w->lay, why), 0);
    put_type(w, CODE_TYPE, "code", 0);
    put_type(w, STR_TYPE, "str", 28);
    put_type(w, BYTES_TYPE, "bytes", 27);
    table = table_of(w, &len);
    put_code(w, CODE, "f", "/app/a.py", 10, table, len);
    put_code(w, CODE2, "g", "/app/b.py", 20, table, len);
    assert_int_equal(strobe_names_new(&w->names), 0);
    assert_int_equal(strobe_codes_new(&w->mem, &w->lay, w->names, &w->codes), 0);
}

static void world_close(struct world *w)
{
    strobe_codes_free(w->codes);
    strobe_names_free(w->names);
    free(w->bytes);
}

static const struct strobe_frame *resolve(struct world *w, uint64_t code, int64_t instr)
{
    uint32_t id;

    assert_int_equal(strobe_codes_resolve(w->codes, code, instr, &id), 0);
    return strobe_names_get(w->names, id);
}

static void check_frame(struct world *w, uint64_t code, int64_t instr, const char *name, const char *file, int line)
{
    const struct strobe_frame *frame = resolve(w, code, instr);

    assert_string_equal(strobe_names_text(w->names, frame->name), name);
    assert_string_equal(strobe_names_text(w->names, frame->file), file);
    assert_int_equal(frame->line, line);
}

static const uint32_t versions[] = {0x03080000, 0x030b07f0, 0x030c01f0};
enum { N_VERSIONS = sizeof versions / sizeof versions[0] };

static void test_names_and_lines(void **state)
{
    (void)state;
    for (int v = 0; v < N_VERSIONS; v++) {
        struct world w;
        const char *f, *g;

        world_open(&w, versions[v]);
        f = w.lay.co_qualname == STROBE_NONE ? "f" : "Class.f";
        g = w.lay.co_qualname == STROBE_NONE ? "g" : "Class.g";
        check_frame(&w, CODE, 0, f, "/app/a.py", 10);
        check_frame(&w, CODE, 4, f, "/app/a.py", 11);
        /* Before its first instruction: shown in the old versions, not set up yet in the others. */
        if (w.lay.co_firsttraceable == STROBE_NONE)
            check_frame(&w, CODE, -2, f, "/app/a.py", 10);
        else
            assert_int_equal(strobe_codes_resolve(w.codes, CODE, -2, &(uint32_t){0}), STROBE_ERR_MISSING);
        /* "No line": the function's first; an lnotab has no such thing. */
        check_frame(&w, CODE, 8, f, "/app/a.py", v == 0 ? 11 : 10);
        check_frame(&w, CODE2, 4, g, "/app/b.py", 21);
        assert_int_equal(resolve(&w, CODE, 4)->first_line, 10);

        strobe_codes_set_line_mode(w.codes, STROBE_LINE_FUNCTION);
        check_frame(&w, CODE, 4, f, "/app/a.py", 10);
        strobe_codes_set_line_mode(w.codes, STROBE_LINE_NONE);
        check_frame(&w, CODE, 4, f, "/app/a.py", 0);
        strobe_codes_set_line_mode(w.codes, STROBE_LINE_CURRENT);
        check_frame(&w, CODE, 4, f, "/app/a.py", 11);
        world_close(&w);
    }
}

static void test_known_frames_cost_no_reading(void **state)
{
    struct world w;
    uint32_t first, again;
    size_t calls;

    (void)state;
    world_open(&w, 0x030c01f0);
    assert_int_equal(strobe_codes_resolve(w.codes, CODE, 4, &first), 0);
    calls = w.calls;
    assert_int_equal(strobe_codes_resolve(w.codes, CODE, 4, &again), 0);
    assert_int_equal(again, first);
    resolve(&w, CODE, 0); /* another instruction of a known code object: its table is kept */
    assert_int_equal(w.calls, calls);
    world_close(&w);
}

static void test_not_code(void **state)
{
    static const uint64_t bad[] = {0, 1, 3, CODE + 4, UNMAPPED, STRINGS, CODE_TYPE, BASE + 0x1f000, UINT64_MAX - 7, BASE + SIZE - 8};
    struct strobe_code_print prints[11];
    uint64_t mixed[11];
    struct world w;

    (void)state;
    for (int v = 0; v < N_VERSIONS; v++) {
        world_open(&w, versions[v]);
        for (size_t i = 0; i < 10; i++) {
            uint32_t id = 12345;

            assert_int_equal(strobe_codes_resolve(w.codes, bad[i], 0, &id), STROBE_ERR_OBJECT);
            assert_int_equal(id, 12345);
            mixed[i] = bad[i];
        }
        mixed[10] = CODE; /* one good address behind bad ones */
        assert_int_equal(strobe_codes_prints(w.codes, mixed, 11, prints), 0);
        for (size_t i = 0; i < 11; i++) {
            uint64_t any = prints[i].word[0] | prints[i].word[1] | prints[i].word[2] | prints[i].word[3];

            assert_true(i == 10 ? any != 0 : any == 0);
        }
        world_close(&w);
    }
}

/* Address reuse: what tells the two code objects apart differs from version to version, and all else may be equal. */
static void test_expect(void **state)
{
    for (int v = 0; v < N_VERSIONS; v++) {
        struct strobe_code_print before, after;
        uint64_t code = CODE, epoch, name, table_addr;
        const void *table;
        struct world w;
        size_t len;

        (void)state;
        world_open(&w, versions[v]);
        check_frame(&w, CODE, 4, v == 0 ? "f" : "Class.f", "/app/a.py", 11);
        check_frame(&w, CODE2, 4, v == 0 ? "g" : "Class.g", "/app/b.py", 21);
        assert_int_equal(strobe_codes_prints(w.codes, &code, 1, &before), 0);
        epoch = strobe_codes_epoch(w.codes);
        strobe_codes_expect(w.codes, CODE, &before);
        assert_true(strobe_codes_epoch(w.codes) == epoch);

        /* Name and line table of the new one lie where the old ones were; the first line is the same. */
        name = strobe_span_u64(at(&w, CODE), w.lay.co_name);
        table_addr = strobe_span_u64(at(&w, CODE), w.lay.co_linetable);
        table = table_of(&w, &len);
        put_code(&w, CODE, "fresh", "/app/c.py", 10, table, len);
        w.next = name;
        put64(&w, CODE + w.lay.co_name, put_str(&w, "n"));
        put64(&w, CODE + w.lay.co_linetable, table_addr);
        assert_int_equal(strobe_codes_prints(w.codes, &code, 1, &after), 0);
        assert_memory_not_equal(&before, &after, sizeof before);
        strobe_codes_expect(w.codes, CODE, &after);
        assert_true(strobe_codes_epoch(w.codes) != epoch);
        check_frame(&w, CODE, 4, v == 0 ? "n" : "Class.fresh", "/app/c.py", 11);
        check_frame(&w, CODE2, 4, v == 0 ? "g" : "Class.g", "/app/b.py", 21);
        world_close(&w);
    }
}

/* Before 3.12 the same name in the same place is no proof either: the table's contents count. */
static void test_expect_same_name(void **state)
{
    struct strobe_code_print before, after;
    uint64_t code = CODE, table;
    struct world w;

    (void)state;
    world_open(&w, 0x03080000);
    assert_int_equal(strobe_codes_prints(w.codes, &code, 1, &before), 0);
    table = strobe_span_u64(at(&w, CODE), w.lay.co_linetable);
    at(&w, table + w.lay.bytes_data)[1]++;
    assert_int_equal(strobe_codes_prints(w.codes, &code, 1, &after), 0);
    assert_memory_not_equal(&before, &after, sizeof before);
    /* What lies behind a short table is not part of it. */
    at(&w, table + w.lay.bytes_data)[1]--;
    at(&w, table + w.lay.bytes_data)[sizeof lnotab + 1]++;
    assert_int_equal(strobe_codes_prints(w.codes, &code, 1, &after), 0);
    assert_memory_equal(&before, &after, sizeof before);
    world_close(&w);
}

/* A fingerprint taken while the target stood still, and another object at the address by the time it is read. */
static void test_expected_before_known(void **state)
{
    struct strobe_code_print print;
    uint64_t code = CODE;
    struct world w;
    uint32_t id;

    (void)state;
    world_open(&w, 0x030c01f0);
    assert_int_equal(strobe_codes_prints(w.codes, &code, 1, &print), 0);
    strobe_codes_expect(w.codes, CODE, &print);
    put_code(&w, CODE, "late", "/app/d.py", 5, locations, sizeof locations);
    assert_int_equal(strobe_codes_resolve(w.codes, CODE, 4, &id), STROBE_ERR_OBJECT);
    /* Whoever asks again without an expectation gets what is there now. */
    check_frame(&w, CODE, 4, "Class.late", "/app/d.py", 6);
    /* "No code object here" is a fingerprint too. */
    strobe_codes_expect(w.codes, CODE, &(struct strobe_code_print){{0}});
    put64(&w, CODE + w.lay.ob_type, STR_TYPE);
    assert_int_equal(strobe_codes_resolve(w.codes, CODE, 4, &id), STROBE_ERR_OBJECT);
    world_close(&w);
}

/* The object changes between the first read of resolve and its last: nothing of it is believed. */
static void test_changed_while_read(void **state)
{
    struct world w;
    size_t calls;
    uint32_t id;

    (void)state;
    world_open(&w, 0x030c01f0);
    resolve(&w, CODE2, 4); /* learns the type of code objects, which takes reads of its own */
    calls = w.calls;
    resolve(&w, CODE, 4);
    calls = w.calls - calls;
    for (size_t n = 2; n <= calls; n++) {
        strobe_codes_flush(w.codes);
        put32(&w, CODE + w.lay.co_firstlineno, 10);
        w.changed_at = w.calls + n;
        assert_int_equal(strobe_codes_resolve(w.codes, CODE, 4, &id), STROBE_ERR_OBJECT);
        assert_int_equal(w.calls >= w.changed_at, 1);
    }
    world_close(&w);
}

/* The process ends at each of the reads; everything is given back (the sanitizers look). */
static void test_gone(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        struct strobe_code_print print = {{7}};
        uint64_t code = CODE;
        struct world w;
        uint32_t id;
        int err;

        world_open(&w, 0x030b07f0);
        w.fail_at = w.calls + n;
        err = strobe_codes_resolve(w.codes, CODE, 4, &id);
        if (err) {
            assert_int_equal(err, STROBE_ERR_GONE);
            assert_int_equal(strobe_codes_prints(w.codes, &code, 1, &print), STROBE_ERR_GONE);
            w.fail_at = 0;
            check_frame(&w, CODE, 4, "Class.f", "/app/a.py", 11);
        }
        world_close(&w);
        if (!err)
            break;
        assert_true(n < 100);
    }
}

/* More addresses than fit one read, in few calls. */
static void test_many_prints(void **state)
{
    enum { N = 1000 };
    static uint64_t code[N];
    static struct strobe_code_print prints[N];
    struct world w;

    (void)state;
    for (int v = 0; v < N_VERSIONS; v++) {
        size_t calls;

        world_open(&w, versions[v]);
        resolve(&w, CODE, 0);
        for (int i = 0; i < N; i++)
            code[i] = i % 2 ? CODE : CODE2;
        calls = w.calls;
        assert_int_equal(strobe_codes_prints(w.codes, code, N, prints), 0);
        assert_true(w.calls - calls <= 8);
        for (int i = 2; i < N; i++)
            assert_memory_equal(&prints[i], &prints[i % 2], sizeof prints[0]);
        assert_memory_not_equal(&prints[0], &prints[1], sizeof prints[0]);
        assert_int_equal(strobe_codes_prints(w.codes, code, 0, prints), 0);
        world_close(&w);
    }
}

/* Memory is bounded: far more (code, instruction) pairs than are kept, and the answers stay right. */
static void test_flush(void **state)
{
    struct world w;
    uint64_t epoch;

    (void)state;
    world_open(&w, 0x030c01f0);
    epoch = strobe_codes_epoch(w.codes);
    for (int i = 0; i < 200 * 1000; i++)
        assert_int_equal(resolve(&w, CODE, i * 2)->line, i == 2 || i == 3 ? 11 : 10);
    assert_true(strobe_codes_epoch(w.codes) != epoch);
    check_frame(&w, CODE, 4, "Class.f", "/app/a.py", 11);
    epoch = strobe_codes_epoch(w.codes);
    strobe_codes_flush(w.codes);
    assert_true(strobe_codes_epoch(w.codes) != epoch);
    check_frame(&w, CODE, 4, "Class.f", "/app/a.py", 11);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_lines),
        cmocka_unit_test(test_known_frames_cost_no_reading),
        cmocka_unit_test(test_not_code),
        cmocka_unit_test(test_expect),
        cmocka_unit_test(test_expect_same_name),
        cmocka_unit_test(test_expected_before_known),
        cmocka_unit_test(test_changed_while_read),
        cmocka_unit_test(test_gone),
        cmocka_unit_test(test_many_prints),
        cmocka_unit_test(test_flush),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
