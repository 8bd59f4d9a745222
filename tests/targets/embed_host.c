/* SPDX-License-Identifier: Apache-2.0 */
/* A C program that embeds Python: the main thread initialises the interpreter and then waits outside of it; a thread of its own
 * runs a script.
 *
 *   cc embed_host.c $(python3.X-config --cflags) $(python3.X-config --ldflags --embed) -lpthread -o embed_host
 *   ./embed_host SCRIPT [ARG ...]        exit status: 0 = the script ended well, 1 = it did not, 2 = usage or no file */
#include <Python.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct job {
    const char *path;
    FILE *script;
    int failed;
};

static void *run_script(void *ctx)
{
    struct job *job = ctx;
    PyGILState_STATE state = PyGILState_Ensure();

    job->failed = PyRun_SimpleFileExFlags(job->script, job->path, 1, NULL) != 0;
    PyGILState_Release(state);
    return NULL;
}

/* sys.argv = the script and its arguments, by Python itself: the C functions for it changed over the versions. */
static int set_argv(int argc, char **argv)
{
    PyObject *list = PyList_New(0);
    int failed = !list;

    for (int i = 1; i < argc && !failed; i++) {
        PyObject *arg = PyUnicode_DecodeFSDefault(argv[i]);

        failed = !arg || PyList_Append(list, arg);
        Py_XDECREF(arg);
    }
    failed = failed || PySys_SetObject("argv", list);
    Py_XDECREF(list);
    return failed;
}

int main(int argc, char **argv)
{
    struct job job = {.failed = 1};
    PyThreadState *main_state;
    pthread_t thread;

    if (argc < 2 || !(job.script = fopen(argv[1], "r"))) {
        fprintf(stderr, "usage: %s SCRIPT [ARG ...]\n", argv[0]);
        return 2;
    }
    job.path = argv[1];
    Py_InitializeEx(0);
    if (set_argv(argc, argv))
        return 2;
    main_state = PyEval_SaveThread();
    if (!pthread_create(&thread, NULL, run_script, &job))
        pthread_join(thread, NULL);
    PyEval_RestoreThread(main_state);
    if (Py_FinalizeEx() < 0)
        job.failed = 1;
    return job.failed;
}
