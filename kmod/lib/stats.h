/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a run measures: a histogram per operation and per CPU, and counts.
 *
 * Every run goes through its script twice. The plain pass times only the
 * operation that the workload is about, with nothing else switched on. The
 * detail pass, on a fresh VM, times the steps inside it, the locks and the
 * counts. Their ratio is what the instrumentation costs, and is reported.
 */
#ifndef EXTSPT_STATS_H
#define EXTSPT_STATS_H

#include <linux/jump_label.h>
#include <linux/percpu.h>
#include <linux/types.h>

#include "lib/clock.h"
#include "lib/hist.h"

enum extspt_op {
	OP_FAULT,
	OP_TOPUP,
	OP_ALLOC,
	OP_PAMT_GET,
	OP_PAMT_PUT,
	OP_LINK,
	OP_MAP,
	OP_SPLIT,
	OP_ZAP,
	OP_TEARDOWN,
	OP_SEAMCALL,	/* the model's own share of all the above */
	NR_OPS
};

enum extspt_count {
	COUNT_FAULTS,
	COUNT_RETRIES,
	COUNT_SPURIOUS,
	COUNT_LOST_RACES,
	COUNT_REFILLS,
	COUNT_PAGE_ALLOCS,
	COUNT_PAGE_FREES,
	COUNT_LOCK_TAKES,
	COUNT_SEAMCALLS,
	COUNT_BUSY,
	COUNT_GFP_ATOMIC,
	NR_COUNTS
};

/* One histogram per CPU; a CPU only ever touches its own. */
struct series {
	struct hist **cpu;
};

extern const char * const extspt_op_names[NR_OPS];
extern const char * const extspt_count_names[NR_COUNTS];
extern struct series extspt_plain[NR_OPS];
extern struct series extspt_detailed[NR_OPS];

DECLARE_STATIC_KEY_FALSE(extspt_detail);
DECLARE_PER_CPU(u64 [NR_COUNTS], extspt_counts);

/* True in the detail pass. */
static __always_inline bool extspt_detail_on(void)
{
	return static_branch_unlikely(&extspt_detail);
}

static __always_inline void extspt_count(enum extspt_count count)
{
	if (extspt_detail_on())
		this_cpu_inc(extspt_counts[count]);
}

/* Only the sum over all CPUs and a whole run means anything. */
static __always_inline void extspt_uncount(enum extspt_count count)
{
	if (extspt_detail_on())
		this_cpu_dec(extspt_counts[count]);
}

int series_init(struct series *series);
void series_destroy(struct series *series);
void series_reset(struct series *series);
void series_add(struct series *series, u64 ticks);
/* All CPUs together, in memory the caller frees with vfree(); NULL: no memory. */
struct hist *series_total(const struct series *series);

int extspt_stats_init(void);
void extspt_stats_exit(void);
void extspt_stats_reset(void);
void extspt_pass_begin(bool detail);
/* Forget the steps, locks and counts so far; the outer operations stay. */
void extspt_measure_begin(void);
u64 extspt_count_total(enum extspt_count count);

/* The operation a workload is about: timed in both passes. */
static __always_inline u64 extspt_outer_begin(void)
{
	return extspt_clock_begin();
}

static __always_inline void extspt_outer_add(enum extspt_op op, u64 ticks)
{
	series_add(extspt_detail_on() ? &extspt_detailed[op] : &extspt_plain[op], ticks);
}

static __always_inline void extspt_outer_end(enum extspt_op op, u64 since)
{
	extspt_outer_add(op, extspt_clock_end() - since);
}

/* A step inside: timed in the detail pass only. */
static __always_inline u64 extspt_step_begin(void)
{
	return extspt_detail_on() ? extspt_clock_begin() : 0;
}

static __always_inline void extspt_step_end(enum extspt_op op, u64 since)
{
	if (extspt_detail_on())
		series_add(&extspt_detailed[op], extspt_clock_end() - since);
}

#endif /* EXTSPT_STATS_H */
