/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L2: one spinlock for the 0 <-> 1 transitions, no lock otherwise (patch
 * "Optimize tdx_pamt_get/put()" of v2 to v6).
 */
#ifndef EXTSPT_PAMT_LOCK_FASTPATH_H
#define EXTSPT_PAMT_LOCK_FASTPATH_H

#include "lib/mlock.h"
#include "lib/page_list.h"
#include "tdx/pamt.h"

static inline int pamt_lock_init(void)
{
	return pamt_global_lock_init();
}

static inline void pamt_lock_exit(void)
{
	pamt_global_lock_exit();
}

static inline int pamt_get(struct page *page, struct page_list *list)
{
	atomic_t *refs = pamt_refs(page);
	struct pamt_pair pair;
	int ret;

	if (atomic_inc_not_zero(refs))
		return 0;
	ret = pamt_pair_take(&pair, list);
	if (ret)
		return ret;

	mspin_lock(&extspt_pamt_lock);
	if (atomic_inc_not_zero(refs)) {
		/* Somebody else installed it meanwhile. */
		mspin_unlock(&extspt_pamt_lock);
		pamt_pair_free(&pair);
		return 0;
	}
	ret = pamt_pair_install(page, &pair);
	if (!ret)
		atomic_set(refs, 1);
	mspin_unlock(&extspt_pamt_lock);
	if (ret)
		pamt_pair_free(&pair);
	return ret;
}

static inline void pamt_put(struct page *page)
{
	atomic_t *refs = pamt_refs(page);
	struct pamt_pair pair;
	int ret;

	/* atomic_dec_and_lock(), by hand as the lock is a measured one. */
	if (atomic_add_unless(refs, -1, 1))
		return;
	mspin_lock(&extspt_pamt_lock);
	if (!atomic_dec_and_test(refs)) {
		mspin_unlock(&extspt_pamt_lock);
		return;
	}
	ret = pamt_pair_remove(page, &pair);
	if (ret)
		atomic_set(refs, 1);
	mspin_unlock(&extspt_pamt_lock);
	/* On failure the pair is leaked with its reference, as in v6. */
	if (!ret)
		pamt_pair_free(&pair);
}

#endif /* EXTSPT_PAMT_LOCK_FASTPATH_H */
