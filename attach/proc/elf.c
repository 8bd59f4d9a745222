/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts: System V ABI, chapters 4 and 5 (gABI); the GNU hash table as glibc's elf/dl-lookup.c reads it. */
#include "attach/proc/elf.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

#if defined(__x86_64__)
#define NATIVE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define NATIVE_MACHINE EM_AARCH64
#else
#error "strobe knows x86-64 and aarch64"
#endif

enum {
    MAX_PHDRS = 256,    /* program headers looked at; linkers write about ten */
    MAX_DYNAMIC = 1024, /* entries of PT_DYNAMIC; one a DT_NEEDED, about thirty others */
    MAX_CHAIN = 4096,   /* symbols in one hash bucket; linkers aim at one or two */
    MAX_NAME = 128,     /* longest symbol that is asked for */
};

int strobe_elf_read_at(const struct strobe_elf *elf, uint64_t pos, void *buf, size_t len)
{
    size_t done = 0;

    if (elf->mem)
        return strobe_mem_read(elf->mem, pos, buf, len);
    if (elf->bytes) {
        if (pos > elf->len || len > elf->len - pos)
            return STROBE_ERR_FORMAT;
        memcpy(buf, elf->bytes + pos, len);
        return 0;
    }
    if (pos > INT64_MAX - len)
        return STROBE_ERR_FORMAT;
    while (done < len) {
        ssize_t got = pread(elf->fd, (char *)buf + done, len - done, (off_t)(pos + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return STROBE_ERR_IO;
        if (!got)
            return STROBE_ERR_FORMAT; /* cut short */
        done += (size_t)got;
    }
    return 0;
}

int strobe_elf_read(const struct strobe_elf *elf, uint64_t vaddr, void *buf, size_t len)
{
    for (uint32_t i = 0; i < elf->n_loads; i++) {
        const struct strobe_elf_load *load = &elf->loads[i];
        uint64_t size = elf->mem ? load->memsz : load->filesz;
        uint64_t into = vaddr - load->vaddr;

        if (vaddr < load->vaddr || into > size || len > size - into)
            continue;
        return strobe_elf_read_at(elf, elf->mem ? elf->bias + vaddr : load->offset + into, buf, len);
    }
    return STROBE_ERR_FORMAT;
}

int strobe_elf_check_ident(const void *bytes, size_t len)
{
    Elf64_Ehdr hdr;

    if (len < offsetof(Elf64_Ehdr, e_version)) /* the same in both classes up to here */
        return STROBE_ERR_FORMAT;
    memset(&hdr, 0, sizeof hdr);
    memcpy(&hdr, bytes, offsetof(Elf64_Ehdr, e_version));
    if (memcmp(hdr.e_ident, ELFMAG, SELFMAG) != 0)
        return STROBE_ERR_FORMAT;
    if (hdr.e_ident[EI_CLASS] != ELFCLASS64 || hdr.e_ident[EI_DATA] != ELFDATA2LSB || hdr.e_machine != NATIVE_MACHINE)
        return STROBE_ERR_VERSION;
    return hdr.e_type == ET_EXEC || hdr.e_type == ET_DYN ? 0 : STROBE_ERR_FORMAT;
}

/* The loader of glibc overwrites the pointers in a mapped PT_DYNAMIC with addresses, musl's does not: accept both. */
static uint64_t dynamic_pointer(const struct strobe_elf *elf, uint64_t value)
{
    for (uint32_t i = 0; elf->mem && i < elf->n_loads; i++)
        if (value - elf->bias >= elf->loads[i].vaddr && value - elf->bias - elf->loads[i].vaddr < elf->loads[i].memsz)
            return value - elf->bias;
    return value;
}

static int dynamic_entry(const struct strobe_elf *elf, size_t i, Elf64_Dyn *ret)
{
    if (i >= MAX_DYNAMIC || (i + 1) * sizeof *ret > elf->dynamic_size)
        return STROBE_ERR_MISSING;
    return strobe_elf_read(elf, elf->dynamic + i * sizeof *ret, ret, sizeof *ret);
}

static void parse_dynamic(struct strobe_elf *elf)
{
    Elf64_Dyn dyn;

    for (size_t i = 0; !dynamic_entry(elf, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
        switch (dyn.d_tag) {
        case DT_SYMTAB: elf->symtab = dynamic_pointer(elf, dyn.d_un.d_ptr); break;
        case DT_STRTAB: elf->strtab = dynamic_pointer(elf, dyn.d_un.d_ptr); break;
        case DT_GNU_HASH: elf->gnu_hash = dynamic_pointer(elf, dyn.d_un.d_ptr); break;
        case DT_HASH: elf->sysv_hash = dynamic_pointer(elf, dyn.d_un.d_ptr); break;
        case DT_STRSZ: elf->strsz = dyn.d_un.d_val; break;
        case DT_SONAME: elf->soname = dyn.d_un.d_val; break;
        default: break;
        }
    }
}

static int parse_phdr(struct strobe_elf *elf, const Elf64_Phdr *phdr)
{
    struct strobe_elf_load *load;

    switch (phdr->p_type) {
    case PT_LOAD:
        if (phdr->p_vaddr + phdr->p_memsz < phdr->p_vaddr || phdr->p_offset + phdr->p_filesz < phdr->p_offset ||
            phdr->p_filesz > phdr->p_memsz)
            return STROBE_ERR_FORMAT;
        if (elf->n_loads == STROBE_ELF_MAX_LOADS)
            return STROBE_ERR_FORMAT;
        load = &elf->loads[elf->n_loads++];
        *load = (struct strobe_elf_load){phdr->p_offset, phdr->p_vaddr, phdr->p_filesz, phdr->p_memsz, phdr->p_flags};
        break;
    case PT_DYNAMIC:
        elf->dynamic = phdr->p_vaddr;
        elf->dynamic_size = phdr->p_memsz;
        break;
    case PT_INTERP: elf->has_interp = true; break;
    default: break;
    }
    return 0;
}

/* base: position of file offset 0. */
static int parse_headers(struct strobe_elf *elf, uint64_t base)
{
    Elf64_Ehdr hdr;
    Elf64_Phdr phdr;
    Elf64_Shdr shdr;
    int err;

    err = strobe_elf_read_at(elf, base, &hdr, sizeof hdr);
    if (!err)
        err = strobe_elf_check_ident(&hdr, sizeof hdr);
    if (err)
        return err;
    elf->type = hdr.e_type;
    elf->machine = hdr.e_machine;
    if (hdr.e_phentsize != sizeof phdr || !hdr.e_phnum || hdr.e_phnum > MAX_PHDRS || hdr.e_phoff > INT64_MAX)
        return STROBE_ERR_FORMAT;
    for (unsigned i = 0; i < hdr.e_phnum; i++) {
        err = strobe_elf_read_at(elf, base + hdr.e_phoff + i * sizeof phdr, &phdr, sizeof phdr);
        if (!err)
            err = parse_phdr(elf, &phdr);
        if (err)
            return err;
    }
    if (!elf->n_loads)
        return STROBE_ERR_FORMAT;
    if (elf->mem || !hdr.e_shoff || hdr.e_shentsize != sizeof shdr)
        return 0;
    elf->shoff = hdr.e_shoff;
    elf->shnum = hdr.e_shnum;
    elf->shstrndx = hdr.e_shstrndx;
    if (!elf->shnum || elf->shstrndx == SHN_XINDEX) { /* more than fit 16 bits: the first header has the numbers */
        if (strobe_elf_read_at(elf, elf->shoff, &shdr, sizeof shdr)) {
            elf->shnum = 0; /* no section headers after all; the program headers stand */
            return 0;
        }
        elf->shnum = elf->shnum ? elf->shnum : (uint32_t)shdr.sh_size;
        elf->shstrndx = elf->shstrndx == SHN_XINDEX ? shdr.sh_link : elf->shstrndx;
    }
    return 0;
}

int strobe_elf_open_bytes(struct strobe_elf *elf, const void *bytes, size_t len)
{
    int err;

    *elf = (struct strobe_elf){.bytes = bytes, .len = len, .fd = -1};
    if (!bytes)
        return STROBE_ERR_FORMAT;
    err = parse_headers(elf, 0);
    if (!err)
        parse_dynamic(elf);
    return err;
}

int strobe_elf_open_fd(struct strobe_elf *elf, int fd)
{
    int err;

    *elf = (struct strobe_elf){.fd = fd};
    err = parse_headers(elf, 0);
    if (!err)
        parse_dynamic(elf);
    return err;
}

int strobe_elf_open_image(struct strobe_elf *elf, struct strobe_mem *mem, uint64_t base)
{
    int err;

    *elf = (struct strobe_elf){.fd = -1, .mem = mem};
    err = parse_headers(elf, base);
    if (err)
        return err;
    /* Any page size: both sides of the segment at file offset 0 are page-aligned at the same distance. */
    err = strobe_elf_bias(elf, base, 0, 0, 4096, &elf->bias);
    if (err)
        return err;
    parse_dynamic(elf);
    return 0;
}

int strobe_elf_bias(const struct strobe_elf *elf, uint64_t map_start, uint64_t map_offset, uint32_t perms, uint64_t page_size,
                    uint64_t *ret_bias)
{
    const struct strobe_elf_load *best = NULL;

    /* Neighbouring segments may share a page of the file: a segment that starts at this page with these permissions is the
     * mapping's own, one that merely reaches into it is second choice. */
    for (uint32_t i = 0; i < elf->n_loads; i++) {
        const struct strobe_elf_load *load = &elf->loads[i];
        uint64_t first = load->offset & ~(page_size - 1);

        if (map_offset < first || map_offset >= load->offset + load->filesz)
            continue;
        if (!best || (first == map_offset && load->flags == perms))
            best = load;
    }
    if (!best)
        return STROBE_ERR_MISSING;
    *ret_bias = map_start - map_offset - (best->vaddr - best->offset);
    return 0;
}

int strobe_elf_bss(const struct strobe_elf *elf, uint64_t *ret_vaddr, uint64_t *ret_size)
{
    for (uint32_t i = elf->n_loads; i-- > 0;) {
        const struct strobe_elf_load *load = &elf->loads[i];

        if ((load->flags & PF_W) && load->memsz > load->filesz) {
            *ret_vaddr = load->vaddr + load->filesz;
            *ret_size = load->memsz - load->filesz;
            return 0;
        }
    }
    return STROBE_ERR_MISSING;
}

/* A string of the dynamic string table, cut at size - 1. */
static int dynamic_string(const struct strobe_elf *elf, uint64_t at, char *name, size_t size)
{
    uint64_t room;

    if (!elf->strtab || at >= elf->strsz)
        return STROBE_ERR_MISSING;
    room = elf->strsz - at;
    if (size - 1 < room)
        room = size - 1;
    memset(name, 0, size);
    return strobe_elf_read(elf, elf->strtab + at, name, (size_t)room);
}

int strobe_elf_soname(const struct strobe_elf *elf, char *name, size_t size)
{
    return elf->soname ? dynamic_string(elf, elf->soname, name, size) : STROBE_ERR_MISSING;
}

int strobe_elf_each_needed(const struct strobe_elf *elf, int (*each)(void *ctx, const char *name), void *ctx)
{
    Elf64_Dyn dyn;
    char name[MAX_NAME];
    int stop = 0;

    for (size_t i = 0; !stop && !dynamic_entry(elf, i, &dyn) && dyn.d_tag != DT_NULL; i++)
        if (dyn.d_tag == DT_NEEDED && !dynamic_string(elf, dyn.d_un.d_val, name, sizeof name))
            stop = each(ctx, name);
    return stop;
}

/* Is symbol number `index` a definition of this name?  Then its value. */
static bool match_dynamic(const struct strobe_elf *elf, uint32_t index, const char *name, uint64_t *ret_value)
{
    char text[MAX_NAME];
    size_t len = strlen(name) + 1;
    Elf64_Sym sym;

    if (strobe_elf_read(elf, elf->symtab + (uint64_t)index * sizeof sym, &sym, sizeof sym))
        return false;
    if (sym.st_shndx == SHN_UNDEF || !sym.st_value || ELF64_ST_TYPE(sym.st_info) == STT_TLS)
        return false;
    if (len > sizeof text || sym.st_name >= elf->strsz || strobe_elf_read(elf, elf->strtab + sym.st_name, text, len))
        return false;
    if (memcmp(text, name, len) != 0)
        return false;
    *ret_value = sym.st_value;
    return true;
}

static uint32_t hash_gnu(const char *name)
{
    uint32_t h = 5381;

    for (; *name; name++)
        h = h * 33 + (unsigned char)*name;
    return h;
}

static int lookup_gnu(const struct strobe_elf *elf, const char *name, uint64_t *ret_value)
{
    struct {
        uint32_t n_buckets, first, n_bloom, shift;
    } head;
    uint32_t h = hash_gnu(name), index, link;
    uint64_t bloom, buckets, chains;

    if (strobe_elf_read(elf, elf->gnu_hash, &head, sizeof head))
        return STROBE_ERR_FORMAT;
    if (!head.n_buckets || !head.n_bloom)
        return STROBE_ERR_MISSING;
    if (strobe_elf_read(elf, elf->gnu_hash + sizeof head + (uint64_t)(h / 64 % head.n_bloom) * 8, &bloom, sizeof bloom))
        return STROBE_ERR_FORMAT;
    if (!(bloom >> (h % 64) & 1) || !(bloom >> (h >> (head.shift & 31)) % 64 & 1))
        return STROBE_ERR_MISSING;
    buckets = elf->gnu_hash + sizeof head + (uint64_t)head.n_bloom * 8;
    chains = buckets + (uint64_t)head.n_buckets * 4;
    if (strobe_elf_read(elf, buckets + (uint64_t)(h % head.n_buckets) * 4, &index, sizeof index))
        return STROBE_ERR_FORMAT;
    if (index < head.first)
        return STROBE_ERR_MISSING;
    for (unsigned i = 0; i < MAX_CHAIN; i++, index++) {
        if (strobe_elf_read(elf, chains + (uint64_t)(index - head.first) * 4, &link, sizeof link))
            return STROBE_ERR_FORMAT;
        if ((link | 1) == (h | 1) && match_dynamic(elf, index, name, ret_value))
            return 0;
        if (link & 1)
            break;
    }
    return STROBE_ERR_MISSING;
}

static uint32_t hash_sysv(const char *name)
{
    uint32_t h = 0;

    for (; *name; name++) {
        h = (h << 4) + (unsigned char)*name;
        h = (h ^ (h >> 24 & 0xf0)) & 0x0fffffff;
    }
    return h;
}

static int lookup_sysv(const struct strobe_elf *elf, const char *name, uint64_t *ret_value)
{
    uint32_t head[2] /* buckets, chain entries */, index;
    uint64_t at = elf->sysv_hash;

    if (strobe_elf_read(elf, at, head, sizeof head))
        return STROBE_ERR_FORMAT;
    if (!head[0])
        return STROBE_ERR_MISSING;
    if (strobe_elf_read(elf, at + 8 + (uint64_t)(hash_sysv(name) % head[0]) * 4, &index, sizeof index))
        return STROBE_ERR_FORMAT;
    for (unsigned i = 0; index && index < head[1] && i < MAX_CHAIN; i++) {
        if (match_dynamic(elf, index, name, ret_value))
            return 0;
        if (strobe_elf_read(elf, at + 8 + ((uint64_t)head[0] + index) * 4, &index, sizeof index))
            return STROBE_ERR_FORMAT;
    }
    return STROBE_ERR_MISSING;
}

int strobe_elf_dynamic_symbols(const struct strobe_elf *elf, const char *const *names, size_t n, uint64_t *ret_values)
{
    for (size_t i = 0; i < n; i++) {
        ret_values[i] = 0;
        if (!elf->symtab || !elf->strtab)
            continue;
        if (elf->gnu_hash)
            lookup_gnu(elf, names[i], &ret_values[i]);
        else if (elf->sysv_hash)
            lookup_sysv(elf, names[i], &ret_values[i]);
    }
    return 0;
}
