/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page's reference on the pair behind it, timed; and pages that have their
 * pair from allocation to free. Who guards the count is axis pamt_lock.
 */
#ifndef EXTSPT_TDX_PAMT_REF_H
#define EXTSPT_TDX_PAMT_REF_H

#include "lib/ledger.h"
#include "lib/stats.h"
#include "tdx/pamt.h"

struct pamt_install_vcpu;

/* Sleeps if @from does. 0 or -errno. */
static __always_inline int pamt_ref_get(struct page *page, struct pamt_supply from)
{
	u64 since = extspt_step_begin();
	int ret = pamt_get(page, from);

	extspt_step_end(OP_PAMT_GET, since);
	return ret;
}

static inline void pamt_ref_put(struct page *page)
{
	u64 since = extspt_step_begin();

	pamt_put(page);
	extspt_step_end(OP_PAMT_PUT, since);
}

/*
 * tdx_alloc_control_page(), tdx_free_control_page() as hooks of KVM's cache. The
 * pair is allocated sleeping even if @gfp must not sleep: RFC v5 did not hand
 * @gfp down (v6 cover letter).
 */
static inline struct page *pamt_backed_page_get(gfp_t gfp)
{
	struct page *page = ledger_alloc(CLASS_SEPT, OWNER_TDX, gfp);

	if (!page || !pamt_ref_get(page, pamt_spot(GFP_KERNEL_ACCOUNT)))
		return page;
	ledger_free(page, OWNER_TDX);
	return NULL;
}

static inline void pamt_backed_page_free(struct page *page)
{
	pamt_ref_put(page);
	ledger_free(page, OWNER_TDX);
}

#endif /* EXTSPT_TDX_PAMT_REF_H */
