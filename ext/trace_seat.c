/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_seat.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "ext/trace_forgive.h"
#include "ext/trace_frames.h"
#include "ext/trace_greenlets.h"
#include "ext/trace_seeds.h"

enum { NAME_TRIES = 100 }; /* events in which a new thread gets its name: threading notes it a few calls after its first */

struct strobe_trace *strobe_trace_active;
uint64_t strobe_trace_turn;
__thread struct strobe_seat *strobe_seat_own;
struct strobe_seat *strobe_seat_last;

static uint64_t turns;
static struct strobe_seat *seats, *spare; /* spare: of threads that have ended; never freed, as somebody may still look at `busy` */
static pthread_mutex_t seats_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- seats ---- */

static void over(void *value)
{
    struct strobe_seat *seat = value;

    atomic_store(&seat->pointer, NULL); /* another thread's, soon */
    atomic_store(&seat->is_over, true);
    strobe_seat_own = NULL; /* another key's destructor may run Python: that has a seat of its own */
}

static void make_key(void)
{
    pthread_key_create(&at_end, over);
}

/* An eighth of the stack may be used: a hook takes a sixth more of it, so that a recursion can be 96 to 98 % as deep as without it. */
static char *eighth_of_stack(void)
{
    pthread_attr_t attr;
    void *base = NULL;
    size_t size = 0;

    if (!pthread_getattr_np(pthread_self(), &attr)) {
        pthread_attr_getstack(&attr, &base, &size);
        pthread_attr_destroy(&attr);
    }
    return (char *)base + size / 8 * 7;
}

static struct strobe_seat *new_seat(void)
{
    struct strobe_seat *seat;

    pthread_once(&once, make_key);
    pthread_mutex_lock(&seats_lock);
    if ((seat = spare))
        spare = seat->next;
    pthread_mutex_unlock(&seats_lock);
    if (!seat) {
        if (!(seat = malloc(sizeof *seat)))
            return NULL;
        atomic_init(&seat->busy, false);
    }
    memset(seat, 0, offsetof(struct strobe_seat, busy)); /* which somebody may hold who has read of it before */
    seat->pointer = __builtin_thread_pointer();
    seat->ident = (uint64_t)pthread_self();
    seat->tid = (int32_t)syscall(SYS_gettid);
    seat->stack_limit = eighth_of_stack();
    seat->is_ready = true;
    pthread_setspecific(at_end, seat);
    pthread_mutex_lock(&seats_lock);
    seat->next = seats;
    seats = seat;
    pthread_mutex_unlock(&seats_lock);
    return seat;
}

/* ---- to sit down ---- */

/* Sits down for this turn. */
static void sit(struct strobe_seat *seat, struct strobe_trace *trace, uint64_t turn, bool begins)
{
    struct strobe_calls_thread *thread;
    bool is_new;

    strobe_trace_reap();
    seat->thread = NULL;
    seat->turn = turn;
    seat->is_ready = seat->is_named = true;
    seat->is_traced = false;
    seat->tries = 0;
    seat->unbegun = NULL;
    strobe_htab_release(&seat->stacks);
    if (trace->only && (trace->only != seat->ident || trace->only_tid != seat->tid))
        return;
    strobe_ticks_init(&seat->ticks, trace->cpu);
    thread = strobe_calls_thread_find(trace->calls, seat->ident, seat->tid);
    is_new = !thread;
    if (is_new && strobe_calls_thread_new(trace->calls, seat->ident, seat->tid, "", &thread))
        return;
    strobe_calls_guard(thread, &seat->busy);
    if (!strobe_seat_hold(seat))
        return; /* the profile has ended meanwhile */
    if (is_new)
        strobe_calls_go_on(thread, seat->ticks.last);
    strobe_calls_meet(thread, seat->tid, seat->ticks.last.cpu);
    seat->ticks.last = strobe_calls_latest(thread, seat->ticks.last);
    strobe_seat_let_go(seat);
    seat->is_ready = seat->is_named = !is_new;
    seat->thread = thread;
    seat->is_inside = true;
    if (trace->tells_ends)
        strobe_trace_settle_once(trace, thread, begins, turn, strobe_ticks_now(&seat->ticks));
    strobe_trace_sat_down(trace);
    strobe_trace_greenlets(seat, trace);
    strobe_trace_forgive();
    seat->is_inside = false;
}

/* ---- what is asked of a thread ---- */

/* threading._active[ident]._name, a str; NULL: not yet. */
static PyObject *name_of(uint64_t ident)
{
    PyObject *modules = PyImport_GetModuleDict(), *threading = PyDict_GetItemString(modules, "threading");
    PyObject *active = threading ? PyObject_GetAttrString(threading, "_active") : NULL;
    PyObject *key = active ? PyLong_FromUnsignedLongLong(ident) : NULL, *thread = key ? PyDict_GetItemWithError(active, key) : NULL;
    PyObject *name = thread ? PyObject_GetAttrString(thread, "_name") : NULL;

    Py_XDECREF(key);
    Py_XDECREF(active);
    return name;
}

/* Renames it; false: it is no str. */
static bool rename_by(struct strobe_calls_thread *thread, PyObject *name)
{
    PyObject *bytes = name && PyUnicode_Check(name) ? PyUnicode_AsEncodedString(name, "utf-8", "replace") : NULL;

    if (bytes)
        strobe_calls_thread_rename(thread, PyBytes_AsString(bytes));
    Py_XDECREF(bytes);
    return bytes;
}

/* A thread has a name only after it has begun to run Python. */
static void give_name(struct strobe_seat *seat)
{
    char comm[32] = "";
    PyObject *name = name_of(seat->ident);

    if (rename_by(seat->thread, name)) {
        seat->is_named = true;
    } else if (++seat->tries >= NAME_TRIES) {
        pthread_getname_np(pthread_self(), comm, sizeof comm);
        strobe_calls_thread_rename(seat->thread, comm);
        seat->is_named = true;
    }
    Py_XDECREF(name);
    strobe_trace_forgive();
}

static void make_ready(struct strobe_seat *seat, const struct strobe_trace *trace)
{
    seat->is_inside = true;
    if (!seat->is_named)
        give_name(seat);
    if (!seat->is_traced)
        strobe_trace_greenlets(seat, trace);
    seat->is_ready = seat->is_named;
    seat->is_inside = false;
}

/* ---- the seat of an event ---- */

/* The active profile, with a reference of ours to it; NULL: there is none any more.  It cannot end while a seat is busy. */
static struct strobe_trace *keep_active(struct strobe_seat *seat, uint64_t *ret_turn)
{
    struct strobe_trace *trace;

    while (atomic_exchange(&seat->busy, true))
        ;
    *ret_turn = __atomic_load_n(&strobe_trace_turn, __ATOMIC_ACQUIRE);
    trace = *ret_turn ? strobe_trace_active : NULL;
    if (trace)
        Py_INCREF(trace->owner);
    atomic_store(&seat->busy, false);
    return trace;
}

struct strobe_seat *strobe_seat_take(bool begins)
{
    struct strobe_seat *seat = strobe_seat_own;
    struct strobe_trace *trace;
    uint64_t turn;
    PyObject *owner, *type, *value, *traceback;

    if (!strobe_trace_turn || (!seat && !(seat = strobe_seat_own = new_seat())) || seat->is_inside || !(trace = keep_active(seat, &turn)))
        return NULL;
    owner = trace->owner;
    PyErr_Fetch(&type, &value, &traceback);
    if (seat->turn != turn)
        sit(seat, trace, turn, begins);
    else if (seat->thread && !seat->is_ready)
        make_ready(seat, trace);
    Py_DECREF(owner);
    PyErr_Restore(type, value, traceback);
    return seat->turn == strobe_trace_turn ? seat : NULL;
}

bool strobe_seat_leave_out(bool out, bool *ret_was)
{
    if (!strobe_seat_own && !(strobe_seat_own = new_seat()))
        return false;
    *ret_was = strobe_seat_own->is_inside;
    strobe_seat_own->is_inside = out;
    return true;
}

/* ---- while something else runs ---- */

void strobe_seat_step_out(struct strobe_seat *seat, struct strobe_trace_away *ret)
{
    ret->owner = strobe_trace_active->owner;
    Py_INCREF(ret->owner);
    ret->since = strobe_ticks_now(&seat->ticks);
    seat->is_inside = true;
    strobe_seat_let_go(seat);
    PyErr_Fetch(&ret->type, &ret->value, &ret->traceback);
}

/* What has passed since then was the profiler's: of the wall clock not what other threads took of it while they had the GIL. */
static void owe(struct strobe_seat *seat, struct strobe_calls_time since)
{
    struct strobe_calls_time now = strobe_ticks_now(&seat->ticks), took = {now.wall - since.wall, now.cpu - since.cpu};

    if (now.cpu && took.cpu < took.wall)
        took.wall = took.cpu;
    strobe_calls_owe(seat->thread, took);
}

bool strobe_seat_step_in(struct strobe_seat *seat, const struct strobe_trace_away *away)
{
    bool goes_on;

    strobe_trace_forgive();
    goes_on = strobe_seat_hold(seat);
    Py_DECREF(away->owner); /* not the last one if it goes on */
    PyErr_Restore(away->type, away->value, away->traceback);
    seat->is_inside = false;
    if (!goes_on)
        return false;
    owe(seat, strobe_calls_latest(seat->thread, away->since)); /* somebody may have read the clocks meanwhile, to clear the profile */
    return true;
}

/* ---- turns ---- */

void strobe_trace_begin(struct strobe_trace *trace)
{
    strobe_trace_active = trace;
    __atomic_store_n(&strobe_trace_turn, ++turns, __ATOMIC_RELEASE);
}

void strobe_trace_end(void)
{
    __atomic_store_n(&strobe_trace_turn, 0, __ATOMIC_SEQ_CST);
#ifdef Py_GIL_DISABLED
    Py_BEGIN_ALLOW_THREADS /* who is in an event may have to stop all others for a moment */
    pthread_mutex_lock(&seats_lock);
    for (struct strobe_seat *seat = seats; seat; seat = seat->next) {
        while (atomic_exchange(&seat->busy, true))
            sched_yield();
        atomic_store(&seat->busy, false);
    }
    pthread_mutex_unlock(&seats_lock);
    Py_END_ALLOW_THREADS
#endif
    strobe_trace_active = NULL;
}

void strobe_trace_reap(void)
{
    struct strobe_seat **link = &seats, *seat;

    pthread_mutex_lock(&seats_lock);
    while ((seat = *link)) {
        if (!atomic_load(&seat->is_over)) {
            link = &seat->next;
            continue;
        }
        *link = seat->next;
        if (seat->thread && strobe_trace_turn && seat->turn == strobe_trace_turn) {
            strobe_calls_guard(seat->thread, NULL);
            strobe_calls_thread_end(seat->thread);
        }
        strobe_htab_release(&seat->stacks);
        seat->next = spare;
        spare = seat;
    }
    pthread_mutex_unlock(&seats_lock);
}

void strobe_seat_hold_all(void)
{
    pthread_mutex_lock(&seats_lock);
}

void strobe_seat_let_go_all(void)
{
    pthread_mutex_unlock(&seats_lock);
}

void strobe_seat_forked(void)
{
    struct strobe_seat *own = strobe_seat_own;

    strobe_trace_turn = 0;
    strobe_trace_active = NULL;
    pthread_mutex_init(&seats_lock, NULL);
    strobe_seat_last = own;
    seats = own; /* the others' threads are not there; what they had is the parent's, and small */
    if (!own)
        return;
    own->next = NULL;
    own->turn = UINT64_MAX; /* none's: an event that is under way in this thread sees that its profile has ended */
    own->thread = NULL;
    own->is_inside = false;
    own->tid = (int32_t)syscall(SYS_gettid);
    atomic_store(&own->busy, false);
}

struct strobe_calls_time strobe_trace_time(void *ctx, const struct strobe_calls_thread *thread)
{
    const struct strobe_trace *trace = ctx;
    struct strobe_seat *own = strobe_seat_own;
    struct strobe_calls_time now = {strobe_ticks_wall(), 0};

    if (own && own->thread == thread && own->turn == strobe_trace_turn)
        return strobe_ticks_now(&own->ticks);
    if (trace->cpu != STROBE_TICKS_NO_CPU && strobe_calls_tid(thread))
        now.cpu = strobe_ticks_cpu_of(strobe_calls_tid(thread));
    return strobe_calls_latest(thread, now);
}
