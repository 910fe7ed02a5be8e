/* SPDX-License-Identifier: GPL-2.0-only */
/* Static PAMT, or pairs behind all of memory: nothing to count, nothing to guard. */
#ifndef EXTSPT_PAMT_LOCK_NONE_H
#define EXTSPT_PAMT_LOCK_NONE_H

#define PAMT_REFS_NONE		0

#include "tdx/pamt.h"

static inline int pamt_lock_init(void)
{
	return 0;
}

static inline void pamt_lock_exit(void)
{
}

static inline void pamt_assert_locked(struct page *page)
{
}

#define pamt_get		pamt_get
static __always_inline int pamt_get(struct page *page, struct pamt_supply from)
{
	return 0;
}

#define pamt_put		pamt_put
static inline void pamt_put(struct page *page)
{
}

#define pamt_demote_begin	pamt_demote_begin
static inline unsigned long pamt_demote_begin(struct page *page)
{
	return 0;
}

static inline void pamt_demote_end(struct page *page, unsigned long begun)
{
}

#endif /* EXTSPT_PAMT_LOCK_NONE_H */
