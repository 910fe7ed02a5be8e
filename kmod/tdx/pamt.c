// SPDX-License-Identifier: GPL-2.0-only

#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "strategy.h"
#include "tdx/tdh.h"

atomic_t *extspt_pamt_refcounts;
struct mspin extspt_pamt_lock;
struct mspin *extspt_pamt_locks;
struct mrwlock *extspt_pamt_rwlocks;

static struct mlock_class pamt_lock_class, pamt_read_class, pamt_write_class;
static unsigned long nr_ranges;

int pamt_refcounts_init(void)
{
	unsigned long i;

	nr_ranges = DIV_ROUND_UP(PFN_PHYS(extspt_max_pfn()), PMD_SIZE);
	extspt_pamt_refcounts = vcalloc(nr_ranges, sizeof(atomic_t));
	if (!extspt_pamt_refcounts)
		return -ENOMEM;
	for (i = 0; PAMT_REFS_NONE && i < nr_ranges; i++)
		atomic_set(&extspt_pamt_refcounts[i], PAMT_REFS_NONE);
	return 0;
}

void pamt_refcounts_exit(void)
{
	vfree(extspt_pamt_refcounts);
	extspt_pamt_refcounts = NULL;
}

unsigned int pamt_refcounts_live(void)
{
	unsigned int live = 0;
	unsigned long i;

	for (i = 0; i < nr_ranges; i++)
		live += atomic_read(&extspt_pamt_refcounts[i]) != PAMT_REFS_NONE;
	return live;
}

int pamt_global_lock_init(void)
{
	int ret = mlock_class_init(&pamt_lock_class, "pamt_lock", "spin");

	spin_lock_init(&extspt_pamt_lock.lock);
	extspt_pamt_lock.class = &pamt_lock_class;
	return ret;
}

void pamt_global_lock_exit(void)
{
	mlock_class_destroy(&pamt_lock_class);
}

unsigned long pamt_nr_ranges(void)
{
	return nr_ranges;
}

int pamt_locks_init(unsigned long nr)
{
	extspt_pamt_locks = vcalloc(nr, sizeof(*extspt_pamt_locks));
	if (!extspt_pamt_locks)
		return -ENOMEM;
	while (nr--) {
		spin_lock_init(&extspt_pamt_locks[nr].lock);
		extspt_pamt_locks[nr].class = &pamt_lock_class;
	}
	return mlock_class_init(&pamt_lock_class, "pamt_lock", "spin");
}

void pamt_locks_exit(void)
{
	mlock_class_destroy(&pamt_lock_class);
	vfree(extspt_pamt_locks);
	extspt_pamt_locks = NULL;
}

int pamt_rwlocks_init(unsigned long nr)
{
	int ret;

	extspt_pamt_rwlocks = vcalloc(nr, sizeof(*extspt_pamt_rwlocks));
	if (!extspt_pamt_rwlocks)
		return -ENOMEM;
	while (nr--) {
		rwlock_init(&extspt_pamt_rwlocks[nr].lock);
		extspt_pamt_rwlocks[nr].read = &pamt_read_class;
		extspt_pamt_rwlocks[nr].write = &pamt_write_class;
	}
	ret = mlock_class_init(&pamt_read_class, "pamt_lock.read", "rwlock-read");
	return ret ?: mlock_class_init(&pamt_write_class, "pamt_lock.write", "rwlock-write");
}

void pamt_rwlocks_exit(void)
{
	mlock_class_destroy(&pamt_write_class);
	mlock_class_destroy(&pamt_read_class);
	vfree(extspt_pamt_rwlocks);
	extspt_pamt_rwlocks = NULL;
}

int pamt_pair_complete(struct pamt_pair *pair)
{
	int i, missing = 0;

	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		missing += !pair->page[i];
	if (!missing)
		return 0;
	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		if (pair->page[i])
			ledger_free(pair->page[i], OWNER_TDX);
	return -ENOMEM;
}

int pamt_pair_from_list(void *list, struct pamt_pair *pair)
{
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		pair->page[i] = page_list_take(list, CLASS_PAMT);
	return pamt_pair_complete(pair);
}

/* kvm_mmu_memory_cache_alloc(): whoever takes an object owns it. */
int pamt_pair_from_cache(void *cache, struct pamt_pair *pair)
{
	void *obj;
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++) {
		obj = memory_cache_alloc(cache);
		pair->page[i] = obj ? virt_to_page(obj) : NULL;
		if (obj)
			ledger_hand_over(pair->page[i], OWNER_TDX);
	}
	return pamt_pair_complete(pair);
}

int pamt_pair_from_held_list(void *list, struct pamt_pair *pair)
{
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		pair->page[i] = page_list_take_held(list, CLASS_PAMT);
	return pamt_pair_complete(pair);
}

int pamt_pair_from_allocator(void *gfp, struct pamt_pair *pair)
{
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		pair->page[i] = ledger_alloc(CLASS_PAMT, OWNER_TDX,
					     (__force gfp_t)(unsigned long)gfp);
	return pamt_pair_complete(pair);
}

void pamt_pair_free(struct pamt_pair *pair)
{
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		ledger_free(pair->page[i], OWNER_TDX);
}

/* What the module said as an errno; @expected, with its errno, is no bug either. */
static int pamt_error(u64 status, u64 expected, int error)
{
	if (seam_is_busy(status))
		return -EBUSY;
	if ((status & SEAM_STATUS_MASK) == expected)
		return error;
	return WARN_ON_ONCE(seam_is_error(status)) ? -EIO : 0;
}

int pamt_pair_install(struct page *range, struct pamt_pair *pair)
{
	u64 status = tdh_phymem_pamt_add(range, pair->page);

	return pamt_error(status, SEAM_HPA_RANGE_NOT_FREE, -EEXIST);
}

int pamt_pair_remove(struct page *range, struct pamt_pair *pair)
{
	u64 status = tdh_phymem_pamt_remove(range, pair->page);

	return pamt_error(status, SEAM_NO_PAMT_PAGE_PAIR, -ENOENT);
}

void pamt_split_refs(struct page *range)
{
	atomic_t *refs = pamt_refs(range);
	int old = atomic_cmpxchg(refs, PAMT_REFS_NONE, PAMT_REFS_NONE + PTRS_PER_PTE);

	WARN_ON_ONCE(old != PAMT_REFS_NONE);
}

/* Held while pairs come or go for all of memory, which they do with the first user and the last. */
static DEFINE_MUTEX(pamt_all_lock);
static unsigned int pamt_all_users;

/*
 * What the module refuses for the moment is asked for again. Nobody said so of
 * this design; but there is no lock here that could keep somebody else waiting,
 * nor a fault to come back to, and one refusal in thousands of calls would fail
 * the creation of a TD.
 */
static int pamt_all_try(int (*step)(struct page *range, struct pamt_pair *pair),
			struct page *range, struct pamt_pair *pair)
{
	int ret, tries = PAMT_TRIES_MANY;

	for (;;) {
		ret = step(range, pair);
		if (ret != -EBUSY || !--tries)
			return ret;
		cond_resched();
	}
}

/* The first @nr ranges; a pair that does not come back is leaked. */
static void pamt_all_drop(unsigned long nr)
{
	struct pamt_pair pair;
	unsigned long i, pfn;

	for (i = 0; i < nr; i++) {
		pfn = i * PTRS_PER_PTE;
		if (!pfn_valid(pfn))
			continue;
		if (!WARN_ON_ONCE(pamt_all_try(pamt_pair_remove, pfn_to_page(pfn), &pair)))
			pamt_pair_free(&pair);
		cond_resched();
	}
}

static int pamt_all_install(void)
{
	struct pamt_pair pair;
	unsigned long i, pfn;
	int ret;

	for (i = 0; i < nr_ranges; i++) {
		pfn = i * PTRS_PER_PTE;
		if (!pfn_valid(pfn))
			continue;
		ret = pamt_pair_take(&pair, pamt_spot(GFP_KERNEL_ACCOUNT));
		if (ret)
			goto drop;
		ret = pamt_all_try(pamt_pair_install, pfn_to_page(pfn), &pair);
		if (ret) {
			pamt_pair_free(&pair);
			goto drop;
		}
		cond_resched();
	}
	return 0;

drop:
	pamt_all_drop(i);
	return ret;
}

int pamt_all_add(void)
{
	int ret = 0;

	mutex_lock(&pamt_all_lock);
	if (!pamt_all_users)
		ret = pamt_all_install();
	if (!ret)
		pamt_all_users++;
	mutex_unlock(&pamt_all_lock);
	return ret;
}

void pamt_all_remove(void)
{
	mutex_lock(&pamt_all_lock);
	if (!--pamt_all_users)
		pamt_all_drop(nr_ranges);
	mutex_unlock(&pamt_all_lock);
}
