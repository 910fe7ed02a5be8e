// SPDX-License-Identifier: GPL-2.0-only
/* Workloads that convert private memory to shared, page by page. */

#include "hosts/twin/run.h"

/* Conversions of one 2 MiB region are this many pages apart. */
#define CONVERT_STRIDE		8

int zap(struct twin_run *run, struct twin_worker *worker)
{
	int ret = 0;
	u64 gfn;

	if (worker->index)
		return 0;
	for (gfn = 0; !ret && gfn < run->params.pages; gfn++) {
		ret = twin_convert(run->vm, gfn);
		cond_resched();
	}
	return ret;
}

u64 zap_expected(const struct twin_run *run, enum extspt_op op)
{
	return op == OP_ZAP ? run->params.pages : 0;
}

static u64 convert_gfn(unsigned int region, u64 round)
{
	return twin_gfn_base(region) + round * CONVERT_STRIDE % TWIN_PAGES_PER_REGION;
}

/*
 * Untimed: what the conversions will hit is mapped, with 2 MiB pages where the
 * design can split them, otherwise with the 4 KiB pages that will be zapped.
 */
int convert_prepare(struct twin_run *run)
{
	struct twin_vm *vm = run->vm;
	unsigned int region;
	int ret = 0;
	u64 round;

	for (region = 0; region < vm->nr_regions; region++) {
		struct twin_vcpu *vcpu = &vm->vcpus[region % vm->nr_vcpus];

		if (vm->regions[region].huge) {
			ret = twin_fault(vcpu, twin_gfn_base(region));
			if (ret)
				return ret;
			continue;
		}
		for (round = 0; round < run->params.rounds; round++) {
			ret = twin_fault(vcpu, convert_gfn(region, round));
			if (ret)
				return ret;
		}
	}
	return ret;
}

static int convert_region(struct twin_run *run, unsigned int region, u64 round)
{
	int ret = twin_convert(run->vm, convert_gfn(region, round));

	/* Pairs with refault(). */
	smp_store_release(&run->vm->regions[region].converted, round + 1);
	return ret;
}

/* The vCPU wants its page back as soon as it is converted. */
static int refault(struct twin_run *run, unsigned int region, u64 round)
{
	struct twin_vm *vm = run->vm;

	/* Pairs with convert_region(). */
	while (smp_load_acquire(&vm->regions[region].converted) <= round) {
		if (atomic_read(&run->failed))
			return -ECANCELED;
		cpu_relax();
		cond_resched();
	}
	return timed_fault(&vm->vcpus[region % vm->nr_vcpus], convert_gfn(region, round));
}

/*
 * Converter and vCPUs go through the regions together; with a CPU each they
 * meet at mmu_lock, with one CPU they take turns.
 */
int convert(struct twin_run *run, struct twin_worker *worker)
{
	bool converts = !run->own_converter || twin_is_converter(run, worker);
	bool faults = !twin_is_converter(run, worker);
	unsigned int region;
	int ret = 0;
	u64 round;

	for (region = 0; region < run->vm->nr_regions; region++) {
		unsigned int vcpu = region % run->vm->nr_vcpus;

		for (round = 0; round < run->params.rounds; round++) {
			if (converts)
				ret = convert_region(run, region, round);
			if (!ret && faults && vcpu % run->nr_workers == worker->index)
				ret = refault(run, region, round);
			if (ret)
				return ret;
			cond_resched();
		}
	}
	return 0;
}

u64 convert_expected(const struct twin_run *run, enum extspt_op op)
{
	u64 regions = run->vm->nr_regions;

	switch (op) {
	case OP_SPLIT:
		return split_source_possible() ? regions : 0;
	case OP_ZAP:
	case OP_FAULT:
		return regions * run->params.rounds;
	default:
		return 0;
	}
}
