/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis split_source: the pages of a 2 MiB split, and what guards them.
 *
 *	split_source_begin()			may sleep
 *	  S-EPT page in hand, if split_source_ahead()
 *	  lock mmu_lock for write
 *	  while a 2 MiB leaf has to be split:
 *	    if no S-EPT page in hand or !split_source_ready():
 *	      drop mmu_lock
 *	      split_source_alloc() if no page in hand
 *	      split_source_topup(), unless a page was allocated just now and
 *	      split_source_topup_apart()
 *	      lock mmu_lock, look at the leaf again
 *	    vendor op split
 *	  unlock
 *	  split_source_free_unused() if a page is still in hand
 *	split_source_end()
 *
 * One conversion of a VM at a time; in KVM slots_lock sees to that.
 *
 * Included after the choice, which defines struct split_source_vm, the hooks
 * split_source_possible(), _vm_init(), _vm_destroy(), _ready(), _topup(),
 * _sept_supply() and _guest_supply(), and any of those below together with a
 * macro of the same name.
 */
#ifndef EXTSPT_SPLIT_SOURCE_CONTRACT_H
#define EXTSPT_SPLIT_SOURCE_CONTRACT_H

#include <linux/types.h>

#include "lib/ledger.h"
#include "tdx/pamt.h"

/* Whether this design can split at all; if not, it maps 4 KiB pages only. */
static inline bool split_source_possible(void);

/* VM creation and destruction. No lock; may sleep. 0 or -ENOMEM. */
static inline int split_source_vm_init(struct split_source_vm *split, struct list_head *pools);
static inline void split_source_vm_destroy(struct split_source_vm *split);

/* mmu_lock held for write: are the PAMT pages of one split there? */
static inline bool split_source_ready(struct split_source_vm *split);

/* mmu_lock dropped; may sleep. 0 or -ENOMEM. */
static inline int split_source_topup(struct split_source_vm *split);

/*
 * What a split takes the pair of its S-EPT page @sept from, and that of the
 * guest's 2 MiB. Not used with static PAMT. Never sleep.
 */
static __always_inline struct pamt_supply split_source_sept_supply(struct split_source_vm *split,
								   struct page *sept);
static __always_inline struct pamt_supply split_source_guest_supply(struct split_source_vm *split,
								    struct page *sept);

/* Module load and unload: lock classes. 0 or -ENOMEM; exit follows in any case. */
#ifndef split_source_init
static inline int split_source_init(void)
{
	return 0;
}

static inline void split_source_exit(void)
{
}
#endif

/*
 * Around the whole conversion, of which at most @nr_leaves have to be split. No
 * lock held; may sleep. 0 or -ENOMEM; end follows in any case.
 */
#ifndef split_source_begin
static inline int split_source_begin(struct split_source_vm *split, unsigned int nr_leaves)
{
	return 0;
}

static inline void split_source_end(struct split_source_vm *split)
{
}
#endif

/* Whether mmu_lock is taken again between allocating the S-EPT page and the topup. */
#ifndef split_source_topup_apart
static inline bool split_source_topup_apart(void)
{
	return false;
}
#endif

/* Whether S-EPT pages are allocated before mmu_lock is taken, so that it is never dropped. */
#ifndef split_source_ahead
static inline bool split_source_ahead(void)
{
	return false;
}
#endif

/* The new S-EPT page; no lock, or mmu_lock dropped; may sleep. The caller's until the split. */
#ifndef split_source_alloc
static inline struct page *split_source_alloc(struct split_source_vm *split)
{
	return pamt_install_sept_get(GFP_KERNEL_ACCOUNT);
}
#endif

/* There was nothing to split after all. mmu_lock may be held. */
#ifndef split_source_free_unused
static inline void split_source_free_unused(struct split_source_vm *split, struct page *sept)
{
	pamt_install_sept_free(sept);
}
#endif

/* Whether the new S-EPT page gets its pair before the range is blocked. */
#ifndef split_source_pamt_before_block
static inline bool split_source_pamt_before_block(void)
{
	return false;
}
#endif

/*
 * Around the get for the new S-EPT page, and around taking the guest's pair and
 * TDH.MEM.PAGE.DEMOTE. mmu_lock held for write; never sleep.
 */
#ifndef split_source_take_begin
static inline void split_source_take_begin(struct split_source_vm *split)
{
}

static inline void split_source_take_end(struct split_source_vm *split)
{
}
#endif

/* The guest's pair was taken, and the module did not want it. mmu_lock held for write. */
#ifndef split_source_guest_pair_back
static inline void split_source_guest_pair_back(struct split_source_vm *split,
						struct pamt_pair *pair)
{
	pamt_pair_free(pair);
}
#endif

/*
 * A fault is about to map a 2 MiB leaf; mmu_lock held for read; never sleeps.
 * 0, or -errno and nothing is held. Unmapped: it failed, or the leaf is gone;
 * any mode of mmu_lock.
 */
#ifndef split_source_leaf_map
static __always_inline int split_source_leaf_map(struct split_source_vm *split,
						 struct pamt_supply from)
{
	return 0;
}

static inline void split_source_leaf_unmapped(struct split_source_vm *split)
{
}
#endif

#endif /* EXTSPT_SPLIT_SOURCE_CONTRACT_H */
