// SPDX-License-Identifier: GPL-2.0-only
/* The twin as a host: runs in two passes, and a VM that stays until it is destroyed. */

#include "hosts/twin/host.h"
#include "hosts/twin/run.h"

static struct twin_run twin;

/* The workload did as many operations as it says, not one more or less. */
static void twin_check_ops(const struct twin_run *run)
{
	u64 done, expected;
	int op, cpu;

	for (op = 0; run->workload->expected && op < OP_TEARDOWN; op++) {
		expected = run->workload->expected(run, op);
		for (done = 0, cpu = 0; cpu < nr_cpu_ids; cpu++)
			if (cpu_possible(cpu))
				done += extspt_plain[op].cpu[cpu]->n;
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

static int twin_plain_passes(struct twin_run *run)
{
	u64 passes = run->workload->per_vm ? run->params.rounds : 1;
	int ret;

	extspt_pass_begin(false);
	while (passes--) {
		ret = twin_run_pass(run);
		if (ret)
			return ret;
		if (!passes)
			twin_check_ops(run);
		twin_vm_destroy(run->vm);
	}
	return 0;
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
	return pool_snapshot(&extspt_control.pools, &run->vm->strategy.pools);
}

static int twin_run(int workload, const struct control_params *params)
{
	int ret;

	twin = (struct twin_run){ .workload = &twin_workloads[workload], .params = *params };
	ret = extspt_tdx_check(twin.workload->checked);
	if (!ret)
		ret = twin_plain_passes(&twin);
	if (!ret)
		ret = twin_detail_pass(&twin);
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
