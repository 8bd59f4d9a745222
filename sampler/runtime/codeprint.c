/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/codeprint.h"

#include <stdlib.h>

#include "base/htab.h"

enum {
    BATCH = 256,        /* code objects at a time: with DETAILS segments each, below the 1024 of process_vm_readv(2) */
    DETAILS = 2,        /* segments of the second read: name's hash, line table's head */
    TABLE_BYTES = 16,   /* first bytes of a line table that are looked at; a bytes object of the allocator is never smaller than
                         * its header and this */
    MAX_TABLE_HEAD = 256, /* from ob_size to the bytes looked at; 32 today */
    TYPE_NAME = 8,      /* "code" and enough to tell it from longer names */
    LOWEST = 4096,      /* the zero page is never mapped: marks lie there */
};

struct details {
    uint64_t name_hash;
    unsigned char table_head[MAX_TABLE_HEAD];
};

struct strobe_codeprint {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    uint64_t code_type;   /* PyCode_Type's address once a code object was seen */
    uint32_t low, span;   /* a code object is read from low on, span bytes */
    uint32_t table_head;  /* bytes read of a line table's object, from its ob_size on */
    unsigned char *spans; /* BATCH x span */
    struct strobe_mem_seg segs[BATCH * DETAILS];
    struct details details[BATCH];
    bool good[BATCH];          /* the code object was read and is one */
    bool wants_details[BATCH];
};

int strobe_codeprint_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_codeprint **ret)
{
    const uint32_t fields[] = {lay->ob_type, lay->co_flags, lay->co_firstlineno, lay->co_filename, lay->co_name,
                               lay->co_linetable, lay->co_code, lay->co_version};
    uint32_t low = UINT32_MAX, high = 0;
    struct strobe_codeprint *prints;

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i] == STROBE_NONE)
            continue;
        if (fields[i] < low)
            low = fields[i];
        if (fields[i] + 8 > high)
            high = fields[i] + 8;
    }
    if (high > STROBE_MAX_CO_SIZE + 8 || lay->bytes_data < lay->bytes_size ||
        lay->bytes_data - lay->bytes_size > MAX_TABLE_HEAD - TABLE_BYTES)
        return STROBE_ERR_LAYOUT;
    prints = calloc(1, sizeof *prints);
    if (!prints)
        return STROBE_ERR_NOMEM;
    prints->mem = mem;
    prints->lay = lay;
    prints->low = low;
    prints->span = high - low;
    prints->table_head = lay->bytes_data - lay->bytes_size + TABLE_BYTES;
    prints->spans = malloc((size_t)BATCH * prints->span);
    if (!prints->spans) {
        free(prints);
        return STROBE_ERR_NOMEM;
    }
    *ret = prints;
    return 0;
}

void strobe_codeprint_free(struct strobe_codeprint *prints)
{
    if (!prints)
        return;
    free(prints->spans);
    free(prints);
}

/* All segments at once; when one of them is bad, one by one, and what cannot be read is zero. */
static int read_all(struct strobe_codeprint *prints, size_t n)
{
    int err;

    if (!n)
        return 0;
    err = strobe_mem_readv(prints->mem, prints->segs, n);
    if (!err || strobe_err_class(err) == STROBE_CLASS_FATAL)
        return err;
    for (size_t i = 0; i < n; i++) {
        err = strobe_mem_readv(prints->mem, &prints->segs[i], 1);
        if (err && strobe_err_class(err) == STROBE_CLASS_FATAL)
            return err;
        if (err)
            memset(prints->segs[i].buf, 0, prints->segs[i].len);
    }
    return 0;
}

/* Is this the type of code objects?  Told by its name once, by its address from then on.  0, STROBE_ERR_OBJECT, or a reader's error. */
static int check_type(struct strobe_codeprint *prints, uint64_t type)
{
    char text[TYPE_NAME];
    uint64_t name;
    int err;

    if (prints->code_type)
        return type == prints->code_type ? 0 : STROBE_ERR_OBJECT;
    if (type < LOWEST)
        return STROBE_ERR_OBJECT;
    err = strobe_mem_u64(prints->mem, type + prints->lay->ty_name, &name);
    if (!err)
        err = strobe_mem_cstr(prints->mem, name, text, sizeof text);
    if (!err && strcmp(text, "code") != 0)
        err = STROBE_ERR_OBJECT;
    if (!err)
        prints->code_type = type;
    return err;
}

static uint64_t field64(const struct strobe_codeprint *prints, const unsigned char *span, uint32_t off)
{
    return strobe_span_u64(span, off - prints->low);
}

static uint32_t field32(const struct strobe_codeprint *prints, const unsigned char *span, uint32_t off)
{
    return strobe_span_u32(span, off - prints->low);
}

/* What the code object itself tells.  0 also when there is none; an error that ends everything otherwise. */
static int own_words(struct strobe_codeprint *prints, size_t i, struct strobe_code_print *ret)
{
    const struct strobe_layout *lay = prints->lay;
    const unsigned char *span = prints->spans + i * prints->span;
    uint32_t first = field32(prints, span, lay->co_firstlineno), number = 0;
    uint64_t name = field64(prints, span, lay->co_name), table = field64(prints, span, lay->co_linetable);
    int err;

    prints->good[i] = prints->wants_details[i] = false;
    if (name < LOWEST || table < LOWEST)
        return 0;
    err = check_type(prints, field64(prints, span, lay->ob_type));
    if (err)
        return strobe_err_class(err) == STROBE_CLASS_FATAL ? err : 0;
    prints->good[i] = true;
    if (lay->co_version != STROBE_NONE)
        number = field32(prints, span, lay->co_version);
    if (!number) {
        number = field32(prints, span, lay->co_flags);
        prints->wants_details[i] = true;
    }
    *ret = (struct strobe_code_print){{(uint64_t)number << 32 | first, name, table, field64(prints, span, lay->co_filename)}};
    return 0;
}

/* Mixes in what name and line table tell. */
static void more_words(const struct strobe_codeprint *prints, size_t i, struct strobe_code_print *print)
{
    const struct strobe_layout *lay = prints->lay;
    const unsigned char *span = prints->spans + i * prints->span;
    struct {
        uint64_t file, code, name_hash, size;
        unsigned char table[TABLE_BYTES];
    } words = {print->word[3], 0, prints->details[i].name_hash, strobe_span_u64(prints->details[i].table_head, 0), {0}};
    size_t size = words.size < TABLE_BYTES ? (size_t)words.size : TABLE_BYTES;

    if (lay->lines != STROBE_LINES_LOCATIONS) /* a bytes object; inline and self-modifying later */
        words.code = field64(prints, span, lay->co_code);
    memcpy(words.table, prints->details[i].table_head + (lay->bytes_data - lay->bytes_size), size);
    print->word[3] = strobe_hash_bytes(&words, sizeof words, 0);
}

static int read_batch(struct strobe_codeprint *prints, const uint64_t *code, size_t n, struct strobe_code_print *ret)
{
    const struct strobe_layout *lay = prints->lay;
    size_t n_segs = 0;
    int err;

    for (size_t i = 0; i < n; i++) {
        unsigned char *span = prints->spans + i * prints->span;

        if (code[i] < LOWEST || code[i] % 8)
            memset(span, 0, prints->span);
        else
            prints->segs[n_segs++] = (struct strobe_mem_seg){code[i] + prints->low, span, prints->span};
    }
    err = read_all(prints, n_segs);
    if (err)
        return err;
    n_segs = 0;
    for (size_t i = 0; i < n; i++) {
        err = own_words(prints, i, &ret[i]);
        if (err)
            return err;
        if (!prints->wants_details[i])
            continue;
        prints->segs[n_segs++] = (struct strobe_mem_seg){ret[i].word[1] + lay->str_hash, &prints->details[i].name_hash, 8};
        prints->segs[n_segs++] = (struct strobe_mem_seg){ret[i].word[2] + lay->bytes_size, prints->details[i].table_head,
                                                         prints->table_head};
    }
    err = read_all(prints, n_segs);
    if (err)
        return err;
    for (size_t i = 0; i < n; i++) {
        if (!prints->good[i])
            ret[i] = (struct strobe_code_print){{0}};
        else if (prints->wants_details[i])
            more_words(prints, i, &ret[i]);
    }
    return 0;
}

int strobe_codeprint_read(struct strobe_codeprint *prints, const uint64_t *code, size_t n, struct strobe_code_print *ret)
{
    int err = 0;

    for (size_t done = 0; !err && done < n; done += BATCH)
        err = read_batch(prints, code + done, n - done < BATCH ? n - done : BATCH, ret + done);
    return err;
}
