/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TDX's per-VM list of PAMT pages for splits, as several choices of axis
 * split_source have it: kvm_tdx.prealloc_split_cache of the huge page series v3.
 */
#ifndef EXTSPT_TDX_SPLIT_LIST_H
#define EXTSPT_TDX_SPLIT_LIST_H

#include "lib/page_list.h"
#include "tdx/pamt.h"

/* tdx_min_split_cache_sz(); nothing with static PAMT. */
#define SPLIT_LIST_PAGES	(IS_ENABLED(CONFIG_EXTSPT_PAMT_COUNTED) ?	\
				 CONFIG_EXTSPT_SPLIT_LIST_PAIRS * PAMT_PAIR_PAGES : 0)
#define SPLIT_LIST_GFP		(IS_ENABLED(CONFIG_EXTSPT_SPLIT_LIST_ACCOUNT) ?	\
				 GFP_KERNEL_ACCOUNT : GFP_KERNEL)

static inline void split_list_init(struct page_list *list, const char *name, struct mspin *lock,
				   struct list_head *pools)
{
	page_pool_init(&list->pool, name, CLASS_PAMT, OWNER_TDX, -1, pools);
	page_list_init(list, SPLIT_LIST_GFP, lock);
	list->order = CONFIG_EXTSPT_SPLIT_LIST_ORDER;
}

static inline bool split_list_ready(struct page_list *list)
{
	return list->pool.nr >= SPLIT_LIST_PAGES;
}

/* Sleeps. 0 or -ENOMEM. */
static inline int split_list_topup(struct page_list *list)
{
	return page_list_topup(list, SPLIT_LIST_PAGES);
}

#endif /* EXTSPT_TDX_SPLIT_LIST_H */
