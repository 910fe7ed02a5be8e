/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L4: a spinlock for each 2 MiB of host memory instead of the global one (Rick
 * Edgecombe and Kai Huang on v2 and v3, 2025; Dave Hansen against). With the
 * fast path of L2 in front, as both talked of replacing that patch's lock.
 */
#ifndef EXTSPT_PAMT_LOCK_PER_RANGE_H
#define EXTSPT_PAMT_LOCK_PER_RANGE_H

#define PAMT_REFS_NONE		0
#define PAMT_TRIES		PAMT_TRIES_MANY

#include "tdx/pamt_fastpath.h"

static inline int pamt_lock_init(void)
{
	return pamt_locks_init(pamt_nr_ranges());
}

static inline struct mspin *pamt_lock_of(struct page *page)
{
	return &extspt_pamt_locks[pamt_range(page)];
}

#include "tdx/pamt_range_lock.h"

#endif /* EXTSPT_PAMT_LOCK_PER_RANGE_H */
