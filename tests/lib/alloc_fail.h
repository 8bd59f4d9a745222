/* SPDX-License-Identifier: Apache-2.0 */
/* alloc_fail: sees every malloc, calloc, realloc, reallocarray, strdup, strndup, aligned_alloc and free of our own objects
 * (not those inside libraries), by the linker's --wrap.  Between arm and disarm it counts allocations, makes one of them
 * fail, and remembers what was allocated and not yet freed.
 * State: global, one user at a time, not thread-safe (a test program is single-threaded). */
#ifndef STROBE_TESTS_ALLOC_FAIL_H
#define STROBE_TESTS_ALLOC_FAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts counting at zero; the n-th allocation from here on (1-based) fails, once; 0 = none does. */
void alloc_fail_arm(uint64_t n);
/* Stops.  Returns how many allocations were asked for since arm. */
uint64_t alloc_fail_disarm(void);
/* Since arm (also asked after disarm; frees are followed until the next arm): */
bool alloc_fail_hit(void);       /* the n-th allocation was reached */
size_t alloc_fail_live(void);    /* allocations made while armed that are not freed yet */

#endif
