/* SPDX-License-Identifier: GPL-2.0-only */
/* Private memory is mapped with 4 KiB pages only; there is nothing to split. */
#ifndef EXTSPT_SPLIT_SOURCE_NONE_H
#define EXTSPT_SPLIT_SOURCE_NONE_H

#include <linux/bug.h>

struct split_source_vm {
};

static inline bool split_source_possible(void)
{
	return false;
}

static inline int split_source_init(void)
{
	return 0;
}

static inline void split_source_exit(void)
{
}

static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools)
{
	return 0;
}

static inline void split_source_vm_destroy(struct split_source_vm *split)
{
}

static inline void split_source_begin(struct split_source_vm *split)
{
}

static inline void split_source_end(struct split_source_vm *split)
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

static inline struct page *split_source_alloc(struct split_source_vm *split)
{
	return NULL;
}

static inline struct page_list *split_source_list(struct split_source_vm *split)
{
	return NULL;
}

static inline bool split_source_pamt_before_block(void)
{
	return false;
}

#endif /* EXTSPT_SPLIT_SOURCE_NONE_H */
