/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L1: one spinlock on every get and put (tip x86/tdx, 2026-09-04, as inferred
 * in the catalogue's A11). A get takes two pages off the list before it knows
 * whether it needs them, and gives them to the page allocator when it does not;
 * so the next topup allocates two. The quirk reset that v6 does on pages it
 * gives back is left out: parts that need it are not modelled.
 */
#ifndef EXTSPT_PAMT_LOCK_ALWAYS_H
#define EXTSPT_PAMT_LOCK_ALWAYS_H

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
	bool installed = false;
	int ret;

	ret = pamt_pair_take(&pair, list);
	if (ret)
		return ret;

	mspin_lock(&extspt_pamt_lock);
	if (!atomic_read(refs)) {
		ret = pamt_pair_install(page, &pair);
		installed = !ret;
	}
	if (!ret)
		atomic_inc(refs);
	mspin_unlock(&extspt_pamt_lock);
	if (!installed)
		pamt_pair_free(&pair);
	return ret;
}

static inline void pamt_put(struct page *page)
{
	atomic_t *refs = pamt_refs(page);
	struct pamt_pair pair;
	bool removed = false;

	mspin_lock(&extspt_pamt_lock);
	if (atomic_dec_and_test(refs)) {
		removed = !pamt_pair_remove(page, &pair);
		/* On failure the pair is leaked and the reference kept. */
		if (!removed)
			atomic_inc(refs);
	}
	mspin_unlock(&extspt_pamt_lock);
	if (removed)
		pamt_pair_free(&pair);
}

#endif /* EXTSPT_PAMT_LOCK_ALWAYS_H */
