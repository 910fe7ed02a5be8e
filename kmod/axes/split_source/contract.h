/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis split_source: the pages of a 2 MiB split, and what guards them.
 *
 *	split_source_begin()			may sleep
 *	  lock mmu_lock for write
 *	  while a 2 MiB leaf has to be split:
 *	    if no S-EPT page in hand or !split_source_ready():
 *	      drop mmu_lock
 *	      split_source_alloc() if no page in hand; split_source_topup()
 *	      lock mmu_lock, look at the leaf again
 *	    vendor op split
 *	  unlock
 *	split_source_end()
 *
 * A choice defines struct split_source_vm and the hooks below.
 */
#ifndef EXTSPT_SPLIT_SOURCE_CONTRACT_H
#define EXTSPT_SPLIT_SOURCE_CONTRACT_H

#include <linux/types.h>

struct list_head;
struct mlock_class;
struct page;
struct page_list;
struct split_source_vm;

/* For the lock of a choice that has one; lives in tdx/ops.c. */
extern struct mlock_class extspt_split_lock_class;

/* Whether this design can split at all; if not, it maps 4 KiB pages only. */
static inline bool split_source_possible(void);

/* Module load and unload: lock classes. 0 or -ENOMEM; exit follows in any case. */
static inline int split_source_init(void);
static inline void split_source_exit(void);

/* VM creation and destruction. No lock; may sleep. 0 or -ENOMEM. */
static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools);
static inline void split_source_vm_destroy(struct split_source_vm *split);

/* Around the whole conversion. No lock held; may sleep. */
static inline void split_source_begin(struct split_source_vm *split);
static inline void split_source_end(struct split_source_vm *split);

/* mmu_lock held for write: are the PAMT pages of one split there? */
static inline bool split_source_ready(struct split_source_vm *split);

/* mmu_lock dropped; may sleep. 0 or -ENOMEM. */
static inline int split_source_topup(struct split_source_vm *split);

/* The new S-EPT page, mmu_lock dropped; may sleep. The caller's until the split. */
static inline struct page *split_source_alloc(struct split_source_vm *split);

/* What the split takes PAMT pages from; NULL with static PAMT. */
static inline struct page_list *split_source_list(struct split_source_vm *split);

/* Whether the new S-EPT page gets its pair before the range is blocked. */
static inline bool split_source_pamt_before_block(void);

#endif /* EXTSPT_SPLIT_SOURCE_CONTRACT_H */
