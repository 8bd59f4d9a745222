/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/mem_image.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"

static const char magic[8] = {'s', 't', 'r', 'o', 'b', 'e', 'i', 'm'};

enum {
    FORMAT = 1,
    HEADER = 16,
    MAX_BODY = 64 << 20, /* images are far smaller; a damaged length must not ask for the machine's memory */
    MAX_FACTS = 64,
};

struct range {
    uint64_t addr;
    size_t len;
    unsigned char *bytes;
};

struct image {
    struct range *ranges;
    size_t n_ranges, cap_ranges;
    bool sorted;
    struct {
        char *key, *value;
    } facts[MAX_FACTS];
    size_t n_facts;
};

int image_new(struct image **ret_image)
{
    struct image *image = calloc(1, sizeof *image);

    if (!image)
        return STROBE_ERR_NOMEM;
    image->sorted = true;
    *ret_image = image;
    return 0;
}

void image_free(struct image *image)
{
    if (!image)
        return;
    for (size_t i = 0; i < image->n_ranges; i++)
        free(image->ranges[i].bytes);
    for (size_t i = 0; i < image->n_facts; i++) {
        free(image->facts[i].key);
        free(image->facts[i].value);
    }
    free(image->ranges);
    free(image);
}

int image_add(struct image *image, uint64_t addr, const void *bytes, size_t len)
{
    unsigned char *copy;

    if (!len || addr + len < addr || len > MAX_BODY)
        return STROBE_ERR_ARG;
    if (image->n_ranges == image->cap_ranges) {
        size_t cap = image->cap_ranges ? image->cap_ranges * 2 : 64;
        struct range *ranges = realloc(image->ranges, cap * sizeof *ranges);

        if (!ranges)
            return STROBE_ERR_NOMEM;
        image->ranges = ranges;
        image->cap_ranges = cap;
    }
    copy = malloc(len);
    if (!copy)
        return STROBE_ERR_NOMEM;
    memcpy(copy, bytes, len);
    image->ranges[image->n_ranges++] = (struct range){addr, len, copy};
    image->sorted = false;
    return 0;
}

int image_set(struct image *image, const char *key, const char *value)
{
    char *new_value = strdup(value), *new_key;

    if (!new_value)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < image->n_facts; i++) {
        if (!strcmp(image->facts[i].key, key)) {
            free(image->facts[i].value);
            image->facts[i].value = new_value;
            return 0;
        }
    }
    new_key = image->n_facts < MAX_FACTS ? strdup(key) : NULL;
    if (!new_key) {
        free(new_value);
        return STROBE_ERR_NOMEM;
    }
    image->facts[image->n_facts].key = new_key;
    image->facts[image->n_facts++].value = new_value;
    return 0;
}

const char *image_get(const struct image *image, const char *key)
{
    for (size_t i = 0; i < image->n_facts; i++)
        if (!strcmp(image->facts[i].key, key))
            return image->facts[i].value;
    return NULL;
}

static int by_addr(const void *a, const void *b)
{
    uint64_t x = ((const struct range *)a)->addr, y = ((const struct range *)b)->addr;

    return (x > y) - (x < y);
}

static void sort(struct image *image)
{
    if (!image->sorted)
        qsort(image->ranges, image->n_ranges, sizeof *image->ranges, by_addr);
    image->sorted = true;
}

size_t image_count(const struct image *image)
{
    return image->n_ranges;
}

unsigned char *image_range(struct image *image, size_t i, uint64_t *ret_addr, size_t *ret_len)
{
    sort(image);
    *ret_addr = image->ranges[i].addr;
    *ret_len = image->ranges[i].len;
    return image->ranges[i].bytes;
}

static void put_u32(struct strobe_buf *out, size_t value)
{
    uint32_t v = (uint32_t)value;

    strobe_buf_put(out, &v, sizeof v);
}

static void put_body(struct image *image, struct strobe_buf *body)
{
    put_u32(body, image->n_facts);
    for (size_t i = 0; i < image->n_facts; i++) {
        put_u32(body, strlen(image->facts[i].key));
        strobe_buf_puts(body, image->facts[i].key);
        put_u32(body, strlen(image->facts[i].value));
        strobe_buf_puts(body, image->facts[i].value);
    }
    put_u32(body, image->n_ranges);
    for (size_t i = 0; i < image->n_ranges; i++) {
        strobe_buf_put(body, &image->ranges[i].addr, sizeof image->ranges[i].addr);
        put_u32(body, image->ranges[i].len);
    }
    for (size_t i = 0; i < image->n_ranges; i++)
        strobe_buf_put(body, image->ranges[i].bytes, image->ranges[i].len);
}

int image_save(struct image *image, const char *path)
{
    struct strobe_buf body = STROBE_BUF_INIT, head = STROBE_BUF_INIT;
    unsigned char *packed = NULL;
    FILE *file = NULL;
    uLongf len;
    int err = STROBE_ERR_NOMEM;

    sort(image);
    put_body(image, &body);
    strobe_buf_put(&head, magic, sizeof magic);
    put_u32(&head, FORMAT);
    put_u32(&head, body.len);
    if (body.failed || head.failed || body.len > MAX_BODY)
        goto done;
    len = compressBound(body.len);
    packed = malloc(len);
    if (!packed || compress2(packed, &len, (const Bytef *)body.data, body.len, 9) != Z_OK)
        goto done;
    err = STROBE_ERR_IO;
    file = fopen(path, "wbe");
    if (!file || fwrite(head.data, 1, head.len, file) != head.len || fwrite(packed, 1, len, file) != len)
        goto done;
    err = 0;
done:
    if (file && fclose(file))
        err = STROBE_ERR_IO;
    free(packed);
    strobe_buf_release(&head);
    strobe_buf_release(&body);
    return err;
}

/* What is left of a body that is being parsed. */
struct cursor {
    const unsigned char *at;
    size_t left;
};

/* The next n bytes, or NULL when there are fewer. */
static const unsigned char *take(struct cursor *cur, size_t n)
{
    const unsigned char *at = cur->at;

    if (n > cur->left)
        return NULL;
    cur->at += n;
    cur->left -= n;
    return at;
}

static bool take_u32(struct cursor *cur, uint32_t *ret)
{
    const unsigned char *at = take(cur, sizeof *ret);

    if (at)
        memcpy(ret, at, sizeof *ret);
    return at;
}

/* A counted text, as a new NUL-terminated string; NULL when damaged or out of memory. */
static char *take_text(struct cursor *cur)
{
    const unsigned char *at;
    uint32_t len;

    if (!take_u32(cur, &len) || !(at = take(cur, len)))
        return NULL;
    return strndup((const char *)at, len);
}

static int parse_facts(struct image *image, struct cursor *cur)
{
    uint32_t n;
    int err = 0;

    if (!take_u32(cur, &n) || n > MAX_FACTS)
        return STROBE_ERR_FORMAT;
    for (uint32_t i = 0; i < n && !err; i++) {
        char *key = take_text(cur), *value = key ? take_text(cur) : NULL;

        err = value ? image_set(image, key, value) : STROBE_ERR_FORMAT;
        free(key);
        free(value);
    }
    return err;
}

static int parse_body(struct image *image, struct cursor cur)
{
    struct cursor table;
    uint64_t addr, end = 0;
    uint32_t n, len = 0;
    int err = parse_facts(image, &cur);

    if (err)
        return err;
    if (!take_u32(&cur, &n) || n > cur.left / 12)
        return STROBE_ERR_FORMAT;
    table = (struct cursor){take(&cur, n * (size_t)12), n * (size_t)12};
    for (uint32_t i = 0; i < n; i++) {
        const unsigned char *bytes;

        memcpy(&addr, take(&table, 8), 8);
        take_u32(&table, &len);
        if (addr < end || !(bytes = take(&cur, len)))
            return STROBE_ERR_FORMAT;
        if ((err = image_add(image, addr, bytes, len)))
            return err == STROBE_ERR_ARG ? STROBE_ERR_FORMAT : err;
        end = addr + len;
    }
    image->sorted = true;
    return 0;
}

static int read_file(const char *path, struct strobe_buf *ret)
{
    char chunk[16384];
    FILE *file = fopen(path, "rbe");
    size_t got;
    int err;

    if (!file)
        return STROBE_ERR_IO;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        strobe_buf_put(ret, chunk, got);
    err = ferror(file) ? STROBE_ERR_IO : ret->failed ? STROBE_ERR_NOMEM : 0;
    fclose(file);
    return err;
}

int image_load(const char *path, struct image **ret_image)
{
    struct strobe_buf file = STROBE_BUF_INIT;
    struct image *image = NULL;
    unsigned char *body = NULL;
    uLongf len;
    int err = read_file(path, &file);

    if (err)
        goto done;
    err = STROBE_ERR_FORMAT;
    if (file.len < HEADER || memcmp(file.data, magic, sizeof magic) || strobe_span_u32(file.data, 8) != FORMAT)
        goto done;
    len = strobe_span_u32(file.data, 12);
    if (len > MAX_BODY)
        goto done;
    body = malloc(len + 1);
    if (!body || image_new(&image)) {
        err = STROBE_ERR_NOMEM;
        goto done;
    }
    if (uncompress(body, &len, (const Bytef *)file.data + HEADER, file.len - HEADER) != Z_OK)
        goto done;
    err = parse_body(image, (struct cursor){body, len});
    if (!err) {
        *ret_image = image;
        image = NULL;
    }
done:
    image_free(image);
    free(body);
    strobe_buf_release(&file);
    return err;
}

struct mem_image {
    struct strobe_mem mem;
    struct image *image;
};

static int mem_image_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    const struct image *image = ((struct mem_image *)mem)->image;
    size_t lo = 0, hi = image->n_ranges;

    while (lo < hi) { /* the first range that ends behind addr */
        size_t mid = lo + (hi - lo) / 2;

        if (image->ranges[mid].addr + image->ranges[mid].len <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; len; lo++) {
        const struct range *range = &image->ranges[lo];
        size_t off, step;

        if (lo == image->n_ranges || addr < range->addr)
            return STROBE_ERR_FAULT;
        off = (size_t)(addr - range->addr);
        step = range->len - off < len ? range->len - off : len;
        memcpy(buf, range->bytes + off, step);
        buf = (char *)buf + step;
        addr += step;
        len -= step;
    }
    return 0;
}

static void mem_image_close(struct strobe_mem *mem)
{
    free(mem);
}

int image_mem_new(struct image *image, struct strobe_mem **ret_mem)
{
    static const struct strobe_mem_ops ops = {mem_image_read, NULL, NULL, mem_image_close, NULL};
    struct mem_image *reader = calloc(1, sizeof *reader);

    if (!reader)
        return STROBE_ERR_NOMEM;
    sort(image);
    reader->mem.ops = &ops;
    reader->image = image;
    *ret_mem = &reader->mem;
    return 0;
}
