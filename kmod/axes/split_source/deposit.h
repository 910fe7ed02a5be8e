/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Yan Zhao, 2025-05-06: a pair is deposited for each private 2 MiB leaf when it is
 * mapped, as THP deposits page tables, so a split finds the guest's pair there.
 * The new S-EPT page's own pair is from a per-VM list. Deposits are made under
 * mmu_lock for read; the spinlock around them is inferred.
 */
#ifndef EXTSPT_SPLIT_SOURCE_DEPOSIT_H
#define EXTSPT_SPLIT_SOURCE_DEPOSIT_H

#include "lib/mlock.h"
#include "tdx/split_list.h"

struct split_source_vm {
	struct mspin lock;		/* the deposit */
	struct page_list deposit;
	struct page_list list;
};

static inline bool split_source_possible(void)
{
	return true;
}

#define split_source_init		split_source_init
static inline int split_source_init(void)
{
	return mlock_class_init(&extspt_split_lock_class, "deposit_lock", "spin");
}

static inline void split_source_exit(void)
{
	mlock_class_destroy(&extspt_split_lock_class);
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	spin_lock_init(&split->lock.lock);
	split->lock.class = &extspt_split_lock_class;
	split_list_init(&split->deposit, "deposit", &split->lock, pools);
	split_list_init(&split->list, "vm_pamt_cache", NULL, pools);
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
	page_list_drain(&split->list);
	page_list_drain(&split->deposit);
}

static inline bool split_source_ready(struct split_source_vm *split)
{
	return split_list_ready(&split->list);
}

static inline int split_source_topup(struct split_source_vm *split)
{
	return split_list_topup(&split->list);
}

#define split_source_guest_pair_back	split_source_guest_pair_back
static inline void split_source_guest_pair_back(struct split_source_vm *split,
						struct pamt_pair *pair)
{
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		page_list_add(&split->deposit, pair->page[i], 1);
}

#define split_source_leaf_map		split_source_leaf_map
static __always_inline int split_source_leaf_map(struct split_source_vm *split,
						 struct pamt_supply from)
{
	struct pamt_pair pair;
	int ret;

	ret = pamt_pair_take(&pair, from);
	if (!ret)
		split_source_guest_pair_back(split, &pair);
	return ret;
}

static inline void split_source_leaf_unmapped(struct split_source_vm *split)
{
	struct pamt_pair pair;

	if (!WARN_ON_ONCE(pamt_pair_from_list(&split->deposit, &pair)))
		pamt_pair_free(&pair);
}

static __always_inline struct pamt_supply split_source_sept_supply(struct split_source_vm *split,
								   struct page *sept)
{
	return pamt_list_supply(&split->list);
}

static __always_inline struct pamt_supply split_source_guest_supply(struct split_source_vm *split,
								    struct page *sept)
{
	return pamt_list_supply(&split->deposit);
}

#endif /* EXTSPT_SPLIT_SOURCE_DEPOSIT_H */
