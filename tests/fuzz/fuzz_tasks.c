/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the tasks of a recorded asyncio process whose memory is damaged by the input: chains, waits, names, facts, pools.
 *
 * Input: image: 1 byte | how: 1 byte | changes (tests/lib/damage.h)
 *   how:  1 without holding threads   2 through the cache of blocks   4 several looks   8 careful ones
 * What is shown must hang together, whatever the memory says: tasks once each, indices inside their arrays, counts that agree.
 * The images come from tests/images/asyncio/NAME.img, or the folder that STROBE_IMAGES names. */
#include <stdlib.h>

#include "tests/lib/damage.h"
#include "tests/lib/replay_tasks.h"

enum { MAX_IMAGES = 64, LOOKS = 3, NONBLOCKING = 1, CACHED = 2, SEVERAL = 4, CAREFUL = 8 };

static struct image *images[MAX_IMAGES];
static struct strobe_layout_hint hints[MAX_IMAGES];
static size_t n_images;
static struct replay_tasks seen;
static struct damage damage;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *folder = getenv("STROBE_IMAGES");

    n_images = damage_images(folder ? folder : "tests/images/asyncio", images, MAX_IMAGES);
    for (size_t i = 0; i < n_images; i++)
        if (replay_hint(images[i], &hints[i]))
            exit(1);
    return 0;
}

static void require(bool truth)
{
    if (!truth)
        abort();
}

static bool is_index(uint32_t index, uint32_t n)
{
    return index == STROBE_NO_INDEX || index < n;
}

static void require_task(const struct strobe_task_sample *sample, const struct strobe_sample *threads, const struct strobe_task *task)
{
    require(is_index(task->wait, sample->n_waits) && is_index(task->thread, threads->n_threads));
    require(task->n_sync <= task->n_frames && (task->frames || !task->n_frames));
    require((task->state == STROBE_TASK_RUNNING) == (task->thread != STROBE_NO_INDEX));
    require(task->first_hold <= sample->n_holds && task->n_holds <= sample->n_holds - task->first_hold);
    require(task->first_awaiter <= sample->n_awaiters && task->n_awaiters <= sample->n_awaiters - task->first_awaiter);
}

static void require_consistent(const struct strobe_task_sample *sample, const struct strobe_sample *threads)
{
    for (uint32_t i = 0; i < sample->n_tasks; i++) {
        require_task(sample, threads, &sample->tasks[i]);
        for (uint32_t k = 0; k < i; k++)
            require(sample->tasks[k].addr != sample->tasks[i].addr);
    }
    for (uint32_t i = 0; i < sample->n_awaiters; i++)
        require(sample->awaiters[i] < sample->n_tasks);
    for (uint32_t i = 0; i < sample->n_holds; i++)
        require(sample->holds[i].wait < sample->n_waits && is_index(sample->holds[i].task, sample->n_tasks));
    for (uint32_t i = 0; i < sample->n_waits; i++) {
        const struct strobe_wait *wait = &sample->waits[i];

        require(is_index(wait->task, sample->n_tasks) && wait->n_waiters <= sample->n_tasks);
        require(wait->task == STROBE_NO_INDEX || is_index(wait->frame, sample->tasks[wait->task].n_frames));
    }
}

static void look(struct strobe_mem *mem, size_t image, unsigned how)
{
    struct replay_task_session session;

    if (replay_tasks_open(&session, images[image], mem, &hints[image], how & NONBLOCKING ? STROBE_MODE_NONBLOCKING : STROBE_MODE_EXACT,
                          how & CAREFUL))
        return;
    for (int i = 0; i < (how & SEVERAL ? LOOKS : 1); i++)
        if (!replay_tasks_tick(&session, &seen))
            require_consistent(session.sample, session.threads);
    replay_tasks_close(&session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strobe_mem *paged = NULL;
    size_t i;

    if (size < 2 || !n_images)
        return 0;
    i = data[0] % n_images;
    if (damage_begin(&damage, images[i], data + 2, size - 2))
        return 0;
    if (data[1] & CACHED && !strobe_mem_paged_new(&damage.mem, &paged)) {
        look(paged, i, data[1]);
        strobe_mem_close(paged);
    } else {
        look(&damage.mem, i, data[1]);
    }
    damage_end(&damage);
    return 0;
}
