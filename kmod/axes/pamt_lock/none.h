/* SPDX-License-Identifier: GPL-2.0-only */
/* Static PAMT: nothing to count, nothing to guard. */
#ifndef EXTSPT_PAMT_LOCK_NONE_H
#define EXTSPT_PAMT_LOCK_NONE_H

static inline int pamt_lock_init(void)
{
	return 0;
}

static inline void pamt_lock_exit(void)
{
}

static inline int pamt_get(struct page *page, struct page_list *list)
{
	return 0;
}

static inline void pamt_put(struct page *page)
{
}

#endif /* EXTSPT_PAMT_LOCK_NONE_H */
