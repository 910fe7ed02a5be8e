// SPDX-License-Identifier: GPL-2.0-only

#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "lib/mlock.h"
#include "lib/stats.h"
#include "seam/seam.h"

const char * const extspt_op_names[NR_OPS] = {
	[OP_FAULT]	= "fault",
	[OP_TOPUP]	= "topup",
	[OP_ALLOC]	= "alloc",
	[OP_PAMT_GET]	= "pamt_get",
	[OP_PAMT_PUT]	= "pamt_put",
	[OP_LINK]	= "link",
	[OP_MAP]	= "map",
	[OP_SPLIT]	= "split",
	[OP_ZAP]	= "zap",
	[OP_TEARDOWN]	= "teardown",
	[OP_SEAMCALL]	= "seamcall",
};

const char * const extspt_count_names[NR_COUNTS] = {
	[COUNT_FAULTS]		= "faults",
	[COUNT_RETRIES]		= "retries",
	[COUNT_SPURIOUS]	= "spurious",
	[COUNT_LOST_RACES]	= "lost_races",
	[COUNT_REFILLS]		= "refills",
	[COUNT_PAGE_ALLOCS]	= "page_allocs",
	[COUNT_PAGE_FREES]	= "page_frees",
	[COUNT_LOCK_TAKES]	= "lock_takes",
	[COUNT_SEAMCALLS]	= "seamcalls",
	[COUNT_BUSY]		= "busy",
	[COUNT_GFP_ATOMIC]	= "gfp_atomic",
};

/* What counts, and what is timed while warming up. */
static struct series plain[2][NR_OPS];
struct series *extspt_plain = plain[false];
struct series extspt_detailed[NR_OPS];

DEFINE_STATIC_KEY_FALSE(extspt_detail);
/* Not DEFINE_PER_CPU: see the ledger. */
u64 __percpu *extspt_counts;

static void hists_free(struct hist **hists)
{
	int cpu;

	if (!hists)
		return;
	for_each_possible_cpu(cpu)
		vfree(hists[cpu]);
	kfree(hists);
}

/* One for each CPU, or NULL. */
static struct hist **hists_alloc(void)
{
	struct hist **hists = kcalloc(nr_cpu_ids, sizeof(*hists), GFP_KERNEL);
	int cpu;

	if (!hists)
		return NULL;
	for_each_possible_cpu(cpu) {
		hists[cpu] = vzalloc(sizeof(*hists[cpu]));
		if (!hists[cpu]) {
			hists_free(hists);
			return NULL;
		}
	}
	return hists;
}

int series_init(struct series *series, bool softirqs)
{
	series->softirq = NULL;
	series->cpu = hists_alloc();
	if (series->cpu && softirqs)
		series->softirq = hists_alloc();
	if (!series->cpu || (softirqs && !series->softirq)) {
		series_destroy(series);
		return -ENOMEM;
	}
	series_reset(series);
	return 0;
}

void series_destroy(struct series *series)
{
	hists_free(series->softirq);
	hists_free(series->cpu);
	series->softirq = NULL;
	series->cpu = NULL;
}

void series_reset(struct series *series)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		hist_reset(series->cpu[cpu]);
		if (series->softirq)
			hist_reset(series->softirq[cpu]);
	}
}

void series_add(struct series *series, u64 ticks)
{
	/* get_cpu() keeps a second thread of this CPU out of the histogram. */
	int cpu = get_cpu();

	if (likely(!in_serving_softirq()))
		hist_add(series->cpu[cpu], ticks);
	else if (!WARN_ON_ONCE(!series->softirq))
		hist_add(series->softirq[cpu], ticks);
	put_cpu();
}

u64 series_n(const struct series *series)
{
	u64 n = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		n += series->cpu[cpu]->n;
		if (series->softirq)
			n += series->softirq[cpu]->n;
	}
	return n;
}

struct hist *series_total(const struct series *series)
{
	struct hist *total = vzalloc(sizeof(*total));
	int cpu;

	if (!total)
		return NULL;
	hist_reset(total);
	for_each_possible_cpu(cpu) {
		hist_merge(total, series->cpu[cpu]);
		if (series->softirq)
			hist_merge(total, series->softirq[cpu]);
	}
	return total;
}

int extspt_stats_init(void)
{
	int op, ret;

	extspt_counts = __alloc_percpu(NR_COUNTS * sizeof(u64), __alignof__(u64));
	if (!extspt_counts)
		return -ENOMEM;
	for (op = 0; op < NR_OPS; op++) {
		ret = series_init(&plain[false][op], false);
		if (!ret)
			ret = series_init(&plain[true][op], false);
		if (!ret)
			ret = series_init(&extspt_detailed[op], true);
		if (ret) {
			extspt_stats_exit();
			return ret;
		}
	}
	return 0;
}

void extspt_stats_exit(void)
{
	int op;

	for (op = 0; op < NR_OPS; op++) {
		series_destroy(&plain[false][op]);
		series_destroy(&plain[true][op]);
		series_destroy(&extspt_detailed[op]);
	}
	free_percpu(extspt_counts);
}

void extspt_measure_begin(void)
{
	int op, cpu;

	for (op = 0; op < NR_OPS; op++)
		series_reset(&extspt_detailed[op]);
	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(extspt_counts, cpu), 0, NR_COUNTS * sizeof(u64));
	mlock_classes_reset();
	seam_reset_stats();
	extspt_steps_reset();
}

static void plain_reset(void)
{
	int op;

	for (op = 0; op < NR_OPS; op++)
		series_reset(&extspt_plain[op]);
}

void extspt_plain_aside(bool aside)
{
	extspt_plain = plain[aside];
	if (aside)
		plain_reset();
}

void extspt_stats_reset(void)
{
	plain_reset();
	extspt_measure_begin();
}

/* Only between passes: nobody may hold a measured lock or an open timer. */
void extspt_pass_begin(bool detail)
{
	if (detail)
		static_branch_enable(&extspt_detail);
	else
		static_branch_disable(&extspt_detail);
}

u64 extspt_count_total(enum extspt_count count)
{
	u64 total = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		total += per_cpu_ptr(extspt_counts, cpu)[count];
	return total;
}
