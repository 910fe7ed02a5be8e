/* SPDX-License-Identifier: GPL-2.0-only */
/* The floor: pages set aside at vCPU creation, nothing to do in a fault. */
#ifndef EXTSPT_SEPT_SOURCE_RESERVED_H
#define EXTSPT_SEPT_SOURCE_RESERVED_H

#include "lib/page_list.h"

struct sept_source_vcpu {
	struct page_list list;
};

static inline int sept_source_vcpu_init(struct sept_source_vcpu *sept,
					struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools)
{
	page_pool_init(&sept->list.pool, "reserved", CLASS_SEPT, OWNER_KVM, vcpu, pools);
	page_list_init(&sept->list, GFP_KERNEL_ACCOUNT, NULL);
	return page_list_topup(&sept->list, CONFIG_EXTSPT_SEPT_RESERVED_PAGES);
}

static inline void sept_source_vcpu_destroy(struct sept_source_vcpu *sept)
{
	page_list_drain(&sept->list);
}

static inline int sept_source_topup(struct sept_source_vcpu *sept)
{
	return 0;
}

static inline bool sept_source_refills(void)
{
	return false;
}

static inline unsigned int sept_source_list_pages(void)
{
	return 0;
}

static inline struct page *sept_source_alloc(struct sept_source_vcpu *sept)
{
	return page_list_take(&sept->list, CLASS_SEPT);
}

#endif /* EXTSPT_SEPT_SOURCE_RESERVED_H */
