// SPDX-License-Identifier: GPL-2.0-only
/* The workloads, on software-protected VMs. */

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drive.h"

#define MAX_WORKERS	VM_MAX_VCPUS

static unsigned long ticks(void)
{
	unsigned int lo, hi;

	__asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a" (lo), "=d" (hi) : : "memory");
	return (unsigned long)hi << 32 | lo;
}

static void sample(struct worker *worker, enum extspt_sample_op op, unsigned long since)
{
	worker->samples[worker->nr_samples++] = (struct extspt_sample){
		.op = op, .ticks = ticks() - since,
	};
}

static void fault_in(struct worker *worker, struct vm *vm, int vcpu, unsigned long page)
{
	unsigned long since = ticks();

	vm_fault(vm, vcpu, page * worker->script->stride, 1);
	sample(worker, SAMPLE_FAULT, since);
}

static void fault(struct worker *worker, int vcpu, unsigned long page)
{
	fault_in(worker, worker->vms, vcpu, page);
}

/* Each vCPU has an equal share of the pages; the last one has the rest. */
static unsigned long share(const struct params *params, int vcpu)
{
	return params->pages / params->vcpus * vcpu;
}

static unsigned long share_end(const struct params *params, int vcpu)
{
	return (unsigned long)vcpu + 1 == params->vcpus ? params->pages : share(params, vcpu + 1);
}

static void populate(struct worker *worker, int vcpu)
{
	unsigned long page;

	for (page = share(worker->params, vcpu); page < share_end(worker->params, vcpu); page++)
		fault(worker, vcpu, page);
}

static void same_range(struct worker *worker, int vcpu)
{
	unsigned long page;

	for (page = 0; page < worker->params->pages; page++)
		fault(worker, vcpu, page);
}

/* To shared and back: the leaf goes, the memory stays. */
static void convert_page(struct worker *worker, int vcpu, unsigned long page)
{
	unsigned long since = ticks();

	vm_set_private(worker->vms, page, 1, false);
	sample(worker, SAMPLE_ZAP, since);
	vm_set_private(worker->vms, page, 1, true);
	fault(worker, vcpu, page);
}

/* The memory goes, and the leaf with it. */
static void punch_page(struct worker *worker, int vcpu, unsigned long page)
{
	unsigned long since = ticks();

	vm_punch(worker->vms, page, 1);
	sample(worker, SAMPLE_ZAP, since);
	fault(worker, vcpu, page);
}

static void each_page(struct worker *worker, int vcpu,
		      void (*one)(struct worker *worker, int vcpu, unsigned long page))
{
	const struct params *params = worker->params;
	unsigned long page, round;

	for (round = 0; round < params->rounds; round++)
		for (page = share(params, vcpu); page < share_end(params, vcpu); page++)
			one(worker, vcpu, page);
}

static void convert(struct worker *worker, int vcpu)
{
	each_page(worker, vcpu, convert_page);
}

static void punch(struct worker *worker, int vcpu)
{
	each_page(worker, vcpu, punch_page);
}

/* Root allocation tops up; one fault each for that. */
static void idle(struct worker *worker, int vcpu)
{
	fault(worker, vcpu, vcpu);
}

static unsigned long own_pages(const struct params *params)
{
	return params->pages / params->vcpus;
}

static void fill(struct worker *worker, struct vm *vm)
{
	unsigned long page;

	for (page = 0; page < own_pages(worker->params); page++)
		fault_in(worker, vm, 0, page);
}

/* The VM of this number is this worker's alone; VMs meet at what is global. */
static void own_vm(struct worker *worker, int number)
{
	fill(worker, &worker->vms[number]);
}

static void churn(struct worker *worker, int number)
{
	struct vm *vm = &worker->vms[number];
	unsigned long round;

	for (round = 0; round < worker->params->rounds; round++) {
		vm_create(vm, 1, own_pages(worker->params));
		fill(worker, vm);
		/* The last ones stay: what a run leaves is looked at. */
		if (round + 1 < worker->params->rounds)
			vm_destroy(vm);
	}
}

static void nothing(struct worker *worker, int vcpu)
{
}

static const struct script scripts[] = {
	{ "populate_seq", .stride = 1, .allocated = true, .run = populate },
	{ "populate_sparse", .stride = 512, .run = populate },
	{ "same_range", .stride = 1, .allocated = true, .run = same_range },
	{ "race_sparse", .stride = 512, .run = same_range },
	{ "convert", .stride = 1, .allocated = true, .mapped = true, .run = convert },
	{ "punch", .stride = 1, .allocated = true, .mapped = true, .run = punch },
	{ "vms", .stride = 1, .allocated = true, .own_vm = true, .run = own_vm },
	{ "churn", .stride = 1, .own_vm = true, .makes_vms = true, .run = churn },
	{ "teardown", .stride = 1, .allocated = true, .mapped = true, .per_vm = true,
	  .run = nothing },
	{ "idle", .stride = 1, .allocated = true, .run = idle },
	{ }
};

const struct script *script_find(const char *name)
{
	const struct script *script;

	for (script = scripts; script->name; script++)
		if (!strcmp(script->name, name))
			return script;
	errx(EINVAL, "no workload %s", name);
}

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(errno, "CPU %u", cpu);
}

/* Worker i of n drives the vCPUs i, i + n, ... in turn. */
static void *work(void *data)
{
	struct worker *worker = data;
	unsigned int vcpu;

	pin(worker->index);
	pthread_barrier_wait(worker->start);
	for (vcpu = worker->index; vcpu < worker->params->vcpus; vcpu += worker->nr)
		worker->script->run(worker, vcpu);
	return NULL;
}

static void worker_start(struct worker *worker)
{
	const struct params *params = worker->params;
	size_t most = params->vcpus * params->pages * params->rounds * 2;

	worker->samples = calloc(most, sizeof(struct extspt_sample));
	if (!worker->samples || pthread_create(&worker->thread, NULL, work, worker))
		err(ENOMEM, "worker %u", worker->index);
}

void script_run(const struct script *script, const struct params *params, struct vm *vms,
		void (*keep)(const struct extspt_sample *samples, size_t nr))
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int i, nr = params->vcpus < cpus ? params->vcpus : cpus;
	struct worker workers[MAX_WORKERS] = { };
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, nr);
	for (i = 0; i < nr; i++) {
		workers[i] = (struct worker){
			.script = script, .params = params, .vms = vms,
			.index = i, .nr = nr, .start = &start,
		};
		worker_start(&workers[i]);
	}
	for (i = 0; i < nr; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < nr; i++) {
		if (workers[i].nr_samples)
			keep(workers[i].samples, workers[i].nr_samples);
		free(workers[i].samples);
	}
}

static void prepare_vm(const struct script *script, struct vm *vm, unsigned int vcpus,
		       unsigned long pages)
{
	vm_create(vm, vcpus, pages * script->stride);
	if (script->allocated)
		vm_allocate(vm);
	if (script->mapped)
		vm_fault(vm, 0, 0, pages * script->stride);
}

void script_prepare(const struct script *script, const struct params *params, struct vm *vms)
{
	unsigned long i;

	if (!script->own_vm)
		prepare_vm(script, vms, params->vcpus, params->pages);
	for (i = 0; script->own_vm && !script->makes_vms && i < params->vcpus; i++)
		prepare_vm(script, &vms[i], 1, own_pages(params));
}

void script_tidy(const struct script *script, const struct params *params, struct vm *vms)
{
	unsigned long i, nr = script->own_vm ? params->vcpus : 1;

	for (i = 0; i < nr; i++)
		vm_destroy(&vms[i]);
}
