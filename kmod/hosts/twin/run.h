/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run: one workload, its parameters, a VM, and threads pinned to CPUs that
 * drive the vCPUs. Worker i of n drives the vCPUs i, i + n, i + 2n, ... in turn,
 * so that with one CPU any number of vCPUs runs in one fixed order.
 */
#ifndef EXTSPT_TWIN_RUN_H
#define EXTSPT_TWIN_RUN_H

#include <linux/atomic.h>
#include <linux/completion.h>

#include "hosts/twin/twin.h"
#include "lib/control.h"

#define ANY_NUMBER	U64_MAX

struct twin_run;
struct twin_worker;

struct workload {
	struct control_workload control;
	/* One page per 2 MiB; 2 MiB mappings; a thread that converts; rounds are VMs. */
	bool scattered, huge, converter, per_vm;
	/* The script leaves what it found, if caches refill: passes in a row need but one VM. */
	bool again;
	/* The TDX module looks after its pages' content and flushes: nothing to time. */
	bool checked;
	/* Alone, before the workers start; not timed. May be NULL. */
	int (*prepare)(struct twin_run *run);
	/* In every worker at once. */
	int (*script)(struct twin_run *run, struct twin_worker *worker);
	/* Not timed, by those that are done before the others; may be NULL. */
	int (*keep_loading)(struct twin_run *run, struct twin_worker *worker);
	/* Alone, after them: how often @op has to have been timed; ANY_NUMBER: who knows. */
	u64 (*expected)(const struct twin_run *run, enum extspt_op op);
};

struct twin_worker {
	struct twin_run *run;
	struct task_struct *task;
	unsigned int index;
	int cpu;
	u64 last_gfn;		/* it has faulted */
	int ret;
	struct completion done;
};

struct twin_run {
	const struct workload *workload;
	struct control_params params;
	struct twin_vm *vm;
	u64 repeats;			/* of the script, on one VM */
	unsigned int nr_workers;	/* that drive vCPUs; a converter is one more */
	bool own_converter;		/* on a CPU of its own */
	struct mem_cgroup *memcg;	/* that pays */
	u32 *order;			/* of the pages, where it is random */
	atomic_t at_barrier;
	atomic_t finished;	/* workers that have timed all they had to */
	atomic_t failed;
};

extern const struct workload twin_workloads[];

void twin_run_shape(const struct twin_run *run, struct twin_shape *shape);
/* Creates the VM and runs the script; on success the VM is the caller's. */
int twin_run_pass(struct twin_run *run);

static inline bool twin_is_converter(const struct twin_run *run, const struct twin_worker *worker)
{
	return worker->index == run->nr_workers;
}

static inline unsigned int twin_nr_threads(const struct twin_run *run)
{
	return run->nr_workers + run->own_converter;
}

/* What workloads are made of. */

static inline u64 pages_per_vcpu(const struct twin_run *run)
{
	return run->params.pages / run->params.vcpus;
}

static inline u64 gfn_own_chunk(const struct twin_run *run, unsigned int vcpu, u64 i)
{
	return vcpu * pages_per_vcpu(run) + i;
}

static inline int timed_fault(struct twin_vcpu *vcpu, u64 gfn)
{
	u64 since = extspt_outer_begin();
	int ret = twin_fault(vcpu, gfn);

	extspt_outer_end(OP_FAULT, since);
	return ret;
}

static inline int timed_topup(struct twin_vcpu *vcpu)
{
	u64 since = extspt_outer_begin();
	int ret = twin_mmu_topup(vcpu);

	extspt_outer_end(OP_TOPUP, since);
	return ret;
}

/* conversions.c: workloads that convert to shared */
int zap(struct twin_run *run, struct twin_worker *worker);
u64 zap_expected(const struct twin_run *run, enum extspt_op op);
int convert_prepare(struct twin_run *run);
int convert(struct twin_run *run, struct twin_worker *worker);
u64 convert_expected(const struct twin_run *run, enum extspt_op op);

/* splits.c: workloads that split and nothing else */
int splits_prepare(struct twin_run *run);
int split_eager(struct twin_run *run, struct twin_worker *worker);
u64 split_eager_expected(const struct twin_run *run, enum extspt_op op);
int split_ends(struct twin_run *run, struct twin_worker *worker);
u64 split_ends_expected(const struct twin_run *run, enum extspt_op op);

/* vms.c: workloads with several VMs */
int vms_prepare(struct twin_run *run);
int vms_populate(struct twin_run *run, struct twin_worker *worker);
u64 vms_expected(const struct twin_run *run, enum extspt_op op);
int noisy_prepare(struct twin_run *run);
int noisy(struct twin_run *run, struct twin_worker *worker);
u64 noisy_expected(const struct twin_run *run, enum extspt_op op);
int churn(struct twin_run *run, struct twin_worker *worker);
u64 churn_expected(const struct twin_run *run, enum extspt_op op);
int fleet(struct twin_run *run, struct twin_worker *worker);
u64 fleet_expected(const struct twin_run *run, enum extspt_op op);
int twin_pool_snapshot(struct pool_snapshot *snapshot, const struct twin_vm *first);

#endif /* EXTSPT_TWIN_RUN_H */
