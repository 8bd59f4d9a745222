/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/peers.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The inode number of "socket:[N]". */
static bool inode_of(int32_t pid, int32_t fd, uint64_t *ret)
{
    char path[64], link[64];
    ssize_t n;

    snprintf(path, sizeof path, "/proc/%" PRId32 "/fd/%" PRId32, pid, fd);
    n = readlink(path, link, sizeof link - 1);
    if (n <= 0)
        return false;
    link[n] = '\0';
    return sscanf(link, "socket:[%" SCNu64 "]", ret) == 1;
}

/* /proc/net/tcp: address in hexadecimal, words of 4 bytes in the machine's order. */
static bool put_inet(const char *hex, unsigned port, struct strobe_buf *out)
{
    unsigned char addr[16];
    char text[INET6_ADDRSTRLEN];
    size_t n = strlen(hex) / 8;

    if (!port || (n != 1 && n != 4))
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned word;

        if (sscanf(hex + 8 * i, "%8x", &word) != 1)
            return false;
        memcpy(addr + 4 * i, &word, 4);
    }
    if (!inet_ntop(n == 1 ? AF_INET : AF_INET6, addr, text, sizeof text))
        return false;
    strobe_buf_printf(out, n == 1 ? "%s:%u" : "[%s]:%u", text, port);
    return true;
}

static bool in_inet_table(int32_t pid, const char *table, uint64_t inode, struct strobe_buf *out)
{
    char path[64], line[512], remote[40];
    unsigned port;
    uint64_t found;
    bool put = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%" PRId32 "/net/%s", pid, table);
    f = fopen(path, "re");
    while (f && !put && fgets(line, sizeof line, f))
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%*x %39[0-9A-Fa-f]:%x %*x %*s %*s %*s %*d %*d %" SCNu64, remote, &port, &found) == 3 &&
            found == inode)
            put = put_inet(remote, port, out);
    if (f)
        fclose(f);
    return put;
}

static bool in_unix_table(int32_t pid, uint64_t inode, struct strobe_buf *out)
{
    char path[64], line[512], name[256];
    uint64_t found;
    bool put = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%" PRId32 "/net/unix", pid);
    f = fopen(path, "re");
    while (f && !put && fgets(line, sizeof line, f))
        if (sscanf(line, "%*s %*x %*x %*x %*x %*x %" SCNu64 " %255[^\n]", &found, name) == 2 && found == inode) {
            strobe_buf_puts(out, name);
            put = true;
        }
    if (f)
        fclose(f);
    return put;
}

void strobe_peer_of_fd(int32_t pid, int32_t fd, struct strobe_buf *out)
{
    static const char *const tables[] = {"tcp", "tcp6", "udp", "udp6"};
    uint64_t inode;

    if (!inode_of(pid, fd, &inode))
        return;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (in_inet_table(pid, tables[i], inode, out))
            return;
    in_unix_table(pid, inode, out);
}
