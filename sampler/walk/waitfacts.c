/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/waitfacts.h"

#include <string.h>

#include "runtime/pyobj.h"
#include "runtime/pyspan.h"

enum {
    MAX_HOPS = 4,    /* transports inside of transports: TLS over a socket is one */
};

/* What is being read, and how. */
struct facts {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_roles *roles;
    const struct strobe_wait *wait;
    struct strobe_wait_facts *ret;
};

/* ---- attributes: 0 or -1 when they are None or cannot be read ---- */

static bool is_none(const struct facts *f, uint64_t obj)
{
    enum strobe_py_kind kind;

    return strobe_py_kind(f->mem, f->lay, obj, &kind) || kind == STROBE_PY_NONE;
}

static uint64_t attr(const struct facts *f, uint64_t obj, const char *name)
{
    uint64_t value;

    return !obj || strobe_py_attr(f->mem, f->lay, obj, name, &value) || is_none(f, value) ? 0 : value;
}

/* An int or bool, not negative. */
static int64_t number(const struct facts *f, uint64_t obj, const char *name)
{
    uint64_t value = attr(f, obj, name);
    int64_t n;

    return !value || strobe_py_int(f->mem, f->lay, value, &n) || n < 0 ? -1 : n;
}

static int32_t small_number(const struct facts *f, uint64_t obj, const char *name)
{
    int64_t n = number(f, obj, name);

    return n > INT32_MAX ? -1 : (int32_t)n;
}

static int64_t length(const struct facts *f, uint64_t container)
{
    uint64_t n;

    return !container || strobe_py_len(f->mem, f->lay, container, &n) ? -1 : (int64_t)n;
}

/* How many wait in obj's own queue: a deque, or None before the first (asyncio, from 3.10 on). */
static int64_t queue_length(const struct facts *f, uint64_t obj, const char *name)
{
    enum strobe_py_kind kind;
    uint64_t queue;

    if (!obj || strobe_py_attr(f->mem, f->lay, obj, name, &queue) || strobe_py_kind(f->mem, f->lay, queue, &kind))
        return -1;
    return kind == STROBE_PY_NONE ? 0 : length(f, queue);
}

/* anyio 4.5+: one made outside of an event loop stands for another, which is made when it is first used. */
static uint64_t behind(const struct facts *f, uint64_t obj, const char *name)
{
    uint64_t inner = attr(f, obj, name);

    return inner ? inner : obj;
}

/* ---- what can be taken ---- */

static void set_capacity(const struct facts *f, int64_t capacity, enum strobe_capacity_source source)
{
    f->ret->capacity = capacity;
    f->ret->capacity_source = capacity < 0 ? STROBE_CAPACITY_UNKNOWN : source;
}

void strobe_wait_facts_count(const struct strobe_wait *wait, struct strobe_wait_facts *facts)
{
    int64_t holders = wait->n_holders;

    if (wait->kind != STROBE_WAIT_SEMAPHORE || facts->capacity >= 0 || facts->free < 0 || facts->free > INT64_MAX - holders ||
        facts->free + holders == 0)
        return;
    facts->capacity = facts->free + holders;
    facts->capacity_source = STROBE_CAPACITY_COUNTED;
}

/* Has it no attribute of that name?  False also when that cannot be told. */
static bool lacks(const struct facts *f, uint64_t obj, const char *name)
{
    uint64_t value;

    return strobe_py_attr(f->mem, f->lay, obj, name, &value) == STROBE_ERR_MISSING;
}

/* One of anyio's that stands for another and was not used yet has what it was made with. */
static void read_semaphore(const struct facts *f, uint64_t obj, const char *bound)
{
    obj = behind(f, obj, "_internal_semaphore");
    f->ret->free = number(f, obj, "_value");
    f->ret->queued = queue_length(f, obj, "_waiters");
    if (f->ret->free < 0 && lacks(f, obj, "_value")) {
        f->ret->free = number(f, obj, "_initial_value");
        f->ret->queued = f->ret->free < 0 ? -1 : 0;
    }
    if (bound)
        set_capacity(f, number(f, obj, bound), STROBE_CAPACITY_STORED);
}

/* Is it taken?  -1 = unknown.  asyncio says it; anyio has the owner, in versions before 4.5 as an attribute of the class while there is
 * none, and a TaskInfo. */
static int64_t is_locked(const struct facts *f, uint64_t obj, uint64_t *ret_owner)
{
    int64_t locked = number(f, obj, "_locked"), id;
    uint64_t waiters;

    *ret_owner = 0;
    if (locked >= 0)
        return locked != 0;
    obj = behind(f, obj, "_internal_lock");
    if (strobe_py_attr(f->mem, f->lay, obj, "_waiters", &waiters))
        return -1;
    *ret_owner = attr(f, obj, "_owner_task");
    locked = *ret_owner != 0;
    id = locked && !strobe_role_is_task(strobe_roles_of(f->roles, *ret_owner)) ? number(f, *ret_owner, "id") : -1;
    if (id > 0)
        *ret_owner = (uint64_t)id;
    return locked;
}

static void read_lock(const struct facts *f, uint64_t obj)
{
    uint64_t owner;
    int64_t locked = is_locked(f, obj, &owner);

    f->ret->free = locked < 0 ? -1 : !locked;
    f->ret->queued = queue_length(f, behind(f, obj, "_internal_lock"), "_waiters");
    set_capacity(f, 1, STROBE_CAPACITY_STORED);
}

static void read_event(const struct facts *f, uint64_t obj)
{
    obj = behind(f, behind(f, obj, "_internal_event"), "_event");
    f->ret->free = number(f, obj, "_value");
    f->ret->queued = queue_length(f, obj, "_waiters");
}

static void read_condition(const struct facts *f, uint64_t obj)
{
    uint64_t lock = attr(f, obj, "_lock");

    if (lock)
        read_lock(f, lock);
    f->ret->queued = queue_length(f, obj, "_waiters");
}

/* Nobody gets in while those who were let through leave it, nor when it is broken: _state is a member of an Enum. */
static void read_barrier(const struct facts *f, uint64_t obj)
{
    int64_t parties = number(f, obj, "_parties"), count = number(f, obj, "_count");
    uint64_t value = attr(f, attr(f, obj, "_state"), "_value_");
    struct strobe_buf state = STROBE_BUF_INIT;

    set_capacity(f, parties, STROBE_CAPACITY_STORED);
    if (value && !strobe_py_str(f->mem, f->lay, value, &state) && parties >= 0 && count >= 0)
        f->ret->free = strcmp(strobe_buf_str(&state), "filling") != 0 || count > parties ? 0 : parties - count;
    strobe_buf_release(&state);
    f->ret->queued = queue_length(f, attr(f, obj, "_cond"), "_waiters");
}

static void read_limiter(const struct facts *f, uint64_t obj)
{
    uint64_t total;
    double tokens;

    obj = behind(f, obj, "_internal_limiter");
    total = attr(f, obj, "_total_tokens");
    f->ret->borrowed = length(f, attr(f, obj, "_borrowers"));
    f->ret->queued = length(f, attr(f, obj, "_wait_queue"));
    if (total && f->ret->borrowed < 0 && lacks(f, obj, "_borrowers"))
        f->ret->borrowed = f->ret->queued = 0; /* made outside of an event loop, not used yet */
    if (!total || strobe_py_float(f->mem, f->lay, total, &tokens) || !(tokens >= 0))
        return;
    set_capacity(f, tokens < (double)STROBE_UNLIMITED ? (int64_t)tokens : STROBE_UNLIMITED, STROBE_CAPACITY_STORED);
    if (f->ret->capacity == STROBE_UNLIMITED)
        f->ret->free = STROBE_UNLIMITED;
    else if (f->ret->borrowed >= 0)
        f->ret->free = f->ret->capacity > f->ret->borrowed ? f->ret->capacity - f->ret->borrowed : 0;
}

static void read_queue(const struct facts *f, uint64_t obj)
{
    int64_t maxsize;
    uint64_t value = attr(f, obj, "_maxsize");

    f->ret->size = length(f, attr(f, obj, "_queue"));
    if (value && !strobe_py_int(f->mem, f->lay, value, &maxsize))
        f->ret->maxsize = maxsize > 0 ? maxsize : 0;
    f->ret->unfinished = number(f, obj, "_unfinished_tasks");
    switch (f->wait->kind) {
    case STROBE_WAIT_QUEUE_GET: f->ret->queued = queue_length(f, obj, "_getters"); break;
    case STROBE_WAIT_QUEUE_PUT: f->ret->queued = queue_length(f, obj, "_putters"); break;
    case STROBE_WAIT_QUEUE_JOIN: f->ret->queued = queue_length(f, attr(f, obj, "_finished"), "_waiters"); break;
    default: break;
    }
}

/* Lib/threading.py: the one who waits holds a lock that is in the condition's deque.  A plain one does not keep how many it had. */
static void read_threading_semaphore(const struct facts *f, uint64_t obj, const char *bound)
{
    f->ret->free = number(f, obj, "_value");
    f->ret->queued = queue_length(f, attr(f, obj, "_cond"), "_waiters");
    if (bound)
        set_capacity(f, number(f, obj, bound), STROBE_CAPACITY_STORED);
}

/* Lib/queue.py; LifoQueue and PriorityQueue have a list. */
static void read_threading_queue(const struct facts *f, uint64_t obj)
{
    int64_t maxsize, getters, putters;
    uint64_t value = attr(f, obj, "maxsize");

    f->ret->size = length(f, attr(f, obj, "queue"));
    if (value && !strobe_py_int(f->mem, f->lay, value, &maxsize))
        f->ret->maxsize = maxsize > 0 ? maxsize : 0;
    f->ret->unfinished = number(f, obj, "unfinished_tasks");
    getters = queue_length(f, attr(f, obj, "not_empty"), "_waiters");
    putters = queue_length(f, attr(f, obj, "not_full"), "_waiters");
    f->ret->queued = getters < 0 || putters < 0 ? -1 : getters + putters;
}

/* ---- files and processes ---- */

/* socket.socket: an int right after the header of what it descends from (Modules/socketmodule.h); -1 = closed. */
static int32_t fd_of_socket(const struct facts *f, uint64_t sock)
{
    uint64_t inner = attr(f, sock, "_sock"), type; /* asyncio's TransportSocket */
    char name[32];
    int32_t fd;
    int err;

    sock = inner ? inner : sock;
    err = sock ? strobe_py_type(f->mem, f->lay, sock, &type) : STROBE_ERR_MISSING;
    for (int i = 0; !err && i < STROBE_PY_MAX_MRO; i++) {
        err = strobe_py_type_name(f->mem, f->lay, type, name, sizeof name);
        if (!err && strcmp(name, "_socket.socket") == 0)
            return strobe_mem_i32(f->mem, sock + f->lay->ob_header, &fd) || fd < 0 ? -1 : fd;
        if (!err)
            err = strobe_mem_u64(f->mem, type + f->lay->ty_base, &type);
        if (!err && !type)
            err = STROBE_ERR_MISSING;
    }
    return -1;
}

/* asyncio's transports: over a socket, over a pipe, over TLS.  uvloop's keep what they have in C. */
static int32_t fd_of_transport(const struct facts *f, uint64_t transport)
{
    for (int i = 0; transport && i < MAX_HOPS; i++) {
        int32_t fd = small_number(f, transport, "_sock_fd");

        fd = fd >= 0 ? fd : small_number(f, transport, "_fileno");
        if (fd >= 0)
            return fd;
        transport = attr(f, attr(f, transport, "_ssl_protocol"), "_transport");
    }
    return -1;
}

/* What a StreamWriter.drain() waits in is a protocol: of a stream, by its reader (up to 3.9 it has no transport of its own), or of a
 * subprocess, which is written to through its stdin. */
static int32_t fd_of_protocol(const struct facts *f, uint64_t protocol)
{
    uint64_t ref = attr(f, protocol, "_stream_reader_wr"), reader;
    uint64_t stdin_writer = attr(f, protocol, "stdin");
    int32_t fd;

    if (stdin_writer)
        return fd_of_transport(f, attr(f, stdin_writer, "_transport"));
    fd = fd_of_transport(f, attr(f, protocol, "_transport"));
    if (fd >= 0)
        return fd;
    if (!ref || strobe_py_weakref(f->mem, f->lay, ref, &reader))
        reader = attr(f, protocol, "_strong_reader");
    return fd_of_transport(f, attr(f, reader, "_transport"));
}

static int32_t fd_of_server(const struct facts *f, uint64_t server)
{
    uint64_t first[1];
    uint64_t sockets = attr(f, server, "_sockets");
    size_t n;

    return !sockets || strobe_py_items(f->mem, f->lay, sockets, first, 1, &n) || !n ? -1 : fd_of_socket(f, first[0]);
}

/* A subprocess transport, or the Process that has one. */
static int32_t pid_of(const struct facts *f, uint64_t obj)
{
    uint64_t transport = attr(f, obj, "_transport");
    int32_t pid = small_number(f, obj, "pid"); /* asyncio.subprocess.Process */

    if (pid >= 0)
        return pid;
    obj = transport ? transport : obj;
    pid = small_number(f, obj, "_pid");
    return pid >= 0 ? pid : small_number(f, attr(f, obj, "_proc"), "pid");
}

/* ---- all ---- */

static const struct strobe_wait_facts unknown = {.free = -1, .capacity = -1, .capacity_source = STROBE_CAPACITY_UNKNOWN, .size = -1,
                                                 .maxsize = -1, .unfinished = -1, .queued = -1, .borrowed = -1, .fd = -1, .pid = -1};

static bool by_role(const struct facts *f, uint64_t obj)
{
    switch (strobe_roles_of(f->roles, obj)) {
    case STROBE_ROLE_LOCK:
    case STROBE_ROLE_ANYIO_LOCK: read_lock(f, obj); return true;
    case STROBE_ROLE_SEMAPHORE: read_semaphore(f, obj, NULL); return true;
    case STROBE_ROLE_BOUNDED_SEMAPHORE: read_semaphore(f, obj, "_bound_value"); return true;
    case STROBE_ROLE_ANYIO_SEMAPHORE: read_semaphore(f, obj, "_max_value"); return true;
    case STROBE_ROLE_EVENT:
    case STROBE_ROLE_ANYIO_EVENT: read_event(f, obj); return true;
    case STROBE_ROLE_CONDITION:
    case STROBE_ROLE_ANYIO_CONDITION: read_condition(f, obj); return true;
    case STROBE_ROLE_BARRIER: read_barrier(f, obj); return true;
    case STROBE_ROLE_LIMITER: read_limiter(f, obj); return true;
    case STROBE_ROLE_QUEUE: read_queue(f, obj); return true;
    case STROBE_ROLE_THREADING_SEMAPHORE: read_threading_semaphore(f, obj, NULL); return true;
    case STROBE_ROLE_THREADING_BOUNDED_SEMAPHORE: read_threading_semaphore(f, obj, "_initial_value"); return true;
    case STROBE_ROLE_THREADING_QUEUE: read_threading_queue(f, obj); return true;
    default: return false;
    }
}

static void by_kind(const struct facts *f, uint64_t obj)
{
    struct strobe_wait_facts *ret = f->ret;

    switch (f->wait->kind) {
    case STROBE_WAIT_SOCKET: ret->fd = fd_of_socket(f, obj); break;
    case STROBE_WAIT_STREAM_READ: ret->fd = fd_of_transport(f, attr(f, obj, "_transport")); break;
    case STROBE_WAIT_STREAM_WRITE: ret->fd = fd_of_protocol(f, obj); break;
    case STROBE_WAIT_SERVER: ret->fd = fd_of_server(f, obj); break;
    case STROBE_WAIT_SUBPROCESS: ret->pid = pid_of(f, obj); break;
    default: break;
    }
}

void strobe_wait_facts_read(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                            const struct strobe_wait *wait, struct strobe_wait_facts *ret)
{
    const struct facts f = {mem, lay, roles, wait, ret};
    uint64_t obj = wait->object, before = mem->faults + roles->failures;

    *ret = unknown;
    if (!obj)
        return;
    if (!by_role(&f, obj))
        by_kind(&f, obj);
    if (mem->faults + roles->failures != before) /* what there is may stand for something else: anyio's lock for asyncio's */
        *ret = unknown;
}

uint64_t strobe_wait_queue(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles, uint64_t object,
                           uint32_t *ret_leave)
{
    const struct facts f = {.mem = mem, .lay = lay, .roles = roles};
    uint64_t queue = 0;
    uint32_t leave = 0;

    switch (strobe_roles_of(roles, object)) {
    case STROBE_ROLE_SEMAPHORE:
    case STROBE_ROLE_BOUNDED_SEMAPHORE:
        queue = attr(&f, object, "_waiters");
        leave = lay->tasks_leave;
        break;
    case STROBE_ROLE_ANYIO_SEMAPHORE: /* popleft(), and remove() of who gives up */
        queue = attr(&f, behind(&f, object, "_internal_semaphore"), "_waiters");
        leave = 2;
        break;
    case STROBE_ROLE_THREADING_SEMAPHORE:
    case STROBE_ROLE_THREADING_BOUNDED_SEMAPHORE:
        queue = attr(&f, attr(&f, object, "_cond"), "_waiters");
        leave = lay->threads_leave;
        break;
    default: break;
    }
    if (queue)
        *ret_leave = leave;
    return queue;
}

static int64_t difference(int64_t all, int64_t free)
{
    return all < 0 || free < 0 || free > all ? -1 : all - free;
}

int64_t strobe_wait_in_use(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles, uint64_t object,
                           uint64_t *ret_owner)
{
    const struct facts f = {.mem = mem, .lay = lay, .roles = roles};
    uint64_t before = mem->faults + roles->failures, obj;
    int64_t n = -1;

    *ret_owner = 0;
    switch (strobe_roles_of(roles, object)) {
    case STROBE_ROLE_LOCK:
    case STROBE_ROLE_ANYIO_LOCK: n = is_locked(&f, object, ret_owner); break;
    case STROBE_ROLE_BOUNDED_SEMAPHORE: n = difference(number(&f, object, "_bound_value"), number(&f, object, "_value")); break;
    case STROBE_ROLE_ANYIO_SEMAPHORE:
        obj = behind(&f, object, "_internal_semaphore");
        n = difference(number(&f, obj, "_max_value"), number(&f, obj, "_value"));
        break;
    case STROBE_ROLE_LIMITER: n = length(&f, attr(&f, behind(&f, object, "_internal_limiter"), "_borrowers")); break;
    default: break;
    }
    if (mem->faults + roles->failures != before) {
        *ret_owner = 0;
        return -1;
    }
    return n;
}
