/* SPDX-License-Identifier: Apache-2.0 */
/* trace_forgive: what becomes of exceptions of code that strobe asks in the middle of the program's own.  May include: compat.h. */
#ifndef STROBE_EXT_TRACE_FORGIVE_H
#define STROBE_EXT_TRACE_FORGIVE_H

/* What was asked for us has raised: an Exception is nobody's; anything else (KeyboardInterrupt, SystemExit) the program raises as soon as
 * it goes on. */
void strobe_trace_forgive(void);

#endif
