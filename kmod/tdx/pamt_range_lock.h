/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For choices of axis pamt_lock with many spinlocks: the choice sets them up and
 * defines pamt_lock_of(), the lock of the range that a page lies in.
 */
#ifndef EXTSPT_TDX_PAMT_RANGE_LOCK_H
#define EXTSPT_TDX_PAMT_RANGE_LOCK_H

#include "lib/mlock.h"
#include "tdx/pamt.h"

static inline void pamt_lock_exit(void)
{
	pamt_locks_exit();
}

static inline unsigned long pamt_lock(struct page *page)
	__acquires(&pamt_lock_of(page)->lock)
{
	mspin_lock(pamt_lock_of(page));
	return 0;
}

static inline void pamt_unlock(struct page *page, unsigned long flags)
	__releases(&pamt_lock_of(page)->lock)
{
	mspin_unlock(pamt_lock_of(page));
}

static inline void pamt_assert_locked(struct page *page)
{
	lockdep_assert_held(&pamt_lock_of(page)->lock);
}

#endif /* EXTSPT_TDX_PAMT_RANGE_LOCK_H */
