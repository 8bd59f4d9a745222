/* SPDX-License-Identifier: Apache-2.0 */
/* The helpers of mem.h over small images, the null host, and the images themselves. */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mem/host.h"
#include "mem/mem.h"
#include "tests/lib/alloc_fail.h"
#include "tests/lib/mem_image.h"
#include "tests/lib/mem_record.h"

static struct strobe_mem *reader(struct image *image)
{
    struct strobe_mem *mem = NULL;

    assert_int_equal(image_mem_new(image, &mem), 0);
    return mem;
}

static struct image *image_of(uint64_t addr, const void *bytes, size_t len)
{
    struct image *image = NULL;

    assert_int_equal(image_new(&image), 0);
    assert_int_equal(image_add(image, addr, bytes, len), 0);
    return image;
}

static void test_values(void **state)
{
    static const unsigned char bytes[] = {0xff, 0x01, 0x02, 0x03, 0x84, 0x05, 0x06, 0x07, 0x88};
    struct image *image = image_of(1000, bytes, sizeof bytes);
    struct strobe_mem *mem = reader(image);
    uint64_t u64;
    uint32_t u32;
    int32_t i32;
    uint8_t u8;

    assert_int_equal(strobe_mem_u64(mem, 1001, &u64), 0);
    assert_true(u64 == 0x8807060584030201u);
    assert_int_equal(strobe_mem_u32(mem, 1001, &u32), 0);
    assert_true(u32 == 0x84030201u);
    assert_int_equal(strobe_mem_i32(mem, 1001, &i32), 0);
    assert_true(i32 == (int32_t)0x84030201u);
    assert_int_equal(strobe_mem_u8(mem, 1000, &u8), 0);
    assert_int_equal(u8, 0xff);
    assert_true(strobe_span_u64(bytes, 1) == 0x8807060584030201u);
    assert_true(strobe_span_u32(bytes, 1) == 0x84030201u);
    assert_int_equal(strobe_span_u8(bytes, 8), 0x88);
    strobe_mem_close(mem);
    image_free(image);
}

static void test_out_parameters_are_untouched_on_failure(void **state)
{
    struct image *image = image_of(1000, "abc", 3);
    struct strobe_mem *mem = reader(image);
    uint64_t u64 = 42;
    uint32_t u32 = 42;
    int32_t i32 = 42;
    uint8_t u8 = 42;

    assert_int_equal(strobe_mem_u64(mem, 1000, &u64), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_u32(mem, 1000, &u32), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_i32(mem, 1000, &i32), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_u8(mem, 999, &u8), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_u64(mem, UINT64_MAX - 3, &u64), STROBE_ERR_FAULT);
    assert_int_equal(u64, 42);
    assert_int_equal(u32, 42);
    assert_int_equal(i32, 42);
    assert_int_equal(u8, 42);
    strobe_mem_close(mem);
    image_free(image);
}

static void test_cstr(void **state)
{
    struct image *image = image_of(4094, "hello", 6); /* over the end of a page */
    struct strobe_mem *mem;
    char buf[16];

    assert_int_equal(image_add(image, 8190, "ab", 2), 0);         /* unterminated, ends with the page */
    assert_int_equal(image_add(image, 12280, "12345678", 8), 0);  /* nothing mapped behind the page's end */
    assert_int_equal(image_add(image, 20473, "end\0\0\0", 7), 0); /* the last bytes before a hole */
    mem = reader(image);
    assert_int_equal(strobe_mem_cstr(mem, 4094, buf, 7), 0);
    assert_string_equal(buf, "hello");
    assert_int_equal(strobe_mem_cstr(mem, 4094, buf, 4), 0);
    assert_string_equal(buf, "hel");
    assert_int_equal(strobe_mem_cstr(mem, 4094, buf, 1), 0);
    assert_string_equal(buf, "");
    assert_int_equal(strobe_mem_cstr(mem, 4094, buf, 0), STROBE_ERR_ARG);
    assert_int_equal(strobe_mem_cstr(mem, 8190, buf, sizeof buf), STROBE_ERR_FAULT);
    assert_string_equal(buf, "");
    assert_int_equal(strobe_mem_cstr(mem, 12280, buf, 9), 0);
    assert_string_equal(buf, "12345678");
    assert_int_equal(strobe_mem_cstr(mem, 12280, buf, 10), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_cstr(mem, 20473, buf, sizeof buf), 0); /* reads to the page's end only */
    assert_string_equal(buf, "end");
    assert_int_equal(strobe_mem_cstr(mem, 5, buf, sizeof buf), STROBE_ERR_FAULT);
    strobe_mem_close(mem);
    image_free(image);
}

static void test_readv_without_an_op_is_a_loop(void **state)
{
    struct image *image = image_of(1000, "abcdef", 6);
    struct strobe_mem *mem = reader(image);
    char one[2], two[3];
    struct strobe_mem_seg segs[] = {{1004, one, 2}, {1000, two, 3}, {5000, one, 1}};

    assert_null(mem->ops->readv);
    assert_int_equal(strobe_mem_readv(mem, segs, 2), 0);
    assert_memory_equal(one, "ef", 2);
    assert_memory_equal(two, "abc", 3);
    assert_int_equal(strobe_mem_readv(mem, segs, 3), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_readv(mem, segs, 0), 0);
    strobe_mem_epoch(mem); /* no op: nothing happens */
    strobe_mem_close(mem);
    strobe_mem_close(NULL);
    image_free(image);
}

static void test_null_host(void **state)
{
    struct strobe_host *host = strobe_host_null();
    struct strobe_thread_state thread = {STROBE_RUN_RUNNING, 1, 1};
    int32_t tid = 7;
    char name[8] = "old";

    assert_int_equal(host->ops->hold(host, 1), 0);
    assert_int_equal(host->ops->thread_state(host, 1, &thread), 0);
    assert_int_equal(thread.run, STROBE_RUN_UNKNOWN);
    assert_int_equal(thread.run_count, 0);
    assert_int_equal(thread.futex, 0);
    assert_int_equal(host->ops->thread_id(host, 0, 1234, &tid), STROBE_ERR_MISSING);
    assert_int_equal(tid, 7);
    assert_int_equal(host->ops->thread_id(host, 99, 1234, &tid), 0);
    assert_int_equal(tid, 99);
    assert_int_equal(host->ops->thread_name(host, 1, name, sizeof name), 0);
    assert_string_equal(name, "");
    host->ops->release(host);
    host->ops->close(host);
    assert_ptr_equal(host, strobe_host_null());
}

/* Reads run over ranges that touch, and fail at a hole between them. */
static void test_image_ranges(void **state)
{
    struct image *image = image_of(3000, "3333", 4);
    struct strobe_mem *mem;
    uint64_t addr;
    size_t len;
    char buf[16];

    assert_int_equal(image_add(image, 1000, "11", 2), 0);
    assert_int_equal(image_add(image, 1002, "22", 2), 0);
    assert_int_equal(image_add(image, 1000, "x", 0), STROBE_ERR_ARG);
    assert_int_equal(image_add(image, UINT64_MAX, "xy", 2), STROBE_ERR_ARG);
    mem = reader(image);
    assert_int_equal(strobe_mem_read(mem, 1001, buf, 3), 0);
    assert_memory_equal(buf, "122", 3);
    assert_int_equal(strobe_mem_read(mem, 1001, buf, 4), STROBE_ERR_FAULT);
    assert_int_equal(strobe_mem_read(mem, 3003, buf, 2), STROBE_ERR_FAULT);
    assert_int_equal(image_count(image), 3);
    assert_memory_equal(image_range(image, 2, &addr, &len), "3333", 4);
    assert_int_equal(addr, 3000);
    assert_int_equal(len, 4);
    strobe_mem_close(mem);
    image_free(image);
}

static char *temporary(void)
{
    static char path[] = "/tmp/strobe-image-XXXXXX";
    int fd;

    strcpy(path + sizeof path - 7, "XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return path;
}

static void test_image_file(void **state)
{
    const char *path = temporary();
    struct image *image = image_of(0x7fff00001000, "bytes", 5), *again = NULL;
    struct strobe_mem *mem;
    char buf[8];

    assert_int_equal(image_add(image, 0x1000, "early", 5), 0);
    assert_int_equal(image_set(image, "version", "3.7"), 0);
    assert_int_equal(image_set(image, "truth", "line\nline \"2\""), 0);
    assert_int_equal(image_set(image, "version", "3.12"), 0);
    assert_null(image_get(image, "pid"));
    assert_int_equal(image_save(image, path), 0);
    image_free(image);
    assert_int_equal(image_load(path, &again), 0);
    assert_string_equal(image_get(again, "version"), "3.12");
    assert_string_equal(image_get(again, "truth"), "line\nline \"2\"");
    mem = reader(again);
    assert_int_equal(strobe_mem_read(mem, 0x7fff00001000, buf, 5), 0);
    assert_memory_equal(buf, "bytes", 5);
    assert_int_equal(strobe_mem_read(mem, 0x1000, buf, 5), 0);
    assert_memory_equal(buf, "early", 5);
    strobe_mem_close(mem);
    image_free(again);
    assert_int_equal(image_save(again = image_of(1, "x", 1), "/nonexistent/x"), STROBE_ERR_IO);
    image_free(again);
    unlink(path);
}

/* Every cut and every damaged byte of a file gives an error or an image, never a crash. */
static void test_damaged_image_file(void **state)
{
    const char *path = temporary();
    struct image *image = image_of(4096, "some bytes", 10);
    unsigned char bytes[512];
    size_t len;
    FILE *file;

    assert_int_equal(image_set(image, "k", "v"), 0);
    assert_int_equal(image_save(image, path), 0);
    image_free(image);
    file = fopen(path, "rb");
    len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t i = 0; i < len; i++) {
        for (int cut = 0; cut < 2; cut++) {
            struct image *damaged = NULL;

            bytes[i] ^= 0x41;
            file = fopen(path, "wb");
            assert_int_equal(fwrite(bytes, 1, cut ? i : len, file), cut ? i : len);
            fclose(file);
            bytes[i] ^= 0x41;
            if (image_load(path, &damaged) == 0)
                image_free(damaged);
            else
                assert_null(damaged);
            assert_true(!cut || !damaged);
        }
    }
    unlink(path);
}

/* What was read through the recorder, and a little beside it, is in the image; the rest of those pages is zero. */
static void test_recorder(void **state)
{
    static unsigned char bytes[3 * 4096];
    struct image *from, *to = NULL;
    struct strobe_mem *inner, *rec = NULL, *replay;
    unsigned char buf[64];
    uint64_t addr;
    size_t len;

    memset(bytes, 0xaa, sizeof bytes);
    from = image_of(0x10000, bytes, sizeof bytes);
    inner = reader(from);
    assert_int_equal(record_mem_new(inner, &rec), 0);
    assert_int_equal(strobe_mem_read(rec, 0x10000 + 2000, buf, 8), 0);
    assert_int_equal(strobe_mem_readv(rec, &(struct strobe_mem_seg){0x12ff0, buf, 16}, 1), 0);
    assert_int_equal(strobe_mem_read(rec, 0x20000, buf, 8), STROBE_ERR_FAULT);
    assert_int_equal(image_new(&to), 0);
    assert_int_equal(record_mem_save(rec, to), 0);
    assert_int_equal(image_count(to), 2);
    assert_int_equal(image_range(to, 0, &addr, &len)[0], 0);
    assert_int_equal(addr, 0x10000);
    assert_int_equal(len, 4096);
    replay = reader(to);
    assert_int_equal(strobe_mem_read(replay, 0x10000 + 1990, buf, 28), 0);
    assert_memory_equal(buf, bytes, 28);
    assert_int_equal(strobe_mem_read(replay, 0x12ff0, buf, 16), 0);
    assert_memory_equal(buf, bytes, 16);
    assert_int_equal(strobe_mem_read(replay, 0x11000, buf, 1), STROBE_ERR_FAULT);
    strobe_mem_close(replay);
    strobe_mem_close(rec);
    strobe_mem_close(inner);
    image_free(from);
    image_free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_out_parameters_are_untouched_on_failure),
        cmocka_unit_test(test_cstr),
        cmocka_unit_test(test_readv_without_an_op_is_a_loop),
        cmocka_unit_test(test_null_host),
        cmocka_unit_test(test_image_ranges),
        cmocka_unit_test(test_image_file),
        cmocka_unit_test(test_damaged_image_file),
        cmocka_unit_test(test_recorder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
