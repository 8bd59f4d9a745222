/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "tools/ratelimit.h"

const struct strobe_http_limits strobe_http_default_limits = {
    .connections = 64, .per_address = 48, .per_second = 50, .burst = 100, .url = 1024, .memory = 16 << 10,
    .receive_ns = 10ull * 1000 * 1000 * 1000, .send_ns = 30ull * 1000 * 1000 * 1000};

enum {
    ALL_TIMES = 4,      /* what all addresses together may ask for more than one */
    IDLE_SECONDS = 10,  /* libmicrohttpd's own limit: nothing moves */
    TEND_MS = 500,      /* how often deadlines are looked at while there are connections */
};

/* A connection, from its beginning on. */
struct peer {
    struct strobe_http *http;
    struct peer *next, **at;   /* in the list of all */
    int fd;
    uint64_t deadline_ns;      /* 0 = none: we are the ones who take time */
    bool closing;              /* shut down; the end is on its way */
};

struct strobe_http_request {
    struct strobe_http *http;
    struct strobe_http_request *next, **at; /* in the list of those that are kept; at NULL = not in it */
    struct MHD_Connection *connection;
    struct peer *peer;
    size_t url_len;
    bool begun, answered, suspended;
    unsigned status;
    struct MHD_Response *response; /* owned until it is queued */
};

struct strobe_http {
    struct MHD_Daemon *daemon;
    struct strobe_http_opts opts;
    struct strobe_ratelimit rate;
    struct peer *peers;
    struct strobe_http_request *kept;
    int fd;
    uint64_t counts[6], slow;
};

/* ---- answers ---- */

/* Takes the body's memory over.  NULL: out of memory; the connection is then closed without an answer. */
static struct MHD_Response *make_response(const struct strobe_http_answer *answer)
{
    struct MHD_Response *response;
    struct strobe_buf *body = answer->body;
    char disposition[96];

    if (body && body->len && !body->failed) {
        response = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
        if (response)
            *body = (struct strobe_buf)STROBE_BUF_INIT;
    } else {
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    if (body)
        strobe_buf_release(body);
    if (!response)
        return NULL;
    if (answer->type)
        MHD_add_response_header(response, "Content-Type", answer->type);
    if (answer->file_name) {
        snprintf(disposition, sizeof disposition, "attachment; filename=\"%s\"", answer->file_name);
        MHD_add_response_header(response, "Content-Disposition", disposition);
    }
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (answer->status == MHD_HTTP_TOO_MANY_REQUESTS || answer->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, "Retry-After", "1");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Connection", "close");
    return response;
}

/* No longer one of those that are kept. */
static void unlist(struct strobe_http_request *request)
{
    if (!request->at)
        return;
    *request->at = request->next;
    if (request->next)
        request->next->at = request->at;
    request->at = NULL;
}

void strobe_http_answer(struct strobe_http_request *request, const struct strobe_http_answer *answer)
{
    struct strobe_http *http = request->http;
    bool failed = answer->body && answer->body->failed;
    struct strobe_http_answer no_memory = {.status = MHD_HTTP_SERVICE_UNAVAILABLE, .body = answer->body};

    if (failed)
        answer = &no_memory;
    request->response = make_response(answer);
    request->status = answer->status;
    request->answered = true;
    http->counts[answer->status / 100 % 6]++;
    unlist(request);
    if (request->suspended) {
        request->suspended = false;
        MHD_resume_connection(request->connection);
    }
}

void strobe_http_refuse(struct strobe_http_request *request, unsigned status, const char *line)
{
    struct strobe_buf body = STROBE_BUF_INIT;
    struct strobe_http_answer answer = {.status = status, .type = "text/plain; charset=utf-8", .body = &body};

    strobe_buf_printf(&body, "%s\n", line);
    strobe_http_answer(request, &answer);
}

/* Hands the answer to the library.  From now on the client's time counts again. */
static enum MHD_Result queue(struct strobe_http_request *request)
{
    struct strobe_http *http = request->http;
    enum MHD_Result ret = MHD_NO;

    if (request->response) {
        ret = MHD_queue_response(request->connection, request->status, request->response);
        MHD_destroy_response(request->response); /* the queue has its own reference */
        request->response = NULL;
    }
    request->peer->deadline_ns = http->opts.clock->now(http->opts.clock) + http->opts.limits->send_ns;
    return ret;
}

/* ---- requests ---- */

/* The address that a rate is counted by. */
static void address_of(struct MHD_Connection *connection, unsigned char ret[16])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info ? info->client_addr : NULL;

    memset(ret, 0, 16);
    if (address && address->sa_family == AF_INET6)
        memcpy(ret, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 8); /* a /64 is one subscriber */
    else if (address && address->sa_family == AF_INET)
        memcpy(ret + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
}

/* Does a Host header name this machine as its own programs do?  Any other name is one that somebody's name server leads here
 * (DNS rebinding): a page in a browser on this machine would read what it may not. */
static bool is_own_host(const char *host)
{
    char name[64];
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    struct in6_addr address;

    if (len == 0 || len >= sizeof name)
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    if (strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1)
        return true;
    if (name[0] != '[' || name[len - 1] != ']')
        return false;
    name[len - 1] = '\0';
    return inet_pton(AF_INET6, name + 1, &address) == 1;
}

/* Does a page of another site have its browser ask?  It could not read the answer, but have a process profiled.  Browsers that do not tell
 * are older than 2023, other programs do not. */
static bool is_another_sites(const struct strobe_http_request *request)
{
    const char *site = strobe_http_header(request, "Sec-Fetch-Site");

    return site && strcmp(site, "none") != 0 && strcmp(site, "same-origin") != 0;
}

/* Would a body follow?  It is not waited for: an answer now has the library close the connection. */
static bool has_body(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

    return (length && strcmp(length, "0") != 0) || MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
}

static const struct strobe_http_route *find_route(const struct strobe_http *http, const char *path)
{
    for (const struct strobe_http_route *route = http->opts.routes; route->path; route++)
        if (strcmp(route->path, path) == 0)
            return route;
    return NULL;
}

/* A request is whole: refused, or handed to who answers.  The cheap refusals come first, and each costs a token. */
static void begin(struct strobe_http_request *request, const char *path, const char *method)
{
    struct strobe_http *http = request->http;
    const struct strobe_http_route *route = find_route(http, path);
    const char *host = strobe_http_header(request, "Host");
    unsigned char address[16];

    address_of(request->connection, address);
    if (!strobe_ratelimit_take(&http->rate, address, http->opts.clock->now(http->opts.clock)))
        strobe_http_refuse(request, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests");
    else if (request->url_len > http->opts.limits->url)
        strobe_http_refuse(request, MHD_HTTP_URI_TOO_LONG, "the address is too long");
    else if (http->opts.loopback && host && !is_own_host(host))
        strobe_http_refuse(request, MHD_HTTP_FORBIDDEN, "strobe listens on this machine alone, and was asked under another name");
    else if (is_another_sites(request))
        strobe_http_refuse(request, MHD_HTTP_FORBIDDEN, "a page of another site asks");
    else if (!route)
        strobe_http_refuse(request, MHD_HTTP_NOT_FOUND, "there is nothing here");
    else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        strobe_http_refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    else if (has_body(request->connection))
        strobe_http_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "no body is taken");
    else if (route->costly && strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
        strobe_http_answer(request, &(struct strobe_http_answer){.status = MHD_HTTP_OK});
    else
        route->handle(http->opts.ctx, request);
}

/* libmicrohttpd calls it when the headers are there, and again when a suspended connection goes on. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **state)
{
    struct strobe_http *http = ctx;
    struct strobe_http_request *request = *state;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    (void)version;
    (void)upload;
    if (!request || !info || !info->socket_context)
        return MHD_NO; /* out of memory: the connection is closed */
    *upload_size = 0;
    if (!request->begun) {
        request->begun = true;
        request->connection = connection;
        request->peer = info->socket_context;
        request->peer->deadline_ns = 0;
        request->next = http->kept;
        request->at = &http->kept;
        if (http->kept)
            http->kept->at = &request->next;
        http->kept = request;
        begin(request, path, method);
    }
    if (request->answered)
        return queue(request);
    request->suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* The request line is there: what it returns is the request's state from then on. */
static void *on_line(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct strobe_http_request *request = calloc(1, sizeof *request);

    (void)connection;
    if (request) {
        request->http = ctx;
        request->url_len = strlen(uri);
    }
    return request;
}

/* The answer was sent, or the connection is gone: nobody has the request any more. */
static void on_completed(void *ctx, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    struct strobe_http_request *request = *state;

    (void)ctx;
    (void)connection;
    (void)why;
    if (!request)
        return;
    unlist(request);
    if (request->response)
        MHD_destroy_response(request->response);
    free(request);
    *state = NULL;
}

/* ---- connections ---- */

/* A connection begins or ends; the library calls it before it closes the socket, whose number is nobody else's until then. */
static void on_connection(void *ctx, struct MHD_Connection *connection, void **socket_context, enum MHD_ConnectionNotificationCode what)
{
    struct strobe_http *http = ctx;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = *socket_context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        peer = calloc(1, sizeof *peer);
        *socket_context = peer;
        if (!peer)
            return; /* on_request closes it */
        *peer = (struct peer){.http = http, .next = http->peers, .at = &http->peers, .fd = info ? info->connect_fd : -1,
                              .deadline_ns = http->opts.clock->now(http->opts.clock) + http->opts.limits->receive_ns};
        if (http->peers)
            http->peers->at = &peer->next;
        http->peers = peer;
    } else if (peer) {
        *peer->at = peer->next;
        if (peer->next)
            peer->next->at = peer->at;
        free(peer);
        *socket_context = NULL;
    }
}

/* Nothing but the socket's end: the library notices and cleans up. */
static void tend(struct strobe_http *http)
{
    uint64_t now = http->opts.clock->now(http->opts.clock);

    for (struct peer *peer = http->peers; peer; peer = peer->next) {
        if (peer->closing || !peer->deadline_ns || now < peer->deadline_ns)
            continue;
        peer->closing = true;
        http->slow++;
        shutdown(peer->fd, SHUT_RDWR);
    }
}

/* ---- all ---- */

int strobe_http_open(const struct strobe_http_opts *opts, struct strobe_http **ret)
{
    struct strobe_http *http = calloc(1, sizeof *http);
    const struct strobe_http_limits *limits = opts->limits;
    const union MHD_DaemonInfo *info;

    if (!http)
        return STROBE_ERR_NOMEM;
    http->opts = *opts;
    http->rate = (struct strobe_ratelimit){.per_second = limits->per_second, .burst = limits->burst,
                                           .all_per_second = (double)ALL_TIMES * limits->per_second,
                                           .all_burst = (double)ALL_TIMES * limits->burst};
    http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http, MHD_OPTION_LISTEN_SOCKET,
                                    opts->fd, MHD_OPTION_CONNECTION_LIMIT, limits->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                                    limits->per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)limits->memory,
                                    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                    MHD_OPTION_URI_LOG_CALLBACK, on_line, http, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
                                    MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
    info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info) {
        strobe_http_close(http);
        return STROBE_ERR_IO;
    }
    http->fd = info->epoll_fd;
    *ret = http;
    return 0;
}

void strobe_http_close(struct strobe_http *http)
{
    int listener;

    if (!http)
        return;
    if (http->daemon) {
        listener = MHD_quiesce_daemon(http->daemon); /* the caller's: it is not to be closed here */
        (void)listener;
        while (http->kept)
            strobe_http_refuse(http->kept, MHD_HTTP_SERVICE_UNAVAILABLE, "strobe is ending");
        MHD_run(http->daemon);
        MHD_stop_daemon(http->daemon);
    }
    free(http);
}

int strobe_http_fd(const struct strobe_http *http)
{
    return http->fd;
}

int strobe_http_timeout_ms(const struct strobe_http *http)
{
    MHD_UNSIGNED_LONG_LONG ms;
    int least = http->peers ? TEND_MS : -1;

    if (MHD_get_timeout(http->daemon, &ms) == MHD_YES && (least < 0 || ms < (MHD_UNSIGNED_LONG_LONG)least))
        return ms > TEND_MS ? TEND_MS : (int)ms;
    return least;
}

void strobe_http_run(struct strobe_http *http)
{
    MHD_run(http->daemon);
    tend(http);
}

/* The library does not look at a connection that it has suspended. */
bool strobe_http_is_gone(const struct strobe_http_request *request)
{
    struct pollfd pfd = {.fd = request->peer->fd, .events = POLLRDHUP};

    return poll(&pfd, 1, 0) > 0;
}

const char *strobe_http_query(const struct strobe_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *strobe_http_header(const struct strobe_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const uint64_t *strobe_http_counts(const struct strobe_http *http)
{
    return http->counts;
}

uint64_t strobe_http_slow(const struct strobe_http *http)
{
    return http->slow;
}
