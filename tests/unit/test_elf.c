/* SPDX-License-Identifier: Apache-2.0 */
/* elf: this program and its C library, as bytes, as a file and as the image mapped here, against what the dynamic linker says;
 * then the same bytes cut short at every offset that matters and damaged at random. */
#include "attach/proc/elf.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "attach/proc/mem_process.h"
#include "attach/proc/procmaps.h"
#include "attach/pyversion.h"
#include "base/err.h"

/* Found through .symtab only: the program exports nothing. */
static __attribute__((used)) int local_variable_of_test = 7;

struct file {
    unsigned char *bytes;
    size_t len;
};

static struct file read_whole(const char *path)
{
    struct file file;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    file.len = (size_t)st.st_size;
    file.bytes = malloc(file.len);
    assert_non_null(file.bytes);
    for (size_t done = 0; done < file.len;) {
        ssize_t got = read(fd, file.bytes + done, file.len - done);

        assert_true(got > 0);
        done += (size_t)got;
    }
    close(fd);
    return file;
}

/* The C library as the loader knows it. */
static struct link_map *libc_map(void)
{
    struct link_map *map;
    Dl_info info;

    assert_true(dladdr1((void *)(uintptr_t)getpid, &info, (void **)&map, RTLD_DL_LINKMAP));
    return map;
}

static void check_libc(const struct strobe_elf *elf, uint64_t bias)
{
    static const char *const names[] = {"environ", "stdout", "no_such_symbol_anywhere", "program_invocation_name"};
    uint64_t values[4];
    char soname[64];

    assert_int_equal(strobe_elf_dynamic_symbols(elf, names, 4, values), 0);
    assert_int_equal(bias + values[1], (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "stdout"));
    assert_int_equal(bias + values[3], (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "program_invocation_name"));
    assert_int_equal(values[2], 0);
    assert_int_equal(strobe_elf_soname(elf, soname, sizeof soname), 0);
    assert_string_equal(soname, "libc.so.6");
}

static void test_libc_file(void **state)
{
    struct link_map *map = libc_map();
    int fd = open(map->l_name, O_RDONLY | O_CLOEXEC);
    struct strobe_elf elf;

    assert_true(fd >= 0);
    assert_int_equal(strobe_elf_open_fd(&elf, fd), 0);
    assert_int_equal(elf.type, ET_DYN);
    check_libc(&elf, map->l_addr);
    close(fd);
}

static void test_libc_bytes(void **state)
{
    struct link_map *map = libc_map();
    struct file file = read_whole(map->l_name);
    struct strobe_elf elf;

    assert_int_equal(strobe_elf_open_bytes(&elf, file.bytes, file.len), 0);
    check_libc(&elf, map->l_addr);
    free(file.bytes);
}

static void test_libc_image(void **state)
{
    struct link_map *map = libc_map();
    struct strobe_mem *mem;
    struct strobe_elf elf;
    uint64_t values[1], vaddr, size;
    const char *name = "local_variable_of_test";

    assert_int_equal(strobe_mem_process_new(getpid(), &mem), 0);
    assert_int_equal(strobe_elf_open_image(&elf, mem, map->l_addr), 0);
    assert_int_equal(elf.bias, map->l_addr);
    check_libc(&elf, elf.bias);
    /* what is not mapped is not there, and no error */
    assert_int_equal(strobe_elf_static_symbols(&elf, &name, 1, values), 0);
    assert_int_equal(values[0], 0);
    assert_int_equal(strobe_elf_section(&elf, ".data", &vaddr, &size), STROBE_ERR_MISSING);
    strobe_mem_close(mem);
}

static int count_needed(void *ctx, const char *name)
{
    *(int *)ctx += !strcmp(name, "libc.so.6");
    return 0;
}

static void test_own_file(void **state)
{
    static const char *const names[] = {"local_variable_of_test", "no_such_symbol_anywhere"};
    uint64_t values[2], bias, vaddr, size, address = (uint64_t)(uintptr_t)&local_variable_of_test;
    struct strobe_procmaps maps;
    struct strobe_elf elf;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), needed = 0;

    assert_int_equal(strobe_elf_open_fd(&elf, fd), 0);
    assert_int_equal(strobe_elf_static_symbols(&elf, names, 2, values), 0);
    assert_true(values[0]);
    assert_int_equal(values[1], 0);
    assert_int_equal(strobe_procmaps_read(getpid(), &maps), 0);
    /* any of the file's mappings gives the same bias */
    for (size_t i = 0; i < maps.n; i++) {
        const struct strobe_map *map = &maps.maps[i];

        if (strcmp(strobe_path_base(map->path), "test_elf") != 0)
            continue;
        assert_int_equal(strobe_elf_bias(&elf, map->start, map->offset, map->perms, 4096, &bias), 0);
        if (map->offset == 0)
            assert_int_equal(bias + values[0], address);
    }
    strobe_procmaps_release(&maps);
    assert_int_equal(strobe_elf_section(&elf, ".data", &vaddr, &size), 0);
    assert_in_range(values[0], vaddr, vaddr + size - 1);
    assert_int_equal(strobe_elf_section(&elf, ".no_such", &vaddr, &size), STROBE_ERR_MISSING);
    assert_int_equal(strobe_elf_each_needed(&elf, count_needed, &needed), 0);
    assert_int_equal(needed, 1);
    assert_true(elf.has_interp);
    close(fd);
}

/* The numbers of an executable whose RW segment has p_vaddr != p_offset. */
static void test_bias(void **state)
{
    struct strobe_elf elf = {.fd = -1, .n_loads = 3, .loads = {
        {0, 0x400000, 0x1ee08, 0x1ee08, PF_R}, {0x1f000, 0x41f000, 0x2a0000, 0x2a0000, PF_R | PF_X},
        {0x6cadb8, 0xacbdb8, 0x50000, 0x90000, PF_R | PF_W}}};
    uint64_t bias, vaddr, size;

    assert_int_equal(strobe_elf_bias(&elf, 0x400000, 0, PF_R, 4096, &bias), 0);
    assert_int_equal(bias, 0);
    assert_int_equal(strobe_elf_bias(&elf, 0xacb000, 0x6ca000, PF_R | PF_W, 4096, &bias), 0);
    assert_int_equal(bias, 0);
    assert_int_equal(strobe_elf_bias(&elf, 0x55550041f000, 0x1f000, PF_R | PF_X, 4096, &bias), 0);
    assert_int_equal(bias, 0x555500000000);
    assert_int_equal(strobe_elf_bias(&elf, 0x1000, 0x10000000, PF_R, 4096, &bias), STROBE_ERR_MISSING);
    assert_int_equal(strobe_elf_bss(&elf, &vaddr, &size), 0);
    assert_int_equal(vaddr, 0xacbdb8 + 0x50000);
    assert_int_equal(size, 0x40000);
}

static void test_ident(void **state)
{
    unsigned char ident[64] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1};
    struct file own = read_whole("/proc/self/exe");

    assert_int_equal(strobe_elf_check_ident(own.bytes, 20), 0);
    assert_int_equal(strobe_elf_check_ident(own.bytes, 19), STROBE_ERR_FORMAT);
    memcpy(ident, own.bytes, 20);
    ident[EI_CLASS] = ELFCLASS32;
    assert_int_equal(strobe_elf_check_ident(ident, 20), STROBE_ERR_VERSION);
    ident[EI_CLASS] = ELFCLASS64;
    ident[18] ^= 0xff; /* e_machine */
    assert_int_equal(strobe_elf_check_ident(ident, 20), STROBE_ERR_VERSION);
    assert_int_equal(strobe_elf_check_ident("#!/usr/bin/python3 and more", 27), STROBE_ERR_FORMAT);
    free(own.bytes);
}

/* Everything that can be asked of an object; the answers do not matter, that they come without harm does. */
static void ask_everything(const unsigned char *bytes, size_t len)
{
    static const char *const names[] = {"stdout", "_PyRuntime", "main", "local_variable_of_test"};
    uint64_t values[4], a, b;
    struct strobe_elf elf;
    char text[32];
    int n = 0;

    if (strobe_elf_open_bytes(&elf, bytes, len))
        return;
    strobe_elf_dynamic_symbols(&elf, names, 4, values);
    elf.gnu_hash = 0;
    strobe_elf_dynamic_symbols(&elf, names, 4, values);
    strobe_elf_static_symbols(&elf, names, 4, values);
    strobe_elf_section(&elf, ".PyRuntime", &a, &b);
    strobe_elf_soname(&elf, text, sizeof text);
    strobe_elf_each_needed(&elf, count_needed, &n);
    strobe_elf_bias(&elf, 0x1000, 0, PF_R, 4096, &a);
    strobe_elf_bss(&elf, &a, &b);
}

/* Cut at every offset of the headers and tables, and at steps in between, in memory of exactly that size. */
static void test_cut_anywhere(void **state)
{
    struct file file = read_whole("/proc/self/exe");

    for (size_t len = 0; len < file.len; len += len < 8192 ? 1 : 509) {
        unsigned char *cut = malloc(len ? len : 1);

        memcpy(cut, file.bytes, len);
        ask_everything(cut, len);
        free(cut);
    }
    free(file.bytes);
}

/* Bytes of the headers, of PT_DYNAMIC and of the hash table set to what hurts most; xorshift, so a failure comes again. */
static void test_damaged(void **state)
{
    struct file file = read_whole("/proc/self/exe");
    struct strobe_elf elf;
    uint64_t seed = 88172645463325252u, region[4];

    assert_int_equal(strobe_elf_open_bytes(&elf, file.bytes, file.len), 0);
    region[0] = 0;
    region[1] = elf.gnu_hash ? elf.gnu_hash : elf.sysv_hash; /* low addresses: vaddr = offset there */
    region[2] = elf.loads[elf.n_loads - 1].offset + (elf.dynamic - elf.loads[elf.n_loads - 1].vaddr);
    region[3] = elf.shoff;
    for (int round = 0; round < 20000; round++) {
        uint64_t at, was;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        at = region[seed % 4] + (seed >> 8) % 1024;
        if (at + 8 > file.len)
            continue;
        memcpy(&was, file.bytes + at, 8);
        memcpy(file.bytes + at, (uint64_t[]){round % 3 == 0 ? UINT64_MAX : round % 3 == 1 ? seed : seed >> 40}, 1 + seed % 8);
        ask_everything(file.bytes, file.len);
        memcpy(file.bytes + at, &was, 8);
    }
    free(file.bytes);
}

static void test_version_of_name(void **state)
{
    assert_int_equal(strobe_pyversion_of_name("python3.9"), 0x03090000);
    assert_int_equal(strobe_pyversion_of_name("libpython3.10.so.1.0"), 0x030a0000);
    assert_int_equal(strobe_pyversion_of_name("libpython3.13t.so.1.0"), 0x030d0000);
    assert_int_equal(strobe_pyversion_of_name("python2.7"), 0x02070000);
    assert_int_equal(strobe_pyversion_of_name("python3"), 0);
    assert_int_equal(strobe_pyversion_of_name("python3."), 0);
    assert_int_equal(strobe_pyversion_of_name("libpython3.so"), 0);
    assert_int_equal(strobe_pyversion_of_name("uwsgi"), 0);
    assert_int_equal(strobe_pyversion_of_name("python3.9999999999"), 0);
}

static uint32_t version_of(const char *text, size_t len)
{
    return strobe_pyversion_of_bytes(text, len);
}

static void test_version_of_bytes(void **state)
{
    static const char good[] = "junk\0\0/opt/3.8.1/lib\0 (\0x (y)\0003.8.18 (default, May  9 2026, 07:29:52) \n[GCC 12.2.0]\0";
    static const char pre[] = "\0003.10.0rc2+ (heads/3.10:1, Sep  7 2021)";
    char text[32];

    assert_int_equal(version_of(good, sizeof good), 0x030812f0);
    assert_int_equal(version_of(pre, sizeof pre), 0x030a00c2);
    assert_int_equal(version_of("3.9.2 (", 7), 0x030902f0);
    assert_int_equal(version_of("3.9.2 (", 6), 0);
    assert_int_equal(version_of("x3.9.2 (", 8), 0);
    assert_int_equal(version_of("Python 3.9.2 (", 14), 0);
    assert_int_equal(version_of("3.9 (", 5), 0);
    assert_int_equal(version_of("", 0), 0);
    for (size_t len = 0; len < sizeof good; len++) {
        char *cut = malloc(len ? len : 1);

        memcpy(cut, good, len);
        assert_in_set(version_of(cut, len), ((unsigned long[]){0, 0x030812f0}), 2);
        free(cut);
    }
    strobe_pyversion_format(0x030812f0, text, sizeof text);
    assert_string_equal(text, "3.8.18");
    strobe_pyversion_format(0x030f00c2, text, sizeof text);
    assert_string_equal(text, "3.15.0rc2");
    strobe_pyversion_format(0x03090000, text, sizeof text);
    assert_string_equal(text, "3.9");
    strobe_pyversion_format(0x030d00f0, text, sizeof text);
    assert_string_equal(text, "3.13.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_libc_file), cmocka_unit_test(test_libc_bytes), cmocka_unit_test(test_libc_image),
        cmocka_unit_test(test_own_file), cmocka_unit_test(test_bias), cmocka_unit_test(test_ident),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_damaged), cmocka_unit_test(test_version_of_name),
        cmocka_unit_test(test_version_of_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
