/* SPDX-License-Identifier: Apache-2.0 */
/* interrupted: a waiting system call that a visit's signal has ended is made again, as if the signal had not been.
 *
 * A visit is posted to a thread that runs; until the signal arrives it may have gone into a call that the kernel does not restart behind a
 * handler (signal(7): poll, epoll_wait, select, nanosleep, ...).  It has waited for no longer than the signal was on its way: the whole
 * call again is right, its timeout included.
 *
 *            mov $NR, %eax      b8 NR NR NR NR: the number is read from the code,
 *            ...                (moves into other registers)
 *            syscall
 *     pc ->  ...                rax = -EINTR, all arguments still in their registers
 *
 *            mov %rsi, %rax     or it comes from a caller: so it is in glibc from 2.41 on, where all calls that pthread_cancel() can end
 *            syscall            go through one function (sysdeps/unix/sysv/linux/x86_64/syscall_cancel.S).  Which word of the stack or
 *     pc ->  ret                register still has the number there is learned once, from calls whose numbers are known
 *
 * On other processors the call ends with EINTR (on aarch64 the result overwrites an argument).
 * May include: system headers.  Async-signal-safe, but for learning. */
#ifndef STROBE_EXT_INTERRUPTED_H
#define STROBE_EXT_INTERRUPTED_H

/* Learns, in a thread of its own, how the C library makes calls.  signal: its handler calls strobe_interrupted_redo; it is sent to that
 * thread alone.  Once in a process; under a lock. */
void strobe_interrupted_learn(int signal);
/* At the end of a handler: sets the context back to before the call, if there was one that has to be made again.  Another signal that is
 * pending was meant to end it: then it is left ended. */
void strobe_interrupted_redo(void *ucontext);

#endif
