/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dynamic PAMT: reference counts per 2 MiB of host memory and the pair of
 * pages behind a count that is not zero. Who guards a count is axis pamt_lock.
 */
#ifndef EXTSPT_TDX_PAMT_H
#define EXTSPT_TDX_PAMT_H

#include <linux/atomic.h>
#include <linux/io.h>
#include <linux/mm.h>

struct mlock_class;
struct mspin;
struct page_list;

/* 16 bytes for each of 512 pages: TDX_DPAMT_ENTRY_PAGE_CNT of v6. */
#define PAMT_PAIR_PAGES		2

struct pamt_pair {
	struct page *page[PAMT_PAIR_PAGES];
};

/* Flat array over 0..max_pfn, as v6 has it. */
extern atomic_t *extspt_pamt_refcounts;
/* The one global lock of L1 and L2. */
extern struct mspin extspt_pamt_lock;

static inline atomic_t *pamt_refs(struct page *page)
{
	return &extspt_pamt_refcounts[page_to_phys(page) / PMD_SIZE];
}

int pamt_refcounts_init(void);
void pamt_refcounts_exit(void);
/* Ranges that still have a reference; 0 when no TD is left. */
unsigned int pamt_refcounts_live(void);

int pamt_global_lock_init(void);
void pamt_global_lock_exit(void);

/* Both pages or none. 0 or -ENOMEM; never sleeps. */
int pamt_pair_take(struct pamt_pair *pair, struct page_list *list);
/* The pair was not needed, or has come back: TDX frees it. */
void pamt_pair_free(struct pamt_pair *pair);
/* 0, or -EBUSY or -EIO and the pair is still the caller's. */
int pamt_pair_install(struct page *range, struct pamt_pair *pair);
/* 0 and the pair is the caller's; -EIO and it is the module's for good. */
int pamt_pair_remove(struct page *range, struct pamt_pair *pair);
/* The range was split: 512 pages of it are the TD's, all behind one pair. */
void pamt_split_refs(struct page *range);

#endif /* EXTSPT_TDX_PAMT_H */
