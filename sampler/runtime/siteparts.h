/* SPDX-License-Identifier: Apache-2.0 */
/* siteparts: what callsite.c (awaits and contexts), sitecalls.c (calls) and sitecode.c (reading the bytecode) share.
 * Private to those.  May include: callsite.h, callsim.h. */
#ifndef STROBE_RUNTIME_SITEPARTS_H
#define STROBE_RUNTIME_SITEPARTS_H

#include "runtime/callsim.h"
#include "runtime/callsite.h"

/* One function, open. */
struct strobe_site_code {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    const struct strobe_opcodes *opcodes;
    struct strobe_callsim *sim;
    struct strobe_buf code, table;
    uint64_t str_type;
    size_t object_len;
    unsigned char object[STROBE_MAX_CO_SIZE];
};

/* Reads and follows its bytecode.  To be closed also after a failure. */
int strobe_site_open(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, struct strobe_site_code *ret);
void strobe_site_close(struct strobe_site_code *site);

/* Base and path of a value. */
int strobe_site_put_path(struct strobe_site_code *site, uint32_t id, struct strobe_site *ret);
/* Appends a name of the code object to what was put into a member of a site. */
int strobe_site_put_name(struct strobe_site_code *site, char *to, size_t size, uint32_t index);

#endif
