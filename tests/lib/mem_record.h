/* SPDX-License-Identifier: Apache-2.0 */
/* mem_record: a wrapper reader that remembers which memory was read through it and can put it into an image.
 *
 * Memory is kept by 4 KiB pages; inside a page, what lies far from everything that was read (KEEP bytes) is zeroed: it
 * compresses well, and nothing of the process that nobody asked for gets into a file. */
#ifndef STROBE_TESTS_MEM_RECORD_H
#define STROBE_TESTS_MEM_RECORD_H

#include "mem/mem.h"
#include "tests/lib/mem_image.h"

/* inner is borrowed.  ret_mem: closed by the caller. */
int record_mem_new(struct strobe_mem *inner, struct strobe_mem **ret_mem);

/* Reads every page that was touched once more, in a new epoch of inner, and adds it to the image.  The target must not have
 * changed since. */
int record_mem_save(struct strobe_mem *mem, struct image *image);

#endif
