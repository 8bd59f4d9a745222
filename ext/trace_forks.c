/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_forks.h"

#include "ext/trace_seat.h"

static struct strobe_trace *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void strobe_trace_know(struct strobe_trace *trace)
{
    pthread_mutex_lock(&lock);
    trace->next = all;
    all = trace;
    pthread_mutex_unlock(&lock);
}

void strobe_trace_forget(struct strobe_trace *trace)
{
    struct strobe_trace **link = &all;

    pthread_mutex_lock(&lock);
    while (*link && *link != trace)
        link = &(*link)->next;
    if (*link)
        *link = trace->next;
    pthread_mutex_unlock(&lock);
}

void strobe_trace_hold(void)
{
    pthread_mutex_lock(&lock);
    strobe_seat_hold_all();
    for (struct strobe_trace *trace = all; trace; trace = trace->next) {
        strobe_calls_hold_all(trace->calls);
        pthread_mutex_lock(&trace->roots_lock);
    }
}

void strobe_trace_let_go(void)
{
    for (struct strobe_trace *trace = all; trace; trace = trace->next) {
        pthread_mutex_unlock(&trace->roots_lock);
        strobe_calls_let_go_all(trace->calls);
    }
    strobe_seat_let_go_all();
    pthread_mutex_unlock(&lock);
}

void strobe_trace_forked(void)
{
    for (struct strobe_trace *trace = all; trace; trace = trace->next) {
        strobe_calls_forked(trace->calls);
        pthread_mutex_init(&trace->roots_lock, NULL);
    }
    strobe_seat_forked();
    pthread_mutex_init(&lock, NULL);
}
