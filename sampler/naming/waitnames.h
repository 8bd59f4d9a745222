/* SPDX-License-Identifier: Apache-2.0 */
/* waitnames: what the code calls the things that tasks wait for.
 *
 *   code        the expression before the `async with` or `await` (runtime/callsite.h), followed from object to object and found to
 *               lead to this very object: "PriceClient._price_semaphore", "module.NAME", "function.variable"
 *   attribute   an attribute of an object that one of the task's frames has in a local
 *   global      a global variable of the frame's module, or an attribute of one
 *
 * Needs the frames to be as they were when the sample was taken: to be called right after it.
 * May include: walk, runtime, base.  Threads: one. */
#ifndef STROBE_NAMING_WAITNAMES_H
#define STROBE_NAMING_WAITNAMES_H

#include "base/buf.h"
#include "runtime/layout.h"
#include "walk/tasks.h"

/* The local variable that a name begins with: a name that holds in one frame.  Elsewhere the same variable may have another thing. */
struct strobe_wait_variable {
    uint64_t code;  /* of its function; 0 = the name begins with no local variable */
    uint64_t value; /* what it has where the name was found */
    uint32_t slot;
    bool cell;
};

/* Appends the name of sample->waits[wait], UTF-8, unescaped; nothing when there is none.  ret_source: "code", "attribute", "global" or "",
 * static.  ret_variable may be NULL. */
void strobe_wait_name(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_task_sample *sample, uint32_t wait,
                      struct strobe_buf *name, const char **ret_source, struct strobe_wait_variable *ret_variable);

/* Has that variable, in the frames of this task, what it has where the name was found?  1 = in one of them; -1 = in none of those that
 * have it: there the name means another thing; 0 = none of its frames has it. */
int strobe_wait_variable_in(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_wait_variable *variable,
                            const struct strobe_task *task);

/* Appends the name of an object that a task has to do with, such as the executor that its call was handed to, by looking around: an
 * attribute of what its frames have in variables, a global variable.  The source as above. */
void strobe_thing_name(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_task *task, uint64_t object,
                       struct strobe_buf *name, const char **ret_source);

/* Appends class and name, as the leaves of profiles have them: "Semaphore PriceClient._price_semaphore", "Queue.get Worker._inbox",
 * "sleep".  An executor's name and a number of tasks are not said here. */
void strobe_wait_label(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_task_sample *sample, uint32_t wait,
                       struct strobe_buf *out);

#endif
