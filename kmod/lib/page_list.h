/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TDX's list of pages: struct tdx_prealloc of v4, struct tdx_pamt_cache of v6.
 * The pages themselves are the links, so it has no capacity; a topup fills to
 * the minimum. The per-VM list of the huge page series has a spinlock.
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
};

static inline void page_list_init(struct page_list *list, gfp_t gfp, struct mspin *lock)
{
	INIT_LIST_HEAD(&list->pages);
	list->lock = lock;
	list->gfp = gfp;
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

/* No spinlock held; may sleep. Each page is enqueued under the list's lock. */
static inline int page_list_topup(struct page_list *list, unsigned int min)
{
	struct page *page;

	if (READ_ONCE(list->pool.nr) >= min)
		return 0;
	extspt_count(COUNT_REFILLS);
	while (READ_ONCE(list->pool.nr) < min) {
		page = ledger_alloc(list->pool.class, list->pool.owner, list->gfp);
		if (!page)
			return -ENOMEM;
		page_list_lock(list);
		list_add(&page->lru, &list->pages);
		page_pool_grew(&list->pool);
		page_list_unlock(list);
	}
	return 0;
}

/* Never sleeps. NULL when empty. */
static inline struct page *page_list_take(struct page_list *list, enum page_class class)
{
	struct page *page;

	page_list_lock(list);
	page = list_first_entry_or_null(&list->pages, struct page, lru);
	if (page) {
		list_del(&page->lru);
		list->pool.nr--;
	}
	page_list_unlock(list);
	if (page)
		ledger_assign(page, class);
	return page;
}

static inline void page_list_drain(struct page_list *list)
{
	struct page *page;

	while ((page = page_list_take(list, list->pool.class)))
		ledger_free(page, list->pool.owner);
}

#endif /* EXTSPT_PAGE_LIST_H */
