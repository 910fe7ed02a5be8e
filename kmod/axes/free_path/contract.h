/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis free_path: who frees an S-EPT page, and when.
 */
#ifndef EXTSPT_FREE_PATH_CONTRACT_H
#define EXTSPT_FREE_PATH_CONTRACT_H

struct page;

/*
 * In the vendor op free_spt, after the module has given @page back: the pair's
 * reference is dropped here. Task context, mmu_lock held for read or write.
 * Returns NULL when TDX has freed the page (it took it from KVM), otherwise the
 * page, which KVM frees with free_path_rcu().
 */
static inline struct page *free_path_reclaimed(struct page *page);

/* KVM, in the RCU callback of the mirror page table: softirq, never sleeps. */
static inline void free_path_rcu(struct page *page);

/* KVM, for a page that lost its race and never was the module's. mmu_lock held. */
static inline void free_path_unused(struct page *page);

#endif /* EXTSPT_FREE_PATH_CONTRACT_H */
