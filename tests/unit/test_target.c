/* SPDX-License-Identifier: Apache-2.0 */
/* target: what /proc says of processes that this test started itself; launch and its errors; shortened paths in a folder made here. */
#include "attach/target.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "attach/attach.h"
#include "attach/proc/shorten.h"
#include "base/err.h"

static void test_parse_stat(void **state)
{
    static const char line[] = "4242 (a) S (b) R 17 4242 4242 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 7 0 "
                               "987654 1000 5 18446744073709551615 1 2 3 4 5 6 7\n";
    struct strobe_target_stat stat;

    assert_int_equal(strobe_target_parse_stat(line, &stat), 0);
    assert_string_equal(stat.comm, "a) S (b");
    assert_int_equal(stat.state, 'R');
    assert_int_equal(stat.parent, 17);
    assert_int_equal(stat.flags, 4194560);
    assert_int_equal(stat.threads, 7);
    assert_int_equal(stat.start_ticks, 987654);
    assert_int_equal(stat.stack, 3);
    assert_false(strobe_target_headless(&stat));
    stat.state = 'Z';
    assert_true(strobe_target_ended(&stat) && strobe_target_headless(&stat));
    stat.threads = 1;
    assert_true(strobe_target_ended(&stat) && !strobe_target_headless(&stat));
    assert_int_equal(strobe_target_parse_stat("", &stat), STROBE_ERR_FORMAT);
    assert_int_equal(strobe_target_parse_stat("1 (x", &stat), STROBE_ERR_FORMAT);
    assert_int_equal(strobe_target_parse_stat("1 )x(", &stat), STROBE_ERR_FORMAT);
    assert_int_equal(strobe_target_parse_stat("1 (x) S 1 2", &stat), STROBE_ERR_FORMAT);
}

static void test_forks(void **state)
{
    int up[2];
    pid_t forked, execed;
    char byte;

    assert_int_equal(pipe(up), 0);
    forked = fork();
    if (forked == 0) {
        close(up[1]);
        _exit(read(up[0], &byte, 1) < 0); /* until the other side closes */
    }
    assert_true(strobe_target_is_fork(forked, getpid()));
    assert_int_equal(strobe_target_own_pid(forked), forked); /* of our namespace */
    execed = fork();
    if (execed == 0) {
        dup2(up[0], STDIN_FILENO);
        close(up[0]);
        close(up[1]);
        execlp("cat", "cat", (char *)NULL);
        _exit(127);
    }
    while (strobe_target_is_fork(execed, getpid())) /* until it is the other program */
        usleep(1000);
    assert_false(strobe_target_is_fork(0x7fffffff, getpid()));
    assert_int_equal(strobe_target_own_pid(0x7fffffff), 0);
    close(up[0]);
    close(up[1]);
    waitpid(forked, NULL, 0);
    waitpid(execed, NULL, 0);
}

/* A child that waits until the returned pipe is closed, with a grandchild of the same kind. */
static pid_t start_family(int *ret_hold, pid_t *ret_grandchild)
{
    int hold[2], tell[2];
    pid_t child, grandchild;
    char byte;

    assert_int_equal(pipe(hold), 0);
    assert_int_equal(pipe(tell), 0);
    child = fork();
    assert_true(child >= 0);
    if (!child) {
        close(hold[1]);
        grandchild = fork();
        if (grandchild > 0 && write(tell[1], &grandchild, sizeof grandchild) < 0)
            _exit(1);
        close(tell[1]);
        while (read(hold[0], &byte, 1) > 0)
            ;
        if (grandchild > 0)
            waitpid(grandchild, NULL, 0);
        _exit(0);
    }
    close(hold[0]);
    close(tell[1]);
    assert_int_equal(read(tell[0], ret_grandchild, sizeof *ret_grandchild), sizeof *ret_grandchild);
    close(tell[0]);
    *ret_hold = hold[1];
    return child;
}

static void test_family(void **state)
{
    pid_t grandchild, child, found[8];
    uint64_t start, again, dev, ino;
    struct stat st;
    siginfo_t info;
    int hold;

    child = start_family(&hold, &grandchild);
    assert_int_equal(strobe_target_parent(child), getpid());
    assert_int_equal(strobe_target_parent(grandchild), child);
    assert_int_equal(strobe_target_descendants(getpid(), found, 8), 2);
    assert_int_equal(found[0], child);
    assert_int_equal(found[1], grandchild);
    assert_int_equal(strobe_target_descendants(getpid(), found, 1), 1);
    assert_int_equal(found[0], child);
    assert_int_equal(strobe_target_descendants(grandchild, found, 8), 0);
    assert_int_equal(strobe_target_start_time(child, &start), 0);
    assert_int_equal(strobe_target_start_time(child, &again), 0);
    assert_int_equal(start, again);
    assert_int_equal(strobe_target_exe_id(child, &dev, &ino), 0);
    assert_int_equal(stat("/proc/self/exe", &st), 0);
    assert_int_equal(dev, st.st_dev);
    assert_int_equal(ino, st.st_ino);
    close(hold);
    /* ended but not reaped: no descendant any more, and no target */
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(strobe_target_descendants(getpid(), found, 8), 0);
    {
        struct strobe_buf why = STROBE_BUF_INIT;
        struct strobe_attach *attach;

        assert_int_equal(strobe_attach_open(child, &attach, &why), STROBE_ERR_GONE);
        assert_non_null(strstr(strobe_buf_str(&why), "has ended and waits to be reaped"));
        strobe_buf_release(&why);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(strobe_target_start_time(child, &start), STROBE_ERR_NOPROC);
}

static int wait_for(struct strobe_launch *launch)
{
    siginfo_t info;
    int status = -1;

    assert_int_equal(waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(strobe_target_reap(launch, &status));
    return status;
}

static void test_launch(void **state)
{
    char *ends[] = {"sh", "-c", "exit 3", NULL}, *waits[] = {"sleep", "1000", NULL};
    struct strobe_buf why = STROBE_BUF_INIT, line = STROBE_BUF_INIT;
    struct strobe_launch launch;
    struct strobe_attach *attach;
    int status;

    assert_int_equal(strobe_target_launch(ends, &launch, &why), 0);
    status = wait_for(&launch);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_int_equal(strobe_target_launch(waits, &launch, &why), 0);
    assert_false(strobe_target_reap(&launch, &status));
    /* launch returns when the child is the program, so its command line is the program's */
    strobe_target_cmdline(launch.pid, &line);
    assert_string_equal(strobe_buf_str(&line), "sleep 1000");
    assert_int_equal(strobe_attach_open(launch.pid, &attach, &why), STROBE_ERR_NOTPYTHON);
    assert_non_null(strstr(strobe_buf_str(&why), "is not a Python process: it runs /"));
    assert_int_equal(kill(launch.pid, SIGKILL), 0);
    status = wait_for(&launch);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    strobe_buf_release(&why);
    strobe_buf_release(&line);
}

static void test_launch_errors(void **state)
{
    char *missing[] = {"/no/such/program", NULL}, *folder[] = {"/", NULL}, *none[] = {NULL};
    struct strobe_buf why = STROBE_BUF_INIT;
    struct strobe_launch launch = {.pid = -5};

    assert_int_equal(strobe_target_launch(missing, &launch, &why), STROBE_ERR_MISSING);
    assert_string_equal(strobe_buf_str(&why), "cannot run /no/such/program: No such file or directory");
    strobe_buf_clear(&why);
    assert_int_equal(strobe_target_launch(folder, &launch, &why), STROBE_ERR_PERM);
    assert_string_equal(strobe_buf_str(&why), "cannot run /: Permission denied");
    assert_int_equal(strobe_target_launch(none, &launch, &why), STROBE_ERR_ARG);
    assert_int_equal(launch.pid, -5);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left behind */
    strobe_buf_release(&why);
}

static void touch(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static void check_short(struct strobe_shortener *shortener, const char *path, const char *expected)
{
    struct strobe_buf out = STROBE_BUF_INIT;

    assert_int_equal(strobe_shorten(shortener, path, &out), 0);
    assert_string_equal(strobe_buf_str(&out), expected);
    strobe_buf_release(&out);
}

static void test_shorten(void **state)
{
    char dir[] = "/tmp/strobe-test-XXXXXX", path[256], cwd[4096];
    static const char *const folders[] = {"pkg", "pkg/sub", "pkg/plain"}, *const files[] = {"pkg/__init__.py", "pkg/sub/__init__.py"};
    struct strobe_shortener *shortener;

    assert_non_null(mkdtemp(dir));
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        touch(path);
    }
    snprintf(path, sizeof path, "%s/link", dir);
    assert_int_equal(symlink(dir, path), 0);
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(strobe_shortener_new(getpid(), &shortener), 0);
    snprintf(path, sizeof path, "%s/pkg/sub/mod.py", dir);
    check_short(shortener, path, "pkg/sub/mod.py");
    snprintf(path, sizeof path, "%s/pkg/plain/mod.py", dir);
    check_short(shortener, path, "mod.py");
    snprintf(path, sizeof path, "%s/link/pkg//mod.py", dir);
    check_short(shortener, path, "pkg//mod.py");
    snprintf(path, sizeof path, "%s/app.py", dir);
    check_short(shortener, path, "app.py");
    check_short(shortener, "pkg/sub/mod.py", "pkg/sub/mod.py");
    check_short(shortener, "./pkg/mod.py", "pkg/mod.py");
    check_short(shortener, "app.py", "app.py");
    check_short(shortener, "<string>", "<string>");
    check_short(shortener, "<a/b>", "<a/b>");
    check_short(shortener, "/x.py", "x.py");
    check_short(shortener, "/", "");
    check_short(shortener, "", "");
    strobe_shortener_free(shortener);
    assert_int_equal(chdir(cwd), 0);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    for (size_t i = 3; i-- > 0;) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        rmdir(path);
    }
    snprintf(path, sizeof path, "%s/link", dir);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_stat),
        cmocka_unit_test(test_forks), cmocka_unit_test(test_family), cmocka_unit_test(test_launch),
        cmocka_unit_test(test_launch_errors), cmocka_unit_test(test_shorten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
