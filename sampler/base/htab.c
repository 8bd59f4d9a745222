/* SPDX-License-Identifier: Apache-2.0 */
#include "base/htab.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull; /* an odd constant with well-spread bits; any finaliser of this shape does */
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    x ^= x >> 32;
    return x;
}

uint64_t strobe_hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t h = mix(seed ^ (len * 0x9e3779b97f4a7c15ull)), word;

    for (; len >= 8; p += 8, len -= 8) {
        memcpy(&word, p, 8);
        h = mix(h ^ word) + 0x9e3779b97f4a7c15ull;
    }
    word = 0;
    memcpy(&word, p, len);
    return mix(h ^ word);
}

void strobe_htab_release(struct strobe_htab *tab)
{
    free(tab->slots);
    *tab = (struct strobe_htab)STROBE_HTAB_INIT;
}

void strobe_htab_clear(struct strobe_htab *tab)
{
    if (tab->slots)
        memset(tab->slots, 0, (tab->mask + 1) * sizeof *tab->slots);
    tab->count = 0;
}

static struct strobe_htab_slot *find(const struct strobe_htab *tab, uint64_t key0, uint64_t key1)
{
    size_t i = (size_t)mix(key0 ^ (key1 * 0x9e3779b97f4a7c15ull)) & tab->mask;

    while (tab->slots[i].used && (tab->slots[i].key[0] != key0 || tab->slots[i].key[1] != key1))
        i = (i + 1) & tab->mask;
    return &tab->slots[i];
}

uint64_t *strobe_htab_get(const struct strobe_htab *tab, uint64_t key0, uint64_t key1)
{
    struct strobe_htab_slot *slot;

    if (!tab->slots)
        return NULL;
    slot = find(tab, key0, key1);
    return slot->used ? &slot->value : NULL;
}

static int grow(struct strobe_htab *tab)
{
    size_t cap = tab->slots ? (tab->mask + 1) * 2 : 64;
    struct strobe_htab bigger = {calloc(cap, sizeof *bigger.slots), cap - 1, tab->count};

    if (!bigger.slots)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; tab->slots && i <= tab->mask; i++)
        if (tab->slots[i].used)
            *find(&bigger, tab->slots[i].key[0], tab->slots[i].key[1]) = tab->slots[i];
    free(tab->slots);
    *tab = bigger;
    return 0;
}

int strobe_htab_put(struct strobe_htab *tab, uint64_t key0, uint64_t key1, uint64_t value)
{
    struct strobe_htab_slot *slot;

    /* At most two thirds full, so that probes stay short. */
    if ((!tab->slots || tab->count * 3 >= (tab->mask + 1) * 2) && grow(tab))
        return STROBE_ERR_NOMEM;
    slot = find(tab, key0, key1);
    if (!slot->used) {
        *slot = (struct strobe_htab_slot){{key0, key1}, 0, 1};
        tab->count++;
    }
    slot->value = value;
    return 0;
}
