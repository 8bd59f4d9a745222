/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/dumpsignal.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "ext/background.h"
#include "ext/dumpfile.h"
#include "ext/pictures.h"

enum { MAX_SIGNALS = 8 };

/* Lock order: life, the background's, its work.  In each entry the handler looks at the atomic fields, and at `before`, which is written
 * while signum is 0. */
static struct strobe_background background;
static bool has_background;                                   /* with life */
static pthread_mutex_t life = PTHREAD_MUTEX_INITIALIZER;      /* of who installs and removes */
static sem_t wake;                                            /* the thread waits for it */
static _Atomic bool stopping;                                 /* the thread is to end, and meanwhile to wait for nothing */

/* With work: */
static struct entry {
    _Atomic int signum;     /* 0 = free */
    _Atomic uint32_t asked; /* dumps that were asked for and not begun yet */
    _Atomic bool chain;
    struct sigaction before;
    char *path;             /* NULL: */
    struct strobe_ownfile file;
} entries[MAX_SIGNALS];
static struct {
    uint64_t address;
    uint32_t version;
    char text[32];
} runtime;
static struct { /* what is being written: the thread alone changes it */
    struct strobe_buf text;
    size_t done;
    bool is_open;
    int fd; /* own; -1 = none yet */
    char *path;
} out = {STROBE_BUF_INIT, 0, false, -1, NULL};

/* ---- the handler ---- */

/* One that was installed over ours, and calls ours, may be what ours calls. */
static __thread volatile sig_atomic_t chaining __attribute__((tls_model("initial-exec")));

static void call_before(const struct sigaction *before, int signum, siginfo_t *info, void *ucontext)
{
    if (chaining)
        return;
    chaining = 1;
    if (before->sa_flags & SA_SIGINFO && before->sa_sigaction)
        before->sa_sigaction(signum, info, ucontext);
    else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
        before->sa_handler(signum);
    chaining = 0;
}

/* Async-signal-safe. */
static void handle(int signum, siginfo_t *info, void *ucontext)
{
    int saved = errno;

    for (int i = 0; i < MAX_SIGNALS; i++) {
        struct entry *entry = &entries[i];

        if (atomic_load(&entry->signum) != signum)
            continue;
        atomic_fetch_add(&entry->asked, 1);
        sem_post(&wake);
        if (atomic_load(&entry->chain))
            call_before(&entry->before, signum, info, ucontext);
    }
    errno = saved;
}

/* ---- the thread ---- */

static void put_time(struct strobe_buf *text)
{
    char when[64];
    struct tm parts;
    time_t now = time(NULL);

    if (localtime_r(&now, &parts) && strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S%z", &parts))
        strobe_buf_printf(text, "strobe: %s\n", when);
}

static void clear_out(void)
{
    if (out.fd >= 0)
        close(out.fd);
    out.fd = -1;
    free(out.path);
    out.path = NULL;
    strobe_buf_release(&out.text);
    out.text = (struct strobe_buf)STROBE_BUF_INIT;
    out.done = 0;
    out.is_open = false;
}

static void begin_dump(const struct entry *entry)
{
    struct strobe_buf why = STROBE_BUF_INIT;

    put_time(&out.text);
    if (strobe_pictures_take(STROBE_PICTURE_TEXT, runtime.address, runtime.version, runtime.text, &out.text, &why))
        strobe_buf_printf(&out.text, "strobe: this process cannot be read: %s\n", strobe_buf_str(&why));
    strobe_buf_putc(&out.text, '\n');
    strobe_buf_release(&why);
    out.path = entry->path ? strdup(entry->path) : NULL;
    out.fd = entry->path ? -1 : strobe_dumpfile_again(&entry->file);
    if (!out.text.len || (!out.path && out.fd < 0))
        clear_out(); /* no memory, or nowhere to write it */
}

/* Several that came together are one. */
static bool begin_next(void)
{
    for (int i = 0; i < MAX_SIGNALS; i++)
        if (atomic_load(&entries[i].signum) && atomic_exchange(&entries[i].asked, 0)) {
            begin_dump(&entries[i]);
            return true;
        }
    return false;
}

/* Without work meanwhile: a fork between the opening and the note of it leaves its child a descriptor. */
static void open_out(void)
{
    int fd;

    strobe_background_unlock(&background);
    fd = out.path ? strobe_dumpfile_open(out.path) : strobe_dumpfile_without_waits(out.fd);
    strobe_background_lock(&background);
    if (out.fd >= 0 && out.fd != fd)
        close(out.fd);
    out.fd = fd;
    out.is_open = true;
}

static void go_on_writing(void)
{
    size_t done;

    if (!out.is_open)
        open_out();
    if (out.fd < 0) {
        clear_out();
        return;
    }
    strobe_background_unlock(&background);
    done = strobe_dumpfile_write(out.fd, out.text.data + out.done, out.text.len - out.done, &stopping);
    strobe_background_lock(&background);
    out.done += done;
    if (out.done >= out.text.len)
        clear_out();
}

static void run(struct strobe_background *self)
{
    while (!atomic_load(&self->ending) && !atomic_load(&stopping)) {
        if (out.text.len) {
            go_on_writing();
        } else if (!begin_next()) {
            strobe_background_unlock(self);
            while (sem_wait(&wake) && errno == EINTR)
                ;
            strobe_background_lock(self);
        }
    }
}

static void order(struct strobe_background *self, bool go)
{
    (void)self;
    atomic_store(&stopping, !go);
    if (!go)
        sem_post(&wake);
}

/* ---- installing ---- */

/* The entry of a signal; 0: a free one. */
static struct entry *entry_of(int signum)
{
    for (int i = 0; i < MAX_SIGNALS; i++)
        if (atomic_load(&entries[i].signum) == signum)
            return &entries[i];
    return NULL;
}

static bool is_any_installed(void)
{
    for (int i = 0; i < MAX_SIGNALS; i++)
        if (atomic_load(&entries[i].signum))
            return true;
    return false;
}

bool strobe_dumpsignal_of_fault(int signum)
{
    return signum == SIGSEGV || signum == SIGBUS || signum == SIGFPE || signum == SIGILL || signum == SIGABRT;
}

/* What belonged to the parent's thread. */
static void forked(struct strobe_background *self)
{
    (void)self;
    for (int i = 0; i < MAX_SIGNALS; i++)
        atomic_store(&entries[i].asked, 0);
    clear_out();
    sem_init(&wake, 0, 0);
}

static void init_background(void)
{
    strobe_background_init(&background, run, forked);
    background.order = order;
}

/* With life: as long as a signal is installed there is a thread, but where it rests. */
static int start_thread(void)
{
    if (!has_background) {
        if (sem_init(&wake, 0, 0))
            return STROBE_ERR_NOMEM;
        init_background();
        has_background = true;
    }
    return strobe_background_start(&background, "strobe-dump");
}

static bool is_ours(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == handle;
}

/* With work. */
static int set_action(struct entry *entry, int signum)
{
    struct sigaction ours = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK}, now;

    sigemptyset(&ours.sa_mask);
    if (sigaction(signum, NULL, &now))
        return STROBE_ERR_ARG;
    if (atomic_load(&entry->signum) && is_ours(&now))
        return 0;
    atomic_store(&entry->signum, 0);
    atomic_store(&entry->asked, 0);
    entry->before = now;
    atomic_store(&entry->signum, signum);
    if (!sigaction(signum, &ours, NULL))
        return 0;
    atomic_store(&entry->signum, 0);
    return STROBE_ERR_ARG;
}

static void release_texts(struct entry *entry)
{
    free(entry->path);
    entry->path = NULL;
    strobe_dumpfile_release(&entry->file);
}

static int set_entry(int signum, const struct strobe_dumpsignal_opts *opts, char *path, const struct strobe_ownfile *file)
{
    struct entry *entry = entry_of(signum);
    bool is_new = !entry;
    int err;

    if (is_new && !(entry = entry_of(0)))
        return STROBE_ERR_LIMIT;
    if (is_new)
        entry->file = (struct strobe_ownfile)STROBE_OWNFILE_NONE;
    atomic_store(&entry->chain, opts->chain);
    if ((err = set_action(entry, signum)))
        return err;
    release_texts(entry);
    entry->path = path;
    entry->file = *file;
    runtime.address = opts->runtime;
    runtime.version = opts->version;
    runtime.text[0] = '\0';
    strncat(runtime.text, opts->version_text, sizeof runtime.text - 1);
    return 0;
}

/* With life. */
static int install(int signum, const struct strobe_dumpsignal_opts *opts, char *path, const struct strobe_ownfile *file)
{
    bool is_first = !is_any_installed();
    int err = is_first ? start_thread() : 0;

    if (err)
        return err;
    strobe_background_lock(&background);
    err = set_entry(signum, opts, path, file);
    strobe_background_unlock(&background);
    if (err && !is_any_installed())
        strobe_background_end(&background);
    return err;
}

int strobe_dumpsignal_install(int signum, const struct strobe_dumpsignal_opts *opts)
{
    struct strobe_ownfile file = STROBE_OWNFILE_NONE;
    char *path = NULL;
    int err = signum <= 0 || strobe_dumpsignal_of_fault(signum) ? STROBE_ERR_ARG : 0;

    if (!err && opts->path)
        err = (path = strdup(opts->path)) ? 0 : STROBE_ERR_NOMEM;
    else if (!err)
        err = strobe_dumpfile_keep(opts->fd, &file);
    if (err)
        return err;
    pthread_mutex_lock(&life);
    err = install(signum, opts, path, &file);
    pthread_mutex_unlock(&life);
    if (err) {
        free(path);
        strobe_dumpfile_release(&file);
    }
    return err;
}

/* With work. */
static bool remove_entry(int signum)
{
    struct entry *entry = signum > 0 ? entry_of(signum) : NULL;
    struct sigaction now;

    if (!entry)
        return false;
    if (!sigaction(signum, NULL, &now) && is_ours(&now))
        sigaction(signum, &entry->before, NULL);
    atomic_store(&entry->signum, 0);
    release_texts(entry);
    return true;
}

bool strobe_dumpsignal_remove(int signum)
{
    bool was_installed = false;

    pthread_mutex_lock(&life);
    if (has_background) {
        strobe_background_lock(&background);
        was_installed = remove_entry(signum);
        strobe_background_unlock(&background);
        if (was_installed && !is_any_installed()) {
            strobe_background_end(&background);
            strobe_background_lock(&background);
            clear_out();
            strobe_background_unlock(&background);
        }
    }
    pthread_mutex_unlock(&life);
    return was_installed;
}

/* ---- fork ---- */

void strobe_dumpsignal_forked(void)
{
    pthread_mutex_init(&life, NULL);
    if (has_background)
        init_background();
}

void strobe_dumpsignal_resume(void)
{
    pthread_mutex_lock(&life);
    if (is_any_installed())
        start_thread(); /* without memory for it: no dumps here */
    pthread_mutex_unlock(&life);
}
