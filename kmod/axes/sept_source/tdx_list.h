/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dynamic PAMT v4 11/16: op alloc_external_fault_cache() takes the S-EPT page
 * off struct tdx_prealloc, the list that holds the PAMT pages as well.
 */
#ifndef EXTSPT_SEPT_SOURCE_TDX_LIST_H
#define EXTSPT_SEPT_SOURCE_TDX_LIST_H

#include "lib/page_list.h"

struct sept_source_vcpu {
	struct page_list *list;		/* pamt_source's */
};

static inline int sept_source_vcpu_init(struct sept_source_vcpu *sept,
					struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools)
{
	sept->list = &pamt->list;
	sept->list->pool.name = "tdx_prealloc";
	sept->list->pool.class = CLASS_UNASSIGNED;
	return 0;
}

static inline void sept_source_vcpu_destroy(struct sept_source_vcpu *sept)
{
}

static inline int sept_source_topup(struct sept_source_vcpu *sept)
{
	return 0;
}

static inline bool sept_source_refills(void)
{
	return true;
}

static inline unsigned int sept_source_list_pages(void)
{
	return CONFIG_EXTSPT_SEPT_LIST_MIN;
}

/* Parity with KVM's cache when empty: v4 11/16 has a WARN and GFP_ATOMIC, v3 an error. */
static inline struct page *sept_source_alloc(struct sept_source_vcpu *sept)
{
	struct page *page = page_list_take(sept->list, CLASS_SEPT);

	if (page || !IS_ENABLED(CONFIG_EXTSPT_SEPT_LIST_FALLBACK))
		return page;
	WARN_ON_ONCE(!check_drained());
	return ledger_alloc(CLASS_SEPT, OWNER_TDX, GFP_ATOMIC | __GFP_ACCOUNT);
}

#endif /* EXTSPT_SEPT_SOURCE_TDX_LIST_H */
