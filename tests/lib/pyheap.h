/* SPDX-License-Identifier: Apache-2.0 */
/* pyheap: a small memory with hand-made Python objects, laid out as one version of CPython lays them out.
 * Construction only: how objects are read is what the tests are about.  Ownership: a heap is freed by whoever made it, after
 * its readers.  Objects are named by their addresses in the made-up memory. */
#ifndef STROBE_TESTS_PYHEAP_H
#define STROBE_TESTS_PYHEAP_H

#include <stddef.h>
#include <stdint.h>

#include "mem/mem.h"
#include "runtime/layout.h"

enum { PYHEAP_SIZE = 1 << 20 };
#define PYHEAP_BASE UINT64_C(0x7f1200000000)

enum pyheap_version { PYHEAP_38, PYHEAP_310, PYHEAP_311, PYHEAP_312, PYHEAP_314T, PYHEAP_VERSIONS };

/* Types made with the heap. */
enum pyheap_type {
    PYHEAP_OBJECT, PYHEAP_TYPE, PYHEAP_NONE, PYHEAP_INT, PYHEAP_BOOL, PYHEAP_FLOAT, PYHEAP_STR, PYHEAP_BYTES, PYHEAP_TUPLE, PYHEAP_LIST,
    PYHEAP_DICT, PYHEAP_SET, PYHEAP_FROZENSET, PYHEAP_CELL, PYHEAP_CODE, PYHEAP_MODULE, PYHEAP_FUNCTION, PYHEAP_TYPES
};

struct pyheap {
    struct strobe_mem mem; /* a reader; closing it does nothing */
    unsigned char *bytes;  /* PYHEAP_SIZE of them, at PYHEAP_BASE; mapped up to the end of the last page used */
    size_t used;
    struct strobe_layout lay;
    uint64_t type[PYHEAP_TYPES];
    uint64_t none;
};

struct pyheap *pyheap_new(enum pyheap_version version);
void pyheap_free(struct pyheap *heap);

/* Raw room, zeroed, 16-byte aligned; before = bytes in front of the address returned. */
uint64_t pyheap_room(struct pyheap *heap, size_t before, size_t size);
void pyheap_put(struct pyheap *heap, uint64_t addr, const void *bytes, size_t len);
void pyheap_word(struct pyheap *heap, uint64_t addr, uint64_t value);

/* A class; flag: bit of tp_flags that says what it descends from, 0 = none. */
uint64_t pyheap_class(struct pyheap *heap, const char *name, uint64_t base, unsigned flag);
/* One of the interpreter itself, or of an extension: a static type. */
uint64_t pyheap_static(struct pyheap *heap, const char *name);
uint64_t pyheap_object(struct pyheap *heap, uint64_t type, size_t before, size_t size);

uint64_t pyheap_int(struct pyheap *heap, int sign, const uint32_t *digits, size_t n);
uint64_t pyheap_small(struct pyheap *heap, int64_t value);
uint64_t pyheap_float(struct pyheap *heap, double value);
/* A compact str of n code points, each fitting kind bytes; kind 1 is ASCII when all are below 128. */
uint64_t pyheap_points(struct pyheap *heap, const uint32_t *points, size_t n, unsigned kind);
uint64_t pyheap_str(struct pyheap *heap, const char *ascii);
uint64_t pyheap_bytes(struct pyheap *heap, const void *bytes, size_t n);
uint64_t pyheap_tuple(struct pyheap *heap, const uint64_t *items, size_t n);
uint64_t pyheap_list(struct pyheap *heap, const uint64_t *items, size_t n);
uint64_t pyheap_set(struct pyheap *heap, uint64_t type, const uint64_t *items, size_t n);
uint64_t pyheap_cell(struct pyheap *heap, uint64_t value);

/* A keys object of 1 << log2 slots; general: entries with hashes.  values may be NULL. */
uint64_t pyheap_keys(struct pyheap *heap, unsigned log2, int general, const uint64_t *keys, const uint64_t *values, size_t n);
/* Values of a split dict; order: positions, in order of insertion (ignored where the version keeps none).
 * addr: where to put them, or 0.  Returns what ma_values would hold. */
uint64_t pyheap_values(struct pyheap *heap, uint64_t addr, const uint64_t *values, size_t n, const unsigned char *order, size_t n_order);
uint64_t pyheap_dict(struct pyheap *heap, uint64_t keys, uint64_t values);

#endif
