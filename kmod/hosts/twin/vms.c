// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workloads with several VMs, which meet at what all TDs of a host share: the
 * lock of the PAMT reference counts, the page allocator, the TDX module. The
 * run's own VM is the first; the others hang on it and go with it.
 */

#include "hosts/twin/run.h"

/* What a neighbour converts: a page in each of so many 2 MiB ranges of its own. */
#define NEIGHBOUR_PAGES		64

static unsigned int nr_tds(const struct twin_run *run)
{
	return run->params.tds ?: 1;
}

static int add_vms(struct twin_run *run, unsigned int nr, const struct twin_shape *shape)
{
	struct twin_vm *vm;

	while (nr--) {
		vm = twin_vm_create(shape);
		if (IS_ERR(vm))
			return PTR_ERR(vm);
		vm->next = run->vm->next;
		run->vm->next = vm;
	}
	return 0;
}

/* Untimed: as many VMs as tds says, all of the same shape. */
int vms_prepare(struct twin_run *run)
{
	struct twin_shape shape;

	twin_run_shape(run, &shape);
	return add_vms(run, nr_tds(run) - 1, &shape);
}

/* Every vCPU of every VM faults its own range, one page each in turn. */
int vms_populate(struct twin_run *run, struct twin_worker *worker)
{
	struct twin_vm *vm;
	unsigned int id;
	int ret;
	u64 i;

	for (i = 0; i < pages_per_vcpu(run); i++) {
		for (vm = run->vm; vm; vm = vm->next) {
			for (id = worker->index; id < vm->nr_vcpus; id += run->nr_workers) {
				ret = timed_fault(&vm->vcpus[id], gfn_own_chunk(run, id, i));
				if (ret)
					return ret;
			}
		}
		cond_resched();
	}
	return 0;
}

u64 vms_expected(const struct twin_run *run, enum extspt_op op)
{
	return op == OP_FAULT ? pages_per_vcpu(run) * run->params.vcpus * nr_tds(run) : 0;
}

/* Untimed: the victim has nothing mapped yet, its neighbours all they will convert. */
int noisy_prepare(struct twin_run *run)
{
	static const struct twin_shape shape = {
		.nr_vcpus = 1, .nr_regions = NEIGHBOUR_PAGES, .scattered = true,
	};
	struct twin_vm *vm;
	unsigned int i;
	int ret;

	ret = add_vms(run, nr_tds(run) - 1, &shape);
	for (vm = run->vm->next; !ret && vm; vm = vm->next)
		for (i = 0; !ret && i < NEIGHBOUR_PAGES; i++)
			ret = twin_fault(&vm->vcpus[0], twin_gfn_base(i));
	return ret;
}

/*
 * A neighbour makes a page shared and takes it back: the last reference of a
 * 2 MiB range goes and comes, so that a pair is removed and added each time.
 */
static int disturb(struct twin_run *run, u64 turn)
{
	u64 gfn = twin_gfn_base(turn % NEIGHBOUR_PAGES);
	struct twin_vm *vm;
	int ret = 0;

	for (vm = run->vm->next; !ret && vm; vm = vm->next) {
		ret = twin_convert(vm, gfn);
		if (!ret)
			ret = twin_fault(&vm->vcpus[0], gfn);
	}
	return ret;
}

/* With a CPU of their own the neighbours go on until the victim is done. */
static int disturb_all_along(struct twin_run *run)
{
	int ret = 0;
	u64 turn;

	for (turn = 0; !ret && run->vm->next && !atomic_read(&run->failed) &&
	     atomic_read(&run->finished) < run->nr_workers; turn++) {
		ret = disturb(run, turn);
		cond_resched();
	}
	return ret;
}

/* One TD faults, the others convert in a loop. With one CPU they take turns. */
int noisy(struct twin_run *run, struct twin_worker *worker)
{
	unsigned int id, nr = run->vm->nr_vcpus;
	u64 i, round, turn = 0;
	int ret = 0;

	if (run->own_converter && twin_is_converter(run, worker))
		return disturb_all_along(run);
	for (i = 0; i < pages_per_vcpu(run); i++) {
		for (id = worker->index; !ret && id < nr; id += run->nr_workers)
			ret = timed_fault(&run->vm->vcpus[id], gfn_own_chunk(run, id, i));
		for (round = 0; !ret && !run->own_converter && round < run->params.rounds; round++)
			ret = disturb(run, turn++);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

u64 noisy_expected(const struct twin_run *run, enum extspt_op op)
{
	if (op == OP_FAULT)
		return pages_per_vcpu(run) * run->params.vcpus;
	if (op != OP_ZAP)
		return 0;
	return run->own_converter ? ANY_NUMBER :
	       pages_per_vcpu(run) * run->params.rounds * (nr_tds(run) - 1);
}

/* Dave Hansen's torture test of 2025-05-07: VMs come and go on all CPUs at once. */
int churn(struct twin_run *run, struct twin_worker *worker)
{
	struct twin_shape shape;
	struct twin_vm *vm;
	int ret = 0;
	u64 round, i;

	twin_run_shape(run, &shape);
	shape.nr_vcpus = 1;
	for (round = 0; !ret && round < run->params.rounds; round++) {
		vm = twin_vm_create(&shape);
		if (IS_ERR(vm))
			return PTR_ERR(vm);
		for (i = 0; !ret && i < run->params.pages; i++)
			ret = timed_fault(&vm->vcpus[0], i);
		twin_vm_destroy(vm);
		cond_resched();
	}
	return ret;
}

u64 churn_expected(const struct twin_run *run, enum extspt_op op)
{
	return op == OP_FAULT ? run->params.pages * run->params.rounds * run->nr_workers : 0;
}

/* Every vCPU of every VM is ready for its first fault, and has none. */
int fleet(struct twin_run *run, struct twin_worker *worker)
{
	struct twin_vm *vm;
	unsigned int id;
	int ret;

	for (vm = run->vm; vm; vm = vm->next) {
		for (id = worker->index; id < vm->nr_vcpus; id += run->nr_workers) {
			ret = timed_topup(&vm->vcpus[id]);
			if (ret)
				return ret;
		}
	}
	return 0;
}

u64 fleet_expected(const struct twin_run *run, enum extspt_op op)
{
	return op == OP_TOPUP ? run->params.vcpus * nr_tds(run) : 0;
}

/* The pools of all VMs. 0 or -ENOMEM. */
int twin_pool_snapshot(struct pool_snapshot *snapshot, const struct twin_vm *first)
{
	const struct twin_vm *vm;
	struct page_pool *pool;
	unsigned int nr = 0;

	for (vm = first; vm; vm = vm->next)
		list_for_each_entry(pool, &vm->strategy.pools, node)
			nr++;
	snapshot->pools = kvcalloc(nr, sizeof(*snapshot->pools), GFP_KERNEL);
	if (!snapshot->pools)
		return -ENOMEM;
	snapshot->nr = 0;
	for (vm = first; vm; vm = vm->next)
		list_for_each_entry(pool, &vm->strategy.pools, node)
			snapshot->pools[snapshot->nr++] = *pool;
	return 0;
}
