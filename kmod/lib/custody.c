// SPDX-License-Identifier: GPL-2.0-only

#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include "lib/compat.h"
#include "lib/custody_flows.h"
#include "seam/seam.h"

enum page_state {
	STATE_UNKNOWN,
	STATE_OUT,		/* somebody has it: who allocated it or took it */
	STATE_CACHED,
	STATE_FREED,
};

struct custody_page {
	struct custody_flow flow;	/* as far as it is known */
	const struct page_pool *in;	/* STATE_CACHED; the pool may be gone */
	u8 state;
	u8 belongs;			/* who may free it */
};

/* By page frame: allocated with the first checked run, and kept. */
static struct custody_page *entries;
static unsigned long *out_map;		/* bitmap: neither unknown nor freed */
static unsigned long nr_entries;
static bool guests_known;		/* guest memory is followed, so all pages are */
static s64 live_objects;
static DEFINE_SPINLOCK(custody_lock);		/* all of this and the tables */

int custody_begin(void)
{
	if (!entries) {
		nr_entries = extspt_max_pfn();
		entries = vcalloc(nr_entries, sizeof(*entries));
		out_map = vcalloc(BITS_TO_LONGS(nr_entries), sizeof(*out_map));
		if (!entries || !out_map) {
			custody_exit();
			return -ENOMEM;
		}
	}
	memset(entries, 0, nr_entries * sizeof(*entries));
	bitmap_zero(out_map, nr_entries);
	custody_flows_reset();
	guests_known = false;
	live_objects = 0;
	return 0;
}

void custody_exit(void)
{
	vfree(out_map);
	vfree(entries);
	out_map = NULL;
	entries = NULL;
}

/* NULL for a page that did not exist when the run began. */
static struct custody_page *entry_of(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);

	return entries && pfn < nr_entries ? &entries[pfn] : NULL;
}

static struct page *page_of(const struct custody_page *entry)
{
	return pfn_to_page(entry - entries);
}

static void fault(enum custody_error kind, const struct custody_page *entry, const char *free)
{
	custody_fault_add(kind, entry->flow.class, entry->flow.alloc, free, 1);
}

/* Freed and in use again: it was allocated where the ledger did not see it. */
static enum custody_error if_free(const struct custody_page *entry, enum custody_error error)
{
	return page_count(page_of(entry)) ? CUSTODY_UNKNOWN_PAGE : error;
}

static void set_state(struct custody_page *entry, enum page_state state)
{
	bool is_out = state == STATE_OUT || state == STATE_CACHED;

	entry->state = state;
	__assign_bit(entry - entries, out_map, is_out);
}

/*
 * An allocation that may not sleep, right after a cache was found empty, is
 * what the design does then. The name of the cache, or NULL.
 */
static const char *note_fallback(gfp_t gfp, u8 class, const char *site)
{
	struct check_missed *missed = check_missed();
	const struct page_pool *pool = missed ? missed->pool : NULL;
	struct custody_hole hole;

	if (!pool)
		return NULL;
	missed->pool = NULL;
	if (gfpflags_allow_blocking(gfp) || missed->class != class)
		return NULL;
	hole = (struct custody_hole){ pool->name, site, gfp, pool->owner, class, check_path() };
	custody_hole_filled(&hole);
	return pool->name;
}

void __custody_alloc(struct page *page, enum page_class class, enum page_owner owner, gfp_t gfp,
		     const char *site)
{
	struct custody_page *entry = entry_of(page);
	enum check_path path = check_path();
	unsigned long flags;

	if (!entry)
		return;
	spin_lock_irqsave(&custody_lock, flags);
	if (entry->state == STATE_OUT || entry->state == STATE_CACHED)
		fault(CUSTODY_FREED_UNSEEN, entry, NULL);
	entry->flow = (struct custody_flow){
		.pool = note_fallback(gfp, class, site),
		.alloc = site,
		.gfp = gfp,
		.class = class,
		.owner = owner,
		.freer = OWNER_NONE,
		.alloc_path = path,
		.path = path,
	};
	entry->belongs = owner;
	set_state(entry, STATE_OUT);
	guests_known |= class == CLASS_GUEST;
	spin_unlock_irqrestore(&custody_lock, flags);
}

/* Whether it may be freed; if not, why not is on record. */
static bool may_free(struct custody_page *entry, const char *site)
{
	switch (entry->state) {
	case STATE_UNKNOWN:
		fault(CUSTODY_UNKNOWN_PAGE, entry, site);
		return false;
	case STATE_FREED:
		fault(if_free(entry, CUSTODY_DOUBLE_FREE), entry, site);
		return false;
	case STATE_CACHED:
		fault(CUSTODY_FREED_WHILE_CACHED, entry, site);
		return false;
	}
	if (!seam_page_owned(page_to_phys(page_of(entry))))
		return true;
	fault(CUSTODY_FREED_WHILE_OWNED, entry, site);
	/* It is the module's from now on: one error is enough. */
	set_state(entry, STATE_UNKNOWN);
	return false;
}

bool __custody_free(struct page *page, enum page_owner freer, const char *site)
{
	struct custody_page *entry = entry_of(page);
	unsigned long flags;
	bool may;

	if (!entry)
		return true;
	spin_lock_irqsave(&custody_lock, flags);
	may = may_free(entry, site);
	if (may) {
		entry->flow.free = site;
		entry->flow.freer = freer;
		entry->flow.free_path = check_path();
		custody_flow_add(&entry->flow);
		set_state(entry, STATE_FREED);
	}
	spin_unlock_irqrestore(&custody_lock, flags);
	return may;
}

/* These two need no lock: the page is in nobody's hands but the caller's. */
void __custody_assign(struct page *page, enum page_class class)
{
	struct custody_page *entry = entry_of(page);

	if (entry)
		entry->flow.class = class;
}

void __custody_hand_over(struct page *page, enum page_owner to)
{
	struct custody_page *entry = entry_of(page);

	if (!entry)
		return;
	entry->flow.handed_over |= entry->belongs != to;
	entry->belongs = to;
}

void custody_overfill(const struct page_pool *pool)
{
	unsigned long flags;

	spin_lock_irqsave(&custody_lock, flags);
	custody_fault_add(CUSTODY_OVERFILL, pool->class, pool->name, NULL, 1);
	spin_unlock_irqrestore(&custody_lock, flags);
}

void __custody_cached(struct page_pool *pool, struct page *page)
{
	struct custody_page *entry = page ? entry_of(page) : NULL;
	unsigned long flags;

	if (pool->limit && pool->nr > pool->limit)
		custody_overfill(pool);
	spin_lock_irqsave(&custody_lock, flags);
	if (!entry)
		goto unlock;
	if (entry->state == STATE_CACHED)
		fault(CUSTODY_IN_TWO_CACHES, entry, NULL);
	else if (entry->state == STATE_FREED)
		fault(if_free(entry, CUSTODY_USED_AFTER_FREE), entry, entry->flow.free);
	else if (entry->state == STATE_UNKNOWN)
		fault(CUSTODY_UNKNOWN_PAGE, entry, NULL);
	if (entry->belongs != pool->owner)
		fault(CUSTODY_WRONG_OWNER, entry, NULL);
	entry->flow.pool = pool->name;
	entry->in = pool;
	set_state(entry, STATE_CACHED);
unlock:
	spin_unlock_irqrestore(&custody_lock, flags);
}

/* Where a page is taken to be used, and not to be freed or moved. */
static bool uses(enum check_path path)
{
	return path == PATH_FAULT || path == PATH_SPLIT || path == PATH_ZAP;
}

void __custody_taken(struct page_pool *pool, struct page *page)
{
	struct custody_page *entry = page ? entry_of(page) : NULL;
	struct check_missed *missed = check_missed();
	enum check_path path = check_path();
	unsigned long flags;

	if (missed)
		missed->pool = NULL;
	spin_lock_irqsave(&custody_lock, flags);
	if (!pool->nr)
		custody_fault_add(CUSTODY_UNDERFLOW, pool->class, pool->name, NULL, 1);
	if (!entry)
		goto unlock;
	if (entry->state == STATE_OUT)
		fault(CUSTODY_TWO_USERS, entry, NULL);
	else if (entry->state == STATE_FREED)
		fault(CUSTODY_USED_AFTER_FREE, entry, entry->flow.free);
	else if (entry->in != pool)
		fault(CUSTODY_IN_TWO_CACHES, entry, NULL);
	if (uses(path))
		entry->flow.path = path;
	set_state(entry, STATE_OUT);
unlock:
	spin_unlock_irqrestore(&custody_lock, flags);
}

void __custody_empty(const struct page_pool *pool, enum page_class class)
{
	struct check_missed *missed = check_missed();
	enum check_path path = check_path();
	struct custody_hole hole = {
		.pool = pool->name, .owner = pool->owner, .class = class, .path = path,
	};
	unsigned long flags;

	/* A cache without a name holds objects that are no entries; drains are no use. */
	if (!pool->name || !uses(path))
		return;
	if (missed)
		*missed = (struct check_missed){ pool, class };
	spin_lock_irqsave(&custody_lock, flags);
	custody_hole_add(&hole);
	spin_unlock_irqrestore(&custody_lock, flags);
}

void __custody_given(struct page *page)
{
	struct custody_page *entry = entry_of(page);
	enum custody_error error = NR_CUSTODY_ERRORS;
	unsigned long flags;

	if (!entry)
		return;
	spin_lock_irqsave(&custody_lock, flags);
	if (entry->state == STATE_FREED)
		error = if_free(entry, CUSTODY_USED_AFTER_FREE);
	/* A real KVM's guest memory is guest_memfd's, also where a page was ours before. */
	if (error == CUSTODY_USED_AFTER_FREE || (error == CUSTODY_UNKNOWN_PAGE && guests_known))
		fault(error, entry, entry->flow.free);
	else if (entry->state == STATE_CACHED)
		fault(CUSTODY_GIVEN_WHILE_CACHED, entry, NULL);
	else if (entry->state == STATE_UNKNOWN && guests_known)
		fault(CUSTODY_UNKNOWN_PAGE, entry, NULL);
	else if (seam_page_owned(page_to_phys(page)))
		fault(CUSTODY_GIVEN_TWICE, entry, NULL);
	if (entry->flow.class == CLASS_GUEST)
		entry->flow.path = check_path();
	entry->flow.module = true;
	spin_unlock_irqrestore(&custody_lock, flags);
}

void __custody_object(int delta)
{
	unsigned long flags;

	spin_lock_irqsave(&custody_lock, flags);
	live_objects += delta;
	spin_unlock_irqrestore(&custody_lock, flags);
}

static void pool_gone(const struct page_pool *pool)
{
	unsigned long pfn;

	if (!out_map)
		return;
	for_each_set_bit(pfn, out_map, nr_entries)
		if (entries[pfn].state == STATE_CACHED && entries[pfn].in == pool)
			fault(CUSTODY_NOT_RETURNED, &entries[pfn], NULL);
}

void __custody_pools_gone(struct list_head *pools, int vcpu)
{
	struct page_pool *pool, *next;
	unsigned long flags;

	spin_lock_irqsave(&custody_lock, flags);
	list_for_each_entry_safe(pool, next, pools, node) {
		if (pool->vcpu != vcpu)
			continue;
		pool_gone(pool);
		/* Its memory goes next, before that of the other pools. */
		list_del(&pool->node);
	}
	spin_unlock_irqrestore(&custody_lock, flags);
}

u64 custody_end(void)
{
	unsigned long flags, pfn;
	u64 n;

	spin_lock_irqsave(&custody_lock, flags);
	if (out_map) {
		for_each_set_bit(pfn, out_map, nr_entries) {
			fault(CUSTODY_LEAK, &entries[pfn], NULL);
			custody_flow_add(&entries[pfn].flow);
		}
	}
	if (live_objects > 0)
		custody_fault_add(CUSTODY_LEAK, CLASS_OBJECT, NULL, NULL, live_objects);
	n = custody_faults();
	spin_unlock_irqrestore(&custody_lock, flags);
	return n;
}
