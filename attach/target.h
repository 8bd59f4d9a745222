/* SPDX-License-Identifier: Apache-2.0 */
/* target: a process as Linux shows it in /proc: identity, rights, children, launch.  May include: base. */
#ifndef STROBE_ATTACH_TARGET_H
#define STROBE_ATTACH_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

/* What strobe uses of /proc/PID/stat (proc(5)). */
struct strobe_target_stat {
    char comm[64];        /* program's or kernel thread's own name */
    char state;           /* 'Z' zombie, 'X' dead, 'T' stopped, ... */
    pid_t parent;
    uint32_t flags;       /* PF_... of the kernel */
    uint32_t threads;     /* zombies among them */
    uint64_t start_ticks; /* since boot */
    uint64_t stack;       /* where it begins; 0 = not to be seen */
};
enum { STROBE_TARGET_EXITING = 0x00000004, STROBE_TARGET_KTHREAD = 0x00200000 }; /* PF_..., include/linux/sched.h */
/* Pure; STROBE_ERR_FORMAT. */
int strobe_target_parse_stat(const char *text, struct strobe_target_stat *ret_stat);
/* STROBE_ERR_NOPROC. */
int strobe_target_stat(pid_t pid, struct strobe_target_stat *ret_stat);
/* A zombie, or on its way there: the address space goes first, the state follows. */
bool strobe_target_ended(const struct strobe_target_stat *stat);
/* Only its first thread has ended: others go on, or end next, or one of them execs.  Its memory cannot be had by its id. */
bool strobe_target_headless(const struct strobe_target_stat *stat);
/* The same as strobe_target_stat, but waits until a process that is headless has become another program, or nothing: at most 50 ms, as its
 * other threads may also just go on. */
int strobe_target_settled(pid_t pid, struct strobe_target_stat *ret_stat);

/* Field 22 of /proc/PID/stat (clock ticks since boot): with the pid, the identity of a process.  STROBE_ERR_NOPROC. */
int strobe_target_start_time(pid_t pid, uint64_t *ret_ticks);
/* Where the stack of a process begins: field 28.  The kernel puts it elsewhere at each exec; 0 = not to be seen. */
uint64_t strobe_target_stack(pid_t pid);
/* Has a process been made by fork and not become another program since, so that its memory began as a copy of its parent's? */
bool strobe_target_is_fork(pid_t pid, pid_t parent);
/* Its id as it knows it itself: in the innermost PID namespace that it is in (NSpid of proc_pid_status(5)); 0 = it has ended. */
pid_t strobe_target_own_pid(pid_t pid);
/* Device and inode of /proc/PID/exe: changes when it execs.  STROBE_ERR_PERM, STROBE_ERR_NOPROC. */
int strobe_target_exe_id(pid_t pid, uint64_t *ret_dev, uint64_t *ret_ino);
/* Parent, or 0. */
pid_t strobe_target_parent(pid_t pid);
/* Who traces a process's first thread: a process id, or 0. */
pid_t strobe_target_tracer(pid_t pid);
/* Does this process run in its parent's memory (vfork(2), on its way to exec)?  What is read of it is the parent's then, and goes on being
 * that when it execs.  False also where the kernel does not tell (kcmp(2)). */
bool strobe_target_in_parents_memory(pid_t pid);
/* argv joined by blanks (NULs to blanks), appended; kernel threads and zombies: "[comm]". */
void strobe_target_cmdline(pid_t pid, struct strobe_buf *out);
/* Why a process may not be read, as one clause with what to do: user, ptrace scope, capability, container, seccomp. */
void strobe_target_explain_perm(pid_t pid, struct strobe_buf *why);

/* All live descendants of root (without root), parents before children; array of at most max.  Returns the number. */
size_t strobe_target_descendants(pid_t root, pid_t *ret, size_t max);

/* Launch: starts argv as a child with our stdin, stdout, stderr; the child gets default signal dispositions, its own
 * process group is ours (so ^C reaches it). */
struct strobe_launch {
    pid_t pid;
};
/* Returns when the child is the program.  STROBE_ERR_MISSING (no such program), _PERM, _IO, with a sentence in why. */
int strobe_target_launch(char *const argv[], struct strobe_launch *ret, struct strobe_buf *why);
/* Non-blocking: true when the child has ended; ret_status: its wait status. */
bool strobe_target_reap(struct strobe_launch *launch, int *ret_status);

#endif
