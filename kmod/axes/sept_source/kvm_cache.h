/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's cache: vcpu->arch.mmu_external_spt_cache of Linux 7.2, plain pages,
 * not zeroed since the TDX module initialises them and KVM never reads them.
 * Where S-EPT pages come with their PAMT pair, page_get() and page_free() of the
 * cache are TDX's, as pointers (RFC v5).
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
	page_pool_init(&sept->cache.pool, "external_spt_cache", CLASS_SEPT,
		       PAMT_INSTALL_SEPT_OWNER, vcpu, pools);
	sept->cache.fill = CONFIG_EXTSPT_SEPT_CACHE_FILL;
	if (IS_ENABLED(CONFIG_EXTSPT_PAMT_WITH_SEPT)) {
		sept->cache.page_get = pamt_install_sept_get;
		sept->cache.page_free = pamt_install_sept_free;
	}
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

static inline bool sept_source_refills(void)
{
	return true;
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
