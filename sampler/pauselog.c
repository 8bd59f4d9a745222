/* SPDX-License-Identifier: Apache-2.0 */
#include "pauselog.h"

/* 16 buckets an octave: the four bits below the leading one; a quantile is then at most 6 % too high. */
static unsigned bucket_of(uint64_t ns)
{
    unsigned octave, bucket;

    if (ns < 16)
        return (unsigned)ns;
    octave = 63 - (unsigned)__builtin_clzll(ns);
    bucket = (octave - 3) * 16 + (unsigned)((ns >> (octave - 4)) & 15);
    return bucket < STROBE_PAUSE_BUCKETS ? bucket : STROBE_PAUSE_BUCKETS - 1;
}

static uint64_t bucket_end(unsigned bucket)
{
    unsigned octave = bucket / 16 + 3;

    return bucket < 16 ? bucket : ((uint64_t)(16 + bucket % 16 + 1) << (octave - 4)) - 1;
}

void strobe_pause_log_note(struct strobe_pause_log *log, uint64_t ns)
{
    log->n++;
    log->sum_ns += ns;
    log->bucket[bucket_of(ns)]++;
    if (ns > log->max_ns)
        log->max_ns = ns;
}

void strobe_pause_log_add(struct strobe_pause_log *log, const struct strobe_pause_log *other)
{
    log->n += other->n;
    log->sum_ns += other->sum_ns;
    if (other->max_ns > log->max_ns)
        log->max_ns = other->max_ns;
    for (unsigned i = 0; i < STROBE_PAUSE_BUCKETS; i++)
        log->bucket[i] += other->bucket[i];
}

uint64_t strobe_pause_log_quantile(const struct strobe_pause_log *log, double share)
{
    uint64_t seen = 0;

    for (unsigned i = 0; i < STROBE_PAUSE_BUCKETS; i++) {
        seen += log->bucket[i];
        if (log->n && (double)seen >= share * (double)log->n) {
            uint64_t end = bucket_end(i);

            return end < log->max_ns ? end : log->max_ns;
        }
    }
    return log->max_ns;
}
