/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables: code address -> object (names, line table, fingerprint), and (code address, instruction) -> frame id, which alone
 * is asked when all is known.  The second table forgets single keys by giving them a value that is no frame id; each object
 * chains the instructions that it put there. */
#include "runtime/code.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/grow.h"
#include "base/htab.h"
#include "base/libfile.h"
#include "runtime/codeprint.h"
#include "runtime/linetable.h"
#include "runtime/pyobj.h"

/* Limits of the memory held; at any of them everything is forgotten and learned anew. */
enum {
    MAX_PAIRS = 80 * 1000,     /* (code, instruction): 5 MB with their hash table; large services show some 10,000 */
    MAX_OBJECTS = 20 * 1000,   /* 3 MB */
    MAX_TABLES = 4 << 20,      /* bytes of line tables; typically 100 a code object */
    MAX_TABLE = 2 << 20,       /* bytes of one; a longer one (a million instructions in one function) is not used */
};

#define NO_PAIR UINT32_MAX
#define FORGOTTEN UINT64_MAX

enum object_state {
    UNKNOWN,  /* not read, or forgotten */
    EXPECTED, /* not read; only a code object with this fingerprint will do */
    LOADED,
};

struct object {
    uint64_t addr;
    struct strobe_code_print print;
    enum object_state state;
    uint32_t name, file; /* string ids */
    int32_t first_line;
    int64_t traceable;   /* byte offset of the first instruction of a frame that is set up; before 3.11: none */
    uint32_t pairs;      /* chain of what is in the table of pairs, NO_PAIR = end */
    unsigned char *table; /* line table, owned; NULL when empty */
    size_t table_len;
};

struct pair {
    uint64_t instr;
    uint32_t next;
};

struct strobe_codes {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_names *names;
    struct strobe_codeprint *prints;
    enum strobe_line_mode mode;
    uint64_t epoch;
    struct strobe_htab by_pair; /* (code, instr) -> frame id or FORGOTTEN */
    struct strobe_htab by_addr; /* (code, 0) -> index in objects */
    struct object *objects;
    size_t n_objects, cap_objects;
    struct pair *pairs;
    size_t n_pairs, cap_pairs;
    size_t table_bytes;
    struct strobe_buf buf; /* scratch */
};

int strobe_codes_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_names *names, struct strobe_codes **ret_codes)
{
    struct strobe_codes *codes = calloc(1, sizeof *codes);
    int err;

    if (!codes)
        return STROBE_ERR_NOMEM;
    codes->mem = mem;
    codes->lay = lay;
    codes->names = names;
    codes->epoch = 1;
    err = strobe_codeprint_new(mem, lay, &codes->prints);
    if (err) {
        free(codes);
        return err;
    }
    *ret_codes = codes;
    return 0;
}

static void release_table(struct strobe_codes *codes, struct object *object)
{
    free(object->table);
    codes->table_bytes -= object->table_len;
    object->table = NULL;
    object->table_len = 0;
}

static void forget_pairs(struct strobe_codes *codes)
{
    strobe_htab_clear(&codes->by_pair);
    codes->n_pairs = 0;
    codes->epoch++;
}

void strobe_codes_flush(struct strobe_codes *codes)
{
    for (size_t i = 0; i < codes->n_objects; i++)
        release_table(codes, &codes->objects[i]);
    codes->n_objects = 0;
    strobe_htab_clear(&codes->by_addr);
    forget_pairs(codes);
}

void strobe_codes_free(struct strobe_codes *codes)
{
    if (!codes)
        return;
    strobe_codes_flush(codes);
    strobe_htab_release(&codes->by_pair);
    strobe_htab_release(&codes->by_addr);
    strobe_codeprint_free(codes->prints);
    strobe_buf_release(&codes->buf);
    free(codes->objects);
    free(codes->pairs);
    free(codes);
}

void strobe_codes_set_line_mode(struct strobe_codes *codes, enum strobe_line_mode mode)
{
    if (codes->mode == mode)
        return;
    codes->mode = mode;
    for (size_t i = 0; i < codes->n_objects; i++)
        codes->objects[i].pairs = NO_PAIR;
    forget_pairs(codes);
}

uint64_t strobe_codes_epoch(const struct strobe_codes *codes)
{
    return codes->epoch;
}

int strobe_codes_prints(struct strobe_codes *codes, const uint64_t *code, size_t n, struct strobe_code_print *ret)
{
    return strobe_codeprint_read(codes->prints, code, n, ret);
}

static struct object *find_object(const struct strobe_codes *codes, uint64_t code)
{
    const uint64_t *index = strobe_htab_get(&codes->by_addr, code, 0);

    return index ? &codes->objects[*index] : NULL;
}

/* The object of an address, made when there is none.  ret_object: valid until the next one is made. */
static int get_object(struct strobe_codes *codes, uint64_t code, struct object **ret_object)
{
    struct object *object = find_object(codes, code);
    int err;

    if (!object) {
        err = strobe_grow(&codes->objects, &codes->cap_objects, codes->n_objects + 1, sizeof *codes->objects);
        if (!err)
            err = strobe_htab_put(&codes->by_addr, code, 0, codes->n_objects);
        if (err)
            return err;
        object = &codes->objects[codes->n_objects++];
        *object = (struct object){.addr = code, .state = UNKNOWN, .pairs = NO_PAIR};
    }
    *ret_object = object;
    return 0;
}

/* Back to UNKNOWN: every frame id that came of it is forgotten. */
static void forget(struct strobe_codes *codes, struct object *object)
{
    if (object->pairs != NO_PAIR)
        codes->epoch++;
    for (uint32_t i = object->pairs; i != NO_PAIR; i = codes->pairs[i].next) {
        uint64_t *frame = strobe_htab_get(&codes->by_pair, object->addr, codes->pairs[i].instr);

        if (frame)
            *frame = FORGOTTEN;
    }
    object->pairs = NO_PAIR;
    object->state = UNKNOWN;
    release_table(codes, object);
}

void strobe_codes_expect(struct strobe_codes *codes, uint64_t code, const struct strobe_code_print *print)
{
    struct object *object = find_object(codes, code);

    if (!object && codes->n_objects < MAX_OBJECTS && !strobe_codeprint_none(print) && get_object(codes, code, &object))
        return; /* out of memory: resolve will say so */
    if (!object)
        return;
    if (object->state == LOADED && strobe_codeprint_equal(&object->print, print))
        return;
    forget(codes, object);
    if (!strobe_codeprint_none(print)) {
        object->print = *print;
        object->state = EXPECTED;
    }
}

/* A string of the target, interned. */
static int read_string(struct strobe_codes *codes, uint64_t addr, uint32_t *ret_id)
{
    int err;

    strobe_buf_clear(&codes->buf);
    err = strobe_py_str(codes->mem, codes->lay, addr, &codes->buf);
    if (!err && codes->buf.failed)
        err = STROBE_ERR_NOMEM;
    return err ? err : strobe_names_string(codes->names, strobe_buf_str(&codes->buf), codes->buf.len, ret_id);
}

static int read_table(struct strobe_codes *codes, uint64_t addr, struct object *object)
{
    int err;

    strobe_buf_clear(&codes->buf);
    err = strobe_py_bytes(codes->mem, codes->lay, addr, MAX_TABLE, &codes->buf);
    if (!err && codes->buf.failed)
        err = STROBE_ERR_NOMEM;
    if (err == STROBE_ERR_LIMIT)
        return 0; /* no table: every line is the function's first */
    if (err || !codes->buf.len)
        return err;
    object->table = malloc(codes->buf.len);
    if (!object->table)
        return STROBE_ERR_NOMEM;
    memcpy(object->table, codes->buf.data, codes->buf.len);
    object->table_len = codes->buf.len;
    codes->table_bytes += codes->buf.len;
    return 0;
}

static int read_object(struct strobe_codes *codes, struct object *object)
{
    const struct strobe_layout *lay = codes->lay;
    uint64_t name, file, table;
    int32_t first, traceable = 0;
    int err;

    err = strobe_mem_u64(codes->mem, object->addr + (lay->co_qualname != STROBE_NONE ? lay->co_qualname : lay->co_name), &name);
    if (!err)
        err = strobe_mem_u64(codes->mem, object->addr + lay->co_filename, &file);
    if (!err)
        err = strobe_mem_u64(codes->mem, object->addr + lay->co_linetable, &table);
    if (!err)
        err = strobe_mem_i32(codes->mem, object->addr + lay->co_firstlineno, &first);
    if (!err && lay->co_firsttraceable != STROBE_NONE)
        err = strobe_mem_i32(codes->mem, object->addr + lay->co_firsttraceable, &traceable);
    if (!err)
        err = read_string(codes, name, &object->name);
    if (!err)
        err = read_string(codes, file, &object->file);
    if (!err)
        err = read_table(codes, table, object);
    if (!err) {
        object->first_line = first > 0 ? first : 0;
        object->traceable = lay->co_firsttraceable == STROBE_NONE ? INT64_MIN : 2 * (int64_t)traceable; /* kept in units of two bytes */
    }
    return err;
}

/* Reads the code object and believes it when its fingerprint was the same before and after, and is the one expected. */
static int load(struct strobe_codes *codes, struct object *object)
{
    struct strobe_code_print before, after;
    int err;

    err = strobe_codeprint_read(codes->prints, &object->addr, 1, &before);
    if (!err && (strobe_codeprint_none(&before) || (object->state == EXPECTED && !strobe_codeprint_equal(&before, &object->print))))
        err = STROBE_ERR_OBJECT;
    if (!err)
        err = read_object(codes, object);
    if (!err)
        err = strobe_codeprint_read(codes->prints, &object->addr, 1, &after);
    if (!err && !strobe_codeprint_equal(&before, &after))
        err = STROBE_ERR_OBJECT;
    if (err) {
        forget(codes, object); /* the expectation too: the next one who asks gets what is there then */
        return strobe_err_class(err) == STROBE_CLASS_FATAL ? err : STROBE_ERR_OBJECT;
    }
    object->print = before;
    object->state = LOADED;
    return 0;
}

static int32_t line_of(const struct strobe_codes *codes, const struct object *object, int64_t instr)
{
    int32_t line = 0;

    if (codes->mode == STROBE_LINE_NONE)
        return 0;
    if (codes->mode == STROBE_LINE_CURRENT)
        strobe_linetable_line(codes->lay->lines, object->table, object->table_len, object->first_line, instr, &line);
    return line > 0 ? line : object->first_line; /* "no line": instructions of the compiler's own making */
}

static int add_pair(struct strobe_codes *codes, struct object *object, uint64_t key, uint32_t frame)
{
    int err = strobe_grow(&codes->pairs, &codes->cap_pairs, codes->n_pairs + 1, sizeof *codes->pairs);

    if (!err)
        err = strobe_htab_put(&codes->by_pair, object->addr, key, frame);
    if (err)
        return err;
    codes->pairs[codes->n_pairs] = (struct pair){key, object->pairs};
    object->pairs = (uint32_t)codes->n_pairs++;
    return 0;
}

int strobe_codes_resolve(struct strobe_codes *codes, uint64_t code, int64_t instr, uint32_t *ret_frame)
{
    uint64_t key = codes->mode == STROBE_LINE_CURRENT ? (uint64_t)instr : 0;
    const uint64_t *known = strobe_htab_get(&codes->by_pair, code, key);
    struct object *object;
    uint32_t frame;
    int err;

    if (known && *known != FORGOTTEN) {
        *ret_frame = (uint32_t)*known;
        return 0;
    }
    if (codes->n_pairs >= MAX_PAIRS || codes->n_objects >= MAX_OBJECTS || codes->table_bytes >= MAX_TABLES)
        strobe_codes_flush(codes);
    err = get_object(codes, code, &object);
    if (!err && object->state != LOADED)
        err = load(codes, object);
    if (err)
        return err;
    if (instr < object->traceable)
        return STROBE_ERR_MISSING;
    err = strobe_names_frame(codes->names, &(struct strobe_frame){.name = object->name, .file = object->file, .short_file = object->file,
                             .line = line_of(codes, object, instr), .first_line = object->first_line}, &frame);
    if (!err)
        err = add_pair(codes, object, key, frame);
    if (!err)
        *ret_frame = frame;
    return err;
}

bool strobe_code_frame_is(const struct strobe_names *names, const struct strobe_frame *frame, const char *name, const char *file)
{
    return strcmp(strobe_py_last_name(strobe_names_text(names, frame->name)), name) == 0 &&
           strobe_libfile_ends(strobe_names_text(names, frame->file), file);
}
