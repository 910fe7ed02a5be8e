/* SPDX-License-Identifier: GPL-2.0-only */
/* tdx_pamt_get() right before the SEAMCALL that hands the page over (v2 on). */
#ifndef EXTSPT_PAMT_INSTALL_LINK_H
#define EXTSPT_PAMT_INSTALL_LINK_H

#include "tdx/pamt_ref.h"

/* v4 12/16, v6: PT64_ROOT_MAX_LEVEL; the root needs none, the guest page does. */
#define PAMT_INSTALL_FAULT_PAIRS	5

#define pamt_install_link		pamt_install_link
static __always_inline int pamt_install_link(struct page *page, struct pamt_supply from)
{
	return pamt_ref_get(page, from);
}

static inline void pamt_install_unlink(struct page *page)
{
	pamt_ref_put(page);
}

#define pamt_install_reclaimed		pamt_install_reclaimed
static inline void pamt_install_reclaimed(struct page *page)
{
	pamt_ref_put(page);
}

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

#endif /* EXTSPT_PAMT_INSTALL_LINK_H */
