/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/callsite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/alloc_fail.h"
#include "lib/pyheap.h"
#include "runtime/opcodes.h"

struct site_truth {
    int instr, truth; /* index in truths */
};

struct site_blob {
    size_t len; /* inflated */
    const char *hex;
};

struct site_case {
    const char *name;
    int minor, first, nlocals, blob, at, code_len, table_len;
    const char *names, *locals, *cells, *frees; /* separated by spaces; locals: localsplus from 3.11, varnames before */
    const struct site_truth *sites;
    size_t n_sites;
};

#include "callsite_cases.inc"

enum { N_CASES = sizeof cases / sizeof cases[0], N_BLOBS = sizeof blobs / sizeof blobs[0], MAX_HELD = STROBE_SITE_MAX_HELD };

static unsigned char *inflated[N_BLOBS];

static int inflate_blobs(void **state)
{
    for (size_t i = 0; i < N_BLOBS; i++) {
        size_t len = strlen(blobs[i].hex) / 2;
        unsigned char *packed = malloc(len);
        uLongf size = blobs[i].len;

        inflated[i] = malloc(blobs[i].len);
        for (size_t k = 0; k < len; k++) {
            const char digits[] = {blobs[i].hex[2 * k], blobs[i].hex[2 * k + 1], 0};

            packed[k] = (unsigned char)strtoul(digits, NULL, 16);
        }
        assert_int_equal(uncompress(inflated[i], &size, packed, len), Z_OK);
        free(packed);
    }
    return 0;
}

static int free_blobs(void **state)
{
    for (size_t i = 0; i < N_BLOBS; i++)
        free(inflated[i]);
    return 0;
}

/* ---- code objects made from the cases ---- */

static uint64_t make_names(struct pyheap *heap, const char *names)
{
    static uint64_t items[1024];
    size_t n = 0;
    char *copy = strdup(names), *rest = copy;

    for (char *word; (word = strsep(&rest, " ")) != NULL && *word;)
        items[n++] = pyheap_str(heap, word);
    free(copy);
    return pyheap_tuple(heap, items, n);
}

/* The objects are laid out as in another version: where a code object has its fields is the layout's matter, and another test's. */
static struct pyheap *open_case(const struct site_case *c, uint64_t *ret_code)
{
    struct pyheap *heap = pyheap_new(c->minor < 11 ? PYHEAP_310 : c->minor < 14 ? PYHEAP_312 : PYHEAP_314T);
    const struct strobe_layout *lay = &heap->lay;
    const unsigned char *bytes = inflated[c->blob] + c->at;
    uint64_t code = pyheap_object(heap, heap->type[PYHEAP_CODE], 0, lay->co_size + (size_t)c->code_len);
    uint32_t nlocals = (uint32_t)c->nlocals, first = (uint32_t)c->first / 2;

    heap->lay.minor = (uint8_t)c->minor;
    pyheap_word(heap, code + lay->co_names, make_names(heap, c->names));
    pyheap_put(heap, code + lay->co_nlocals, &nlocals, sizeof nlocals);
    if (c->minor < 11) {
        pyheap_word(heap, code + lay->co_code, pyheap_bytes(heap, bytes, (size_t)c->code_len));
        pyheap_word(heap, code + lay->co_varnames, make_names(heap, c->locals));
        pyheap_word(heap, code + lay->co_cellvars, make_names(heap, c->cells));
        pyheap_word(heap, code + lay->co_freevars, make_names(heap, c->frees));
    } else {
        pyheap_word(heap, code + lay->ob_size, (uint64_t)c->code_len / 2);
        pyheap_put(heap, code + lay->co_code, bytes, (size_t)c->code_len);
        pyheap_word(heap, code + lay->co_exceptiontable, pyheap_bytes(heap, bytes + c->code_len, (size_t)c->table_len));
        pyheap_word(heap, code + lay->co_localsplusnames, make_names(heap, c->locals));
        pyheap_put(heap, code + lay->co_firsttraceable, &first, sizeof first);
    }
    *ret_code = code;
    return heap;
}

static void put_site(struct strobe_buf *out, const struct strobe_site *site)
{
    static const char *const bases[] = {"none", "local", "deref", "global", "call"};
    static const char *const roles[] = {"await", "enter", "body", "exit", "for", "calls", "with"};

    strobe_buf_printf(out, "%s %s ", roles[site->role], bases[site->base]);
    if (site->slot == UINT32_MAX)
        strobe_buf_puts(out, "-");
    else
        strobe_buf_printf(out, "%u", site->slot);
    strobe_buf_printf(out, " %s %s %s", site->base_name[0] ? site->base_name : "-", site->path[0] ? site->path : "-",
                      site->method[0] ? site->method : "-");
}

static const char *ask(struct pyheap *heap, uint64_t code, int instr, const char *truth, struct strobe_buf *out)
{
    struct strobe_site site, held[MAX_HELD];
    size_t n = 0;
    int err = strobe_site_find(&heap->mem, &heap->lay, code, instr, &site);

    strobe_buf_clear(out);
    if (!err)
        put_site(out, &site);
    else if (err == STROBE_ERR_MISSING && strstr(truth, " none - - - -")) /* what it does there goes without a name */
        strobe_buf_printf(out, "%.*s none - - - -", (int)strcspn(truth, " "), truth);
    else
        strobe_buf_puts(out, strobe_err_text(err));
    err = strobe_site_enclosing(&heap->mem, &heap->lay, code, instr, held, MAX_HELD, &n);
    if (err)
        strobe_buf_printf(out, "|%s", strobe_err_text(err));
    for (size_t i = 0; i < n; i++) {
        strobe_buf_puts(out, "|");
        put_site(out, &held[i]);
        assert_true(i == 0 || held[i].stack < held[i - 1].stack);
    }
    return strobe_buf_str(out);
}

/* Everything that every version awaited, against what the objects awaited said of themselves. */
static void test_real_code(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    size_t checked = 0, wrong = 0, hidden = 0;

    for (size_t i = 0; i < N_CASES; i++) {
        const struct site_case *c = &cases[i];
        uint64_t code;
        struct pyheap *heap = open_case(c, &code);

        for (size_t k = 0; k < c->n_sites; k++, checked++) {
            const char *truth = truths[c->sites[k].truth], *got = ask(heap, code, c->sites[k].instr, truth, &out);
            size_t len = strlen(truth);

            if (strcmp(truth, "?") == 0)
                continue;
            if (len > 2 && strcmp(truth + len - 2, "|?") == 0) /* what is held is not known */
                len -= 2;
            if (strstr(c->name, " lines") && strncmp(got, strobe_err_text(STROBE_ERR_MISSING), 9) == 0) {
                hidden++;
                continue;
            }
            if (strncmp(got, truth, len) != 0 || (got[len] && len == strlen(truth))) {
                printf("%s at %d:\n  is  %s\n  not %s\n", c->name, c->sites[k].instr, got, truth);
                wrong++;
            }
        }
        pyheap_free(heap);
    }
    strobe_buf_release(&out);
    printf("%zu sites, %zu behind hidden instructions\n", checked, hidden);
    assert_int_equal(wrong, 0);
    assert_true(checked > 5000);
}

/* What is awaited by its method was called by the call before: the same name, but for the role. */
static void test_calls(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    size_t checked = 0, wrong = 0;

    for (size_t i = 0; i < N_CASES; i++) {
        const struct site_case *c = &cases[i];
        uint64_t code;
        struct pyheap *heap = open_case(c, &code);

        for (size_t k = 0; k < c->n_sites; k++) {
            const char *truth = truths[c->sites[k].truth];
            size_t len = strcspn(truth, "|");
            int err = STROBE_ERR_MISSING, at = c->sites[k].instr;
            struct strobe_site site;

            if (strncmp(truth, "await ", 6) != 0 || strstr(truth, "none") || truth[len - 1] == '-' || strstr(c->name, " lines"))
                continue;
            for (; at >= 0 && err; at -= 2)
                err = strobe_site_call(&heap->mem, &heap->lay, code, at, &site);
            strobe_buf_clear(&out);
            if (!err)
                put_site(&out, &site);
            checked++;
            if (err || strlen(strobe_buf_str(&out)) != len || strncmp(strobe_buf_str(&out) + 5, truth + 5, len - 5) != 0 ||
                site.role != STROBE_SITE_CALLS || site.stack > 64) {
                printf("%s before %d:\n  is  %s\n  not %s\n", c->name, c->sites[k].instr, strobe_buf_str(&out), truth);
                wrong++;
            }
        }
        pyheap_free(heap);
    }
    strobe_buf_release(&out);
    assert_int_equal(wrong, 0);
    assert_true(checked > 500);
}

/* `with self.sync:`, `with open_(a) as f, self.sync:` of "mixed": found by asking everywhere. */
static void test_with_statements(void **state)
{
    for (size_t i = 0; i < N_CASES; i++) {
        const struct site_case *c = &cases[i];
        bool sync = false, call = false, called = false;
        struct strobe_buf text = STROBE_BUF_INIT;
        uint64_t code;
        struct pyheap *heap;

        if (!strstr(c->name, " mixed plain"))
            continue;
        heap = open_case(c, &code);
        for (int at = 0; at < c->code_len; at += 2) {
            struct strobe_site site;

            strobe_buf_clear(&text);
            if (strobe_site_call(&heap->mem, &heap->lay, code, at, &site))
                continue;
            strobe_site_text(&site, &text);
            sync |= site.role == STROBE_SITE_WITH && strcmp(strobe_buf_str(&text), "self.sync.__enter__") == 0;
            call |= site.role == STROBE_SITE_WITH && strcmp(strobe_buf_str(&text), "open_().__enter__") == 0;
            called |= site.role == STROBE_SITE_CALLS && strcmp(strobe_buf_str(&text), "open_") == 0;
        }
        if (!sync || !call || !called)
            fail_msg("%s: %d %d %d", c->name, sync, call, called);
        strobe_buf_release(&text);
        pyheap_free(heap);
    }
}

/* ---- bytecode that is not as it was compiled ---- */

static const struct strobe_opcodes *opcodes_of(int minor)
{
    for (size_t i = 0; i < strobe_opcodes_count; i++)
        if (strobe_opcodes[i].minor == minor)
            return &strobe_opcodes[i];
    fail_msg("no opcodes of 3.%d", minor);
    return NULL;
}

static int find_opcode(const struct strobe_opcodes *opcodes, enum strobe_op_kind kind)
{
    for (int i = 1; i < 256; i++)
        if (opcodes->ops[opcodes->numbers[i]].kind == kind && opcodes->numbers[i])
            return i;
    return -1;
}

/* Calls change(unit) for the first bytes of every step-th instruction of a case.  Where it made a change, nothing that is said of
 * the case may be wrong; complete: nothing may be missing either. */
static size_t check_changed(const struct site_case *c, bool (*change)(const struct strobe_opcodes *, unsigned char *), bool complete,
                            size_t step)
{
    const struct strobe_opcodes *opcodes = opcodes_of(c->minor);
    struct strobe_buf out = STROBE_BUF_INIT;
    size_t changed = 0, skip = 0;

    for (int at = 0; at < c->code_len;) {
        const struct strobe_op *op = &opcodes->ops[opcodes->numbers[inflated[c->blob][c->at + at]]];
        unsigned char saved[2];

        memcpy(saved, inflated[c->blob] + c->at + at, 2);
        if (skip++ % step == 0 && change(opcodes, inflated[c->blob] + c->at + at)) {
            uint64_t code;
            struct pyheap *heap = open_case(c, &code);

            changed++;
            for (size_t k = 0; k < c->n_sites; k++) {
                const char *truth = truths[c->sites[k].truth], *got = ask(heap, code, c->sites[k].instr, truth, &out);

                if (!strchr(truth, '?') && strcmp(got, truth) != 0 && (complete || !strstr(got, strobe_err_text(STROBE_ERR_MISSING))))
                    fail_msg("%s with another instruction at %d, asked at %d:\n  is  %s\n  not %s", c->name, at, c->sites[k].instr, got,
                             truth);
            }
            pyheap_free(heap);
            memcpy(inflated[c->blob] + c->at + at, saved, 2);
        }
        at += 2 + 2 * op->caches;
    }
    strobe_buf_release(&out);
    return changed;
}

static bool hide(const struct strobe_opcodes *opcodes, unsigned char *unit)
{
    for (int i = 255; i > 0; i--)
        if (opcodes->numbers[i] == 0) {
            unit[0] = (unsigned char)i;
            return true;
        }
    return false;
}

static bool execute(const struct strobe_opcodes *opcodes, unsigned char *unit)
{
    const struct strobe_op *op = &opcodes->ops[opcodes->numbers[unit[0]]], *executor;
    int number = find_opcode(opcodes, STROBE_OP_EXECUTOR);

    if (number < 0)
        return false;
    executor = &opcodes->ops[opcodes->numbers[number]];
    if (op->caches != executor->caches || (op->flow != STROBE_FLOW_GOTO_BACKWARD && op->kind != STROBE_OP_RESUME))
        return false;
    if (op->kind == STROBE_OP_RESUME && unit[1] != 0) /* not at the start */
        return false;
    unit[0] = (unsigned char)number;
    unit[1] = 7;
    return true;
}

/* An instruction that tracing hides costs names, but gives no wrong ones. */
static void test_hidden(void **state)
{
    size_t changed = 0;

    for (size_t i = 0; i < N_CASES; i++)
        if (strstr(cases[i].name, " handlers plain") || strstr(cases[i].name, " finals plain"))
            changed += check_changed(&cases[i], hide, false, 5);
    assert_true(changed > 500);
}

/* Code that a tier-2 executor has taken over keeps its names. */
static void test_executors(void **state)
{
    size_t changed = 0;

    for (size_t i = 0; i < N_CASES; i++)
        if (cases[i].minor > 12 && strstr(cases[i].name, " plain"))
            changed += check_changed(&cases[i], execute, true, 1);
    assert_true(changed > 40);
}

/* ---- tracing, which hides opcodes and keeps them aside ---- */

enum trace { TRACE_OLD_LINES, TRACE_LINES, TRACE_LONG_LINES, TRACE_INSTRUCTIONS, TRACE_BOTH, TRACES };

static uint64_t put_aside(struct pyheap *heap, const unsigned char *bytes, size_t len)
{
    uint64_t addr = pyheap_room(heap, 0, len);

    pyheap_put(heap, addr, bytes, len);
    return addr;
}

/* Hides every instruction of an open case but those whose number is a multiple of `but`, as tracing does. */
static void hide_all(struct pyheap *heap, const struct site_case *c, uint64_t code, enum trace trace, size_t but)
{
    const struct strobe_opcodes *opcodes = opcodes_of(c->minor);
    size_t units = (size_t)c->code_len / 2, entry = trace == TRACE_LONG_LINES ? 5 : 2, first = trace != TRACE_OLD_LINES, count = 0;
    unsigned char *lines = calloc(1, first + entry * units), *under = calloc(1, units), opcode;
    uint64_t monitoring = pyheap_room(heap, 0, 128);

    lines[0] = (unsigned char)entry;
    for (size_t unit = 0; unit < units; count++) {
        const struct strobe_op *op;
        unsigned char hidden = opcodes->instrumented_line;

        memcpy(&opcode, inflated[c->blob] + c->at + 2 * unit, 1);
        op = &opcodes->ops[opcodes->numbers[opcode]];
        lines[first + entry * unit] = trace == TRACE_BOTH ? opcodes->instrumented_instruction : opcode;
        under[unit] = opcode;
        if (trace == TRACE_INSTRUCTIONS || (trace == TRACE_BOTH && count % 2))
            hidden = opcodes->instrumented_instruction;
        if (count % but)
            pyheap_put(heap, code + heap->lay.co_code + 2 * unit, &hidden, 1);
        unit += 1 + (size_t)op->caches;
    }
    pyheap_word(heap, monitoring + heap->lay.monitoring_lines, put_aside(heap, lines, first + entry * units));
    pyheap_word(heap, monitoring + heap->lay.monitoring_opcodes, put_aside(heap, under, units));
    pyheap_word(heap, code + heap->lay.co_monitoring, monitoring);
    free(lines);
    free(under);
}

static void test_traced(void **state)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    size_t checked = 0;

    for (size_t i = 0; i < N_CASES; i++) {
        const struct site_case *c = &cases[i];

        if (c->minor < 12 || !strstr(c->name, " plain"))
            continue;
        for (int trace = 0; trace < TRACES; trace++) {
            uint64_t code;
            struct pyheap *heap = open_case(c, &code);

            hide_all(heap, c, code, (enum trace)trace, i % 2 ? 3 : SIZE_MAX);
            for (size_t k = 0; k < c->n_sites; k++, checked++) {
                const char *truth = truths[c->sites[k].truth], *got = ask(heap, code, c->sites[k].instr, truth, &out);

                if (!strchr(truth, '?') && strcmp(got, truth) != 0)
                    fail_msg("%s traced by %d, at %d:\n  is  %s\n  not %s", c->name, trace, c->sites[k].instr, got, truth);
            }
            pyheap_free(heap);
        }
    }
    strobe_buf_release(&out);
    assert_true(checked > 5000);
}

static uint32_t random_word(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Any bytes: any answer, but it ends, and what is given is terminated. */
static void test_any_bytes(void **state)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < N_CASES; i++) {
        const struct site_case *c = &cases[i];
        unsigned char *bytes = inflated[c->blob] + c->at, *saved = malloc((size_t)(c->code_len + c->table_len));

        memcpy(saved, bytes, (size_t)(c->code_len + c->table_len));
        for (int round = 0; round < 6; round++) {
            struct strobe_site site, held[MAX_HELD];
            struct pyheap *heap;
            uint64_t code;
            size_t n = 0;

            for (int k = 0; k < 1 << round; k++)
                bytes[random_word(&seed) % (uint32_t)(c->code_len + c->table_len)] = (unsigned char)random_word(&seed);
            heap = open_case(c, &code);
            for (int at = 0; at < c->code_len + 4; at += 2 + (int)(random_word(&seed) % 64)) {
                if (!strobe_site_find(&heap->mem, &heap->lay, code, at, &site)) {
                    assert_true(strlen(site.path) < sizeof site.path && strlen(site.method) < sizeof site.method);
                    assert_true(site.base != STROBE_SITE_NONE && site.base_name[0]);
                }
                if (!strobe_site_call(&heap->mem, &heap->lay, code, at, &site))
                    assert_true(site.base != STROBE_SITE_NONE && site.base_name[0] && strlen(site.method) < sizeof site.method);
                if (!strobe_site_enclosing(&heap->mem, &heap->lay, code, at, held, MAX_HELD, &n))
                    assert_true(n <= MAX_HELD);
            }
            pyheap_free(heap);
            memcpy(bytes, saved, (size_t)(c->code_len + c->table_len));
        }
        free(saved);
    }
}

/* ---- what else may go wrong ---- */

static const struct site_case *find_case(const char *name)
{
    for (size_t i = 0; i < N_CASES; i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    fail_msg("no case %s", name);
    return NULL;
}

static const char *const some[] = {"3.8 cells plain", "3.10 nested plain", "3.11 cells plain", "3.12 items plain", "3.14t inside plain",
                                   "3.15 handlers plain"};

/* Each read fails once: an error comes out, and what was asked for is untouched; or a shorter read did as well. */
static void test_reads_fail(void **state)
{
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        const struct site_case *c = find_case(some[i]);
        int instr = c->sites[c->n_sites / 2].instr;
        struct strobe_site right;
        size_t failed = 0;
        uint64_t code;
        struct pyheap *heap = open_case(c, &code);

        assert_int_equal(strobe_site_find(&heap->mem, &heap->lay, code, instr, &right), 0);
        for (uint64_t fail_at = 1, reads = 2; fail_at <= reads + 1; fail_at++) {
            struct strobe_site site = {.slot = 12345}, held[MAX_HELD] = {{.slot = 12345}};
            struct strobe_mem *mem;
            size_t n = 99;
            int err;

            assert_int_equal(strobe_mem_count_new(&heap->mem, fail_at, &mem), 0);
            err = strobe_site_find(mem, &heap->lay, code, instr, &site);
            if (err)
                assert_true(err == STROBE_ERR_FAULT && strobe_mem_count_stats(mem)->failures && site.slot == 12345);
            else
                assert_memory_equal(&site, &right, sizeof site);
            reads = strobe_mem_count_stats(mem)->calls;
            strobe_mem_close(mem);
            assert_int_equal(strobe_mem_count_new(&heap->mem, fail_at, &mem), 0);
            err = strobe_site_enclosing(mem, &heap->lay, code, instr, held, MAX_HELD, &n);
            if (err)
                assert_true(err == STROBE_ERR_FAULT && n == 99 && held[0].slot == 12345);
            failed += err != 0;
            reads = reads > strobe_mem_count_stats(mem)->calls ? reads : strobe_mem_count_stats(mem)->calls;
            strobe_mem_close(mem);
        }
        assert_true(failed > 5);
        pyheap_free(heap);
    }
}

static void test_allocations_fail(void **state)
{
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        const struct site_case *c = find_case(some[i]);
        int instr = c->sites[c->n_sites / 2].instr;
        bool hit = true;
        uint64_t code;
        struct pyheap *heap = open_case(c, &code);

        for (uint64_t n = 1; hit; n++) {
            struct strobe_site site;
            int err;

            alloc_fail_arm(n);
            err = strobe_site_find(&heap->mem, &heap->lay, code, instr, &site);
            alloc_fail_disarm();
            hit = alloc_fail_hit();
            assert_int_equal(err, hit ? STROBE_ERR_NOMEM : 0);
            assert_int_equal(alloc_fail_live(), 0);
        }
        pyheap_free(heap);
    }
}

static void test_refused(void **state)
{
    const struct site_case *c = find_case("3.14 nested plain");
    struct strobe_site site, held[MAX_HELD];
    uint64_t code;
    struct pyheap *heap = open_case(c, &code);
    struct strobe_layout lay = heap->lay;
    int last = c->sites[c->n_sites - 1].instr, most = 0;
    size_t n;

    /* Where nothing is awaited; outside of the code. */
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, 0, &site), STROBE_ERR_MISSING);
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, -2, &site), STROBE_ERR_MISSING);
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, c->code_len, &site), STROBE_ERR_MISSING);
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, INT64_MAX, &site), STROBE_ERR_MISSING);
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, INT64_MIN, &site), STROBE_ERR_MISSING);
    assert_int_equal(strobe_site_enclosing(&heap->mem, &lay, code, c->code_len, held, MAX_HELD, &n), STROBE_ERR_MISSING);
    /* No more than asked for, the innermost ones. */
    for (size_t k = 0; k < c->n_sites; k++) {
        assert_int_equal(strobe_site_enclosing(&heap->mem, &lay, code, c->sites[k].instr, held, MAX_HELD, &n), 0);
        if (n == 3)
            most = c->sites[k].instr;
    }
    assert_int_equal(strobe_site_enclosing(&heap->mem, &lay, code, most, held, 2, &n), 0);
    assert_int_equal(n, 2);
    assert_string_equal(held[0].base_name, "G");
    assert_string_equal(held[1].base_name, "b");
    assert_int_equal(strobe_site_enclosing(&heap->mem, &lay, code, most, held, 0, &n), 0);
    assert_int_equal(n, 0);
    /* Versions without a table. */
    lay.newer = true;
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, last, &site), STROBE_ERR_MISSING);
    lay.newer = false;
    lay.minor = 39;
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, last, &site), STROBE_ERR_MISSING);
    lay = heap->lay;
    /* Objects that are not what they should be. */
    assert_int_equal(strobe_site_find(&heap->mem, &lay, 0, last, &site), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code + 1, last, &site), STROBE_ERR_OBJECT);
    lay.co_exceptiontable = lay.co_names;
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, last, &site), STROBE_ERR_OBJECT);
    lay = heap->lay;
    lay.co_names = lay.co_exceptiontable;
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, last, &site), STROBE_ERR_OBJECT);
    lay = heap->lay;
    pyheap_word(heap, code + lay.co_names, pyheap_tuple(heap, NULL, 0));
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, last, &site), STROBE_ERR_MISSING);
    pyheap_word(heap, code + lay.ob_size, UINT64_MAX / 2);
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, last, &site), STROBE_ERR_LIMIT);
    pyheap_word(heap, code + lay.ob_size, 0);
    assert_int_equal(strobe_site_find(&heap->mem, &lay, code, last, &site), STROBE_ERR_MISSING);
    pyheap_free(heap);
}

/* Names that do not fit are not cut, for a cut one names something else. */
static void test_long_names(void **state)
{
    char names[512] = "self", *at = names;
    struct site_case c = *find_case("3.12 long_method_names plain");
    struct strobe_site site;
    uint64_t code;

    for (size_t len = 60; len <= 70; len++) {
        struct pyheap *heap;
        int err;

        at = names;
        for (int word = 0; word < 3; word++) {
            memset(at, 'a' + word, len);
            at += len;
            *at++ = word < 2 ? ' ' : '\0';
        }
        c.names = names;
        heap = open_case(&c, &code);
        err = strobe_site_find(&heap->mem, &heap->lay, code, c.sites[0].instr, &site);
        assert_int_equal(err, len < sizeof site.method ? 0 : STROBE_ERR_LIMIT);
        if (!err)
            assert_true(strlen(site.method) == len && strlen(site.path) == 2 * len + 1);
        pyheap_free(heap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_code),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_with_statements),
        cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_executors),
        cmocka_unit_test(test_traced),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_reads_fail),
        cmocka_unit_test(test_allocations_fail),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_names),
    };

    return cmocka_run_group_tests(tests, inflate_blobs, free_blobs);
}
