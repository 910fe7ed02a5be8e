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
#include "lib/compat.h"
#include "lib/hist.h"
#include "lib/steps.h"

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

/*
 * A histogram per CPU for tasks and one for softirqs, as an RCU callback may put a
 * PAMT pair, and be timed, in the middle of a task that adds to its own.
 */
struct series {
	struct hist **cpu;
	struct hist **softirq;
};

extern const char * const extspt_op_names[NR_OPS];
extern const char * const extspt_count_names[NR_COUNTS];
/* NR_OPS of them, as are the detailed ones. */
extern struct series *extspt_plain;
extern struct series extspt_detailed[NR_OPS];

DECLARE_STATIC_KEY_FALSE(extspt_detail);
/* NR_COUNTS of them on each CPU. */
extern u64 __percpu *extspt_counts;

/* True in the detail pass. */
static __always_inline bool extspt_detail_on(void)
{
	return static_branch_unlikely(&extspt_detail);
}

static __always_inline void extspt_count(enum extspt_count count)
{
	if (extspt_detail_on())
		extspt_cpu_inc(extspt_counts[count]);
}

/* Only the sum over all CPUs and a whole run means anything. */
static __always_inline void extspt_uncount(enum extspt_count count)
{
	if (extspt_detail_on())
		extspt_cpu_dec(extspt_counts[count]);
}

/* @softirqs: of something that happens in softirqs, too. 0 or -ENOMEM. */
int series_init(struct series *series, bool softirqs);
void series_destroy(struct series *series);
void series_reset(struct series *series);
void series_add(struct series *series, u64 ticks);
u64 series_n(const struct series *series);
/* All CPUs together, in memory the caller frees with vfree(); NULL: no memory. */
struct hist *series_total(const struct series *series);

int extspt_stats_init(void);
void extspt_stats_exit(void);
void extspt_stats_reset(void);
/* What plain passes time from here on is warming up: apart from the rest, and forgotten. */
void extspt_plain_aside(bool aside);
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

/*
 * Ticks since @since. The rig's own modules that are known to be slower, and
 * only they, spend so many thousandths more here; variant.h says how many.
 */
static __always_inline u64 extspt_outer_ticks(u64 since)
{
	u64 ticks = extspt_clock_end() - since;
#ifdef CONFIG_EXTSPT_RIG_DELAY
	u64 wanted = ticks + ticks * CONFIG_EXTSPT_RIG_DELAY / 1000;

	while (ticks < wanted)
		ticks = extspt_clock_end() - since;
#endif
	return ticks;
}

static __always_inline void extspt_outer_end(enum extspt_op op, u64 since)
{
	extspt_outer_add(op, extspt_outer_ticks(since));
}

/* A step inside: timed in the detail pass only. */
static __always_inline u64 extspt_step_begin(void)
{
	return extspt_detail_on() ? extspt_clock_begin() : 0;
}

static __always_inline void extspt_step_end(enum extspt_op op, u64 since)
{
	if (extspt_detail_on()) {
		series_add(&extspt_detailed[op], extspt_clock_end() - since);
		extspt_steps_add(op);
	}
}

#endif /* EXTSPT_STATS_H */
