/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L7: one rwlock. PAMT.ADD is first tried under the lock held for read, side by
 * side with others; when the module says BUSY, again with it held for write
 * ("back pocket" plan of 2025-09-30). The fast path of L2 is in front. Our
 * inference: 1 to 0 needs it for write, since count and pair change together;
 * two gets that both see 0 are told apart by HPA_RANGE_NOT_FREE.
 */
#ifndef EXTSPT_PAMT_LOCK_RWLOCK_H
#define EXTSPT_PAMT_LOCK_RWLOCK_H

#define PAMT_REFS_NONE		0

#include "lib/mlock.h"
#include "tdx/pamt_fastpath.h"

static inline int pamt_lock_init(void)
{
	return pamt_rwlocks_init(1);
}

static inline void pamt_lock_exit(void)
{
	pamt_rwlocks_exit();
}

static inline unsigned long pamt_lock(struct page *page)
	__acquires(&extspt_pamt_rwlocks->lock)
{
	mrwlock_write(extspt_pamt_rwlocks);
	return 0;
}

static inline void pamt_unlock(struct page *page, unsigned long flags)
	__releases(&extspt_pamt_rwlocks->lock)
{
	mrwlock_write_unlock(extspt_pamt_rwlocks);
}

static inline void pamt_assert_locked(struct page *page)
{
	lockdep_assert_held_write(&extspt_pamt_rwlocks->lock);
}

#include "tdx/pamt_guard.h"

/* As pamt_count_up(), with others at it as well; nobody takes a pair away. */
static inline int pamt_count_up_shared(struct page *page, struct pamt_pair *pair)
{
	atomic_t *refs = pamt_refs(page);
	int ret;

	if (atomic_inc_not_zero(refs))
		return 1;
	ret = pamt_pair_install(page, pair);
	if (ret && ret != -EEXIST)
		return ret;
	atomic_inc(refs);
	return ret ? 1 : 0;
}

#define pamt_get		pamt_get
static __always_inline int pamt_get(struct page *page, struct pamt_supply from)
{
	struct pamt_pair pair;
	u64 since;
	int ret;

	if (pamt_get_lockless(page))
		return 0;
	ret = pamt_pair_take(&pair, from);
	if (ret)
		return ret;
	since = mrwlock_read(extspt_pamt_rwlocks);
	ret = pamt_count_up_shared(page, &pair);
	mrwlock_read_unlock(extspt_pamt_rwlocks, since);
	if (ret == -EBUSY) {
		pamt_lock(page);
		ret = pamt_count_up(page, &pair);
		pamt_unlock(page, 0);
	}
	return pamt_got(&pair, ret);
}

#endif /* EXTSPT_PAMT_LOCK_RWLOCK_H */
