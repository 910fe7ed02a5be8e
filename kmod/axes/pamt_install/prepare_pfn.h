/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kai Huang, 2026-02-09: after kvm_mmu_faultin_pfn(), with the level fixed, the
 * pair is allocated and installed with no lock held; whoever retries puts it.
 */
#ifndef EXTSPT_PAMT_INSTALL_PREPARE_PFN_H
#define EXTSPT_PAMT_INSTALL_PREPARE_PFN_H

#include "lib/compat.h"
#include "tdx/pamt_ref.h"

struct pamt_install_vcpu {
	struct page *prepared;		/* the fault's; NULL once the module has the page */
};

#define pamt_install_prepare_pfn	pamt_install_prepare_pfn
static inline int pamt_install_prepare_pfn(struct pamt_install_vcpu *vcpu, struct page *page,
					   int level)
{
	int ret;

	vcpu->prepared = NULL;
	/* A 2 MiB page must not have a pair behind it. */
	if (level != PG_LEVEL_4K)
		return 0;
	ret = pamt_ref_get(page, pamt_spot(GFP_KERNEL_ACCOUNT));
	if (!ret)
		vcpu->prepared = page;
	return ret;
}

static inline void pamt_install_pfn_done(struct pamt_install_vcpu *vcpu)
{
	if (vcpu->prepared)
		pamt_ref_put(vcpu->prepared);
}

#define pamt_install_map		pamt_install_map
static __always_inline int pamt_install_map(struct pamt_install_vcpu *vcpu, struct page *page,
					    struct pamt_supply from)
{
	vcpu->prepared = NULL;
	return 0;
}

static inline void pamt_install_unmap(struct pamt_install_vcpu *vcpu, struct page *page)
{
	vcpu->prepared = page;
}

#define pamt_install_unmapped		pamt_install_unmapped
static inline void pamt_install_unmapped(struct page *page)
{
	pamt_ref_put(page);
}

#endif /* EXTSPT_PAMT_INSTALL_PREPARE_PFN_H */
