/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L9: the fast path with interrupts off while the lock is held, so that a put
 * may come from an RCU callback in softirq (Dave Hansen and Kai Huang, 2026-02,
 * "option 1" after the lockdep report on RFC v5). What "hold" says of this lock
 * is time with interrupts off.
 */
#ifndef EXTSPT_PAMT_LOCK_IRQSAVE_H
#define EXTSPT_PAMT_LOCK_IRQSAVE_H

#define PAMT_REFS_NONE		0

#include "lib/mlock.h"
#include "tdx/pamt_fastpath.h"

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
	return mspin_lock_irqsave(&extspt_pamt_lock);
}

static inline void pamt_unlock(struct page *page, unsigned long flags)
	__releases(&extspt_pamt_lock.lock)
{
	mspin_unlock_irqrestore(&extspt_pamt_lock, flags);
}

static inline void pamt_assert_locked(struct page *page)
{
	lockdep_assert_held(&extspt_pamt_lock.lock);
}

#endif /* EXTSPT_PAMT_LOCK_IRQSAVE_H */
