/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis pamt_lock: who guards the reference count of a 2 MiB range of host
 * memory. 0 to 1 installs the range's pair, 1 to 0 removes it. Numbers L1 to
 * L10 are those of the catalogue's list of lock variants; L11 is in
 * variants/not-modelled.toml.
 *
 * Included after the choice, which defines PAMT_REFS_NONE, the count of a range
 * that has no pair, and its lock:
 *
 *	int pamt_lock_init(void)
 *	void pamt_lock_exit(void)
 *		Module load and unload. 0 or -ENOMEM; exit follows in any case.
 *	unsigned long pamt_lock(struct page *page)
 *	void pamt_unlock(struct page *page, unsigned long flags)
 *		The lock of the range @page lies in, and what it returned.
 *	void pamt_assert_locked(struct page *page)
 *		For lockdep: that lock is held, and nobody else counts.
 *
 * and, with a macro of the same name, whatever it does in another way than what
 * stands here. tdx/pamt_global_lock.h, pamt_range_lock.h and pamt_fastpath.h
 * have what several choices do.
 */
#ifndef EXTSPT_PAMT_LOCK_CONTRACT_H
#define EXTSPT_PAMT_LOCK_CONTRACT_H

#include <linux/kconfig.h>

#include "tdx/pamt_guard.h"

/*
 * Counts without the lock. True: it has, and there is no more to do; false: the
 * count may be at the edge, and is as before.
 */
#ifndef pamt_get_lockless
static inline bool pamt_get_lockless(struct page *page)
{
	return false;
}
#endif

#ifndef pamt_put_lockless
static inline bool pamt_put_lockless(struct page *page)
{
	return false;
}
#endif

/* The same with the lock held; as pamt_count_up() and pamt_count_down(). */
#ifndef pamt_get_locked
static __always_inline int pamt_get_locked(struct page *page, struct pamt_pair *pair)
{
	return pamt_count_up(page, pair);
}
#endif

#ifndef pamt_put_locked
static __always_inline bool pamt_put_locked(struct page *page, struct pamt_pair *pair)
{
	return pamt_count_down(page, pair);
}
#endif

/*
 * Before @page is handed to the module. Called with and without mmu_lock. Takes
 * PAMT_PAIR_PAGES pages out of @from, with no lock of its own held, always
 * (PAMT_LOCK_TAKE_FIRST, or a choice that never counts without its lock) or when it may
 * have to install the pair; sleeps only if @from does. 0; -ENOMEM when @from is
 * short; -EBUSY or -EIO when the module refuses.
 */
#ifndef pamt_get
static __always_inline int pamt_get(struct page *page, struct pamt_supply from)
{
	struct pamt_pair pair;
	unsigned long flags;
	int ret;

	if (!IS_ENABLED(CONFIG_EXTSPT_PAMT_LOCK_TAKE_FIRST) && pamt_get_lockless(page))
		return 0;
	ret = pamt_pair_take(&pair, from);
	if (ret)
		return ret;
	/* 1: the range has its pair, and the one in hand goes back. */
	if (IS_ENABLED(CONFIG_EXTSPT_PAMT_LOCK_TAKE_FIRST) && pamt_get_lockless(page))
		return pamt_got(&pair, 1);
	flags = pamt_lock(page);
	ret = pamt_get_locked(page, &pair);
	pamt_unlock(page, flags);
	return pamt_got(&pair, ret);
}
#endif

/* After the module has given @page back. The pages of a removed pair are freed by TDX. */
#ifndef pamt_put
static inline void pamt_put(struct page *page)
{
	struct pamt_pair pair;
	unsigned long flags;
	bool removed;

	if (pamt_put_lockless(page))
		return;
	flags = pamt_lock(page);
	removed = pamt_put_locked(page, &pair);
	pamt_unlock(page, flags);
	if (removed)
		pamt_pair_free(&pair);
}
#endif

/*
 * Around TDH.MEM.PAGE.DEMOTE of @page, mmu_lock held for write; never sleep. What
 * begin returns is end's. Nothing unless the design has it so: L10, which Kconfig
 * allows where one lock covers all ranges.
 */
#ifndef pamt_demote_begin
static inline unsigned long pamt_demote_begin(struct page *page)
{
	return IS_ENABLED(CONFIG_EXTSPT_PAMT_LOCK_DEMOTE) ? pamt_lock(page) : 0;
}

static inline void pamt_demote_end(struct page *page, unsigned long begun)
{
	if (IS_ENABLED(CONFIG_EXTSPT_PAMT_LOCK_DEMOTE))
		pamt_unlock(page, begun);
}
#endif

#endif /* EXTSPT_PAMT_LOCK_CONTRACT_H */
