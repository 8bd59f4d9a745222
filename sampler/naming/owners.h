/* SPDX-License-Identifier: Apache-2.0 */
/* owners: names of objects by who has them, whatever is done with them meanwhile: a search, nearest first, from the modules' global
 * variables and the frames' local ones through attributes, class attributes, closures, then lists, tuples, deques, sets and dicts.
 *
 *   module.NAME    Class.attribute    function.variable    module.NAME['key']    Class.attribute[]
 *
 * A name is for a thing's place in the program's text: all instances of a class have their attribute under one name, all elements of a
 * list, and all values of a dict that is keyed by data.
 * The target runs meanwhile: what moves is passed over.
 * May include: runtime, walk/sample.h, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_NAMING_OWNERS_H
#define STROBE_NAMING_OWNERS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/htab.h"
#include "runtime/layout.h"
#include "walk/sample.h"

struct strobe_owner_node; /* private: something that has others */

/* Ways that a name may go, the best first: a thing with a name of its own may be in a list of all such things, too. */
enum strobe_owners_level {
    STROBE_OWNERS_NAMES,     /* a global, an attribute, a variable of a closure */
    STROBE_OWNERS_INSIDE,    /* the same of something that is in a container */
    STROBE_OWNERS_KEYED,     /* what is in a dict */
    STROBE_OWNERS_ELEMENTS,  /* what is in a list, tuple, deque or set */
    STROBE_OWNERS_VARIABLES, /* a local variable: true while that function runs */
    STROBE_OWNERS_LEVELS
};

struct strobe_owners {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_htab wanted; /* object -> who has it: index in nodes + 1; 0 = not found yet */
    struct strobe_htab seen;   /* object -> its level: it is among the nodes */
    struct strobe_htab types;  /* class -> what its instances are */
    struct strobe_owner_node *nodes;
    size_t n_nodes, cap_nodes;
    uint32_t head[STROBE_OWNERS_LEVELS], tail[STROBE_OWNERS_LEVELS]; /* by level: nodes that have not been looked into; STROBE_NONE: none */
    struct strobe_buf texts;   /* names of local variables, each with its final 0 */
    size_t n_left;             /* wanted that were not found */
    size_t looked;             /* things that were looked at */
};

/* mem and lay are borrowed. */
void strobe_owners_init(struct strobe_owners *owners, struct strobe_mem *mem, const struct strobe_layout *lay);
void strobe_owners_release(struct strobe_owners *owners);
/* A name for this object is wanted.  STROBE_ERR_NOMEM. */
int strobe_owners_want(struct strobe_owners *owners, uint64_t object);
/* Where the search begins: all modules of an interpreter; a frame's variables.  STROBE_ERR_NOMEM. */
int strobe_owners_add_modules(struct strobe_owners *owners, uint64_t interp);
int strobe_owners_add_frame(struct strobe_owners *owners, const struct strobe_raw_frame *frame);
/* Searches, by ways no worse than `most`, until all are found or enough has been looked at.  STROBE_ERR_NOMEM. */
int strobe_owners_run(struct strobe_owners *owners, enum strobe_owners_level most);
/* Appends the name that was found for a wanted object, UTF-8, unescaped; nothing when none was.  Reads the target again.  The way that it
 * goes; STROBE_OWNERS_LEVELS: none was found. */
enum strobe_owners_level strobe_owners_name(const struct strobe_owners *owners, uint64_t object, struct strobe_buf *name);

#endif
