/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "export/exporter.h"
#include "export/view.h"
#include "export/writer.h"
#include "tests/lib/alloc_fail.h"

enum { MS = 1000000, PERIOD = 10 * MS };

/* A profile of two threads; names as hostile as a C string can be. */
struct demo {
    struct strobe_names *names;
    struct strobe_agg *agg;
    struct strobe_profile profile;
    uint32_t main, work, work2, bare, gc;
};

static uint32_t frame_of(struct strobe_names *names, const char *name, const char *file, int32_t line, int32_t first_line)
{
    struct strobe_frame frame = {.line = line, .first_line = first_line};
    uint32_t id;

    assert_int_equal(strobe_names_string(names, name, strlen(name), &frame.name), 0);
    assert_int_equal(strobe_names_string(names, file, strlen(file), &frame.file), 0);
    assert_int_equal(strobe_names_frame(names, &frame, &id), 0);
    return id;
}

static void add(struct demo *demo, uint32_t thread, uint64_t time_ns, uint64_t ns, size_t n, const uint32_t *frames)
{
    uint32_t leaf;

    assert_int_equal(strobe_agg_stack(demo->agg, frames, n, &leaf), 0);
    assert_int_equal(strobe_agg_add(demo->agg, thread, leaf, time_ns, ns), 0);
}

static void setup(struct demo *demo)
{
    uint32_t thread;

    assert_int_equal(strobe_names_new(&demo->names), 0);
    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_LOG, &demo->agg), 0);
    demo->main = frame_of(demo->names, "<module>", "/x/app.py", 3, 1);
    demo->work = frame_of(demo->names, "w;\n<\"\xff\xed\xa0\x80\xf0\x9f\x98\x80", "/x/app.py", 7, 6);
    demo->work2 = frame_of(demo->names, "w;\n<\"\xff\xed\xa0\x80\xf0\x9f\x98\x80", "/x/app.py", 8, 6);
    demo->bare = frame_of(demo->names, "f", "/x/app.py", 0, 0);
    assert_int_equal(strobe_names_marker(demo->names, "<GC>", &demo->gc), 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(strobe_agg_thread(demo->agg, 1, 10 + (int32_t)i, 0, "]]>", &thread), 0);
        add(demo, thread, 1000 * MS, 3 * PERIOD, 2, (uint32_t[]){demo->main, demo->work});
        add(demo, thread, 1030 * MS, 3 * PERIOD, 4, (uint32_t[]){demo->main, demo->work2, demo->bare, demo->gc});
    }
    demo->profile = (struct strobe_profile){.agg = demo->agg, .names = demo->names, .title = "t", .start_ns = 970 * MS, .end_ns = 1030 * MS,
                                            .start_unix_ns = 1, .show_line = true};
}

static void teardown(struct demo *demo)
{
    strobe_agg_free(demo->agg);
    strobe_names_free(demo->names);
}

/* A sink: keeps the bytes; fails at the n-th call. */
struct sink_ctx {
    struct strobe_buf buf;
    size_t calls, fail_at;
};

static int keep(void *arg, const void *bytes, size_t len)
{
    struct sink_ctx *ctx = arg;

    if (++ctx->calls == ctx->fail_at)
        return STROBE_ERR_IO;
    strobe_buf_put(&ctx->buf, bytes, len);
    return ctx->buf.failed ? STROBE_ERR_NOMEM : 0;
}

static void test_table_of_formats(void **state)
{
    const struct strobe_exporter *exporter;
    size_t n = 0;

    for (; (exporter = strobe_exporter_at(n)); n++) {
        assert_ptr_equal(strobe_exporter_find(exporter->name), exporter);
        assert_non_null(exporter->write);
        assert_true(*exporter->extension && *exporter->noun);
    }
    assert_int_equal(n, 6);
    assert_null(strobe_exporter_at(SIZE_MAX));
    assert_string_equal(strobe_exporter_at(0)->name, "flamegraph");
    assert_ptr_equal(strobe_exporter_find("SpeedScope"), strobe_exporter_find("speedscope"));
    assert_ptr_equal(strobe_exporter_find("pstat"), strobe_exporter_find("pstats"));
    assert_null(strobe_exporter_find("svg"));
    assert_null(strobe_exporter_find(""));
}

static void test_labels(void **state)
{
    struct strobe_buf buf = STROBE_BUF_INIT;
    struct demo demo;

    setup(&demo);
    strobe_frame_label(&demo.profile, demo.main, &buf);
    assert_string_equal(strobe_buf_str(&buf), "<module> (/x/app.py:3)");
    strobe_buf_clear(&buf);
    strobe_frame_label(&demo.profile, demo.bare, &buf);
    strobe_frame_label(&demo.profile, demo.gc, &buf);
    strobe_frame_label(&demo.profile, 12345, &buf);
    assert_string_equal(strobe_buf_str(&buf), "f (/x/app.py)<GC>");
    strobe_buf_release(&buf);
    teardown(&demo);
}

static void test_view_merges_what_looks_alike(void **state)
{
    struct strobe_view_labels labels;
    struct strobe_view view;
    struct demo demo;
    uint32_t order = 0, seen = 0;

    setup(&demo);
    for (int lines = 0; lines < 2; lines++) {
        demo.profile.show_line = lines;
        assert_int_equal(strobe_view_labels_init(&demo.profile, &labels), 0);
        assert_int_equal(strobe_view_init(&demo.profile, strobe_view_label, &labels, &view), 0);
        assert_int_equal(view.tree.n_nodes, lines ? 6 : 5); /* root, <module>, w (twice with lines), f, <GC> */
        assert_int_equal(view.deepest, 4);
        assert_int_equal(view.total[0].ns, 12 * PERIOD);
        assert_int_equal(view.total[0].samples, 12);
        assert_int_equal(view.self[0].ns + view.self[1].ns, 0);
        for (order = seen = 0; (order = strobe_view_preorder(&view, order)); seen++)
            assert_true(view.depth[order] == view.depth[view.tree.nodes[order].parent] + 1);
        assert_int_equal(seen, view.tree.n_nodes - 1);
        strobe_view_release(&view);
        strobe_view_labels_release(&labels);
    }
    teardown(&demo);
}

static void test_json_strings_survive(void **state)
{
    static const char *const texts[] = {"", "plain",
                                        "q\"\\/\n\x01", "\xff", "a\xc3", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\xe2\x80\xa8", "\x7f"};
    static const char *const back[] = {"", "plain", "q\"\\/\n\x01", "\xef\xbf\xbd", "a\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
                                       "\xf0\x9f\x98\x80", "\xe2\x80\xa8", "\x7f"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct strobe_buf buf = STROBE_BUF_INIT;
        json_t *value;

        strobe_json_put_string(&buf, texts[i], strlen(texts[i]));
        assert_false(buf.failed);
        value = json_loadb(buf.data, buf.len, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        assert_string_equal(json_string_value(value), back[i]);
        json_decref(value);
        strobe_buf_release(&buf);
    }
}

static void test_raw_text(void **state)
{
    struct sink_ctx ctx = {.buf = STROBE_BUF_INIT};
    struct strobe_sink sink = {keep, &ctx};
    struct demo demo;

    setup(&demo);
    assert_int_equal(strobe_exporter_find("raw")->write(&demo.profile, &sink), 0);
    assert_string_equal(strobe_buf_str(&ctx.buf),
                        "<module> (/x/app.py:3);w:\\x0a<\"\\xff\\xed\\xa0\\x80\xf0\x9f\x98\x80 (/x/app.py:7) 6\n"
                        "<module> (/x/app.py:3);w:\\x0a<\"\\xff\\xed\\xa0\\x80\xf0\x9f\x98\x80 (/x/app.py:8);f (/x/app.py);<GC> 6\n");
    strobe_buf_release(&ctx.buf);
    teardown(&demo);
}

/* A stack with roots and a label, which some formats take apart. */
static void add_roots(struct demo *demo)
{
    uint32_t process, thread, label;

    assert_int_equal(strobe_names_mark(demo->names, STROBE_MARK_PROCESS, "process 42:\"app\"", &process), 0);
    assert_int_equal(strobe_names_mark(demo->names, STROBE_MARK_THREAD, "thread (17): main", &thread), 0);
    assert_int_equal(strobe_names_label_marker(demo->names, "[request=7]", &label), 0);
    add(demo, 0, 1040 * MS, PERIOD, 4, (uint32_t[]){process, thread, label, demo->main});
}

/* Every allocation of an exporter fails once: an error, no leak, and then the same bytes as ever. */
static void test_every_failed_allocation_is_reported(void **state)
{
    const struct strobe_exporter *exporter;
    struct demo demo;

    setup(&demo);
    add_roots(&demo);
    for (size_t i = 0; (exporter = strobe_exporter_at(i)); i++) {
        for (uint64_t n = 1;; n++) {
            struct sink_ctx ctx = {.buf = STROBE_BUF_INIT};
            struct strobe_sink sink = {keep, &ctx};
            int err;

            assert_int_equal(strobe_buf_reserve(&ctx.buf, 1 << 17), 0);
            alloc_fail_arm(n);
            err = exporter->write(&demo.profile, &sink);
            alloc_fail_disarm();
            assert_int_equal(alloc_fail_live(), 0);
            assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
            strobe_buf_release(&ctx.buf);
            if (!alloc_fail_hit())
                break;
        }
    }
    teardown(&demo);
}

/* A sink that fails at any of its calls: its error comes back, and it is not called again. */
static void test_errors_of_the_sink_come_back(void **state)
{
    enum { FUNCTIONS = 6000 };
    const struct strobe_exporter *exporter;
    struct demo demo;
    char name[64];

    setup(&demo);
    for (int i = 0; i < FUNCTIONS; i++) { /* enough for several calls in every format */
        snprintf(name, sizeof name, "function_number_%d", i);
        add(&demo, 0, (1030 + 10 * (uint64_t)(i + 1)) * MS, PERIOD, 1, (uint32_t[]){frame_of(demo.names, name, "/x/app.py", i, i)});
    }
    for (size_t i = 0; (exporter = strobe_exporter_at(i)); i++) {
        for (size_t n = 1;; n++) {
            struct sink_ctx ctx = {.buf = STROBE_BUF_INIT, .fail_at = n};
            struct strobe_sink sink = {keep, &ctx};
            int err = exporter->write(&demo.profile, &sink);

            strobe_buf_release(&ctx.buf);
            if (ctx.calls < n) {
                assert_int_equal(err, 0);
                assert_true(n > (i ? 2 : 1));
                break;
            }
            assert_int_equal(err, STROBE_ERR_IO);
            assert_int_equal(ctx.calls, n);
        }
    }
    teardown(&demo);
}

static void test_time_ordered_formats_need_the_log(void **state)
{
    struct sink_ctx ctx = {.buf = STROBE_BUF_INIT};
    struct strobe_sink sink = {keep, &ctx};
    const struct strobe_exporter *exporter;
    struct demo demo;
    uint32_t thread;

    setup(&demo);
    strobe_agg_free(demo.agg);
    assert_int_equal(strobe_agg_new(PERIOD, 0, &demo.agg), 0);
    assert_int_equal(strobe_agg_thread(demo.agg, 1, 1, 0, "", &thread), 0);
    demo.profile.agg = demo.agg;
    for (size_t i = 0; (exporter = strobe_exporter_at(i)); i++)
        assert_int_equal(exporter->write(&demo.profile, &sink), exporter->needs_log ? STROBE_ERR_MISSING : 0);
    strobe_buf_release(&ctx.buf);
    teardown(&demo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_of_formats),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_view_merges_what_looks_alike),
        cmocka_unit_test(test_json_strings_survive),
        cmocka_unit_test(test_raw_text),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
        cmocka_unit_test(test_errors_of_the_sink_come_back),
        cmocka_unit_test(test_time_ordered_formats_need_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
