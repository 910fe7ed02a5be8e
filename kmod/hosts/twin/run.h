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

struct twin_run;
struct twin_worker;

struct workload {
	struct control_workload control;
	/* One page per 2 MiB; 2 MiB mappings; a thread that converts; rounds are VMs. */
	bool scattered, huge, converter, per_vm;
	/* The TDX module looks after its pages' content and flushes: nothing to time. */
	bool checked;
	/* Alone, before the workers start; not timed. May be NULL. */
	int (*prepare)(struct twin_run *run);
	/* In every worker at once. */
	int (*script)(struct twin_run *run, struct twin_worker *worker);
	/* Alone, after them: how often @op has to have been timed. */
	u64 (*expected)(const struct twin_run *run, enum extspt_op op);
};

struct twin_worker {
	struct twin_run *run;
	struct task_struct *task;
	unsigned int index;
	int cpu;
	int ret;
	struct completion done;
};

struct twin_run {
	const struct workload *workload;
	struct control_params params;
	struct twin_vm *vm;
	unsigned int nr_workers;	/* that drive vCPUs; a converter is one more */
	bool own_converter;		/* on a CPU of its own */
	struct mem_cgroup *memcg;	/* that pays */
	u32 *order;			/* of the pages, where it is random */
	atomic_t at_barrier;
	atomic_t failed;
};

extern const struct workload twin_workloads[];

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

#endif /* EXTSPT_TWIN_RUN_H */
