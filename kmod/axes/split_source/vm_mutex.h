/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A9: the S-EPT page is a plain KVM page; both PAMT pairs come from a per-VM
 * TDX list. A mutex is held from the topup until the split is done, so nobody
 * can drain the list while mmu_lock is dropped. The S-EPT page gets its pair
 * before the range is blocked, so that failing leaves the range usable (Yan
 * Zhao, 2026-02-10).
 */
#ifndef EXTSPT_SPLIT_SOURCE_VM_MUTEX_H
#define EXTSPT_SPLIT_SOURCE_VM_MUTEX_H

#include "lib/page_list.h"
#include "tdx/pamt.h"

#define SPLIT_LIST_PAGES	(CONFIG_EXTSPT_SPLIT_LIST_PAIRS * PAMT_PAIR_PAGES)
#define SPLIT_LIST_GFP		(IS_ENABLED(CONFIG_EXTSPT_SPLIT_LIST_ACCOUNT) ?	\
				 GFP_KERNEL_ACCOUNT : GFP_KERNEL)

struct split_source_vm {
	struct mmutex lock;		/* from before the topup until the split is done */
	struct page_list list;
};

static inline bool split_source_possible(void)
{
	return true;
}

static inline int split_source_init(void)
{
	return mlock_class_init(&extspt_split_lock_class, "split_cache_lock", "mutex");
}

static inline void split_source_exit(void)
{
	mlock_class_destroy(&extspt_split_lock_class);
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	mutex_init(&split->lock.lock);
	split->lock.class = &extspt_split_lock_class;
	page_pool_init(&split->list.pool, "vm_pamt_cache", CLASS_PAMT, OWNER_TDX, -1, pools);
	page_list_init(&split->list, SPLIT_LIST_GFP, NULL);
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
	page_list_drain(&split->list);
}

static inline void split_source_begin(struct split_source_vm *split)
{
	mmutex_lock(&split->lock);
}

static inline void split_source_end(struct split_source_vm *split)
{
	mmutex_unlock(&split->lock);
}

static inline bool split_source_ready(struct split_source_vm *split)
{
	lockdep_assert_held(&split->lock.lock);
	return !pamt_install_dynamic() || split->list.pool.nr >= SPLIT_LIST_PAGES;
}

static inline int split_source_topup(struct split_source_vm *split)
{
	lockdep_assert_held(&split->lock.lock);
	return pamt_install_dynamic() ? page_list_topup(&split->list, SPLIT_LIST_PAGES) : 0;
}

static inline struct page *split_source_alloc(struct split_source_vm *split)
{
	return ledger_alloc(CLASS_SEPT, OWNER_KVM, GFP_KERNEL_ACCOUNT);
}

static inline struct page_list *split_source_list(struct split_source_vm *split)
{
	return &split->list;
}

static inline bool split_source_pamt_before_block(void)
{
	return true;
}

#endif /* EXTSPT_SPLIT_SOURCE_VM_MUTEX_H */
