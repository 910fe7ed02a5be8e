/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Huge page series v3 19-20/24: KVM allocates a zeroed, charged S-EPT page;
 * the PAMT pages come from kvm_tdx.prealloc_split_cache, whose topup drops
 * mmu_lock a second time and takes the list's spinlock for each page. It used
 * GFP_KERNEL (SPLIT_LIST_ACCOUNT=n), the second point of the NAK.
 */
#ifndef EXTSPT_SPLIT_SOURCE_VM_SPINLOCK_H
#define EXTSPT_SPLIT_SOURCE_VM_SPINLOCK_H

#include "lib/page_list.h"
#include "tdx/pamt.h"

#define SPLIT_LIST_PAGES	(CONFIG_EXTSPT_SPLIT_LIST_PAIRS * PAMT_PAIR_PAGES)
#define SPLIT_LIST_GFP		(IS_ENABLED(CONFIG_EXTSPT_SPLIT_LIST_ACCOUNT) ?	\
				 GFP_KERNEL_ACCOUNT : GFP_KERNEL)

struct split_source_vm {
	struct mspin lock;		/* the list, page by page */
	struct page_list list;
};

static inline bool split_source_possible(void)
{
	return true;
}

static inline int split_source_init(void)
{
	return mlock_class_init(&extspt_split_lock_class, "split_cache_lock", "spin");
}

static inline void split_source_exit(void)
{
	mlock_class_destroy(&extspt_split_lock_class);
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	spin_lock_init(&split->lock.lock);
	split->lock.class = &extspt_split_lock_class;
	page_pool_init(&split->list.pool, "prealloc_split_cache", CLASS_PAMT, OWNER_TDX, -1,
		       pools);
	page_list_init(&split->list, SPLIT_LIST_GFP, &split->lock);
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
	page_list_drain(&split->list);
}

static inline void split_source_begin(struct split_source_vm *split)
{
}

static inline void split_source_end(struct split_source_vm *split)
{
}

/* need_topup_external_per_vm_split_cache(): looked at under mmu_lock for write. */
static inline bool split_source_ready(struct split_source_vm *split)
{
	bool ready;

	mspin_lock(&split->lock);
	ready = split->list.pool.nr >= SPLIT_LIST_PAGES;
	mspin_unlock(&split->lock);
	return ready;
}

static inline int split_source_topup(struct split_source_vm *split)
{
	return page_list_topup(&split->list, SPLIT_LIST_PAGES);
}

static inline struct page *split_source_alloc(struct split_source_vm *split)
{
	return ledger_alloc(CLASS_SEPT, OWNER_KVM, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
}

static inline struct page_list *split_source_list(struct split_source_vm *split)
{
	return &split->list;
}

static inline bool split_source_pamt_before_block(void)
{
	return false;
}

#endif /* EXTSPT_SPLIT_SOURCE_VM_SPINLOCK_H */
