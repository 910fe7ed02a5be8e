// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workloads that split and nothing else: a large range at once, and the head and
 * tail of large conversions.
 */

#include "hosts/twin/run.h"

/* Regions of one large conversion; all but the first and the last stay whole. */
#define ENDS_SPAN	8

/* Untimed: everything mapped, with 2 MiB pages where the design can split them. */
int splits_prepare(struct twin_run *run)
{
	struct twin_vm *vm = run->vm;
	unsigned int region;
	int ret = 0;

	for (region = 0; !ret && region < vm->nr_regions; region++)
		if (vm->regions[region].huge)
			ret = twin_fault(&vm->vcpus[region % vm->nr_vcpus], twin_gfn_base(region));
	return ret;
}

/* As dirty logging or an eager split does it. */
int split_eager(struct twin_run *run, struct twin_worker *worker)
{
	if (worker->index || !split_source_possible())
		return 0;
	return twin_split_regions(run->vm, 0, run->vm->nr_regions, 1);
}

u64 split_eager_expected(const struct twin_run *run, enum extspt_op op)
{
	return op == OP_SPLIT && split_source_possible() ? run->vm->nr_regions : 0;
}

/* A conversion of many 2 MiB pages begins and ends inside one. */
int split_ends(struct twin_run *run, struct twin_worker *worker)
{
	unsigned int region;
	int ret = 0;

	if (worker->index || !split_source_possible())
		return 0;
	for (region = 0; !ret && region + ENDS_SPAN <= run->vm->nr_regions; region += ENDS_SPAN)
		ret = twin_split_regions(run->vm, region, 2, ENDS_SPAN - 1);
	return ret;
}

u64 split_ends_expected(const struct twin_run *run, enum extspt_op op)
{
	return op == OP_SPLIT && split_source_possible() ?
	       run->vm->nr_regions / ENDS_SPAN * 2 : 0;
}
