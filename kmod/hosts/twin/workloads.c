// SPDX-License-Identifier: GPL-2.0-only
/* The workloads. Each says what it times; what it does not time is preparation. */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "hosts/twin/run.h"

/* What the worst fault takes: see "worst-case fault" in the catalogue. */
#define WORST_SEPT_PAGES	4
/*
 * Faults whose pages are in use at the same time. Of one alone, a dozen pages
 * would go round in the page allocator, and how long it takes would depend on
 * which: those whose struct pages meet in one set of the L1 cache are slower.
 */
#define FAULTS_KEPT		32

/* All own vCPUs fault their @gfn(i)-th pages, one page each in turn. */
static int populate(struct twin_run *run, struct twin_worker *worker,
		    u64 (*gfn)(const struct twin_run *run, unsigned int vcpu, u64 i))
{
	unsigned int id, nr = run->vm->nr_vcpus;
	int ret;
	u64 i;

	for (i = 0; i < pages_per_vcpu(run); i++) {
		for (id = worker->index; id < nr; id += run->nr_workers) {
			worker->last_gfn = gfn(run, id, i);
			ret = timed_fault(&run->vm->vcpus[id], worker->last_gfn);
			if (ret)
				return ret;
		}
		cond_resched();
	}
	return 0;
}

/* A fault on what is mapped: mmu_lock for reading, and the walk. */
static int fault_again(struct twin_run *run, struct twin_worker *worker)
{
	return twin_fault(&run->vm->vcpus[worker->index], worker->last_gfn);
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

/* prepare_mapped() has filled the VM; destroying it, which follows, is what is timed. */
static int teardown(struct twin_run *run, struct twin_worker *worker)
{
	return 0;
}

static u64 expect_nothing(const struct twin_run *run, enum extspt_op op)
{
	return 0;
}

/* The pages of a fault. */
struct taken {
	struct page *sept[WORST_SEPT_PAGES];
	struct pamt_pair pairs[PAMT_INSTALL_FAULT_PAIRS + 1];
	unsigned int nr_sept, nr_pairs;
};

/* Where a fault would free what it does not use. */
static void give_back(struct taken *taken)
{
	while (taken->nr_sept)
		free_path_unused(taken->sept[--taken->nr_sept]);
	while (taken->nr_pairs)
		pamt_pair_free(&taken->pairs[--taken->nr_pairs]);
}

/* What the worst fault would take, in place of what an earlier one took. */
static int consume(struct extspt_vcpu *vcpu, struct taken *taken)
{
	struct page *page;
	int ret = 0;

	give_back(taken);
	while (taken->nr_sept < WORST_SEPT_PAGES) {
		page = sept_source_alloc(&vcpu->sept);
		if (!page)
			return -ENOMEM;
		taken->sept[taken->nr_sept++] = page;
	}
	while (!ret && taken->nr_pairs < PAMT_INSTALL_FAULT_PAIRS) {
		ret = pamt_pair_take(&taken->pairs[taken->nr_pairs],
				     pamt_source_supply(&vcpu->pamt));
		if (!ret)
			taken->nr_pairs++;
	}
	return ret;
}

static int topup_rounds(struct twin_run *run, unsigned int first, struct taken *kept)
{
	unsigned int id, nr = run->vm->nr_vcpus;
	u64 round, turn = 0;
	int ret;

	for (round = 0; round < run->params.rounds; round++) {
		for (id = first; id < nr; id += run->nr_workers) {
			ret = timed_topup(&run->vm->vcpus[id]);
			if (!ret)
				ret = consume(&run->vm->vcpus[id].strategy,
					      &kept[turn++ % FAULTS_KEPT]);
			if (ret)
				return ret;
		}
		cond_resched();
	}
	return 0;
}

static int topup(struct twin_run *run, struct twin_worker *worker)
{
	struct taken *kept = kcalloc(FAULTS_KEPT, sizeof(*kept), GFP_KERNEL);
	int i, ret;

	if (!kept)
		return -ENOMEM;
	ret = topup_rounds(run, worker->index, kept);
	for (i = 0; i < FAULTS_KEPT; i++)
		give_back(&kept[i]);
	kfree(kept);
	return ret;
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
		.script = populate_seq, .expected = expect_faults, .keep_loading = fault_again,
	}, {
		.control = {
			"populate_rand",
			"the same pages in a random order",
			{ .vcpus = 2, .pages = 4096, .rounds = 1 },
		},
		.script = populate_rand, .expected = expect_faults, .keep_loading = fault_again,
	}, {
		.control = {
			"populate_sparse",
			"one page in each 2 MiB: a new page table for every fault",
			{ .vcpus = 2, .pages = 128, .rounds = 1 },
		},
		.scattered = true,
		.script = populate_sparse, .expected = expect_faults, .keep_loading = fault_again,
	}, {
		.control = {
			"same_range",
			"all vCPUs fault in the same 2 MiB at the same time",
			{ .vcpus = 2, .pages = 4096, .rounds = 1 },
		},
		.script = same_range, .expected = expect_faults, .keep_loading = fault_again,
	}, {
		.control = {
			"convert",
			"split 2 MiB mappings, zap 4 KiB pages, fault them back in",
			{ .vcpus = 2, .pages = 16384, .rounds = 8 },
		},
		.huge = true, .converter = true,
		.prepare = convert_prepare, .script = convert, .expected = convert_expected,
	}, {
		.control = {
			"zap",
			"zap 4 KiB pages one by one, no vCPU running",
			{ .vcpus = 2, .pages = 2048, .rounds = 1 },
		},
		.prepare = prepare_mapped, .script = zap, .expected = zap_expected,
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
		.again = true,
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
		.prepare = convert_prepare, .script = convert, .expected = convert_expected,
	}, {
		/* From here on in a run only when it asks for them. */
		.control = {
			"vms",
			"the vCPUs of several VMs fault at the same time",
			{ .vcpus = 2, .pages = 1024, .rounds = 1, .tds = 4 },
		},
		.prepare = vms_prepare, .script = vms_populate, .expected = vms_expected,
	}, {
		.control = {
			"noisy",
			"a VM faults while its neighbours convert pages in a loop",
			{ .vcpus = 1, .pages = 1024, .rounds = 1, .tds = 2 },
		},
		.converter = true,
		.prepare = noisy_prepare, .script = noisy, .expected = noisy_expected,
	}, {
		.control = {
			"churn",
			"each thread creates, fills and destroys VMs, one per round",
			{ .vcpus = 2, .pages = 64, .rounds = 10 },
		},
		.script = churn, .expected = churn_expected,
	}, {
		.control = {
			"fleet",
			"several VMs of many vCPUs, ready for a fault and idle: parked memory",
			{ .vcpus = 64, .pages = TWIN_PAGES_PER_REGION, .rounds = 1, .tds = 4 },
		},
		.prepare = vms_prepare, .script = fleet, .expected = fleet_expected,
	}, {
		.control = {
			"split_eager",
			"split a large range of 2 MiB mappings in one go",
			{ .vcpus = 1, .pages = 32768, .rounds = 1 },
		},
		.huge = true,
		.prepare = splits_prepare, .script = split_eager, .expected = split_eager_expected,
	}, {
		.control = {
			"split_ends",
			"split the head and the tail of large conversions",
			{ .vcpus = 1, .pages = 32768, .rounds = 1 },
		},
		.huge = true,
		.prepare = splits_prepare, .script = split_ends, .expected = split_ends_expected,
	},
	{ }
};
