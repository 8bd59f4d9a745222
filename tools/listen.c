/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

enum { BACKLOG = 64 }; /* connections that wait to be accepted; beyond them the kernel lets a client try again */
static const char default_host[] = "127.0.0.1", default_port[] = "9477";

static bool is_port(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len < STROBE_LISTEN_PORT && !text[strspn(text, "0123456789")] && strtol(text, NULL, 10) <= UINT16_MAX;
}

bool strobe_listen_parse(const char *text, char ret_host[STROBE_LISTEN_HOST], char ret_port[STROBE_LISTEN_PORT])
{
    const char *host = text, *end, *port = NULL;

    if (*text == '[') { /* IPv6, whose colons are no port's */
        host = text + 1;
        end = strchr(host, ']');
        if (!end || (end[1] && end[1] != ':') || end == host)
            return false;
        port = end[1] ? end + 2 : NULL;
    } else {
        end = strchr(text, ':');
        if (end && strchr(end + 1, ':')) { /* a bare IPv6 address */
            end = text + strlen(text);
        } else if (end) {
            port = end + 1;
        } else if (is_port(text)) {
            port = end = text;
        } else {
            end = text + strlen(text);
        }
    }
    if (!*text || (port && !is_port(port)) || end - host >= STROBE_LISTEN_HOST)
        return false;
    snprintf(ret_host, STROBE_LISTEN_HOST, "%.*s", end > host ? (int)(end - host) : (int)sizeof default_host - 1,
             end > host ? host : default_host);
    snprintf(ret_port, STROBE_LISTEN_PORT, "%s", port ? port : default_port);
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static int put_url(struct strobe_listen *listener)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    bool six;

    if (getsockname(listener->fd, (struct sockaddr *)&bound, &len) ||
        getnameinfo((struct sockaddr *)&bound, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        return STROBE_ERR_IO;
    six = bound.ss_family == AF_INET6;
    listener->loopback = is_loopback((struct sockaddr *)&bound);
    strobe_buf_printf(&listener->url, "http://%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port);
    return listener->url.failed ? STROBE_ERR_NOMEM : 0;
}

/* errno of the call that failed, 0 when it listens. */
static int try_address(const struct addrinfo *info, int *ret_fd)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, err;

    if (fd < 0)
        return errno;
    /* A server that was just stopped leaves connections in TIME_WAIT behind, which are no reason to refuse; one that still listens is. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6) /* [::] is what it says; who wants both gives 0.0.0.0 too */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (!bind(fd, info->ai_addr, info->ai_addrlen) && !listen(fd, BACKLOG)) {
        *ret_fd = fd;
        return 0;
    }
    err = errno;
    close(fd);
    return err;
}

/* "::1:9477" is an address itself; perhaps its end was meant as a port. */
static void hint_brackets(const char *host, struct strobe_buf *why)
{
    const char *last = strrchr(host, ':');

    if (last && last > host + 1 && is_port(last + 1))
        strobe_buf_printf(why, "; for port %s of an IPv6 address write [%.*s]:%s", last + 1, (int)(last - host), host, last + 1);
}

static int explain(const char *host, const char *port, int err, struct strobe_buf *why)
{
    const char *open = strchr(host, ':') ? "[" : "", *close = strchr(host, ':') ? "]" : "";

    switch (err) {
    case EADDRINUSE:
        strobe_buf_printf(why, "port %s of %s is taken by another program: choose another with --listen %s%s%s:PORT, or port 0 for one "
                               "that is free", port, host, open, host, close);
        return STROBE_ERR_BUSY;
    case EACCES:
        strobe_buf_printf(why, "not allowed to listen on %s%s%s:%s: ports below 1024 are root's", open, host, close, port);
        return STROBE_ERR_PERM;
    case EADDRNOTAVAIL:
        strobe_buf_printf(why, "%s is no address of this machine", host);
        hint_brackets(host, why);
        return STROBE_ERR_ARG;
    default:
        strobe_buf_printf(why, "cannot listen on %s%s%s:%s: %s", open, host, close, port, strerror(err));
        return STROBE_ERR_IO;
    }
}

int strobe_listen_open(const char *text, struct strobe_listen *ret, struct strobe_buf *why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    char host[STROBE_LISTEN_HOST], port[STROBE_LISTEN_PORT];
    int err = EADDRNOTAVAIL, got;

    *ret = (struct strobe_listen){.fd = -1, .url = STROBE_BUF_INIT};
    if (!strobe_listen_parse(text, host, port)) {
        strobe_buf_printf(why, "'%s' is no address to listen on: it takes HOST:PORT, such as 127.0.0.1:9477 or [::1]:9477", text);
        return STROBE_ERR_ARG;
    }
    got = getaddrinfo(host, port, &hints, &found);
    if (got) {
        strobe_buf_printf(why, "'%s' is no address to listen on: %s", host, gai_strerror(got));
        hint_brackets(host, why);
        return STROBE_ERR_ARG;
    }
    for (const struct addrinfo *at = found; at && err; at = at->ai_next) /* the first that works */
        err = try_address(at, &ret->fd);
    freeaddrinfo(found);
    if (err)
        return explain(host, port, err, why);
    err = put_url(ret);
    if (err) {
        strobe_buf_puts(why, strobe_err_text(err));
        strobe_listen_close(ret);
    }
    return err;
}

void strobe_listen_close(struct strobe_listen *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    strobe_buf_release(&listener->url);
    listener->fd = -1;
}
