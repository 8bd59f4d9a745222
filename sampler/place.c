/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

int strobe_place_shorten(void *place, const char *path, struct strobe_buf *ret_short)
{
    struct strobe_place *self = place;

    if (self->ops->shorten)
        return self->ops->shorten(self, path, ret_short);
    strobe_buf_puts(ret_short, path);
    return ret_short->failed ? STROBE_ERR_NOMEM : 0;
}

int strobe_place_find_asyncio(void *place, struct strobe_mem *mem, uint64_t *ret_table)
{
    struct strobe_place *self = place;

    return self->ops->find_asyncio ? self->ops->find_asyncio(self, mem, ret_table) : STROBE_ERR_MISSING;
}
