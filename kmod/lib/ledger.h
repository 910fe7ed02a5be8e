/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Custody of pages: every page a design allocates or frees goes through here,
 * so that who allocated it, who was charged and who freed it can be compared.
 *
 * A page belongs to the subsystem that allocated it until that subsystem hands
 * it over in so many words: free_external_spt() of 7.2 takes the page from KVM
 * and clears sp->external_spt, so TDX freeing it is no asymmetry. A page that
 * is freed by a subsystem it does not belong to is counted as cross-freed.
 */
#ifndef EXTSPT_LEDGER_H
#define EXTSPT_LEDGER_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/slab.h>

#include "lib/custody.h"
#include "lib/inject.h"
#include "lib/page_class.h"

/* Pages by class and by the subsystem that allocated them. */
struct ledger_line {
	u64 allocated, freed, charged, uncharged, charged_live;
	u64 atomic_fallback, cross_freed, handed_over, peak;
};

static inline void page_pool_init(struct page_pool *pool, const char *name,
				  enum page_class class, enum page_owner owner,
				  int vcpu, struct list_head *pools)
{
	pool->name = name;
	pool->class = class;
	pool->owner = owner;
	pool->vcpu = vcpu;
	pool->nr = 0;
	pool->peak = 0;
	pool->limit = 0;
	list_add_tail(&pool->node, pools);
}

/* @page waits in @pool from here on; NULL for an object that is no page. */
static inline void page_pool_added(struct page_pool *pool, struct page *page)
{
	if (++pool->nr > pool->peak)
		pool->peak = pool->nr;
	custody_cached(pool, page);
}

static inline void page_pool_taken(struct page_pool *pool, struct page *page)
{
	custody_taken(pool, page);
	pool->nr--;
}

struct page *__ledger_alloc(enum page_class class, enum page_owner owner, gfp_t gfp,
			    const char *site);
#define ledger_alloc(class, owner, gfp)	__ledger_alloc(class, owner, gfp, __func__)
/* 2^@order pages in a row, each of them on the ledger as one of its own. */
struct page *__ledger_alloc_block(enum page_class class, enum page_owner owner, gfp_t gfp,
				  unsigned int order, const char *site);
void __ledger_free(struct page *page, enum page_owner freer, const char *site);
#define ledger_free(page, freer)	__ledger_free(page, freer, __func__)
void ledger_assign(struct page *page, enum page_class class);
void ledger_hand_over(struct page *page, enum page_owner to);

/*
 * The entry of a page is its page->private. A user that needs that word for
 * itself keeps the entry elsewhere meanwhile, as KVM's MMU with a page table.
 */
unsigned long ledger_detach(struct page *page);
void ledger_attach(struct page *page, unsigned long entry);

/* Objects that are no pages: not on the ledger, but they may fail and be missed. */
static inline void *ledger_object_alloc(struct kmem_cache *cache, gfp_t gfp, const char *site)
{
	void *object = inject_fails(INJECT_ALLOC, site) ? NULL : kmem_cache_alloc(cache, gfp);

	if (object)
		custody_object(1);
	return object;
}

static inline void ledger_object_free(struct kmem_cache *cache, void *object)
{
	custody_object(-1);
	kmem_cache_free(cache, object);
}

int ledger_init(void);
void ledger_exit(void);
void ledger_reset(void);
void ledger_read(enum page_class class, enum page_owner owner, struct ledger_line *line);
unsigned int ledger_errors(void);

#endif /* EXTSPT_LEDGER_H */
