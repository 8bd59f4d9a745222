/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/pyversion.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum {
    MAX_BSS = 4 << 20,  /* .bss of a libpython is below 300 KB; a program that embeds one may have more of its own */
    BLOCK = 128 * 1024,
    MAX_TEXT = 16,      /* "3.10.13rc12+ (" */
};

/* What each minor version was the first to export (Misc/stable_abi.toml, Doc/data/refcounts, "What's New", C API): a function is
 * there whatever the file is called.  The first two are not part of that ladder. */
const char *const strobe_pyversion_symbols[STROBE_PYVERSION_SYMBOLS] = {
    "_PyRuntime", "Py_Version", "PyIter_Send", "PyFrame_GetBack", "PyCode_NewWithPosOnlyArgs",
};
static const uint32_t came_with[STROBE_PYVERSION_SYMBOLS] = {
    0, 0, 0x030a0000, 0x03090000, 0x03080000,
};
/* _PyRuntime with none of these. */
static const uint32_t before_ladder = 0x03070000;

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* Up to three digits; -1 when there is none. */
static int take_number(const char **at, const char *end)
{
    int value = 0, digits = 0;

    for (; *at < end && is_digit(**at) && digits < 3; (*at)++, digits++)
        value = value * 10 + (**at - '0');
    return digits ? value : -1;
}

uint32_t strobe_pyversion_of_name(const char *base)
{
    const char *at = strstr(base, "python"), *end = base + strlen(base);
    int major, minor;

    if (!at)
        return 0;
    at += strlen("python");
    major = take_number(&at, end);
    if (major < 2 || major > 9 || at == end || *at != '.')
        return 0;
    at++;
    minor = take_number(&at, end);
    return minor < 0 || minor > 99 ? 0 : (uint32_t)major << 24 | (uint32_t)minor << 16;
}

/* major "." minor "." micro [("a" | "b" | "rc") serial] ["+"] " (" */
static uint32_t parse_text(const char *at, const char *end)
{
    int major = take_number(&at, end), minor, micro, serial = 0;
    uint32_t level = 0xf;

    if (major < 2 || major > 9 || at == end || *at++ != '.')
        return 0;
    minor = take_number(&at, end);
    if (minor < 0 || minor > 99 || at == end || *at++ != '.')
        return 0;
    micro = take_number(&at, end);
    if (micro < 0 || micro > 255 || at == end)
        return 0;
    if (*at == 'a' || *at == 'b' || *at == 'r') {
        level = *at == 'a' ? 0xa : *at == 'b' ? 0xb : 0xc;
        at += *at == 'r' ? 2 : 1;
        serial = at < end ? take_number(&at, end) : -1;
        if (serial < 0 || serial > 15)
            return 0;
    }
    if (at < end && *at == '+')
        at++;
    if (end - at < 2 || at[0] != ' ' || at[1] != '(')
        return 0;
    return (uint32_t)major << 24 | (uint32_t)minor << 16 | (uint32_t)micro << 8 | level << 4 | (uint32_t)serial;
}

uint32_t strobe_pyversion_of_bytes(const void *bytes, size_t len)
{
    const char *text = bytes, *end = text + len, *at = text;

    /* Mostly zeros: looking for the blank and the parenthesis first is quick. */
    while ((at = memmem(at, (size_t)(end - at), " (", 2))) {
        size_t room = at - text < MAX_TEXT ? (size_t)(at - text) : MAX_TEXT;
        const char *start = at;

        while (room-- && start[-1])
            start--;
        if (start < at && (start == text || !start[-1])) {
            uint32_t version = parse_text(start, at + 2);

            if (version)
                return version;
        }
        at += 2;
    }
    return 0;
}

static uint32_t version_of_bss(struct strobe_mem *mem, const struct strobe_elf *elf, uint64_t bias)
{
    uint64_t start, size;
    uint32_t version = 0;
    char *block;

    if (strobe_elf_bss(elf, &start, &size))
        return 0;
    start += bias;
    if (size > MAX_BSS)
        size = MAX_BSS;
    block = malloc(BLOCK);
    while (block && size && !version) {
        size_t len = size < BLOCK ? (size_t)size : BLOCK;

        if (strobe_mem_read(mem, start, block, len))
            break;
        version = strobe_pyversion_of_bytes(block, len);
        if (len == size)
            break;
        start += len - 2 * MAX_TEXT; /* the text may lie across the end of the block */
        size -= len - 2 * MAX_TEXT;
    }
    free(block);
    return version;
}

uint32_t strobe_pyversion_find(struct strobe_mem *mem, const struct strobe_elf *elf, uint64_t bias, const uint64_t *symbols,
                               const char *base)
{
    uint32_t version = 0, text;
    char soname[256];
    uint64_t hex;

    if (symbols[1] && !strobe_mem_u64(mem, bias + symbols[1], &hex) && hex >> 24 < 256 && hex >> 24)
        return (uint32_t)hex;
    for (size_t i = 2; i < STROBE_PYVERSION_SYMBOLS && !version; i++)
        if (symbols[i])
            version = came_with[i];
    if (!version)
        version = strobe_pyversion_of_name(base);
    if (!version && !strobe_elf_soname(elf, soname, sizeof soname))
        version = strobe_pyversion_of_name(soname);
    text = version_of_bss(mem, elf, bias);
    if (text && (!version || text >> 16 == version >> 16))
        return text;
    if (!version && symbols[0])
        version = before_ladder;
    return version;
}

void strobe_pyversion_format(uint32_t version, char *text, size_t size)
{
    static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
    unsigned level = version >> 4 & 0xf;

    if (!(version & 0xffff))
        snprintf(text, size, "%u.%u", version >> 24, version >> 16 & 0xff);
    else if (levels[level])
        snprintf(text, size, "%u.%u.%u%s%u", version >> 24, version >> 16 & 0xff, version >> 8 & 0xff, levels[level], version & 0xf);
    else
        snprintf(text, size, "%u.%u.%u", version >> 24, version >> 16 & 0xff, version >> 8 & 0xff);
}
