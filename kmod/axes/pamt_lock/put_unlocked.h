/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L8: v1 (Kirill Shutemov, 2025-05-02) to RFC v5 (v3 and v4: 08/16, "Optimize");
 * v6 has atomic_dec_and_lock() in its place. 0 to 1 is made under the lock, 1 to 0
 * outside; the lock is taken afterwards for the PAMT.REMOVE. A get that comes in
 * between finds a count of 0 and a range with its pair, for which the module
 * says HPA_RANGE_NOT_FREE; the get is then content with the pair that is there.
 */
#ifndef EXTSPT_PAMT_LOCK_PUT_UNLOCKED_H
#define EXTSPT_PAMT_LOCK_PUT_UNLOCKED_H

#define PAMT_REFS_NONE		0

#include <linux/bug.h>

#include "tdx/pamt_global_lock.h"
#include "tdx/pamt_guard.h"

#define pamt_get_lockless	pamt_get_lockless
static inline bool pamt_get_lockless(struct page *page)
{
	return atomic_inc_not_zero(pamt_refs(page));
}

#define pamt_put_lockless	pamt_put_lockless
static inline bool pamt_put_lockless(struct page *page)
{
	return !atomic_dec_and_test(pamt_refs(page));
}

#define pamt_get_locked		pamt_get_locked
static __always_inline int pamt_get_locked(struct page *page, struct pamt_pair *pair)
{
	int ret = pamt_count_up(page, pair);

	if (ret != -EEXIST)
		return ret;
	/* The put that made it 0 has not removed the pair yet, and will not. */
	atomic_inc(pamt_refs(page));
	return 1;
}

/* The count is down already, and up again if a get was faster. */
#define pamt_put_locked		pamt_put_locked
static __always_inline bool pamt_put_locked(struct page *page, struct pamt_pair *pair)
{
	int ret;

	pamt_assert_locked(page);
	if (atomic_read(pamt_refs(page)))
		return false;
	ret = pamt_pair_remove(page, pair);
	/*
	 * Gone with another put, where a get and its put came in between. As posted
	 * that counts up like any failure, with no pair behind the count.
	 */
	if (ret == -ENOENT)
		return false;
	/* The pair is leaked and its reference kept, from v2 on; v1 left it at 0. */
	if (WARN_ON_ONCE(ret))
		atomic_inc(pamt_refs(page));
	return !ret;
}

#endif /* EXTSPT_PAMT_LOCK_PUT_UNLOCKED_H */
