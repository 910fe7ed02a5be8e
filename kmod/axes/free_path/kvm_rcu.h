/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * v2 to v4: TDX reclaims and puts, KVM frees by RCU, whichever pool the page
 * came from (the first point of the NAK of 2026-01-16). RFC v5: op
 * free_external_sp() in its place, which is where the pair is put, in softirq.
 */
#ifndef EXTSPT_FREE_PATH_KVM_RCU_H
#define EXTSPT_FREE_PATH_KVM_RCU_H

static inline struct page *free_path_reclaimed(struct page *page)
{
	pamt_install_reclaimed(page);
	return page;
}

static inline void free_path_rcu(struct page *page)
{
	pamt_install_sept_free(page);
}

static inline void free_path_unused(struct page *page)
{
	pamt_install_sept_free(page);
}

#endif /* EXTSPT_FREE_PATH_KVM_RCU_H */
