/* SPDX-License-Identifier: GPL-2.0-only */
/* What the driver program's files share. Any error ends the process with errno as its status. */
#ifndef EXTSPT_DRIVER_DRIVE_H
#define EXTSPT_DRIVER_DRIVE_H

#include <pthread.h>
#include <stdbool.h>

#include "vm.h"
#include "../samples.h"

struct params {
	unsigned long vcpus, pages, rounds, seed;
};

struct worker;

struct script {
	const char *name;
	/* Pages apart; the folios are there before the clock starts. */
	unsigned long stride;
	bool allocated;
	/* All of the range was faulted in before the workers start. */
	bool mapped;
	/* Rounds are VMs; a VM of its own for each vCPU; VMs are made by the script itself. */
	bool per_vm, own_vm, makes_vms;
	/* By all workers at once. */
	void (*run)(struct worker *worker, int vcpu);
};

struct worker {
	pthread_t thread;
	const struct script *script;
	const struct params *params;
	struct vm *vms;
	unsigned int index, nr;
	pthread_barrier_t *start;
	struct extspt_sample *samples;
	size_t nr_samples;
};

/* script.c */
const struct script *script_find(const char *name);
/* Makes the VMs and does what comes before the clock. */
void script_prepare(const struct script *script, const struct params *params, struct vm *vms);
/* All workers at once. @keep gets each worker's samples when the last one is done. */
void script_run(const struct script *script, const struct params *params, struct vm *vms,
		void (*keep)(const struct extspt_sample *samples, size_t nr));
void script_tidy(const struct script *script, const struct params *params, struct vm *vms);

#endif /* EXTSPT_DRIVER_DRIVE_H */
