/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * v1, 2025-05-02: the TDP MMU calls op phys_prepare() before it freezes the SPTE,
 * for a page table and for a leaf, and phys_cleanup() when it did not come to the
 * hand-over. After a removal the clean-up is the last step of the vendor op here;
 * v1 has the TDP MMU call the op again, right behind it.
 */
#ifndef EXTSPT_PAMT_INSTALL_PHYS_PREPARE_H
#define EXTSPT_PAMT_INSTALL_PHYS_PREPARE_H

#include "tdx/pamt_ref.h"

/* v1: 10 pages, tdx_nr_pamt_pages() * PT64_ROOT_MAX_LEVEL. */
#define PAMT_INSTALL_FAULT_PAIRS	5

#define pamt_install_phys_prepare	pamt_install_phys_prepare
static __always_inline int pamt_install_phys_prepare(struct page *page, struct pamt_supply from)
{
	return pamt_ref_get(page, from);
}

static inline void pamt_install_phys_cleanup(struct page *page)
{
	pamt_ref_put(page);
}

/* A split takes the page straight to the module: there is no fault around it. */
#define pamt_install_split		pamt_install_split
static __always_inline int pamt_install_split(struct page *page, struct pamt_supply from)
{
	return pamt_ref_get(page, from);
}

static inline void pamt_install_unsplit(struct page *page)
{
	pamt_ref_put(page);
}

#define pamt_install_reclaimed		pamt_install_reclaimed
static inline void pamt_install_reclaimed(struct page *page)
{
	pamt_ref_put(page);
}

#define pamt_install_unmapped		pamt_install_unmapped
static inline void pamt_install_unmapped(struct page *page)
{
	pamt_ref_put(page);
}

#endif /* EXTSPT_PAMT_INSTALL_PHYS_PREPARE_H */
