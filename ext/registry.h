/* SPDX-License-Identifier: Apache-2.0 */
/* registry: what this process knows of its own resources beforehand: those that were seen being made, those of strobe.watch().
 * May include: picture/hints.h, base.  Threads: any.  State: one for the process, as its objects are; a fork's child has the same. */
#ifndef STROBE_EXT_REGISTRY_H
#define STROBE_EXT_REGISTRY_H

#include "picture/hints.h"

/* name: copied; capacity: of permits or workers.  NULL and -1 leave what was known of the object as it was.  STROBE_ERR_NOMEM. */
int strobe_registry_put(uint64_t address, const char *name, int64_t capacity);
/* The object is gone. */
void strobe_registry_remove(uint64_t address);
/* Copies of all of them, in the arena; ret: valid as long as that.  STROBE_ERR_NOMEM. */
struct strobe_arena;
int strobe_registry_copy(struct strobe_arena *arena, struct strobe_hints *ret);
/* Around a fork (forks.h): nobody changes it; the child has the same. */
void strobe_registry_hold(void);
void strobe_registry_let_go(void);
void strobe_registry_forked(void);

#endif
