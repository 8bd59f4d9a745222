/* SPDX-License-Identifier: Apache-2.0 */
/* names: interned strings and resolved frames.  runtime/code fills it, agg counts by its ids, export and report read it.
 * An id stays valid, and its text unchanged, until release.  Strings are UTF-8 as the target had them: NOT escaped, they
 * may hold control characters, quotes, markup; whoever prints escapes.  Not thread-safe. */
#ifndef STROBE_BASE_NAMES_H
#define STROBE_BASE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* A resolved frame: one line of one function. */
struct strobe_frame {
    uint32_t name;       /* string id: qualified name (3.11+), else co_name */
    uint32_t file;       /* string id: co_filename */
    uint32_t short_file; /* string id: the path inside its package; == file until a shortener set it */
    int32_t line;        /* current line, 1-based; 0 = unknown */
    int32_t first_line;  /* co_firstlineno; 0 = unknown; below 0, of a frame without a file: enum strobe_mark */
};

/* What a frame that is no function stands for.  A function's first line is never below 0 (runtime/code.c), so a target cannot imitate
 * these.  Formats whose samples have labels make labels of the last three; to all others they are frames by their text. */
enum strobe_mark {
    STROBE_MARK = 0,          /* "<GC>", "time.sleep": something that was done */
    STROBE_MARK_WAIT = -1,    /* what a task waits for */
    STROBE_MARK_PROCESS = -2, /* root: process PID:"COMMAND" */
    STROBE_MARK_THREAD = -3,  /* root: thread (TID), or thread (TID): NAME; the TID is the pthread's, in hexadecimal, when that is all */
    STROBE_MARK_LABEL = -4,   /* [KEY=VALUE], anywhere on a stack; the key ends at the first = */
};

struct strobe_names;

/* ret_names: owned by the caller, who calls strobe_names_free.  String id 0 is "". */
int strobe_names_new(struct strobe_names **ret_names);
void strobe_names_free(struct strobe_names *names);

/* Interns len bytes; the id goes to ret_id.  0 or STROBE_ERR_NOMEM. */
int strobe_names_string(struct strobe_names *names, const char *text, size_t len, uint32_t *ret_id);
/* The text (NUL-terminated, borrowed); "" for an unknown id. */
const char *strobe_names_text(const struct strobe_names *names, uint32_t id);
size_t strobe_names_text_len(const struct strobe_names *names, uint32_t id);
/* The ids of strings and of frames are those below. */
size_t strobe_names_string_count(const struct strobe_names *names);
size_t strobe_names_frame_count(const struct strobe_names *names);

/* Interns a frame (all fields are the key, short_file excepted). */
int strobe_names_frame(struct strobe_names *names, const struct strobe_frame *frame, uint32_t *ret_id);
/* The frame of an id, borrowed, valid until the next strobe_names_frame; NULL for an unknown id. */
const struct strobe_frame *strobe_names_get(const struct strobe_names *names, uint32_t id);
/* A synthetic frame: a name without a file or line. */
int strobe_names_mark(struct strobe_names *names, enum strobe_mark mark, const char *name, uint32_t *ret_id);
/* The same of STROBE_MARK, of STROBE_MARK_LABEL. */
int strobe_names_marker(struct strobe_names *names, const char *name, uint32_t *ret_id);
int strobe_names_label_marker(struct strobe_names *names, const char *name, uint32_t *ret_id);

/* The same for what a task waits for: time that passed without anything being executed (pstats has no self time of it). */
int strobe_names_wait_marker(struct strobe_names *names, const char *name, uint32_t *ret_id);
/* Is a frame such a marker? */
static inline int strobe_frame_is_wait(const struct strobe_frame *frame)
{
    return frame->first_line == STROBE_MARK_WAIT;
}

/* Called once for each new file string, to find the path inside its package; appends it to a buffer of its own and
 * returns 0, or non-zero to leave the path whole. */
struct strobe_buf;
void strobe_names_set_shortener(struct strobe_names *names, int (*shorten)(void *ctx, const char *path, struct strobe_buf *ret_short),
                                void *ctx);

size_t strobe_names_bytes(const struct strobe_names *names); /* memory held, bytes */

#endif
