/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis pamt_lock: who guards the reference count of a 2 MiB range of host
 * memory. 0 to 1 installs the range's pair, 1 to 0 removes it.
 */
#ifndef EXTSPT_PAMT_LOCK_CONTRACT_H
#define EXTSPT_PAMT_LOCK_CONTRACT_H

struct page;
struct page_list;

/* Module load and unload: lock classes. 0 or -ENOMEM; exit follows in any case. */
static inline int pamt_lock_init(void);
static inline void pamt_lock_exit(void);

/*
 * Before @page is handed to the module. Never sleeps; called with and without
 * mmu_lock. Takes PAMT_PAIR_PAGES pages off @list when it has to install the
 * pair. 0; -ENOMEM when @list is short; -EBUSY or -EIO when the module refuses.
 */
static inline int pamt_get(struct page *page, struct page_list *list);

/* After the module has given @page back. The pages of a removed pair are freed by TDX. */
static inline void pamt_put(struct page *page);

#endif /* EXTSPT_PAMT_LOCK_CONTRACT_H */
