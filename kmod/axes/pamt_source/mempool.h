/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dave Hansen, 2025-09-26: a mempool_t per vCPU, its reserve as large as the worst
 * fault. It asks the page allocator first, without sleeping, and falls back on
 * the reserve, which nothing tops up. The flags are inferred: a mempool's own
 * reserve is not charged, so neither is the rest.
 */
#ifndef EXTSPT_PAMT_SOURCE_MEMPOOL_H
#define EXTSPT_PAMT_SOURCE_MEMPOOL_H

#include <linux/mempool.h>

#include "lib/ledger.h"
#include "tdx/pamt.h"

struct pamt_source_vcpu {
	mempool_t reserve;
	struct page_pool pool;
};

static inline void *pamt_pool_alloc(gfp_t gfp, void *data)
{
	return ledger_alloc(CLASS_PAMT, OWNER_TDX, gfp);
}

/* Only of the reserve, at the end or half-way to it: pairs are freed as any others. */
static inline void pamt_pool_free(void *page, void *data)
{
	struct page_pool *pool = data;

	if (pool->nr)
		page_pool_taken(pool, page);
	ledger_free(page, OWNER_TDX);
}

static inline int pamt_source_vcpu_init(struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools)
{
	int i, ret;

	page_pool_init(&pamt->pool, "pamt_mempool", CLASS_PAMT, OWNER_TDX, vcpu, pools);
	ret = mempool_init(&pamt->reserve, CONFIG_EXTSPT_PAMT_POOL_PAGES, pamt_pool_alloc,
			   pamt_pool_free, &pamt->pool);
	for (i = 0; !ret && i < CONFIG_EXTSPT_PAMT_POOL_PAGES; i++)
		page_pool_added(&pamt->pool, pamt->reserve.elements[i]);
	return ret;
}

/* Also of a pool that was never made. */
static inline void pamt_source_vcpu_destroy(struct pamt_source_vcpu *pamt)
{
	mempool_exit(&pamt->reserve);
}

static inline int pamt_source_kvm_topup(struct pamt_source_vcpu *pamt)
{
	return 0;
}

static inline bool pamt_source_wants_topup(void)
{
	return false;
}

static inline int pamt_source_topup(struct pamt_source_vcpu *pamt, unsigned int extra)
{
	return 0;
}

/* Out of the reserve when that has shrunk. */
static inline struct page *pamt_pool_take(struct pamt_source_vcpu *pamt)
{
	int reserve = pamt->reserve.curr_nr;
	struct page *page = NULL;

	if (!check_drained())
		page = mempool_alloc(&pamt->reserve, GFP_NOWAIT);
	if (!page)
		custody_empty(&pamt->pool, CLASS_PAMT);
	else if (pamt->reserve.curr_nr < reserve)
		page_pool_taken(&pamt->pool, page);
	return page;
}

static inline int pamt_pair_from_mempool(void *from, struct pamt_pair *pair)
{
	struct pamt_source_vcpu *pamt = from;
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		pair->page[i] = pamt_pool_take(pamt);
	return pamt_pair_complete(pair);
}

static __always_inline struct pamt_supply pamt_source_supply(struct pamt_source_vcpu *pamt)
{
	return (struct pamt_supply){ pamt_pair_from_mempool, pamt };
}

#endif /* EXTSPT_PAMT_SOURCE_MEMPOOL_H */
