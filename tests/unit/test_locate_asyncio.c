/* SPDX-License-Identifier: Apache-2.0 */
/* locate_asyncio: this program is the target: it has the section that asyncio's table lies in, and plays the runtime too. */
#include "attach/proc/locate_asyncio.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "attach/proc/mem_process.h"
#include "base/err.h"
#include "runtime/asyncio_layout.h"

enum { WORDS = 13, INTERP_SIZE = 226240 };

static const uint64_t good[WORDS] = {168, 136, 96, 108, 109, 128, 152, INTERP_SIZE, 10856, 1104, 1024, 1032, 1048};
static __attribute__((section(".AsyncioDebug"), used)) volatile uint64_t table[WORDS] = {1};
static volatile uint64_t runtime[8] = {[6] = INTERP_SIZE}; /* the word at 48 */

static struct strobe_layout layout(void)
{
    struct strobe_layout lay = {.version = 0x030f00f0, .minor = 15, .ob_header = 16, .ts_size = 280};

    lay.runtime = (uint64_t)(uintptr_t)runtime;
    return lay;
}

static void set_table(const uint64_t *words)
{
    for (int i = 0; i < WORDS; i++)
        table[i] = words[i];
}

static int locate(pid_t pid, const struct strobe_layout *lay, uint64_t *seen, uint64_t *ret)
{
    struct strobe_mem *mem;
    int err;

    assert_int_equal(strobe_mem_process_new(pid, &mem), 0);
    err = strobe_locate_asyncio(pid, mem, lay, seen, ret);
    strobe_mem_close(mem);
    return err;
}

static void test_section_of_the_executable(void **state)
{
    struct strobe_layout lay = layout();
    uint64_t addr = 0, seen = 0;

    (void)state;
    set_table(good);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(locate(getpid(), &lay, i ? &seen : NULL, &addr), 0);
        assert_int_equal(addr, (uint64_t)(uintptr_t)table);
    }
    assert_int_equal(seen, 0);
}

/* A version that cannot be read is not silently taken for one without asyncio. */
static void test_damaged_table(void **state)
{
    struct strobe_layout lay = layout();
    struct strobe_aio_layout aio;
    struct strobe_mem *mem;
    uint64_t words[WORDS], addr = 0;
    char why[160] = "";

    (void)state;
    memcpy(words, good, sizeof words);
    words[5] += 8;
    set_table(words);
    assert_int_equal(locate(getpid(), &lay, NULL, &addr), 0);
    assert_int_equal(addr, (uint64_t)(uintptr_t)table);
    assert_int_equal(strobe_mem_process_new(getpid(), &mem), 0);
    assert_int_equal(strobe_aio_layout_init(mem, &lay, addr, &aio, why), STROBE_ERR_LAYOUT);
    assert_true(why[0]);
    strobe_mem_close(mem);
}

static void test_version_without_table(void **state)
{
    struct strobe_layout lay = layout();
    uint64_t addr = 7;

    (void)state;
    set_table(good);
    lay.minor = 13;
    assert_int_equal(locate(getpid(), &lay, NULL, &addr), STROBE_ERR_MISSING);
    assert_int_equal(addr, 7);
}

/* Copies the program's file, as `name` in a new folder, so that it can be changed and mapped. */
static void copy_self(const char *name, char *folder, char *path, size_t size)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to;
    char block[65536];
    ssize_t got;

    assert_non_null(mkdtemp(folder));
    snprintf(path, size, "%s/%s", folder, name);
    to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_true(from >= 0 && to >= 0);
    while ((got = read(from, block, sizeof block)) > 0)
        assert_int_equal(write(to, block, (size_t)got), got);
    close(from);
    close(to);
}

/* Another process that waits: cat, which knows nothing of asyncio.  *ret_stdin: closing it ends the process. */
static pid_t start_cat(int *ret_stdin)
{
    int in[2], out[2];
    char byte = 'x';
    pid_t pid;

    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execlp("cat", "cat", (char *)NULL);
        _exit(1);
    }
    close(in[0]);
    close(out[1]);
    assert_int_equal(write(in[1], &byte, 1), 1);
    assert_int_equal(read(out[0], &byte, 1), 1); /* it answers: it has long been loaded */
    close(out[0]);
    *ret_stdin = in[1];
    return pid;
}

static void test_not_there_and_remembered(void **state)
{
    struct strobe_layout lay = layout();
    uint64_t addr = 7, seen = 0, first;
    int in;
    pid_t pid = start_cat(&in);

    (void)state;
    assert_int_equal(locate(pid, &lay, &seen, &addr), STROBE_ERR_MISSING);
    first = seen;
    assert_true(first != 0);
    assert_int_equal(locate(pid, &lay, &seen, &addr), STROBE_ERR_MISSING);
    assert_int_equal(seen, first);
    close(in);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(locate(pid, &lay, &seen, &addr) < 0);
    assert_int_equal(addr, 7);
}

/* A module in the target of which no more than the head is mapped, or whose file has no section headers: it is searched, in vain, and
 * looked at again the next time, for the loader may be at work on it. */
static void test_module_half_loaded(void **state)
{
    char folder[] = "/tmp/strobe-test-XXXXXX", path[128];
    const uint64_t no_sections = 0;
    struct strobe_layout lay = layout();
    uint64_t addr = 0, seen = 0;
    void *image;
    int fd;

    (void)state;
    copy_self("_asyncio.so", folder, path, sizeof path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, &no_sections, 8, 40), 8); /* e_shoff */
    image = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(image, MAP_FAILED);
    set_table(good);
    assert_int_equal(locate(getpid(), &lay, &seen, &addr), 0);
    assert_int_equal(addr, (uint64_t)(uintptr_t)table); /* the executable has it after all */
    assert_int_equal(ftruncate(fd, 100), 0); /* and one that is cut short */
    assert_int_equal(locate(getpid(), &lay, &seen, &addr), 0);
    munmap(image, 4096);
    close(fd);
    unlink(path);
    rmdir(folder);
}

/* Writable data of a module without section headers: found wherever it lies, across the ends of blocks too. */
static void test_searched_data(void **state)
{
    enum { HEAD = 4096, DATA = 2 << 20, BLOCK = 256 * 1024 };
    static const size_t places[] = {0, 8, BLOCK - 104, BLOCK - 96, BLOCK - 8, BLOCK, 2 * BLOCK - 152, DATA - 104, 123456};
    char folder[] = "/tmp/strobe-test-XXXXXX", path[128];
    const uint64_t no_sections = 0;
    struct strobe_layout lay = layout();
    unsigned char *image;
    uint64_t addr;
    int fd;

    (void)state;
    copy_self("_asyncio.so", folder, path, sizeof path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, &no_sections, 8, 40), 8);
    assert_int_equal(ftruncate(fd, HEAD + DATA), 0);
    image = mmap(NULL, HEAD + DATA, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    assert_ptr_not_equal(image, MAP_FAILED);
    assert_int_equal(mprotect(image, HEAD, PROT_READ | PROT_EXEC), 0);
    table[0] = 1; /* not here */
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        memset(image + HEAD, 0x10, DATA);
        memcpy(image + HEAD + places[i], good, sizeof good);
        assert_int_equal(locate(getpid(), &lay, NULL, &addr), 0);
        assert_int_equal(addr, (uint64_t)(uintptr_t)(image + HEAD + places[i]));
    }
    munmap(image, HEAD + DATA);
    close(fd);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_section_of_the_executable), cmocka_unit_test(test_damaged_table),
        cmocka_unit_test(test_version_without_table),     cmocka_unit_test(test_not_there_and_remembered),
        cmocka_unit_test(test_module_half_loaded),        cmocka_unit_test(test_searched_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
