/* SPDX-License-Identifier: Apache-2.0 */
/* htab: the one hash table: 128-bit key -> 64-bit value, open addressing, no deletion of single keys.
 * A key of all zeros is allowed.  Ownership: the holder releases.  Not thread-safe. */
#ifndef STROBE_BASE_HTAB_H
#define STROBE_BASE_HTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strobe_htab_slot {
    uint64_t key[2];
    uint64_t value;
    uint64_t used;
};

struct strobe_htab {
    struct strobe_htab_slot *slots;
    size_t mask; /* capacity - 1; capacity is a power of two */
    size_t count;
};

#define STROBE_HTAB_INIT {NULL, 0, 0}

void strobe_htab_release(struct strobe_htab *tab);
/* Forgets every key, keeps the memory. */
void strobe_htab_clear(struct strobe_htab *tab);
/* The value's place, or NULL when the key is absent; valid until the next put. */
uint64_t *strobe_htab_get(const struct strobe_htab *tab, uint64_t key0, uint64_t key1);
/* Sets or overwrites.  0 or STROBE_ERR_NOMEM. */
int strobe_htab_put(struct strobe_htab *tab, uint64_t key0, uint64_t key1, uint64_t value);
/* 64-bit hash of bytes, for keys made from contents. */
uint64_t strobe_hash_bytes(const void *bytes, size_t len, uint64_t seed);

#endif
