/* SPDX-License-Identifier: Apache-2.0 */
/* pyslots: members of __slots__, and those that a type made in C declares: an array of PyMemberDef at tp_members
 * (CPython: Include/structmember.h, Objects/typeobject.c type_new_slots).
 *
 *   {char *name | int type | Py_ssize_t offset | int flags | char *doc}, ended by one without a name
 *
 * A class statement's members lie on the chain of tp_base: two bases that both add some cannot be joined in one class. */
#include "runtime/pyobj.h"

#include "runtime/pyspan.h"

enum {
    MEMBER_SIZE = 40,
    MEMBER_TYPE = 8,
    MEMBER_OFFSET = 16,
    MEMBERS_READ = 16,     /* at a time */
    MAX_MEMBERS = 1024,    /* of one class; more are generated code's */
    MAX_NAME = 128,
    MAX_OFFSET = 64 * 1024, /* bytes: more members than MAX_MEMBERS of each class of a long chain need */
    /* PyMemberDef.type: T_OBJECT (reads as None when NULL) and Py_T_OBJECT_EX */
    TYPE_OBJECT = 6,
    TYPE_OBJECT_EX = 16,
};

/* Is this member's name the attribute's?  A private name has its class's in front, without that one's leading underscores. */
static int same_name(struct strobe_mem *mem, uint64_t addr, const char *name, const char *owner)
{
    char text[MAX_NAME];
    size_t n = strlen(name), len;
    int err = strobe_mem_cstr(mem, addr, text, sizeof text);

    if (err)
        return err;
    if (strcmp(text, name) == 0)
        return 1;
    if (strncmp(name, "__", 2) != 0 || (n > 4 && strcmp(name + n - 2, "__") == 0) || text[0] != '_')
        return 0;
    owner += strspn(owner, "_");
    len = strlen(owner);
    return strncmp(text + 1, owner, len) == 0 && strcmp(text + 1 + len, name) == 0;
}

/* 1 and where in the instance the member lies; 0: this class has none of that name. */
static int find_member(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, const char *name, uint64_t *ret_offset)
{
    unsigned char span[MEMBERS_READ * MEMBER_SIZE];
    char owner[MAX_NAME] = "";
    uint64_t members, text;
    size_t got = 0;
    int same, err = strobe_mem_u64(mem, type + lay->ty_members, &members);

    if (err || members == 0)
        return err;
    if (!strobe_py_plausible(members))
        return STROBE_ERR_OBJECT;
    if (name[0] == '_' && (err = strobe_py_type_name(mem, lay, type, owner, sizeof owner)))
        return err;
    for (size_t i = 0; i < MAX_MEMBERS; i++) {
        const unsigned char *member = span + i % MEMBERS_READ * MEMBER_SIZE;

        if (i % MEMBERS_READ == 0) {
            err = strobe_py_span(mem, members + i * MEMBER_SIZE, span, sizeof span, MEMBER_SIZE, &got);
            if (err)
                return err;
        }
        if ((size_t)(member - span) + MEMBER_SIZE > got) /* cut by the end of the mapping */
            return STROBE_ERR_OBJECT;
        text = strobe_span_u64(member, 0);
        if (text == 0)
            return 0;
        same = same_name(mem, text, name, owner);
        if (same < 0)
            return same;
        if (same == 0)
            continue;
        if (strobe_span_u32(member, MEMBER_TYPE) != TYPE_OBJECT && strobe_span_u32(member, MEMBER_TYPE) != TYPE_OBJECT_EX)
            return STROBE_ERR_OBJECT;
        *ret_offset = strobe_span_u64(member, MEMBER_OFFSET);
        return *ret_offset >= lay->ob_header && *ret_offset <= MAX_OFFSET && *ret_offset % sizeof(uint64_t) == 0 ? 1 : STROBE_ERR_OBJECT;
    }
    return 0;
}

/* Of this class or one that it is made from. */
static int find_in_bases(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_pytype type, const char *name,
                         uint64_t *ret_offset)
{
    int found = 0, err = 0;

    for (int i = 0; !err && i < STROBE_PY_MAX_MRO; i++) {
        found = find_member(mem, lay, type.addr, name, ret_offset);
        if (found || type.base == 0)
            break;
        err = strobe_pytype_read(mem, lay, type.base, &type);
    }
    if (err || found < 0)
        return err ? err : found;
    return found ? 0 : STROBE_ERR_MISSING;
}

int strobe_py_slot_offset(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t type, const char *name, uint64_t *ret_offset)
{
    struct strobe_pytype read;
    int err = strobe_pytype_read(mem, lay, type, &read);

    return err ? err : find_in_bases(mem, lay, read, name, ret_offset);
}

int strobe_py_slot(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t obj, const char *name, uint64_t *ret_value)
{
    struct strobe_pytype type;
    uint64_t offset, value;
    int err = strobe_pytype_of(mem, lay, obj, &type);

    if (!err)
        err = find_in_bases(mem, lay, type, name, &offset);
    if (err)
        return err;
    err = strobe_mem_u64(mem, obj + offset, &value);
    if (err)
        return err;
    if (value == 0)
        return STROBE_ERR_MISSING;
    *ret_value = value;
    return 0;
}
