/* SPDX-License-Identifier: Apache-2.0 */
/* grow: arrays that grow.  Indices are 32 bits wide everywhere, and UINT32_MAX is free to mean "none". */
#ifndef STROBE_BASE_GROW_H
#define STROBE_BASE_GROW_H

#include <stddef.h>

/* Room for `need` items of `size` bytes in the array whose address is at array_ptr (address of the pointer, of any type) and whose
 * room is *cap items; at least doubled when it grows.  New items are not initialised.
 * 0, or STROBE_ERR_NOMEM, and then nothing has changed. */
int strobe_grow(void *array_ptr, size_t *cap, size_t need, size_t size);
/* The same for two arrays of equal items that share one *cap.  On failure what was there is still there. */
int strobe_grow_two(void *first_ptr, void *second_ptr, size_t *cap, size_t need, size_t size);

#endif
