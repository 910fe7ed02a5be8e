/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Huge page series v3 19-22/24: KVM allocates a zeroed, charged S-EPT page;
 * the PAMT pages come from kvm_tdx.prealloc_split_cache, whose topup drops
 * mmu_lock a second time and takes the list's spinlock for each page. Taking pages
 * off it, the spinlock is held over the PAMT.ADD and the DEMOTE they are for. It used
 * GFP_KERNEL (SPLIT_LIST_ACCOUNT=n), the second point of the NAK.
 */
#ifndef EXTSPT_SPLIT_SOURCE_VM_SPINLOCK_H
#define EXTSPT_SPLIT_SOURCE_VM_SPINLOCK_H

#include "lib/mlock.h"
#include "tdx/split_list.h"

struct split_source_vm {
	struct mspin lock;		/* the list, and what its pages are taken for */
	struct page_list list;
};

static inline bool split_source_possible(void)
{
	return true;
}

#define split_source_init		split_source_init
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
	split_list_init(&split->list, "prealloc_split_cache", &split->lock, pools);
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
	page_list_drain(&split->list);
}

/* need_topup_external_per_vm_split_cache(): mmu_lock for write does without the spinlock. */
static inline bool split_source_ready(struct split_source_vm *split)
{
	return split_list_ready(&split->list);
}

static inline int split_source_topup(struct split_source_vm *split)
{
	return split_list_topup(&split->list);
}

#define split_source_topup_apart	split_source_topup_apart
static inline bool split_source_topup_apart(void)
{
	return true;
}

#define split_source_alloc		split_source_alloc
static inline struct page *split_source_alloc(struct split_source_vm *split)
{
	return pamt_install_sept_get(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
}

#define split_source_take_begin		split_source_take_begin
static inline void split_source_take_begin(struct split_source_vm *split)
	__acquires(&split->lock.lock)
{
	mspin_lock(&split->lock);
}

static inline void split_source_take_end(struct split_source_vm *split)
	__releases(&split->lock.lock)
{
	mspin_unlock(&split->lock);
}

static __always_inline struct pamt_supply split_source_sept_supply(struct split_source_vm *split,
								   struct page *sept)
{
	return (struct pamt_supply){ pamt_pair_from_held_list, &split->list };
}

static __always_inline struct pamt_supply split_source_guest_supply(struct split_source_vm *split,
								    struct page *sept)
{
	return (struct pamt_supply){ pamt_pair_from_held_list, &split->list };
}

#endif /* EXTSPT_SPLIT_SOURCE_VM_SPINLOCK_H */
