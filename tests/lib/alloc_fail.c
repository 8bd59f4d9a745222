/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/alloc_fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Outstanding blocks: open addressing; a freed slot stays a tombstone until the next arm. */
enum { TABLE = 1 << 18 }; /* more than any test allocates between two arms; when it is full, blocks go unwatched */

static struct {
    bool armed, hit;
    uint64_t count, fail_at;
    size_t live, used;
    const void *blocks[TABLE];
} state;

static const char tombstone;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);
void __wrap_free(void *block);

static size_t slot_of(const void *block)
{
    return (size_t)((uint64_t)(uintptr_t)block * 0x9e3779b97f4a7c15ull >> 46) % TABLE;
}

/* Where the block is, or an empty slot. */
static size_t find(const void *block)
{
    size_t i = slot_of(block);

    while (state.blocks[i] && state.blocks[i] != block)
        i = (i + 1) % TABLE;
    return i;
}

static void *watch(void *block)
{
    if (block && state.armed && state.used < TABLE / 2) {
        state.blocks[find(block)] = block;
        state.used++;
        state.live++;
    }
    return block;
}

static void forget(const void *block)
{
    size_t i;

    if (!block || !state.used)
        return;
    i = find(block);
    if (state.blocks[i]) {
        state.blocks[i] = &tombstone;
        state.live--;
    }
}

static bool must_fail(void)
{
    if (!state.armed || ++state.count != state.fail_at)
        return false;
    state.hit = true;
    errno = ENOMEM;
    return true;
}

void alloc_fail_arm(uint64_t n)
{
    memset(&state, 0, sizeof state);
    state.fail_at = n;
    state.armed = true;
}

uint64_t alloc_fail_disarm(void)
{
    state.armed = false;
    return state.count;
}

bool alloc_fail_hit(void)
{
    return state.hit;
}

size_t alloc_fail_live(void)
{
    return state.live;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : watch(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return must_fail() ? NULL : watch(__real_calloc(n, size));
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return must_fail() ? NULL : watch(__real_aligned_alloc(align, size));
}

char *__wrap_strdup(const char *text)
{
    return must_fail() ? NULL : watch(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t len)
{
    return must_fail() ? NULL : watch(__real_strndup(text, len));
}

/* A block that moved: the old one counts as freed when it was watched, the new one is watched when we are armed. */
static void *moved(const void *old, void *block)
{
    if (block) {
        forget(old);
        watch(block);
    }
    return block;
}

void *__wrap_realloc(void *old, size_t size)
{
    return must_fail() ? NULL : moved(old, __real_realloc(old, size));
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
    return must_fail() ? NULL : moved(old, __real_reallocarray(old, n, size));
}

void __wrap_free(void *block)
{
    forget(block);
    __real_free(block);
}
