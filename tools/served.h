/* SPDX-License-Identifier: Apache-2.0 */
/* served: one process that a server looks at, again and again (picture/metered.h): attached to, named, told apart from its parent.
 * May include: attach, picture, meter, report, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_TOOLS_SERVED_H
#define STROBE_TOOLS_SERVED_H

#include "attach/attach.h"
#include "meter/meter.h"
#include "picture/metered.h"
#include "tools/outside.h"

struct strobe_served_opts {
    bool nonblocking, full_filenames;
    uint64_t max_pause_ns;
    struct strobe_meter *meter;   /* borrowed */
};

struct strobe_served {
    struct strobe_served *next;   /* of who serves it */
    int32_t pid;
    bool child;                   /* its parent is served, too */
    uint64_t stack;               /* where its stack begins: another place after each exec; 0 = not to be seen */
    struct strobe_attach *attach; /* owned, as all that follows */
    struct strobe_outside outside;
    struct strobe_metered metered;
    unsigned first_slices;        /* of its first scan: how many were read */
    char label[64];               /* of the process, for people; "" */
};

/* Attaches.  patient: waits for one that has only just been started.  label: of the metrics; NULL = none.  An error has a sentence in why.
 * ret: to be closed. */
int strobe_served_open(int32_t pid, bool patient, const char *label, const struct strobe_served_opts *opts, struct strobe_served **ret,
                       struct strobe_buf *why);
void strobe_served_close(struct strobe_served *served);

/* As those of metered.h, whose errors are counted there: 0, or an error of the class fatal, when the process has ended or become
 * another. */
int strobe_served_look(struct strobe_served *served);
int strobe_served_glance(struct strobe_served *served);
/* A slice of a scan; ret_done: it was the last one. */
int strobe_served_scan(struct strobe_served *served, bool *ret_done);

/* Looks, and makes the whole report of its tasks, which outside of this holds its pools alone.  ret: borrowed, until the next of any of
 * these calls.  Any error: nothing is there to be shown, perhaps for this moment only. */
int strobe_served_tasks(struct strobe_served *served, const struct strobe_report_tasks **ret);

/* Is it what was attached to?  0, STROBE_ERR_GONE or _EXECED, also where strobe_attach_alive cannot tell: the same executable, started anew
 * by exec, while /proc/PID/mem may not be read. */
int strobe_served_check(struct strobe_served *served);

/* What a service is called by, of its command line with NULs between the words (/proc/PID/cmdline): the script's name, the module's, else
 * the program's.  False: the last.  Pure; bytes of the target: hostile. */
bool strobe_served_name(const char *words, size_t len, char *ret, size_t size);
/* Of a process. */
bool strobe_served_name_of(int32_t pid, char *ret, size_t size);

#endif
