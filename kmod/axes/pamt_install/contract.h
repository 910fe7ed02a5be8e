/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis pamt_install: when the PAMT pair behind a page is installed and dropped.
 *
 * Included after the choice, which defines the hooks of its moments and, for
 * each, a macro of the same name; what is not defined is here, and mostly does
 * nothing. tdx/pamt_ref.h has what choices share.
 *
 * PAMT_INSTALL_FAULT_PAIRS: pairs that the worst fault takes from pamt_source.
 */
#ifndef EXTSPT_PAMT_INSTALL_CONTRACT_H
#define EXTSPT_PAMT_INSTALL_CONTRACT_H

#include <linux/kconfig.h>

#include "lib/ledger.h"
#include "tdx/pamt_ref.h"

/* 4 S-EPT pages (the root is a control page) and a guest page: v4 12/16, v6. */
#ifndef PAMT_INSTALL_FAULT_PAIRS
#define PAMT_INSTALL_FAULT_PAIRS	0
#endif

/* Whether the module runs with Dynamic PAMT. */
#ifndef pamt_install_dynamic
static inline bool pamt_install_dynamic(void)
{
	return true;
}
#endif

/* A TD is about to be created, or is gone. No lock held; may sleep. 0 or -errno. */
#ifndef pamt_install_td_create
static inline int pamt_install_td_create(void)
{
	return 0;
}

static inline void pamt_install_td_destroy(void)
{
}
#endif

/* A control page of the TD, at creation and teardown. No lock held; may sleep. */
#ifndef pamt_install_control
static inline int pamt_install_control(struct page *page)
{
	return pamt_get(page, pamt_spot(IS_ENABLED(CONFIG_EXTSPT_PAMT_CONTROL_ACCOUNT) ?
					GFP_KERNEL_ACCOUNT : GFP_KERNEL));
}

static inline void pamt_remove_control(struct page *page)
{
	pamt_put(page);
}
#endif

/*
 * Guest memory: @nr pages of one folio, aligned to their size, in no TD yet or
 * in none any more. No lock held; may sleep. 0 or -errno.
 */
#ifndef pamt_install_bound
static inline int pamt_install_bound(struct page *folio, unsigned int nr)
{
	return 0;
}

static inline void pamt_install_unbound(struct page *folio, unsigned int nr)
{
}
#endif

/*
 * A page for an S-EPT table is made for KVM's cache or for a split: page_get()
 * and page_free() of RFC v5. Get sleeps if @gfp does, or as the design has it;
 * NULL: no memory. Free: any context that the design frees in.
 */
#define PAMT_INSTALL_SEPT_OWNER							\
	(IS_ENABLED(CONFIG_EXTSPT_PAMT_WITH_SEPT) ? OWNER_TDX : OWNER_KVM)

static inline struct page *pamt_install_sept_get(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_EXTSPT_PAMT_WITH_SEPT))
		return pamt_backed_page_get(gfp);
	return ledger_alloc(CLASS_SEPT, OWNER_KVM, gfp);
}

static inline void pamt_install_sept_free(struct page *page)
{
	if (IS_ENABLED(CONFIG_EXTSPT_PAMT_WITH_SEPT))
		pamt_backed_page_free(page);
	else
		ledger_free(page, OWNER_KVM);
}

/*
 * Fault: the pfn and the level are known. No lock held; may sleep. 0 or -errno.
 * Done: mmu_lock is dropped again, whatever became of the fault.
 */
#ifndef pamt_install_prepare_pfn
struct pamt_install_vcpu {
};

static inline int pamt_install_prepare_pfn(struct pamt_install_vcpu *vcpu, struct page *page,
					   int level)
{
	return 0;
}

static inline void pamt_install_pfn_done(struct pamt_install_vcpu *vcpu)
{
}
#endif

/*
 * mmu_lock held for read, before the SPTE is frozen for @page, an S-EPT page or
 * a 4 KiB guest page; never sleeps. 0, or -errno and nothing is held. Cleanup:
 * the page was not handed over.
 */
#ifndef pamt_install_phys_prepare
static __always_inline int pamt_install_phys_prepare(struct page *page, struct pamt_supply from)
{
	return 0;
}

static inline void pamt_install_phys_cleanup(struct page *page)
{
}
#endif

/*
 * Inside the vendor op an S-EPT page is about to be handed over. mmu_lock held
 * for read; never sleeps. 0, or -errno and nothing is held. Unlink: the hand-over
 * failed. Reclaimed: the module has given the page back.
 */
#ifndef pamt_install_link
static __always_inline int pamt_install_link(struct page *page, struct pamt_supply from)
{
	return 0;
}

static inline void pamt_install_unlink(struct page *page)
{
}
#endif
/* The same for the new S-EPT page of a split: mmu_lock held for write. */
#ifndef pamt_install_split
static __always_inline int pamt_install_split(struct page *page, struct pamt_supply from)
{
	return pamt_install_link(page, from);
}

static inline void pamt_install_unsplit(struct page *page)
{
	pamt_install_unlink(page);
}
#endif
#ifndef pamt_install_reclaimed
static inline void pamt_install_reclaimed(struct page *page)
{
}
#endif

/* The same for a 4 KiB guest page. Unmapped: any mode of mmu_lock, or none. */
#ifndef pamt_install_map
static __always_inline int pamt_install_map(struct pamt_install_vcpu *vcpu, struct page *page,
					    struct pamt_supply from)
{
	return 0;
}

static inline void pamt_install_unmap(struct pamt_install_vcpu *vcpu, struct page *page)
{
}
#endif
#ifndef pamt_install_unmapped
static inline void pamt_install_unmapped(struct page *page)
{
}
#endif

#endif /* EXTSPT_PAMT_INSTALL_CONTRACT_H */
