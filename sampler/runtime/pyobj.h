/* SPDX-License-Identifier: Apache-2.0 */
/* pyobj: reading str, bytes, int, float, list, tuple, dict and instance attributes of a target.
 * Everything is hostile: each length and loop is capped by a named constant.  May include: mem, layout, base. */
#ifndef STROBE_RUNTIME_PYOBJ_H
#define STROBE_RUNTIME_PYOBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "runtime/layout.h"

enum {
    STROBE_PY_MAX_STR = 16 * 1024,   /* code points of a string that are read; longer ones are cut */
    STROBE_PY_MAX_ITEMS = 1 << 20,   /* slots of a container that are looked at */
    STROBE_PY_MAX_MRO = 64,          /* classes of an inheritance chain */
};

/* What an object is; by tp_flags' subclass bits and the type's name, so subclasses count as their base. */
enum strobe_py_kind {
    STROBE_PY_OTHER, STROBE_PY_NONE, STROBE_PY_BOOL, STROBE_PY_INT, STROBE_PY_FLOAT, STROBE_PY_STR, STROBE_PY_BYTES,
    STROBE_PY_TUPLE, STROBE_PY_LIST, STROBE_PY_DICT, STROBE_PY_SET, STROBE_PY_TYPE, STROBE_PY_CELL,
};
int strobe_py_kind(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, enum strobe_py_kind *ret_kind);

int strobe_py_type(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *ret_type);
/* The object in a word of a frame: 3.14+ keeps tags in its lowest bits; all of them set is an integer kept in the word itself, of which
 * nothing is known here (CPython: Include/internal/pycore_stackref.h).  0 = none. */
static inline uint64_t strobe_py_untag(const struct strobe_layout *lay, uint64_t word)
{
    uint64_t mask = lay->pointer_mask_low;

    return mask && (word & mask) == mask ? 0 : word & ~mask;
}
/* What follows the last dot of a name, or all of it: tp_name of a class made in C, and names of 3.11+, have in front what they lie in. */
const char *strobe_py_last_name(const char *text);
/* tp_name of a type, at most size - 1 bytes. */
int strobe_py_type_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, char *name, size_t size);

/* Appends the string's text as UTF-8; lone surrogates become U+FFFD.  Appends nothing on failure.  STROBE_ERR_OBJECT when obj is no str;
 * STROBE_ERR_NOMEM also when the buffer had failed before. */
int strobe_py_str(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, struct strobe_buf *out);
/* Appends the bytes of a bytes object, at most max (STROBE_ERR_LIMIT beyond). */
int strobe_py_bytes(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, size_t max, struct strobe_buf *out);
/* An int that fits 64 bits; STROBE_ERR_LIMIT otherwise. */
int strobe_py_int(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, int64_t *ret);

/* Items of a list or tuple: at most max addresses into ret; ret_n = the container's real length. */
int strobe_py_items(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *ret, size_t max, size_t *ret_n);

/* Calls each(ctx, key, value) for every item of a dict; stops early when it returns non-zero and returns that. */
typedef int strobe_py_item_fn(void *ctx, uint64_t key, uint64_t value);
int strobe_py_dict_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, strobe_py_item_fn *each, void *ctx);
/* The value under a str key; STROBE_ERR_MISSING when absent. */
int strobe_py_dict_get(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, const char *key, uint64_t *ret_value);
/* The same for a key that is looked for again and again, without reading all keys: *known is the address of the str that was that key
 * the last time (in any dict; 0 at first), and is kept so. */
int strobe_py_dict_get_again(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, const char *key, uint64_t *known,
                             uint64_t *ret_value);
/* An attribute stored on the instance itself: managed dict, inline values, __dict__, or a member of __slots__. */
int strobe_py_attr(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, const char *name, uint64_t *ret_value);
/* Only the last of these: what the descriptors in tp_members of its classes lead to.  A private name (__x) is found under the name that
 * the compiler makes of it (_Class__x).  STROBE_ERR_MISSING also when it is not set. */
int strobe_py_slot(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, const char *name, uint64_t *ret_value);
/* Where such a member lies in the instances of a class. */
int strobe_py_slot_offset(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, const char *name, uint64_t *ret_offset);
/* Calls each(ctx, name, value) for all of those but members of __slots__; stops early when it returns non-zero and returns that. */
int strobe_py_attr_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, strobe_py_item_fn *each, void *ctx);
/* What obj.name would be if it is kept anywhere as such: on the instance, in its class or a base of it; of a module, a global; of a
 * class, an attribute of it or its bases.  Descriptors are returned, not run. */
int strobe_py_getattr(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, const char *name, uint64_t *ret_value);
/* sys.modules[name].__dict__ of an interpreter; known: as for strobe_py_dict_get_again. */
int strobe_py_module_dict_again(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t interp, const char *name,
                                uint64_t *known, uint64_t *ret_dict);
int strobe_py_module_dict(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t interp, const char *name, uint64_t *ret_dict);

/* Calls each(ctx, item) for the items of a _queue.SimpleQueue, the next to be got first; stops early when it returns non-zero and returns
 * that.  STROBE_ERR_OBJECT when obj is none. */
typedef int strobe_py_each_fn(void *ctx, uint64_t item);
int strobe_py_simplequeue_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t queue, strobe_py_each_fn *each, void *ctx);
/* How many items a SimpleQueue has; its items are not read.  STROBE_ERR_OBJECT: it is none. */
int strobe_py_simplequeue_len(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t queue, uint64_t *ret_len);
/* Calls each(ctx, item) for the items of a collections.deque, leftmost first; stops early when it returns non-zero and returns that. */
int strobe_py_deque_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t deque, strobe_py_each_fn *each, void *ctx);
/* How many items it holds, and a counter that each change of it moves on (see tasks_leave in layout.h). */
struct strobe_py_deque {
    uint64_t len, state;
};
int strobe_py_deque_head(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t deque, struct strobe_py_deque *ret);
/* How many items it holds. */
int strobe_py_deque_len(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t deque, uint64_t *ret_len);
/* Calls each(ctx, member) for the members of a set or frozenset, in the order of its table; stops early when it returns non-zero and
 * returns that.  STROBE_ERR_OBJECT when obj is none, STROBE_ERR_TORN when its table has more than `most` places, or is none. */
int strobe_py_set_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t set, uint64_t most, strobe_py_each_fn *each,
                       void *ctx);
/* len() of a deque, list, tuple, dict or set (of their subclasses too). */
int strobe_py_len(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, uint64_t *ret_len);
/* A float, or an int as one.  STROBE_ERR_OBJECT when obj is neither. */
int strobe_py_float(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, double *ret);
/* Calls each(ctx, type) for the direct subclasses of a class statement's class; stops early when it returns non-zero and returns that. */
int strobe_py_subclasses_each(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, strobe_py_each_fn *each, void *ctx);
/* What a weakref refers to; STROBE_ERR_MISSING when that is gone. */
int strobe_py_weakref(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t ref, uint64_t *ret_obj);
/* The value of cell number `index` of a function's closure, in the order of its code object's free variables; STROBE_ERR_MISSING when
 * there is none or it is empty. */
int strobe_py_closure(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t function, size_t index, uint64_t *ret_value);

/* Appends what repr() would show, as far as it can be known without running code, at most max bytes, then "...".
 * Containers to a bounded depth, cycles as [...]; objects as <Class at 0x...>. */
void strobe_py_repr(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, size_t max, struct strobe_buf *out);

/* One local variable of a frame. */
struct strobe_local {
    char name[128];
    uint64_t value; /* object address; cells already looked through */
    bool is_arg;
    int32_t slot;   /* among the frame's slots; -1 = of a dict */
    bool cell;      /* the slot has a cell that has the value */
};
/* Calls each for every bound fast local (and f_locals item of a module or class frame), arguments first. */
typedef int strobe_local_fn(void *ctx, const struct strobe_local *local);
int strobe_py_locals(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t frame, uint64_t code, strobe_local_fn *each,
                     void *ctx);
/* What another frame of that code has in a slot (struct strobe_local); 0 = unbound.  STROBE_ERR_TORN: it is no frame of that code. */
int strobe_py_local_at(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t frame, uint64_t code, uint32_t slot, bool cell,
                       uint64_t *ret);
/* The name, a str, of cell number `index` of the closures of functions with this code.  STROBE_ERR_MISSING: there is none. */
int strobe_py_free_name(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t code, size_t index, uint64_t *ret_name);
/* Two words of a frame's value stack, from slot `index` on, tags taken off (0 = no object).  How much of it is in use is written nowhere
 * while the frame executes: the bytecode says what lies where.  STROBE_ERR_TORN: it is no frame of that code. */
int strobe_py_stack_pair(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t frame, uint64_t code, uint32_t index,
                         uint64_t ret[2]);

#endif
