/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every host shows of a run in debugfs, and the record of it. The host
 * brings the workloads and carries them out.
 */
#ifndef EXTSPT_CONTROL_H
#define EXTSPT_CONTROL_H

#include <linux/mutex.h>
#include <linux/sizes.h>

#include "lib/control_params.h"
#include "lib/record.h"

#define COSTS_MAX	SZ_4K
#define TABLE_ID_MAX	32
#define MAX_ERRORS	8

struct control_workload {
	const char *name;
	const char *help;
	struct control_params defaults;
};

struct extspt_host {
	const char *name;
	unsigned int max_vcpus;
	/* Number @i, or NULL after the last one. */
	const struct control_workload *(*workload)(int i);
	/* 0, or -errno and nothing is left. Sets alive when its VM outlives it. */
	int (*run)(int workload, const struct control_params *params);
	/* The VM goes. 0, or -errno and it is still there. */
	int (*destroy)(void);
};

struct extspt_control {
	struct mutex lock;	/* all of this, and one run at a time */
	const struct extspt_host *host;
	struct dentry *dir;
	const struct control_workload *workload;
	struct control_params params;
	bool ran;		/* there is a record */
	bool alive;		/* its VM still exists */
	int status;
	unsigned int nr_threads;
	unsigned int nr_errors;
	char errors[MAX_ERRORS][96];
	struct memory_snapshot at_run, at_end;
	struct pool_snapshot pools;
	char table[TABLE_ID_MAX];
	char costs[COSTS_MAX];
};

extern struct extspt_control extspt_control;

/* Measurement, then the files; the other way round on the way out. */
int control_init(const struct extspt_host *host);
void control_show(void);
void control_hide(void);
void control_exit(void);

/* control_show.c: one line of JSON each. */
void control_show_info(struct seq_file *m);
/* @whole: with what was measured. -ENODATA before any run. Takes the lock. */
int control_show_result(struct seq_file *m, bool whole);

/* Under the lock, or when the files are gone. */
int control_destroy(void);
/* A self-check of the run that failed; the record carries it. */
__printf(1, 2) void control_error(const char *format, ...);
/* Everything is back where it came from. */
void control_check_balance(void);
/* The end of a run that failed after host->run() had returned 0. */
void control_check_end(void);

#endif /* EXTSPT_CONTROL_H */
