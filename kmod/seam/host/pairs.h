/* SPDX-License-Identifier: GPL-2.0-only */
/* Two calls at the same time, on two threads. */
#ifndef EXTSPT_SEAM_PAIRS_H
#define EXTSPT_SEAM_PAIRS_H

#include "scene.h"

typedef u64 pair_call(void);

struct pair {
	void (*prepare)(void);	/* a fresh module and scene, before every attempt */
	pair_call *running;	/* its body takes long */
	const char *row;	/* cost row of @running, NULL: it takes its time itself */
	pair_call *called;	/* meanwhile */
	bool (*met)(u64 status);	/* is this what @called should say? */
};

/* @called never came while @running had its locks. */
#define PAIR_NEVER	SEAM_SW_ERROR

/*
 * Status of @called, or PAIR_NEVER. Tries a few times before it takes one that
 * is not met: a thread may be held up between its start and its first lock.
 */
u64 pair_run(const struct pair *pair);
/* Status of the running leaf of the last pair. */
u64 pair_running_status(void);

#endif
