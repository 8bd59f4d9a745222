/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of the textfile; a limit of a file's size stands for a disk that is full for a moment. */
#include "tests/unit/cm.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/textfile.h"

enum { ROOM = 4096 };

static char folder[64], path[128];
static struct strobe_textfile textfile = STROBE_TEXTFILE_INIT;

static int setup(void **state)
{
    strcpy(folder, "/tmp/strobe-textfile-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/app.prom", folder);
    return 0;
}

static int teardown(void **state)
{
    strobe_textfile_close(&textfile);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else is left there */
    return 0;
}

/* From now on a file of the writer's may be so large. */
static void open_with_room(rlim_t room)
{
    struct rlimit before, less;
    struct strobe_buf why = STROBE_BUF_INIT;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    less = before;
    less.rlim_cur = room;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    assert_int_equal(strobe_textfile_open(&textfile, path, &why), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    strobe_buf_release(&why);
}

static int write_bytes(char byte, size_t n, char *ret_why, size_t size)
{
    struct strobe_buf text = STROBE_BUF_INIT, why = STROBE_BUF_INIT;
    int err;

    for (size_t i = 0; i < n; i++)
        strobe_buf_put(&text, &byte, 1);
    err = strobe_textfile_write(&textfile, &text, &why);
    snprintf(ret_why, size, "%s", strobe_buf_str(&why));
    strobe_buf_release(&text);
    strobe_buf_release(&why);
    return err;
}

/* The file's first byte, 0 = there is none; its length. */
static char first(size_t *ret_len)
{
    static char bytes[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, bytes, sizeof bytes);

    if (fd >= 0)
        close(fd);
    *ret_len = got > 0 ? (size_t)got : 0;
    return got > 0 ? bytes[0] : 0;
}

static void test_written_again_and_removed(void **state)
{
    char why[256];
    size_t len;

    open_with_room(RLIM_INFINITY);
    assert_int_equal(first(&len), 0);
    assert_int_equal(write_bytes('a', 10, why, sizeof why), 0);
    assert_int_equal(first(&len), 'a');
    assert_int_equal(write_bytes('b', 300000, why, sizeof why), 0);
    assert_int_equal(first(&len), 'b');
    assert_int_equal(len, 300000);
    strobe_textfile_close(&textfile);
    assert_int_equal(first(&len), 0);
}

/* One write that fails is said, the file of before stays whole, and the next one succeeds. */
static void test_a_disk_that_is_full_for_a_moment(void **state)
{
    char why[256];
    size_t len;

    open_with_room(ROOM);
    assert_int_equal(write_bytes('a', 10, why, sizeof why), 0);
    assert_int_equal(write_bytes('b', 2 * ROOM, why, sizeof why), STROBE_ERR_IO);
    assert_non_null(strstr(why, path));
    assert_int_equal(first(&len), 'a');
    assert_int_equal(len, 10);
    assert_int_equal(write_bytes('c', 10, why, sizeof why), 0);
    assert_string_equal(why, "");
    assert_int_equal(first(&len), 'c');
}

/* Who has never written it removes nothing. */
static void test_a_file_of_somebody_else(void **state)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    char why[256];
    size_t len;

    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    open_with_room(ROOM);
    assert_int_equal(write_bytes('b', 2 * ROOM, why, sizeof why), STROBE_ERR_IO);
    strobe_textfile_close(&textfile);
    assert_int_equal(first(&len), 'x');
}

static void test_no_such_folder(void **state)
{
    char why[256];

    strcat(folder, "/none");
    snprintf(path, sizeof path, "%s/app.prom", folder);
    open_with_room(RLIM_INFINITY);
    assert_int_equal(write_bytes('a', 1, why, sizeof why), STROBE_ERR_IO);
    assert_non_null(strstr(why, "No such file or directory"));
    *strrchr(folder, '/') = '\0';
}

/* However the server ends, the file goes: here by SIGKILL. */
static void test_the_servers_sudden_end(void **state)
{
    int up[2];
    pid_t server;
    char byte;
    size_t len;

    assert_int_equal(pipe(up), 0);
    server = fork();
    if (server == 0) {
        char why[256];

        open_with_room(RLIM_INFINITY);
        if (write_bytes('a', 10, why, sizeof why) || write(up[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(up[0], &byte, 1), 1);
    close(up[1]);
    assert_int_equal(first(&len), 'a');
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    assert_int_equal(read(up[0], &byte, 1), 0); /* the writer has this end, too, until it has ended */
    close(up[0]);
    assert_int_equal(first(&len), 0);
}

/* A path may lead to what is no file: that stays. */
static void test_a_device_stays(void **state)
{
    struct stat st;
    char why[256], link[160];

    snprintf(link, sizeof link, "%s", path);
    assert_int_equal(symlink("/dev/null", link), 0);
    open_with_room(RLIM_INFINITY);
    assert_int_equal(write_bytes('a', 10, why, sizeof why), 0);
    strobe_textfile_close(&textfile);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_written_again_and_removed), TEST(test_a_disk_that_is_full_for_a_moment), TEST(test_a_file_of_somebody_else),
        TEST(test_no_such_folder), TEST(test_the_servers_sudden_end), TEST(test_a_device_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
