/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/listen.h"

static void test_parse(void **state)
{
    static const struct {
        const char *text, *host, *port; /* host NULL: refused */
    } cases[] = {
        {"127.0.0.1:9477", "127.0.0.1", "9477"}, {"0.0.0.0:80", "0.0.0.0", "80"}, {"localhost:0", "localhost", "0"},
        {"8080", "127.0.0.1", "8080"},           {":8080", "127.0.0.1", "8080"},  {"example", "example", "9477"},
        {"[::1]:65535", "::1", "65535"},         {"[::]", "::", "9477"},          {"::1", "::1", "9477"},
        {"fe80::1%eth0", "fe80::1%eth0", "9477"}, {"", NULL, NULL},               {"host:", NULL, NULL},
        {"host:65536", NULL, NULL},              {"host:-1", NULL, NULL},         {"host: 80", NULL, NULL},
        {"host:123456", NULL, NULL},             {"[::1", NULL, NULL},            {"[]:80", NULL, NULL},
        {"[::1]80", NULL, NULL},                 {"host:80x", NULL, NULL},
    };
    char host[STROBE_LISTEN_HOST], port[STROBE_LISTEN_PORT], longest[STROBE_LISTEN_HOST + 8];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is = strobe_listen_parse(cases[i].text, host, port);

        if (is != (cases[i].host != NULL))
            fail_msg("'%s' is%s taken", cases[i].text, is ? "" : " not");
        if (is) {
            assert_string_equal(host, cases[i].host);
            assert_string_equal(port, cases[i].port);
        }
    }
    memset(longest, 'h', sizeof longest);
    longest[STROBE_LISTEN_HOST] = '\0';
    assert_false(strobe_listen_parse(longest, host, port));
}

static void test_free_port_and_taken_port(void **state)
{
    struct strobe_listen first, second;
    struct strobe_buf why = STROBE_BUF_INIT;
    const char *address;

    assert_int_equal(strobe_listen_open("127.0.0.1:0", &first, &why), 0);
    assert_true(first.loopback);
    assert_int_equal(strncmp(strobe_buf_str(&first.url), "http://127.0.0.1:", 17), 0);
    address = strobe_buf_str(&first.url) + strlen("http://");
    assert_true(atoi(strrchr(address, ':') + 1) > 0);
    assert_int_equal(strobe_listen_open(address, &second, &why), STROBE_ERR_BUSY);
    assert_non_null(strstr(strobe_buf_str(&why), "is taken by another program"));
    strobe_listen_close(&first);
    strobe_listen_close(&second);
    strobe_buf_release(&why);
}

static void test_not_ours(void **state)
{
    struct strobe_listen listener;
    struct strobe_buf why = STROBE_BUF_INIT;

    assert_int_equal(strobe_listen_open("192.0.2.1:0", &listener, &why), STROBE_ERR_ARG); /* TEST-NET-1, RFC 5737 */
    assert_string_equal(strobe_buf_str(&why), "192.0.2.1 is no address of this machine");
    strobe_listen_close(&listener);
    strobe_buf_clear(&why);
    assert_int_equal(strobe_listen_open("[::1]x", &listener, &why), STROBE_ERR_ARG);
    strobe_listen_close(&listener);
    strobe_buf_release(&why);
}

static void test_every_address(void **state)
{
    struct strobe_listen listener;
    struct strobe_buf why = STROBE_BUF_INIT;

    assert_int_equal(strobe_listen_open("0.0.0.0:0", &listener, &why), 0);
    assert_false(listener.loopback);
    strobe_listen_close(&listener);
    strobe_buf_release(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_free_port_and_taken_port),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_every_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
