// SPDX-License-Identifier: GPL-2.0-only

#include <linux/cpumask.h>
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

struct series extspt_plain[NR_OPS];
struct series extspt_detailed[NR_OPS];

DEFINE_STATIC_KEY_FALSE(extspt_detail);
DEFINE_PER_CPU(u64 [NR_COUNTS], extspt_counts);

int series_init(struct series *series)
{
	int cpu;

	series->cpu = kcalloc(nr_cpu_ids, sizeof(*series->cpu), GFP_KERNEL);
	if (!series->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		series->cpu[cpu] = vzalloc(sizeof(*series->cpu[cpu]));
		if (!series->cpu[cpu]) {
			series_destroy(series);
			return -ENOMEM;
		}
	}
	series_reset(series);
	return 0;
}

void series_destroy(struct series *series)
{
	int cpu;

	if (!series->cpu)
		return;
	for_each_possible_cpu(cpu)
		vfree(series->cpu[cpu]);
	kfree(series->cpu);
	series->cpu = NULL;
}

void series_reset(struct series *series)
{
	int cpu;

	for_each_possible_cpu(cpu)
		hist_reset(series->cpu[cpu]);
}

void series_add(struct series *series, u64 ticks)
{
	/* get_cpu() keeps a second thread of this CPU out of the histogram. */
	hist_add(series->cpu[get_cpu()], ticks);
	put_cpu();
}

struct hist *series_total(const struct series *series)
{
	struct hist *total = vzalloc(sizeof(*total));
	int cpu;

	if (!total)
		return NULL;
	hist_reset(total);
	for_each_possible_cpu(cpu)
		hist_merge(total, series->cpu[cpu]);
	return total;
}

int extspt_stats_init(void)
{
	int op, ret;

	for (op = 0; op < NR_OPS; op++) {
		ret = series_init(&extspt_plain[op]);
		if (!ret)
			ret = series_init(&extspt_detailed[op]);
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
		series_destroy(&extspt_plain[op]);
		series_destroy(&extspt_detailed[op]);
	}
}

void extspt_measure_begin(void)
{
	int op, cpu;

	for (op = 0; op < NR_OPS; op++)
		series_reset(&extspt_detailed[op]);
	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(&extspt_counts, cpu), 0, sizeof(extspt_counts));
	mlock_classes_reset();
	seam_reset_stats();
}

void extspt_stats_reset(void)
{
	int op;

	for (op = 0; op < NR_OPS; op++)
		series_reset(&extspt_plain[op]);
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
		total += per_cpu(extspt_counts, cpu)[count];
	return total;
}
