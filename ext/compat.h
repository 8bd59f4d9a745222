/* SPDX-License-Identifier: Apache-2.0 */
/* compat: what differs between the CPythons that the extension is built for: the only place with a version in it.
 *
 * One binary serves 3.9 and all that follow (the stable ABI, PEP 384); free-threaded builds before 3.15 have none and get their own. */
#ifndef STROBE_EXT_COMPAT_H
#define STROBE_EXT_COMPAT_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_GIL_DISABLED
#define Py_LIMITED_API 0x03090000
#endif
#include <Python.h>

/* From 3.12 on the headers take None, True and False for immortal and do not count what is returned, whatever Py_LIMITED_API says; to older
 * interpreters, which the same binary serves, that is one reference lost a call. */
#ifdef Py_LIMITED_API
#undef Py_RETURN_NONE
#undef Py_RETURN_TRUE
#undef Py_RETURN_FALSE
static inline PyObject *strobe_one_more(PyObject *object)
{
    Py_IncRef(object);
    return object;
}
#define Py_RETURN_NONE return strobe_one_more(Py_None)
#define Py_RETURN_TRUE return strobe_one_more(Py_True)
#define Py_RETURN_FALSE return strobe_one_more(Py_False)
#endif

/* The runtime's state (Include/internal/pycore_runtime.h), exported by every CPython from 3.7 on; only its address is used. */
extern char _PyRuntime[];

/* Around what may wait for other threads, where these run at the same time: whoever waits must not keep the collector from its pause. */
#ifdef Py_GIL_DISABLED
#define STROBE_APART_BEGIN Py_BEGIN_ALLOW_THREADS
#define STROBE_APART_END Py_END_ALLOW_THREADS
#else
#define STROBE_APART_BEGIN
#define STROBE_APART_END
#endif

/* Slots of the module that tell newer interpreters what it can stand; none before 3.12. */
#if defined(Py_mod_multiple_interpreters) && !defined(Py_LIMITED_API)
#define STROBE_MODULE_SLOTS {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}, {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#else
#define STROBE_MODULE_SLOTS
#endif

#endif
