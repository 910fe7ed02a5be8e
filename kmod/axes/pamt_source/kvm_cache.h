/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second kvm_mmu_memory_cache per vCPU: vcpu->arch.pamt_page_cache of v1 and
 * v2, which KVM fills to its capacity of 40 when it is below 10. When it is empty:
 * a WARN and GFP_ATOMIC, as for any of KVM's caches.
 */
#ifndef EXTSPT_PAMT_SOURCE_KVM_CACHE_H
#define EXTSPT_PAMT_SOURCE_KVM_CACHE_H

#include "lib/memory_cache.h"
#include "tdx/pamt.h"

struct pamt_source_vcpu {
	struct memory_cache cache;
};

static inline int pamt_source_vcpu_init(struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools)
{
	page_pool_init(&pamt->cache.pool, "pamt_page_cache", CLASS_PAMT,
		       IS_ENABLED(CONFIG_EXTSPT_PAMT_CACHE_TDX) ? OWNER_TDX : OWNER_KVM,
		       vcpu, pools);
	pamt->cache.fill = CONFIG_EXTSPT_PAMT_CACHE_FILL;
	return 0;
}

static inline void pamt_source_vcpu_destroy(struct pamt_source_vcpu *pamt)
{
	memory_cache_drain(&pamt->cache);
}

static inline int pamt_source_kvm_topup(struct pamt_source_vcpu *pamt)
{
	if (IS_ENABLED(CONFIG_EXTSPT_PAMT_CACHE_TDX))
		return 0;
	return memory_cache_topup(&pamt->cache, CONFIG_EXTSPT_PAMT_CACHE_MIN);
}

static inline bool pamt_source_wants_topup(void)
{
	return IS_ENABLED(CONFIG_EXTSPT_PAMT_CACHE_TDX);
}

static inline int pamt_source_topup(struct pamt_source_vcpu *pamt, unsigned int extra)
{
	return memory_cache_topup(&pamt->cache, CONFIG_EXTSPT_PAMT_CACHE_MIN);
}

static __always_inline struct pamt_supply pamt_source_supply(struct pamt_source_vcpu *pamt)
{
	return (struct pamt_supply){ pamt_pair_from_cache, &pamt->cache };
}

#endif /* EXTSPT_PAMT_SOURCE_KVM_CACHE_H */
