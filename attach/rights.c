/* SPDX-License-Identifier: Apache-2.0 */
/* Why the kernel refuses to let us read a process (ptrace(2), "Ptrace access mode checking"), as target.h declares it. */
#include "attach/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/* The parts of /proc/PID/status that matter; what is not there stays as initialised. */
struct status {
    uid_t uid[3]; /* real, effective, saved */
    gid_t gid[3];
    uint64_t permitted, effective;
    int tracer, seccomp;
};

static const char add_cap[] = "run strobe as root of the host, or start the container with --cap-add SYS_PTRACE";

static bool read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return false;
    got = read(fd, text, size - 1);
    close(fd);
    text[got < 0 ? 0 : got] = '\0';
    return got > 0;
}

static const char *field(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at && (at == text || at[-1] == '\n') ? at + strlen(name) : NULL;
}

static bool read_status(const char *pid, struct status *ret)
{
    char path[64], text[8192];
    const char *at;

    snprintf(path, sizeof path, "/proc/%s/status", pid);
    *ret = (struct status){.tracer = 0};
    if (!read_text(path, text, sizeof text))
        return false;
    at = field(text, "Uid:");
    if (!at || sscanf(at, "%u %u %u", &ret->uid[0], &ret->uid[1], &ret->uid[2]) != 3)
        return false;
    at = field(text, "Gid:");
    if (!at || sscanf(at, "%u %u %u", &ret->gid[0], &ret->gid[1], &ret->gid[2]) != 3)
        return false;
    at = field(text, "CapPrm:");
    ret->permitted = at ? strtoull(at, NULL, 16) : 0;
    at = field(text, "CapEff:");
    ret->effective = at ? strtoull(at, NULL, 16) : 0;
    at = field(text, "TracerPid:");
    ret->tracer = at ? atoi(at) : 0;
    at = field(text, "Seccomp:");
    ret->seccomp = at ? atoi(at) : 0;
    return true;
}

pid_t strobe_target_tracer(pid_t pid)
{
    struct status status;
    char name[16];

    snprintf(name, sizeof name, "%d", (int)pid);
    return read_status(name, &status) ? status.tracer : 0;
}

static bool all_equal(const unsigned *ids, unsigned id)
{
    return ids[0] == id && ids[1] == id && ids[2] == id;
}

static void explain_yama(int scope, struct strobe_buf *why)
{
    if (scope == 1)
        strobe_buf_puts(why, "kernel.yama.ptrace_scope is 1, which lets a process be read only by those who started it; "
                             "run strobe with sudo, or set it to 0 (sudo sysctl kernel.yama.ptrace_scope=0)");
    else if (scope == 2)
        strobe_buf_puts(why, "kernel.yama.ptrace_scope is 2, which leaves reading processes to administrators; run strobe with sudo");
    else
        strobe_buf_puts(why, "kernel.yama.ptrace_scope is 3, which forbids it to everybody until the next boot with another setting");
}

/* The owner of another user's process. */
static void explain_user(const struct status *target, bool we_are_root, struct strobe_buf *why)
{
    struct passwd *user = getpwuid(target->uid[1]);

    if (user)
        strobe_buf_printf(why, "it belongs to user %s (uid %u); ", user->pw_name, (unsigned)target->uid[1]);
    else
        strobe_buf_printf(why, "it belongs to uid %u; ", (unsigned)target->uid[1]);
    if (we_are_root)
        strobe_buf_printf(why, "strobe runs as root, but without the capability CAP_SYS_PTRACE; %s", add_cap);
    else
        strobe_buf_puts(why, "run strobe as that user or with sudo");
}

void strobe_target_explain_perm(pid_t pid, struct strobe_buf *why)
{
    const uint64_t ptrace_cap = 1ull << CAP_SYS_PTRACE;
    struct status self, target;
    char name[32], path[64], text[32];
    int scope = 0;
    struct stat st;
    bool have_cap;

    snprintf(name, sizeof name, "%d", (int)pid);
    /* Files in it, not the folder itself, change to root when the process is not dumpable (proc(5)). */
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    if (!read_status("self", &self) || !read_status(name, &target)) {
        strobe_buf_puts(why, "/proc does not show it to this user (mount option hidepid); run strobe with sudo");
        return;
    }
    have_cap = self.effective & ptrace_cap;
    if (read_text("/proc/sys/kernel/yama/ptrace_scope", text, sizeof text))
        scope = atoi(text);
    if (have_cap && scope == 3)
        explain_yama(scope, why);
    else if (have_cap && self.seccomp == 2)
        strobe_buf_puts(why, "a seccomp filter of this container forbids it; start the container with --security-opt seccomp=unconfined");
    else if (have_cap)
        strobe_buf_puts(why, "it is in another user namespace or protected by a security module (SELinux, AppArmor); "
                             "run strobe as root on the host");
    else if (!all_equal(target.uid, self.uid[1]) || !all_equal(target.gid, self.gid[1]))
        explain_user(&target, self.uid[1] == 0, why);
    else if (target.permitted & ~self.permitted)
        strobe_buf_printf(why, "it has capabilities that strobe has not; %s", self.uid[1] ? "run strobe with sudo" : add_cap);
    else if (!stat(path, &st) && st.st_uid != target.uid[1])
        strobe_buf_puts(why, "it is protected from being read (not dumpable: its program may not be read by its user, or it asked for that "
                             "with prctl); run strobe with sudo");
    else if (scope > 0)
        explain_yama(scope, why);
    else if (self.seccomp == 2 || self.uid[1] == 0)
        strobe_buf_printf(why, "this container lacks the capability CAP_SYS_PTRACE; %s", add_cap);
    else
        strobe_buf_puts(why, "a security module (SELinux, AppArmor) may forbid it; run strobe with sudo");
}
