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

enum { N_CASES = sizeof cases / sizeof cases[0], N_BLOBS = sizeof blobs / sizeof blobs[0], MAX_HELD = 8 };

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
    static const char *const bases[] = {"none", "local", "deref", "global", "call"}, *const roles[] = {"await", "enter", "body", "exit", "for"};

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_code),
    };

    return cmocka_run_group_tests(tests, inflate_blobs, free_blobs);
}
