/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Yan Zhao, 2026-01-19: count the leaves that cross the range's ends (two at most),
 * allocate for all of them beforehand, and never drop mmu_lock; the list needs no
 * lock of its own. The rest as in the huge page series v3.
 */
#ifndef EXTSPT_SPLIT_SOURCE_PREALLOC_ALL_H
#define EXTSPT_SPLIT_SOURCE_PREALLOC_ALL_H

#include "tdx/split_list.h"

struct split_source_vm {
	struct page_list list;
};

static inline bool split_source_possible(void)
{
	return true;
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	split_list_init(&split->list, "prealloc_split_cache", NULL, pools);
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
	page_list_drain(&split->list);
}

#define split_source_begin		split_source_begin
static inline int split_source_begin(struct split_source_vm *split, unsigned int nr_leaves)
{
	return page_list_topup(&split->list, nr_leaves * SPLIT_LIST_PAGES);
}

static inline void split_source_end(struct split_source_vm *split)
{
}

#define split_source_ahead		split_source_ahead
static inline bool split_source_ahead(void)
{
	return true;
}

static inline bool split_source_ready(struct split_source_vm *split)
{
	return split_list_ready(&split->list);
}

/* More leaves than were counted, which one conversion at a time does not see. */
static inline int split_source_topup(struct split_source_vm *split)
{
	return split_list_topup(&split->list);
}

#define split_source_alloc		split_source_alloc
static inline struct page *split_source_alloc(struct split_source_vm *split)
{
	return pamt_install_sept_get(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
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

#endif /* EXTSPT_SPLIT_SOURCE_PREALLOC_ALL_H */
