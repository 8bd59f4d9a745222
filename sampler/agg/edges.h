/* SPDX-License-Identifier: Apache-2.0 */
/* edges: which stacks of a recording without pauses were put together from two moments.
 *
 * A running thread's stack is copied from the outermost frame inwards while the thread goes on: when calls are about as short
 * as the copy, a few copies in a thousand show outer frames of one moment and inner frames of the next.  Such a copy holds a call
 * that the program never makes.  One look cannot tell, all looks together can:
 *
 *   edge = (caller's function and line, called function)        run:12 > f      f:3 > g      run:13 > h      h:7 > g
 *
 * A mixed stack gives a function a caller that is not its own, and does so rarely, while its own caller is seen all the time.  So an
 * edge is believed when it was seen at least 1/STROBE_RARE as often as the most frequent edge into the same function, and
 * 1/STROBE_RARE_BOTH as often as that, or as the most frequent edge from the same line of the caller.
 * A function's only caller is always believed, however rare, and so is everything about a function seen fewer than STROBE_RARE times.
 * The price: true calls of a function that is mostly called from elsewhere may be left out too.  Exact recordings of a broad program
 * (parsers, json, difflib, argparse, ...; 3.12 and 3.14) hold 0.1-0.4 % of samples that this rule would leave out.
 *
 * May include: base, agg/stacktree.h.  Nothing is kept. */
#ifndef STROBE_AGG_EDGES_H
#define STROBE_AGG_EDGES_H

#include <stdint.h>

#include "agg/stacktree.h"
#include "base/names.h"

/* Measured where calls take 40 ns: impossible edges mostly reach 1/1000 to 1/100 of the true edge into the function.  Flat out, when looks
 * fall into step with a loop of the target, a single one may reach 1/5.  1/10 as the only bound would leave out 2-4 % of the exact
 * recordings named above; the second bound, which asks for a caller that mostly calls something else there, hardly any. */
enum { STROBE_RARE = 50, STROBE_RARE_BOTH = 4 };

/* samples: by node, the samples that ended there; the function makes totals of them.  doubtful (by node) is set to 1 where the edge to
 * the node's parent, or one further out, is not believed.  Markers (frames without a file) have no edges.  0 or STROBE_ERR_NOMEM. */
int strobe_edges_judge(const struct strobe_stacktree *tree, const struct strobe_names *names, uint64_t *samples, unsigned char *doubtful);

#endif
