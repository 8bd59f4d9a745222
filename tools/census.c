/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/census.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/target.h"
#include "base/err.h"
#include "base/grow.h"

enum {
    MAX_KNOWN = 1 << 16, /* processes of a machine that are remembered as no Python */
    MAX_FAMILY = 4096,   /* descendants of one that was named */
    MAX_TRIES = 16,      /* attempts to attach in one poll: each may take milliseconds, */
    MAX_ARRIVALS = 2,    /* and one that succeeds, with its first scan, a tenth of a second: who asks meanwhile waits for that */
};
static const uint64_t second = 1000ull * 1000 * 1000;
static const uint64_t fork_ns = 8 * 1000 * 1000;  /* a new child is a copy of its parent until it execs: so long it is given to do that */
static const uint64_t young_ns = 2ull * 1000 * 1000 * 1000;
static const uint64_t longest_named = 1000ull * 1000 * 1000, longest_other = 300ull * 1000 * 1000 * 1000;

struct person {
    pid_t pid;
    uint64_t start_ticks;
    uint64_t dev, ino;           /* of its executable, when last tried */
    uint64_t since_ns, next_ns;  /* when this program was first seen; when to try again */
    void *target;                /* NULL = not attached */
    bool listed, gone;
};

/* One that was named: a process, which its number and the moment of its start are the identity of; and what it is to be known by when it
 * comes back under another number, or under the same. */
struct named {
    pid_t pid;
    uint64_t start_ticks;        /* 0 = not seen yet */
    bool lives;                  /* that process, at the last poll */
    bool there;                  /* it lives, and it or what it has started is attached to */
    bool attached;               /* it was, once: what is noted is what it is as Python */
    struct strobe_buf cmdline;
    uid_t uid;
    pid_t parent;
    uint64_t next_ns;            /* when to look for who takes its place */
};

struct strobe_census {
    const struct strobe_census_ops *ops;
    void *ctx;
    bool all;
    struct named *named;
    size_t n_named;
    struct person *people;       /* by pid */
    size_t n, cap, n_attached;
    bool pending;                /* the last poll has left some for the next */
    uint64_t list_ns;            /* all: when /proc is to be listed next */
    pid_t *found;                /* scratch */
};

int strobe_census_new(const int32_t *pids, size_t n, const struct strobe_census_ops *ops, void *ctx, struct strobe_census **ret)
{
    struct strobe_census *census = calloc(1, sizeof *census);

    if (!census)
        return STROBE_ERR_NOMEM;
    census->ops = ops;
    census->ctx = ctx;
    census->all = n == 0;
    census->n_named = n;
    census->named = calloc(n + 1, sizeof *census->named);
    census->found = malloc(MAX_FAMILY * sizeof *census->found);
    if (!census->named || !census->found) {
        strobe_census_free(census);
        return STROBE_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        census->named[i] = (struct named){.pid = pids[i], .cmdline = STROBE_BUF_INIT};
    *ret = census;
    return 0;
}

void strobe_census_free(struct strobe_census *census)
{
    if (!census)
        return;
    for (size_t i = 0; i < census->n; i++)
        if (census->people[i].target)
            census->ops->leave(census->ctx, census->people[i].target);
    for (size_t i = 0; census->named && i < census->n_named; i++)
        strobe_buf_release(&census->named[i].cmdline);
    free(census->named);
    free(census->people);
    free(census->found);
    free(census);
}

/* ---- who is known ---- */

static int by_pid(const void *a, const void *b)
{
    const struct person *x = a, *y = b;

    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Among the first, which are sorted.  NULL: not known. */
static struct person *find_first(const struct strobe_census *census, size_t known, pid_t pid)
{
    struct person key = {.pid = pid};

    return known ? bsearch(&key, census->people, known, sizeof key, by_pid) : NULL;
}

static struct person *find(const struct strobe_census *census, pid_t pid)
{
    return find_first(census, census->n, pid);
}

/* Marks who is known; who is not is appended, unsorted: sort() is the caller's.  known: how many are sorted. */
static void list_one(struct strobe_census *census, size_t known, pid_t pid, uint64_t now_ns, uint64_t wait_ns)
{
    struct person *person = find_first(census, known, pid);

    if (person) {
        person->listed = true;
        return;
    }
    if (census->n == MAX_KNOWN || strobe_grow(&census->people, &census->cap, census->n + 1, sizeof *census->people))
        return; /* at the next poll */
    census->people[census->n++] = (struct person){.pid = pid, .since_ns = now_ns, .next_ns = now_ns + wait_ns, .listed = true};
}

static void sort(struct strobe_census *census)
{
    size_t kept = 0;

    if (!census->n)
        return;
    qsort(census->people, census->n, sizeof *census->people, by_pid);
    for (size_t i = 0; i < census->n; i++) /* a process may have been found in two families */
        if (!kept || census->people[kept - 1].pid != census->people[i].pid)
            census->people[kept++] = census->people[i];
    census->n = kept;
}

/* Returns whether one of them is attached to. */
static bool list_family(struct strobe_census *census, size_t known, pid_t of, uint64_t now_ns)
{
    size_t n = strobe_target_descendants(of, census->found, MAX_FAMILY);
    bool attached = false;

    for (size_t i = 0; i < n; i++) {
        const struct person *person = find_first(census, known, census->found[i]);

        attached |= person && person->target;
        list_one(census, known, census->found[i], now_ns, fork_ns);
    }
    return attached;
}

/* Is the process that was named still there?  Another one may have its number by now, and is none of ours. */
static bool is_living(const struct named *named)
{
    struct strobe_target_stat stat;

    return !strobe_target_stat(named->pid, &stat) && !strobe_target_ended(&stat) &&
           (!named->start_ticks || stat.start_ticks == named->start_ticks);
}

/* Those who were named, what descends from them, and what descended from them while they lived.  One that is no Python itself, as a shell
 * that has started it, is there with what it has started. */
static void list_named(struct strobe_census *census, uint64_t now_ns)
{
    size_t known = census->n;

    for (size_t i = 0; i < known; i++)
        census->people[i].listed = false;
    for (size_t i = 0; i < census->n_named; i++) {
        struct named *named = &census->named[i];
        const struct person *self = find_first(census, known, named->pid);
        bool attached;

        named->lives = is_living(named);
        named->there &= named->lives;
        if (!named->lives)
            continue; /* if it is still attached to, it is looked after, and leaves */
        list_one(census, known, named->pid, now_ns, 0);
        attached = list_family(census, known, named->pid, now_ns);
        named->there = attached || (self && self->target);
    }
    for (size_t i = 0; i < known; i++)
        if (!census->people[i].listed && census->people[i].target) {
            census->people[i].listed = true;
            list_family(census, known, census->people[i].pid, now_ns);
        }
    sort(census);
}

static pid_t pid_of(const char *name)
{
    char *end;
    long pid = strtol(name, &end, 10);

    return name[0] >= '1' && name[0] <= '9' && !*end && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* Every process of the machine but this one.  Between two listings those of the last one are looked after. */
static void list_machine(struct strobe_census *census, uint64_t now_ns)
{
    size_t known = census->n;
    struct dirent *entry;
    DIR *proc;

    if (now_ns < census->list_ns || !(proc = opendir("/proc")))
        return;
    census->list_ns = now_ns + 2 * second;
    for (size_t i = 0; i < known; i++)
        census->people[i].listed = false;
    while ((entry = readdir(proc))) {
        pid_t pid = pid_of(entry->d_name);

        if (pid && pid != getpid())
            list_one(census, known, pid, now_ns, fork_ns);
    }
    closedir(proc);
    sort(census);
}

/* ---- attaching ---- */

/* NULL: nobody has named that process. */
static struct named *named_of(const struct strobe_census *census, pid_t pid, uint64_t start_ticks)
{
    for (size_t i = 0; i < census->n_named; i++) {
        struct named *named = &census->named[i];

        if (named->pid == pid && (!named->start_ticks || named->start_ticks == start_ticks))
            return named;
    }
    return NULL;
}

/* Whose it is; of a process that may not be dumped root's, before and after alike. */
static uid_t uid_of(pid_t pid)
{
    char path[32];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    return stat(path, &st) ? (uid_t)-1 : st.st_uid;
}

/* What a process is to be known by when it comes back.  One that is not attached to may yet become another program, by exec; once it was
 * Python that alone counts. */
static void note(struct named *named, const struct person *person, bool attached)
{
    if (named->attached && !attached)
        return;
    named->attached |= attached;
    named->lives = true;
    named->start_ticks = person->start_ticks;
    named->uid = uid_of(person->pid);
    named->parent = strobe_target_parent(person->pid);
    strobe_buf_clear(&named->cmdline);
    strobe_target_cmdline(person->pid, &named->cmdline);
}

/* Attaches to a process whose start time was read before, so that what is there is that process, or one that check() will not know. */
static int attach(struct strobe_census *census, struct person *person)
{
    struct person *of = find(census, strobe_target_parent(person->pid));
    struct named *named = named_of(census, person->pid, person->start_ticks);
    int err;

    if (census->n_attached == STROBE_CENSUS_MAX)
        return STROBE_ERR_LIMIT;
    if (named)
        note(named, person, false);
    err = census->ops->arrive(census->ctx, person->pid, of ? of->target : NULL, &person->target);
    if (err)
        return err;
    census->n_attached++;
    if (named) {
        named->there = true;
        note(named, person, true);
    }
    return 0;
}

int strobe_census_start(struct strobe_census *census, int32_t pid)
{
    struct person *person = find(census, pid);

    if (!person) {
        list_one(census, census->n, pid, 0, 0);
        sort(census);
        person = find(census, pid);
    }
    if (!person)
        return STROBE_ERR_NOMEM;
    if (person->target)
        return 0;
    if (strobe_target_start_time(pid, &person->start_ticks)) /* arrive() says that there is none */
        person->start_ticks = 0;
    return attach(census, person);
}

/* It is not what was attached to: whoever has its number, or its place, is looked at anew. */
static void detach(struct strobe_census *census, struct person *person)
{
    struct named *named = named_of(census, person->pid, person->start_ticks);

    census->ops->leave(census->ctx, person->target);
    person->target = NULL;
    census->n_attached--;
    if (named)
        named->there = false;
}

/* An attached one: is it still that? */
static void look_after(struct strobe_census *census, struct person *person, uint64_t now_ns)
{
    int err = census->ops->check(census->ctx, person->target);

    if (!err)
        return;
    detach(census, person);
    person->gone = err != STROBE_ERR_EXECED;
    person->since_ns = person->next_ns = now_ns;
    person->ino = 0;
}

/* True: an attempt was made. */
static bool try_again(struct strobe_census *census, struct person *person, uint64_t now_ns)
{
    uint64_t dev = 0, ino = 0, ticks = 0, wait_ns, longest = census->all ? longest_other : longest_named;
    bool attempt;
    int err;

    if (now_ns < person->next_ns)
        return false;
    if (strobe_target_start_time(person->pid, &ticks) || (person->start_ticks && ticks != person->start_ticks)) {
        person->gone = true; /* another process may have its number: it is new at the next poll */
        return false;
    }
    person->start_ticks = ticks;
    strobe_target_exe_id(person->pid, &dev, &ino);
    if (dev != person->dev || ino != person->ino) {
        person->dev = dev;
        person->ino = ino;
        person->since_ns = now_ns;
    }
    /* A kernel thread or another user's process has no executable to be seen, and one whose parent is us is no service. */
    attempt = !census->all || (ino && strobe_target_parent(person->pid) != getpid());
    if (!attempt)
        err = STROBE_ERR_NOTPYTHON;
    else
        err = strobe_target_in_parents_memory(person->pid) ? STROBE_ERR_NOTREADY : attach(census, person);
    if (err == STROBE_ERR_GONE || err == STROBE_ERR_NOPROC)
        person->gone = true;
    /* A runtime that starts is ready within milliseconds; what is not Python now may load it later, ever less likely. */
    wait_ns = (now_ns - person->since_ns) / 2;
    wait_ns = wait_ns > longest ? longest : wait_ns;
    person->next_ns = now_ns + wait_ns;
    return attempt;
}

/* ---- who comes back ---- */

/* Is it what one that ended was, started anew?  The first of several: those that it starts may have the same command line. */
static bool is_again(const struct named *named, pid_t pid, uint64_t start_ticks)
{
    struct strobe_buf cmdline = STROBE_BUF_INIT;
    bool same;

    if (start_ticks < named->start_ticks || uid_of(pid) != named->uid)
        return false;
    strobe_target_cmdline(pid, &cmdline);
    same = cmdline.len && cmdline.len == named->cmdline.len && memcmp(cmdline.data, named->cmdline.data, cmdline.len) == 0;
    strobe_buf_release(&cmdline);
    return same;
}

/* Looks through the machine for who takes the place of one that ended: of several the one with the same parent (a supervisor starts it
 * again), then the one that began first. */
static void search(struct strobe_census *census, struct named *named, uint64_t now_ns)
{
    pid_t best = 0;
    uint64_t best_ticks = 0;
    bool best_sibling = false;
    struct dirent *entry;
    DIR *proc;

    /* A shell that has not started anything yet is waited for itself. */
    if (named->there || (named->lives && !named->attached) || !named->cmdline.len || now_ns < named->next_ns || !(proc = opendir("/proc")))
        return;
    named->next_ns = now_ns + second;
    while ((entry = readdir(proc))) {
        pid_t pid = pid_of(entry->d_name);
        struct strobe_target_stat stat;
        bool sibling;

        if (!pid || pid == getpid() || (find(census, pid) && find(census, pid)->target) || strobe_target_stat(pid, &stat) ||
            strobe_target_ended(&stat) || named_of(census, pid, stat.start_ticks) || !is_again(named, pid, stat.start_ticks))
            continue;
        sibling = stat.parent == named->parent;
        if (best && (best_sibling > sibling || (best_sibling == sibling && best_ticks <= stat.start_ticks)))
            continue;
        best = pid;
        best_ticks = stat.start_ticks;
        best_sibling = sibling;
    }
    closedir(proc);
    if (best) {
        named->pid = best;
        named->start_ticks = best_ticks;
    }
}

/* ---- all ---- */

void strobe_census_poll(struct strobe_census *census, uint64_t now_ns)
{
    size_t kept = 0, attached = census->n_attached;
    int tries = 0;

    census->pending = false;
    for (size_t i = 0; i < census->n_named; i++) {
        const struct person *person = find(census, census->named[i].pid);

        if (!person || !person->target)
            search(census, &census->named[i], now_ns);
    }
    if (census->all)
        list_machine(census, now_ns);
    else
        list_named(census, now_ns);
    for (size_t i = 0; i < census->n; i++) {
        struct person *person = &census->people[i];

        if (person->target)
            look_after(census, person, now_ns);
        else if (!person->listed)
            person->gone = true;
        if (person->target || person->gone)
            continue;
        if (tries == MAX_TRIES || census->n_attached >= attached + MAX_ARRIVALS)
            census->pending |= now_ns >= person->next_ns;
        else
            tries += try_again(census, person, now_ns);
    }
    for (size_t i = 0; i < census->n; i++)
        if (!census->people[i].gone)
            census->people[kept++] = census->people[i];
    census->n = kept;
}

bool strobe_census_eager(const struct strobe_census *census, uint64_t now_ns)
{
    if (census->pending)
        return true;
    for (size_t i = 0; i < census->n; i++) {
        const struct person *person = &census->people[i];

        if (!person->target && now_ns - person->since_ns < young_ns && named_of(census, person->pid, person->start_ticks))
            return true;
    }
    return false;
}

size_t strobe_census_missing(const struct strobe_census *census)
{
    size_t n = 0;

    for (size_t i = 0; i < census->n_named; i++)
        n += !census->named[i].there;
    return n;
}
