/* SPDX-License-Identifier: Apache-2.0 */
/* childwork: what the worker processes of a process pool are in, read from them: only they know which of the pool's calls they took.
 * May include: attach, snapshot, walk, base. */
#ifndef STROBE_TOOLS_CHILDWORK_H
#define STROBE_TOOLS_CHILDWORK_H

#include <stdint.h>

#include "snapshot.h"
#include "walk/pools.h"

/* Asks the worker processes of a target's process pools and tells the pools (strobe_pools_assign).  Those that are not ours to read, or
 * have ended, stay as they are.  parent: the target's process id.  mode: may they be paused?
 * STROBE_ERR_NOMEM. */
int strobe_childwork_ask(int32_t parent, enum strobe_snapshot_mode mode, struct strobe_pools *pools);

#endif
