/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "attach/proc/heapmap.h"
#include "attach/proc/locate_asyncio.h"
#include "attach/proc/mem_process.h"
#include "attach/proc/peers.h"
#include "attach/proc/shorten.h"
#include "attach/proc/threadstat.h"
#include "base/err.h"
#include "ext/onthread.h"

enum { CHECK_TRIES = 20, CHECK_PAUSE_US = 1000 }; /* as for a process that is attached to: other threads run while it is looked at */

/* ---- host ---- */

struct host_self {
    struct strobe_host host;
    struct strobe_host_inside inside;
    struct strobe_threadstat *stat;
};

/* We would wait for ourselves. */
static int self_hold(struct strobe_host *host, int32_t tid)
{
    (void)host, (void)tid;
    return STROBE_ERR_BUSY;
}

static void self_release(struct strobe_host *host)
{
    (void)host;
}

static int self_thread_state(struct strobe_host *host, int32_t tid, struct strobe_thread_state *ret)
{
    return strobe_threadstat_read(((struct host_self *)host)->stat, tid, ret);
}

static int self_thread_id(struct strobe_host *host, int32_t native, uint64_t pthread, int32_t *ret_tid)
{
    struct host_self *self = (struct host_self *)host;

    if (!native)
        return strobe_threadstat_pthread(self->stat, pthread, ret_tid);
    *ret_tid = native; /* the same namespace */
    return 0;
}

static int self_thread_name(struct strobe_host *host, int32_t tid, char *buf, size_t size)
{
    return strobe_threadstat_name(((struct host_self *)host)->stat, tid, buf, size);
}

static void self_close(struct strobe_host *host)
{
    struct host_self *self = (struct host_self *)host;

    strobe_threadstat_free(self->stat);
    strobe_mem_close(self->inside.mem);
    free(self);
}

static int self_visit(struct strobe_host *host, int32_t tid, void (*read)(void *ctx), void *ctx)
{
    (void)host;
    return strobe_onthread_run(tid, read, ctx);
}

static int host_new(struct strobe_host **ret)
{
    static const struct strobe_host_ops ops = {self_hold, self_release, self_thread_state, self_thread_id, self_thread_name, self_close};
    struct host_self *self = calloc(1, sizeof *self);
    int err = self ? 0 : STROBE_ERR_NOMEM;

    if (!err)
        err = strobe_threadstat_new(getpid(), &self->stat);
    if (!err)
        err = strobe_mem_process_new(getpid(), &self->inside.mem); /* bare: a cache would allocate */
    if (err) {
        if (self)
            strobe_threadstat_free(self->stat);
        free(self);
        return err;
    }
    self->inside.visit = self_visit;
    self->host = (struct strobe_host){.ops = &ops, .inside = strobe_onthread_open() ? NULL : &self->inside};
    *ret = &self->host;
    return 0;
}

/* ---- place ---- */

struct strobe_inside {
    struct strobe_place place;
    struct strobe_layout layout;
    struct strobe_mem *mem;   /* NULL after detach_parts */
    struct strobe_host *host; /* likewise */
    struct strobe_shortener *shortener;
    struct strobe_peers peers;
    struct strobe_heapmap map;
    uint64_t asyncio, asyncio_seen; /* as in attach.c */
    struct strobe_buf cmdline;
    char exe[4096], version[32];
};

static struct strobe_inside *of(struct strobe_place *place)
{
    return (struct strobe_inside *)place;
}

static void begin(struct strobe_place *place, bool *ret_stopped)
{
    strobe_peers_release(&of(place)->peers);
    strobe_peers_init(&of(place)->peers, place->pid);
    *ret_stopped = false;
}

static int find_asyncio(struct strobe_place *place, struct strobe_mem *mem, uint64_t *ret_table)
{
    struct strobe_inside *self = of(place);
    int err = 0;

    if (!self->asyncio)
        err = strobe_locate_asyncio(place->pid, mem, &self->layout, &self->asyncio_seen, &self->asyncio);
    if (!err)
        *ret_table = self->asyncio;
    return err;
}

static int shorten(struct strobe_place *place, const char *path, struct strobe_buf *ret_short)
{
    return strobe_shorten(of(place)->shortener, path, ret_short);
}

static void peer(struct strobe_place *place, int32_t fd, struct strobe_buf *out)
{
    strobe_peers_of_fd(&of(place)->peers, fd, out);
}

static int area(struct strobe_place *place, bool anew, uint64_t most, uint64_t *ret_addr, uint64_t *ret_bytes)
{
    struct strobe_heapmap *map = &of(place)->map;
    int err = 0;

    if (anew) {
        strobe_heapmap_release(map);
        err = strobe_heapmap_open(place->pid, map);
    }
    return err ? err : strobe_heapmap_next(map, most, ret_addr, ret_bytes) ? 0 : STROBE_ERR_MISSING;
}

/* argv joined by blanks; and the path of the executable. */
static void read_texts(struct strobe_inside *self)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen("/proc/self/cmdline", "re");
    ssize_t got = readlink("/proc/self/exe", self->exe, sizeof self->exe - 1);

    self->exe[got > 0 ? got : 0] = '\0';
    while (f && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        strobe_buf_put(&self->cmdline, chunk, n);
    if (f)
        fclose(f);
    while (self->cmdline.len && !self->cmdline.data[self->cmdline.len - 1])
        self->cmdline.len--;
    for (size_t i = 0; i < self->cmdline.len; i++)
        if (!self->cmdline.data[i])
            self->cmdline.data[i] = ' ';
}

static int choose_layout(struct strobe_inside *self, uint64_t runtime, uint32_t version, char *why)
{
    struct strobe_layout_hint hint = {.runtime = runtime, .version = version};
    int err = strobe_layout_init(self->mem, &hint, &self->layout, why);

    for (int i = 0; !err && i < CHECK_TRIES; i++) {
        if (i)
            usleep(CHECK_PAUSE_US);
        strobe_mem_epoch(self->mem);
        if (!(err = strobe_layout_check(self->mem, &self->layout, why)) || i == CHECK_TRIES - 1)
            break;
        err = 0;
    }
    return err;
}

static int open_mem(struct strobe_inside *self)
{
    struct strobe_mem *inner;
    int err = strobe_mem_process_new(getpid(), &inner);

    if (!err && (err = strobe_mem_paged_new(inner, &self->mem)))
        strobe_mem_close(inner);
    return err;
}

int strobe_inside_open(uint64_t runtime, uint32_t version, const char *text, struct strobe_inside **ret, struct strobe_buf *why)
{
    static const struct strobe_place_ops ops = {.begin = begin, .find_asyncio = find_asyncio, .shorten = shorten, .peer = peer,
                                                .area = area};
    struct strobe_inside *self = calloc(1, sizeof *self);
    char clause[256] = "";
    int err;

    if (!self)
        return STROBE_ERR_NOMEM;
    self->map = (struct strobe_heapmap)STROBE_HEAPMAP_INIT;
    strobe_peers_init(&self->peers, getpid());
    if ((err = open_mem(self)) || (err = choose_layout(self, runtime, version, clause)) || (err = host_new(&self->host)) ||
        (err = strobe_shortener_new(getpid(), &self->shortener))) {
        if (why)
            strobe_buf_puts(why, *clause ? clause : strobe_err_text(err));
        strobe_inside_close(self);
        return err;
    }
    read_texts(self);
    snprintf(self->version, sizeof self->version, "%s", text);
    self->place = (struct strobe_place){.ops = &ops, .mem = self->mem, .host = self->host, .layout = &self->layout, .pid = getpid(),
                                        .cmdline = strobe_buf_str(&self->cmdline), .exe = self->exe, .version = self->version};
    *ret = self;
    return 0;
}

void strobe_inside_close(struct strobe_inside *self)
{
    if (!self)
        return;
    if (self->host)
        self->host->ops->close(self->host);
    strobe_mem_close(self->mem);
    strobe_shortener_free(self->shortener);
    strobe_peers_release(&self->peers);
    strobe_heapmap_release(&self->map);
    strobe_buf_release(&self->cmdline);
    free(self);
}

struct strobe_place *strobe_inside_place(struct strobe_inside *self)
{
    return &self->place;
}

void strobe_inside_detach_parts(struct strobe_inside *self, struct strobe_mem **ret_mem, struct strobe_host **ret_host)
{
    *ret_mem = self->mem;
    *ret_host = self->host;
    self->mem = NULL;
    self->host = NULL;
}
