/* SPDX-License-Identifier: Apache-2.0 */
/* asyncio's tables of offsets, for a build that the first byte chooses.  What is accepted must keep the promises of asyncio_layout.h. */
#include "runtime/asyncio_layout.h"

#include <stdlib.h>
#include <string.h>

enum { WHY = 160, TS_SIZE = 280 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void require_in_task(const struct strobe_aio_layout *aio, uint32_t offset, uint32_t width, uint32_t header)
{
    require(offset >= header && offset + width <= aio->task_size && offset % width == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strobe_layout lay = {.minor = 15, .ts_size = TS_SIZE};
    struct strobe_aio_layout aio;
    char why[WHY + 1];
    void *table;
    int err;

    if (!size)
        return 0;
    lay.free_threaded = data[0] & 1;
    lay.ob_header = lay.free_threaded ? 32 : 16;
    table = malloc(size);
    if (!table)
        return 0;
    memcpy(table, data + 1, size - 1);
    memset(why, 'x', sizeof why);
    err = strobe_aio_layout_from_table(table, size - 1, &lay, &aio, why);
    free(table);
    require(why[WHY] == 'x');
    if (err) {
        require(err == STROBE_ERR_LAYOUT && memchr(why, '\0', WHY));
        return 0;
    }
    require(aio.task_size <= STROBE_AIO_MAX_TASK && aio.fut_size <= aio.task_size);
    require_in_task(&aio, aio.fut_loop, 8, lay.ob_header);
    require_in_task(&aio, aio.fut_result, 8, lay.ob_header);
    require_in_task(&aio, aio.fut_state, 4, lay.ob_header);
    require_in_task(&aio, aio.fut_awaited_by, 8, lay.ob_header);
    require_in_task(&aio, aio.task_fut_waiter, 8, lay.ob_header);
    require_in_task(&aio, aio.task_coro, 8, lay.ob_header);
    require_in_task(&aio, aio.task_context, 8, lay.ob_header);
    require_in_task(&aio, aio.task_node, 8, lay.ob_header);
    require(aio.task_node + 16 <= aio.task_size);
    require(aio.thread_running_loop >= TS_SIZE && aio.thread_running_task != aio.thread_running_loop);
    return 0;
}
