/* SPDX-License-Identifier: Apache-2.0 */
/* Line tables.  Input: kind: 1 byte | first line: 4 | lasti: 4 | the table. */
#include "runtime/linetable.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum strobe_lines_kind kinds[] = {STROBE_LINES_LNOTAB, STROBE_LINES_PEP626, STROBE_LINES_LOCATIONS};
    unsigned char *table;
    int32_t first, lasti, line;

    if (size < 9)
        return 0;
    memcpy(&first, data + 1, 4);
    memcpy(&lasti, data + 5, 4);
    /* A block of exactly the table's size: a read beyond it is seen. */
    table = malloc(size - 9);
    if (!table)
        return 0;
    memcpy(table, data + 9, size - 9);
    for (int shift = 0; shift < 32; shift += 8) {
        int err;

        line = -12345;
        err = strobe_linetable_line(kinds[data[0] % 3], table, size - 9, first, lasti >> shift, &line);
        if (err != 0 && err != STROBE_ERR_FORMAT)
            abort();
        if (line == -12345 && first != -12345 && err) /* a damaged table gives the first line all the same */
            abort();
    }
    free(table);
    return 0;
}
