/* SPDX-License-Identifier: Apache-2.0 */
/* trace_greenlets: greenlets: a switch takes a thread from one stack to another.
 * May include: trace_seat.h. */
#ifndef STROBE_EXT_TRACE_GREENLETS_H
#define STROBE_EXT_TRACE_GREENLETS_H

#include "ext/trace_seat.h"

/* The thread tells of its switches, where the program has imported greenlet.  With is_inside. */
void strobe_trace_greenlets(struct strobe_seat *seat, const struct strobe_trace *trace);
/* greenlet has switched: objects, only compared.  What cannot be noted for want of memory is lost: the thread is on the stack it was on. */
void strobe_trace_switched(const void *origin, bool origin_is_dead, const void *target);

#endif
