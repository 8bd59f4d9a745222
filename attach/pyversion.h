/* SPDX-License-Identifier: Apache-2.0 */
/* pyversion: which Python a mapped object is, before its runtime can be read: by what it exports, by its name, by the text that
 * Py_GetVersion() left in its .bss.  Versions are PY_VERSION_HEX.  May include: elf, mem, base. */
#ifndef STROBE_ATTACH_PYVERSION_H
#define STROBE_ATTACH_PYVERSION_H

#include <stddef.h>
#include <stdint.h>

#include "attach/proc/elf.h"

/* "python3.9", "libpython3.8.so.1.0", "libpython3.13t.so": 0x03MM0000; 0 when the name has no version. */
uint32_t strobe_pyversion_of_name(const char *base);

/* The first "3.8.18 (default, ..." in a piece of memory, where the version starts right behind a NUL or at the start; 0 = none.
 * (Python/getversion.c: a static buffer "%.80s (%.80s) %.80s", written at start-up.) */
uint32_t strobe_pyversion_of_bytes(const void *bytes, size_t len);

/* All of it, best evidence first: the variable Py_Version (3.11+), the exported functions that came with each minor version, the
 * name, the text; the micro version is taken from the text where the evidence lacks it.  symbols: values of
 * strobe_pyversion_symbols[] in the object, 0 = absent.  Returns 0 when nothing tells. */
enum { STROBE_PYVERSION_SYMBOLS = 5 };
extern const char *const strobe_pyversion_symbols[STROBE_PYVERSION_SYMBOLS];
uint32_t strobe_pyversion_find(struct strobe_mem *mem, const struct strobe_elf *elf, uint64_t bias, const uint64_t *symbols,
                               const char *base);

/* "3.12.1", "3.15.0rc2", or "3.9" where only that is known. */
void strobe_pyversion_format(uint32_t version, char *text, size_t size);

#endif
