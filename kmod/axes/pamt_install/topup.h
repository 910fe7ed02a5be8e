/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RFC v5, 2026-01-28: S-EPT pages have their pair when they leave KVM's cache
 * (EXTSPT_PAMT_WITH_SEPT), so linking one installs nothing. A guest page gets its
 * pair in the vendor op, as ever.
 */
#ifndef EXTSPT_PAMT_INSTALL_TOPUP_H
#define EXTSPT_PAMT_INSTALL_TOPUP_H

#include "tdx/pamt_ref.h"

/* The guest page's (Kai Huang, 2026-01-21). */
#define PAMT_INSTALL_FAULT_PAIRS	1

#define pamt_install_map		pamt_install_map
static __always_inline int pamt_install_map(struct pamt_install_vcpu *vcpu, struct page *page,
					    struct pamt_supply from)
{
	return pamt_ref_get(page, from);
}

static inline void pamt_install_unmap(struct pamt_install_vcpu *vcpu, struct page *page)
{
	pamt_ref_put(page);
}

#define pamt_install_unmapped		pamt_install_unmapped
static inline void pamt_install_unmapped(struct page *page)
{
	pamt_ref_put(page);
}

#endif /* EXTSPT_PAMT_INSTALL_TOPUP_H */
