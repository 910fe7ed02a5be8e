/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L5: a power of two of spinlocks, the range's number hashed (Dave Hansen and
 * Kiryl Shutsemau, 2025-09; "back pocket"). With the fast path of L2 in front.
 */
#ifndef EXTSPT_PAMT_LOCK_HASHED_H
#define EXTSPT_PAMT_LOCK_HASHED_H

#define PAMT_REFS_NONE		0
#define PAMT_TRIES		PAMT_TRIES_MANY

#include <linux/hash.h>

#include "lib/mlock.h"
#include "tdx/pamt_fastpath.h"

/* Locks this many entries apart share no cache line. */
#define HASHED_SPREAD		4

static inline int pamt_lock_init(void)
{
	return pamt_locks_init(HASHED_SPREAD << CONFIG_EXTSPT_PAMT_LOCK_BITS);
}

static inline struct mspin *pamt_lock_of(struct page *page)
{
	u64 slot = hash_64(pamt_range(page), CONFIG_EXTSPT_PAMT_LOCK_BITS);

	return &extspt_pamt_locks[slot * HASHED_SPREAD];
}

#include "tdx/pamt_range_lock.h"

#endif /* EXTSPT_PAMT_LOCK_HASHED_H */
