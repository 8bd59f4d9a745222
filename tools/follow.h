/* SPDX-License-Identifier: Apache-2.0 */
/* follow: which processes are sampled: a root and, on request, its descendants, present and future.
 *
 * A process may be Python from its start, become Python by exec (sh -c 'exec python'), by loading libpython later, or never; so each
 * one that is not attached is tried again: at every poll while its runtime starts, else at intervals that grow with its age,
 * and at once when it has exec'ed.  May include: attach, session, base.  Threads: one. */
#ifndef STROBE_TOOLS_FOLLOW_H
#define STROBE_TOOLS_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/attach.h"
#include "base/buf.h"
#include "session.h"

struct strobe_follow;

/* ret_follow: owned by the caller. */
int strobe_follow_new(pid_t root, bool children, struct strobe_follow **ret_follow);
void strobe_follow_free(struct strobe_follow *follow);
/* The session to add targets to, borrowed; must be set before anything else is called. */
void strobe_follow_bind(struct strobe_follow *follow, struct strobe_session *session);

/* Attaches to the root now, or says in why what prevents it (codes of strobe_attach_open). */
int strobe_follow_root(struct strobe_follow *follow, struct strobe_buf *why);
/* Looks for new processes, and again at those that were not Python yet.  now_ns: monotonic. */
void strobe_follow_poll(struct strobe_follow *follow, uint64_t now_ns);

/* How many targets were attached to in all. */
uint64_t strobe_follow_attached(const struct strobe_follow *follow);
/* Whether the root is alive, attached or not. */
bool strobe_follow_root_alive(const struct strobe_follow *follow);
/* The root as it was attached to: 0, STROBE_ERR_GONE, _EXECED; _NOTPYTHON when it is not attached. */
int strobe_follow_root_check(struct strobe_follow *follow);
/* The root's command line, "" when it is not attached; borrowed. */
const char *strobe_follow_title(const struct strobe_follow *follow);
/* Why the last attempt at the root failed, "" if it did not; borrowed. */
const char *strobe_follow_why(const struct strobe_follow *follow);
/* The first warning of a target (strobe_attach_warning), NULL when there was none; borrowed. */
const char *strobe_follow_warning(const struct strobe_follow *follow);

/* For strobe_names_set_shortener: asks the processes that are attached. */
int strobe_follow_shorten(void *ctx, const char *path, struct strobe_buf *ret_short);

#endif
