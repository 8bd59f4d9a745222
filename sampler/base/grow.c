/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int strobe_grow(void *array_ptr, size_t *cap, size_t need, size_t size)
{
    enum { FIRST = 16 };
    size_t want = *cap ? *cap * 2 : FIRST;
    void *array;

    if (need <= *cap)
        return 0;
    if (need >= UINT32_MAX)
        return STROBE_ERR_NOMEM;
    if (want < need)
        want = need;
    memcpy(&array, array_ptr, sizeof array);
    array = realloc(array, want * size);
    if (!array)
        return STROBE_ERR_NOMEM;
    memcpy(array_ptr, &array, sizeof array);
    *cap = want;
    return 0;
}

int strobe_grow_two(void *first_ptr, void *second_ptr, size_t *cap, size_t need, size_t size)
{
    size_t first = *cap, second = *cap;

    if (strobe_grow(first_ptr, &first, need, size) || strobe_grow(second_ptr, &second, need, size))
        return STROBE_ERR_NOMEM;
    *cap = first;
    return 0;
}
