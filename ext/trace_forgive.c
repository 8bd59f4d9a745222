/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_forgive.h"

#include "ext/compat.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

static int raise_later(void *value)
{
    PyErr_SetObject((PyObject *)Py_TYPE(value), value);
    Py_DECREF((PyObject *)value);
    return -1;
}

void strobe_trace_forgive(void)
{
    PyObject *type, *value, *traceback;

    if (!PyErr_Occurred())
        return;
    if (PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear();
        return;
    }
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (syscall(SYS_gettid) == getpid() && value && !Py_AddPendingCall(raise_later, value))
        value = NULL; /* the main thread's; that call's now */
    else
        PyThreadState_SetAsyncExc((unsigned long)pthread_self(), type);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
}
