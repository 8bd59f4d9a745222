/* SPDX-License-Identifier: Apache-2.0 */
/* ELF objects: as bytes of a file, and as the image of a process (mapped at BASE as it lies in the file). */
#include "attach/proc/elf.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/mem_image.h"

#define BASE UINT64_C(0x7f0000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count_needed(void *ctx, const char *name)
{
    size_t *total = ctx;

    *total += strlen(name);
    return 0;
}

static void ask(const struct strobe_elf *elf)
{
    static const char *const names[] = {"_PyRuntime", "Py_Version", "main", ""};
    uint64_t values[4], addr, size;
    size_t total = 0;
    char text[64];

    if (elf->n_loads > STROBE_ELF_MAX_LOADS)
        abort();
    strobe_elf_dynamic_symbols(elf, names, 4, values);
    strobe_elf_static_symbols(elf, names, 4, values);
    strobe_elf_section(elf, ".PyRuntime", &addr, &size);
    if (!strobe_elf_soname(elf, text, sizeof text) && strlen(text) >= sizeof text)
        abort();
    strobe_elf_each_needed(elf, count_needed, &total);
    strobe_elf_bss(elf, &addr, &size);
    for (uint32_t i = 0; i < elf->n_loads; i++)
        strobe_elf_bias(elf, BASE, elf->loads[i].offset, elf->loads[i].flags, 4096, &addr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strobe_elf elf;
    struct image *image = NULL;
    struct strobe_mem *mem = NULL;
    unsigned char *bytes = malloc(size);

    if (!bytes || !size)
        goto done;
    memcpy(bytes, data, size);
    strobe_elf_check_ident(bytes, size);
    if (!strobe_elf_open_bytes(&elf, bytes, size))
        ask(&elf);
    if (image_new(&image) || image_add(image, BASE, data, size) || image_mem_new(image, &mem))
        goto done;
    if (!strobe_elf_open_image(&elf, mem, BASE))
        ask(&elf);
done:
    strobe_mem_close(mem);
    image_free(image);
    free(bytes);
    return 0;
}
