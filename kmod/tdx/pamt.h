/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dynamic PAMT: reference counts per 2 MiB of host memory and the pair of
 * pages behind a count that is not zero. Who guards a count is axis pamt_lock.
 */
#ifndef EXTSPT_TDX_PAMT_H
#define EXTSPT_TDX_PAMT_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>

struct mlock_class;
struct mrwlock;
struct mspin;
struct page_list;

/* 16 bytes for each of 512 pages: TDX_DPAMT_ENTRY_PAGE_CNT of v6. */
#define PAMT_PAIR_PAGES		2

struct pamt_pair {
	struct page *page[PAMT_PAIR_PAGES];
};

/*
 * Where a pair comes from. Passed by value through inline functions with @take
 * constant, so which source it is costs nothing: v2's alloc callback and its data.
 * @take: both pages or none; 0 or -ENOMEM.
 */
struct pamt_supply {
	int (*take)(void *from, struct pamt_pair *pair);
	void *from;
};

/* Flat array over 0..max_pfn, as v6 has it. */
extern atomic_t *extspt_pamt_refcounts;
/* The locks of axis pamt_lock: the one global one, or as many as a choice asks for. */
extern struct mspin extspt_pamt_lock;
extern struct mspin *extspt_pamt_locks;
extern struct mrwlock *extspt_pamt_rwlocks;
/* For a choice of axis split_source that guards its pages; lives in tdx/ops.c. */
extern struct mlock_class extspt_split_lock_class;

/* Number of the 2 MiB that @page lies in. */
static inline unsigned long pamt_range(struct page *page)
{
	return page_to_phys(page) / PMD_SIZE;
}

static inline atomic_t *pamt_refs(struct page *page)
{
	return &extspt_pamt_refcounts[pamt_range(page)];
}

/* Ranges there are, up to max_pfn. */
unsigned long pamt_nr_ranges(void);

int pamt_refcounts_init(void);
void pamt_refcounts_exit(void);
/* Ranges that still have a reference; 0 when no TD is left. */
unsigned int pamt_refcounts_live(void);

/* Module load and unload. 0 or -ENOMEM; the exit follows in any case. */
int pamt_global_lock_init(void);
void pamt_global_lock_exit(void);
int pamt_locks_init(unsigned long nr);
void pamt_locks_exit(void);
int pamt_rwlocks_init(unsigned long nr);
void pamt_rwlocks_exit(void);

static __always_inline int pamt_pair_take(struct pamt_pair *pair, struct pamt_supply from)
{
	return from.take(from.from, pair);
}

/* For supplies: both pages, or none and -ENOMEM; then a single one is freed. */
int pamt_pair_complete(struct pamt_pair *pair);

/* Supplies. A struct page_list; a struct memory_cache; a gfp_t: the page allocator itself. */
int pamt_pair_from_list(void *list, struct pamt_pair *pair);
int pamt_pair_from_held_list(void *list, struct pamt_pair *pair);	/* its lock is held */
int pamt_pair_from_cache(void *cache, struct pamt_pair *pair);
int pamt_pair_from_allocator(void *gfp, struct pamt_pair *pair);

static __always_inline struct pamt_supply pamt_list_supply(struct page_list *list)
{
	return (struct pamt_supply){ pamt_pair_from_list, list };
}

/* For a get that cannot need a pair. */
static __always_inline struct pamt_supply pamt_no_supply(void)
{
	return (struct pamt_supply){ NULL, NULL };
}

/* Sleeps if @gfp does. */
static __always_inline struct pamt_supply pamt_spot(gfp_t gfp)
{
	return (struct pamt_supply){ pamt_pair_from_allocator, (void *)(__force unsigned long)gfp };
}

/* The pair was not needed, or has come back: TDX frees it. */
void pamt_pair_free(struct pamt_pair *pair);
/*
 * 0, or the pair is still the caller's: -EBUSY; -EEXIST, the range has one
 * (HPA_RANGE_NOT_FREE); -EIO.
 */
int pamt_pair_install(struct page *range, struct pamt_pair *pair);
/*
 * 0 and the pair is the caller's, or it is still the module's: -EBUSY; -ENOENT,
 * the range has none; -EIO.
 */
int pamt_pair_remove(struct page *range, struct pamt_pair *pair);
/* The range was split: 512 pages of it are the TD's, all behind one pair. */
void pamt_split_refs(struct page *range);

/*
 * Every range of memory gets its pair, once there is a TD, and loses it with the
 * last one. No lock held; may sleep. 0, -ENOMEM or -EIO.
 */
int pamt_all_add(void);
void pamt_all_remove(void);

#endif /* EXTSPT_TDX_PAMT_H */
