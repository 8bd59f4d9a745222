/* SPDX-License-Identifier: Apache-2.0 */
/* pooled: the executors, semaphores, limiters and bounded queues of one process at one moment: those that its threads and tasks have to
 * do with (tasked.h), and those that lie idle, which are found in its memory (walk/instances.h).
 * May include: place.h, tasked.h, naming, walk, report, base. */
#ifndef STROBE_PICTURE_POOLED_H
#define STROBE_PICTURE_POOLED_H

#include "report/resources.h"
#include "picture/copied.h"
#include "picture/hints.h"
#include "picture/tasked.h"
#include "walk/instances.h"

/* Of an object, from take to take. */
struct strobe_pooled_kept {
    const char *name, *source;    /* in texts; NULL = not looked for yet */
    bool lasting;                 /* it is that of who has it; else, as what is made may get its owner later, it is looked for again: */
    uint32_t looks, due;          /* looks since it was looked for; after how many it is again, twice as many each time */
    int64_t capacity;             /* the largest that was counted or seen free; -1 = none was */
    int64_t made;                 /* what it was made with, if that is known (hints.h); -1 = it is not */
};

/* The rows of a look that went well, with texts of their own. */
struct strobe_pooled_shown {
    struct strobe_report_resource *at;
    size_t cap;
    struct strobe_arena texts;
};

struct strobe_pooled {
    struct strobe_tasked tasked;        /* all owned */
    struct strobe_instances instances;
    struct strobe_htab seen;            /* object -> its index in found */
    struct strobe_htab inner;           /* object that is a part of another -> the one that stands for it; 0 = an executor's */
    struct strobe_report_resource *found; /* rows as they are made; nobody's outside of a take */
    size_t n, cap;
    struct strobe_pooled_shown shown[2]; /* the report's, and room for the next one */
    unsigned showing;                   /* which of them is the report's */
    bool steady;                        /* many takes are to come: see strobe_pooled_set_steady */
    bool rename;                        /* names are to be looked for anew */
    struct strobe_htab index;           /* (object, class) -> its index in kept */
    struct strobe_pooled_kept *kept;
    size_t n_kept, cap_kept;
    struct strobe_arena texts;          /* of kept */
    bool scanning, scanned;             /* a scan goes on; one has ended */
    bool ending;                        /* the one that goes on has come to the memory's end */
    struct strobe_copied copied;
    struct strobe_hints hints;          /* what is known beforehand; borrowed, the owner's to set before a take */
    struct strobe_report_resources report; /* of the last take that went well: shown */
};

/* place: borrowed.  ret: to be released on success. */
int strobe_pooled_open(struct strobe_place *place, const struct strobe_tasked_opts *opts, struct strobe_pooled *ret);
void strobe_pooled_release(struct strobe_pooled *pooled);
/* Many takes are to come, whose rows are to be told apart by their names: things are called by who has them rather than by the code of the
 * tasks that happen to wait for them, names are looked for once and again after a scan, and a capacity that was counted in a whole look
 * stays.  Looks are quick (strobe_tasked_set_quick) from then on. */
void strobe_pooled_set_steady(struct strobe_pooled *pooled);
/* Looks for idle ones in the process's memory, which it may change meanwhile: goes on where the last call ended, for about `most` bytes;
 * the first call, and the one after a done, begins anew, with a look at the threads and tasks.  ret_done: the memory's end was reached, and
 * what was found replaces what the scan before had found.  An error ends the scan, and what the one before had found stays. */
int strobe_pooled_scan(struct strobe_pooled *pooled, uint64_t most, bool *ret_done);
/* Looks at all that are known and makes pooled->report, valid until the next take that goes well.  Of tasked.report the pools and waits are
 * there then.  On an error the report is as it was. */
int strobe_pooled_take(struct strobe_pooled *pooled);
/* Reads the numbers of a row that is no executor again: what it says of itself now, holders of semaphores not among it. */
void strobe_pooled_read_facts(struct strobe_pooled *pooled, struct strobe_report_resource *row);
/* Of a row of the report, a semaphore that does not keep its capacity, whose free permits were read again: more of them than were ever seen
 * make it larger, and it stays so.  For steady pictures. */
void strobe_pooled_note_free(struct strobe_pooled *pooled, struct strobe_report_resource *row);

#endif
