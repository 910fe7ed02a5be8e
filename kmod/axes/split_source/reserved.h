/* SPDX-License-Identifier: GPL-2.0-only */
/* The floor: pages set aside at VM creation, for S-EPT tables and, where there are some, pairs. */
#ifndef EXTSPT_SPLIT_SOURCE_RESERVED_H
#define EXTSPT_SPLIT_SOURCE_RESERVED_H

#include "lib/page_list.h"
#include "tdx/pamt.h"

struct split_source_vm {
	struct page_list list;
};

static inline bool split_source_possible(void)
{
	return true;
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	page_pool_init(&split->list.pool, "reserved", CLASS_SEPT, OWNER_KVM, -1, pools);
	page_list_init(&split->list, GFP_KERNEL_ACCOUNT, NULL);
	return page_list_topup(&split->list, CONFIG_EXTSPT_SPLIT_RESERVED_PAGES);
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
	page_list_drain(&split->list);
}

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
	return page_list_take(&split->list, CLASS_SEPT);
}

#define split_source_pamt_before_block	split_source_pamt_before_block
static inline bool split_source_pamt_before_block(void)
{
	return true;
}

/* The pages are KVM's; who has the pair frees it, which is TDX. */
static inline int pamt_pair_from_reserve(void *list, struct pamt_pair *pair)
{
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++) {
		pair->page[i] = page_list_take(list, CLASS_PAMT);
		if (pair->page[i])
			ledger_hand_over(pair->page[i], OWNER_TDX);
	}
	return pamt_pair_complete(pair);
}

static __always_inline struct pamt_supply split_source_sept_supply(struct split_source_vm *split,
								   struct page *sept)
{
	return (struct pamt_supply){ pamt_pair_from_reserve, &split->list };
}

static __always_inline struct pamt_supply split_source_guest_supply(struct split_source_vm *split,
								    struct page *sept)
{
	return (struct pamt_supply){ pamt_pair_from_reserve, &split->list };
}

#endif /* EXTSPT_SPLIT_SOURCE_RESERVED_H */
