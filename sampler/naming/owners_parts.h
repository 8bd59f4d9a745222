/* SPDX-License-Identifier: Apache-2.0 */
/* The search's tree, private to naming/owners*.c: the search (owners.c), the texts (owners_text.c).  May include: what owners.h may. */
#ifndef STROBE_NAMING_OWNERS_PARTS_H
#define STROBE_NAMING_OWNERS_PARTS_H

#include "naming/owners.h"

enum strobe_owner_kind { STROBE_OWNER_MODULE, STROBE_OWNER_INSTANCE, STROBE_OWNER_CLASS, STROBE_OWNER_LIST, STROBE_OWNER_DEQUE,
                         STROBE_OWNER_SET, STROBE_OWNER_DICT, STROBE_OWNER_FUNCTION, STROBE_OWNER_VARIABLES, STROBE_OWNER_FOUND };

/* Something that has others, or one of the wanted (FOUND). */
struct strobe_owner_node {
    uint64_t addr;   /* a module's dict; of VARIABLES the code object */
    uint64_t key;    /* what its parent calls it: a str (attribute, global), any object (of a dict), a place (in a closure), a place in
                      * texts (of variables); of MODULE the module's name */
    uint32_t parent; /* STROBE_NONE: none */
    uint32_t next;   /* of its level; STROBE_NONE: the last */
    uint8_t kind, depth, level; /* enum strobe_owners_level */
};

#endif
