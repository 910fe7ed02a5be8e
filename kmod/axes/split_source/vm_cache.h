/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Huge page RFC v2 21-22/23, 2025-08-07: a kvm_mmu_memory_cache per VM in KVM's core
 * (kvm->arch.pamt_page_cache) holds the PAMT pages of splits. Its minimum is two pairs,
 * a refill fills it, mmu_lock is dropped a second time for that; no other lock guards it.
 */
#ifndef EXTSPT_SPLIT_SOURCE_VM_CACHE_H
#define EXTSPT_SPLIT_SOURCE_VM_CACHE_H

#include "lib/memory_cache.h"
#include "tdx/pamt.h"

struct split_source_vm {
	struct memory_cache cache;
};

static inline bool split_source_possible(void)
{
	return true;
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	page_pool_init(&split->cache.pool, "vm_split_cache", CLASS_PAMT, OWNER_KVM, -1, pools);
	split->cache.fill = CONFIG_EXTSPT_SPLIT_CACHE_FILL;
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
	memory_cache_drain(&split->cache);
}

static inline bool split_source_ready(struct split_source_vm *split)
{
	return split->cache.pool.nr >= CONFIG_EXTSPT_SPLIT_CACHE_MIN;
}

static inline int split_source_topup(struct split_source_vm *split)
{
	return memory_cache_topup(&split->cache, CONFIG_EXTSPT_SPLIT_CACHE_MIN);
}

#define split_source_topup_apart	split_source_topup_apart
static inline bool split_source_topup_apart(void)
{
	return true;
}

static __always_inline struct pamt_supply split_source_sept_supply(struct split_source_vm *split,
								   struct page *sept)
{
	return (struct pamt_supply){ pamt_pair_from_cache, &split->cache };
}

static __always_inline struct pamt_supply split_source_guest_supply(struct split_source_vm *split,
								    struct page *sept)
{
	return (struct pamt_supply){ pamt_pair_from_cache, &split->cache };
}

#endif /* EXTSPT_SPLIT_SOURCE_VM_CACHE_H */
