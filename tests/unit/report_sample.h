/* SPDX-License-Identifier: Apache-2.0 */
/* report_sample: a process for the tests of report: three threads, every kind of status, hostile names, a mark, locals. */
#ifndef STROBE_TESTS_REPORT_SAMPLE_H
#define STROBE_TESTS_REPORT_SAMPLE_H

#include <string.h>

#include "report/report.h"

/* A function name that would clear the screen, end the JSON string, and is no UTF-8 at its end. */
#define HOSTILE "a\x1b[2J\"\\\n\xc2\x85\xe2\x80\xae\xff"

struct report_sample {
    struct strobe_names *names;
    struct strobe_thread raw[4];
    struct strobe_report_frame frames[4];
    struct strobe_report_local locals[3];
    struct strobe_report_thread threads[4];
    struct strobe_report_process process;
};

static inline const struct strobe_frame *sample_frame(struct report_sample *s, const char *name, const char *file, const char *shorter,
                                                     int line)
{
    struct strobe_frame f = {.line = line, .first_line = 1};
    uint32_t id;

    assert_int_equal(strobe_names_string(s->names, name, strlen(name), &f.name), 0);
    assert_int_equal(strobe_names_string(s->names, file, strlen(file), &f.file), 0);
    assert_int_equal(strobe_names_string(s->names, shorter, strlen(shorter), &f.short_file), 0);
    assert_int_equal(strobe_names_frame(s->names, &f, &id), 0);
    return strobe_names_get(s->names, id);
}

/* The table of frames may move while it grows: frames are made twice, the second time nothing grows. */
static inline void sample_init(struct report_sample *s)
{
    memset(s, 0, sizeof *s);
    assert_int_equal(strobe_names_new(&s->names), 0);
    s->locals[0] = (struct strobe_report_local){.name = "n", .repr = "3", .addr = 0x10, .is_arg = true};
    s->locals[1] = (struct strobe_report_local){.name = "x\x07", .repr = "'\x1b]0;t'", .addr = UINT64_C(0x7fb84ae0a8d0)};
    s->locals[2] = (struct strobe_report_local){.name = "y", .repr = "[]", .addr = 0x30};
    for (int i = 0; i < 2; i++) {
        s->frames[0].frame = sample_frame(s, "spin", "/app/pkg/t.py", "pkg/t.py", 5);
        s->frames[2].frame = sample_frame(s, "<module>", "/app/t.py", "t.py", 0);
        s->frames[3].frame = sample_frame(s, HOSTILE, "/app/<b>.py", "<b>.py", 7);
    }
    s->frames[0].locals = s->locals;
    s->frames[0].n_locals = 3;
    s->frames[0].locals_known = true;
    s->frames[1].mark = "... 95,904 frames left out ...";
    s->raw[0] = (struct strobe_thread){.pthread = 0xabc, .tid = 17503, .flags = STROBE_THREAD_GIL_WAIT, .interp = 0};
    s->raw[1] = (struct strobe_thread){.pthread = 0xabd, .tid = 17502, .flags = STROBE_THREAD_ACTIVE | STROBE_THREAD_GIL};
    s->raw[2] = (struct strobe_thread){.pthread = UINT64_C(0x7f00000000ff), .flags = STROBE_THREAD_ACTIVE, .error = STROBE_ERR_TORN};
    s->raw[3] = (struct strobe_thread){.pthread = 0xabe, .tid = 17500, .flags = STROBE_THREAD_MAIN};
    s->threads[0] = (struct strobe_report_thread){.thread = &s->raw[0], .name = "wo\"rk\x1b", .frames = &s->frames[3], .n_frames = 1};
    s->threads[1] = (struct strobe_report_thread){.thread = &s->raw[1], .name = "worker-1", .frames = s->frames, .n_frames = 3};
    s->threads[2] = (struct strobe_report_thread){.thread = &s->raw[2], .name = ""};
    s->threads[3] = (struct strobe_report_thread){.thread = &s->raw[3], .name = "MainThread", .frames = &s->frames[2], .n_frames = 1};
    s->process = (struct strobe_report_process){.pid = 17500,
                                                .cmdline = "python t.py",
                                                .exe = "/usr/bin/python3",
                                                .version = "3.12.1",
                                                .names = s->names,
                                                .threads = s->threads,
                                                .n_threads = 4,
                                                .show_lines = true,
                                                .all_threads = true};
}

static inline void sample_release(struct report_sample *s)
{
    strobe_names_free(s->names);
}

#endif
