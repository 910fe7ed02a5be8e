/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dave Hansen, 2025-09-08: all of memory is backed once a TD exists. Nothing is
 * counted. That the last TD takes the pairs away again is inferred.
 */
#ifndef EXTSPT_PAMT_INSTALL_FIRST_TD_H
#define EXTSPT_PAMT_INSTALL_FIRST_TD_H

#include "tdx/pamt.h"

#define pamt_install_td_create		pamt_install_td_create
static inline int pamt_install_td_create(void)
{
	return pamt_all_add();
}

static inline void pamt_install_td_destroy(void)
{
	pamt_all_remove();
}

#endif /* EXTSPT_PAMT_INSTALL_FIRST_TD_H */
