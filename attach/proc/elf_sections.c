/* SPDX-License-Identifier: Apache-2.0 */
/* The part of elf that needs section headers, which only a file has: .symtab, and sections by name. */
#include "attach/proc/elf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum {
    MAX_SECTIONS = 1 << 17, /* executables have about forty; this many need -ffunction-sections and no linker */
    MAX_NAME = 128,
    MAX_WANTED = 16,        /* symbols asked for in one pass */
    MAX_HITS = 4,           /* places in the string table that spell a wanted name: its own, and tails of longer ones */
    BLOCK = 128 * 1024,     /* bytes per read of a long table */
};
/* A debug build of a browser has 700 MB of symbol names; a Python below 2 MB. */
#define MAX_TABLE ((uint64_t)1 << 30)

/* Calls each(ctx, header) for the section headers until it returns non-zero, and returns that; 0 at the end. */
static int each_section(const struct strobe_elf *elf, int (*each)(void *ctx, const Elf64_Shdr *shdr), void *ctx)
{
    Elf64_Shdr shdr;
    int stop = 0;

    if (elf->mem || !elf->shoff)
        return 0;
    for (uint32_t i = 0; !stop && i < elf->shnum && i < MAX_SECTIONS; i++) {
        int err = strobe_elf_read_at(elf, elf->shoff + (uint64_t)i * sizeof shdr, &shdr, sizeof shdr);

        if (err)
            return err;
        stop = each(ctx, &shdr);
    }
    return stop;
}

static int section_at(const struct strobe_elf *elf, uint32_t index, Elf64_Shdr *ret)
{
    if (elf->mem || !elf->shoff || index >= elf->shnum)
        return STROBE_ERR_MISSING;
    return strobe_elf_read_at(elf, elf->shoff + (uint64_t)index * sizeof *ret, ret, sizeof *ret);
}

struct find_section {
    const struct strobe_elf *elf;
    const char *name;
    uint32_t type; /* wanted, when name is NULL */
    Elf64_Shdr names, found;
};

static int is_section(void *ctx, const Elf64_Shdr *shdr)
{
    struct find_section *find = ctx;
    char text[MAX_NAME];
    size_t len;

    if (!find->name) {
        find->found = *shdr;
        return shdr->sh_type == find->type;
    }
    len = strlen(find->name) + 1;
    if (len > sizeof text || shdr->sh_name >= find->names.sh_size || len > find->names.sh_size - shdr->sh_name)
        return 0;
    if (strobe_elf_read_at(find->elf, find->names.sh_offset + shdr->sh_name, text, len) || memcmp(text, find->name, len) != 0)
        return 0;
    find->found = *shdr;
    return 1;
}

int strobe_elf_section(const struct strobe_elf *elf, const char *name, uint64_t *ret_vaddr, uint64_t *ret_size)
{
    struct find_section find = {.elf = elf, .name = name};
    int err = section_at(elf, elf->shstrndx, &find.names);

    if (err)
        return err;
    err = each_section(elf, is_section, &find);
    if (err <= 0)
        return err ? err : STROBE_ERR_MISSING;
    *ret_vaddr = find.found.sh_addr;
    *ret_size = find.found.sh_size;
    return 0;
}

/* Where in a string table the wanted names are spelled: comparing offsets is cheaper than comparing names. */
struct spelling {
    uint64_t at[MAX_WANTED][MAX_HITS];
    size_t n[MAX_WANTED];
    size_t total;
};

static int spell(const struct strobe_elf *elf, const Elf64_Shdr *strings, const char *const *names, size_t n, char *block,
                 struct spelling *ret)
{
    uint64_t pos = 0;

    while (pos < strings->sh_size) {
        uint64_t left = strings->sh_size - pos;
        size_t len = left < BLOCK ? (size_t)left : BLOCK;
        int err = strobe_elf_read_at(elf, strings->sh_offset + pos, block, len);

        if (err)
            return err;
        for (size_t i = 0; i < n; i++) {
            size_t want = strlen(names[i]) + 1;
            char *from = block, *hit;

            while (ret->n[i] < MAX_HITS && (hit = memmem(from, (size_t)(block + len - from), names[i], want))) {
                uint64_t at = pos + (uint64_t)(hit - block);

                if (!ret->n[i] || ret->at[i][ret->n[i] - 1] < at) { /* the overlap of two blocks is seen twice */
                    ret->at[i][ret->n[i]++] = at;
                    ret->total++;
                }
                from = hit + 1;
            }
        }
        if (len == left)
            break;
        pos += len - MAX_NAME; /* a name may lie across the end of the block */
    }
    return 0;
}

static void match_static(const Elf64_Sym *sym, const struct spelling *where, size_t n, uint64_t *ret_values)
{
    unsigned type = ELF64_ST_TYPE(sym->st_info);

    if (sym->st_shndx == SHN_UNDEF || !sym->st_value || (type != STT_OBJECT && type != STT_FUNC && type != STT_NOTYPE))
        return;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < where->n[i]; k++)
            if (where->at[i][k] == sym->st_name && !ret_values[i])
                ret_values[i] = sym->st_value;
}

int strobe_elf_static_symbols(const struct strobe_elf *elf, const char *const *names, size_t n, uint64_t *ret_values)
{
    struct find_section find = {.elf = elf, .type = SHT_SYMTAB};
    struct spelling where = {.total = 0};
    const Elf64_Shdr *table = &find.found;
    Elf64_Shdr strings;
    uint64_t pos = 0;
    char *block = NULL;
    int err;

    if (n > MAX_WANTED)
        return STROBE_ERR_ARG;
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) >= MAX_NAME)
            return STROBE_ERR_ARG;
        ret_values[i] = 0;
    }
    err = each_section(elf, is_section, &find);
    if (err <= 0)
        return err;
    err = section_at(elf, table->sh_link, &strings);
    if (err)
        return err;
    if (table->sh_entsize != sizeof(Elf64_Sym) || table->sh_size > MAX_TABLE || strings.sh_size > MAX_TABLE ||
        table->sh_offset > INT64_MAX || strings.sh_offset > INT64_MAX)
        return STROBE_ERR_FORMAT;
    block = malloc(BLOCK);
    if (!block)
        return STROBE_ERR_NOMEM;
    err = spell(elf, &strings, names, n, block, &where);
    while (!err && where.total && table->sh_size - pos >= sizeof(Elf64_Sym)) {
        uint64_t left = (table->sh_size - pos) / sizeof(Elf64_Sym);
        size_t count = left < BLOCK / sizeof(Elf64_Sym) ? (size_t)left : BLOCK / sizeof(Elf64_Sym);

        err = strobe_elf_read_at(elf, table->sh_offset + pos, block, count * sizeof(Elf64_Sym));
        for (size_t i = 0; !err && i < count; i++) {
            Elf64_Sym sym;

            memcpy(&sym, block + i * sizeof sym, sizeof sym);
            match_static(&sym, &where, n, ret_values);
        }
        pos += count * sizeof(Elf64_Sym);
    }
    free(block);
    return err;
}
