/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/names.h"
#include "tests/lib/alloc_fail.h"

static uint32_t intern(struct strobe_names *names, const char *text)
{
    uint32_t id = 12345678;

    assert_int_equal(strobe_names_string(names, text, strlen(text), &id), 0);
    return id;
}

static void test_strings_are_interned(void **state)
{
    struct strobe_names *names;
    uint32_t id;

    assert_int_equal(strobe_names_new(&names), 0);
    assert_int_equal(intern(names, ""), 0);
    assert_int_equal(intern(names, "spin"), intern(names, "spin"));
    assert_int_not_equal(intern(names, "spin"), intern(names, "spim"));
    assert_string_equal(strobe_names_text(names, intern(names, "spin")), "spin");
    assert_string_equal(strobe_names_text(names, 99), "");
    assert_int_equal(strobe_names_text_len(names, 99), 0);
    /* NULs count, and a prefix is not the whole. */
    assert_int_equal(strobe_names_string(names, "a\0b", 3, &id), 0);
    assert_int_not_equal(id, intern(names, "a"));
    assert_int_equal(strobe_names_text_len(names, id), 3);
    assert_memory_equal(strobe_names_text(names, id), "a\0b", 4);
    strobe_names_free(names);
}

static void test_texts_stay_where_they_are(void **state)
{
    enum { MANY = 20000 };
    struct strobe_names *names;
    const char *first;
    char text[32];

    assert_int_equal(strobe_names_new(&names), 0);
    first = strobe_names_text(names, intern(names, "first"));
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "name %d", i);
        assert_int_equal(intern(names, text), i + 2);
    }
    assert_ptr_equal(strobe_names_text(names, intern(names, "first")), first);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "name %d", i);
        assert_string_equal(strobe_names_text(names, (uint32_t)i + 2), text);
    }
    assert_true(strobe_names_bytes(names) > MANY * 8);
    strobe_names_free(names);
}

static void test_frames_are_interned_by_all_but_the_short_file(void **state)
{
    struct strobe_names *names;
    struct strobe_frame frame = {0}, other;
    uint32_t id, again;

    assert_int_equal(strobe_names_new(&names), 0);
    frame = (struct strobe_frame){intern(names, "f"), intern(names, "/a/b.py"), 0, 7, 3};
    assert_int_equal(strobe_names_frame(names, &frame, &id), 0);
    assert_int_equal(strobe_names_get(names, id)->short_file, frame.file);
    other = frame;
    other.short_file = intern(names, "b.py");
    assert_int_equal(strobe_names_frame(names, &other, &again), 0);
    assert_int_equal(again, id);
    for (int field = 0; field < 4; field++) {
        other = frame;
        other.name += field == 0;
        other.file += field == 1;
        other.line += field == 2;
        other.first_line += field == 3;
        assert_int_equal(strobe_names_frame(names, &other, &again), 0);
        assert_int_not_equal(again, id);
    }
    frame.line = -1; /* words of the key do not run into each other */
    assert_int_equal(strobe_names_frame(names, &frame, &again), 0);
    assert_int_equal(strobe_names_get(names, again)->line, -1);
    assert_int_equal(strobe_names_get(names, again)->first_line, 3);
    assert_null(strobe_names_get(names, 1000));
    strobe_names_free(names);
}

static void test_markers_have_a_name_alone(void **state)
{
    struct strobe_names *names;
    uint32_t id, again;

    assert_int_equal(strobe_names_new(&names), 0);
    assert_int_equal(strobe_names_marker(names, "<GC>", &id), 0);
    assert_int_equal(strobe_names_marker(names, "<GC>", &again), 0);
    assert_int_equal(id, again);
    assert_string_equal(strobe_names_text(names, strobe_names_get(names, id)->name), "<GC>");
    assert_int_equal(strobe_names_get(names, id)->file, 0);
    assert_int_equal(strobe_names_get(names, id)->line, 0);
    strobe_names_free(names);
}

/* Marks of one text and several kinds are several frames, and no function's. */
static void test_marks_are_told_apart_by_their_kind(void **state)
{
    static const enum strobe_mark kinds[] = {STROBE_MARK, STROBE_MARK_WAIT, STROBE_MARK_PROCESS, STROBE_MARK_THREAD, STROBE_MARK_LABEL};
    enum { KINDS = sizeof kinds / sizeof *kinds };
    struct strobe_names *names;
    uint32_t id;

    assert_int_equal(strobe_names_new(&names), 0);
    for (uint32_t i = 0; i < KINDS; i++) {
        assert_int_equal(strobe_names_mark(names, kinds[i], "[a=b]", &id), 0);
        assert_int_equal(id, i);
        assert_int_equal(strobe_names_get(names, id)->first_line, kinds[i]);
        assert_int_equal(strobe_frame_is_wait(strobe_names_get(names, id)), kinds[i] == STROBE_MARK_WAIT);
        assert_true(i == 0 || kinds[i] < 0);
    }
    assert_int_equal(strobe_names_frame_count(names), KINDS);
    assert_int_equal(strobe_names_string_count(names), 2); /* "" is the first */
    assert_int_equal(strobe_names_marker(names, "[a=b]", &id), 0);
    assert_int_equal(id, 0);
    assert_int_equal(strobe_names_wait_marker(names, "[a=b]", &id), 0);
    assert_int_equal(id, 1);
    assert_int_equal(strobe_names_label_marker(names, "[a=b]", &id), 0);
    assert_int_equal(id, 4);
    strobe_names_free(names);
}

/* Keeps what follows the last slash; leaves "whole.py" whole; counts its calls in ctx. */
static int shorten(void *ctx, const char *path, struct strobe_buf *ret_short)
{
    const char *slash = strrchr(path, '/');

    ++*(int *)ctx;
    if (!slash)
        return -1;
    strobe_buf_puts(ret_short, slash + 1);
    return 0;
}

static void test_shortener_is_asked_once_a_file(void **state)
{
    struct strobe_names *names;
    uint32_t id;
    int calls = 0;

    assert_int_equal(strobe_names_new(&names), 0);
    strobe_names_set_shortener(names, shorten, &calls);
    for (int line = 1; line <= 3; line++) {
        struct strobe_frame frame = {intern(names, "f"), intern(names, "/srv/pkg/mod.py"), 0, line, 1};

        assert_int_equal(strobe_names_frame(names, &frame, &id), 0);
        assert_string_equal(strobe_names_text(names, strobe_names_get(names, id)->short_file), "mod.py");
        frame.file = intern(names, "whole.py");
        assert_int_equal(strobe_names_frame(names, &frame, &id), 0);
        assert_int_equal(strobe_names_get(names, id)->short_file, frame.file);
    }
    assert_int_equal(strobe_names_marker(names, "<GC>", &id), 0);
    assert_int_equal(calls, 2);
    strobe_names_free(names);
}

/* A life of a table; the first error ends it. */
static int live(struct strobe_names **ret_names)
{
    struct strobe_frame frame = {0};
    uint32_t id;
    char text[300];
    int calls = 0, err = strobe_names_new(ret_names);

    if (err)
        return err;
    strobe_names_set_shortener(*ret_names, shorten, &calls);
    for (int i = 0; !err && i < 300; i++) {
        memset(text, 'x', sizeof text);
        snprintf(text, sizeof text, "/p/f%d", i);
        err = strobe_names_string(*ret_names, text, sizeof text, &frame.name);
        if (!err)
            err = strobe_names_string(*ret_names, text, strlen(text), &frame.file);
        if (!err)
            err = strobe_names_frame(*ret_names, &frame, &id);
    }
    return err;
}

static void test_every_failed_allocation_is_reported(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct strobe_names *names = NULL;
        uint32_t a, b;
        int err;

        alloc_fail_arm(n);
        err = live(&names);
        alloc_fail_disarm();
        if (!alloc_fail_hit()) {
            assert_int_equal(err, 0);
            strobe_names_free(names);
            break;
        }
        assert_int_equal(err, STROBE_ERR_NOMEM);
        if (names) { /* the table can be used on */
            assert_int_equal(strobe_names_string(names, "after", 5, &a), 0);
            assert_int_equal(strobe_names_string(names, "after", 5, &b), 0);
            assert_int_equal(a, b);
            assert_string_equal(strobe_names_text(names, a), "after");
        }
        strobe_names_free(names);
        assert_int_equal(alloc_fail_live(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_are_interned),
        cmocka_unit_test(test_texts_stay_where_they_are),
        cmocka_unit_test(test_frames_are_interned_by_all_but_the_short_file),
        cmocka_unit_test(test_markers_have_a_name_alone),
        cmocka_unit_test(test_marks_are_told_apart_by_their_kind),
        cmocka_unit_test(test_shortener_is_asked_once_a_file),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
