/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis sept_source: whose pages become S-EPT page tables on the fault path.
 *
 * A choice defines struct sept_source_vcpu (a page_pool in it for every place
 * where pages wait) and the hooks below, all static inline.
 */
#ifndef EXTSPT_SEPT_SOURCE_CONTRACT_H
#define EXTSPT_SEPT_SOURCE_CONTRACT_H

struct list_head;
struct page;
struct pamt_source_vcpu;
struct sept_source_vcpu;

/* vCPU creation. No lock; may sleep. 0 or -ENOMEM; destroy follows in any case. */
static inline int sept_source_vcpu_init(struct sept_source_vcpu *sept,
					struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools);

/*
 * vCPU destruction, after its last fault. Frees what is parked. Where the creation
 * failed before its turn, @sept is all zero.
 */
static inline void sept_source_vcpu_destroy(struct sept_source_vcpu *sept);

/* Before a fault. No lock; may sleep. -ENOMEM when below what a fault needs. */
static inline int sept_source_topup(struct sept_source_vcpu *sept);

/* Whether it replaces what faults take; else a vCPU lasts for so many of them. */
static inline bool sept_source_refills(void);

/* S-EPT pages that TDX's list has to hold besides its PAMT pages. */
static inline unsigned int sept_source_list_pages(void);

/*
 * In a fault, mmu_lock held for read and in RCU; never sleeps. The page is the
 * caller's: it goes to the TDX module (link) or to free_path_unused(). NULL
 * makes the fault fail with -ENOMEM.
 */
static inline struct page *sept_source_alloc(struct sept_source_vcpu *sept);

#endif /* EXTSPT_SEPT_SOURCE_CONTRACT_H */
