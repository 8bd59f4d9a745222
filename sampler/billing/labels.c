/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "runtime/pycontext.h"
#include "runtime/pyobj.h"
#include "runtime/pyotel.h"

enum { MAX_KEY = 64 }; /* bytes of a label's name in strobe.label()'s dict */
#define LABELS_VARIABLE "strobe_labels" /* of ext/strobe/_inside.py */

/* What is not simply the value of a context variable. */
static const struct {
    const char *asked_for, *name, *variable;
    enum strobe_label_kind kind;
} special[] = {
    {"otel:trace_id", "trace_id", STROBE_OTEL_VARIABLE, STROBE_LABEL_TRACE},
    {"otel:span_id", "span_id", STROBE_OTEL_VARIABLE, STROBE_LABEL_SPAN},
    {"strobe:labels", "label", LABELS_VARIABLE, STROBE_LABEL_DICT},
};

static bool begins(const char *text, const char *with, const char **ret_rest)
{
    bool it_does = strncmp(text, with, strlen(with)) == 0;

    if (it_does)
        *ret_rest = text + strlen(with);
    return it_does;
}

static struct strobe_label label_of(const char *asked_for)
{
    const char *rest;

    for (size_t k = 0; k < sizeof special / sizeof special[0]; k++)
        if (strcmp(asked_for, special[k].asked_for) == 0)
            return (struct strobe_label){.name = special[k].name, .variable = special[k].variable, .kind = special[k].kind};
    if (begins(asked_for, "label:", &rest))
        return (struct strobe_label){.name = rest, .variable = LABELS_VARIABLE, .kind = STROBE_LABEL_ITEM};
    if (!begins(asked_for, "contextvar:", &rest))
        rest = asked_for;
    return (struct strobe_label){.name = rest, .variable = rest};
}

static void init_values(struct strobe_label_values *values, const char *name)
{
    *values = (struct strobe_label_values){.values = STROBE_FEWMARKS_INIT};
    strobe_buf_puts(&values->name, name);
    strobe_buf_printf(&values->other, "[%s=other]", name);
}

static void release_values(struct strobe_label_values *values)
{
    strobe_fewmarks_release(&values->values);
    strobe_buf_release(&values->name);
    strobe_buf_release(&values->other);
}

void strobe_labels_init(struct strobe_labels *labels, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_names *names,
                        const char *const *variables, uint32_t n)
{
    *labels = (struct strobe_labels){.mem = mem, .lay = lay, .names = names, .n = n < STROBE_LABELS_MAX ? n : STROBE_LABELS_MAX};
    for (uint32_t i = 0; i < labels->n; i++) {
        labels->at[i] = label_of(variables[i]);
        init_values(&labels->at[i].values, labels->at[i].name);
    }
}

void strobe_labels_release(struct strobe_labels *labels)
{
    for (uint32_t i = 0; i < labels->n; i++) {
        release_values(&labels->at[i].values);
        for (uint32_t k = 0; k < labels->at[i].n_keys; k++)
            release_values(&labels->at[i].keys[k]);
        free(labels->at[i].keys);
    }
    strobe_htab_release(&labels->contexts);
    strobe_htab_release(&labels->waits);
    strobe_htab_release(&labels->waits_before);
    strobe_htab_release(&labels->known);
    strobe_buf_release(&labels->text);
    free(labels->sets);
    *labels = (struct strobe_labels){.mem = NULL};
}

void strobe_labels_begin(struct strobe_labels *labels)
{
    strobe_htab_clear(&labels->contexts);
}

void strobe_labels_begin_tasks(struct strobe_labels *labels)
{
    struct strobe_htab before = labels->waits_before;

    strobe_labels_begin(labels);
    strobe_htab_clear(&before);
    labels->waits_before = labels->waits;
    labels->waits = before;
}

/* ---- frames ---- */

struct frames {
    struct strobe_labels *labels;
    struct strobe_label *label;
    uint32_t at[STROBE_LABELS_FRAMES], n;
};

/* Adds the frame of the text that was put, "[NAME=VALUE" yet. */
static int add(struct frames *frames, struct strobe_label_values *of)
{
    struct strobe_labels *labels = frames->labels;
    int err;

    strobe_buf_putc(&labels->text, ']');
    for (size_t i = 0; i < labels->text.len; i++) /* names end at a NUL */
        labels->text.data[i] = labels->text.data[i] ? labels->text.data[i] : '?';
    if (frames->n == STROBE_LABELS_FRAMES)
        return 0;
    if (of->other.failed)
        return STROBE_ERR_NOMEM;
    err = strobe_fewmarks_of(&of->values, labels->names, strobe_names_label_marker, &labels->text, strobe_buf_str(&of->other),
                             &frames->at[frames->n]);
    frames->n += !err;
    return err;
}

/* The values of a key; those of the label itself when there are too many keys. */
static int values_of(struct strobe_label *label, const char *key, struct strobe_label_values **ret)
{
    for (uint32_t k = 0; k < label->n_keys; k++) {
        *ret = &label->keys[k];
        if (strcmp(strobe_buf_str(&(*ret)->name), key) == 0)
            return 0;
    }
    *ret = &label->values;
    if (label->n_keys == STROBE_LABELS_KEYS)
        return 0;
    if (strobe_grow(&label->keys, &label->cap_keys, label->n_keys + 1, sizeof *label->keys))
        return STROBE_ERR_NOMEM;
    *ret = &label->keys[label->n_keys];
    init_values(*ret, key);
    if ((*ret)->name.failed || (*ret)->other.failed) {
        release_values(*ret);
        return STROBE_ERR_NOMEM;
    }
    label->n_keys++;
    return 0;
}

/* A name of more than MAX_KEY bytes, behind the "[", becomes its beginning, of whole characters. */
static void cut_key(struct strobe_buf *text)
{
    size_t len = 1 + MAX_KEY;

    if (text->len <= len)
        return;
    while (len > 1 && ((unsigned char)text->data[len] & 0xc0) == 0x80)
        len--;
    text->len = len;
    text->data[len] = '\0';
}

static int add_item(void *ctx, uint64_t key, uint64_t value)
{
    struct frames *frames = ctx;
    struct strobe_labels *labels = frames->labels;
    struct strobe_buf *text = &labels->text;
    struct strobe_label_values *values;
    int err;

    strobe_buf_clear(text);
    strobe_buf_putc(text, '[');
    if (strobe_py_str(labels->mem, labels->lay, key, text))
        return text->failed ? STROBE_ERR_NOMEM : 0;
    cut_key(text);
    for (size_t i = 1; i < text->len; i++) /* the name ends at the first "=" */
        text->data[i] = text->data[i] == '=' || !text->data[i] ? '?' : text->data[i];
    if ((err = values_of(frames->label, strobe_buf_str(text) + 1, &values)))
        return err;
    strobe_buf_putc(text, '=');
    strobe_py_context_text(labels->mem, labels->lay, value, true, text);
    if (values == &frames->label->values) { /* of a key too many */
        strobe_buf_clear(text);
        strobe_buf_printf(text, "[%s=other", frames->label->name);
    }
    return add(frames, values);
}

/* What structlog leaves in a variable that it has unbound. */
static bool is_ellipsis(const struct strobe_labels *labels, uint64_t value)
{
    uint64_t type;
    char name[16];

    return !strobe_py_type(labels->mem, labels->lay, value, &type) &&
           !strobe_py_type_name(labels->mem, labels->lay, type, name, sizeof name) && strcmp(name, "ellipsis") == 0;
}

/* A label's frames in a context.  Only STROBE_ERR_NOMEM is an error: what cannot be read is not there. */
static int add_label(struct frames *frames, uint64_t context)
{
    struct strobe_labels *labels = frames->labels;
    struct strobe_label *label = frames->label;
    uint64_t value;

    if (strobe_py_context_get(labels->mem, labels->lay, context, label->variable, &value))
        return 0;
    if (label->kind == STROBE_LABEL_VALUE && is_ellipsis(labels, value))
        return 0;
    if (label->kind == STROBE_LABEL_DICT)
        return strobe_py_dict_each(labels->mem, labels->lay, value, add_item, frames) == STROBE_ERR_NOMEM ? STROBE_ERR_NOMEM : 0;
    if (label->kind == STROBE_LABEL_ITEM && strobe_py_dict_get(labels->mem, labels->lay, value, label->name, &value))
        return 0;
    strobe_buf_clear(&labels->text);
    strobe_buf_printf(&labels->text, "[%s=", label->name);
    if (label->kind == STROBE_LABEL_VALUE || label->kind == STROBE_LABEL_ITEM)
        strobe_py_context_text(labels->mem, labels->lay, value, true, &labels->text);
    else if (strobe_py_otel(labels->mem, labels->lay, value, label->kind == STROBE_LABEL_TRACE ? STROBE_OTEL_TRACE : STROBE_OTEL_SPAN,
                            &labels->text))
        return labels->text.failed ? STROBE_ERR_NOMEM : 0;
    return add(frames, &label->values);
}

/* ---- sets ---- */

static int number_of(struct strobe_labels *labels, const struct frames *frames, uint32_t *ret_set)
{
    uint64_t key[2] = {strobe_hash_bytes(frames->at, frames->n * sizeof frames->at[0], 1),
                       strobe_hash_bytes(frames->at, frames->n * sizeof frames->at[0], 2)};
    const uint64_t *known = frames->n ? strobe_htab_get(&labels->known, key[0], key[1]) : NULL;
    size_t number = labels->n_sets ? labels->n_sets : 1;

    *ret_set = known ? (uint32_t)*known : 0;
    if (known || !frames->n || number > STROBE_LABELS_SETS)
        return 0;
    if (strobe_grow(&labels->sets, &labels->cap_sets, number + 1, sizeof *labels->sets) ||
        strobe_htab_put(&labels->known, key[0], key[1], number))
        return STROBE_ERR_NOMEM;
    labels->sets[number][0] = frames->n;
    memcpy(&labels->sets[number][1], frames->at, frames->n * sizeof frames->at[0]);
    labels->n_sets = number + 1;
    *ret_set = (uint32_t)number;
    return 0;
}

int strobe_labels_adopt(struct strobe_labels *labels, const uint32_t *at, uint32_t n, uint32_t *ret_set)
{
    struct frames frames = {.labels = labels, .n = n < STROBE_LABELS_FRAMES ? n : STROBE_LABELS_FRAMES};

    if (frames.n)
        memcpy(frames.at, at, frames.n * sizeof frames.at[0]);
    return number_of(labels, &frames, ret_set);
}

int strobe_labels_of(struct strobe_labels *labels, uint64_t context, uint32_t *ret_set)
{
    const uint64_t *known = strobe_htab_get(&labels->contexts, context, 0);
    struct frames frames = {.labels = labels};
    uint32_t set;
    int err = 0;

    if (known || !context) {
        *ret_set = known ? (uint32_t)*known : 0;
        return 0;
    }
    for (uint32_t i = 0; !err && i < labels->n; i++) {
        frames.label = &labels->at[i];
        err = add_label(&frames, context);
    }
    if (!err)
        err = number_of(labels, &frames, &set);
    if (!err)
        err = strobe_htab_put(&labels->contexts, context, 0, set);
    if (!err)
        *ret_set = set;
    return err;
}

int strobe_labels_of_task(struct strobe_labels *labels, const struct strobe_task *task, uint32_t *ret_set)
{
    uint64_t key[2] = {task->addr ^ task->context << 20, strobe_task_wait_key(task)};
    bool waits = task->state == STROBE_TASK_WAITING && task->future && task->context;
    const uint64_t *known;
    uint32_t set;
    int err = strobe_labels_of(labels, task->context, &set);

    if (err)
        return err;
    if (!set && waits && (known = strobe_htab_get(&labels->waits_before, key[0], key[1])))
        set = (uint32_t)*known;
    if (set && waits && (err = strobe_htab_put(&labels->waits, key[0], key[1], set)))
        return err;
    *ret_set = set;
    return 0;
}

const uint32_t *strobe_labels_frames(const struct strobe_labels *labels, uint32_t set, uint32_t *ret_n)
{
    *ret_n = set ? labels->sets[set][0] : 0;
    return set ? &labels->sets[set][1] : NULL;
}
