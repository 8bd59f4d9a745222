/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of offsets as a target's _PyRuntime would hold them.  What is accepted must keep the promises of layout.h. */
#include "runtime/layout.h"

#include <stdlib.h>
#include <string.h>

enum { WHY = 160 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strobe_layout lay;
    char why[WHY + 1];
    void *table = malloc(size);
    int err;

    if (!table)
        return 0;
    memcpy(table, data, size);
    memset(why, 'x', sizeof why);
    err = strobe_layout_from_table(table, size, &lay, why);
    free(table);
    require(why[WHY] == 'x');
    if (err) {
        require(memchr(why, '\0', WHY));
        require(err == STROBE_ERR_VERSION || err == STROBE_ERR_LAYOUT || err == STROBE_ERR_NOTREADY);
        return 0;
    }
    require(lay.fr_size <= STROBE_MAX_FR_SIZE && lay.co_size <= STROBE_MAX_CO_SIZE && lay.ts_size <= STROBE_MAX_TS_SIZE);
    require(lay.in_size <= STROBE_MAX_IN_SIZE && lay.gil_size <= STROBE_MAX_GIL_SIZE);
    require(lay.ts_interp + 8 <= lay.ts_size && lay.ts_next + 8 <= lay.ts_size && lay.ts_frame + 8 <= lay.ts_size);
    require(lay.co_filename + 8 <= lay.co_size && lay.co_name + 8 <= lay.co_size && lay.co_firstlineno + 4 <= lay.co_size);
    require(lay.in_threads_head + 8 <= lay.in_size && lay.in_id + 8 <= lay.in_size);
    return 0;
}
