/* SPDX-License-Identifier: Apache-2.0 */
/* http: a small HTTP server for machines to ask, over libmicrohttpd: a table of paths, GET and HEAD alone, no bodies taken.
 *
 * It has no thread: the caller waits for strobe_http_fd with its other files and calls strobe_http_run, so that handlers and what they
 * look at belong to one loop.  A handler answers at once, or keeps the request and answers later.
 *
 *   accept -> limits (connections, of one address too) -> request line and headers, within limits of size and time
 *          -> rate of the address (429) -> Host, another site's page (403) -> path (404) -> method (405) -> body (413) -> handler
 *          -> answer -> close
 *
 * Every connection serves one request: what a client may hold up is bounded by its deadlines.
 * May include: base, ratelimit.h.  Memory: its own; bounded by the limits.  Threads: one. */
#ifndef STROBE_TOOLS_HTTP_H
#define STROBE_TOOLS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

struct strobe_http;
struct strobe_http_request;

/* The request is to be answered once, with strobe_http_answer: here, or later by who keeps the pointer. */
typedef void strobe_http_handle(void *ctx, struct strobe_http_request *request);

struct strobe_http_route {
    const char *path; /* the whole one: "/metrics" */
    strobe_http_handle *handle;
    bool costly;      /* HEAD is answered without asking it */
};

struct strobe_http_limits {
    unsigned connections, per_address;  /* at the same time */
    unsigned per_second, burst;         /* requests of one address; all addresses together have four times that */
    unsigned url;                       /* bytes of the request's target; 414 beyond */
    unsigned memory;                    /* bytes of request line and headers; 431 beyond */
    uint64_t receive_ns, send_ns;       /* to send the request, from the connection on; to take the answer, from when it is there */
};
extern const struct strobe_http_limits strobe_http_default_limits;

struct strobe_http_opts {
    int fd;         /* listens, non-blocking; borrowed */
    bool loopback;  /* reachable from this machine alone: requests that name another host come by way of a browser, and are refused.
                     * So are those that a page of another site has its browser make (Sec-Fetch-Site), wherever we listen */
    const struct strobe_http_route *routes; /* ends with a path of NULL; borrowed, as limits */
    void *ctx;                              /* of the handlers */
    const struct strobe_http_limits *limits;
    struct strobe_clock *clock;
};

/* ret: owned by the caller.  STROBE_ERR_NOMEM, STROBE_ERR_IO. */
int strobe_http_open(const struct strobe_http_opts *opts, struct strobe_http **ret);
/* Requests that are still kept are answered 503, and are not to be used any more. */
void strobe_http_close(struct strobe_http *http);

/* Readable when there is something to do, */
int strobe_http_fd(const struct strobe_http *http);
/* or after so many milliseconds; -1 = no limit. */
int strobe_http_timeout_ms(const struct strobe_http *http);
/* Does what there is to do, and closes who has taken too long. */
void strobe_http_run(struct strobe_http *http);

/* The first value of a parameter or header; NULL when there is none.  Borrowed; hostile bytes. */
const char *strobe_http_query(const struct strobe_http_request *request, const char *name);
const char *strobe_http_header(const struct strobe_http_request *request, const char *name);

struct strobe_http_answer {
    unsigned status;
    const char *type;       /* of the content, with its charset; static */
    const char *file_name;  /* a browser saves it under this name; NULL = shows it.  Static */
    struct strobe_buf *body; /* emptied: its memory is taken over; NULL = none */
};
void strobe_http_answer(struct strobe_http_request *request, const struct strobe_http_answer *answer);
/* Has who asked gone, or said that nothing more comes from there?  For a request that is kept: it is still to be answered. */
bool strobe_http_is_gone(const struct strobe_http_request *request);
/* An answer of one line of plain text. */
void strobe_http_refuse(struct strobe_http_request *request, unsigned status, const char *line);

/* Answers so far by class of their status (index 4: 4xx), those that libmicrohttpd gave itself not included. */
const uint64_t *strobe_http_counts(const struct strobe_http *http); /* [6] */
uint64_t strobe_http_slow(const struct strobe_http *http);          /* connections that were closed for taking too long */

#endif
