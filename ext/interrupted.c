/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/interrupted.h"

#if defined(__x86_64__)
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    LOAD = 5, CALL = 2, /* bytes of the two instructions */
    MOVES = 24,         /* and, at most, of what stands between them */
    PAGE = 4096,
    N_WORDS = 1,
    STACK_WORDS = 24,   /* in which the number is looked for: the arguments of the caller */
};

/* Registers that a function keeps for its caller (System V ABI, 3.2.1): the other places of a number. */
static const int kept[] = {REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14, REG_R15};
enum { N_KEPT = sizeof kept / sizeof kept[0], N_PLACES = N_KEPT + STACK_WORDS };

/* A call's way through the C library: same code, same caller, so the same frame. */
static struct {
    _Atomic uintptr_t pc; /* behind the instruction; 0 = nothing was learned */
    uintptr_t caller;
    int place;            /* kept[], then words of the stack */
} learned;

/* While it is learned: what the handler that runs on the thread `tid` saw. */
static struct {
    _Atomic int32_t tid;
    int32_t number;
    uintptr_t pc, caller;
    uint32_t places;      /* a bit each */
} lesson;

/* What signal(7) names as never restarted, but connect: that goes on behind EINTR, and asked again says EALREADY. */
static bool is_wait(int64_t number)
{
    switch (number) {
    case SYS_poll: case SYS_ppoll: case SYS_select: case SYS_pselect6: case SYS_epoll_wait: case SYS_epoll_pwait:
    case SYS_nanosleep: case SYS_clock_nanosleep: case SYS_pause: case SYS_rt_sigsuspend: case SYS_rt_sigtimedwait:
    case SYS_accept: case SYS_accept4: case SYS_recvfrom: case SYS_recvmsg: case SYS_recvmmsg: case SYS_sendto: case SYS_sendmsg:
    case SYS_msgrcv: case SYS_msgsnd: case SYS_semop: case SYS_semtimedop: case SYS_io_getevents: case SYS_futex:
        return true;
    default:
        return false;
    }
}

/* In a handler that blocks all signals these are those that wait for its end. */
static bool others_pending(void)
{
    uint64_t pending[N_WORDS] = {0};

    return syscall(SYS_rt_sigpending, pending, sizeof pending) || pending[0];
}

/* The length of an instruction that sets a register other than eax, as compilers put arguments where the kernel wants them; 0 = any other.
 * mov and xor between registers, mov from the stack, mov of a constant (Intel SDM 2, 2.1 and chapter 4). */
static unsigned length_of_move(const unsigned char *code)
{
    unsigned prefix = (code[0] & 0xf0) == 0x40, rex = prefix ? code[0] : 0;
    unsigned op = code[prefix], modrm = code[prefix + 1], mod = modrm >> 6, from_rm = op == 0x8b || op == 0x33;
    unsigned set = from_rm ? (modrm >> 3 & 7) | (rex & 4) << 1 : (modrm & 7) | (rex & 1) << 3;

    if (op > 0xb8 - !!(rex & 1) && op <= 0xbf)
        return rex & 8 ? 0 : prefix + LOAD;
    if ((op != 0x89 && op != 0x31 && !from_rm) || !set)
        return 0;
    if (mod == 3)
        return prefix + 2;
    if (op != 0x8b || mod == 2 || (modrm & 7) != 4 || code[prefix + 2] != 0x24) /* disp8(%rsp) or (%rsp) is what is left */
        return 0;
    return prefix + 3 + mod;
}

/* The number that the code before a call loads; -1 = it is no such code.  Code that begins a page is not looked back from: the page before
 * may not be there. */
static int64_t number_in_code(uintptr_t pc)
{
    const unsigned char *call = (const unsigned char *)(pc - CALL), *at;
    int32_t number;

    for (unsigned back = LOAD; back <= LOAD + MOVES && pc % PAGE >= back + CALL; back++) {
        unsigned length = LOAD;

        if (*(at = call - back) != 0xb8)
            continue;
        memcpy(&number, at + 1, sizeof number);
        while ((at += length) < call && (length = length_of_move(at)) > 0)
            ;
        if (at == call && call[0] == 0x0f && call[1] == 0x05)
            return number;
    }
    return -1;
}

static const uint64_t *stack_of(const greg_t *regs)
{
    return (const uint64_t *)(uintptr_t)regs[REG_RSP];
}

/* Words of others' frames: not for sanitizers to judge. */
__attribute__((no_sanitize("address"))) static int64_t at_place(const greg_t *regs, int place)
{
    return place < N_KEPT ? regs[kept[place]] : (int64_t)stack_of(regs)[place - N_KEPT];
}

/* ---- learning ---- */

static void take_lesson(const greg_t *regs)
{
    uintptr_t pc = (uintptr_t)regs[REG_RIP];

    if (regs[REG_RAX] != -EINTR || number_in_code(pc) >= 0)
        return; /* nothing is there to be learned */
    lesson.pc = pc;
    lesson.caller = (uintptr_t)at_place(regs, N_KEPT);
    for (int i = 0; i < N_PLACES; i++)
        if (at_place(regs, i) == lesson.number)
            lesson.places |= 1u << i;
}

/* Both calls let a signal in that is pending already, and so they end at once. */
static void wait_in_ppoll(const sigset_t *blocked)
{
    static const struct timespec second = {1, 0};

    ppoll(NULL, 0, &second, blocked);
}

static void wait_in_pselect(const sigset_t *blocked)
{
    static const struct timespec second = {1, 0};

    pselect(0, NULL, NULL, NULL, &second, blocked);
}

/* The places in which the number of this call was found. */
static uint32_t observe(int signal, int32_t number, void (*wait)(const sigset_t *blocked))
{
    int32_t self = (int32_t)syscall(SYS_gettid);
    sigset_t others;

    lesson.number = number;
    lesson.places = 0;
    lesson.pc = lesson.caller = 0;
    atomic_store(&lesson.tid, self);
    sigfillset(&others);
    sigdelset(&others, signal);
    if (!syscall(SYS_tgkill, getpid(), self, signal))
        wait(&others);
    atomic_store(&lesson.tid, 0);
    return lesson.places;
}

/* In a thread of its own: with a single one glibc goes another way. */
static void *learn(void *ctx)
{
    int signal = *(const int *)ctx;
    uint32_t places = observe(signal, SYS_ppoll, wait_in_ppoll);
    uintptr_t pc = lesson.pc, caller = lesson.caller;

    places &= observe(signal, SYS_pselect6, wait_in_pselect);
    if (!places || pc != lesson.pc || caller != lesson.caller)
        return NULL;
    learned.caller = caller;
    learned.place = __builtin_ctz(places);
    atomic_store_explicit(&learned.pc, pc, memory_order_release);
    return NULL;
}

void strobe_interrupted_learn(int signal)
{
    static bool was_tried;
    sigset_t every, before;
    pthread_t thread;

    if (was_tried)
        return;
    was_tried = true;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    if (!pthread_create(&thread, NULL, learn, &signal))
        pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- again ---- */

static int64_t number_of_call(const greg_t *regs)
{
    uintptr_t pc = (uintptr_t)regs[REG_RIP];
    int64_t number = number_in_code(pc);

    if (number < 0 && pc == atomic_load_explicit(&learned.pc, memory_order_acquire) && (uintptr_t)at_place(regs, N_KEPT) == learned.caller)
        number = at_place(regs, learned.place);
    return number;
}

void strobe_interrupted_redo(void *ucontext)
{
    greg_t *regs = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
    int32_t pupil = atomic_load_explicit(&lesson.tid, memory_order_relaxed);
    int64_t number;

    if (pupil && pupil == (int32_t)syscall(SYS_gettid)) {
        take_lesson(regs);
        return;
    }
    if (regs[REG_RAX] != -EINTR)
        return;
    number = number_of_call(regs);
    if (!is_wait(number) || others_pending())
        return;
    regs[REG_RAX] = number;
    regs[REG_RIP] -= CALL;
}
#else
void strobe_interrupted_learn(int signal)
{
    (void)signal;
}

void strobe_interrupted_redo(void *ucontext)
{
    (void)ucontext;
}
#endif
