/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Passes of a workload in batches: sized to a time, warmed up, and checked
 * against batches of twice the size. A pass is the host's; what it timed is in
 * extspt_plain. Without batches there is one pass, as where ticks are counted
 * instructions and repeat.
 *
 * A host that drifts treats modules differently that take their turns one after
 * another. With visits each takes its batches a few at a time, in turns.
 */
#ifndef EXTSPT_BATCH_H
#define EXTSPT_BATCH_H

#include <linux/seq_file.h>
#include <linux/types.h>

#define BATCH_MAX	256
#define BATCH_MAX_US	1000000

struct batch_params {
	u64 nr;			/* batches to measure; 0: one pass and nothing else */
	u64 us;			/* timed operations of a batch shall take this long */
	u64 warm_ms;		/* give up warming after this */
	/* The batches are taken in so many visits, and this is one of them; 0: in one go. */
	u64 visits, visit;
};

/* Runs so many passes, the timing switched on, or returns -errno. */
typedef int (*batch_work)(void *data, u64 passes);

/* Visits come one after another, and the first one begins a run. */
bool batch_params_valid(const struct batch_params *params);
/* Is there another visit to come? */
static inline bool batch_goes_on(const struct batch_params *params)
{
	return params->visit < params->visits;
}

/* 0, or the first -errno of @work; then nothing of a pass is left. */
int batch_run(const struct batch_params *params, batch_work work, void *data);
/* Passes whose operations are in extspt_plain. */
u64 batch_passes(void);
/* A JSON object, null without batches. */
void batch_show(struct seq_file *m);

#endif /* EXTSPT_BATCH_H */
