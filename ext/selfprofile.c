/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/selfprofile.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "export/exporter.h"

int strobe_selfprofile_new(struct strobe_names *names, struct strobe_agg *threads, struct strobe_agg *tasks, const char *title,
                           struct strobe_selfprofile **ret)
{
    struct strobe_selfprofile *profile = calloc(1, sizeof *profile);
    struct strobe_selfprofile_names *shared = calloc(1, sizeof *shared);

    if (!profile || !shared) {
        free(profile);
        free(shared);
        return STROBE_ERR_NOMEM;
    }
    shared->names = names;
    atomic_init(&shared->owners, 1);
    profile->shared = shared;
    profile->agg[STROBE_OF_THREADS] = threads;
    profile->agg[STROBE_OF_TASKS] = tasks;
    strobe_buf_puts(&profile->title, title);
    *ret = profile;
    return 0;
}

void strobe_selfprofile_free(struct strobe_selfprofile *profile)
{
    if (!profile)
        return;
    for (int of = STROBE_OF_THREADS; of <= STROBE_OF_TASKS; of++)
        strobe_agg_free(profile->agg[of]);
    if (atomic_fetch_sub(&profile->shared->owners, 1) == 1) {
        strobe_names_free(profile->shared->names);
        free(profile->shared);
    }
    strobe_buf_release(&profile->title);
    free(profile);
}

static int append(void *ctx, const void *bytes, size_t len)
{
    struct strobe_buf *out = ctx;

    strobe_buf_put(out, bytes, len);
    return out->failed ? STROBE_ERR_NOMEM : 0;
}

int strobe_selfprofile_write(const struct strobe_selfprofile *profile, enum strobe_selfprofile_of of, const char *format, bool lines,
                             bool full_filenames, struct strobe_buf *out)
{
    const struct strobe_exporter *exporter = strobe_exporter_find(format);
    struct strobe_profile what = {.agg = profile->agg[of], .names = profile->shared->names, .title = strobe_buf_str(&profile->title),
                                  .start_unix_ns = profile->start_unix_ns, .start_ns = profile->start_ns, .end_ns = profile->end_ns,
                                  .show_line = lines, .full_filenames = full_filenames};
    struct strobe_sink sink = {.flush = append, .ctx = out};

    if (!exporter)
        return STROBE_ERR_ARG;
    if (!what.agg || (exporter->needs_log && !strobe_agg_has_log(what.agg)))
        return STROBE_ERR_MISSING;
    return exporter->write(&what, &sink);
}

/* ---- parts ---- */

struct value {
    uint32_t marker; /* frame id; 0 = none */
    struct strobe_agg *agg[2];
};

struct split {
    const struct strobe_selfprofile *profile;
    const char *prefix; /* "[NAME=" */
    enum strobe_selfprofile_of of;
    struct value *values;
    size_t n, cap;
    uint32_t *frames;
    size_t cap_frames;
};

static bool is_marker(struct split *split, uint32_t frame)
{
    const struct strobe_names *names = split->profile->shared->names;
    const struct strobe_frame *known = strobe_names_get(names, frame);

    return known && !known->file && known->first_line == STROBE_MARK_LABEL &&
           strncmp(strobe_names_text(names, known->name), split->prefix, strlen(split->prefix)) == 0;
}

static int value_of(struct split *split, uint32_t marker, struct value **ret)
{
    for (size_t i = 0; i < split->n; i++)
        if (split->values[i].marker == marker) {
            *ret = &split->values[i];
            return 0;
        }
    if (strobe_grow(&split->values, &split->cap, split->n + 1, sizeof *split->values))
        return STROBE_ERR_NOMEM;
    *ret = &split->values[split->n++];
    **ret = (struct value){.marker = marker};
    return 0;
}

/* Adds one stack to its value's aggregate, without markers of that name. */
static int add(void *ctx, const struct strobe_agg_entry *entry)
{
    struct split *split = ctx;
    const struct strobe_agg *from = split->profile->agg[split->of];
    struct strobe_agg_thread_info info = strobe_agg_thread_info(from, entry->thread);
    size_t n = strobe_agg_frames(from, entry->leaf, split->frames, split->cap_frames), kept = 0;
    uint32_t marker = 0, thread, leaf;
    struct value *value;
    int err;

    if (n > split->cap_frames) {
        if (strobe_grow(&split->frames, &split->cap_frames, n, sizeof *split->frames))
            return STROBE_ERR_NOMEM;
        strobe_agg_frames(from, entry->leaf, split->frames, split->cap_frames);
    }
    for (size_t i = 0; i < n; i++) {
        if (is_marker(split, split->frames[i]))
            marker = split->frames[i]; /* the innermost: further out are those of tasks that wait for this one */
        else
            split->frames[kept++] = split->frames[i];
    }
    if ((err = value_of(split, marker, &value)))
        return err;
    for (int of = STROBE_OF_THREADS; of <= STROBE_OF_TASKS; of++)
        if (!value->agg[of] && split->profile->agg[of] &&
            (err = strobe_agg_new(strobe_agg_period(split->profile->agg[of]), STROBE_AGG_EVEN, &value->agg[of])))
            return err;
    if ((err = strobe_agg_thread(value->agg[split->of], info.pid, info.tid, entry->thread, info.name, &thread)) ||
        (err = strobe_agg_stack(value->agg[split->of], split->frames, kept, &leaf)))
        return err;
    return strobe_agg_add(value->agg[split->of], thread, leaf, split->profile->end_ns, entry->ns);
}

static int count(void *ctx, const struct strobe_agg_entry *entry)
{
    struct strobe_agg_entry *sums = ctx;

    sums->samples += entry->samples;
    sums->ns += entry->ns;
    return 0;
}

/* Looks and their cost are the whole recording's. */
static void set_stats(struct strobe_selfprofile *part)
{
    struct strobe_session_stats whole = part->stats;
    struct strobe_agg_entry sums[2] = {{0}, {0}};

    for (int of = STROBE_OF_THREADS; of <= STROBE_OF_TASKS; of++)
        if (part->agg[of])
            strobe_agg_each(part->agg[of], count, &sums[of]);
    part->stats = (struct strobe_session_stats){.elapsed_ns = whole.elapsed_ns, .rate_reached = whole.rate_reached,
                                                .samples = sums[STROBE_OF_THREADS].samples};
    part->stats.tasks.samples = sums[STROBE_OF_TASKS].samples;
    part->stats.tasks.task_ns = sums[STROBE_OF_TASKS].ns;
    part->is_part = true;
}

/* Hands a value's aggregates on as a profile. */
static int give(struct split *split, struct value *value, strobe_selfprofile_each *each, void *ctx)
{
    struct strobe_selfprofile *part = calloc(1, sizeof *part);
    struct strobe_buf text = STROBE_BUF_INIT;
    int err;

    if (!part)
        return STROBE_ERR_NOMEM;
    *part = *split->profile;
    part->title = (struct strobe_buf)STROBE_BUF_INIT;
    strobe_buf_puts(&part->title, strobe_buf_str(&split->profile->title));
    atomic_fetch_add(&part->shared->owners, 1);
    memcpy(part->agg, value->agg, sizeof part->agg);
    value->agg[STROBE_OF_THREADS] = value->agg[STROBE_OF_TASKS] = NULL;
    set_stats(part);
    if (value->marker) {
        const struct strobe_names *names = part->shared->names;

        strobe_buf_puts(&text, strobe_names_text(names, strobe_names_get(names, value->marker)->name) + strlen(split->prefix));
        if (text.len && text.data[text.len - 1] == ']')
            text.data[--text.len] = '\0';
    }
    if (text.failed || part->title.failed) {
        strobe_selfprofile_free(part);
        err = STROBE_ERR_NOMEM;
    } else {
        err = each(ctx, value->marker ? strobe_buf_str(&text) : NULL, part);
    }
    strobe_buf_release(&text);
    return err;
}

int strobe_selfprofile_by(const struct strobe_selfprofile *profile, const char *name, strobe_selfprofile_each *each, void *ctx)
{
    struct strobe_buf prefix = STROBE_BUF_INIT;
    struct split split = {.profile = profile};
    int err = 0;

    strobe_buf_printf(&prefix, "[%s=", name);
    split.prefix = strobe_buf_str(&prefix);
    if (prefix.failed)
        err = STROBE_ERR_NOMEM;
    for (int of = STROBE_OF_THREADS; !err && of <= STROBE_OF_TASKS; of++) {
        split.of = (enum strobe_selfprofile_of)of;
        if (profile->agg[of])
            err = strobe_agg_each(profile->agg[of], add, &split);
    }
    for (size_t i = 0; i < split.n; i++) {
        if (!err)
            err = give(&split, &split.values[i], each, ctx);
        strobe_agg_free(split.values[i].agg[STROBE_OF_THREADS]);
        strobe_agg_free(split.values[i].agg[STROBE_OF_TASKS]);
    }
    free(split.values);
    free(split.frames);
    strobe_buf_release(&prefix);
    return err;
}

static int sum(void *ctx, const struct strobe_agg_entry *entry)
{
    *(double *)ctx += (double)entry->ns / 1e9;
    return 0;
}

double strobe_selfprofile_seconds(const struct strobe_selfprofile *profile, enum strobe_selfprofile_of of)
{
    double seconds = 0;

    if (profile->agg[of])
        strobe_agg_each(profile->agg[of], sum, &seconds);
    return seconds;
}
