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

enum page_class {
	CLASS_UNASSIGNED,	/* on a list for more than one use, not used yet */
	CLASS_SEPT,
	CLASS_PAMT,
	CLASS_MIRROR,
	CLASS_CONTROL,
	NR_CLASSES
};

enum page_owner {
	OWNER_KVM,
	OWNER_TDX,
	NR_OWNERS
};

/* Pages by class and by the subsystem that allocated them. */
struct ledger_line {
	u64 allocated, freed, charged, uncharged, charged_live;
	u64 atomic_fallback, cross_freed, handed_over, peak;
};

/* A place where pages wait for their use; record.c lists them. */
struct page_pool {
	const char *name;
	enum page_class class;
	enum page_owner owner;
	int vcpu;		/* -1: the VM's */
	unsigned int nr;
	unsigned int peak;
	struct list_head node;
};

extern const char * const extspt_class_names[NR_CLASSES];
extern const char * const extspt_owner_names[NR_OWNERS];

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
	list_add_tail(&pool->node, pools);
}

static inline void page_pool_grew(struct page_pool *pool)
{
	if (++pool->nr > pool->peak)
		pool->peak = pool->nr;
}

struct page *ledger_alloc(enum page_class class, enum page_owner owner, gfp_t gfp);
void ledger_free(struct page *page, enum page_owner freer);
void ledger_assign(struct page *page, enum page_class class);
void ledger_hand_over(struct page *page, enum page_owner to);

/*
 * The entry of a page is its page->private. A user that needs that word for
 * itself keeps the entry elsewhere meanwhile, as KVM's MMU with a page table.
 */
unsigned long ledger_detach(struct page *page);
void ledger_attach(struct page *page, unsigned long entry);

void ledger_reset(void);
void ledger_read(enum page_class class, enum page_owner owner, struct ledger_line *line);
unsigned int ledger_errors(void);

#endif /* EXTSPT_LEDGER_H */
