/* SPDX-License-Identifier: Apache-2.0 */
/* fewmarks: markers whose texts come from the target without an end (values of context variables, names of tasks): of so many distinct
 * ones each has its own, all further ones share one.
 * May include: base.  Memory: its own, bounded.  Threads: one. */
#ifndef STROBE_BILLING_FEWMARKS_H
#define STROBE_BILLING_FEWMARKS_H

#include "base/buf.h"
#include "base/htab.h"
#include "base/names.h"

enum { STROBE_FEWMARKS_MAX = 1000 }; /* more than a profile can show */

struct strobe_fewmarks {
    struct strobe_htab known; /* hashes of the text -> marker */
    uint32_t other;           /* 0 = not needed yet */
};
#define STROBE_FEWMARKS_INIT {STROBE_HTAB_INIT, 0}

/* Makes a marker: strobe_names_label_marker, strobe_names_wait_marker. */
typedef int strobe_fewmarks_make(struct strobe_names *names, const char *text, uint32_t *ret);

void strobe_fewmarks_release(struct strobe_fewmarks *marks);
/* The marker of a text, or of the text `other` when there are too many.  STROBE_ERR_NOMEM, also when the buffer has failed. */
int strobe_fewmarks_of(struct strobe_fewmarks *marks, struct strobe_names *names, strobe_fewmarks_make *make, const struct strobe_buf *text,
                       const char *other, uint32_t *ret);

#endif
