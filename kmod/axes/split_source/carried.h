/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kai Huang, 2025-09-22 and 2026-01-21: the kvm_mmu_page of a split carries the
 * pair for the guest's 2 MiB (struct tdx_dpamt_metadata), made with it and freed
 * with it; there is no list. Here the pair hangs on the S-EPT page's list head.
 */
#ifndef EXTSPT_SPLIT_SOURCE_CARRIED_H
#define EXTSPT_SPLIT_SOURCE_CARRIED_H

#include <linux/list.h>
#include <linux/mm_types.h>

#include "tdx/pamt.h"

struct split_source_vm {
};

static inline bool split_source_possible(void)
{
	return true;
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
}

/* Whoever has an S-EPT page in hand has the pair. */
static inline bool split_source_ready(struct split_source_vm *split)
{
	return true;
}

static inline int split_source_topup(struct split_source_vm *split)
{
	return 0;
}

#define split_source_alloc		split_source_alloc
static inline struct page *split_source_alloc(struct split_source_vm *split)
{
	struct page *sept = pamt_install_sept_get(GFP_KERNEL_ACCOUNT);
	struct pamt_pair pair;
	int i;

	if (!sept)
		return NULL;
	if (pamt_pair_take(&pair, pamt_spot(GFP_KERNEL_ACCOUNT))) {
		pamt_install_sept_free(sept);
		return NULL;
	}
	INIT_LIST_HEAD(&sept->lru);
	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		list_add_tail(&pair.page[i]->lru, &sept->lru);
	return sept;
}

static inline int pamt_pair_from_sept(void *from, struct pamt_pair *pair)
{
	struct page *sept = from;
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++) {
		pair->page[i] = list_first_entry(&sept->lru, struct page, lru);
		list_del(&pair->page[i]->lru);
	}
	return 0;
}

#define split_source_free_unused	split_source_free_unused
static inline void split_source_free_unused(struct split_source_vm *split, struct page *sept)
{
	struct pamt_pair pair;

	/* Empty when the split was tried and the module refused it. */
	if (!list_empty(&sept->lru) && !pamt_pair_from_sept(sept, &pair))
		pamt_pair_free(&pair);
	pamt_install_sept_free(sept);
}

/* The S-EPT page has its own: it was made with it. */
static __always_inline struct pamt_supply split_source_sept_supply(struct split_source_vm *split,
								   struct page *sept)
{
	return pamt_no_supply();
}

static __always_inline struct pamt_supply split_source_guest_supply(struct split_source_vm *split,
								    struct page *sept)
{
	return (struct pamt_supply){ pamt_pair_from_sept, sept };
}

#endif /* EXTSPT_SPLIT_SOURCE_CARRIED_H */
