/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

enum {
    NOBODY = 65534,       /* of the kernel itself (overflowuid), where the machine has no such name */
    LAST_CAPABILITY = 63, /* the sets are 64 bits wide; the kernel refuses what it does not know */
};

static uint64_t bit(int capability)
{
    return (uint64_t)1 << capability;
}

static int read_permitted(uint64_t *ret)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, data))
        return STROBE_ERR_PERM;
    *ret = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    return 0;
}

/* Permitted, effective and inheritable, all the same. */
static int set_capabilities(uint64_t set)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{(uint32_t)set, (uint32_t)set, (uint32_t)set},
                                                                    {(uint32_t)(set >> 32), (uint32_t)(set >> 32), (uint32_t)(set >> 32)}};

    return syscall(SYS_capset, &header, data) ? STROBE_ERR_PERM : 0;
}

static int become(const char *user, struct strobe_buf *why)
{
    struct passwd *entry = getpwnam(user ? user : "nobody");
    uid_t uid = entry ? entry->pw_uid : NOBODY;
    gid_t gid = entry ? entry->pw_gid : NOBODY;

    if (user && !entry) {
        strobe_buf_printf(why, "there is no user '%s'", user);
        return STROBE_ERR_ARG;
    }
    /* Groups first: the right to change them goes with the user.  Who named a user wants its groups, too. */
    if ((user ? initgroups(user, gid) : setgroups(0, NULL)) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) {
        strobe_buf_printf(why, "cannot become user '%s': %s", user ? user : "nobody", strerror(errno));
        return STROBE_ERR_PERM;
    }
    return 0;
}

/* What no program can have again that we start. */
static void bound(uint64_t keep)
{
    for (int i = 0; i <= LAST_CAPABILITY; i++)
        if (!(keep & bit(i)))
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0); /* EINVAL: the kernel has no such one */
}

int strobe_privileges_drop(const char *user, bool kill, enum strobe_privileges *ret, struct strobe_buf *why)
{
    uint64_t permitted = 0, keep = bit(CAP_SYS_PTRACE) | (kill ? bit(CAP_KILL) : 0);
    int err = read_permitted(&permitted);

    *ret = STROBE_PRIVILEGES_KEPT;
    if (!err && geteuid() == 0) {
        *ret = permitted & bit(CAP_SYS_PTRACE) ? STROBE_PRIVILEGES_DROPPED : STROBE_PRIVILEGES_NEEDED;
        keep &= permitted;
    }
    if (!err && *ret == STROBE_PRIVILEGES_DROPPED) {
        bound(keep);
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0); /* over setresuid; an exec forgets it */
        /* The root of a container may lack the right to become anybody else: it stays who it is, with the one right that it keeps. */
        if (user || !(~permitted & (bit(CAP_SETUID) | bit(CAP_SETGID))))
            err = become(user, why);
        if (err)
            return err;
        err = set_capabilities(keep);
        if (!err && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_PTRACE, 0, 0))
            err = STROBE_ERR_PERM;
        prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    }
    if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        err = STROBE_ERR_PERM;
    if (err)
        strobe_buf_printf(why, "cannot give up root's rights: %s", strerror(errno));
    return err;
}
