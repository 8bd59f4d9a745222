/* SPDX-License-Identifier: Apache-2.0 */
/* callables: what a callable made in C is called by itself: "time.sleep", "lock.acquire", "int".
 * May include: runtime, base.  No state. */
#ifndef STROBE_NAMING_CALLABLES_H
#define STROBE_NAMING_CALLABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "runtime/layout.h"

/* Appends the name, UTF-8, unescaped; of a functools.partial that of what it calls.  False: it has none that could be read. */
bool strobe_callable_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t callable, struct strobe_buf *out);

#endif
