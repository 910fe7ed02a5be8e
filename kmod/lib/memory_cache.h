/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The twin of struct kvm_mmu_memory_cache (virt/kvm/kvm_main.c): an array of
 * objects per vCPU, filled while sleeping is allowed, emptied under mmu_lock.
 * KVM's own is not exported to other modules.
 */
#ifndef EXTSPT_MEMORY_CACHE_H
#define EXTSPT_MEMORY_CACHE_H

#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "lib/ledger.h"
#include "lib/stats.h"

/* KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE, arch/x86/include/asm/kvm_types.h. */
#define MEMORY_CACHE_CAPACITY	40

struct memory_cache {
	struct page_pool pool;		/* pool.nr is nobjs */
	unsigned int fill;		/* what a refill fills to */
	gfp_t gfp_zero;
	struct kmem_cache *kmem;	/* NULL: pages */
	void *objects[MEMORY_CACHE_CAPACITY];
};

static inline void *memory_cache_alloc_obj(struct memory_cache *mc, gfp_t gfp)
{
	struct page *page;

	gfp |= mc->gfp_zero;
	if (mc->kmem)
		return kmem_cache_alloc(mc->kmem, gfp);
	page = ledger_alloc(mc->pool.class, mc->pool.owner, gfp);
	return page ? page_address(page) : NULL;
}

static inline void memory_cache_free_obj(struct memory_cache *mc, void *obj)
{
	if (mc->kmem)
		kmem_cache_free(mc->kmem, obj);
	else
		ledger_free(virt_to_page(obj), mc->pool.owner);
}

/* No lock held; may sleep. -ENOMEM only when still below @min. */
static inline int memory_cache_topup(struct memory_cache *mc, unsigned int min)
{
	void *obj;

	if (mc->pool.nr >= min)
		return 0;
	extspt_count(COUNT_REFILLS);
	while (mc->pool.nr < mc->fill) {
		obj = memory_cache_alloc_obj(mc, GFP_KERNEL_ACCOUNT);
		if (!obj)
			return mc->pool.nr >= min ? 0 : -ENOMEM;
		mc->objects[mc->pool.nr] = obj;
		page_pool_grew(&mc->pool);
	}
	return 0;
}

/* Under mmu_lock; never sleeps. NULL where KVM's has a BUG_ON(). */
static inline void *memory_cache_alloc(struct memory_cache *mc)
{
	if (WARN_ON_ONCE(!mc->pool.nr))
		return memory_cache_alloc_obj(mc, GFP_ATOMIC | __GFP_ACCOUNT);
	return mc->objects[--mc->pool.nr];
}

static inline void memory_cache_drain(struct memory_cache *mc)
{
	while (mc->pool.nr)
		memory_cache_free_obj(mc, mc->objects[--mc->pool.nr]);
}

#endif /* EXTSPT_MEMORY_CACHE_H */
