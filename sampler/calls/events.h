/* SPDX-License-Identifier: Apache-2.0 */
/* events: how activations come onto stacks, for events (calls.c) and for what was there before them (seeds.c).
 *
 * Inside of calls/ only.  May include: activations.h.  Threads: the one that runs. */
#ifndef STROBE_CALLS_EVENTS_H
#define STROBE_CALLS_EVENTS_H

#include "calls/activations.h"
#include "calls/calls.h"

/* NULL when there is none in this frame. */
struct strobe_calls_activation *strobe_calls_activation_at(struct strobe_calls *calls, const void *frame);
/* One more of this thread, on no stack yet; of that frame there is none.  NULL: out of memory. */
struct strobe_calls_activation *strobe_calls_activation_new(struct strobe_calls_thread *thread, const void *key, const void *frame,
                                                            uint32_t group);

enum strobe_calls_coming { STROBE_CALLS_STARTS, STROBE_CALLS_GOES_ON, STROBE_CALLS_WAS_THERE };
/* The activation of this frame comes onto the thread's stack; made where it is not known.  wanted: a group, STROBE_CALLS_SAME or _TELL.
 * now: by the thread's own clock. */
enum strobe_calls_verdict strobe_calls_put(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t wanted,
                                           enum strobe_calls_coming how, struct strobe_calls_time now);

#endif
