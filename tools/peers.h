/* SPDX-License-Identifier: Apache-2.0 */
/* peers: what a process's file descriptor is connected to, by /proc.  May include: base. */
#ifndef STROBE_TOOLS_PEERS_H
#define STROBE_TOOLS_PEERS_H

#include <stdint.h>

#include "base/buf.h"

/* Appends "127.0.0.1:80", "[::1]:80" or a path of a Unix socket; nothing when it is not connected, no socket, or cannot be told.
 * The socket is looked up in the network namespace of the process. */
void strobe_peer_of_fd(int32_t pid, int32_t fd, struct strobe_buf *out);

#endif
