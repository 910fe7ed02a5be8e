// SPDX-License-Identifier: GPL-2.0-only
/*
 * drive CONTROL WORKLOAD [key=value ...]: one run on a software-protected VM.
 * drive keep: leaves an empty VM behind, for the whole boot.
 *
 * Pre-faults private memory of a guest_memfd, as a guest's first touches would,
 * and times each call. The VM of the detail pass stays with a child process
 * until the module is told to destroy it. Exit status 0, or 1 with a message.
 */

#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm.h"
#include "../samples.h"

#define MAX_VCPUS	64
#define COMMAND_MAX	256
/* In seconds: a pre-fault that the MMU never stops retrying. */
#define PATIENCE	45

struct params {
	unsigned long vcpus, pages, rounds, seed;
};

struct worker;

struct script {
	const char *name;
	/* Pages apart; the folios are there before the clock starts. */
	unsigned long stride;
	bool allocated;
	/* Rounds are VMs. */
	bool per_vm;
	/* Timed by all workers at once, after all of the range was faulted in if @mapped. */
	bool mapped;
	void (*run)(struct worker *worker, int vcpu);
};

struct worker {
	pthread_t thread;
	const struct script *script;
	const struct params *params;
	struct vm *vm;
	unsigned int index, nr;
	pthread_barrier_t *start;
	struct extspt_sample *samples;
	size_t nr_samples;
};

static const char *control;

static int control_open(const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", control, name);
	fd = open(path, flags);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void control_write(const char *name, const void *data, size_t size)
{
	int fd = control_open(name, O_WRONLY);
	ssize_t done;

	while (size) {
		done = write(fd, data, size);
		if (done <= 0)
			err(1, "%s/%s", control, name);
		data += done;
		size -= done;
	}
	close(fd);
}

static void control_say(const char *name, const char *text)
{
	control_write(name, text, strlen(text));
}

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

static void fault(struct worker *worker, int vcpu, unsigned long page)
{
	unsigned long since = ticks();

	vm_fault(worker->vm, vcpu, page * worker->script->stride, 1);
	sample(worker, SAMPLE_FAULT, since);
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

static void convert(struct worker *worker, int vcpu)
{
	const struct params *params = worker->params;
	unsigned long page, round, since;

	for (round = 0; round < params->rounds; round++) {
		for (page = share(params, vcpu); page < share_end(params, vcpu); page++) {
			since = ticks();
			vm_set_private(worker->vm, page, 1, false);
			sample(worker, SAMPLE_ZAP, since);
			vm_set_private(worker->vm, page, 1, true);
			fault(worker, vcpu, page);
		}
	}
}

/* Root allocation tops up; one fault each for that. */
static void idle(struct worker *worker, int vcpu)
{
	fault(worker, vcpu, vcpu);
}

static void nothing(struct worker *worker, int vcpu)
{
}

static const struct script scripts[] = {
	{ "populate_seq", .stride = 1, .allocated = true, .run = populate },
	{ "populate_sparse", .stride = 512, .run = populate },
	{ "same_range", .stride = 1, .allocated = true, .run = same_range },
	{ "convert", .stride = 1, .allocated = true, .mapped = true, .run = convert },
	{ "teardown", .stride = 1, .allocated = true, .mapped = true, .per_vm = true,
	  .run = nothing },
	{ "idle", .stride = 1, .allocated = true, .run = idle },
	{ }
};

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %u", cpu);
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

static void worker_finish(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
	if (worker->nr_samples)
		control_write("samples", worker->samples,
			      worker->nr_samples * sizeof(*worker->samples));
	free(worker->samples);
}

/* All workers at once; their samples go to the module after the last one is done. */
static void run_script(const struct script *script, const struct params *params, struct vm *vm)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int i, nr = params->vcpus < cpus ? params->vcpus : cpus;
	struct worker workers[MAX_VCPUS] = { };
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, nr);
	for (i = 0; i < nr; i++) {
		workers[i] = (struct worker){
			.script = script, .params = params, .vm = vm,
			.index = i, .nr = nr, .start = &start,
			.samples = calloc(params->vcpus * params->pages * params->rounds * 2,
					  sizeof(struct extspt_sample)),
		};
		if (!workers[i].samples ||
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			err(1, "worker %u", i);
	}
	for (i = 0; i < nr; i++)
		worker_finish(&workers[i]);
}

/* A VM with the script run on it. */
static void run_vm(const struct script *script, const struct params *params, struct vm *vm)
{
	vm_create(vm, params->vcpus, params->pages * script->stride);
	if (script->allocated)
		vm_allocate(vm);
	if (script->mapped)
		vm_fault(vm, 0, 0, params->pages * script->stride);
	control_say("pass", "measure");
	run_script(script, params, vm);
}

/* Tells @parent when the run is over, then keeps the VM until it is to go. */
static void run(const struct script *script, const struct params *params, int parent)
{
	unsigned long passes = script->per_vm ? params->rounds : 1;
	struct vm vm;
	char byte = 0;

	while (passes--) {
		run_vm(script, params, &vm);
		vm_destroy(&vm);
	}
	control_say("pass", "detail");
	run_vm(script, params, &vm);
	control_say("pass", "done");
	alarm(0);
	if (write(parent, &byte, 1) != 1 ||
	    read(control_open("hold", O_RDONLY), &byte, 1) < 0)
		err(1, "hold");
	vm_destroy(&vm);
}

static const struct script *find(const char *name)
{
	const struct script *script;

	for (script = scripts; script->name; script++)
		if (!strcmp(script->name, name))
			return script;
	errx(1, "no workload %s", name);
}

static void parse(struct params *params, char *word)
{
	if (sscanf(word, "vcpus=%lu", &params->vcpus) != 1 &&
	    sscanf(word, "pages=%lu", &params->pages) != 1 &&
	    sscanf(word, "rounds=%lu", &params->rounds) != 1 &&
	    sscanf(word, "seed=%lu", &params->seed) != 1)
		errx(1, "what is %s?", word);
}

/*
 * KVM patches the scheduler's code for the first VM and after the last one; QEMU
 * with a thread per CPU was seen to run into the breakpoint of a patch that was
 * already complete. With a VM that stays, it happens once, before any run.
 */
static int keep(void)
{
	vm_keep();
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		for (;;)
			pause();
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct params params = { .vcpus = 1, .pages = 1, .rounds = 1 };
	char command[COMMAND_MAX] = "";
	const struct script *script;
	int i, done[2];

	if (argc == 2 && !strcmp(argv[1], "keep"))
		return keep();
	if (argc < 3)
		errx(1, "usage: drive CONTROL WORKLOAD [key=value ...] | keep");
	control = argv[1];
	script = find(argv[2]);
	for (i = 2; i < argc; i++) {
		if (i > 2)
			parse(&params, argv[i]);
		strncat(command, argv[i], COMMAND_MAX - strlen(command) - 1);
		strncat(command, " ", COMMAND_MAX - strlen(command) - 1);
	}
	if (!params.vcpus || params.vcpus > MAX_VCPUS)
		errx(1, "vcpus=%lu", params.vcpus);
	control_say("run", command);

	/* A process of its own: when it fails, its VMs go with it. */
	if (pipe(done))
		err(1, "pipe");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		close(done[0]);
		alarm(PATIENCE);
		run(script, &params, done[1]);
		return 0;
	}
	close(done[1]);
	if (read(done[0], command, 1) == 1)
		return 0;
	wait(NULL);
	control_say("pass", "failed");
	return 1;
}
