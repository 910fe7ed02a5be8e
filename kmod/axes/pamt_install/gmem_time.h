/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sean Christopherson, 2025-08-11: guest memory has its pair as long as
 * guest_memfd has the memory, be it shared or private, so neither faults nor
 * conversions have anything to do. One reference for each folio: one lies within
 * 2 MiB.
 */
#ifndef EXTSPT_PAMT_INSTALL_GMEM_TIME_H
#define EXTSPT_PAMT_INSTALL_GMEM_TIME_H

#include <linux/bug.h>

#include "tdx/pamt_ref.h"

#define pamt_install_bound		pamt_install_bound
static inline int pamt_install_bound(struct page *folio, unsigned int nr)
{
	WARN_ON_ONCE(nr > PTRS_PER_PTE);
	return pamt_ref_get(folio, pamt_spot(GFP_KERNEL_ACCOUNT));
}

static inline void pamt_install_unbound(struct page *folio, unsigned int nr)
{
	pamt_ref_put(folio);
}

#endif /* EXTSPT_PAMT_INSTALL_GMEM_TIME_H */
