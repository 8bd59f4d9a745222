/* SPDX-License-Identifier: Apache-2.0 */
/* What locks, queues, timers say of themselves in recorded processes, against what those said. */
#include "tests/unit/cm.h"

#include <string.h>

#include "base/err.h"
#include "tests/unit/aio_images.h"
#include "walk/waitfacts.h"

static void said(const char *task, const char *what, int64_t seen, int64_t truth)
{
    if (truth != INT64_MIN && truth != INT32_MIN && seen != truth)
        fail_msg("%s: %s is %lld, not %lld", task, what, (long long)seen, (long long)truth);
}

static void test_facts_are_those_of_the_program(void **state)
{
    struct aio_image *aio = *state;
    const struct strobe_task_sample *sample = aio->session.sample;
    struct strobe_roles *roles = &strobe_tasklook_reader(aio->session.look)->roles;
    size_t n = 0;

    for (uint32_t i = 0; i < sample->n_tasks; i++) {
        const struct replay_task *truth = aio_image_truth(aio, sample->tasks[i].addr);
        struct strobe_wait_facts facts;

        if (!truth || !truth->waits)
            continue;
        strobe_wait_facts_read(aio->mem, &aio->session.base.lay, roles, &sample->waits[sample->tasks[i].wait], &facts);
        strobe_wait_facts_count(&sample->waits[sample->tasks[i].wait], &facts);
        said(truth->name, "free", facts.free, truth->wait.facts.free);
        said(truth->name, "capacity", facts.capacity, truth->wait.facts.capacity);
        said(truth->name, "size", facts.size, truth->wait.facts.size);
        said(truth->name, "maxsize", facts.maxsize, truth->wait.facts.maxsize);
        said(truth->name, "unfinished", facts.unfinished, truth->wait.facts.unfinished);
        said(truth->name, "queued", facts.queued, truth->wait.facts.queued);
        said(truth->name, "fd", facts.fd, truth->wait.facts.fd);
        n += truth->wait.facts.free != INT64_MIN || truth->wait.facts.size != INT64_MIN;
    }
    assert_true(n >= 5);
}

/* Nothing is made up of what is not there, or is something else. */
static void test_unknown_is_unknown(void **state)
{
    struct aio_image *aio = *state;
    const struct strobe_task *task = &aio->session.sample->tasks[0];
    const uint64_t objects[] = {0, 8, 0x7fff00000008, task->coro};
    struct strobe_roles *roles = &strobe_tasklook_reader(aio->session.look)->roles;

    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
        for (int kind = 0; kind <= STROBE_WAIT_LIMITER; kind++) {
            const struct strobe_wait wait = {.kind = (enum strobe_wait_kind)kind, .object = objects[i]};
            struct strobe_wait_facts facts;

            memset(&facts, 0x55, sizeof facts);
            strobe_wait_facts_read(aio->mem, &aio->session.base.lay, roles, &wait, &facts);
            strobe_wait_facts_count(&wait, &facts);
            assert_true(facts.free == -1 && facts.size == -1 && facts.maxsize == -1 && facts.unfinished == -1);
            assert_true(facts.fd == -1 && facts.pid == -1 && facts.capacity_source != STROBE_CAPACITY_STORED);
        }
}

static void test_timers(void **state)
{
    struct aio_image *aio = *state;
    const struct strobe_task_sample *sample = aio->session.sample;
    const struct strobe_layout *lay = &aio->session.base.lay;
    struct strobe_timers timers = {.type = 0};
    double one, same = 0;
    size_t n = 0;

    for (uint32_t i = 0; i < sample->n_tasks; i++) {
        const struct strobe_task *task = &sample->tasks[i];
        const struct replay_task *truth = aio_image_truth(aio, task->addr);

        if (!task->timer)
            continue;
        assert_int_equal(strobe_timer_due(aio->mem, lay, task->timer, &one), 0);
        assert_int_equal(strobe_timers_due(&timers, aio->mem, lay, task->timer, &same), 0);
        assert_true(one == same && truth && one - truth->due < 1e-3 && truth->due - one < 1e-3);
        n++;
    }
    assert_true(n >= 2 && timers.type && timers.float_type); /* those after the first are read the short way */
    assert_int_equal(strobe_timers_due(&timers, aio->mem, lay, 8, &same), STROBE_ERR_FAULT);
    assert_int_not_equal(strobe_timers_due(&timers, aio->mem, lay, sample->tasks[0].coro, &same), 0); /* no handle */
    assert_true(one == same);
}

static const struct CMUnitTest each_image[] = {
    cmocka_unit_test_setup_teardown(test_facts_are_those_of_the_program, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_unknown_is_unknown, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_timers, aio_image_setup, aio_image_teardown),
};

int main(void)
{
    return aio_images_run("waitfacts", each_image, sizeof each_image / sizeof *each_image);
}
