/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log-linear histograms: 128 buckets per octave, so a bucket is at most 0.8 %
 * wide (2 significant digits), and values below 256 are exact. The first
 * HIST_SAMPLES values are kept as they are: a run that fits gets percentiles
 * from its raw samples.
 */
#ifndef EXTSPT_HIST_H
#define EXTSPT_HIST_H

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/types.h>

#define HIST_SUB_BITS	7
#define HIST_SUB	BIT(HIST_SUB_BITS)
#define HIST_LINEAR	(2 * HIST_SUB)
/* 68 s of a 1 GHz clock; what is longer counts as the last bucket. */
#define HIST_MAX_BITS	36
#define HIST_NR		(HIST_LINEAR + (HIST_MAX_BITS - HIST_SUB_BITS - 1) * HIST_SUB)
#define HIST_SAMPLES	8192

struct hist {
	u64 n;
	u64 sum;
	u64 min;
	u64 max;
	u32 nr_samples;
	u32 buckets[HIST_NR];
	u32 samples[HIST_SAMPLES];
};

/* What a reader of a histogram wants; values in clock ticks. */
struct hist_digest {
	u64 n, sum, min, max, p50, p90, p99;
	bool exact;
};

static inline unsigned int hist_index(u64 value)
{
	unsigned int shift;

	if (value < HIST_LINEAR)
		return value;
	if (value >> HIST_MAX_BITS)
		return HIST_NR - 1;
	shift = fls64(value) - 1 - HIST_SUB_BITS;
	return HIST_LINEAR + (shift - 1) * HIST_SUB + (value >> shift) - HIST_SUB;
}

/* First value of a bucket; the bucket ends before the next one's first value. */
static inline u64 hist_floor(unsigned int index)
{
	unsigned int shift;

	if (index < HIST_LINEAR)
		return index;
	index -= HIST_LINEAR;
	shift = index / HIST_SUB + 1;
	return (u64)(HIST_SUB + index % HIST_SUB) << shift;
}

void hist_reset(struct hist *hist);
void hist_add(struct hist *hist, u64 value);
void hist_merge(struct hist *into, const struct hist *from);
void hist_digest(struct hist *hist, struct hist_digest *digest);

#endif /* EXTSPT_HIST_H */
