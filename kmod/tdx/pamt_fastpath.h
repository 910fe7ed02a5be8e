/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For choices of axis pamt_lock: no lock while the count is neither at zero nor
 * about to be (v6 06/11, "Optimize tdx_pamt_get/put()").
 */
#ifndef EXTSPT_TDX_PAMT_FASTPATH_H
#define EXTSPT_TDX_PAMT_FASTPATH_H

#include "tdx/pamt.h"

#define pamt_get_lockless	pamt_get_lockless
static inline bool pamt_get_lockless(struct page *page)
{
	return atomic_inc_not_zero(pamt_refs(page));
}

/* The first half of atomic_dec_and_lock(), by hand as the lock is a measured one. */
#define pamt_put_lockless	pamt_put_lockless
static inline bool pamt_put_lockless(struct page *page)
{
	return atomic_add_unless(pamt_refs(page), -1, 1);
}

#endif /* EXTSPT_TDX_PAMT_FASTPATH_H */
