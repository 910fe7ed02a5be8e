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
 * The others still time: what they compete with must not fall silent. Counts
 * are exact, so there is no such load in the detail pass.
 */
static int twin_cool_down(struct twin_run *run, struct twin_worker *worker)
{
	int ret = 0;

	atomic_inc(&run->finished);
	if (!run->workload->keep_loading || extspt_detail_on())
		return 0;
	while (!ret && !atomic_read(&run->failed) &&
	       atomic_read(&run->finished) < twin_nr_threads(run)) {
		ret = run->workload->keep_loading(run, worker);
		cond_resched();
	}
	return ret;
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
	u64 i;

	worker->ret = twin_barrier(run);
	for (i = 0; !worker->ret && i < run->repeats; i++)
		worker->ret = run->workload->script(run, worker);
	if (!worker->ret)
		worker->ret = twin_cool_down(run, worker);
	if (worker->ret)
		atomic_inc(&run->failed);
	set_active_memcg(old);
	/* Not by a return, after which this module's code may be gone. */
	kthread_complete_and_exit(&worker->done, 0);
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

/* In slices: one long wait is a hung task to the kernel, after two minutes. */
static void twin_worker_wait(struct twin_worker *worker)
{
	while (!wait_for_completion_timeout(&worker->done, 30 * HZ))
		;
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
		twin_worker_wait(&workers[i]);
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
	atomic_set(&run->finished, 0);
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

void twin_run_shape(const struct twin_run *run, struct twin_shape *shape)
{
	const struct workload *workload = run->workload;
	u64 per_region = workload->scattered ? 1 : TWIN_PAGES_PER_REGION;

	shape->nr_vcpus = run->params.vcpus;
	shape->nr_regions = DIV_ROUND_UP_ULL(run->params.pages, per_region);
	shape->scattered = workload->scattered;
	shape->huge = workload->huge;
	/* A 2 MiB mapping is contiguous by itself. */
	shape->contig = shape->huge || shape->scattered ? 0 : run->params.contig;
}

/* As many workers as there are CPUs for; a converter gets one of its own first. */
static void twin_run_staff(struct twin_run *run)
{
	unsigned int cpus = num_online_cpus();

	run->own_converter = run->workload->converter && cpus > 1;
	run->nr_workers = min_t(u64, run->params.vcpus, cpus - run->own_converter);
}

/* What is not measured need not take a TDX module's time. */
static int twin_prepare(struct twin_run *run)
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
	return ret;
}

int twin_run_pass(struct twin_run *run)
{
	int ret;

	seam_costs_rest(run->params.batch.nr);
	ret = twin_prepare(run);
	seam_costs_rest(false);
	if (IS_ERR(run->vm))
		return ret;
	/* What the preparation did is not the workload's. */
	if (extspt_detail_on())
		extspt_measure_begin();
	if (!ret)
		ret = twin_run_script(run);
	kvfree(run->order);
	run->order = NULL;
	if (ret)
		twin_vm_destroy(run->vm);
	return ret;
}
