/* SPDX-License-Identifier: GPL-2.0-only */
/* For choices of axis pamt_lock: pamt_lock, the one spinlock of v1 to v6 and of tip. */
#ifndef EXTSPT_TDX_PAMT_GLOBAL_LOCK_H
#define EXTSPT_TDX_PAMT_GLOBAL_LOCK_H

#include "lib/mlock.h"
#include "tdx/pamt.h"

static inline int pamt_lock_init(void)
{
	return pamt_global_lock_init();
}

static inline void pamt_lock_exit(void)
{
	pamt_global_lock_exit();
}

static inline unsigned long pamt_lock(struct page *page)
	__acquires(&extspt_pamt_lock.lock)
{
	mspin_lock(&extspt_pamt_lock);
	return 0;
}

static inline void pamt_unlock(struct page *page, unsigned long flags)
	__releases(&extspt_pamt_lock.lock)
{
	mspin_unlock(&extspt_pamt_lock);
}

static inline void pamt_assert_locked(struct page *page)
{
	lockdep_assert_held(&extspt_pamt_lock.lock);
}

#endif /* EXTSPT_TDX_PAMT_GLOBAL_LOCK_H */
