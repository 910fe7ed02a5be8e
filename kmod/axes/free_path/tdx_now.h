/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux 7.2, A9, v6: free_external_spt() takes the page from KVM for good
 * (sp->external_spt = NULL) and frees it in task context; no reader can exist,
 * so no grace period is needed.
 */
#ifndef EXTSPT_FREE_PATH_TDX_NOW_H
#define EXTSPT_FREE_PATH_TDX_NOW_H

#include <linux/bug.h>

#include "lib/ledger.h"

static inline struct page *free_path_reclaimed(struct page *page)
{
	pamt_install_reclaimed(page);
	if (IS_ENABLED(CONFIG_EXTSPT_PAMT_WITH_SEPT)) {
		pamt_install_sept_free(page);
		return NULL;
	}
	ledger_hand_over(page, OWNER_TDX);
	ledger_free(page, OWNER_TDX);
	return NULL;
}

/* As upstream's tdp_mmu_free_sp_rcu_callback(): must not happen. */
static inline void free_path_rcu(struct page *page)
{
	WARN_ON_ONCE(1);
}

static inline void free_path_unused(struct page *page)
{
	pamt_install_sept_free(page);
}

#endif /* EXTSPT_FREE_PATH_TDX_NOW_H */
