/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_export.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agg/agg.h"
#include "base/err.h"
#include "base/grow.h"
#include "ext/selfprofile.h"

enum { PERIOD_NS = 1000 };

struct build {
    struct strobe_names *names;
    struct strobe_agg *agg;
    uint32_t *frames; /* by function */
    size_t n_frames;
    uint32_t *stack;
    size_t cap_stack;
    bool by_cpu;
    double ns_per_tick;
    uint64_t time_ns; /* as if one path had come after the other */
    int32_t pid;
};

static int intern(struct build *build, PyObject *text, uint32_t *ret)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "replace");
    int err;

    if (!bytes)
        return STROBE_ERR_ARG;
    err = strobe_names_string(build->names, PyBytes_AsString(bytes), (size_t)PyBytes_Size(bytes), ret);
    Py_DECREF(bytes);
    return err;
}

static int make_frames(struct build *build, PyObject *names)
{
    build->n_frames = (size_t)PyList_Size(names);
    if (!(build->frames = calloc(build->n_frames + 1, sizeof *build->frames)))
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < build->n_frames; i++) {
        struct strobe_frame frame = {0};
        PyObject *name, *file;
        int err;

        if (!PyArg_ParseTuple(PyList_GetItem(names, (Py_ssize_t)i), "UUi", &name, &file, &frame.line))
            return STROBE_ERR_ARG;
        if ((err = intern(build, name, &frame.name)) || (err = intern(build, file, &frame.file)))
            return err;
        frame.short_file = frame.file;
        frame.first_line = frame.line;
        if ((err = strobe_names_frame(build->names, &frame, &build->frames[i])))
            return err;
    }
    return 0;
}

/* The root of a thread's stacks. */
static int mark_thread(struct build *build, const struct strobe_calls_thread_facts *thread, uint32_t *ret)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    int err = STROBE_ERR_NOMEM;

    strobe_buf_printf(&text, thread->name[0] ? "thread (%d): %s" : "thread (%d)", (int)thread->tid, thread->name);
    if (!text.failed)
        err = strobe_names_mark(build->names, STROBE_MARK_THREAD, strobe_buf_str(&text), ret);
    strobe_buf_release(&text);
    return err;
}

static int add(void *ctx, const struct strobe_calls_thread_facts *thread, uint32_t group, const uint32_t *functions, size_t n,
               struct strobe_calls_time self)
{
    struct build *build = ctx;
    uint64_t ns = (uint64_t)((double)(build->by_cpu ? self.cpu : self.wall) * build->ns_per_tick);
    uint32_t row, leaf;
    int err;

    (void)group;
    if (!ns)
        return 0;
    if (strobe_grow(&build->stack, &build->cap_stack, n + 1, sizeof *build->stack))
        return STROBE_ERR_NOMEM;
    if ((err = mark_thread(build, thread, &build->stack[0])))
        return err;
    for (size_t i = 0; i < n; i++)
        build->stack[i + 1] = functions[i] < build->n_frames ? build->frames[functions[i]] : build->frames[STROBE_CALLS_OTHER];
    build->time_ns += ns;
    if ((err = strobe_agg_thread(build->agg, build->pid, thread->tid, thread->ident, thread->name, &row)) ||
        (err = strobe_agg_stack(build->agg, build->stack, n + 1, &leaf)))
        return err;
    return strobe_agg_add(build->agg, row, leaf, build->time_ns, ns);
}

static int paths(struct strobe_calls *calls, const struct strobe_calls_question *questions, size_t n, struct build *build)
{
    int err = 0;

    STROBE_APART_BEGIN
    for (size_t i = 0; i < n && !err; i++)
        err = strobe_calls_paths(calls, &questions[i], add, build);
    STROBE_APART_END
    return err;
}

int strobe_trace_export(struct strobe_calls *calls, const struct strobe_calls_question *questions, size_t n, PyObject *names, bool by_cpu,
                        double ns_per_tick, const char *title, const char *format, struct strobe_buf *out)
{
    struct build build = {.by_cpu = by_cpu, .ns_per_tick = ns_per_tick, .pid = (int32_t)getpid()};
    struct strobe_selfprofile *profile = NULL;
    struct timespec now;
    int err;

    clock_gettime(CLOCK_REALTIME, &now);
    if ((err = strobe_names_new(&build.names)) || (err = strobe_agg_new(PERIOD_NS, STROBE_AGG_LOG | STROBE_AGG_EVEN, &build.agg)) ||
        (err = make_frames(&build, names)) || (err = paths(calls, questions, n, &build)) ||
        (err = strobe_selfprofile_new(build.names, build.agg, NULL, title, &profile)))
        goto done;
    build.names = NULL; /* the profile's now */
    build.agg = NULL;
    profile->end_ns = build.time_ns;
    profile->start_unix_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    err = strobe_selfprofile_write(profile, STROBE_OF_THREADS, format, true, false, out);
done:
    strobe_selfprofile_free(profile);
    strobe_agg_free(build.agg);
    if (build.names)
        strobe_names_free(build.names);
    free(build.frames);
    free(build.stack);
    return err;
}
