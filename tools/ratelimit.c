/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/ratelimit.h"

#include <string.h>

static void fill(struct strobe_ratelimit_bucket *bucket, double per_second, double burst, uint64_t now_ns)
{
    double passed = now_ns > bucket->at_ns ? (double)(now_ns - bucket->at_ns) / 1e9 : 0;

    bucket->tokens = bucket->at_ns ? bucket->tokens + passed * per_second : burst;
    if (bucket->tokens > burst)
        bucket->tokens = burst;
    bucket->at_ns = now_ns;
}

/* The address's bucket; of one that is new the one that was used longest ago. */
static struct strobe_ratelimit_bucket *find(struct strobe_ratelimit *limit, const unsigned char address[16])
{
    struct strobe_ratelimit_bucket *oldest = &limit->each[0];

    for (int i = 0; i < STROBE_RATELIMIT_ADDRESSES; i++) {
        struct strobe_ratelimit_bucket *bucket = &limit->each[i];

        if (bucket->at_ns && memcmp(bucket->address, address, sizeof bucket->address) == 0)
            return bucket;
        if (bucket->at_ns < oldest->at_ns)
            oldest = bucket;
    }
    *oldest = (struct strobe_ratelimit_bucket){.at_ns = 0};
    memcpy(oldest->address, address, sizeof oldest->address);
    return oldest;
}

bool strobe_ratelimit_take(struct strobe_ratelimit *limit, const unsigned char address[16], uint64_t now_ns)
{
    struct strobe_ratelimit_bucket *bucket = find(limit, address);

    fill(bucket, limit->per_second, limit->burst, now_ns);
    fill(&limit->all, limit->all_per_second, limit->all_burst, now_ns);
    if (bucket->tokens < 1 || limit->all.tokens < 1) /* who is refused takes nothing from the others */
        return false;
    bucket->tokens--;
    limit->all.tokens--;
    return true;
}
