/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L3: as the fast path, with the count less one, so that "no pair" is negative
 * and the sign says it: atomic_inc_unless_negative() (Kai Huang, 2025-05-05, on
 * v1). What differs is one compare in the lockless part.
 */
#ifndef EXTSPT_PAMT_LOCK_BIASED_H
#define EXTSPT_PAMT_LOCK_BIASED_H

#define PAMT_REFS_NONE		(-1)

#include "tdx/pamt_global_lock.h"

#define pamt_get_lockless	pamt_get_lockless
static inline bool pamt_get_lockless(struct page *page)
{
	return atomic_inc_unless_negative(pamt_refs(page));
}

#define pamt_put_lockless	pamt_put_lockless
static inline bool pamt_put_lockless(struct page *page)
{
	return atomic_dec_if_positive(pamt_refs(page)) >= 0;
}

#endif /* EXTSPT_PAMT_LOCK_BIASED_H */
