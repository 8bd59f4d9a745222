/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/grow.h"
#include "base/htab.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct strobe_htab places; /* address -> index in hints + 1; 0 = removed */
static struct strobe_hint *hints;
static size_t n_hints, cap_hints;

static struct strobe_hint *find(uint64_t address)
{
    const uint64_t *place = strobe_htab_get(&places, address, 0);

    return place && *place ? &hints[*place - 1] : NULL;
}

/* Where objects come and go, the table of addresses keeps those that are gone: made anew when most are. */
static void tidy(void)
{
    enum { FEW = 1024 };

    if (places.count < FEW || places.count < 4 * n_hints)
        return;
    strobe_htab_clear(&places);
    for (size_t i = 0; i < n_hints; i++)
        strobe_htab_put(&places, hints[i].address, 0, i + 1); /* as large as it was: cannot fail */
}

int strobe_registry_put(uint64_t address, const char *name, int64_t capacity)
{
    char *copy = name ? strdup(name) : NULL;
    struct strobe_hint *hint;
    int err = name && !copy ? STROBE_ERR_NOMEM : 0;

    pthread_mutex_lock(&lock);
    hint = find(address);
    if (!err && !hint) {
        if (strobe_grow(&hints, &cap_hints, n_hints + 1, sizeof *hints) || strobe_htab_put(&places, address, 0, n_hints + 1)) {
            err = STROBE_ERR_NOMEM;
        } else {
            hint = &hints[n_hints++];
            *hint = (struct strobe_hint){.address = address, .capacity = -1};
        }
    }
    if (!err && copy) {
        const char *before = hint->name;

        hint->name = copy;
        copy = (char *)before;
    }
    if (!err && capacity >= 0)
        hint->capacity = capacity;
    pthread_mutex_unlock(&lock);
    free(copy);
    return err;
}

void strobe_registry_remove(uint64_t address)
{
    struct strobe_hint *hint;

    pthread_mutex_lock(&lock);
    hint = find(address);
    if (hint) {
        struct strobe_hint *last = &hints[--n_hints];

        free((char *)hint->name);
        *strobe_htab_get(&places, last->address, 0) = (uint64_t)(hint - hints) + 1;
        *strobe_htab_get(&places, address, 0) = 0;
        if (hint != last)
            *hint = *last;
        tidy();
    }
    pthread_mutex_unlock(&lock);
}

int strobe_registry_copy(struct strobe_arena *arena, struct strobe_hints *ret)
{
    struct strobe_hint *copy;
    int err = 0;

    pthread_mutex_lock(&lock); /* who makes objects waits meanwhile: nothing is read or asked here */
    copy = strobe_arena_alloc(arena, (n_hints + 1) * sizeof *copy);
    for (size_t i = 0; copy && !err && i < n_hints; i++) {
        size_t size = hints[i].name ? strlen(hints[i].name) + 1 : 0;
        char *name = size ? strobe_arena_alloc(arena, size) : NULL;

        copy[i] = hints[i];
        copy[i].name = name ? memcpy(name, hints[i].name, size) : NULL;
        err = size && !name ? STROBE_ERR_NOMEM : 0;
    }
    if (copy && !err)
        *ret = (struct strobe_hints){copy, n_hints};
    pthread_mutex_unlock(&lock);
    return copy ? err : STROBE_ERR_NOMEM;
}

void strobe_registry_hold(void)
{
    pthread_mutex_lock(&lock);
}

void strobe_registry_let_go(void)
{
    pthread_mutex_unlock(&lock);
}

void strobe_registry_forked(void)
{
    pthread_mutex_init(&lock, NULL);
}
