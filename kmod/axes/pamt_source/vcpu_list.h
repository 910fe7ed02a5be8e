/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TDX's own list per vCPU, filled to the minimum and no further: struct
 * tdx_prealloc of v4, struct tdx_pamt_cache of v6 (which finds it through
 * kvm_get_running_vcpu(); here the caller passes it). When it is empty the fault
 * fails with -ENOMEM: no emergency allocation for PAMT pages (v4, v6).
 */
#ifndef EXTSPT_PAMT_SOURCE_VCPU_LIST_H
#define EXTSPT_PAMT_SOURCE_VCPU_LIST_H

#include "lib/page_list.h"
#include "tdx/pamt.h"

struct pamt_source_vcpu {
	struct page_list list;
};

static inline int pamt_source_vcpu_init(struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools)
{
	page_pool_init(&pamt->list.pool, "pamt_cache", CLASS_PAMT, OWNER_TDX, vcpu, pools);
	page_list_init(&pamt->list, IS_ENABLED(CONFIG_EXTSPT_PAMT_LIST_ACCOUNT) ?
				    GFP_KERNEL_ACCOUNT : GFP_KERNEL, NULL);
	pamt->list.order = CONFIG_EXTSPT_PAMT_LIST_ORDER;
	return 0;
}

static inline void pamt_source_vcpu_destroy(struct pamt_source_vcpu *pamt)
{
	page_list_drain(&pamt->list);
}

static inline int pamt_source_kvm_topup(struct pamt_source_vcpu *pamt)
{
	return 0;
}

static inline bool pamt_source_wants_topup(void)
{
	return true;
}

static inline int pamt_source_topup(struct pamt_source_vcpu *pamt, unsigned int extra)
{
	return page_list_topup(&pamt->list,
			       CONFIG_EXTSPT_PAMT_LIST_PAIRS * PAMT_PAIR_PAGES + extra);
}

static __always_inline struct pamt_supply pamt_source_supply(struct pamt_source_vcpu *pamt)
{
	return pamt_list_supply(&pamt->list);
}

#endif /* EXTSPT_PAMT_SOURCE_VCPU_LIST_H */
