/* SPDX-License-Identifier: Apache-2.0 */
/* record_image PID TRUTH OUT [tasks]: records what a walk over a process reads into an image (tests/lib/mem_image.h), together with
 * what the process said of itself (tests/lib/replay.h), and replays it to see that nothing is missing.  tasks: the same for a walk over
 * its asyncio tasks (tests/lib/replay_tasks.h).
 * The process must stand still: every thread waits for something that does not come. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "attach/attach.h"
#include "tests/lib/mem_image.h"
#include "tests/lib/mem_record.h"
#include "tests/lib/replay.h"
#include "tests/lib/replay_tasks.h"

static struct replay seen;
static struct replay_tasks seen_tasks;

/* Runs the walk over mem in both ways: they ask for different pieces of memory. */
static int walk(struct strobe_mem *mem, struct image *image, const struct strobe_layout_hint *hint)
{
    int err = replay_walk(mem, hint, STROBE_MODE_EXACT, &seen);
    struct strobe_aio_layout aio;
    struct strobe_layout lay;

    if (!err)
        err = replay_walk(mem, hint, STROBE_MODE_NONBLOCKING, &seen);
    if (!err)
        err = strobe_layout_init(mem, hint, &lay, NULL);
    if (!err) {
        err = replay_asyncio(image, mem, &lay, &aio);
        err = err == STROBE_ERR_MISSING ? 0 : err; /* the process knows nothing of asyncio */
    }
    if (!err && image_get(image, "tasks"))
        err = replay_tasks_walk(image, mem, hint, STROBE_MODE_EXACT, &seen_tasks);
    if (!err && image_get(image, "tasks"))
        err = replay_tasks_walk(image, mem, hint, STROBE_MODE_NONBLOCKING, &seen_tasks);
    return err;
}

static int read_text(const char *path, struct strobe_buf *ret)
{
    FILE *file = fopen(path, "r");
    int c;

    if (!file)
        return STROBE_ERR_IO;
    while ((c = getc(file)) != EOF)
        strobe_buf_putc(ret, (char)c);
    fclose(file);
    return ret->failed ? STROBE_ERR_NOMEM : 0;
}

static int set_facts(struct image *image, struct strobe_attach *attach, const char *truth, bool tasks)
{
    const struct strobe_layout *lay = strobe_attach_layout(attach);
    struct strobe_buf text = STROBE_BUF_INIT;
    int err = image_set(image, "version", strobe_attach_version(attach));
    uint64_t asyncio;

    strobe_buf_printf(&text, "%" PRIx64, lay->runtime);
    err = err ? err : image_set(image, "runtime", strobe_buf_str(&text));
    strobe_buf_clear(&text);
    strobe_buf_printf(&text, "%08" PRIx32, lay->version);
    err = err ? err : image_set(image, "hexversion", strobe_buf_str(&text));
    err = err ? err : image_set(image, "threads", lay->free_threaded ? "free" : "gil");
    err = err ? err : image_set(image, tasks ? "tasks" : "truth", truth);
    strobe_buf_clear(&text);
    if (!err && !strobe_attach_asyncio(attach, NULL, &asyncio)) {
        strobe_buf_printf(&text, "%" PRIx64, asyncio);
        err = image_set(image, "asyncio", strobe_buf_str(&text));
    }
    strobe_buf_release(&text);
    return err;
}

int main(int argc, char **argv)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    struct strobe_attach *attach = NULL;
    struct strobe_mem *rec = NULL, *replay = NULL;
    struct strobe_layout_hint hint;
    struct image *image = NULL;
    int err;

    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: record_image PID TRUTH OUT [tasks]\n");
        return 2;
    }
    err = strobe_attach_open((pid_t)atoi(argv[1]), &attach, &text);
    if (err) {
        fprintf(stderr, "record_image: %s\n", strobe_buf_str(&text));
        goto done;
    }
    strobe_buf_clear(&text);
    if ((err = read_text(argv[2], &text)) || (err = image_new(&image)))
        goto done;
    if ((err = set_facts(image, attach, strobe_buf_str(&text), argc == 5)))
        goto done;
    if ((err = replay_hint(image, &hint)) || (err = record_mem_new(strobe_attach_mem(attach), &rec)))
        goto done;
    if ((err = walk(rec, image, &hint)) || (err = record_mem_save(rec, image)) || (err = image_save(image, argv[3])))
        goto done;
    if ((err = image_mem_new(image, &replay)) || (err = walk(replay, image, &hint)))
        goto done;
    printf("%s: Python %s, %zu threads, %zu tasks, %zu pages%s\n", argv[3], strobe_attach_version(attach), seen.n_threads,
           seen_tasks.n_tasks, image_count(image), image_get(image, "asyncio") ? ", asyncio's table" : "");
done:
    if (err)
        fprintf(stderr, "record_image: %s\n", strobe_err_text(err));
    strobe_mem_close(replay);
    strobe_mem_close(rec);
    image_free(image);
    strobe_attach_close(attach);
    strobe_buf_release(&text);
    return err ? 1 : 0;
}
