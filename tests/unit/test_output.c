/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/output.h"

static char dir[64], path[128];
static struct strobe_buf why = STROBE_BUF_INIT;

static int setup(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/strobe-output-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/out", dir);
    strobe_buf_clear(&why);
    return 0;
}

static size_t entries(void)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* "." and ".." */
}

static int teardown(void **state)
{
    unlink(path);
    strobe_buf_release(&why);
    return rmdir(dir); /* fails if anything else was left */
}

static void put_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void assert_file(const char *name, const char *expected)
{
    char text[64] = "";
    FILE *f = fopen(name, "r");

    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) < sizeof text);
    fclose(f);
    assert_string_equal(text, expected);
}

static void test_appears_whole(void **state)
{
    struct strobe_output out;
    struct stat st;
    mode_t mask = umask(027);

    assert_int_equal(strobe_output_open(&out, path, &why), 0);
    assert_int_equal(strobe_output_write(&out, "half", 4), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(strobe_output_write(&out, "whole", 5), 0);
    assert_int_equal(strobe_output_commit(&out, &why), 0);
    umask(mask);
    assert_file(path, "halfwhole");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(entries(), 1);
    strobe_output_release(&out);
    assert_file(path, "halfwhole");
}

static void test_released_leaves_the_older_file(void **state)
{
    struct strobe_output out;

    put_file(path, "old");
    assert_int_equal(strobe_output_open(&out, path, &why), 0);
    assert_int_equal(strobe_output_write(&out, "new", 3), 0);
    assert_file(path, "old");
    strobe_output_release(&out);
    assert_file(path, "old");
    assert_int_equal(entries(), 1);
}

static void test_the_older_files_rights_stay(void **state)
{
    struct strobe_output out;
    struct stat st;

    put_file(path, "old");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(strobe_output_open(&out, path, &why), 0);
    assert_int_equal(strobe_output_write(&out, "new", 3), 0);
    assert_int_equal(strobe_output_commit(&out, &why), 0);
    assert_file(path, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_a_name_too_long_is_known_at_once(void **state)
{
    struct strobe_output out;
    char name[400];

    snprintf(name, sizeof name, "%s/%0300d", dir, 0);
    assert_int_equal(strobe_output_open(&out, name, &why), STROBE_ERR_IO);
    assert_non_null(strstr(strobe_buf_str(&why), strerror(ENAMETOOLONG)));
    assert_int_equal(entries(), 0);
}

static void test_bad_paths_are_known_at_once(void **state)
{
    static const char *const bad[] = {"/nonexistent/file", "/tmp", "/tmp/", "", "/proc/self/x"};
    struct strobe_output out;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        strobe_buf_clear(&why);
        assert_int_equal(strobe_output_open(&out, bad[i], &why), STROBE_ERR_IO);
        assert_non_null(strstr(strobe_buf_str(&why), bad[i]));
    }
    assert_int_equal(entries(), 0);
}

static void test_full_device(void **state)
{
    struct strobe_output out;

    assert_int_equal(strobe_output_open(&out, "/dev/full", &why), 0);
    assert_int_equal(strobe_output_write(&out, "x", 1), STROBE_ERR_IO);
    assert_int_equal(strobe_output_write(&out, "x", 1), STROBE_ERR_IO);
    assert_int_equal(strobe_output_commit(&out, &why), STROBE_ERR_IO);
    assert_non_null(strstr(strobe_buf_str(&why), strerror(ENOSPC)));
    assert_int_equal(access("/dev/full", F_OK), 0);
}

static void test_full_disk_keeps_the_older_file(void **state)
{
    static char block[64 * 1024];
    struct strobe_output out;
    int err = 0;

    if (mount("strobe-test", dir, "tmpfs", 0, "size=128k"))
        skip(); /* not root, or no mounts here */
    put_file(path, "old");
    assert_int_equal(strobe_output_open(&out, path, &why), 0);
    for (int i = 0; i < 8 && !err; i++)
        err = strobe_output_write(&out, block, sizeof block);
    assert_int_equal(err, STROBE_ERR_IO);
    assert_int_equal(strobe_output_commit(&out, &why), STROBE_ERR_IO);
    assert_non_null(strstr(strobe_buf_str(&why), strerror(ENOSPC)));
    assert_file(path, "old");
    assert_int_equal(entries(), 1);
    assert_int_equal(umount(dir), 0);
}

/* path is a link: the file behind it is written, the link stays. */
static void assert_written_through_link(const char *real)
{
    struct strobe_output out;
    struct stat st;

    assert_int_equal(strobe_output_open(&out, path, &why), 0);
    assert_int_equal(strobe_output_write(&out, "new", 3), 0);
    assert_int_equal(strobe_output_commit(&out, &why), 0);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_file(real, "new");
    assert_int_equal(unlink(real), 0);
}

static void test_link_is_followed(void **state)
{
    char real[128];

    snprintf(real, sizeof real, "%s/real", dir);
    put_file(real, "old");
    assert_int_equal(symlink("real", path), 0);
    assert_written_through_link(real);
}

/* A link to a file that is not there yet, through another link: the file is made, the links stay. */
static void test_dangling_link_is_followed(void **state)
{
    char real[128], middle[128];

    snprintf(real, sizeof real, "%s/real", dir);
    snprintf(middle, sizeof middle, "%s/middle", dir);
    assert_int_equal(symlink(middle, path), 0);
    assert_int_equal(symlink("real", middle), 0);
    assert_written_through_link(real);
    assert_int_equal(unlink(middle), 0);
}

static void test_circle_of_links(void **state)
{
    struct strobe_output out;

    assert_int_equal(symlink("out", path), 0);
    assert_int_equal(strobe_output_open(&out, path, &why), STROBE_ERR_IO);
    assert_non_null(strstr(strobe_buf_str(&why), strerror(ELOOP)));
}

/* Whoever made a directory in our place meanwhile does not cost the recording: it is left where it was written, and that is said. */
static void test_nothing_is_lost_when_the_name_is_taken(void **state)
{
    struct strobe_output out;
    const char *kept;
    char name[256];

    assert_int_equal(strobe_output_open(&out, path, &why), 0);
    assert_int_equal(strobe_output_write(&out, "new", 3), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(strobe_output_commit(&out, &why), STROBE_ERR_IO);
    assert_non_null(strstr(strobe_buf_str(&why), strerror(EISDIR)));
    kept = strstr(strobe_buf_str(&why), "the recording is in '");
    assert_non_null(kept);
    assert_int_equal(sscanf(kept, "the recording is in '%255[^']'", name), 1);
    assert_file(name, "new");
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(path), 0);
}

static void test_device_is_written_in_place(void **state)
{
    struct strobe_output out;
    struct stat st;

    assert_int_equal(strobe_output_open(&out, "/dev/null", &why), 0);
    assert_int_equal(strobe_output_write(&out, "x", 1), 0);
    assert_int_equal(strobe_output_commit(&out, &why), 0);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_appears_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_released_leaves_the_older_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_older_files_rights_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_too_long_is_known_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_paths_are_known_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_device, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_keeps_the_older_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_link_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dangling_link_is_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_circle_of_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_lost_when_the_name_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_device_is_written_in_place, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
