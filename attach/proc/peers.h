/* SPDX-License-Identifier: Apache-2.0 */
/* peers: what a process's file descriptor is connected to, by /proc.  May include: base. */
#ifndef STROBE_PROC_PEERS_H
#define STROBE_PROC_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/htab.h"

struct strobe_peers {
    int32_t pid;
    bool read;                /* the tables of its network namespace, once, when the first socket is asked for */
    struct strobe_htab known; /* inode of a socket -> where its text begins in texts */
    struct strobe_buf texts;
};

void strobe_peers_init(struct strobe_peers *peers, int32_t pid);
void strobe_peers_release(struct strobe_peers *peers);
/* Appends "127.0.0.1:80", "[::1]:80" or a path of a Unix socket; nothing when it is not connected, no socket, or cannot be told. */
void strobe_peers_of_fd(struct strobe_peers *peers, int32_t fd, struct strobe_buf *out);

#endif
