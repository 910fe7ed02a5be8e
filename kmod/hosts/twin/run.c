// SPDX-License-Identifier: GPL-2.0-only

#include <linux/cpu.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>

#include "hosts/twin/run.h"

/* Every worker waits for every other; -ECANCELED when one has failed. */
static int twin_barrier(struct twin_run *run)
{
	unsigned int all = twin_nr_threads(run);

	atomic_inc(&run->at_barrier);
	while (atomic_read(&run->at_barrier) < all) {
		if (atomic_read(&run->failed))
			return -ECANCELED;
		cpu_relax();
		cond_resched();
	}
	return 0;
}

/*
 * A kernel thread charges nobody unless it is told whom: the VM is charged to
 * the memcg of the task that asked for the run, as remote charging does it.
 */
static int twin_worker_main(void *data)
{
	struct twin_worker *worker = data;
	struct twin_run *run = worker->run;
	struct mem_cgroup *old = set_active_memcg(run->memcg);

	worker->ret = twin_barrier(run);
	if (!worker->ret)
		worker->ret = run->workload->script(run, worker);
	if (worker->ret)
		atomic_inc(&run->failed);
	set_active_memcg(old);
	complete(&worker->done);
	return 0;
}

/* CPUs in order; the caller holds the CPU hotplug lock. */
static int nth_online_cpu(unsigned int n)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (!n--)
			return cpu;
	return -ENODEV;
}

static int twin_worker_start(struct twin_run *run, struct twin_worker *worker, unsigned int index)
{
	worker->run = run;
	worker->index = index;
	worker->cpu = nth_online_cpu(index);
	init_completion(&worker->done);
	worker->task = kthread_create_on_node(twin_worker_main, worker, cpu_to_node(worker->cpu),
					      EXTSPT_VARIANT "/%u", index);
	if (IS_ERR(worker->task))
		return PTR_ERR(worker->task);
	kthread_bind(worker->task, worker->cpu);
	wake_up_process(worker->task);
	return 0;
}

/* Run the script in all workers at once and wait for them. */
static int twin_workers_run(struct twin_run *run, struct twin_worker *workers)
{
	unsigned int started, i;
	int ret = 0;

	for (started = 0; started < twin_nr_threads(run); started++) {
		ret = twin_worker_start(run, &workers[started], started);
		if (ret) {
			/* Those that run already wait for this one. */
			atomic_inc(&run->failed);
			break;
		}
	}
	for (i = 0; i < started; i++) {
		wait_for_completion(&workers[i].done);
		/* A worker's own error says more than the others' -ECANCELED. */
		if (workers[i].ret && (!ret || ret == -ECANCELED))
			ret = workers[i].ret;
	}
	return ret;
}

static int twin_run_script(struct twin_run *run)
{
	struct twin_worker *workers;
	int ret;

	workers = kcalloc(twin_nr_threads(run), sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;
	run->memcg = get_mem_cgroup_from_mm(current->mm);
	atomic_set(&run->at_barrier, 0);
	atomic_set(&run->failed, 0);
	cpus_read_lock();
	ret = twin_workers_run(run, workers);
	cpus_read_unlock();
	mem_cgroup_put(run->memcg);
	kfree(workers);
	return ret;
}

/* Fisher-Yates from the seed: the same order for every design. */
static int twin_shuffle(struct twin_run *run)
{
	struct rnd_state state;
	u64 i, other;

	run->order = kvmalloc_array(run->params.pages, sizeof(*run->order), GFP_KERNEL);
	if (!run->order)
		return -ENOMEM;
	prandom_seed_state(&state, run->params.seed);
	for (i = 0; i < run->params.pages; i++) {
		other = prandom_u32_state(&state) % (i + 1);
		run->order[i] = run->order[other];
		run->order[other] = i;
	}
	return 0;
}

static void twin_run_shape(const struct twin_run *run, struct twin_shape *shape)
{
	const struct workload *workload = run->workload;
	u64 per_region = workload->scattered ? 1 : TWIN_PAGES_PER_REGION;

	shape->nr_vcpus = run->params.vcpus;
	shape->nr_regions = DIV_ROUND_UP_ULL(run->params.pages, per_region);
	shape->scattered = workload->scattered;
	shape->huge = workload->huge;
}

/* As many workers as there are CPUs for; a converter gets one of its own first. */
static void twin_run_staff(struct twin_run *run)
{
	unsigned int cpus = num_online_cpus();

	run->own_converter = run->workload->converter && cpus > 1;
	run->nr_workers = min_t(u64, run->params.vcpus, cpus - run->own_converter);
}

int twin_run_pass(struct twin_run *run)
{
	struct twin_shape shape;
	int ret;

	twin_run_staff(run);
	twin_run_shape(run, &shape);
	run->vm = twin_vm_create(&shape);
	if (IS_ERR(run->vm))
		return PTR_ERR(run->vm);
	ret = twin_shuffle(run);
	if (!ret && run->workload->prepare)
		ret = run->workload->prepare(run);
	if (!ret) {
		/* What the preparation did is not the workload's. */
		extspt_measure_begin();
		ret = twin_run_script(run);
	}
	kvfree(run->order);
	run->order = NULL;
	if (ret)
		twin_vm_destroy(run->vm);
	return ret;
}
