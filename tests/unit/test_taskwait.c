/* SPDX-License-Identifier: Apache-2.0 */
/* What the tasks of recorded processes wait for, against what those said. */
#include "tests/unit/cm.h"

#include <string.h>

#include "report/tasks.h"
#include "tests/unit/aio_images.h"

static void test_kind_way_and_object(void **state)
{
    struct aio_image *aio = *state;
    const struct strobe_task_sample *sample = aio->session.sample;
    size_t kinds[STROBE_WAIT_LIMITER + 1] = {0}, n = 0;

    for (uint32_t i = 0; i < sample->n_tasks; i++) {
        const struct strobe_task *task = &sample->tasks[i];
        const struct replay_task *truth = aio_image_truth(aio, task->addr);
        const struct strobe_wait *wait;

        assert_non_null(truth);
        assert_int_equal(task->wait != STROBE_NO_INDEX, truth->waits);
        if (!truth->waits)
            continue;
        wait = &sample->waits[task->wait];
        assert_string_equal(strobe_report_wait_word(wait->kind), truth->wait.kind);
        assert_string_equal(wait->how ? wait->how : "", truth->wait.how);
        assert_int_equal(wait->object, truth->wait.object);
        assert_int_equal(task->state, STROBE_TASK_WAITING);
        assert_int_equal(task->timer != 0, wait->kind == STROBE_WAIT_SLEEP);
        kinds[wait->kind]++;
    }
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        n += kinds[k] > 0;
    assert_true(n >= 10);
}

/* One thing is one wait, however many wait for it. */
static void test_each_thing_once(void **state)
{
    struct aio_image *aio = *state;
    const struct strobe_task_sample *sample = aio->session.sample;

    for (uint32_t i = 0; i < sample->n_waits; i++) {
        const struct strobe_wait *wait = &sample->waits[i];
        uint32_t waiters = 0;

        for (uint32_t k = 0; k < sample->n_tasks; k++)
            waiters += sample->tasks[k].wait == i;
        assert_int_equal(wait->n_waiters, waiters);
        for (uint32_t k = 0; k < i; k++)
            assert_false(wait->object && wait->object == sample->waits[k].object && wait->kind == sample->waits[k].kind &&
                         wait->how == sample->waits[k].how);
    }
}

/* Timers are read with their tasks by who looks for itself, and by nobody else. */
static void test_when_sleeps_are_due(void **state)
{
    struct aio_image *aio = *state;
    const struct strobe_task_sample *sample = aio->session.sample;
    size_t n = 0;

    for (uint32_t i = 0; i < sample->n_tasks; i++) {
        const struct strobe_task *task = &sample->tasks[i];
        const struct replay_task *truth = aio_image_truth(aio, task->addr);

        assert_int_equal(task->when_ns != 0, task->timer != 0);
        if (!task->timer)
            continue;
        assert_true(task->when - truth->due < 1e-3 && truth->due - task->when < 1e-3);
        n++;
    }
    assert_true(n >= 2);
}

static void test_when_is_not_read_for_others(void **state)
{
    struct aio_image *aio = *state;

    for (uint32_t i = 0; i < aio->session.sample->n_tasks; i++)
        assert_int_equal(aio->session.sample->tasks[i].when_ns, 0);
}

static const struct CMUnitTest each_image[] = {
    cmocka_unit_test_setup_teardown(test_kind_way_and_object, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_each_thing_once, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_when_sleeps_are_due, aio_image_setup_careful, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_when_is_not_read_for_others, aio_image_setup, aio_image_teardown),
};

int main(void)
{
    return aio_images_run("taskwait", each_image, sizeof each_image / sizeof *each_image);
}
