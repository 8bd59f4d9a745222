/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/outside.h"

#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>

#include "attach/target.h"
#include "tools/childwork.h"

static struct strobe_outside *of(struct strobe_place *place)
{
    return (struct strobe_outside *)((char *)place - offsetof(struct strobe_outside, place));
}

static void begin(struct strobe_place *place, bool *ret_stopped)
{
    struct strobe_target_stat stat;
    uint64_t ticks;

    of(place)->parent_lives = of(place)->parent && !strobe_target_start_time(of(place)->parent, &ticks) &&
                              ticks == of(place)->parent_ticks && strobe_target_is_fork(place->pid, of(place)->parent);
    strobe_peers_release(&of(place)->peers);
    strobe_peers_init(&of(place)->peers, place->pid);
    *ret_stopped = !strobe_target_stat(place->pid, &stat) && stat.state == 'T';
}

static int find_asyncio(struct strobe_place *place, struct strobe_mem *mem, uint64_t *ret_table)
{
    return strobe_attach_asyncio(of(place)->attach, mem, ret_table);
}

static int shorten(struct strobe_place *place, const char *path, struct strobe_buf *ret_short)
{
    return strobe_attach_shorten(of(place)->attach, path, ret_short);
}

static void peer(struct strobe_place *place, int32_t fd, struct strobe_buf *out)
{
    strobe_peers_of_fd(&of(place)->peers, fd, out);
}

static int ask_workers(struct strobe_place *place, bool nonblocking, struct strobe_pools *pools)
{
    return strobe_childwork_ask(place->pid, nonblocking ? STROBE_MODE_NONBLOCKING : STROBE_MODE_EXACT, pools);
}

static int area(struct strobe_place *place, bool anew, uint64_t most, uint64_t *ret_addr, uint64_t *ret_bytes)
{
    struct strobe_heapmap *map = &of(place)->map;
    int err = 0;

    if (anew) {
        strobe_heapmap_release(map);
        err = strobe_heapmap_open(place->pid, map);
    }
    return err ? err : strobe_heapmap_next(map, most, ret_addr, ret_bytes) ? 0 : STROBE_ERR_MISSING;
}

/* One that has become another program since, by exec, has nothing of what it had. */
static bool parent_has(struct strobe_place *place, uint64_t address, uint64_t word)
{
    const struct strobe_outside *outside = of(place);
    uint64_t there = 0;
    struct iovec to = {&there, sizeof there}, from = {(void *)(uintptr_t)address, sizeof there};

    if (!outside->parent_lives)
        return true;
    if (process_vm_readv(outside->parent, &to, 1, &from, 1, 0) != sizeof there)
        return errno != EFAULT;
    return there == word;
}

void strobe_outside_init(struct strobe_outside *outside, struct strobe_attach *attach, int32_t pid)
{
    static const struct strobe_place_ops ops = {.begin = begin, .find_asyncio = find_asyncio, .shorten = shorten, .peer = peer,
                                                .ask_workers = ask_workers, .area = area, .parent_has = parent_has};

    *outside = (struct strobe_outside){.attach = attach, .map = STROBE_HEAPMAP_INIT};
    outside->place = (struct strobe_place){.ops = &ops, .mem = strobe_attach_mem(attach), .host = strobe_attach_host(attach),
                                           .layout = strobe_attach_layout(attach), .pid = pid, .cmdline = strobe_attach_cmdline(attach),
                                           .exe = strobe_attach_exe(attach), .version = strobe_attach_version(attach)};
    strobe_peers_init(&outside->peers, pid);
}

void strobe_outside_set_parent(struct strobe_outside *outside, pid_t parent)
{
    int32_t own;

    if (!strobe_target_is_fork(outside->place.pid, parent) || strobe_target_start_time(parent, &outside->parent_ticks))
        return;
    own = strobe_target_own_pid(outside->place.pid);
    outside->parent = parent;
    outside->place.forked_as = own ? own : outside->place.pid;
}

void strobe_outside_release(struct strobe_outside *outside)
{
    strobe_peers_release(&outside->peers);
    strobe_heapmap_release(&outside->map);
}
