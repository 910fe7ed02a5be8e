/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's cache: vcpu->arch.mmu_external_spt_cache of Linux 7.2, plain pages,
 * not zeroed since the TDX module initialises them and KVM never reads them.
 */
#ifndef EXTSPT_SEPT_SOURCE_KVM_CACHE_H
#define EXTSPT_SEPT_SOURCE_KVM_CACHE_H

#include "lib/memory_cache.h"

struct sept_source_vcpu {
	struct memory_cache cache;
};

static inline int sept_source_vcpu_init(struct sept_source_vcpu *sept,
					struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools)
{
	page_pool_init(&sept->cache.pool, "external_spt_cache", CLASS_SEPT, OWNER_KVM,
		       vcpu, pools);
	sept->cache.fill = CONFIG_EXTSPT_SEPT_CACHE_FILL;
	return 0;
}

static inline void sept_source_vcpu_destroy(struct sept_source_vcpu *sept)
{
	memory_cache_drain(&sept->cache);
}

static inline int sept_source_topup(struct sept_source_vcpu *sept)
{
	return memory_cache_topup(&sept->cache, CONFIG_EXTSPT_SEPT_CACHE_MIN);
}

static inline unsigned int sept_source_list_pages(void)
{
	return 0;
}

static inline struct page *sept_source_alloc(struct sept_source_vcpu *sept)
{
	void *spt = memory_cache_alloc(&sept->cache);

	return spt ? virt_to_page(spt) : NULL;
}

#endif /* EXTSPT_SEPT_SOURCE_KVM_CACHE_H */
