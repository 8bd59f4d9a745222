/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_serve: options -> a socket -> fewer rights -> one loop over signals, requests, profiles and what is due. */
#include "tools/cmd.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach/target.h"
#include "base/clock.h"
#include "tools/listen.h"
#include "tools/privileges.h"
#include "tools/routes.h"
#include "tools/say.h"
#include "tools/signals.h"
#include "tools/textfile.h"

static const uint64_t textfile_ns = 15ull * 1000 * 1000 * 1000;
static const char default_listen[] = "127.0.0.1:9477";

struct server {
    const struct strobe_opts *opts;
    struct strobe_listen listener;
    struct strobe_signals signals;
    struct strobe_serving serving;
    struct strobe_routes routes;
    struct strobe_launch launch;
    struct strobe_textfile textfile;
    bool serving_open, launched, ended, stopped;
    int wait_status;             /* of the program, once ended */
    bool textfile_written, textfile_failed; /* once; at the last attempt */
    uint64_t textfile_due;
};

static uint64_t now(void)
{
    struct strobe_clock *clock = strobe_clock_system();

    return clock->now(clock);
}

/* ---- beginning ---- */

static int open_http(struct server *server, struct strobe_buf *why)
{
    struct strobe_http_opts opts = {.fd = server->listener.fd, .loopback = server->listener.loopback, .routes = strobe_routes_table,
                                    .ctx = &server->routes, .limits = &strobe_http_default_limits, .clock = strobe_clock_system()};
    int err;

    if (server->listener.fd < 0)
        return 0;
    err = strobe_http_open(&opts, &server->routes.http);
    if (err)
        strobe_buf_printf(why, "the HTTP server could not be started: %s", strobe_err_text(err));
    return err;
}

static int give_up_rights(struct server *server, struct strobe_buf *why)
{
    enum strobe_privileges privileges;
    int err = strobe_privileges_drop(server->opts->serve.user, server->launched, &privileges, why);

    if (!err && privileges == STROBE_PRIVILEGES_NEEDED)
        strobe_say("Warning: root's rights are kept: CAP_SYS_PTRACE, which would be enough, is not among them (in a container: --cap-add "
                   "SYS_PTRACE).");
    return err;
}

/* One that is no Python may have started some that is; the kernel starts none. */
static bool may_start(int32_t pid)
{
    struct strobe_target_stat stat;
    pid_t child;

    return !strobe_target_stat(pid, &stat) && !(stat.flags & STROBE_TARGET_KTHREAD) && strobe_target_descendants(pid, &child, 1);
}

/* Those that were named: to be found at the beginning; of one that is no Python it is said that what it starts is looked at. */
static int attach_all(struct server *server, struct strobe_buf *why)
{
    const struct strobe_opts *opts = server->opts;

    for (size_t i = 0; i < opts->serve.n_pids; i++) {
        size_t said = why->len;
        int err = strobe_serving_start(&server->serving, opts->serve.pids[i], why);

        if (err == STROBE_ERR_NOTREADY || (err == STROBE_ERR_NOTPYTHON && may_start(opts->serve.pids[i]))) {
            if (err == STROBE_ERR_NOTPYTHON)
                strobe_say("Warning: %s. What it has started and starts is looked at.", strobe_buf_str(why) + said);
            why->len = said;
            if (why->data)
                why->data[said] = '\0';
            continue;
        }
        if (err)
            return err;
    }
    return 0;
}

/* In this order: who writes the textfile, as that has no other file of ours; what may be refused before anything is started; the socket and
 * the program while the rights are there; then, with what is left of them, the processes, so that one that could not be read later is not
 * read now. */
static int start(struct server *server, struct strobe_buf *why)
{
    const struct strobe_opts *opts = server->opts;
    const char *address = opts->serve.listen ? opts->serve.listen : opts->serve.textfile ? NULL : default_listen;
    const int32_t *pids = opts->serve.pids;
    size_t n = opts->serve.n_pids;
    int err = opts->serve.textfile ? strobe_textfile_open(&server->textfile, opts->serve.textfile, why) : 0;

    if (!err && address)
        err = strobe_listen_open(address, &server->listener, why);
    if (!err && (err = strobe_signals_open(&server->signals)))
        strobe_buf_puts(why, strobe_err_text(err));
    if (!err && opts->program) {
        err = strobe_target_launch(opts->program, &server->launch, why);
        server->launched = !err;
        pids = &server->launch.pid;
        n = 1;
    }
    if (!err)
        err = give_up_rights(server, why);
    if (!err) {
        server->serving_open = true;
        err = strobe_serving_init(&server->serving, opts, pids, n, why);
    }
    server->routes.serving = &server->serving;
    if (!err && !server->launched)
        err = attach_all(server, why);
    return err ? err : open_http(server, why);
}

static void say_start(const struct server *server)
{
    const struct strobe_opts *opts = server->opts;

    if (server->listener.fd >= 0)
        strobe_say("Serving %s/metrics. Press Control-C to exit.", strobe_buf_str(&server->listener.url));
    if (server->listener.fd >= 0 && !server->listener.loopback)
        strobe_say("Warning: whoever reaches this address can read names of functions, tasks and files, and ask for profiles.");
    if (opts->serve.textfile)
        strobe_say("Writing metrics to '%s' every 15 seconds.", opts->serve.textfile);
}

/* ---- the loop ---- */

/* A program that was launched gets what was sent to strobe alone; strobe ends with it. */
static void take_signals(struct server *server)
{
    struct strobe_signal got;

    while (strobe_signals_next(&server->signals, &got)) {
        if (!server->launched)
            server->stopped = true;
        else if (!got.from_terminal && !server->ended)
            kill(server->launch.pid, got.number);
    }
    if (server->launched && !server->ended)
        server->ended = strobe_target_reap(&server->launch, &server->wait_status);
    server->stopped |= server->ended;
}

/* Each a line and one write, so that lines of a launched program do not mix into it. */
static void put_events(struct server *server)
{
    struct strobe_meter_event event;

    while (strobe_meter_next_event(server->serving.meter, &event)) {
        struct strobe_buf line = STROBE_BUF_INIT;

        if (!strobe_meter_event_json(&event, &line) && write(STDERR_FILENO, line.data, line.len) < 0) {
            /* Nobody reads: the counter of events has it. */
        }
        strobe_buf_release(&line);
    }
}

/* That it cannot be written at all is an error; that it could be and cannot now is said once: a disk may be full for a moment. */
static int write_textfile(struct server *server, struct strobe_buf *ret_why)
{
    struct strobe_buf text = STROBE_BUF_INIT, why = STROBE_BUF_INIT;
    int err = strobe_routes_metrics(&server->routes, false, &text);

    if (!err)
        err = strobe_textfile_write(&server->textfile, &text, &why);
    if (err && !why.len)
        strobe_buf_puts(&why, strobe_err_text(err));
    if (err && !server->textfile_written)
        strobe_buf_puts(ret_why, strobe_buf_str(&why));
    else if (err && !server->textfile_failed)
        strobe_complain("%s; it is tried again every 15 seconds", strobe_buf_str(&why));
    server->textfile_failed = err != 0;
    server->textfile_written |= !err;
    server->textfile_due = now() + textfile_ns;
    strobe_buf_release(&text);
    strobe_buf_release(&why);
    return server->textfile_written ? 0 : err;
}

/* Until a signal, a request, or a profile is there, or something is due. */
static void wait_for_more(struct server *server, int timeout_ms)
{
    struct pollfd fds[2 + 2 * STROBE_PROFILED_AT_ONCE] = {{.fd = server->signals.fd, .events = POLLIN},
                                                          {.fd = -1, .events = POLLIN}};
    nfds_t n = 2;

    if (server->routes.http) {
        int http_ms = strobe_http_timeout_ms(server->routes.http);

        fds[1].fd = strobe_http_fd(server->routes.http);
        timeout_ms = http_ms >= 0 && http_ms < timeout_ms ? http_ms : timeout_ms;
    }
    for (int i = 0; i < STROBE_PROFILED_AT_ONCE; i++) {
        const struct strobe_profiled *profile = &server->routes.profiles[i];

        if (profile->child <= 0)
            continue;
        if (profile->out < 0 && profile->err < 0 && timeout_ms > 1)
            timeout_ms = 1; /* its pipes have ended: so will it */
        fds[n++] = (struct pollfd){.fd = profile->out, .events = POLLIN};
        fds[n++] = (struct pollfd){.fd = profile->err, .events = POLLIN};
    }
    poll(fds, n, timeout_ms);
}

/* An error is one that serving makes no sense after: the textfile cannot be written. */
static int loop(struct server *server, struct strobe_buf *why)
{
    int timeout_ms = 0, err;

    while (!server->stopped) {
        wait_for_more(server, timeout_ms);
        take_signals(server);
        if (server->routes.http)
            strobe_http_run(server->routes.http);
        strobe_routes_turn(&server->routes);
        timeout_ms = strobe_serving_turn(&server->serving);
        if (server->opts->serve.textfile && now() >= server->textfile_due && (err = write_textfile(server, why)))
            return err;
        put_events(server);
    }
    return 0;
}

/* ---- all ---- */

/* Nothing is served any more, nor looked at. */
static void finish(struct server *server)
{
    strobe_routes_end(&server->routes);
    strobe_http_close(server->routes.http);
    if (server->serving_open)
        strobe_serving_release(&server->serving);
    strobe_textfile_close(&server->textfile);
    strobe_listen_close(&server->listener);
}

/* The program goes on without us; its status is ours. */
static int await_program(struct server *server, int own_exit)
{
    while (server->launched && !server->ended) {
        strobe_signals_wait(&server->signals, -1);
        take_signals(server);
    }
    if (!server->launched)
        return own_exit;
    return WIFSIGNALED(server->wait_status) ? 128 + WTERMSIG(server->wait_status) : WEXITSTATUS(server->wait_status);
}

/* Values that only their users can judge, before anything is started.  STROBE_ERR_ARG, with a sentence in why. */
static int judge_values(const struct strobe_opts *opts, struct strobe_buf *why)
{
    struct strobe_meter_opts meter_opts = {.prefix = opts->serve.prefix};
    char host[STROBE_LISTEN_HOST], port[STROBE_LISTEN_PORT];
    struct strobe_meter *meter;
    int err = 0;

    if (opts->serve.listen && !strobe_listen_parse(opts->serve.listen, host, port)) {
        strobe_buf_printf(why, "'%s' is no value for --listen: it takes HOST:PORT, such as 127.0.0.1:9477 or [::1]:9477",
                          opts->serve.listen);
        return STROBE_ERR_ARG;
    }
    if (!opts->serve.prefix)
        return 0;
    err = strobe_meter_new(&meter_opts, &meter);
    if (!err)
        strobe_meter_free(meter);
    if (err == STROBE_ERR_ARG)
        strobe_buf_printf(why, "'%s' is no value for --prefix: no metric's name can begin with it", opts->serve.prefix);
    return err == STROBE_ERR_ARG ? err : 0;
}

static int run(const struct strobe_opts *opts)
{
    struct server server = {.opts = opts, .listener = {.fd = -1, .url = STROBE_BUF_INIT}, .signals = {.fd = -1},
                            .textfile = STROBE_TEXTFILE_INIT};
    struct strobe_buf why = STROBE_BUF_INIT;
    int ret_exit, err;

    if (judge_values(opts, &why)) {
        strobe_complain("%s", strobe_buf_str(&why));
        strobe_buf_release(&why);
        return STROBE_EXIT_USAGE;
    }
    err = start(&server, &why);
    if (!err) {
        say_start(&server);
        err = loop(&server, &why);
    }
    if (err)
        strobe_complain("%s", strobe_buf_str(&why));
    finish(&server);
    ret_exit = await_program(&server, err ? STROBE_EXIT_ERROR : STROBE_EXIT_OK);
    strobe_signals_close(&server.signals);
    strobe_buf_release(&why);
    return err && !ret_exit ? STROBE_EXIT_ERROR : ret_exit;
}

int strobe_cmd_serve(int argc, char **argv)
{
    struct strobe_opts opts;
    int ret_exit;

    if (strobe_cmd_ready(STROBE_CMD_SERVE, argc, argv, &opts, &ret_exit))
        ret_exit = run(&opts);
    strobe_opts_release(&opts);
    return ret_exit;
}
