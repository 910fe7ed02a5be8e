/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RFC v5 and its mend, A9: PAMT pairs come from a per-VM TDX list. A mutex is
 * held from the topup until the split is done, so nobody can drain the list while
 * mmu_lock is dropped. The S-EPT page gets its pair before the range is blocked,
 * so that failing leaves the range usable (Yan Zhao, 2026-02-10).
 */
#ifndef EXTSPT_SPLIT_SOURCE_VM_MUTEX_H
#define EXTSPT_SPLIT_SOURCE_VM_MUTEX_H

#include "lib/mlock.h"
#include "tdx/split_list.h"

struct split_source_vm {
	struct mmutex lock;		/* from before the topup until the split is done */
	struct page_list list;
};

static inline bool split_source_possible(void)
{
	return true;
}

#define split_source_init		split_source_init
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
	split_list_init(&split->list, "vm_pamt_cache", NULL, pools);
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
	page_list_drain(&split->list);
}

#define split_source_begin		split_source_begin
static inline int split_source_begin(struct split_source_vm *split, unsigned int nr_leaves)
{
	mmutex_lock(&split->lock);
	return 0;
}

static inline void split_source_end(struct split_source_vm *split)
{
	mmutex_unlock(&split->lock);
}

static inline bool split_source_ready(struct split_source_vm *split)
{
	lockdep_assert_held(&split->lock.lock);
	return split_list_ready(&split->list);
}

static inline int split_source_topup(struct split_source_vm *split)
{
	lockdep_assert_held(&split->lock.lock);
	return split_list_topup(&split->list);
}

#define split_source_pamt_before_block	split_source_pamt_before_block
static inline bool split_source_pamt_before_block(void)
{
	return true;
}

static __always_inline struct pamt_supply split_source_sept_supply(struct split_source_vm *split,
								   struct page *sept)
{
	return pamt_list_supply(&split->list);
}

static __always_inline struct pamt_supply split_source_guest_supply(struct split_source_vm *split,
								    struct page *sept)
{
	return pamt_list_supply(&split->list);
}

#endif /* EXTSPT_SPLIT_SOURCE_VM_MUTEX_H */
