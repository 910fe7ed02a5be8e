/* SPDX-License-Identifier: GPL-2.0-only */
/* Static PAMT: every page has its metadata from boot. */
#ifndef EXTSPT_PAMT_INSTALL_NONE_H
#define EXTSPT_PAMT_INSTALL_NONE_H

static inline bool pamt_install_dynamic(void)
{
	return false;
}

static inline int pamt_install_hand_over(struct page *page, struct page_list *list)
{
	return 0;
}

static inline void pamt_install_taken_back(struct page *page)
{
}

static inline int pamt_install_control(struct page *page)
{
	return 0;
}

static inline void pamt_remove_control(struct page *page)
{
}

#endif /* EXTSPT_PAMT_INSTALL_NONE_H */
