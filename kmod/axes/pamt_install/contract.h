/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis pamt_install: when the PAMT pair behind a page is installed and dropped.
 *
 * Each pair of hooks is one moment. A choice that installs at another moment
 * does nothing in these.
 */
#ifndef EXTSPT_PAMT_INSTALL_CONTRACT_H
#define EXTSPT_PAMT_INSTALL_CONTRACT_H

#include <linux/types.h>

struct page;
struct page_list;

/* Whether the module runs with Dynamic PAMT. */
static inline bool pamt_install_dynamic(void);

/*
 * @page is about to be handed over, inside the vendor op: an S-EPT page (link)
 * or a 4 KiB guest page (map). mmu_lock held for read, or for write in a split;
 * never sleeps. Pages come from @list. 0, or -ENOMEM and nothing is held.
 */
static inline int pamt_install_hand_over(struct page *page, struct page_list *list);

/* The hand-over failed, or the module has given @page back. Any mmu_lock mode or none. */
static inline void pamt_install_taken_back(struct page *page);

/* A control page of the TD, at creation and teardown. No lock; may sleep. */
static inline int pamt_install_control(struct page *page);
static inline void pamt_remove_control(struct page *page);

#endif /* EXTSPT_PAMT_INSTALL_CONTRACT_H */
