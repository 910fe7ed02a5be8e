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
	/* RFC v5: how pages are made and freed; NULL: plain pages. May fail. */
	struct page *(*page_get)(gfp_t gfp);
	void (*page_free)(struct page *page);
	void *objects[MEMORY_CACHE_CAPACITY];
};

/* The page that is, or holds, an object; NULL for what comes from slab. */
static inline struct page *memory_cache_page(const struct memory_cache *mc, void *obj)
{
	return mc->kmem ? NULL : virt_to_page(obj);
}

static inline void *memory_cache_alloc_obj(struct memory_cache *mc, gfp_t gfp, const char *site)
{
	struct page *page;

	gfp |= mc->gfp_zero;
	if (mc->kmem)
		return ledger_object_alloc(mc->kmem, gfp, site);
	page = mc->page_get ? mc->page_get(gfp) :
			      __ledger_alloc(mc->pool.class, mc->pool.owner, gfp, site);
	return page ? page_address(page) : NULL;
}

static inline void memory_cache_free_obj(struct memory_cache *mc, void *obj, const char *site)
{
	if (mc->kmem)
		ledger_object_free(mc->kmem, obj);
	else if (mc->page_free)
		mc->page_free(virt_to_page(obj));
	else
		__ledger_free(virt_to_page(obj), mc->pool.owner, site);
}

/* In a checked run only: KVM's own trusts its numbers. */
static inline bool memory_cache_full(struct memory_cache *mc)
{
	if (!extspt_check_on() || mc->pool.nr < MEMORY_CACHE_CAPACITY)
		return false;
	custody_overfill(&mc->pool);
	return true;
}

/* The rest of memory_cache_topup(). -ENOMEM only when still below @min. */
static inline int memory_cache_refill(struct memory_cache *mc, unsigned int min, const char *site)
{
	void *obj;

	extspt_count(COUNT_REFILLS);
	while (mc->pool.nr < mc->fill && !memory_cache_full(mc)) {
		obj = memory_cache_alloc_obj(mc, GFP_KERNEL_ACCOUNT, site);
		if (!obj)
			return mc->pool.nr >= min ? 0 : -ENOMEM;
		mc->objects[mc->pool.nr] = obj;
		page_pool_added(&mc->pool, memory_cache_page(mc, obj));
	}
	return 0;
}

/* No lock held; may sleep. 0 or -ENOMEM. */
static __always_inline int __memory_cache_topup(struct memory_cache *mc, unsigned int min,
						const char *site)
{
	return mc->pool.nr >= min ? 0 : memory_cache_refill(mc, min, site);
}

#define memory_cache_topup(mc, min)	__memory_cache_topup(mc, min, __func__)

/* Under mmu_lock; never sleeps. NULL where KVM's has a BUG_ON(). */
#define memory_cache_alloc(mc)	__memory_cache_alloc(mc, __func__)
static inline void *__memory_cache_alloc(struct memory_cache *mc, const char *site)
{
	void *obj;

	if (WARN_ON_ONCE(!mc->pool.nr) || check_drained()) {
		custody_empty(&mc->pool, mc->pool.class);
		return memory_cache_alloc_obj(mc, GFP_ATOMIC | __GFP_ACCOUNT, site);
	}
	obj = mc->objects[mc->pool.nr - 1];
	page_pool_taken(&mc->pool, memory_cache_page(mc, obj));
	return obj;
}

#define memory_cache_drain(mc)	__memory_cache_drain(mc, __func__)
static inline void __memory_cache_drain(struct memory_cache *mc, const char *site)
{
	void *obj;

	while (mc->pool.nr) {
		obj = mc->objects[mc->pool.nr - 1];
		page_pool_taken(&mc->pool, memory_cache_page(mc, obj));
		memory_cache_free_obj(mc, obj, site);
	}
}

#endif /* EXTSPT_MEMORY_CACHE_H */
