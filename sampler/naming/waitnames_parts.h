/* SPDX-License-Identifier: Apache-2.0 */
/* waitnames_parts: what the two ways to a name share: by the code (waitsite.c), by looking around (waitlook.c).
 * Private to those and waitnames.c, which chooses between them. */
#ifndef STROBE_NAMING_WAITNAMES_PARTS_H
#define STROBE_NAMING_WAITNAMES_PARTS_H

#include "naming/waitnames.h"
#include "runtime/pyobj.h"

enum {
    STROBE_NAMING_OUTER = 8,   /* frames outside of the one that waits whose variables are looked at */
    STROBE_NAMING_CLASS = 128, /* bytes of a class's name */
};

/* What a name by the code is worth. */
enum strobe_worth {
    STROBE_WORTH_NONE,
    STROBE_WORTH_ITSELF,   /* the code is the thing's own: it calls it `self` */
    STROBE_WORTH_CALL,     /* what a function or a property gave */
    STROBE_WORTH_PLACE,    /* a local variable */
    STROBE_WORTH_THING,    /* an attribute, a global variable */
};

/* One thing that is to be named, and the frame that is asked for it. */
struct strobe_naming {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    const struct strobe_wait *wait;
    uint64_t object;
    const struct strobe_task *task; /* whose frame it is */
    uint32_t at;                    /* its index there */
    bool borrowed;                  /* that task does not wait itself, but for the one that does */
    uint64_t code, frame;
    struct strobe_buf *name;        /* what is appended to */
    struct strobe_wait_variable variable; /* that the name begins with */
    bool failed;                    /* something could not be read: no name, rather than a part of one or a worse one */
};

/* Notes a failed reading; that something is not there, or of another kind, is none.  True when there is no error at all. */
bool strobe_naming_read(struct strobe_naming *n, int err);

/* The frame at that index is asked from now on; false when it cannot be. */
bool strobe_naming_ask(struct strobe_naming *n, uint32_t at);
/* Notes that the name begins with this variable of the frame that is asked. */
void strobe_naming_variable(struct strobe_naming *n, const struct strobe_local *local);
/* Name of an object's class; its last part. */
int strobe_naming_class(struct strobe_naming *n, uint64_t obj, char ret[STROBE_NAMING_CLASS]);
/* Is it a private attribute of an object of that type (_Client__lock)?  The class that has it goes to name, and how that class writes it
 * (__lock) is returned; otherwise NULL, and name is untouched. */
const char *strobe_naming_private(struct strobe_naming *n, uint64_t type, const char *attribute, char name[STROBE_NAMING_CLASS]);
bool strobe_naming_is_of(struct strobe_naming *n, uint64_t obj, const char *class_name);
bool strobe_naming_is_module(struct strobe_naming *n, uint64_t obj);
/* The frame's globals. */
bool strobe_naming_globals(struct strobe_naming *n, uint64_t *ret_dict);
/* Appends the name of the module that a dict of globals belongs to, nothing when it has none; the name of the frame's function. */
void strobe_naming_put_module(struct strobe_naming *n, uint64_t globals);
void strobe_naming_put_function(struct strobe_naming *n);

/* Each appends a name and returns true where it finds one.
 * An attribute of an object that the frame, or one of those outside of it, has in a local, or of that object's class. */
bool strobe_naming_by_attribute(struct strobe_naming *n);
/* A global variable of the frame's module; deep: or an attribute of one. */
bool strobe_naming_by_global(struct strobe_naming *n, bool deep);
/* A local variable of the frame, or one of those outside of it. */
bool strobe_naming_by_variable(struct strobe_naming *n);
/* Appends what the code around the frame that is asked calls the thing.  Of no worth: what is appended is to be forgotten. */
enum strobe_worth strobe_naming_by_code(struct strobe_naming *n);

#endif
