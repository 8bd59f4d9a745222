/* SPDX-License-Identifier: Apache-2.0 */
#include "calls/activations.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { BLOCK = 64, SLOTS_MIN = 256 };

void strobe_calls_activations_release(struct strobe_calls_activations *table)
{
    for (struct strobe_calls_activation *block = table->blocks, *next; block; block = next) {
        next = block->inner;
        free(block);
    }
    free(table->slots);
    *table = (struct strobe_calls_activations)STROBE_CALLS_ACTIVATIONS_INIT;
}

static size_t place_of(const struct strobe_calls_activations *table, const void *frame)
{
    return (size_t)(((uint64_t)(uintptr_t)frame >> 4) * 0x9e3779b97f4a7c15ull >> 24) & table->mask;
}

struct strobe_calls_activation *strobe_calls_activations_get(const struct strobe_calls_activations *table, const void *frame)
{
    if (!table->slots)
        return NULL;
    for (size_t i = place_of(table, frame);; i = (i + 1) & table->mask)
        if (!table->slots[i] || table->slots[i]->frame == frame)
            return table->slots[i];
}

static void put(struct strobe_calls_activations *table, struct strobe_calls_activation *activation)
{
    size_t i = place_of(table, activation->frame);

    while (table->slots[i])
        i = (i + 1) & table->mask;
    table->slots[i] = activation;
}

static int grow(struct strobe_calls_activations *table)
{
    struct strobe_calls_activations bigger = *table;
    size_t slots = table->slots ? (table->mask + 1) * 2 : SLOTS_MIN;

    bigger.mask = slots - 1;
    if (!(bigger.slots = calloc(slots, sizeof *bigger.slots)))
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; table->slots && i <= table->mask; i++)
        if (table->slots[i])
            put(&bigger, table->slots[i]);
    free(table->slots);
    *table = bigger;
    return 0;
}

/* More free ones.  The first of a block only holds the list of blocks together. */
static int refill(struct strobe_calls_activations *table)
{
    struct strobe_calls_activation *block = calloc(BLOCK, sizeof *block);

    if (!block)
        return STROBE_ERR_NOMEM;
    block->inner = table->blocks;
    table->blocks = block;
    for (int i = 1; i < BLOCK; i++) {
        block[i].inner = table->free;
        table->free = &block[i];
    }
    return 0;
}

struct strobe_calls_activation *strobe_calls_activations_add(struct strobe_calls_activations *table, const void *frame)
{
    struct strobe_calls_activation *activation;

    if (((!table->slots || table->count * 2 > table->mask) && grow(table)) || (!table->free && refill(table)))
        return NULL;
    activation = table->free;
    table->free = activation->inner;
    *activation = (struct strobe_calls_activation){.frame = frame};
    put(table, activation);
    table->count++;
    return activation;
}

void strobe_calls_activations_remove(struct strobe_calls_activations *table, struct strobe_calls_activation *activation)
{
    size_t hole = place_of(table, activation->frame), i;

    while (table->slots[hole] != activation)
        hole = (hole + 1) & table->mask;
    /* What lies behind and could not be found over the hole moves into it. */
    for (i = (hole + 1) & table->mask; table->slots[i]; i = (i + 1) & table->mask)
        if (((i - place_of(table, table->slots[i]->frame)) & table->mask) >= ((i - hole) & table->mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    table->slots[hole] = NULL;
    table->count--;
    activation->inner = table->free;
    table->free = activation;
}
