/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/grow.h"
#include "base/htab.h"

/* Strings with one 64-bit hash that are told apart by comparing; a target that makes more collisions than this on purpose
 * gets several ids for one text, which costs it clarity and us nothing. */
enum { MAX_PROBES = 32 };

struct string {
    const char *text; /* in the arena, NUL-terminated */
    uint32_t len;
    uint32_t short_id; /* of a file: what the shortener made of it; NOT_ASKED before */
};
#define NOT_ASKED UINT32_MAX

struct strobe_names {
    struct strobe_arena arena; /* texts; never reset, so that pointers stay */
    size_t text_bytes;
    struct string *strings;
    size_t n_strings, cap_strings;
    struct strobe_htab by_text; /* (hash, probe) -> string id */
    struct strobe_frame *frames;
    size_t n_frames, cap_frames;
    struct strobe_htab by_frame; /* the four words of the key -> frame id */
    int (*shorten)(void *ctx, const char *path, struct strobe_buf *ret_short);
    void *shorten_ctx;
};

int strobe_names_new(struct strobe_names **ret_names)
{
    struct strobe_names *names = calloc(1, sizeof *names);
    uint32_t empty;

    if (!names)
        return STROBE_ERR_NOMEM;
    if (strobe_names_string(names, "", 0, &empty)) {
        strobe_names_free(names);
        return STROBE_ERR_NOMEM;
    }
    *ret_names = names;
    return 0;
}

void strobe_names_free(struct strobe_names *names)
{
    if (!names)
        return;
    strobe_arena_release(&names->arena);
    strobe_htab_release(&names->by_text);
    strobe_htab_release(&names->by_frame);
    free(names->strings);
    free(names->frames);
    free(names);
}

static int add_string(struct strobe_names *names, const char *text, size_t len, uint32_t *ret_id)
{
    char *copy;

    if (len >= UINT32_MAX || strobe_grow(&names->strings, &names->cap_strings, names->n_strings + 1, sizeof *names->strings))
        return STROBE_ERR_NOMEM;
    copy = strobe_arena_alloc(&names->arena, len + 1);
    if (!copy)
        return STROBE_ERR_NOMEM;
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    names->text_bytes += len + 1;
    names->strings[names->n_strings] = (struct string){copy, (uint32_t)len, NOT_ASKED};
    *ret_id = (uint32_t)names->n_strings++;
    return 0;
}

int strobe_names_string(struct strobe_names *names, const char *text, size_t len, uint32_t *ret_id)
{
    uint64_t hash = strobe_hash_bytes(text, len, 0), probe;
    uint32_t id;

    for (probe = 0; probe < MAX_PROBES; probe++) {
        const uint64_t *known = strobe_htab_get(&names->by_text, hash, probe);

        if (!known)
            break;
        if (names->strings[*known].len == len && (!len || memcmp(names->strings[*known].text, text, len) == 0)) {
            *ret_id = (uint32_t)*known;
            return 0;
        }
    }
    if (add_string(names, text, len, &id))
        return STROBE_ERR_NOMEM;
    if (probe < MAX_PROBES && strobe_htab_put(&names->by_text, hash, probe, id)) {
        names->n_strings--; /* the text stays in the arena, unreachable */
        return STROBE_ERR_NOMEM;
    }
    *ret_id = id;
    return 0;
}

const char *strobe_names_text(const struct strobe_names *names, uint32_t id)
{
    return id < names->n_strings ? names->strings[id].text : "";
}

size_t strobe_names_text_len(const struct strobe_names *names, uint32_t id)
{
    return id < names->n_strings ? names->strings[id].len : 0;
}

size_t strobe_names_string_count(const struct strobe_names *names)
{
    return names->n_strings;
}

size_t strobe_names_frame_count(const struct strobe_names *names)
{
    return names->n_frames;
}

/* The short form of a file; the shortener is asked once per file. */
static int shorten(struct strobe_names *names, uint32_t file, uint32_t *ret_short)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    uint32_t id = file;
    int err = 0;

    if (names->strings[file].short_id == NOT_ASKED) {
        if (names->shorten(names->shorten_ctx, names->strings[file].text, &text) == 0 && text.len && !text.failed)
            err = strobe_names_string(names, text.data, text.len, &id);
        else if (text.failed)
            err = STROBE_ERR_NOMEM;
        strobe_buf_release(&text);
        if (err)
            return err;
        names->strings[file].short_id = id;
    }
    *ret_short = names->strings[file].short_id;
    return 0;
}

int strobe_names_frame(struct strobe_names *names, const struct strobe_frame *frame, uint32_t *ret_id)
{
    uint64_t key0 = (uint64_t)frame->name << 32 | frame->file;
    uint64_t key1 = (uint64_t)(uint32_t)frame->line << 32 | (uint32_t)frame->first_line;
    const uint64_t *known = strobe_htab_get(&names->by_frame, key0, key1);
    uint32_t short_file = frame->short_file ? frame->short_file : frame->file;
    int err;

    if (known) {
        *ret_id = (uint32_t)*known;
        return 0;
    }
    if (names->shorten && frame->file && frame->file < names->n_strings) {
        err = shorten(names, frame->file, &short_file);
        if (err)
            return err;
    }
    err = strobe_grow(&names->frames, &names->cap_frames, names->n_frames + 1, sizeof *names->frames);
    if (!err)
        err = strobe_htab_put(&names->by_frame, key0, key1, names->n_frames);
    if (err)
        return err;
    names->frames[names->n_frames] = *frame;
    names->frames[names->n_frames].short_file = short_file;
    *ret_id = (uint32_t)names->n_frames++;
    return 0;
}

const struct strobe_frame *strobe_names_get(const struct strobe_names *names, uint32_t id)
{
    return id < names->n_frames ? &names->frames[id] : NULL;
}

int strobe_names_mark(struct strobe_names *names, enum strobe_mark mark, const char *name, uint32_t *ret_id)
{
    struct strobe_frame frame = {.first_line = mark};
    int err = strobe_names_string(names, name, strlen(name), &frame.name);

    return err ? err : strobe_names_frame(names, &frame, ret_id);
}

int strobe_names_marker(struct strobe_names *names, const char *name, uint32_t *ret_id)
{
    return strobe_names_mark(names, STROBE_MARK, name, ret_id);
}

int strobe_names_label_marker(struct strobe_names *names, const char *name, uint32_t *ret_id)
{
    return strobe_names_mark(names, STROBE_MARK_LABEL, name, ret_id);
}

int strobe_names_wait_marker(struct strobe_names *names, const char *name, uint32_t *ret_id)
{
    return strobe_names_mark(names, STROBE_MARK_WAIT, name, ret_id);
}

void strobe_names_set_shortener(struct strobe_names *names, int (*shorten_fn)(void *ctx, const char *path, struct strobe_buf *ret_short),
                                void *ctx)
{
    names->shorten = shorten_fn;
    names->shorten_ctx = ctx;
}

static size_t htab_bytes(const struct strobe_htab *tab)
{
    return tab->slots ? (tab->mask + 1) * sizeof *tab->slots : 0;
}

size_t strobe_names_bytes(const struct strobe_names *names)
{
    return sizeof *names + names->text_bytes + names->cap_strings * sizeof *names->strings + names->cap_frames * sizeof *names->frames +
           htab_bytes(&names->by_text) + htab_bytes(&names->by_frame);
}
