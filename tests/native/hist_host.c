// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/lib/hist.c in a process.
 *
 *	hist_host digest <values on stdin>	the digest, then the buckets
 *	hist_host cost				ns of clock pair and clock pair + hist_add()
 */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/hist.h"

#define ROUNDS	200000
#define BATCHES	51

static struct hist hist;

static void print_digest(void)
{
	struct hist_digest d;
	unsigned int i;

	hist_digest(&hist, &d);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	       " %d\n", d.n, d.sum, d.min, d.max, d.p50, d.p90, d.p99, d.exact);
	for (i = 0; i < HIST_NR; i++)
		if (hist.buckets[i])
			printf("%" PRIu64 " %" PRIu64 " %" PRIu32 "\n", hist_floor(i),
			       hist_floor(i + 1), hist.buckets[i]);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* ns per timed operation in one batch; @add: with the histogram. */
static double batch(bool add)
{
	double start = now_ns();
	u64 since, ticks = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		since = extspt_clock_begin();
		ticks = extspt_clock_end() - since;
		if (add)
			hist_add(&hist, ticks);
	}
	/* The loop must not be optimised away. */
	asm volatile("" : : "r" (ticks));
	return (now_ns() - start) / ROUNDS;
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double median(bool add)
{
	double all[BATCHES];
	int i;

	for (i = 0; i < BATCHES; i++)
		all[i] = batch(add);
	qsort(all, BATCHES, sizeof(all[0]), compare_doubles);
	return all[BATCHES / 2];
}

int main(int argc, char **argv)
{
	u64 value;

	hist_reset(&hist);
	if (argc > 1 && !strcmp(argv[1], "cost")) {
		double pair = median(false), op = median(true);

		printf("%.2f %.2f\n", pair, op);
		return 0;
	}
	while (scanf("%" SCNu64, &value) == 1)
		hist_add(&hist, value);
	print_digest();
	return 0;
}
