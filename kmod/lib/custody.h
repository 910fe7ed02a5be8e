/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Custody, page by page: in a checked run every page is followed from its
 * allocation through caches and the TDX module to its end. What comes out is
 * flows, one for each way that pages went and with how many did, and errors,
 * each of them certain.
 *
 * Does nothing in a run that is timed. Any context.
 */
#ifndef EXTSPT_CUSTODY_H
#define EXTSPT_CUSTODY_H

#include <linux/gfp.h>

#include "lib/checked.h"
#include "lib/page_class.h"

struct page;
struct seq_file;

enum custody_error {
	CUSTODY_LEAK,			/* still there when the VM is gone */
	CUSTODY_FREED_UNSEEN,		/* the page allocator had it again, the ledger did not */
	CUSTODY_DOUBLE_FREE,
	CUSTODY_FREED_WHILE_CACHED,
	CUSTODY_FREED_WHILE_OWNED,	/* by the TDX module */
	CUSTODY_IN_TWO_CACHES,
	CUSTODY_TWO_USERS,		/* out of a cache, though it was out already */
	CUSTODY_USED_AFTER_FREE,	/* cached, taken or given away after it was freed */
	CUSTODY_GIVEN_WHILE_CACHED,
	CUSTODY_GIVEN_TWICE,		/* to the TDX module, which has it already */
	CUSTODY_UNKNOWN_PAGE,		/* not allocated through the ledger */
	CUSTODY_WRONG_OWNER,		/* in a cache of a subsystem it does not belong to */
	CUSTODY_NOT_RETURNED,		/* in a cache whose vCPU or VM is gone */
	CUSTODY_OVERFILL,		/* more in a cache than it is to hold */
	CUSTODY_UNDERFLOW,		/* more taken out of a cache than were in it */
	NR_CUSTODY_ERRORS
};

/* Process context, before a checked run. 0 or -ENOMEM. */
int custody_begin(void);
/* No VM is left: what is still out is leaked. Returns the number of errors. */
u64 custody_end(void);
void custody_exit(void);
/* "custody":{...} of the last checked run. */
void custody_show(struct seq_file *m);

void __custody_alloc(struct page *page, enum page_class class, enum page_owner owner, gfp_t gfp,
		     const char *site);
bool __custody_free(struct page *page, enum page_owner freer, const char *site);
void __custody_assign(struct page *page, enum page_class class);
void __custody_hand_over(struct page *page, enum page_owner to);
void __custody_cached(struct page_pool *pool, struct page *page);
void __custody_taken(struct page_pool *pool, struct page *page);
/* More in a cache than fits; only in a checked run. */
void custody_overfill(const struct page_pool *pool);
void __custody_empty(const struct page_pool *pool, enum page_class class);
void __custody_given(struct page *page);
void __custody_object(int delta);
void __custody_pools_gone(struct list_head *pools, int vcpu);

static __always_inline void custody_alloc(struct page *page, enum page_class class,
					  enum page_owner owner, gfp_t gfp, const char *site)
{
	if (extspt_check_on())
		__custody_alloc(page, class, owner, gfp, site);
}

/* False: it must not be freed, and an error is on record. */
static __always_inline bool custody_free(struct page *page, enum page_owner freer,
					 const char *site)
{
	return !extspt_check_on() || __custody_free(page, freer, site);
}

/* @page has got its use. */
static __always_inline void custody_assign(struct page *page, enum page_class class)
{
	if (extspt_check_on())
		__custody_assign(page, class);
}

static __always_inline void custody_hand_over(struct page *page, enum page_owner to)
{
	if (extspt_check_on())
		__custody_hand_over(page, to);
}

/* Into and out of a cache; @page NULL: an object that is no page. */
static __always_inline void custody_cached(struct page_pool *pool, struct page *page)
{
	if (extspt_check_on())
		__custody_cached(pool, page);
}

static __always_inline void custody_taken(struct page_pool *pool, struct page *page)
{
	if (extspt_check_on())
		__custody_taken(pool, page);
}

/* A page was wanted and there was none. */
static __always_inline void custody_empty(const struct page_pool *pool, enum page_class class)
{
	if (extspt_check_on())
		__custody_empty(pool, class);
}

/* To the TDX module. */
static __always_inline void custody_given(struct page *page)
{
	if (extspt_check_on())
		__custody_given(page);
}

/* An object of a slab cache, by its number only. */
static __always_inline void custody_object(int delta)
{
	if (extspt_check_on())
		__custody_object(delta);
}

/* The caches of vCPU @vcpu, or of the VM (-1), have been drained; they leave the list. */
static __always_inline void custody_pools_gone(struct list_head *pools, int vcpu)
{
	if (extspt_check_on())
		__custody_pools_gone(pools, vcpu);
}

#endif /* EXTSPT_CUSTODY_H */
