/* SPDX-License-Identifier: Apache-2.0 */
/* The server and its clients in one thread: a client sends, the server's loop turns until the answer has ended. */
#include "tests/unit/cm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/random.h"
#include "tools/http.h"
#include "tools/listen.h"

enum { ANSWER = 64 << 10, TURNS = 2000 };

static struct strobe_listen listener;
static struct strobe_http *http;
static struct strobe_http_request *kept;
static uint64_t now_ns;
static char answer[ANSWER];

static uint64_t fake_now(struct strobe_clock *clock)
{
    return now_ns;
}

static struct strobe_clock clock_of_test = {fake_now, NULL};

static void say_hello(void *ctx, struct strobe_http_request *request)
{
    struct strobe_buf body = STROBE_BUF_INIT;
    const char *name = strobe_http_query(request, "name");

    strobe_buf_printf(&body, "hello %s", name ? name : "nobody");
    strobe_http_answer(request, &(struct strobe_http_answer){.status = 200, .type = "text/plain", .body = &body});
}

static unsigned n_costly;

static void cost(void *ctx, struct strobe_http_request *request)
{
    n_costly++;
    strobe_http_refuse(request, 200, "much");
}

static void keep(void *ctx, struct strobe_http_request *request)
{
    kept = request;
}

static void start(const struct strobe_http_limits *limits)
{
    static const struct strobe_http_route routes[] = {{"/hello", say_hello, false}, {"/later", keep, false}, {"/costly", cost, true},
                                                     {NULL, NULL, false}};
    struct strobe_http_opts opts = {.routes = routes, .limits = limits, .clock = &clock_of_test};
    struct strobe_buf why = STROBE_BUF_INIT;

    assert_int_equal(strobe_listen_open("127.0.0.1:0", &listener, &why), 0);
    opts.fd = listener.fd;
    opts.loopback = listener.loopback;
    assert_int_equal(strobe_http_open(&opts, &http), 0);
    strobe_buf_release(&why);
}

static int setup(void **state)
{
    now_ns = 1000 * 1000 * 1000;
    kept = NULL;
    http = NULL;
    return 0;
}

static int teardown(void **state)
{
    strobe_http_close(http);
    strobe_listen_close(&listener);
    return 0;
}

static int dial(void)
{
    struct sockaddr_in to;
    socklen_t len = sizeof to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(getsockname(listener.fd, (struct sockaddr *)&to, &len), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, len), 0);
    return fd;
}

static void turn(void)
{
    struct pollfd pfd = {.fd = strobe_http_fd(http), .events = POLLIN};

    poll(&pfd, 1, 1);
    strobe_http_run(http);
}

/* Status; 0: the connection was closed without an answer; -1: none yet. */
static int take(int fd, int turns)
{
    size_t len = 0;
    int status = 0;

    for (int i = 0; i < turns; i++) {
        ssize_t got;

        turn();
        while ((got = recv(fd, answer + len, sizeof answer - 1 - len, MSG_DONTWAIT)) > 0)
            len += (size_t)got;
        answer[len] = '\0';
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            sscanf(answer, "HTTP/1.1 %d", &status);
            return status;
        }
    }
    return -1;
}

static void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int ask(const char *text)
{
    int fd = dial(), status;

    put(fd, text);
    status = take(fd, TURNS);
    close(fd);
    return status;
}

static void test_answers(void **state)
{
    start(&strobe_http_default_limits);
    assert_int_equal(ask("GET /hello?name=you HTTP/1.1\r\nHost: localhost:1\r\n\r\n"), 200);
    assert_non_null(strstr(answer, "\r\n\r\nhello you"));
    assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
    assert_int_equal(ask("HEAD /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), 200);
    assert_non_null(strstr(answer, "Content-Length: 12\r\n"));
    assert_null(strstr(answer, "hello"));
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200);
}

static void test_refusals(void **state)
{
    start(&strobe_http_default_limits);
    assert_int_equal(ask("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"), 404);
    assert_int_equal(ask("GET /hello/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 404);
    assert_int_equal(ask("POST /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"), 405);
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    assert_int_equal(ask("GET /hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12345"), 413);
    assert_int_equal(ask("rubbish\r\n\r\n"), 0); /* not even a request: closed */
    assert_int_equal(ask("GET /hello HTTP/1.1\r\n\r\n"), 400); /* HTTP/1.1 wants a Host */
    assert_int_equal(strobe_http_counts(http)[4], 4);          /* what is no HTTP the library answers itself */
}

static void test_names_of_others(void **state)
{
    start(&strobe_http_default_limits);
    assert_int_equal(ask("GET /hello HTTP/1.1\r\nHost: evil.example:9477\r\n\r\n"), 403);
    assert_int_equal(ask("GET /hello HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n"), 403);
    assert_int_equal(ask("GET /hello HTTP/1.1\r\nHost: [::1]:9477\r\n\r\n"), 200);
    assert_int_equal(ask("GET /hello HTTP/1.1\r\nHost: [evil]\r\n\r\n"), 403);
}

/* What a page in a browser has it ask for, as <img src=...> does, has no Origin, but says where the page is from. */
static void test_pages_of_others(void **state)
{
    static const struct {
        const char *site;
        int status;
    } cases[] = {{"none", 200}, {"same-origin", 200}, {"same-site", 403}, {"cross-site", 403}, {"rubbish", 403}};

    start(&strobe_http_default_limits);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];

        snprintf(text, sizeof text, "GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: %s\r\n\r\n", cases[i].site);
        assert_int_equal(ask(text), cases[i].status);
    }
}

static void test_head_costs_nothing(void **state)
{
    n_costly = 0;
    start(&strobe_http_default_limits);
    assert_int_equal(ask("HEAD /costly HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
    assert_int_equal(n_costly, 0);
    assert_int_equal(ask("GET /costly HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
    assert_int_equal(n_costly, 1);
}

/* Of a request that is kept it can be told that nobody waits for it any more. */
static void test_a_client_that_leaves(void **state)
{
    int fd;

    start(&strobe_http_default_limits);
    fd = dial();
    put(fd, "GET /later HTTP/1.0\r\n\r\n");
    while (!kept)
        turn();
    assert_false(strobe_http_is_gone(kept));
    close(fd);
    while (!strobe_http_is_gone(kept))
        turn();
    strobe_http_refuse(kept, 503, "nobody is there");
    for (int i = 0; i < 20; i++)
        turn();
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200);
}

static void test_sizes(void **state)
{
    static char text[40000];
    int n, status;

    start(&strobe_http_default_limits);
    n = snprintf(text, sizeof text, "GET /hello?name=");
    memset(text + n, 'x', 2000);
    snprintf(text + n + 2000, sizeof text - (size_t)n - 2000, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(ask(text), 414);
    n = snprintf(text, sizeof text, "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: ");
    memset(text + n, 'x', 30000);
    snprintf(text + n + 30000, sizeof text - (size_t)n - 30000, "\r\n\r\n");
    status = ask(text);
    if (status != 431 && status != 413 && status != 0) /* 0: closed with bytes unread, and the answer was lost */
        fail_msg("a header of 30,000 bytes: %d", status);
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200);
}

static void test_rate(void **state)
{
    struct strobe_http_limits limits = strobe_http_default_limits;

    limits.per_second = 1;
    limits.burst = 2;
    start(&limits);
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200);
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200);
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 429);
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    now_ns += 1000 * 1000 * 1000;
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200);
}

static void test_later(void **state)
{
    struct strobe_buf body = STROBE_BUF_INIT;
    int fd;

    start(&strobe_http_default_limits);
    fd = dial();
    put(fd, "GET /later HTTP/1.0\r\n\r\n");
    assert_int_equal(take(fd, 20), -1);
    assert_non_null(kept);
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200); /* others need not wait */
    now_ns += 3600ull * 1000 * 1000 * 1000;                     /* nor does it count as the client's time */
    strobe_http_run(http);
    strobe_buf_puts(&body, "at last");
    strobe_http_answer(kept, &(struct strobe_http_answer){.status = 200, .type = "text/plain", .body = &body});
    assert_int_equal(take(fd, TURNS), 200);
    assert_non_null(strstr(answer, "at last"));
    close(fd);
}

static void test_end_answers_what_is_kept(void **state)
{
    int fd;

    start(&strobe_http_default_limits);
    fd = dial();
    put(fd, "GET /later HTTP/1.0\r\n\r\n");
    assert_int_equal(take(fd, 20), -1);
    strobe_http_close(http);
    http = NULL;
    assert_true(recv(fd, answer, sizeof answer, 0) > 0);
    assert_int_equal(strncmp(answer, "HTTP/1.1 503", 12), 0);
    close(fd);
}

/* A byte now and then never ends a request: the time since the connection counts. */
static void test_slow_client(void **state)
{
    int fd;

    start(&strobe_http_default_limits);
    fd = dial();
    for (int i = 0; i < 11 && !strobe_http_slow(http); i++) {
        put(fd, i ? "X" : "GET /hello HTTP/1.1\r\n");
        turn();
        now_ns += 1000 * 1000 * 1000;
    }
    assert_int_equal(take(fd, TURNS), 0);
    assert_int_equal(strobe_http_slow(http), 1);
    close(fd);
}

static void test_connections(void **state)
{
    struct strobe_http_limits limits = strobe_http_default_limits;
    int fds[4], more;

    limits.per_address = 4;
    start(&limits);
    for (int i = 0; i < 4; i++) {
        fds[i] = dial();
        turn();
    }
    more = dial();
    assert_int_equal(take(more, TURNS), 0);
    close(more);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    for (int i = 0; i < 20; i++)
        turn();
    assert_int_equal(ask("GET /hello HTTP/1.0\r\n\r\n"), 200);
}

/* ---- a hostile client ---- */

static uint32_t below(uint32_t n)
{
    static uint64_t seed = 20260;

    return (uint32_t)strobe_random_below(&seed, n);
}

static void add_bytes(char *text, size_t *len, char byte, size_t n)
{
    memset(text + *len, byte, n);
    *len += n;
}

static void add_text(char *text, size_t *len, const char *more)
{
    memcpy(text + *len, more, strlen(more));
    *len += strlen(more);
}

/* A request whose parts are each as they ought to be, or broken in one of many ways; most have one that is broken, so that every stage of
 * the server is come to. */
static size_t make_request(char *text)
{
    static const char *const methods[] = {"POST", "OPTIONS", "", "\x01", "GETGETGETGETGETGETGETGETGETGET", "get"};
    static const char *const paths[] = {"/nothing", "/", "*", "http://x/hello", "/hello?name=%00%ff%2e", "/hello?&=&=&=&=",
                                        "/../../etc/passwd"};
    static const char *const hosts[] = {"Host: evil.example", "Host:", "Host: localhost\r\nHost: evil.example", "Host: [::1", "X: no host"};
    static const char *const headers[] = {"Content-Length: 5", "Content-Length: -1", "Content-Length: 99999999999999999999",
                                          "Transfer-Encoding: chunked", ": x", "\xff\xfe: \x01", "Sec-Fetch-Site: cross-site"};
    static const char *const ends[] = {"\r\n\r\n", "\n\n", "\r\n\r\nand more", "\r\n"};
    size_t len = 0;

    add_text(text, &len, below(4) ? "GET" : methods[below(6)]);
    add_text(text, &len, " ");
    if (below(20) == 0) {
        add_text(text, &len, "/hello?name=");
        add_bytes(text, &len, 'a', below(6000));
    } else {
        add_text(text, &len, below(4) ? "/hello" : paths[below(7)]);
    }
    add_text(text, &len, below(10) ? " HTTP/1.1\r\n" : " HTTP/9.9\r\n");
    add_text(text, &len, below(4) ? "Host: localhost" : hosts[below(5)]);
    if (below(4) == 0) {
        add_text(text, &len, "\r\n");
        add_text(text, &len, headers[below(7)]);
    }
    if (below(20) == 0) {
        add_text(text, &len, "\r\nX: ");
        add_bytes(text, &len, 'y', below(20000));
    }
    add_text(text, &len, below(10) ? "\r\n\r\n" : ends[below(4)]);
    return len;
}

/* Its answer, or its end: of one that is not whole when its time is over. */
static int throw(const char *text, size_t len)
{
    enum { SOME_TURNS = 5 };
    int fd = dial(), status = -1;

    if (send(fd, text, len, MSG_NOSIGNAL) >= 0)
        status = take(fd, SOME_TURNS);
    if (status < 0) {
        now_ns += strobe_http_default_limits.receive_ns;
        status = take(fd, TURNS);
    }
    close(fd);
    return status;
}

/* 10,000 requests with a fixed seed and no limit of their rate, which would keep nearly all of them from the stages behind it. */
static void test_a_hostile_client(void **state)
{
    enum { REQUESTS = 10000, STATUSES = 600 };
    static const int wanted[] = {0, 200, 400, 403, 404, 405, 413, 414}; /* 0: closed, as what is no HTTP */
    struct strobe_http_limits limits = strobe_http_default_limits;
    static unsigned seen[STATUSES];
    static char text[40000];

    limits.per_second = limits.burst = 1000 * 1000;
    start(&limits);
    for (int i = 0; i < REQUESTS; i++) {
        size_t len = make_request(text);
        int status;

        text[len] = 0;
        status = throw(text, len);

        if (status < 0 || status >= STATUSES) /* none is left without an answer or an end */
            fail_msg("%d after: %.200s", status, text);
        seen[status]++;
    }
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (seen[wanted[i]] < REQUESTS / 500)
            fail_msg("%u of %d ended as %d", seen[wanted[i]], REQUESTS, wanted[i]);
    assert_true(seen[200] > REQUESTS / 10);
    assert_int_equal(seen[429], 0);
    assert_int_equal(ask("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_costs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_client_that_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_answers_what_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_hostile_client, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
