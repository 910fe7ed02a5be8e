// SPDX-License-Identifier: GPL-2.0-only
/* The twin as a host: runs in two passes, and a VM that stays until it is destroyed. */

#include "hosts/twin/host.h"
#include "hosts/twin/run.h"

static struct twin_run twin;

static u64 twin_timed(enum extspt_op op)
{
	u64 n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += extspt_plain[op].cpu[cpu]->n;
	return n;
}

/* The workload did as many operations as it says, not one more or less. */
static void twin_check_ops(const struct twin_run *run, const u64 *before)
{
	u64 done, expected;
	int op;

	for (op = 0; run->workload->expected && op < OP_TEARDOWN; op++) {
		expected = run->workload->expected(run, op);
		if (expected == ANY_NUMBER)
			continue;
		expected *= run->repeats;
		done = twin_timed(op) - before[op];
		if (done != expected)
			control_error("%s: timed %llu times, not %llu", extspt_op_names[op], done,
				      expected);
	}
}

static int twin_destroy(void)
{
	/* Timing the teardown's steps is for the workload that is about it. */
	extspt_pass_begin(twin.workload->per_vm);
	twin_vm_destroy(twin.vm);
	extspt_pass_begin(false);
	return 0;
}

/* One VM of the plain passes. Of those in batches only what is timed needs to take its time. */
static int twin_plain_vm(struct twin_run *run)
{
	bool batches = run->params.batch.nr, in_passing = batches && !run->workload->per_vm;
	u64 before[OP_TEARDOWN];
	int ret, op;

	for (op = 0; op < OP_TEARDOWN; op++)
		before[op] = twin_timed(op);
	ret = twin_run_pass(run);
	if (ret)
		return ret;
	twin_check_ops(run, before);
	seam_costs_rest(in_passing);
	if (batches)
		twin_vm_destroy_async(run->vm);
	else
		twin_vm_destroy(run->vm);
	seam_costs_rest(false);
	/* One without SEAM's share of the time is no figure. */
	if (in_passing)
		series_reset(&extspt_plain[OP_TEARDOWN]);
	return 0;
}

/* A VM for each pass; for each round where it is the VMs that are timed, and no batches. */
static int twin_plain_passes(void *data, u64 passes)
{
	struct twin_run *run = data;
	u64 vms = run->workload->per_vm && !run->params.batch.nr ? run->params.rounds : passes;
	int ret = 0;

	if (run->workload->again && sept_source_refills()) {
		run->repeats = passes;
		vms = 1;
	}
	while (!ret && vms--)
		ret = twin_plain_vm(run);
	run->repeats = 1;
	return ret;
}

static int twin_detail_pass(struct twin_run *run)
{
	int ret;

	ledger_reset();
	extspt_pass_begin(true);
	ret = twin_run_pass(run);
	extspt_pass_begin(false);
	if (ret)
		return ret;
	extspt_control.alive = true;
	memory_snapshot(&extspt_control.at_run);
	return twin_pool_snapshot(&extspt_control.pools, run->vm);
}

static int twin_run(int workload, const struct control_params *params)
{
	int ret;

	twin = (struct twin_run){
		.workload = &twin_workloads[workload], .params = *params, .repeats = 1,
	};
	ret = extspt_tdx_check(twin.workload->checked || params->check);
	extspt_pass_begin(false);
	/* A checked run times nothing: once is enough. */
	if (!ret && !params->check)
		ret = batch_run(&twin.params.batch, twin_plain_passes, &twin);
	if (!ret && batch_goes_on(&params->batch))
		goto out;
	/* The pages of the last of those VMs are no part of the account that begins here. */
	if (params->batch.nr)
		rcu_barrier();
	if (!ret)
		ret = twin_detail_pass(&twin);
out:
	extspt_control.nr_threads = twin_nr_threads(&twin);
	if (ret)
		control_check_balance();
	return ret;
}

static const struct control_workload *twin_workload(int i)
{
	return twin_workloads[i].control.name ? &twin_workloads[i].control : NULL;
}

static const struct extspt_host twin_host = {
	.name = "twin",
	.max_vcpus = TWIN_MAX_VCPUS,
	.workload = twin_workload,
	.run = twin_run,
	.destroy = twin_destroy,
};

static int twin_locks_init(void)
{
	int ret = mlock_class_init(&twin_mmu_lock_read, "mmu_lock.read", "rwlock-read");

	return ret ?: mlock_class_init(&twin_mmu_lock_write, "mmu_lock.write", "rwlock-write");
}

static void twin_locks_exit(void)
{
	mlock_class_destroy(&twin_mmu_lock_write);
	mlock_class_destroy(&twin_mmu_lock_read);
}

int extspt_host_init(void)
{
	int ret;

	ret = control_init(&twin_host);
	if (ret)
		return ret;
	ret = twin_locks_init();
	if (ret)
		goto exit_locks;
	ret = extspt_tdx_init();
	if (ret)
		goto exit_locks;
	ret = twin_mmu_init();
	if (ret)
		goto exit_tdx;
	control_show();
	return 0;

exit_tdx:
	extspt_tdx_exit();
exit_locks:
	twin_locks_exit();
	control_exit();
	return ret;
}

void extspt_host_exit(void)
{
	control_hide();
	if (extspt_control.alive)
		control_destroy();
	twin_mmu_exit();
	extspt_tdx_exit();
	twin_locks_exit();
	control_exit();
}
