// SPDX-License-Identifier: GPL-2.0-only
/* The workloads. Each says what it times; what it does not time is preparation. */

#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "hosts/twin/run.h"

/* What the worst fault takes: see "worst-case fault" in the catalogue. */
#define WORST_SEPT_PAGES	4
#define WORST_PAIRS		5

/* Conversions of one 2 MiB region are this many pages apart. */
#define CONVERT_STRIDE		8

static u64 pages_per_vcpu(const struct twin_run *run)
{
	return run->params.pages / run->params.vcpus;
}

static int timed_fault(struct twin_vcpu *vcpu, u64 gfn)
{
	u64 since = extspt_outer_begin();
	int ret = twin_fault(vcpu, gfn);

	extspt_outer_end(OP_FAULT, since);
	return ret;
}

/* All own vCPUs fault their @gfn(i)-th pages, one page each in turn. */
static int populate(struct twin_run *run, struct twin_worker *worker,
		    u64 (*gfn)(const struct twin_run *run, unsigned int vcpu, u64 i))
{
	unsigned int id, nr = run->vm->nr_vcpus;
	int ret;
	u64 i;

	for (i = 0; i < pages_per_vcpu(run); i++) {
		for (id = worker->index; id < nr; id += run->nr_workers) {
			ret = timed_fault(&run->vm->vcpus[id], gfn(run, id, i));
			if (ret)
				return ret;
		}
		cond_resched();
	}
	return 0;
}

static u64 gfn_own_chunk(const struct twin_run *run, unsigned int vcpu, u64 i)
{
	return vcpu * pages_per_vcpu(run) + i;
}

static u64 gfn_shuffled(const struct twin_run *run, unsigned int vcpu, u64 i)
{
	return run->order[gfn_own_chunk(run, vcpu, i)];
}

static u64 gfn_interleaved(const struct twin_run *run, unsigned int vcpu, u64 i)
{
	return i * run->params.vcpus + vcpu;
}

static u64 gfn_one_per_region(const struct twin_run *run, unsigned int vcpu, u64 i)
{
	return twin_gfn_base(gfn_own_chunk(run, vcpu, i));
}

static int populate_seq(struct twin_run *run, struct twin_worker *worker)
{
	return populate(run, worker, gfn_own_chunk);
}

static int populate_rand(struct twin_run *run, struct twin_worker *worker)
{
	return populate(run, worker, gfn_shuffled);
}

static int populate_sparse(struct twin_run *run, struct twin_worker *worker)
{
	return populate(run, worker, gfn_one_per_region);
}

static int same_range(struct twin_run *run, struct twin_worker *worker)
{
	return populate(run, worker, gfn_interleaved);
}

static u64 expect_faults(const struct twin_run *run, enum extspt_op op)
{
	return op == OP_FAULT ? pages_per_vcpu(run) * run->params.vcpus : 0;
}

/* Untimed: everything mapped by the first vCPU. */
static int prepare_mapped(struct twin_run *run)
{
	int ret = 0;
	u64 gfn;

	for (gfn = 0; !ret && gfn < run->params.pages; gfn++)
		ret = twin_fault(&run->vm->vcpus[0], gfn);
	return ret;
}

static int zap(struct twin_run *run, struct twin_worker *worker)
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

static u64 expect_zaps(const struct twin_run *run, enum extspt_op op)
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
static int prepare_convert(struct twin_run *run)
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
static int convert(struct twin_run *run, struct twin_worker *worker)
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

static u64 expect_conversions(const struct twin_run *run, enum extspt_op op)
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

/* prepare_mapped() has filled the VM; destroying it, which follows, is what is timed. */
static int teardown(struct twin_run *run, struct twin_worker *worker)
{
	return 0;
}

static u64 expect_nothing(const struct twin_run *run, enum extspt_op op)
{
	return 0;
}

/* Take what the worst fault would take, and free it where that would be freed. */
static int consume(struct extspt_vcpu *vcpu)
{
	struct page_list *list = pamt_source_list(&vcpu->pamt);
	struct pamt_pair pair;
	struct page *page;
	int i, ret = 0;

	for (i = 0; i < WORST_SEPT_PAGES; i++) {
		page = sept_source_alloc(&vcpu->sept);
		if (!page)
			return -ENOMEM;
		free_path_unused(page);
	}
	for (i = 0; list && !ret && i < WORST_PAIRS; i++) {
		ret = pamt_pair_take(&pair, list);
		if (!ret)
			pamt_pair_free(&pair);
	}
	return ret;
}

static int timed_topup(struct twin_vcpu *vcpu)
{
	u64 since = extspt_outer_begin();
	int ret = twin_mmu_topup(vcpu);

	extspt_outer_end(OP_TOPUP, since);
	return ret;
}

static int topup(struct twin_run *run, struct twin_worker *worker)
{
	unsigned int id, nr = run->vm->nr_vcpus;
	u64 round;
	int ret;

	for (round = 0; round < run->params.rounds; round++) {
		for (id = worker->index; id < nr; id += run->nr_workers) {
			ret = timed_topup(&run->vm->vcpus[id]);
			if (!ret)
				ret = consume(&run->vm->vcpus[id].strategy);
			if (ret)
				return ret;
		}
		cond_resched();
	}
	return 0;
}

static u64 expect_topups(const struct twin_run *run, enum extspt_op op)
{
	return op == OP_TOPUP ? run->params.rounds * run->params.vcpus : 0;
}

/* Each vCPU is ready for its first fault and has none: what is parked, is parked. */
static int idle(struct twin_run *run, struct twin_worker *worker)
{
	unsigned int id, nr = run->vm->nr_vcpus;
	int ret = 0;

	for (id = worker->index; id < nr; id += run->nr_workers) {
		ret = timed_topup(&run->vm->vcpus[id]);
		if (ret)
			return ret;
	}
	return ret;
}

const struct workload twin_workloads[] = {
	{
		.control = {
			"populate_seq",
			"each vCPU faults its own range, page after page",
			{ .vcpus = 2, .pages = 4096, .rounds = 1 },
		},
		.script = populate_seq, .expected = expect_faults,
	}, {
		.control = {
			"populate_rand",
			"the same pages in a random order",
			{ .vcpus = 2, .pages = 4096, .rounds = 1 },
		},
		.script = populate_rand, .expected = expect_faults,
	}, {
		.control = {
			"populate_sparse",
			"one page in each 2 MiB: a new page table for every fault",
			{ .vcpus = 2, .pages = 128, .rounds = 1 },
		},
		.scattered = true,
		.script = populate_sparse, .expected = expect_faults,
	}, {
		.control = {
			"same_range",
			"all vCPUs fault in the same 2 MiB at the same time",
			{ .vcpus = 2, .pages = 4096, .rounds = 1 },
		},
		.script = same_range, .expected = expect_faults,
	}, {
		.control = {
			"convert",
			"split 2 MiB mappings, zap 4 KiB pages, fault them back in",
			{ .vcpus = 2, .pages = 16384, .rounds = 8 },
		},
		.huge = true, .converter = true,
		.prepare = prepare_convert, .script = convert, .expected = expect_conversions,
	}, {
		.control = {
			"zap",
			"zap 4 KiB pages one by one, no vCPU running",
			{ .vcpus = 2, .pages = 2048, .rounds = 1 },
		},
		.prepare = prepare_mapped, .script = zap, .expected = expect_zaps,
	}, {
		.control = {
			"teardown",
			"destroy VMs that hold 4 KiB pages, one per round",
			{ .vcpus = 2, .pages = 1024, .rounds = 10 },
		},
		.per_vm = true,
		.prepare = prepare_mapped, .script = teardown, .expected = expect_nothing,
	}, {
		.control = {
			"topup",
			"topup after each worst-case use of the caches, no fault",
			{ .vcpus = 2, .pages = TWIN_PAGES_PER_REGION, .rounds = 50 },
		},
		.script = topup, .expected = expect_topups,
	}, {
		.control = {
			"idle",
			"vCPUs that have topped up and then do nothing: parked memory",
			{ .vcpus = 16, .pages = TWIN_PAGES_PER_REGION, .rounds = 1 },
		},
		.script = idle, .expected = NULL,
	}, {
		.control = {
			"smoke",
			"a little of convert, for a quick look whether all is well",
			{ .vcpus = 2, .pages = 1024, .rounds = 4 },
		},
		.huge = true, .converter = true, .checked = true,
		.prepare = prepare_convert, .script = convert, .expected = expect_conversions,
	},
	{ }
};
