/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/forks.h"

#include <pthread.h>
#include <stddef.h>

#include "base/err.h"
#include "ext/background.h"
#include "ext/dumpsignal.h"
#include "ext/onthread.h"
#include "ext/registry.h"
#include "ext/trace_forks.h"

static void before(void)
{
    strobe_background_hold_all();
    strobe_onthread_hold();
    strobe_registry_hold();
    strobe_trace_hold();
}

static void in_parent(void)
{
    strobe_trace_let_go();
    strobe_registry_let_go();
    strobe_onthread_let_go();
    strobe_background_let_go_all();
}

static void in_child(void)
{
    strobe_trace_forked();
    strobe_registry_forked();
    strobe_onthread_forked();
    strobe_background_forked();
    strobe_dumpsignal_forked();
}

static int failed;

static void listen_once(void)
{
    failed = pthread_atfork(before, in_parent, in_child) ? STROBE_ERR_NOMEM : 0;
}

int strobe_forks_listen(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, listen_once);
    return failed;
}
