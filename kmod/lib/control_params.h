/* SPDX-License-Identifier: GPL-2.0-only */
/* The line written to "run": a workload and what it is to be run with. */
#ifndef EXTSPT_CONTROL_PARAMS_H
#define EXTSPT_CONTROL_PARAMS_H

#include <linux/types.h>

#include "lib/batch.h"
#include "lib/inject.h"
#include "seam/seam.h"

#define EVENTS_PER	1000000

struct extspt_host;
struct seq_file;

struct control_params {
	u64 vcpus, pages, rounds, seed;
	u64 tds;		/* VMs, for workloads with several; 0: one */
	u64 contig;		/* guest pages in each 2 MiB of the host, 2^n; 0: all */
	u64 check;		/* a checked run, see checked.h; implied by the next two */
	u64 drain;		/* caches are found empty on the fault and split paths */
	struct batch_params batch;
	struct inject_rule rules[NR_INJECT];
	u64 events[SEAM_NR_EVENTS];	/* of the model, per EVENTS_PER calls */
};

/* "<workload> [key=value ...]"; cuts @command up. The workload's number or -EINVAL. */
int control_parse(const struct extspt_host *host, struct control_params *params, char *command);
/* Members of a JSON object. */
void control_params_show(struct seq_file *m, const struct control_params *params);

#endif /* EXTSPT_CONTROL_PARAMS_H */
