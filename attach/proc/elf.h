/* SPDX-License-Identifier: Apache-2.0 */
/* elf: symbols and sections of a 64-bit ELF object, from bytes, from a file, or from the image that a process has mapped.
 *
 *   bytes, file:  position = file offset;        .dynsym by hash table, .symtab in one pass, section headers
 *   image:        position = address = vaddr + bias; only what is mapped: program headers -> PT_DYNAMIC -> .dynsym by hash table
 *
 * Nothing is mapped or copied whole: every read is an explicit, bounded one, so a file that is cut short while it is read, or a
 * lying length, gives an error and never a fault.  (libelf on a mapped file would take SIGBUS in the first case, and cannot read an
 * image.)  All input is hostile.  May include: mem, base.  No allocation stays behind: there is nothing to release. */
#ifndef STROBE_PROC_ELF_H
#define STROBE_PROC_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/mem.h"

/* Seen: up to 11 (linker scripts of kernels and of Go); a Python executable has 4 or 5. */
enum { STROBE_ELF_MAX_LOADS = 32 };

struct strobe_elf_load {
    uint64_t offset, vaddr, filesz, memsz;
    uint32_t flags; /* PF_R, PF_W, PF_X */
};

struct strobe_elf {
    /* where the bytes are: exactly one of the three, borrowed */
    const unsigned char *bytes;
    size_t len;
    int fd;
    struct strobe_mem *mem;

    uint64_t bias; /* image: address - vaddr; 0 for a file */
    uint16_t type; /* ET_EXEC, ET_DYN */
    uint16_t machine;
    bool has_interp; /* PT_INTERP: a dynamic loader starts it */
    uint32_t n_loads;
    struct strobe_elf_load loads[STROBE_ELF_MAX_LOADS];
    /* section headers (never of an image) */
    uint64_t shoff;
    uint32_t shnum, shstrndx;
    /* PT_DYNAMIC, as vaddrs; 0 = absent */
    uint64_t dynamic, dynamic_size;
    uint64_t symtab, strtab, strsz, gnu_hash, sysv_hash, soname /* in strtab */;
};

/* What the first bytes say: 0 = 64-bit of this machine; STROBE_ERR_FORMAT = no ELF; STROBE_ERR_VERSION = ELF of another class or
 * byte order.  At least 20 bytes. */
int strobe_elf_check_ident(const void *bytes, size_t len);

/* Each fills the struct, or leaves it undefined and returns STROBE_ERR_FORMAT, _VERSION (as above) or an error of the reading. */
int strobe_elf_open_bytes(struct strobe_elf *elf, const void *bytes, size_t len);
int strobe_elf_open_fd(struct strobe_elf *elf, int fd);
/* base: where file offset 0 is mapped. */
int strobe_elf_open_image(struct strobe_elf *elf, struct strobe_mem *mem, uint64_t base);

/* Values (vaddrs) of n defined symbols, 0 where there is none.  The dynamic table only: quick. */
int strobe_elf_dynamic_symbols(const struct strobe_elf *elf, const char *const *names, size_t n, uint64_t *ret_values);
/* The same from .symtab in one pass (files and bytes only): milliseconds for a large one. */
int strobe_elf_static_symbols(const struct strobe_elf *elf, const char *const *names, size_t n, uint64_t *ret_values);
/* A section by name: its vaddr and size.  STROBE_ERR_MISSING. */
int strobe_elf_section(const struct strobe_elf *elf, const char *name, uint64_t *ret_vaddr, uint64_t *ret_size);
/* DT_SONAME.  STROBE_ERR_MISSING. */
int strobe_elf_soname(const struct strobe_elf *elf, char *name, size_t size);
/* Calls each(ctx, name) for every DT_NEEDED until it returns non-zero, and returns that. */
int strobe_elf_each_needed(const struct strobe_elf *elf, int (*each)(void *ctx, const char *name), void *ctx);

/* Bytes at a position (see above). */
int strobe_elf_read_at(const struct strobe_elf *elf, uint64_t pos, void *buf, size_t len);
/* Bytes at a vaddr; of a file: only those in the file. */
int strobe_elf_read(const struct strobe_elf *elf, uint64_t vaddr, void *buf, size_t len);
/* address - vaddr for an object one of whose mappings starts at map_start with map_offset in the file and these permissions (PF_*). */
int strobe_elf_bias(const struct strobe_elf *elf, uint64_t map_start, uint64_t map_offset, uint32_t perms, uint64_t page_size,
                    uint64_t *ret_bias);
/* The last writable segment's part that is not in the file (.bss).  STROBE_ERR_MISSING. */
int strobe_elf_bss(const struct strobe_elf *elf, uint64_t *ret_vaddr, uint64_t *ret_size);

#endif
