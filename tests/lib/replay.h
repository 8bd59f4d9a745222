/* SPDX-License-Identifier: Apache-2.0 */
/* replay: the whole way from a reader to names, as one call, and what a target said of itself, in the same form.
 *
 * A target's truth is text, a line an item, fields separated by tabs (innermost frames first):
 *   T <pthread id> <native id> <thread name>
 *   F <function name> <current line> <first line> <file>
 *   L <local variable> <repr>                              of the frame before
 * Memory: results are plain structs of the caller; nothing is kept. */
#ifndef STROBE_TESTS_REPLAY_H
#define STROBE_TESTS_REPLAY_H

#include <stdbool.h>

#include "base/names.h"
#include "runtime/asyncio_layout.h"
#include "runtime/code.h"
#include "runtime/layout.h"
#include "snapshot.h"
#include "tests/lib/mem_image.h"

enum { REPLAY_THREADS = 24, REPLAY_FRAMES = 48, REPLAY_LOCALS = 48, REPLAY_TEXT = 160 };

struct replay_frame {
    char name[REPLAY_TEXT], file[REPLAY_TEXT];
    int32_t line, first_line;
    int error; /* from resolving it; the other fields are empty then */
};

struct replay_thread {
    uint64_t ident; /* pthread_self() */
    int32_t native; /* 0 = not known (before 3.11) */
    char name[REPLAY_TEXT];
    int error;
    size_t n_frames; /* all; the array holds the first REPLAY_FRAMES */
    struct replay_frame frames[REPLAY_FRAMES];
};

struct replay {
    size_t n_threads; /* all; the array holds the first REPLAY_THREADS */
    struct replay_thread threads[REPLAY_THREADS];
    /* Locals of the frames that replay_has_values names, of all threads. */
    size_t n_locals;
    struct {
        char name[REPLAY_TEXT], repr[REPLAY_TEXT];
    } locals[REPLAY_LOCALS];
};

/* The target's functions and class bodies whose locals are looked at: "values", "Values". */
bool replay_has_values(const char *function);

/* What a recording keeps from tick to tick. */
struct replay_session {
    struct strobe_mem *mem; /* borrowed */
    struct strobe_layout lay;
    struct strobe_clock clock; /* moves on by two seconds a tick, so that nothing is kept for being young */
    uint64_t now;
    struct strobe_snapshot *snap;
    struct strobe_codes *codes;
    struct strobe_names *names;
};

/* Layout from the reader, then what sampling without a host needs.  On failure nothing is held. */
int replay_open(struct replay_session *session, struct strobe_mem *mem, const struct strobe_layout_hint *hint,
                enum strobe_snapshot_mode mode);
/* One snapshot with all names and lines.  0 or the error that ended it; errors of single threads and frames are in the result. */
int replay_tick(struct replay_session *session, struct replay *ret);
void replay_close(struct replay_session *session);

/* The three in a row. */
int replay_walk(struct strobe_mem *mem, const struct strobe_layout_hint *hint, enum strobe_snapshot_mode mode, struct replay *ret);

/* Facts of an image.  STROBE_ERR_FORMAT when they are missing or malformed. */
int replay_hint(const struct image *image, struct strobe_layout_hint *ret);
int replay_truth(const struct image *image, struct replay *ret);
/* The layout of asyncio's tasks in an image.  From 3.14 on it needs the address of asyncio's own table, the fact "asyncio"
 * (hexadecimal), which an image has when its process had imported asyncio.  STROBE_ERR_MISSING: needed, and there is none. */
int replay_asyncio(const struct image *image, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_aio_layout *ret);

#endif
