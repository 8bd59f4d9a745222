/* SPDX-License-Identifier: Apache-2.0 */
/* ratelimit: how often each address may ask, and all together: token buckets in a table of fixed size, so that who asks from many
 * addresses costs no memory.  Pure: the caller owns time.  May include: base.  Threads: one at a time. */
#ifndef STROBE_TOOLS_RATELIMIT_H
#define STROBE_TOOLS_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct strobe_ratelimit_bucket {
    unsigned char address[16]; /* IPv6, or IPv4 mapped into it */
    uint64_t at_ns;            /* of the last filling; 0 = free */
    double tokens;
};

enum { STROBE_RATELIMIT_ADDRESSES = 64 }; /* told apart; of more, who has asked least lately is forgotten */

struct strobe_ratelimit {
    double per_second, burst;         /* of one address */
    double all_per_second, all_burst; /* of all together */
    struct strobe_ratelimit_bucket all, each[STROBE_RATELIMIT_ADDRESSES];
};

/* May this address ask now?  Then it has.  now_ns: monotonic, above 0. */
bool strobe_ratelimit_take(struct strobe_ratelimit *limit, const unsigned char address[16], uint64_t now_ns);

#endif
