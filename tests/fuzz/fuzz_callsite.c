/* SPDX-License-Identifier: Apache-2.0 */
/* Bytecode.  Input: version: 1 byte | first: u16 | length of the exception table: u16 | table | code. */
#include "runtime/callsim.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD = 5, MAX_ASKED = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly that size: a read beyond it is seen. */
static unsigned char *copy(const uint8_t *data, size_t len)
{
    unsigned char *bytes = malloc(len + !len);

    if (bytes && len)
        memcpy(bytes, data, len);
    return bytes;
}

static void ask(struct strobe_callsim *sim)
{
    const uint32_t *ids;
    size_t n;

    for (size_t i = 0; i < MAX_ASKED && strobe_callsim_op(sim, i); i++) {
        if (strobe_callsim_stack(sim, i, &ids, &n))
            continue;
        for (size_t k = 0; k < n; k++) {
            const struct strobe_value *value = strobe_callsim_value(sim, ids[k]);

            if (ids[k] && value->kind == STROBE_VALUE_NONE) /* what has an id has a meaning */
                abort();
            strobe_callsim_value(sim, value->of);
            if (value->kind == STROBE_VALUE_CALL && value->arg)
                strobe_callsim_value(sim, value->arg);
        }
        if (strobe_callsim_popped(sim, i) == SIZE_MAX)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strobe_bytecode bytes = {.first = -1};
    unsigned char *code, *table;
    struct strobe_callsim *sim;
    uint16_t first, len;

    if (size < HEAD)
        return 0;
    memcpy(&first, data + 1, 2);
    memcpy(&len, data + 3, 2);
    bytes.first = first;
    bytes.table_len = len < size - HEAD ? len : size - HEAD;
    bytes.code_len = size - HEAD - bytes.table_len;
    bytes.table = table = copy(data + HEAD, bytes.table_len);
    bytes.code = code = copy(data + HEAD + bytes.table_len, bytes.code_len);
    if (code && table && !strobe_callsim_new(&strobe_opcodes[data[0] % strobe_opcodes_count], &bytes, &sim)) {
        ask(sim);
        strobe_callsim_free(sim);
    }
    free(code);
    free(table);
    return 0;
}
