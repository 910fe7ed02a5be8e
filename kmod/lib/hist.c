// SPDX-License-Identifier: GPL-2.0-only

#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "lib/hist.h"

void hist_reset(struct hist *hist)
{
	memset(hist, 0, sizeof(*hist));
	hist->min = U64_MAX;
}

/* Not reentrant on one histogram: callers hold the CPU it belongs to. */
void hist_add(struct hist *hist, u64 value)
{
	hist->n++;
	hist->sum += value;
	hist->min = min(hist->min, value);
	hist->max = max(hist->max, value);
	hist->buckets[hist_index(value)]++;
	/* A sample that would not fit is left out, and the digest then is not exact. */
	if (hist->nr_samples < HIST_SAMPLES && value <= U32_MAX)
		hist->samples[hist->nr_samples++] = value;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	u32 room = HIST_SAMPLES - into->nr_samples;
	u32 take = min(room, from->nr_samples);
	unsigned int i;

	into->n += from->n;
	into->sum += from->sum;
	into->min = min(into->min, from->min);
	into->max = max(into->max, from->max);
	for (i = 0; i < HIST_NR; i++)
		into->buckets[i] += from->buckets[i];
	memcpy(into->samples + into->nr_samples, from->samples, take * sizeof(u32));
	into->nr_samples += take;
}

static int compare_samples(const void *a, const void *b)
{
	u32 left = *(const u32 *)a, right = *(const u32 *)b;

	return left < right ? -1 : left > right;
}

/* The value of nearest rank ceil(percent * n), counted from 1. */
static u64 hist_percentile(const struct hist *hist, unsigned int percent, bool exact)
{
	u64 rank = DIV_ROUND_UP_ULL(hist->n * percent, 100);
	u64 seen = 0;
	unsigned int i;

	if (exact)
		return hist->samples[rank - 1];
	for (i = 0; i < HIST_NR; i++) {
		seen += hist->buckets[i];
		if (seen >= rank)
			break;
	}
	return hist_floor(i);
}

/* Sorts the samples in place, so the order in time is gone afterwards. */
void hist_digest(struct hist *hist, struct hist_digest *digest)
{
	bool exact = hist->nr_samples == hist->n;

	*digest = (struct hist_digest){ .n = hist->n };
	if (!hist->n)
		return;
	sort(hist->samples, hist->nr_samples, sizeof(u32), compare_samples, NULL);
	digest->sum = hist->sum;
	digest->min = hist->min;
	digest->max = hist->max;
	digest->exact = exact;
	digest->p50 = hist_percentile(hist, 50, exact);
	digest->p90 = hist_percentile(hist, 90, exact);
	digest->p99 = hist_percentile(hist, 99, exact);
}
