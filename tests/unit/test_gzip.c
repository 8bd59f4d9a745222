/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "export/gzip.h"
#include "tests/lib/alloc_fail.h"

enum { MOST = 1 << 20 };

struct kept {
    unsigned char *bytes; /* MOST + MOST / 8 */
    size_t len, calls, fail_at;
};

static int keep(void *ctx, const void *bytes, size_t len)
{
    struct kept *kept = ctx;

    if (++kept->calls == kept->fail_at)
        return STROBE_ERR_IO;
    assert_true(len > 0 && kept->len + len <= MOST + MOST / 8);
    memcpy(kept->bytes + kept->len, bytes, len);
    kept->len += len;
    return 0;
}

/* Bytes that compress badly (every = 1) or well; the same ones each time. */
static unsigned char *make_bytes(size_t len, size_t every)
{
    unsigned char *bytes = malloc(len + 1);
    uint64_t x = 88172645463325252u;

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = i % every ? 'a' : (unsigned char)x;
    }
    return bytes;
}

/* Writes len bytes, at most `part` at once. */
static int write_all(struct kept *kept, const unsigned char *bytes, size_t len, size_t part)
{
    struct strobe_sink to = {keep, kept};
    struct strobe_gzip gzip;
    int err = strobe_gzip_init(&gzip, &to);

    if (err)
        return err;
    for (size_t at = 0; !err && at < len; at += part)
        err = gzip.sink.flush(gzip.sink.ctx, bytes + at, len - at < part ? len - at : part);
    return strobe_gzip_end(&gzip, err);
}

static void check_round_trip(size_t len, size_t every, size_t part)
{
    unsigned char *bytes = make_bytes(len, every), *back = malloc(len + 1);
    struct kept kept = {malloc(MOST + MOST / 8), 0, 0, 0};
    z_stream stream = {.next_out = back};

    assert_true(back && kept.bytes);
    assert_int_equal(write_all(&kept, bytes, len, part), 0);
    stream.next_in = kept.bytes;
    stream.avail_in = (unsigned)kept.len;
    stream.avail_out = (unsigned)len + 1;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK); /* gzip only; checks length and CRC */
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, len);
    assert_int_equal(stream.avail_in, 0);
    assert_memory_equal(back, bytes, len);
    inflateEnd(&stream);
    free(kept.bytes);
    free(bytes);
    free(back);
}

static void test_what_comes_out_is_what_went_in(void **state)
{
    static const size_t lens[] = {0, 1, 16383, 16384, 16385, 3 * 16384, MOST};

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
        for (size_t every = 1; every <= 100; every += 99)
            check_round_trip(lens[i], every, i % 2 ? MOST : 1000);
}

static void test_nothing_in_the_header_but_the_format(void **state)
{
    static const unsigned char header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0}; /* no flags, no time */
    struct kept kept = {malloc(MOST), 0, 0, 0};

    assert_non_null(kept.bytes);
    assert_int_equal(write_all(&kept, (const unsigned char *)"abc", 3, 3), 0);
    assert_memory_equal(kept.bytes, header, sizeof header);
    free(kept.bytes);
}

/* The sink's error comes back, whichever call it is of, and the sink is not called again. */
static void test_errors_of_the_sink_come_back(void **state)
{
    unsigned char *bytes = make_bytes(MOST / 8, 1);

    for (size_t n = 1;; n++) {
        struct kept kept = {malloc(MOST + MOST / 8), 0, 0, n};
        int err;

        assert_non_null(kept.bytes);
        err = write_all(&kept, bytes, MOST / 8, 5000);
        free(kept.bytes);
        if (kept.calls < n) {
            assert_int_equal(err, 0);
            assert_true(n > 8);
            break;
        }
        assert_int_equal(err, STROBE_ERR_IO);
        assert_int_equal(kept.calls, n);
    }
    free(bytes);
}

static void test_every_failed_allocation_is_reported(void **state)
{
    struct kept kept = {malloc(MOST + MOST / 8), 0, 0, 0};

    assert_non_null(kept.bytes);
    for (uint64_t n = 1;; n++) {
        int err;

        kept.len = 0;
        alloc_fail_arm(n);
        err = write_all(&kept, (const unsigned char *)"abc", 3, 3);
        alloc_fail_disarm();
        assert_int_equal(alloc_fail_live(), 0);
        assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
        if (!alloc_fail_hit()) {
            assert_true(n > 3); /* zlib's own are among them */
            break;
        }
        assert_int_equal(kept.len, 0);
    }
    free(kept.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_out_is_what_went_in),
        cmocka_unit_test(test_nothing_in_the_header_but_the_format),
        cmocka_unit_test(test_errors_of_the_sink_come_back),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
