/* SPDX-License-Identifier: GPL-2.0-only */
/* tdx_pamt_get() right before the SEAMCALL that hands the page over (v2 on). */
#ifndef EXTSPT_PAMT_INSTALL_LINK_H
#define EXTSPT_PAMT_INSTALL_LINK_H

#include "lib/page_list.h"
#include "lib/stats.h"
#include "tdx/pamt.h"

static inline bool pamt_install_dynamic(void)
{
	return true;
}

static inline int pamt_install_hand_over(struct page *page, struct page_list *list)
{
	u64 since = extspt_step_begin();
	int ret = pamt_get(page, list);

	extspt_step_end(OP_PAMT_GET, since);
	return ret;
}

static inline void pamt_install_taken_back(struct page *page)
{
	u64 since = extspt_step_begin();

	pamt_put(page);
	extspt_step_end(OP_PAMT_PUT, since);
}

/* tdx_alloc_control_page(): no cache, the pair is allocated on the spot. */
static inline int pamt_install_control(struct page *page)
{
	struct page_list list = {
		.pool = { .class = CLASS_PAMT, .owner = OWNER_TDX },
	};
	int ret;

	page_list_init(&list, GFP_KERNEL_ACCOUNT, NULL);
	ret = page_list_topup(&list, PAMT_PAIR_PAGES);
	if (!ret)
		ret = pamt_get(page, &list);
	page_list_drain(&list);
	return ret;
}

static inline void pamt_remove_control(struct page *page)
{
	pamt_put(page);
}

#endif /* EXTSPT_PAMT_INSTALL_LINK_H */
