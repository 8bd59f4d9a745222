/* SPDX-License-Identifier: Apache-2.0 */
/* dumpsignal: a signal that has a picture of this process written, threads and tasks, for people: as faulthandler.register does, but with
 * tasks, and by a thread of its own, so that it works where Python does not come to run any more: in a loop of C code, in a deadlock.
 *
 *   signal -> handler: sem_post -> native thread: pictures.h, with its work -> file, without: a fork waits for no reader
 *
 * The thread is there while a signal is installed.  What it has not written when it is rested for a fork, it writes afterwards.
 *
 * May include: pictures.h, background.h, dumpfile.h, base.  Threads: any, without the GIL: the functions wait for the thread and for one
 * another.  State: the signal's action is the process's, so this is too. */
#ifndef STROBE_EXT_DUMPSIGNAL_H
#define STROBE_EXT_DUMPSIGNAL_H

#include <stdbool.h>
#include <stdint.h>

struct strobe_dumpsignal_opts {
    const char *path;  /* appended to, opened anew for each dump; copied.  NULL: */
    int fd;            /* written to; a duplicate is kept (dumpfile.h): the caller may close it */
    bool chain;        /* the handler that was there before is called, too */
    uint64_t runtime;  /* of the interpreter: see inside.h */
    uint32_t version;
    const char *version_text; /* copied */
};

/* Is it the signal of a fault?  That comes again behind a dump: it is refused. */
bool strobe_dumpsignal_of_fault(int signum);

/* Installs it, or changes what is installed for that signal; where the program has set another action meanwhile, installs it again.
 * STROBE_ERR_ARG: no signal that can be caught, or one of a fault: where its handler returns, the fault comes again, without end;
 * STROBE_ERR_IO: fd is not open; STROBE_ERR_NOMEM; STROBE_ERR_LIMIT: too many signals. */
int strobe_dumpsignal_install(int signum, const struct strobe_dumpsignal_opts *opts);
/* Puts back what was there before, unless the program has set another action meanwhile.  Dumps that were asked for and not begun are not
 * made any more; with the last signal the thread ends.  False: none was installed. */
bool strobe_dumpsignal_remove(int signum);
/* In the child of a fork: the thread is in the parent. */
void strobe_dumpsignal_forked(void);
/* Afterwards, no more among fork handlers: it gets one if a signal is installed. */
void strobe_dumpsignal_resume(void);

#endif
