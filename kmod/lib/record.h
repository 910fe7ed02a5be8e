/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a run: one line of JSON. The host writes what only it knows
 * (workload, parameters); this file writes everything else. RECORD_ABI goes up
 * when a reader of old records would misread new ones.
 */
#ifndef EXTSPT_RECORD_H
#define EXTSPT_RECORD_H

#include <linux/seq_file.h>

#include "lib/ledger.h"
#include "lib/stats.h"

#define RECORD_ABI	1

/* The ledger at one moment. */
struct memory_snapshot {
	bool taken;
	struct ledger_line lines[NR_CLASSES][NR_OWNERS];
};

/* The pools at one moment; their vCPUs may be gone when it is printed. */
struct pool_snapshot {
	unsigned int nr;
	struct page_pool *pools;
};

void memory_snapshot(struct memory_snapshot *snapshot);
/* Of a snapshot that a host took, or of none. */
void pool_snapshot_free(struct pool_snapshot *snapshot);

/* Measures what measuring costs. On error record_exit() follows all the same. */
int record_init(void);
void record_exit(void);

void record_identity(struct seq_file *m);
void record_clock(struct seq_file *m);
void record_ops(struct seq_file *m);
void record_locks(struct seq_file *m);
void record_counts(struct seq_file *m);
void record_memory(struct seq_file *m, const struct memory_snapshot *run,
		   const struct memory_snapshot *end, const struct pool_snapshot *pools);
/* @calls: also how often each leaf gave which status. */
void record_seam(struct seq_file *m, bool calls);
/* A JSON string; what JSON cannot hold becomes '?'. */
void record_string(struct seq_file *m, const char *s);

#endif /* EXTSPT_RECORD_H */
