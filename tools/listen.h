/* SPDX-License-Identifier: Apache-2.0 */
/* listen: the socket that a server listens on: an address as a user writes it -> a bound, listening socket.
 * May include: base.  Threads: any. */
#ifndef STROBE_TOOLS_LISTEN_H
#define STROBE_TOOLS_LISTEN_H

#include <stdbool.h>

#include "base/buf.h"

struct strobe_listen {
    int fd;               /* owned by who opened it */
    bool loopback;        /* only this machine can reach it */
    struct strobe_buf url; /* "http://127.0.0.1:9477": with the port that it has, also where any would do; owned */
};

/* text: "HOST:PORT", "[IPV6]:PORT", "HOST", ":PORT" or "PORT"; what is missing is 127.0.0.1 and 9477.  Port 0: one that is free.
 * An error has one sentence in why: STROBE_ERR_ARG (no such address), STROBE_ERR_BUSY (taken), STROBE_ERR_PERM, STROBE_ERR_IO. */
int strobe_listen_open(const char *text, struct strobe_listen *ret, struct strobe_buf *why);
void strobe_listen_close(struct strobe_listen *listener);

/* The parts of such a text, pure: false when it cannot be one.  Sizes are those of getaddrinfo(3)'s longest. */
enum { STROBE_LISTEN_HOST = 256, STROBE_LISTEN_PORT = 6 };
bool strobe_listen_parse(const char *text, char ret_host[STROBE_LISTEN_HOST], char ret_port[STROBE_LISTEN_PORT]);

#endif
