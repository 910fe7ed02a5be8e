/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * v2 to v4: TDX reclaims and puts, KVM frees by RCU, whichever pool the page
 * came from (the first point of the NAK of 2026-01-16).
 */
#ifndef EXTSPT_FREE_PATH_KVM_RCU_H
#define EXTSPT_FREE_PATH_KVM_RCU_H

#include "lib/ledger.h"

static inline struct page *free_path_reclaimed(struct page *page)
{
	pamt_install_taken_back(page);
	return page;
}

static inline void free_path_rcu(struct page *page)
{
	ledger_free(page, OWNER_KVM);
}

static inline void free_path_unused(struct page *page)
{
	ledger_free(page, OWNER_KVM);
}

#endif /* EXTSPT_FREE_PATH_KVM_RCU_H */
