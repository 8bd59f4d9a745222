/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/peers.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/proc/procpath.h"

/* The inode number of "socket:[N]". */
static bool inode_of(int32_t pid, int32_t fd, uint64_t *ret)
{
    char path[64], link[64];
    ssize_t n;

    strobe_procpath(path, sizeof path, pid, "fd/%" PRId32, fd);
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

/* Notes the text that has been put since `from` as that of a socket.  What finds no memory is a peer that cannot be told. */
static void note(struct strobe_peers *peers, uint64_t inode, size_t from)
{
    strobe_buf_putc(&peers->texts, '\0');
    if (!peers->texts.failed && !strobe_htab_get(&peers->known, inode, 0))
        strobe_htab_put(&peers->known, inode, 0, from);
}

static void read_inet_table(struct strobe_peers *peers, const char *table)
{
    char path[64], line[512], remote[40];
    unsigned port;
    uint64_t inode;
    FILE *f;

    strobe_procpath(path, sizeof path, peers->pid, "net/%s", table);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        size_t from = peers->texts.len;

        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%*x %39[0-9A-Fa-f]:%x %*x %*s %*s %*s %*d %*d %" SCNu64, remote, &port, &inode) == 3 &&
            put_inet(remote, port, &peers->texts))
            note(peers, inode, from);
    }
    if (f)
        fclose(f);
}

static void read_unix_table(struct strobe_peers *peers)
{
    char path[64], line[512], name[256];
    uint64_t inode;
    FILE *f;

    strobe_procpath(path, sizeof path, peers->pid, "net/unix");
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        size_t from = peers->texts.len;

        if (sscanf(line, "%*s %*x %*x %*x %*x %*x %" SCNu64 " %255[^\n]", &inode, name) == 2) {
            strobe_buf_puts(&peers->texts, name);
            note(peers, inode, from);
        }
    }
    if (f)
        fclose(f);
}

static void read_tables(struct strobe_peers *peers)
{
    static const char *const tables[] = {"tcp", "tcp6", "udp", "udp6"};

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        read_inet_table(peers, tables[i]);
    read_unix_table(peers);
    peers->read = true;
}

void strobe_peers_init(struct strobe_peers *peers, int32_t pid)
{
    *peers = (struct strobe_peers){.pid = pid, .known = STROBE_HTAB_INIT, .texts = STROBE_BUF_INIT};
}

void strobe_peers_release(struct strobe_peers *peers)
{
    strobe_htab_release(&peers->known);
    strobe_buf_release(&peers->texts);
}

void strobe_peers_of_fd(struct strobe_peers *peers, int32_t fd, struct strobe_buf *out)
{
    uint64_t inode, *at;

    if (!inode_of(peers->pid, fd, &inode))
        return;
    if (!peers->read)
        read_tables(peers);
    if (!peers->texts.failed && (at = strobe_htab_get(&peers->known, inode, 0)))
        strobe_buf_puts(out, strobe_buf_str(&peers->texts) + *at);
}
