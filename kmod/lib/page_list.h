/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TDX's list of pages: struct tdx_prealloc of v4, struct tdx_pamt_cache of v6.
 * The pages themselves are the links, so it has no capacity; a topup fills to
 * the minimum. The per-VM list of the huge page series has a spinlock.
 *
 * The pages of a block come off the list one after the other.
 */
#ifndef EXTSPT_PAGE_LIST_H
#define EXTSPT_PAGE_LIST_H

#include <linux/list.h>
#include <linux/mm.h>

#include "lib/ledger.h"
#include "lib/mlock.h"

struct page_list {
	struct page_pool pool;		/* pool.nr is the number of pages */
	struct list_head pages;
	struct mspin *lock;		/* NULL: one user, or a lock further out */
	gfp_t gfp;
	unsigned int order;		/* of the blocks a topup allocates and splits up */
};

static inline void page_list_init(struct page_list *list, gfp_t gfp, struct mspin *lock)
{
	INIT_LIST_HEAD(&list->pages);
	list->lock = lock;
	list->gfp = gfp;
	list->order = 0;
}

static inline void page_list_lock(struct page_list *list)
	__acquires(list->lock)
{
	if (list->lock)
		mspin_lock(list->lock);
	else
		__acquire(list->lock);
}

static inline void page_list_unlock(struct page_list *list)
	__releases(list->lock)
{
	if (list->lock)
		mspin_unlock(list->lock);
	else
		__release(list->lock);
}

/* Never sleeps. */
static inline void page_list_add(struct page_list *list, struct page *block, unsigned int nr)
{
	page_list_lock(list);
	while (nr--) {
		list_add(&block[nr].lru, &list->pages);
		page_pool_added(&list->pool, block + nr);
	}
	page_list_unlock(list);
}

/* The rest of page_list_topup(): each block is enqueued under the list's lock. */
static inline int page_list_refill(struct page_list *list, unsigned int min, const char *site)
{
	unsigned int nr = 1U << list->order;
	struct page *block;

	extspt_count(COUNT_REFILLS);
	if (extspt_check_on())
		list->pool.limit = max(list->pool.limit, min + nr - 1);
	/* Not under the lock, as in the huge page series v3: nobody else fills the list. */
	while (READ_ONCE(list->pool.nr) < min) {
		block = __ledger_alloc_block(list->pool.class, list->pool.owner, list->gfp,
					     list->order, site);
		if (!block)
			return -ENOMEM;
		page_list_add(list, block, nr);
	}
	return 0;
}

/* No spinlock held; may sleep. 0 or -ENOMEM. */
static __always_inline int __page_list_topup(struct page_list *list, unsigned int min,
					     const char *site)
{
	return READ_ONCE(list->pool.nr) >= min ? 0 : page_list_refill(list, min, site);
}

#define page_list_topup(list, min)	__page_list_topup(list, min, __func__)

static inline struct page *page_list_del_first(struct page_list *list)
{
	struct page *page = list_first_entry_or_null(&list->pages, struct page, lru);

	if (!page || check_drained())
		return NULL;
	list_del(&page->lru);
	page_pool_taken(&list->pool, page);
	return page;
}

/* The list's lock is held. Never sleeps. NULL when empty. */
static inline struct page *page_list_take_held(struct page_list *list, enum page_class class)
{
	struct page *page;

	lockdep_assert_held(&list->lock->lock);
	page = page_list_del_first(list);
	if (page)
		ledger_assign(page, class);
	else
		custody_empty(&list->pool, class);
	return page;
}

/* Never sleeps. NULL when empty. */
static inline struct page *page_list_take(struct page_list *list, enum page_class class)
{
	struct page *page;

	page_list_lock(list);
	page = page_list_del_first(list);
	page_list_unlock(list);
	if (page)
		ledger_assign(page, class);
	else
		custody_empty(&list->pool, class);
	return page;
}

#define page_list_drain(list)	__page_list_drain(list, __func__)
static inline void __page_list_drain(struct page_list *list, const char *site)
{
	struct page *page;

	/* Zeroed: the creation of its owner ended before it was made. */
	if (!list->pages.next)
		return;
	while ((page = page_list_take(list, list->pool.class)))
		__ledger_free(page, list->pool.owner, site);
}

#endif /* EXTSPT_PAGE_LIST_H */
