// SPDX-License-Identifier: GPL-2.0-only

#include <linux/pfn.h>
#include <linux/vmalloc.h>

#include "lib/mlock.h"
#include "lib/page_list.h"
#include "tdx/pamt.h"
#include "tdx/td.h"
#include "tdx/tdh.h"

atomic_t *extspt_pamt_refcounts;
struct mspin extspt_pamt_lock;

static struct mlock_class pamt_lock_class;
static unsigned long nr_ranges;

int pamt_refcounts_init(void)
{
	nr_ranges = DIV_ROUND_UP(PFN_PHYS(extspt_max_pfn()), PMD_SIZE);
	extspt_pamt_refcounts = vcalloc(nr_ranges, sizeof(atomic_t));
	return extspt_pamt_refcounts ? 0 : -ENOMEM;
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
		live += !!atomic_read(&extspt_pamt_refcounts[i]);
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

int pamt_pair_take(struct pamt_pair *pair, struct page_list *list)
{
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++) {
		pair->page[i] = page_list_take(list, CLASS_PAMT);
		if (!pair->page[i])
			goto give_back;
	}
	return 0;

give_back:
	while (i--)
		ledger_free(pair->page[i], OWNER_TDX);
	return -ENOMEM;
}

void pamt_pair_free(struct pamt_pair *pair)
{
	int i;

	for (i = 0; i < PAMT_PAIR_PAGES; i++)
		ledger_free(pair->page[i], OWNER_TDX);
}

int pamt_pair_install(struct page *range, struct pamt_pair *pair)
{
	u64 status = tdh_phymem_pamt_add(range, pair->page);

	if (seam_is_busy(status))
		return -EBUSY;
	return WARN_ON_ONCE(seam_is_error(status)) ? -EIO : 0;
}

int pamt_pair_remove(struct page *range, struct pamt_pair *pair)
{
	u64 status = tdh_phymem_pamt_remove(range, pair->page);

	return WARN_ON_ONCE(seam_is_error(status)) ? -EIO : 0;
}

void pamt_split_refs(struct page *range)
{
	WARN_ON_ONCE(atomic_cmpxchg(pamt_refs(range), 0, PTRS_PER_PTE));
}
