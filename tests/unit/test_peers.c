/* SPDX-License-Identifier: Apache-2.0 */
/* Peers of this process's own descriptors, against what getpeername() says. */
#include "tests/unit/cm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/proc/peers.h"

static void assert_peer(struct strobe_peers *peers, int fd, const char *wanted)
{
    struct strobe_buf text = STROBE_BUF_INIT;

    strobe_peers_of_fd(peers, fd, &text);
    assert_string_equal(strobe_buf_str(&text), wanted);
    strobe_buf_release(&text);
}

/* A connection to a listening socket of this process; where the machine has no such addresses, the test is skipped. */
static void test_inet_of(int family, const struct sockaddr *any, socklen_t len)
{
    struct sockaddr_storage at;
    struct strobe_peers peers;
    char host[INET6_ADDRSTRLEN], wanted[128];
    socklen_t at_len = sizeof at;
    int listener = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0), server;

    if (listener < 0 || client < 0 || bind(listener, any, len) || listen(listener, 1)) {
        close(listener);
        close(client);
        skip();
    }
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &at_len), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&at, at_len), 0);
    server = accept(listener, NULL, NULL);
    assert_true(server >= 0);
    strobe_peers_init(&peers, (int32_t)getpid());
    for (int i = 0; i < 2; i++) {
        int fd = i ? server : client;

        at_len = sizeof at;
        assert_int_equal(getpeername(fd, (struct sockaddr *)&at, &at_len), 0);
        if (family == AF_INET)
            snprintf(wanted, sizeof wanted, "%s:%u", inet_ntop(family, &((struct sockaddr_in *)&at)->sin_addr, host, sizeof host),
                     ntohs(((struct sockaddr_in *)&at)->sin_port));
        else
            snprintf(wanted, sizeof wanted, "[%s]:%u", inet_ntop(family, &((struct sockaddr_in6 *)&at)->sin6_addr, host, sizeof host),
                     ntohs(((struct sockaddr_in6 *)&at)->sin6_port));
        assert_peer(&peers, fd, wanted);
    }
    assert_peer(&peers, listener, "");
    strobe_peers_release(&peers);
    close(server);
    close(client);
    close(listener);
}

static void test_ipv4(void **state)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    test_inet_of(AF_INET, (struct sockaddr *)&any, sizeof any);
}

static void test_ipv6(void **state)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    test_inet_of(AF_INET6, (struct sockaddr *)&any, sizeof any);
}

/* A path belongs to the side that bound it. */
static void test_unix(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct strobe_peers peers;

    snprintf(at.sun_path, sizeof at.sun_path, "/tmp/strobe-test-peers-%d", (int)getpid());
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    strobe_peers_init(&peers, (int32_t)getpid());
    assert_peer(&peers, fd, at.sun_path);
    strobe_peers_release(&peers);
    unlink(at.sun_path);
    close(fd);
}

static void test_what_has_no_peer(void **state)
{
    struct strobe_peers peers, nobody;
    int ends[2], udp = socket(AF_INET, SOCK_DGRAM, 0);

    assert_int_equal(pipe(ends), 0);
    strobe_peers_init(&peers, (int32_t)getpid());
    assert_peer(&peers, ends[0], "");
    assert_false(peers.read); /* no socket was asked for */
    assert_peer(&peers, 1000000, "");
    assert_peer(&peers, -1, "");
    assert_peer(&peers, udp, "");
    strobe_peers_release(&peers);
    strobe_peers_init(&nobody, 0x7fffffff); /* above any pid_max */
    assert_peer(&nobody, udp, "");
    strobe_peers_release(&nobody);
    close(ends[0]);
    close(ends[1]);
    close(udp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_what_has_no_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
