/* SPDX-License-Identifier: GPL-2.0-only */
/* Private memory is mapped with 4 KiB pages only; there is nothing to split. */
#ifndef EXTSPT_SPLIT_SOURCE_NONE_H
#define EXTSPT_SPLIT_SOURCE_NONE_H

#include <linux/bug.h>

#include "tdx/pamt.h"

struct split_source_vm {
};

static inline bool split_source_possible(void)
{
	return false;
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
}

/* Never reached: upstream has a KVM_BUG_ON() in its place. */
static inline bool split_source_ready(struct split_source_vm *split)
{
	WARN_ON_ONCE(1);
	return false;
}

static inline int split_source_topup(struct split_source_vm *split)
{
	return -EOPNOTSUPP;
}

#define split_source_alloc		split_source_alloc
static inline struct page *split_source_alloc(struct split_source_vm *split)
{
	return NULL;
}

static __always_inline struct pamt_supply split_source_sept_supply(struct split_source_vm *split,
								   struct page *sept)
{
	return pamt_no_supply();
}

static __always_inline struct pamt_supply split_source_guest_supply(struct split_source_vm *split,
								    struct page *sept)
{
	return pamt_no_supply();
}

#endif /* EXTSPT_SPLIT_SOURCE_NONE_H */
